"""Decisions as everybody may read them: those in the published log, with what their documents disclose."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from registry.errors import NotFound
from registry.ledger.queries import MAX_BIGINT, Page, bounded, read_cursor
from registry.procedure.decision import PREFIXES, Record


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision: its leaf, its digest (32 bytes), and what its public document discloses, name -> value."""

    index: int
    digest: bytes
    says: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A case: its number, what it is about (a policy's name, a methodology's code), and its decisions, newest first."""

    number: str
    about: str | None
    state: str
    decisions: Page[Taken]


def list_decisions(
    tx: sa.Connection, record: Record | None = None, *, cursor: str | None = None, limit: int = 50
) -> Page[Taken]:
    """List decisions, of one kind of record or of all, newest first."""
    prefix = None if record is None else PREFIXES[record][0]
    return _page(tx, _NEWEST if prefix is None else _NEWEST_OF, {"prefix": prefix}, cursor, limit)


def get_case(tx: sa.Connection, number: str, *, cursor: str | None = None, limit: int = 50) -> Case:
    """Read a case as far as it is published. Raises `NotFound`."""
    last = tx.execute(_LAST, {"case": number}).one_or_none()
    if last is None:
        raise NotFound(f"There is no case {number[:40]!r} in the published log.")
    state = _taken(last).says["to"]
    return Case(number, last.about, state, _page(tx, _OF_CASE, {"case": number}, cursor, limit))


def case_of_leaf(tx: sa.Connection, index: int) -> str | None:
    """Give the case of the decision that a leaf of the published log is; None for what is no decision."""
    number: str | None = tx.execute(_OF_LEAF, {"index": index}).scalar_one_or_none()
    return number


def of_cases(tx: sa.Connection, cases: Iterable[str]) -> list[Taken]:
    """Give all decisions of some cases, in the order of the log."""
    return [_taken(row) for row in tx.execute(_OF_CASES, {"cases": list(cases)})]


def _page(
    tx: sa.Connection, query: sa.TextClause, asked: Mapping[str, Any], cursor: str | None, limit: int
) -> Page[Taken]:
    limit = bounded(limit)
    before = MAX_BIGINT if cursor is None else read_cursor(cursor)
    rows = tx.execute(query, {**asked, "before": before, "limit": limit + 1}).all()
    items = [_taken(row) for row in rows[:limit]]
    return Page(items, str(items[-1].index) if len(rows) > limit else None)


def _taken(row: sa.Row[Any]) -> Taken:
    return Taken(row.leaf, bytes(row.digest), _disclosed(json.loads(row.public)))


def _disclosed(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: shown[1] for name, shown in fields.items() if isinstance(shown, list)}


# Records are logged in the order of their numbers, so that the newest by number are the newest by index.
_FROM = """
    FROM decisions d JOIN movements m ON m.id = d.movement_id
    JOIN evidence v ON v.digest = m.evidence JOIN log_entries l ON l.movement_id = m.id
"""
_PUBLISHED = "l.index < (SELECT published_size FROM log_head)"
_SAID = f"SELECT l.index AS leaf, v.digest, v.public {_FROM} WHERE {_PUBLISHED}"
_BEFORE = "l.index < :before ORDER BY d.movement_id DESC LIMIT :limit"
_NEWEST = sa.text(f"{_SAID} AND {_BEFORE}")
_NEWEST_OF = sa.text(f"{_SAID} AND left(d.case_number, 1) = :prefix AND {_BEFORE}")
_OF_CASE = sa.text(f"{_SAID} AND d.case_number = :case AND {_BEFORE}")
_OF_CASES = sa.text(f"{_SAID} AND d.case_number = ANY (:cases) ORDER BY l.index")
_OF_LEAF = sa.text(f"SELECT d.case_number {_FROM} WHERE {_PUBLISHED} AND l.index = :index")
_LAST = sa.text(f"""
    SELECT l.index AS leaf, v.digest, v.public, c.about {_FROM} JOIN cases c ON c.number = d.case_number
    WHERE {_PUBLISHED} AND d.case_number = :case ORDER BY d.movement_id DESC LIMIT 1
""")
