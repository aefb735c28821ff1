"""What everybody may read of movements: those in a published checkpoint, by their log index. Nothing here writes.

A number of a movement, act or account in the database never leaves here, and nothing tells what is recorded from what
is not there (docs/decisions/0007-what-can-be-linked.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.database.statement import Statement
from registry.errors import NotFound
from registry.ledger.blocks import movement_of
from registry.ledger.movement import Movement, serial
from registry.ledger.queries import MAX_BIGINT, MAX_PAGE, SIZES, STATE, Page, bounded, read_cursor

MAX_LIFE = 500
"""Steps of a block's life that one page shows; it says how many came before."""
MAX_WALK = 10_000
"""Steps that are looked back from where a gram is. A block that was parted longer ago is found by its leaf alone."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A leaf of the published log: its index, the movement as it is there, its 114 bytes, and how far it has come."""

    index: int
    movement: Movement
    leaf: bytes
    state: str

    @property
    def serial(self) -> str | None:
        """The grams' name for people; None for a record."""
        return None if self.movement.is_record else serial(self.movement.first, self.movement.last)


LOGGED = f"""
    SELECT m.*, e.index AS log_index, e.leaf, p.index AS parent_index, {STATE} AS state
    FROM log_entries e JOIN movements m ON m.id = e.movement_id
    LEFT JOIN log_entries p ON p.movement_id = m.parent_id
    CROSS JOIN {SIZES} WHERE e.index < s.published
"""  # noqa: S608 (our own text)
"""SQL that gives the leaves of the published log, as rows for `logged_of`."""


def logged_of(row: sa.Row[Any]) -> Logged:
    """Read a row of `LOGGED`."""
    return Logged(row.log_index, replace(movement_of(row), parent=row.parent_index), bytes(row.leaf), row.state)


_AT = Statement(f"{LOGGED} AND e.index = :index")
_NEWEST = sa.text(f"{LOGGED} AND e.index < :before ORDER BY e.index DESC LIMIT :limit")
_CHILDREN = sa.text(f"""
    {LOGGED} AND m.parent_id = (SELECT movement_id FROM log_entries WHERE index = :index)
    AND m.first_g < :last AND m.last_g > :first AND m.first_g > :after ORDER BY m.first_g LIMIT :limit
""")  # noqa: S608 (our own text)


def leaf_at(tx: sa.Connection, index: int) -> Logged:
    """Read the leaf at an index of the published log. Raises `NotFound`."""
    row = _AT(tx, {"index": index}).fetchone() if index <= MAX_BIGINT else None
    if row is None:
        raise NotFound(f"The log has no leaf {index} yet.")
    return logged_of(row)


def list_leaves(tx: sa.Connection, *, cursor: str | None = None, limit: int = 50) -> Page[Logged]:
    """List the leaves of the published log, newest first."""
    limit = bounded(limit)
    before = MAX_BIGINT if cursor is None else read_cursor(cursor)
    rows = tx.execute(_NEWEST, {"before": before, "limit": limit + 1}).all()
    items = [logged_of(row) for row in rows[:limit]]
    return Page(items, str(items[-1].index) if len(rows) > limit else None)


def children(
    tx: sa.Connection, index: int, first: int = 0, last: int = MAX_BIGINT, *, cursor: str | None = None
) -> Page[Logged]:
    """List the movements that took some of the grams `[first, last)` out of what this leaf made, by gram number."""
    after = -1 if cursor is None else read_cursor(cursor)
    parameters = {"index": index, "first": first, "last": last, "after": after, "limit": MAX_PAGE + 1}
    rows = tx.execute(_CHILDREN, parameters).all()
    items = [logged_of(row) for row in rows[:MAX_PAGE]]
    return Page(items, str(items[-1].movement.first) if len(rows) > MAX_PAGE else None)


# Live blocks never overlap, nor do ends, and no gram is in both: at most one of these holds it. From there back to what
# is published, and from that its grams around this one that nothing published took.
_BLOCK_OF_GRAM = sa.text("""
    WITH RECURSIVE now (id) AS (
        (SELECT movement_id FROM (
            SELECT * FROM blocks WHERE first_g <= :gram ORDER BY first_g DESC LIMIT 1) b WHERE last_g > :gram)
        UNION ALL
        (SELECT id FROM (
            SELECT * FROM movements WHERE kind IN (6, 7, 8, 9) AND first_g <= :gram ORDER BY first_g DESC LIMIT 1
        ) m WHERE last_g > :gram)
    ), line (id, parent_id, index) AS (
        SELECT m.id, m.parent_id, e.index FROM now JOIN movements m ON m.id = now.id LEFT JOIN log_entries e
            ON e.movement_id = m.id AND e.index < (SELECT published_size FROM log_head)
        UNION ALL
        SELECT m.id, m.parent_id, e.index FROM line JOIN movements m ON m.id = line.parent_id LEFT JOIN log_entries e
            ON e.movement_id = m.id AND e.index < (SELECT published_size FROM log_head)
            WHERE line.index IS NULL
    )
    SELECT line.index AS log_index, coalesce(b.last_g, m.first_g) AS first_g, coalesce(a.first_g, m.last_g) AS last_g
    FROM line JOIN movements m ON m.id = line.id
    LEFT JOIN LATERAL (
        SELECT c.last_g FROM movements c JOIN log_entries e ON e.movement_id = c.id
        WHERE c.parent_id = m.id AND c.first_g <= :gram AND e.index < (SELECT published_size FROM log_head)
        ORDER BY c.first_g DESC LIMIT 1
    ) b ON true
    LEFT JOIN LATERAL (
        SELECT c.first_g FROM movements c JOIN log_entries e ON e.movement_id = c.id
        WHERE c.parent_id = m.id AND c.first_g > :gram AND e.index < (SELECT published_size FROM log_head)
        ORDER BY c.first_g LIMIT 1
    ) a ON true
    WHERE line.index IS NOT NULL
""")
# Each step's grams lie in its parent's, so those that had the whole block come first.
_LIFE = sa.text(f"""
    WITH RECURSIVE life (id, parent_id, first_g, last_g, back) AS (
        SELECT id, parent_id, first_g, last_g, 0 FROM movements
            WHERE id = (SELECT movement_id FROM log_entries WHERE index = :index)
        UNION ALL
        SELECT m.id, m.parent_id, m.first_g, m.last_g, life.back + 1 FROM movements m JOIN life
            ON m.id = life.parent_id AND life.back < :walked
    ), shown AS (
        SELECT id, count(*) OVER () AS steps, max(back) OVER () = :walked AS is_cut
        FROM life WHERE first_g <= :first AND last_g >= :last
        ORDER BY id DESC LIMIT :limit
    )
    SELECT steps.*, shown.steps, shown.is_cut FROM shown JOIN ({LOGGED}) steps ON steps.id = shown.id
    ORDER BY steps.log_index
""")  # noqa: S608 (our own text)


