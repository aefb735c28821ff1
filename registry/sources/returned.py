"""Sources that a database lost and its public log has: back under their old numbers, without what is withheld there."""

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from registry.decisions.returning import Recorded, Returning, number_of
from registry.evidence.document import Fields
from registry.methodologies.published import version_published
from registry.procedure.decision import Decision, Record, SourceTerms

Facts = Mapping[str, object]
"""`source`, `kind`, `name_zh`, `name_en`, `methodology_code`, `methodology_version`, `valid_from_ms`,
`valid_until_ms`, `district`, `rural`, `shares`, and `applicant_id` and `developer_id` where a document shows them."""


def facts_of(tx: sa.Connection, decision: Decision, fields: Fields) -> dict[str, object] | None:
    """Say what a decision on a source tells of it; None when it does not tell all, or its methodology is not known."""
    terms = decision.content
    names = [fields.get(name) for name in ("name_zh", "name_en")]
    if not isinstance(terms, SourceTerms) or terms.methodology is None or not all(map(_is_text, names)):
        return None
    version = version_published(tx, bytes.fromhex(terms.methodology))
    if version is None or None in {terms.kind, terms.valid_from, terms.valid_until}:
        return None
    return {
        "source": number_of(decision.case),
        "kind": terms.kind,
        "name_zh": fields["name_zh"][1],
        "name_en": fields["name_en"][1],
        "methodology_code": version[0],
        "methodology_version": version[1],
        "valid_from_ms": terms.valid_from,
        "valid_until_ms": terms.valid_until,
        "district": fields["district"][1] if _is_text(fields.get("district")) else None,
        "rural": fields["rural"][1] if _is_text(fields.get("rural")) else None,
        "shares": fields["shares"][1] if isinstance(fields.get("shares"), list) else None,
    }


def _is_text(shown: object) -> bool:
    return isinstance(shown, list) and isinstance(shown[1], str)


def _return(tx: sa.Connection, recorded: Recorded) -> None:
    """Have a source again as the log has it, ending as its last decision says.

    Its applicant is not known until `return_source`.
    """
    facts = facts_of(tx, recorded.decision, recorded.fields)
    if facts is None:
        return
    tx.execute(_RENEW, facts)
    if tx.execute(_IS_LOST, facts).scalar_one():
        applicant = tx.execute(_NOBODY).scalar_one()
        tx.execute(_RETURN, {**facts, "applicant_id": applicant, "developer_id": None})


RETURNING: Final[Mapping[Record, Returning]] = {Record.SOURCE: _return}


def return_source(tx: sa.Connection, facts: Facts) -> bool:
    """Have a source again as its application has it; False when it is there, or lacks something.

    One whose applicant alone was lost has its applicant again. `lacking` says what it lacks.
    """
    return tx.execute(_RETURN, dict(facts)).rowcount == 1


def lacking(tx: sa.Connection, facts: Facts) -> str | None:
    """Say what is not there without which a source cannot come back: its applicant, its methodology, or nothing."""
    there = tx.execute(_NEEDED, dict(facts)).one()
    if all(there):
        return None
    if not there.applicant:
        return f"account {facts['applicant_id']}, which applied for source {facts['source']}"
    return f"methodology {facts['methodology_code']}, version {facts['methodology_version']}"


_NEEDED = sa.text("""
    SELECT EXISTS (SELECT FROM accounts WHERE id = :applicant_id) AS applicant, EXISTS (
        SELECT FROM methodologies WHERE (code, version) = (:methodology_code, :methodology_version)
    ) AS methodology
""")
_RETURN = sa.text("""
    INSERT INTO sources (id, kind, name_zh, name_en, applicant_id, methodology_code, methodology_version,
        valid_from_ms, valid_until_ms, district, developer_id, rural, shares)
    OVERRIDING SYSTEM VALUE
    SELECT :source, :kind, :name_zh, :name_en, :applicant_id, :methodology_code, :methodology_version,
        :valid_from_ms, :valid_until_ms, :district, (SELECT id FROM accounts WHERE id = :developer_id), :rural, :shares
    WHERE EXISTS (SELECT FROM accounts WHERE id = :applicant_id)
        AND EXISTS (SELECT FROM methodologies WHERE (code, version) = (:methodology_code, :methodology_version))
    ON CONFLICT (id) DO UPDATE
        SET applicant_id = excluded.applicant_id, developer_id = excluded.developer_id
        WHERE sources.applicant_id IN (SELECT id FROM accounts WHERE opened_ms = 0 AND erased_ms = 0)
""")
_RENEW = sa.text("UPDATE sources SET valid_until_ms = :valid_until_ms, rural = :rural WHERE id = :source")
_IS_LOST = sa.text("""
    SELECT EXISTS (SELECT FROM methodologies WHERE (code, version) = (:methodology_code, :methodology_version))
        AND NOT EXISTS (SELECT FROM sources WHERE id = :source)
""")
_NOBODY = sa.text("""
    INSERT INTO accounts (kind, name, opened_ms, erased_ms) VALUES ('institution', NULL, 0, 0) RETURNING id
""")
