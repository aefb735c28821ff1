"""Sources that a database lost and its public log has: back under their old numbers, without what is withheld there."""

from collections.abc import Mapping

import sqlalchemy as sa

Facts = Mapping[str, object]
"""`source`, `kind`, `name_zh`, `name_en`, `methodology_code`, `methodology_version`, `valid_from_ms`,
`valid_until_ms`, and `applicant_id` where a document shows it."""


def return_public_source(tx: sa.Connection, facts: Facts) -> None:
    """Have a source again as the log has it; its applicant is not known until `return_source`.

    Nothing happens when it is there, or its methodology is not.
    """
    if tx.execute(_IS_LOST, dict(facts)).scalar_one():
        applicant = tx.execute(_NOBODY).scalar_one()
        tx.execute(_RETURN, {**facts, "applicant_id": applicant})


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
        valid_from_ms, valid_until_ms)
    OVERRIDING SYSTEM VALUE
    SELECT :source, :kind, :name_zh, :name_en, :applicant_id, :methodology_code, :methodology_version,
        :valid_from_ms, :valid_until_ms
    WHERE EXISTS (SELECT FROM accounts WHERE id = :applicant_id)
        AND EXISTS (SELECT FROM methodologies WHERE (code, version) = (:methodology_code, :methodology_version))
    ON CONFLICT (id) DO UPDATE SET applicant_id = excluded.applicant_id
        WHERE sources.applicant_id IN (SELECT id FROM accounts WHERE opened_ms = 0 AND erased_ms = 0)
""")
_IS_LOST = sa.text("""
    SELECT EXISTS (SELECT FROM methodologies WHERE (code, version) = (:methodology_code, :methodology_version))
        AND NOT EXISTS (SELECT FROM sources WHERE id = :source)
""")
_NOBODY = sa.text("""
    INSERT INTO accounts (kind, name, opened_ms, erased_ms) VALUES ('institution', NULL, 0, 0) RETURNING id
""")
