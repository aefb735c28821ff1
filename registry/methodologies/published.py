"""Methodologies as they were decided: published version by version, and in the database from then on."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import rfc8785
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.database.schema import methodologies
from registry.decisions.recording import By, Officers, Pending, Step, case_about, prepare
from registry.decisions.returning import Recorded, Returning
from registry.errors import MethodologyUnsound, NotFound, Unclassified
from registry.ledger.ledger import Ledger
from registry.methodologies.record import Methodology, digest, parse, to_document
from registry.methodologies.reproduced import must_reproduce
from registry.opinions.opinions import illustrative
from registry.procedure.decision import MethodologyVersion, Opinion, Record


def publish_methodology(
    tx: sa.Connection, ledger: Ledger, methodology: Methodology, centre: Officers, bureau: Officers
) -> None:
    """Submit, evaluate and publish a methodology; of one that is published, the bureau revises it to this version.

    Raises `Unclassified` for one without a class, `MethodologyUnsound` when an example does not come out to the gram,
    `DecisionRefused` when a rule forbids a step.
    """
    if methodology.methodology_class is None:
        raise Unclassified(f"Methodology {methodology.key} has no class yet; nothing may be issued under it.")
    must_reproduce(tx, methodology)
    case = case_about(tx, Record.METHODOLOGY, methodology.key)
    pending = prepare(tx, ledger, Record.METHODOLOGY, case)

    if pending.before is None or pending.before.state != "published":
        enact(tx, pending, methodology, "submit", "submitted", centre.proposing)
        # By experts who are numbers and nobody else: this way is for demonstrations.
        opinions = illustrative(pending.demanded("evaluate"))
        enact(tx, pending, methodology, "evaluate", "evaluated", centre.proposing, opinions)
        enact(tx, pending, methodology, "publish", "published", bureau.deciding)
    else:
        enact(tx, pending, methodology, "revise", "published", bureau.deciding)


def enact(
    tx: sa.Connection, pending: Pending, methodology: Methodology, decision: str, to_state: str, by: By,
    opinions: tuple[Opinion, ...] = (),
) -> None:  # fmt: skip
    """Record a decision on a methodology; one that publishes it lets it be used. Raises `DecisionRefused`."""
    decided = pending.take(tx, replace(_step(methodology, decision, to_state, by), opinions=opinions)).digest
    if to_state == "published":
        tx.execute(sa.insert(methodologies).values(_row(methodology, decided)))


def _step(methodology: Methodology, decision: str, to_state: str, by: By) -> Step:
    definition = rfc8785.dumps(to_document(methodology)).decode() if to_state == "published" else None
    version = MethodologyVersion(
        methodology.key, methodology.version, str(methodology.methodology_class), str(methodology.kind), definition
    )
    shown = {"sha256": digest(methodology).hex(), "status": str(methodology.status)}
    return Step(decision, to_state, by, version, shown=shown)


def _row(methodology: Methodology, decision: bytes) -> dict[str, object]:
    return {
        "code": methodology.key,
        "version": methodology.version,
        "class": str(methodology.methodology_class),
        "status": str(methodology.status),
        "record": to_document(methodology),
        "digest": digest(methodology),
        "decision": decision,
    }


def _return(tx: sa.Connection, recorded: Recorded) -> None:
    """Have a methodology again that a decision on record published, and that was lost.

    One that only another version of this program can read stays away; `gram recover` counts it as lost.
    """
    version = recorded.decision.content
    if not recorded.decision.takes_effect or not isinstance(version, MethodologyVersion):
        return
    try:
        methodology = parse((version.definition or "").encode())
    except MethodologyUnsound:
        return
    if (methodology.key, methodology.version) == (version.code, version.version):
        tx.execute(insert(methodologies).values(_row(methodology, recorded.digest)).on_conflict_do_nothing())


RETURNING: Final[Mapping[Record, Returning]] = {Record.METHODOLOGY: _return}


def published_record(tx: sa.Connection, code: str, version: int) -> Methodology:
    """Read a version as it was published. Raises `NotFound`, or `MethodologyUnsound` where only another program can."""
    query = sa.select(methodologies.c.record).where(methodologies.c.code == code, methodologies.c.version == version)
    record = tx.execute(query).scalar_one_or_none()
    if record is None:
        raise NotFound(f"Methodology {code} has no published version {version}.")
    return parse(rfc8785.dumps(record))


def decision_publishing(tx: sa.Connection, code: str, version: int) -> bytes | None:
    """Find the decision that published a version of a methodology, by its digest; None when there is none."""
    found = tx.execute(_PUBLISHING, {"code": code, "version": version}).scalar_one_or_none()
    return None if found is None else bytes(found)


def version_published(tx: sa.Connection, decision: bytes) -> tuple[str, int] | None:
    """Find which version of which methodology a decision published: its code and number."""
    public = tx.execute(_PUBLIC, {"digest": decision}).scalar_one_or_none()
    if public is None:
        return None
    said = json.loads(public)
    return str(said["code"][1]), int(said["version"][1])


def digest_decided(tx: sa.Connection, decision: str) -> str | None:
    """Give the digest (hex) of the text that a decision, by its own digest, names."""
    public = tx.execute(_PUBLIC, {"digest": bytes.fromhex(decision)}).scalar_one_or_none()
    return None if public is None else str(json.loads(public)["sha256"][1])


_PUBLISHING = sa.text("SELECT decision FROM methodologies WHERE (code, version) = (:code, :version)")
_PUBLIC = sa.text("SELECT public FROM evidence WHERE digest = :digest")
