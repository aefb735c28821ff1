"""Lots that a database lost and its public log has: what stands for the rest, until evidence gives it back."""

from dataclasses import asdict, dataclass

import sqlalchemy as sa

from registry.decisions.recalled import case_deciding
from registry.decisions.returning import number_of
from registry.ledger.movement import Movement
from registry.methodologies.published import version_published
from registry.procedure.decision import Decision, Lot

UNKNOWN = "UNKNOWN"
"""Code of the methodology that stands for one that is not known."""


@dataclass(frozen=True, slots=True)
class LotFacts:
    """What the log says of the lot of grams `[first_g, end_g)`; the period is in whole days, Unix milliseconds."""

    first_g: int
    end_g: int
    issued_ms: int
    lot: int
    source: int
    methodology: str
    methodology_version: int
    period_from_ms: int
    period_until_ms: int


def facts_of(tx: sa.Connection, decision: Decision) -> LotFacts | None:
    """Say what the decision that issued a lot tells of it; None for any other."""
    lot = decision.content
    if not isinstance(lot, Lot):
        return None
    source = case_deciding(tx, bytes.fromhex(lot.source))
    version = version_published(tx, bytes.fromhex(lot.methodology))
    if source is None or version is None:
        return None
    of = number_of(decision.case), number_of(source)
    return LotFacts(lot.first_g, lot.end_g, decision.at, *of, *version, *lot.period)


def ensure_lot(tx: sa.Connection, issue: Movement, facts: LotFacts | None) -> tuple[int, int]:
    """Have a lot for an ISSUE: the one that is there, or one of which no more is known than `facts`, its record, says.

    Without a record it is of this ISSUE's grams alone. Gives the lot's grams `[first, last)`.
    """
    found = tx.execute(_HOLDING, {"first": issue.first, "last": issue.last}).one_or_none()
    if found is not None:
        return found.first_g, found.last_g
    first, last, at = issue.first, issue.last, issue.at
    if facts is not None:
        first, last, at = facts.first_g, facts.end_g, facts.issued_ms
    fixed = {"first": first, "last": last, "at": at, "inputs": bytes(32)}
    if facts is not None and tx.execute(_CAN_STAND, asdict(facts)).scalar_one():
        tx.execute(_INSERT_KNOWN, fixed | asdict(facts))
    else:
        tx.execute(_INSERT, fixed | {"source": _unknown_source(tx), "code": UNKNOWN})
    return first, last


def _unknown_source(tx: sa.Connection) -> int:
    """The source that stands for those that are not known; made when it is first needed."""
    found = tx.execute(_UNKNOWN_SOURCE, {"code": UNKNOWN}).scalar_one_or_none()
    if found is not None:
        return int(found)
    tx.execute(_UNKNOWN_METHODOLOGY, {"code": UNKNOWN, "digest": bytes(32)})
    return int(tx.execute(_NEW_SOURCE, {"code": UNKNOWN}).scalar_one())


def return_facts(tx: sa.Connection, issue_first: int, facts: dict[str, object]) -> bool:
    """Give a lost lot what the evidence of one of its ISSUEs says; False when its source is not in the database.

    The lot gets back the number that it was issued under, if nothing else has it. False as well when the evidence is of
    a lot of other grams: the log did not tell two apart.
    """
    row = tx.execute(_LOST, {"gram": issue_first}).one_or_none()
    if row is None:
        return True
    if tx.execute(_CAN_RETURN, facts | {"old": row.id}).scalar_one() is not True:
        return False
    tx.execute(_RETURN, facts | {"old": row.id})
    return True


_HOLDING = sa.text("SELECT first_g, last_g FROM lots WHERE first_g <= :first AND last_g >= :last")
_INSERT = sa.text("""
    INSERT INTO lots (first_g, last_g, source_id, methodology_code, methodology_version, period_from_ms,
        period_until_ms, issued_ms, inputs_sha256, is_lost)
    VALUES (:first, :last, :source, :code, 1, :at, :at, :at, :inputs, true)
""")
_INSERT_KNOWN = sa.text("""
    INSERT INTO lots (id, first_g, last_g, source_id, methodology_code, methodology_version, period_from_ms,
        period_until_ms, issued_ms, inputs_sha256, is_lost)
    VALUES (:lot, :first, :last, :source, :methodology, :methodology_version, :period_from_ms, :period_until_ms, :at,
        :inputs, true)
""")
_CAN_STAND = sa.text("""
    SELECT EXISTS (SELECT FROM sources WHERE id = :source)
        AND EXISTS (SELECT FROM methodologies WHERE (code, version) = (:methodology, :methodology_version))
        AND NOT EXISTS (SELECT FROM lots WHERE id = :lot)
""")
_UNKNOWN_SOURCE = sa.text("SELECT min(id) FROM sources WHERE methodology_code = :code")
_UNKNOWN_METHODOLOGY = sa.text("""
    INSERT INTO methodologies (code, version, class, status, record, digest, decision)
    VALUES (:code, 1, 'II', 'illustrative', '{}', :digest, :digest) ON CONFLICT DO NOTHING
""")
_NEW_SOURCE = sa.text("""
    WITH applicant AS (
        INSERT INTO accounts (kind, name, opened_ms, erased_ms) VALUES ('institution', NULL, 0, 0) RETURNING id
    )
    INSERT INTO sources (kind, name_zh, name_en, applicant_id, methodology_code, methodology_version,
        valid_from_ms, valid_until_ms)
    SELECT 'scenario', '因恢复而未知', 'Not known since a recovery', id, :code, 1, 0, 1 FROM applicant RETURNING id
""")
_LOST = sa.text("SELECT id FROM lots WHERE is_lost AND first_g <= :gram AND last_g > :gram")
_CAN_RETURN = sa.text("""
    SELECT EXISTS (SELECT FROM sources WHERE id = :source)
        AND EXISTS (SELECT FROM methodologies WHERE (code, version) = (:methodology, :methodology_version))
        AND NOT EXISTS (SELECT FROM lots WHERE id = :lot AND id <> :old)
        AND EXISTS (SELECT FROM lots WHERE id = :old AND (first_g, last_g) = (:lot_first_g, :lot_end_g))
""")
_RETURN = sa.text("""
    UPDATE lots SET id = :lot, source_id = :source, methodology_code = :methodology,
        methodology_version = :methodology_version, period_from_ms = :period_from_ms,
        period_until_ms = :period_until_ms, inputs_sha256 = decode(:inputs_sha256, 'hex'), is_lost = false
    WHERE id = :old
""")
