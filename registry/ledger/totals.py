"""Grams by state, of each lot and of all, as a running total: how many there are is never counted when somebody asks.

They are of the published log: who saw all grams change as an act is recorded would know its moment and its lots. `fold`
counts what was published since, now and then; whoever reads adds the leaves that are not counted yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from registry.ledger.movement import Form

ALL = 0
"""Stands for all grams where a lot's number stands; lots are numbered from 1."""
BUNDLES = -1
"""Stands for the grams of all bundles where a lot's number stands: they are of several lots."""
GATHERED = -1
"""Stands where the purpose of an end stands, for numbers whose grams go on in a bundle."""


MOST_FOLDED = 100_000
"""Leaves that are counted in one transaction: a second or two."""
MOST_ADDED = 10_000
"""Leaves that a reader adds up himself, in some tens of milliseconds; after a recovery millions are not counted yet."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Grams by state: live as reductions or points, or ended, by purpose (48 for voided, 0 for expired).

    `gathered_g` of a lot's grams go on in bundles, and nobody counts there which lot they are of. Of all grams together
    they are counted where they are now, so that all that was issued lives or has ended.
    """

    issued_g: int
    reduction_g: int
    points_g: int
    ended_g: Mapping[int, int]
    gathered_g: int


def totals(tx: sa.Connection, lot_id: int = ALL) -> Totals:
    """Read the grams by state of a lot, or of everything, as of the published log.

    While more than `MOST_ADDED` leaves wait to be counted, it is as of so many behind those that are.
    """
    rows = tx.execute(_OF_ALL if lot_id == ALL else _OF_LOT, {"lot": lot_id, "most": MOST_ADDED})
    found = {(row.form, row.purpose): row.grams for row in rows}
    live = {form: found.get((form, 0), 0) for form in (Form.REDUCTION, Form.POINTS)}
    ended = {purpose: grams for (form, purpose), grams in found.items() if form == Form.END}
    gathered_g = ended.pop(GATHERED, 0)
    issued_g = sum(live.values()) + sum(ended.values()) + (0 if lot_id == ALL else gathered_g)
    return Totals(issued_g, live[Form.REDUCTION], live[Form.POINTS], ended, gathered_g)


def fold(tx: sa.Connection, most: int = MOST_FOLDED) -> int:
    """Count leaves that were published since; return how many, `most` at most. Two that fold wait for each other."""
    tx.execute(_LOCKED)  # first, by itself: what waits for the lock has read the log's size before
    counted, published = tx.execute(_COUNTED).one()
    size = min(published, counted + most)
    tx.execute(_FOLD, {"counted": counted, "size": size})
    tx.execute(_NOW_COUNTED, {"size": size})
    return int(size - counted)


def fold_all(tx: sa.Connection) -> None:
    """Count all that is published, however much it is."""
    while fold(tx):
        pass


def recount(tx: sa.Connection) -> None:
    """Make all totals anew from the published log, when somebody wrote in them."""
    tx.execute(_LOCKED)
    tx.execute(_EMPTY)
    tx.execute(_NOW_COUNTED, {"size": 0})
    fold_all(tx)


_CHANGES = """
    SELECT m.first_g, s.form, s.purpose, s.grams FROM {leaves}
    CROSS JOIN LATERAL (VALUES
        (p.form, 0, m.first_g - m.last_g),
        (m.form, CASE WHEN m.kind = 6 THEN -1 WHEN m.form = 0 THEN m.purpose ELSE 0 END, m.last_g - m.first_g)
    ) AS s (form, purpose, grams)
    WHERE m.kind < 64 AND s.form IS NOT NULL AND e.index >= {counted} AND e.index < {size}
"""
# Row by row: how few they are the planner cannot know, and all movements are many.
_SOME = """log_entries e CROSS JOIN LATERAL (SELECT * FROM movements WHERE id = e.movement_id OFFSET 0) m
    LEFT JOIN LATERAL (SELECT form FROM movements WHERE id = m.parent_id OFFSET 0) p ON true"""
_EVERY = "log_entries e JOIN movements m ON m.id = e.movement_id LEFT JOIN movements p ON p.id = m.parent_id"
_BY_LOT = f"""
    SELECT coalesce(l.id, {BUNDLES}) AS lot_id, c.form, c.purpose, c.grams
    FROM ({{changes}}) c LEFT JOIN lots l ON int8range(l.first_g, l.last_g) @> c.first_g
"""
_SINCE = _CHANGES.format(
    leaves=_SOME,
    counted="(SELECT size FROM totals_counted)",
    size="(SELECT least(h.published_size, c.size + :most) FROM log_head h, totals_counted c)",
)
_OF_ALL = sa.text(f"""
    SELECT form, purpose, sum(grams)::bigint AS grams FROM (
        SELECT form, purpose, grams FROM totals WHERE lot_id = :lot
        UNION ALL SELECT form, purpose, grams FROM ({_SINCE}) c
    ) t GROUP BY form, purpose HAVING sum(grams) <> 0
""")
_OF_LOT = sa.text(f"""
    SELECT form, purpose, sum(grams)::bigint AS grams FROM (
        SELECT form, purpose, grams FROM totals WHERE lot_id = :lot
        UNION ALL SELECT form, purpose, grams FROM ({_BY_LOT.format(changes=_SINCE)}) c WHERE lot_id = :lot
    ) t GROUP BY form, purpose HAVING sum(grams) <> 0
""")
_LOCKED = sa.text("SELECT size FROM totals_counted FOR UPDATE")
_COUNTED = sa.text("SELECT c.size, h.published_size FROM totals_counted c, log_head h")
_NOW_COUNTED = sa.text("UPDATE totals_counted SET size = :size")
_EMPTY = sa.text("DELETE FROM totals")
_FOLD = sa.text(
    f"""
    INSERT INTO totals AS t (lot_id, form, purpose, grams)
        SELECT lot, form, purpose, sum(grams) FROM ({_BY_LOT.format(changes=_CHANGES)}) c,
            LATERAL (VALUES (lot_id), ({ALL})) AS of (lot)
        GROUP BY lot, form, purpose HAVING sum(grams) <> 0
        ON CONFLICT (lot_id, form, purpose) DO UPDATE SET grams = t.grams + excluded.grams
""".format(leaves=_SOME, counted=":counted", size=":size")
)
COUNTED = _BY_LOT.format(changes=_CHANGES.format(leaves=_EVERY, counted="0", size="(SELECT size FROM totals_counted)"))
"""SQL that gives what the totals are the sums of: rows of lot_id, form, purpose, grams."""
