"""Sources as officers see them: how each stands by what is recorded, and what it issued; by district for its bureau."""

from dataclasses import dataclass

import sqlalchemy as sa

from registry.accounts.vault import Vault, open_name
from registry.ledger.queries import MAX_BIGINT, Page, bounded, read_cursor
from registry.procedure.decision import PREFIXES, Record
from registry.sources.sources import Source


@dataclass(frozen=True, slots=True)
class Supervised:
    """A source, the state of its case, its applicant's name where that is known, and the grams that it issued."""

    source: Source
    state: str
    applicant: str | None
    issued_g: int

    @property
    def case(self) -> str:
        """The number of its case."""
        return f"{PREFIXES[Record.SOURCE]}{self.source.id}"


def list_sources(
    tx: sa.Connection, vault: Vault, district: str | None, *, cursor: str | None, limit: int
) -> Page[Supervised]:
    """Give a page of sources, newest first; with a district, those of it alone."""
    before = MAX_BIGINT if cursor is None else read_cursor(cursor)
    asked = {"district": district, "before": before, "limit": bounded(limit) + 1}
    rows = tx.execute(_LIST, asked).all()
    items = [_supervised(vault, row) for row in rows[:limit]]
    return Page(items, str(items[-1].source.id) if len(rows) > limit else None)


def cases_of_district(tx: sa.Connection, district: str) -> frozenset[str]:
    """Give the numbers of the cases of a district's sources."""
    return frozenset(tx.execute(_CASES, {"district": district}).scalars())


def _supervised(vault: Vault, row: sa.Row[tuple[object, ...]]) -> Supervised:
    source = Source(
        row.kind, row.name_zh, row.name_en, row.applicant_id, row.methodology_code, row.methodology_version,
        row.valid_from_ms, row.valid_until_ms, row.district, row.developer_id, row.rural, row.shares, id=row.id,
    )  # fmt: skip
    name = None
    if row.sealed is not None and row.name is not None:
        name = open_name(vault.open(row.applicant_id, bytes(row.sealed)), bytes(row.name))
    return Supervised(source, row.state, name, int(row.issued_g))


_LIST = sa.text("""
    SELECT s.*, c.state, a.name, k.sealed,
        (SELECT coalesce(sum(l.last_g - l.first_g), 0) FROM lots l WHERE l.source_id = s.id)::bigint AS issued_g
    FROM sources s JOIN accounts a ON a.id = s.applicant_id LEFT JOIN account_keys k ON k.account_id = a.id
    JOIN case_standing c ON c.case_number = 'S-' || s.id
    WHERE s.id < :before AND (CAST(:district AS text) IS NULL OR s.district = :district)
    ORDER BY s.id DESC LIMIT :limit
""")
_CASES = sa.text("SELECT 'S-' || id FROM sources WHERE district = :district")
