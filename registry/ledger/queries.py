"""What can be read of the ledger: movements with their state, holdings, lots. Nothing here writes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from registry.errors import Invalid, NotFound
from registry.ledger.blocks import movement_of
from registry.ledger.movement import Movement, serial

MAX_PAGE = 200
"""Rows in one answer of a list."""
MAX_LIFE = 500
"""Steps of a block's life that one page shows; it says how many came before."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """A movement as it is shown: its number, log index (None while only recorded), state and leaf."""

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


_SEEN = """
    SELECT m.*, e.index AS log_index, e.leaf, p.index AS parent_index,
        CASE WHEN e.index < s.final THEN 'final' WHEN e.index < s.anchored THEN 'anchored'
             WHEN e.index < s.published THEN 'logged' ELSE 'recorded' END AS state
    FROM movements m
    LEFT JOIN log_entries e ON e.movement_id = m.id
    LEFT JOIN log_entries p ON p.movement_id = m.parent_id
    CROSS JOIN (
        SELECT (SELECT published_size FROM log_head) AS published,
            (SELECT max(size) FROM anchors) AS anchored,
            (SELECT max(size) FROM anchors WHERE final_ms IS NOT NULL) AS final
    ) s
"""


def _seen(row: sa.Row[Any]) -> Seen:
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
_CHILDREN = sa.text(
    f"{_SEEN} WHERE m.parent_id = :id AND m.first_g < :last AND m.last_g > :first AND m.first_g > :after "
    "ORDER BY m.first_g LIMIT :limit"
)
_AT_INDEX = sa.text(f"{_SEEN} WHERE e.index = :index AND e.index < s.published")
_OF_ACT = sa.text(f"{_SEEN} WHERE m.act_id = :act ORDER BY m.id")
_NEWEST = sa.text(f"{_SEEN} WHERE m.id < :before ORDER BY m.id DESC LIMIT :limit")
_OF_ACCOUNT = sa.text(
    f"{_SEEN} WHERE m.id IN ("
    "(SELECT id FROM movements WHERE giver_id = :account AND id < :before ORDER BY id DESC LIMIT :limit) UNION "
    "(SELECT id FROM movements WHERE account_id = :account AND id < :before ORDER BY id DESC LIMIT :limit)"
    ") ORDER BY m.id DESC LIMIT :limit"
)
_MAX_BIGINT = 2**63 - 1
_CURSOR = re.compile(r"0|[1-9][0-9]{0,18}")


def get_movement(tx: sa.Connection, number: int) -> Seen:
    """Read a movement by its number. Raises `NotFound`."""
    row = tx.execute(_ONE, {"id": number}).one_or_none() if number <= _MAX_BIGINT else None
    if row is None:
        raise NotFound(f"There is no movement {number}.")
    return _seen(row)


def children(
    tx: sa.Connection, number: int, first: int = 0, last: int = _MAX_BIGINT, *, cursor: str | None = None
) -> Page[Seen]:
    """List the movements that took some of the grams `[first, last)` out of what this one made, by gram number."""
    after = -1 if cursor is None else read_cursor(cursor)
    parameters = {"id": number, "first": first, "last": last, "after": after, "limit": MAX_PAGE + 1}
    rows = tx.execute(_CHILDREN, parameters).all()
    items = [_seen(row) for row in rows[:MAX_PAGE]]
    return Page(items, str(items[-1].movement.first) if len(rows) > MAX_PAGE else None)


def movement_at(tx: sa.Connection, index: int) -> Seen:
    """Read the movement at an index of the published log. Raises `NotFound`."""
    row = tx.execute(_AT_INDEX, {"index": index}).one_or_none() if index <= _MAX_BIGINT else None
    if row is None:
        raise NotFound(f"The log has no leaf {index} yet.")
    return _seen(row)


def movements_of_act(tx: sa.Connection, act_id: int) -> list[Seen]:
    """Read the movements of one act on an account's blocks, in order: all, `MAX_BLOCKS_PER_ACT` at most."""
    return [_seen(row) for row in tx.execute(_OF_ACT, {"act": act_id})]


def list_movements(
    tx: sa.Connection, *, account_id: int | None = None, cursor: str | None = None, limit: int = 50
) -> Page[Seen]:
    """List movements, newest first: all of them, or those an account gave or received."""
    limit = _limit(limit)
    before = _MAX_BIGINT if cursor is None else read_cursor(cursor)
    parameters = {"before": before, "limit": limit + 1, "account": account_id}
    if account_id is None:
        del parameters["account"]
    rows = tx.execute(_NEWEST if account_id is None else _OF_ACCOUNT, parameters).all()
    items = [_seen(row) for row in rows[:limit]]
    return Page(items, str(items[-1].id) if len(rows) > limit else None)


def read_cursor(cursor: str) -> int:
    """Read a cursor this registry gave. Raises `Invalid` for anything else."""
    if _CURSOR.fullmatch(cursor) is None or int(cursor) > _MAX_BIGINT:
        raise Invalid("The cursor is not one that this registry gave. Begin the list again without one.")
    return int(cursor)


