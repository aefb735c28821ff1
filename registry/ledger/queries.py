"""What can be read of the ledger: movements with their state, holdings, certificates. Nothing here writes."""

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


SEEN = """
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


def seen_of(row: sa.Row[Any]) -> Seen:
    """Read a row of `SEEN`; what is not published is shown as recorded alone."""
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


_ONE = sa.text(f"{SEEN} WHERE m.id = :id")
_CHILDREN = sa.text(
    f"{SEEN} WHERE m.parent_id = :id AND m.first_g < :last AND m.last_g > :first AND m.first_g > :after "
    "ORDER BY m.first_g LIMIT :limit"
)
_AT_INDEX = sa.text(f"{SEEN} WHERE e.index = :index AND e.index < s.published")
_OF_ACT = sa.text(f"{SEEN} WHERE m.act_id = :act ORDER BY m.id")
_NEWEST = sa.text(f"{SEEN} WHERE m.id < :before ORDER BY m.id DESC LIMIT :limit")
_OF_ACCOUNT = sa.text(
    f"{SEEN} WHERE m.id IN ("
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
    return seen_of(row)


def children(
    tx: sa.Connection, number: int, first: int = 0, last: int = MAX_BIGINT, *, cursor: str | None = None
) -> Page[Seen]:
    """List the movements that took some of the grams `[first, last)` out of what this one made, by gram number."""
    after = -1 if cursor is None else read_cursor(cursor)
    parameters = {"id": number, "first": first, "last": last, "after": after, "limit": MAX_PAGE + 1}
    rows = tx.execute(_CHILDREN, parameters).all()
    items = [seen_of(row) for row in rows[:MAX_PAGE]]
    return Page(items, str(items[-1].movement.first) if len(rows) > MAX_PAGE else None)


def movement_at(tx: sa.Connection, index: int) -> Seen:
    """Read the movement at an index of the published log. Raises `NotFound`."""
    row = tx.execute(_AT_INDEX, {"index": index}).one_or_none() if index <= MAX_BIGINT else None
    if row is None:
        raise NotFound(f"The log has no leaf {index} yet.")
    return seen_of(row)


def movements_of_act(tx: sa.Connection, act_id: int) -> list[Seen]:
    """Read the movements of one act on an account's blocks, in order: all, `MAX_BLOCKS_PER_ACT` at most."""
    return [seen_of(row) for row in tx.execute(_OF_ACT, {"act": act_id})]


def list_movements(
    tx: sa.Connection, *, account_id: int | None = None, cursor: str | None = None, limit: int = 50
) -> Page[Seen]:
    """List movements, newest first: all of them, or those an account gave or received."""
    limit = bounded(limit)
    before = MAX_BIGINT if cursor is None else read_cursor(cursor)
    parameters = {"before": before, "limit": limit + 1, "account": account_id}
    if account_id is None:
        del parameters["account"]
    rows = tx.execute(_NEWEST if account_id is None else _OF_ACCOUNT, parameters).all()
    items = [seen_of(row) for row in rows[:limit]]
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
    SELECT seen.*, shown.steps FROM shown JOIN ({SEEN}) seen ON seen.id = shown.id ORDER BY seen.id
""")
# Live blocks never overlap, nor do ends, and no gram is in both: at most one of these holds it.
_LAST_OF_GRAM = sa.text("""
    (SELECT movement_id, first_g, last_g FROM (
        SELECT * FROM blocks WHERE first_g <= :gram ORDER BY first_g DESC LIMIT 1) b WHERE last_g > :gram)
    UNION ALL
    (SELECT id, first_g, last_g FROM (
        SELECT * FROM movements WHERE kind IN (6, 7, 8, 9) AND first_g <= :gram ORDER BY first_g DESC LIMIT 1
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
    row = tx.execute(_LAST_OF_GRAM, {"gram": gram}).one_or_none() if gram <= MAX_BIGINT else None
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
    life = Life([seen_of(row) for row in rows], rows[0].steps - len(rows))
    return life, children(tx, life.steps[-1].id, first, last, cursor=cursor)


_HOLDINGS = sa.text("""
    SELECT form, flags & 16 <> 0 AS locked, sum(last_g - first_g)::bigint AS grams, count(*) AS blocks,
        min(until_ms) AS next_until
    FROM blocks WHERE account_id = :account GROUP BY 1, 2
""")
_BLOCKS = sa.text("""
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
    return tx.execute(_HOLDINGS, {"account": account_id}).all()


def list_blocks(tx: sa.Connection, account_id: int, *, cursor: str | None = None, limit: int = 50) -> Page[sa.Row[Any]]:
    """List an account's live blocks by gram number, each with its lot's source and methodology."""
    limit = bounded(limit)
    after = -1 if cursor is None else read_cursor(cursor)
    rows = tx.execute(_BLOCKS, {"account": account_id, "after": after, "limit": limit + 1}).all()
    return Page(rows[:limit], str(rows[limit - 1].first_g) if len(rows) > limit else None)


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