@dataclass(frozen=True, slots=True)
class Life:
    """The movements that a block went through, the newest last; `earlier` more came before those shown.

    When there are `more`, that is how far it was looked back.
    """

    steps: Sequence[Logged]
    earlier: int
    more: bool


def block_at(tx: sa.Connection, gram: int) -> tuple[int, int, int]:
    """Find the block that holds a gram by the published log, or in which it ended: its maker's index, first, last.

    Raises `NotFound` for a gram that was never issued there.
    """
    row = tx.execute(_BLOCK_OF_GRAM, {"gram": gram}).one_or_none() if gram <= MAX_BIGINT else None
    if row is None:
        raise NotFound(f"Gram {gram} has not been issued.")
    return row.log_index, row.first_g, row.last_g


def life_of_block(
    tx: sa.Connection, first: int, last: int, *, cursor: str | None = None, limit: int = MAX_LIFE
) -> tuple[Life, Page[Logged]]:
    """Read what happened to the grams `[first, last)` as one block, and the movements that took parts of it after.

    The block need not be there any more: its serial keeps naming the same life. Raises `NotFound` when the grams
    never were together in one block.
    """
    maker, _, _ = block_at(tx, first)
    parameters = {"index": maker, "first": first, "last": last, "limit": limit, "walked": MAX_WALK}
    rows = tx.execute(_LIFE, parameters).all() if first < last else []
    if not rows:
        raise NotFound(f"{serial(first, last)} never was one block in the last {MAX_WALK} steps of gram {first}.")
    life = Life([logged_of(row) for row in rows], rows[0].steps - len(rows), rows[0].is_cut)
    return life, children(tx, life.steps[-1].index, first, last, cursor=cursor)


# A person's name is nobody's business but the person's (R5); an institution's stands on its certificate.
_CERTIFICATE = sa.text("""
    SELECT c.number, CASE a.kind WHEN 'institution' THEN c.holder END AS holder, c.purpose, c.form,
        c.quantity_g, c.beneficiary, c.statement, c.issued_ms
    FROM certificates c JOIN accounts a ON a.id = c.account_id WHERE c.number = :number
""")
_CANCELS = sa.text(f"""
    {LOGGED} AND m.kind = 8 AND m.act_id = (SELECT act_id FROM certificates WHERE number = :number)
    AND m.first_g > :after ORDER BY m.first_g LIMIT :limit
""")  # noqa: S608 (our own text)
_COME = sa.text(f"""
    SELECT {STATE} AS state, e.grams FROM (
        SELECT max(l.index) AS index, sum(m.last_g - m.first_g) AS grams FROM movements m
        JOIN log_entries l ON l.movement_id = m.id WHERE m.kind = 8
        AND m.act_id = (SELECT act_id FROM certificates WHERE number = :number)
        AND l.index < (SELECT published_size FROM log_head)
    ) e CROSS JOIN {SIZES}
""")  # noqa: S608 (our own text)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate's row, those of its movements that are logged, by gram number, and how far all have come.

    `cancels` are a page of them, after which comes that of `next_cursor`, None at the end.
    """

    row: sa.Row[Any]
    holder: str | None
    """Who holds the account, where that is an institution."""
    beneficiary: str | None
    statement: str | None
    cancels: Sequence[Logged]
    next_cursor: str | None
    state: str


def sealed_as(number: str) -> str:
    """Give what binds the words of a certificate to it."""
    return f"certificate {number}"


def get_certificate(tx: sa.Connection, vault: Vault, number: str, *, cursor: str | None = None) -> Certificate:
    """Read a certificate. It is `recorded` until all that it stands for is logged. Raises `NotFound`."""
    row = tx.execute(_CERTIFICATE, {"number": number}).one_or_none() if number.isprintable() else None
    if row is None:
        raise NotFound("There is no certificate of that number.")
    after = -1 if cursor is None else read_cursor(cursor)
    rows = tx.execute(_CANCELS, {"number": number, "after": after, "limit": MAX_PAGE + 1}).all()
    cancels = [logged_of(found) for found in rows[:MAX_PAGE]]
    following = str(cancels[-1].movement.first) if len(rows) > MAX_PAGE else None
    come = tx.execute(_COME, {"number": number}).one()
    holder, beneficiary, statement = (
        vault.open_text(sealed_as(row.number), one) for one in (row.holder, row.beneficiary, row.statement)
    )
    state = come.state if come.grams == row.quantity_g else "recorded"
    return Certificate(row, holder, beneficiary, statement, cancels, following, state)
