"""What can be read of lots: what an issuance created, its source and methodology, its ISSUEs. Nothing here writes.

A lot is there for the public once the ISSUE of its first gram is in the published log; the record of its issuance is
there before that.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from registry.errors import NotFound
from registry.ledger.logged import LOGGED, Logged, logged_of
from registry.ledger.queries import MAX_BIGINT, Page, bounded, read_cursor

_LOTS = """
    SELECT l.*, s.name_zh, s.name_en, m.class AS methodology_class, m.status, m.record
    FROM lots l JOIN sources s ON s.id = l.source_id
    JOIN methodologies m ON m.code = l.methodology_code AND m.version = l.methodology_version
"""
_IS_LOGGED = """EXISTS (
    SELECT FROM movements i JOIN log_entries e ON e.movement_id = i.id
    WHERE i.kind IN (1, 12) AND i.first_g = l.first_g AND e.index < (SELECT published_size FROM log_head)
)"""
_OF_GRAMS = sa.text(f"{_LOTS} WHERE l.id = ANY (:ids)")
_LOT = sa.text(f"{_LOTS} WHERE l.id = :id AND {_IS_LOGGED}")
_LOT_OF_GRAM = sa.text(f"{_LOTS} WHERE l.first_g <= :gram AND l.last_g > :gram AND {_IS_LOGGED}")
_NEWEST_LOTS = sa.text(f"{_LOTS} WHERE l.id < :before AND {_IS_LOGGED} ORDER BY l.id DESC LIMIT :limit")
_ACTIVITIES = sa.text("SELECT activities FROM lots WHERE id = :id")
_ISSUES = sa.text(
    f"{LOGGED} AND m.kind = 1 AND m.first_g >= :first AND m.first_g < :last AND m.first_g > :after "
    "ORDER BY m.first_g LIMIT :limit"
)


def get_lot(tx: sa.Connection, number: int) -> sa.Row[Any]:
    """Read a lot with its source and methodology. Raises `NotFound`."""
    row = tx.execute(_LOT, {"id": number}).one_or_none() if number <= MAX_BIGINT else None
    if row is None:
        raise NotFound(f"There is no lot {number}.")
    return row


def lots_by_number(tx: sa.Connection, numbers: Sequence[int]) -> dict[int, sa.Row[Any]]:
    """Read lots whose grams were read in the published log, each with its source and methodology."""
    return {row.id: row for row in tx.execute(_OF_GRAMS, {"ids": list(numbers)})}


def lot_of_gram(tx: sa.Connection, gram: int) -> sa.Row[Any]:
    """Read the lot a gram was issued in. Raises `NotFound`."""
    row = tx.execute(_LOT_OF_GRAM, {"gram": gram}).one_or_none() if gram <= MAX_BIGINT else None
    if row is None:
        raise NotFound(f"Gram {gram} has not been issued.")
    return row


def list_lots(tx: sa.Connection, *, cursor: str | None = None, limit: int = 50) -> Page[sa.Row[Any]]:
    """List lots, newest first."""
    limit = bounded(limit)
    before = MAX_BIGINT if cursor is None else read_cursor(cursor)
    rows = tx.execute(_NEWEST_LOTS, {"before": before, "limit": limit + 1}).all()
    return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)


def count_activities(tx: sa.Connection, lot_id: int) -> int:
    """Count the activities a lot was issued for."""
    return int(tx.execute(_ACTIVITIES, {"id": lot_id}).scalar_one())


def list_issues(tx: sa.Connection, lot: sa.Row[Any], *, cursor: str | None = None, limit: int = 50) -> Page[Logged]:
    """List the ISSUE movements of a lot by gram number."""
    limit = bounded(limit)
    after = -1 if cursor is None else read_cursor(cursor)
    rows = tx.execute(_ISSUES, {"first": lot.first_g, "last": lot.last_g, "after": after, "limit": limit + 1}).all()
    items = [logged_of(row) for row in rows[:limit]]
    return Page(items, str(items[-1].movement.first) if len(rows) > limit else None)
