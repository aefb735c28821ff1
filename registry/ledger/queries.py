"""What parties and authorities read of the ledger: movements with their state, holdings. Nothing here writes.

What everybody reads is in `registry.ledger.logged`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from registry.database.statement import Statement
from registry.errors import Invalid, NotFound
from registry.ledger.blocks import movement_of
from registry.ledger.movement import Movement, serial

MAX_PAGE = 200
"""Rows in one answer of a list."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """A movement as its parties see it: its number, log index (None while only recorded), state and leaf."""

    id: int
    act_id: int
    giver_id: int | None
    account_id: int | None
    movement: Movement
    parent_index: int | None
    index: int | None
    leaf: bytes | None
    state: str

    @property
    def serial(self) -> str | None:
        """The grams' name for people; None for a record."""
        return None if self.movement.is_record else serial(self.movement.first, self.movement.last)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list, and the cursor of the next part; None at the end."""

    items: Sequence[T]
    next_cursor: str | None


STATE = "CASE WHEN e.index < s.final THEN 'final' WHEN e.index < s.anchored THEN 'anchored' ELSE 'logged' END"
"""SQL that gives the state of a published leaf."""
SIZES = """(
    SELECT (SELECT published_size FROM log_head) AS published, (SELECT max(size) FROM anchors) AS anchored,
        (SELECT max(size) FROM anchors WHERE final_ms IS NOT NULL) AS final
) s"""
"""SQL that gives how much of the log is published, anchored and final: one row."""
_SEEN = f"""
    SELECT m.*, e.index AS log_index, e.leaf, p.index AS parent_index,
        CASE WHEN e.index < s.published THEN {STATE} ELSE 'recorded' END AS state
    FROM movements m
    LEFT JOIN log_entries e ON e.movement_id = m.id
    LEFT JOIN log_entries p ON p.movement_id = m.parent_id
    CROSS JOIN {SIZES}
"""


def _seen_of(row: sa.Row[Any]) -> Seen:
    """Read a row of `_SEEN`; what is not published is shown as recorded alone."""
    published = row.state != "recorded"
    return Seen(
        row.id,
        row.act_id,
        row.giver_id,
        row.account_id,
        movement_of(row),
        row.parent_index if published else None,
        row.log_index if published else None,
        bytes(row.leaf) if published else None,
        row.state,
    )


_ONE = sa.text(f"{_SEEN} WHERE m.id = :id")
_OF_ACCOUNT = sa.text(
    f"{_SEEN} WHERE m.id IN ("
    "(SELECT id FROM movements WHERE giver_id = :account AND id < :before ORDER BY id DESC LIMIT :limit) UNION "
    "(SELECT id FROM movements WHERE account_id = :account AND id < :before ORDER BY id DESC LIMIT :limit)"
    ") ORDER BY m.id DESC LIMIT :limit"
)
MAX_BIGINT = 2**63 - 1
_CURSOR = re.compile(r"0|[1-9][0-9]{0,18}")


def get_movement(tx: sa.Connection, number: int) -> Seen:
    """Read a movement by its number. Raises `NotFound`."""
    row = tx.execute(_ONE, {"id": number}).one_or_none() if number <= MAX_BIGINT else None
    if row is None:
        raise NotFound(f"There is no movement {number}.")
    return _seen_of(row)


def list_movements(tx: sa.Connection, account_id: int, *, cursor: str | None = None, limit: int = 50) -> Page[Seen]:
    """List the movements that an account gave or received, newest first."""
    limit = bounded(limit)
    before = MAX_BIGINT if cursor is None else read_cursor(cursor)
    rows = tx.execute(_OF_ACCOUNT, {"before": before, "limit": limit + 1, "account": account_id}).all()
    items = [_seen_of(row) for row in rows[:limit]]
    return Page(items, str(items[-1].id) if len(rows) > limit else None)


def read_cursor(cursor: str) -> int:
    """Read a cursor this registry gave. Raises `Invalid` for anything else."""
    if _CURSOR.fullmatch(cursor) is None or int(cursor) > MAX_BIGINT:
        raise Invalid("The cursor is not one that this registry gave. Begin the list again without one.")
    return int(cursor)


def bounded(limit: int) -> int:
    """Give a page's length back that is one. Raises `Invalid` otherwise."""
    if not 1 <= limit <= MAX_PAGE:
        raise Invalid(f"limit is 1 to {MAX_PAGE}.")
    return limit


_HOLDINGS = Statement("""
    SELECT form, flags & 16 <> 0 AS locked, sum(last_g - first_g)::bigint AS grams, count(*) AS blocks,
        min(until_ms) AS next_until
    FROM blocks WHERE account_id = :account GROUP BY 1, 2
""")
_BLOCKS = Statement("""
    SELECT b.*, l.source_id, l.methodology_code, l.methodology_version,
        o.first_g AS bundle_first_g, o.last_g AS bundle_last_g
    FROM blocks b LEFT JOIN lots l ON l.id = b.lot_id LEFT JOIN LATERAL (
        SELECT m.first_g, m.last_g FROM movements m
        WHERE b.lot_id IS NULL AND m.kind IN (1, 12) AND m.first_g <= b.first_g
        ORDER BY m.first_g DESC LIMIT 1
    ) o ON true
    WHERE b.account_id = :account AND b.first_g > :after ORDER BY b.first_g LIMIT :limit
""")


def holdings(tx: sa.Connection, account_id: int) -> Sequence[sa.Row[Any]]:
    """Sum an account's live blocks by form and lock: rows of form, locked, grams, blocks, next_until (ms)."""
    return _HOLDINGS(tx, {"account": account_id}).fetchall()


def list_blocks(tx: sa.Connection, account_id: int, *, cursor: str | None = None, limit: int = 50) -> Page[sa.Row[Any]]:
    """List an account's live blocks by gram number, each with its lot's source and methodology."""
    limit = bounded(limit)
    after = -1 if cursor is None else read_cursor(cursor)
    rows = _BLOCKS(tx, {"account": account_id, "after": after, "limit": limit + 1}).fetchall()
    return Page(rows[:limit], str(rows[limit - 1].first_g) if len(rows) > limit else None)