def _limit(limit: int) -> int:
    if not 1 <= limit <= MAX_PAGE:
        raise Invalid(f"limit is 1 to {MAX_PAGE}.")
    return limit


# Each step's grams lie in its parent's, so those that had the whole block come first.
_LIFE = sa.text(f"""
    WITH RECURSIVE life (id, parent_id, first_g, last_g) AS (
        SELECT id, parent_id, first_g, last_g FROM movements WHERE id = :id
        UNION ALL
        SELECT m.id, m.parent_id, m.first_g, m.last_g FROM movements m JOIN life ON m.id = life.parent_id
    ), shown AS (
        SELECT id, count(*) OVER () AS steps FROM life WHERE first_g <= :first AND last_g >= :last
        ORDER BY id DESC LIMIT :limit
    )
    SELECT seen.*, shown.steps FROM shown JOIN ({_SEEN}) seen ON seen.id = shown.id ORDER BY seen.id
""")
# Live blocks never overlap, nor do ends, and no gram is in both: at most one of these holds it.
_LAST_OF_GRAM = sa.text("""
    (SELECT movement_id, first_g, last_g FROM (
        SELECT * FROM blocks WHERE first_g <= :gram ORDER BY first_g DESC LIMIT 1) b WHERE last_g > :gram)
    UNION ALL
    (SELECT id, first_g, last_g FROM (
        SELECT * FROM movements WHERE kind IN (7, 8, 9) AND first_g <= :gram ORDER BY first_g DESC LIMIT 1
    ) m WHERE last_g > :gram)
""")


@dataclass(frozen=True, slots=True)
class Life:
    """The movements that a block went through, the newest last; `earlier` more came before those shown."""

    steps: Sequence[Seen]
    earlier: int


def block_at(tx: sa.Connection, gram: int) -> tuple[Seen, int, int]:
    """Find the block that holds a gram now, or in which it ended: its maker and its grams `[first, last)`.

    Raises `NotFound` for a gram that was never issued.
    """
    row = tx.execute(_LAST_OF_GRAM, {"gram": gram}).one_or_none() if gram <= _MAX_BIGINT else None
    if row is None:
        raise NotFound(f"Gram {gram} has not been issued.")
    return get_movement(tx, row.movement_id), row.first_g, row.last_g


def life_of_block(
    tx: sa.Connection, first: int, last: int, *, cursor: str | None = None, limit: int = MAX_LIFE
) -> tuple[Life, Page[Seen]]:
    """Read what happened to the grams `[first, last)` as one block, and the movements that took parts of it after.

    The block need not be there any more: its serial keeps naming the same life. Raises `NotFound` when the grams
    never were together in one block.
    """
    maker, _, _ = block_at(tx, first)
    rows = (
        tx.execute(_LIFE, {"id": maker.id, "first": first, "last": last, "limit": limit}).all() if first < last else []
    )
    if not rows:
        raise NotFound(f"{serial(first, last)} never was one block.")
    life = Life([_seen(row) for row in rows], rows[0].steps - len(rows))
    return life, children(tx, life.steps[-1].id, first, last, cursor=cursor)


_HOLDINGS = sa.text("""
    SELECT form, flags & 16 <> 0 AS locked, sum(last_g - first_g)::bigint AS grams, count(*) AS blocks,
        min(until_ms) AS next_until
    FROM blocks WHERE account_id = :account GROUP BY 1, 2
""")
_BLOCKS = sa.text("""
    SELECT b.*, l.source_id, l.methodology_code, l.methodology_version FROM blocks b JOIN lots l ON l.id = b.lot_id
    WHERE b.account_id = :account AND b.first_g > :after ORDER BY b.first_g LIMIT :limit
""")


def holdings(tx: sa.Connection, account_id: int) -> Sequence[sa.Row[Any]]:
    """Sum an account's live blocks by form and lock: rows of form, locked, grams, blocks, next_until (ms)."""
    return tx.execute(_HOLDINGS, {"account": account_id}).all()


def list_blocks(tx: sa.Connection, account_id: int, *, cursor: str | None = None, limit: int = 50) -> Page[sa.Row[Any]]:
    """List an account's live blocks by gram number, each with its lot's source and methodology."""
    limit = _limit(limit)
    after = -1 if cursor is None else read_cursor(cursor)
    rows = tx.execute(_BLOCKS, {"account": account_id, "after": after, "limit": limit + 1}).all()
    return Page(rows[:limit], str(rows[limit - 1].first_g) if len(rows) > limit else None)


_LOTS = """
    SELECT l.*, s.name_zh, s.name_en, m.class AS methodology_class, m.status, m.record
    FROM lots l JOIN sources s ON s.id = l.source_id
    JOIN methodologies m ON m.code = l.methodology_code AND m.version = l.methodology_version
"""
_LOT = sa.text(f"{_LOTS} WHERE l.id = :id")
_LOT_OF_GRAM = sa.text(f"{_LOTS} WHERE l.first_g <= :gram AND l.last_g > :gram")
_NEWEST_LOTS = sa.text(f"{_LOTS} WHERE l.id < :before ORDER BY l.id DESC LIMIT :limit")
_ACTIVITIES = sa.text("SELECT activities FROM lots WHERE id = :id")
_ISSUES = sa.text(
    f"{_SEEN} WHERE m.kind = 1 AND m.first_g >= :first AND m.first_g < :last AND m.id > :after "
    "ORDER BY m.id LIMIT :limit"
)


