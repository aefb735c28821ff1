"""Policies: dated values of the programme's rules. The one in force is bound into the evidence of each act."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.accounts.vault import Vault
from registry.database.schema import policies
from registry.errors import NotFound
from registry.ledger.movement import Kind
from registry.ledger.posting import Facts, record

POINTS = "points"


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy in force: its name, its value, and the SHA-256 of its RFC 8785 form."""

    name: str
    value: Mapping[str, Any]
    digest: bytes


_IN_FORCE = (
    sa.select(policies.c.value, policies.c.digest)
    .where(policies.c.name == sa.bindparam("name"), policies.c.in_force_ms <= sa.bindparam("at"))
    .order_by(policies.c.in_force_ms.desc())
    .limit(1)
)


def in_force(tx: sa.Connection, name: str, at: int) -> Policy:
    """Find the policy of this name in force at `at` (Unix milliseconds). Raises `NotFound` when there is none."""
    row = tx.execute(_IN_FORCE, {"name": name, "at": at}).one_or_none()
    if row is None:
        raise NotFound(f"No policy {name!r} is in force at that time.")
    return Policy(name, row.value, bytes(row.digest))


def publish_policy(
    tx: sa.Connection, vault: Vault, name: str, value: Mapping[str, Any], in_force_ms: int, at: int
) -> Policy:
    """Publish a policy that holds from `in_force_ms` on, and record it in the log."""
    digest = hashlib.sha256(rfc8785.dumps(value)).digest()
    tx.execute(sa.insert(policies).values(name=name, in_force_ms=in_force_ms, value=value, digest=digest))
    facts = {"name": name, "in_force_ms": in_force_ms, "sha256": digest.hex(), "value": value}
    record(tx, vault, Kind.POLICY, at, Facts(disclosed=facts))
    return Policy(name, value, digest)


def return_policy(tx: sa.Connection, policy: Mapping[str, Any]) -> None:
    """Let a policy hold that is on record and was lost: its `name`, `in_force_ms` and `value`."""
    digest = hashlib.sha256(rfc8785.dumps(policy["value"])).digest()
    tx.execute(insert(policies).values({**policy, "digest": digest}).on_conflict_do_nothing())


@cache
def shipped_policy(name: str) -> Mapping[str, Any]:
    """Read a policy that ships with the project (`registry/policies/<name>.json`)."""
    value: Mapping[str, Any] = json.loads((files("registry.policies") / f"{name}.json").read_text(encoding="utf-8"))
    return value
