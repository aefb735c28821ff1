"""Policies: dated values of the programme's rules. The one in force is bound into the evidence of each act."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.database.schema import policies
from registry.database.statement import Statement
from registry.decisions.recalled import about, last_decision, policy_decided
from registry.decisions.recording import By, Officers, Pending, Step, case_about, prepare
from registry.decisions.returning import Recorded, Returning
from registry.errors import DecisionRefused, NotFound, SetAside
from registry.evidence.canonical import canonical
from registry.ledger.ledger import Ledger
from registry.policies.kinds import check_value
from registry.procedure.decision import PREFIXES, PolicyText, Record
from registry.procedure.values import POINTS


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy in force: its name, its value, the SHA-256 of its RFC 8785 form, and the decision that published it."""

    name: str
    value: Mapping[str, Any]
    digest: bytes
    decision: bytes


_IN_FORCE = Statement("SELECT in_force_ms, value, decision FROM policy_in_force(:name, :at)")


def in_force(tx: sa.Connection, ledger: Ledger, name: str, at: int) -> Policy:
    """Find the policy of this name in force at `at` (Unix milliseconds), and hold it until the transaction ends.

    Raises `NotFound` when there is none, `SetAside` when it is not as it was decided: an act that rested on it would
    be refused by every witness.
    """
    row = _IN_FORCE(tx, {"name": name, "at": at}).fetchone()
    if row is None:
        raise NotFound(f"No policy {name!r} is in force at that time.")
    text, decision = canonical(row.value).decode(), bytes(row.decision)
    if policy_decided(tx, ledger.vault.sealer, name, decision) != PolicyText(name, text, row.in_force_ms):
        raise SetAside(
            f"Policy {name!r} is not as it was decided, so nothing rests on it. `gram fsck` says what is wrong, "
            "docs/recovery.md what to do about it."
        )
    return Policy(name, row.value, hashlib.sha256(text.encode()).digest(), decision)


def publish_policy(
    tx: sa.Connection,
    ledger: Ledger,
    name: str,
    value: Mapping[str, Any],
    in_force_ms: int,
    officers: Officers,
    reason: str | None = None,
) -> Policy:
    """Propose and publish a policy that holds from `in_force_ms` on, a whole minute; both decisions are in the log.

    Only the first of a name may hold from before it was decided. Raises `DecisionRefused`, also for a value that the
    rules which read it could not, and `Invalid` for a policy that there is not, or a value out of its type.
    """
    case = propose_policy(tx, ledger, name, value, in_force_ms, officers.proposing)
    return publish_proposed(tx, ledger, case, replace(officers.deciding, reason=reason))


def propose_policy(
    tx: sa.Connection, ledger: Ledger, name: str, value: Mapping[str, Any], in_force_ms: int, by: By
) -> str:
    """Record the proposal of a policy, and give its case. Raises `DecisionRefused`, `Invalid`."""
    check_value(name, value)
    known = sa.select(policies.c.id).where(policies.c.name == name).limit(1)
    if in_force_ms <= ledger.clock() and tx.execute(known).first() is not None:
        raise DecisionRefused(f"Policy {name!r} would hold from before it was decided. Let it hold from later on.")
    case = case_about(tx, Record.POLICY, name)
    policy = PolicyText(name, canonical(value).decode(), in_force_ms)
    prepare(tx, ledger, Record.POLICY, case, lock=name).take(tx, Step("propose", "proposed", by, policy))
    return case


def publish_proposed(tx: sa.Connection, ledger: Ledger, case: str, by: By) -> Policy:
    """Publish the policy that a case proposes, as it was proposed. Raises `NotFound`, `DecisionRefused`."""
    pending, policy = _proposed(tx, ledger, case)
    decided = pending.take(tx, Step("publish", "published", by, policy))
    _refuse_if_relied_on(tx, policy)
    value, digest = json.loads(policy.value), hashlib.sha256(policy.value.encode()).digest()
    row = {"name": policy.name, "in_force_ms": policy.in_force, "value": value, "digest": digest}
    tx.execute(sa.insert(policies).values(row | {"decision": decided.digest}))
    return Policy(policy.name, value, digest, decided.digest)


def _refuse_if_relied_on(tx: sa.Connection, policy: PolicyText) -> None:
    """Refuse a policy of points that would hold from a time at which points were converted by the one before.

    Records stand before movements in a batch: the log would have it before them. It happens where a clock went back.
    """
    if policy.name == POINTS and tx.execute(_CONVERTED, {"at": policy.in_force}).scalar_one():
        raise DecisionRefused(
            "Points were converted at a time from which this policy would hold: the clock was ahead of now. "
            "Let it hold from later on."
        )


_CONVERTED = sa.text("SELECT EXISTS (SELECT FROM movements WHERE kind = 3 AND at_ms >= :at)")


def withdraw_proposed(tx: sa.Connection, ledger: Ledger, case: str, by: By) -> None:
    """Take the proposal of a policy back. Raises `NotFound`, `DecisionRefused`."""
    pending, policy = _proposed(tx, ledger, case)
    pending.take(tx, Step("withdraw", "withdrawn", by, policy))


def _proposed(tx: sa.Connection, ledger: Ledger, case: str) -> tuple[Pending, PolicyText]:
    """Prepare a decision on a proposal; what it says is read from its record, never from what waits beside it."""
    name = about(tx, case)
    if name is None or not case.startswith(PREFIXES[Record.POLICY]):
        raise NotFound(f"Case {case} is no policy's.")
    pending = prepare(tx, ledger, Record.POLICY, case, lock=name)
    last = last_decision(tx, ledger.vault.sealer, case)
    if last is None or not isinstance(last.content, PolicyText):
        raise DecisionRefused(f"Nothing is proposed in case {case}.")
    return pending, last.content


def _return(tx: sa.Connection, recorded: Recorded) -> None:
    """Let a policy hold that a decision on record published, and that was lost."""
    policy = recorded.decision.content
    if not recorded.decision.takes_effect or not isinstance(policy, PolicyText):
        return
    digest = hashlib.sha256(policy.value.encode()).digest()
    values = {"name": policy.name, "in_force_ms": policy.in_force, "value": json.loads(policy.value)}
    values |= {"digest": digest, "decision": recorded.digest}
    tx.execute(insert(policies).values(values).on_conflict_do_nothing())


RETURNING: Final[Mapping[Record, Returning]] = {Record.POLICY: _return}


@cache
def shipped_policy(name: str, folder: str = ".") -> Mapping[str, Any]:
    """Read a policy that ships with the project (`registry/policies/<name>.json`, a hyphen for each slash)."""
    file = files("registry.policies") / folder / f"{name.replace('/', '-')}.json"
    value: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return value