def get_lot(tx: sa.Connection, number: int) -> sa.Row[Any]:
    """Read a lot with its source and methodology. Raises `NotFound`."""
    row = tx.execute(_LOT, {"id": number}).one_or_none() if number <= _MAX_BIGINT else None
    if row is None:
        raise NotFound(f"There is no lot {number}.")
    return row


def lot_of_gram(tx: sa.Connection, gram: int) -> sa.Row[Any]:
    """Read the lot a gram was issued in. Raises `NotFound`."""
    row = tx.execute(_LOT_OF_GRAM, {"gram": gram}).one_or_none() if gram <= _MAX_BIGINT else None
    if row is None:
        raise NotFound(f"Gram {gram} has not been issued.")
    return row


def list_lots(tx: sa.Connection, *, cursor: str | None = None, limit: int = 50) -> Page[sa.Row[Any]]:
    """List lots, newest first."""
    limit = _limit(limit)
    before = _MAX_BIGINT if cursor is None else read_cursor(cursor)
    rows = tx.execute(_NEWEST_LOTS, {"before": before, "limit": limit + 1}).all()
    return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)


def count_activities(tx: sa.Connection, lot_id: int) -> int:
    """Count the activities a lot was issued for."""
    return int(tx.execute(_ACTIVITIES, {"id": lot_id}).scalar_one())


def list_issues(tx: sa.Connection, lot: sa.Row[Any], *, cursor: str | None = None, limit: int = 50) -> Page[Seen]:
    """List the ISSUE movements of a lot, in the order of their numbers."""
    limit = _limit(limit)
    after = 0 if cursor is None else read_cursor(cursor)
    rows = tx.execute(_ISSUES, {"first": lot.first_g, "last": lot.last_g, "after": after, "limit": limit + 1}).all()
    items = [_seen(row) for row in rows[:limit]]
    return Page(items, str(items[-1].id) if len(rows) > limit else None)


_UNLOGGED = sa.text("""
    SELECT EXISTS (
        SELECT FROM (
            SELECT movement_id FROM unsequenced UNION ALL
            SELECT movement_id FROM log_entries WHERE index >= (SELECT published_size FROM log_head)
        ) waiting JOIN movements m ON m.id = waiting.movement_id
        WHERE m.kind < 64 AND m.first_g < :last AND m.last_g > :first
    )
""")


def all_logged(tx: sa.Connection, first: int = 0, last: int = _MAX_BIGINT) -> bool:
    """Whether every movement of the grams `[first, last)` is in a published checkpoint.

    Ask after reading what is to be called logged, never before: movements may come in between.
    """
    return not tx.execute(_UNLOGGED, {"first": first, "last": last}).scalar_one()


# A person's name is nobody's business but the person's (R5); an institution's stands on its certificate.
_CERTIFICATE = sa.text("""
    SELECT c.number, c.act_id, CASE a.kind WHEN 'institution' THEN c.holder END AS holder, c.purpose, c.form,
        c.quantity_g, c.beneficiary, c.statement, c.issued_ms
    FROM certificates c JOIN accounts a ON a.id = c.account_id WHERE c.number = :number
""")


def get_certificate(tx: sa.Connection, number: str) -> sa.Row[Any]:
    """Read a certificate. Raises `NotFound`."""
    row = tx.execute(_CERTIFICATE, {"number": number}).one_or_none() if number.isprintable() else None
    if row is None:
        raise NotFound("There is no certificate of that number.")
    return row


_CHECKPOINT = sa.text("""
    SELECT c.size, c.root, c.frontier_g, c.ended_g, p.published_ms, p.note FROM publications p
    JOIN checkpoints c ON c.size = p.size ORDER BY p.size DESC LIMIT 1
""")
_ANCHOR = sa.text("""
    SELECT a.*, c.root, p.note FROM anchors a JOIN checkpoints c ON c.size = a.size
    JOIN publications p ON p.size = a.size
    ORDER BY a.size DESC, a.anchored_ms DESC LIMIT 1
""")


def holds_movements(tx: sa.Connection) -> bool:
    """Whether anything was ever recorded."""
    return bool(tx.execute(sa.text("SELECT EXISTS (SELECT FROM movements)")).scalar_one())


def last_checkpoint(tx: sa.Connection) -> sa.Row[Any] | None:
    """Read the last published checkpoint, None while there is none."""
    return tx.execute(_CHECKPOINT).one_or_none()


def last_anchor(tx: sa.Connection) -> sa.Row[Any] | None:
    """Read the last anchor with its checkpoint's root and note, None while there is none."""
    return tx.execute(_ANCHOR).one_or_none()


def set_aside_count(tx: sa.Connection) -> int:
    """Count the movements that were set aside instead of logged and are still in the ledger."""
    return int(tx.execute(sa.text("SELECT count(*) FROM set_aside WHERE dismissed_ms IS NULL")).scalar_one())
