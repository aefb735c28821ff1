"""Grams by state, of each lot and of all, as a running total: how many there are is never counted when somebody asks.

The database adds a change to `total_changes` in the transaction of each movement, as it keeps the blocks; `fold` brings
the changes into `totals` now and then. Whoever reads adds what is not folded yet. What is shown to the public is less
what is not in the published log yet: who saw all grams change as an act is recorded would know its moment and its lots.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from registry.ledger.movement import Form

ALL = 0
"""Stands for all grams where a lot's number stands; lots are numbered from 1."""
BUNDLES = -1
"""Stands for the grams of all bundles where a lot's number stands: they are of several lots."""
GATHERED = -1
"""Stands where the purpose of an end stands, for numbers whose grams go on in a bundle."""


MAX_KNOWN = 1024
"""Lots whose totals a process remembers: a quarter of a megabyte."""


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
    """Read the grams by state of a lot, or of everything."""
    return _added(lot_id, tx.execute(_OF_ALL if lot_id == ALL else _OF_LOT, {"lot": lot_id}).all())


class LoggedTotals:
    """Grams by state as of the published log. They are added up once for each size of it, however many ask."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: OrderedDict[int, tuple[int, Totals]] = OrderedDict()

    def read(self, tx: sa.Connection, lot_id: int = ALL) -> Totals:
        """Read the grams by state of a lot, or of everything."""
        size, known = tx.execute(_PUBLISHED).scalar_one(), self._known.get(lot_id)
        if known is not None and known[0] == size:
            return known[1]
        rows = tx.execute(_LOGGED_OF_ALL if lot_id == ALL else _LOGGED_OF_LOT, {"lot": lot_id}).all()
        of = _added(lot_id, rows)
        if rows:  # each tells its size, which may be a newer one than was asked for
            self._known[lot_id] = rows[0].size, of
            self._known.move_to_end(lot_id)
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        return of


def _added(lot_id: int, rows: Sequence[sa.Row[Any]]) -> Totals:
    found = {(row.form, row.purpose): row.grams for row in rows}
    live = {form: found.get((form, 0), 0) for form in (Form.REDUCTION, Form.POINTS)}
    ended = {purpose: grams for (form, purpose), grams in found.items() if form == Form.END}
    gathered_g = ended.pop(GATHERED, 0)
    issued_g = sum(live.values()) + sum(ended.values()) + (0 if lot_id == ALL else gathered_g)
    return Totals(issued_g, live[Form.REDUCTION], live[Form.POINTS], ended, gathered_g)


def fold(tx: sa.Connection) -> int:
    """Bring the changes that were committed into the totals; return how many. Two that fold wait for each other."""
    tx.execute(_ONE_FOLDS)
    return int(tx.execute(_FOLD).scalar_one())


def recount(tx: sa.Connection) -> None:
    """Make all totals anew from the blocks and the ended grams, when somebody wrote in them. Acts wait meanwhile."""
    tx.execute(_ONE_FOLDS)
    tx.execute(_NO_CHANGES)
    tx.execute(_EMPTY)
    tx.execute(_RECOUNT)


_PUBLISHED = sa.text("SELECT published_size FROM log_head")
_KEPT_OF_ALL = """
    SELECT form, purpose, grams FROM totals WHERE lot_id = :lot
    UNION ALL SELECT form, purpose, grams FROM total_changes
"""
_KEPT_OF_LOT = f"{_KEPT_OF_ALL} WHERE lot_id = :lot"
# What is set aside, and in the ledger still, never was logged either.
_UNLOGGED = f"""
    SELECT s.form, s.purpose, s.grams FROM (
        SELECT movement_id FROM unsequenced UNION ALL SELECT movement_id FROM set_aside UNION ALL
        SELECT movement_id FROM log_entries WHERE index >= (SELECT published_size FROM log_head)
    ) w JOIN movements m ON m.id = w.movement_id LEFT JOIN movements p ON p.id = m.parent_id
    CROSS JOIN LATERAL (VALUES
        (p.form, 0, m.last_g - m.first_g),
        (m.form, CASE WHEN m.kind = 6 THEN {GATHERED} WHEN m.form = 0 THEN m.purpose ELSE 0 END, m.first_g - m.last_g)
    ) AS s (form, purpose, grams)
    WHERE m.kind < 64 AND s.form IS NOT NULL
"""
_UNLOGGED_OF_LOT = f"""
    {_UNLOGGED} AND EXISTS (SELECT FROM lots l WHERE l.id = :lot AND m.first_g >= l.first_g AND m.first_g < l.last_g)
"""


def _summed(*parts: str) -> sa.TextClause:
    return sa.text(f"""
        SELECT form, purpose, sum(grams)::bigint AS grams, (SELECT published_size FROM log_head) AS size
        FROM ({" UNION ALL ".join(parts)}) t GROUP BY form, purpose HAVING sum(grams) <> 0
    """)


_OF_ALL, _OF_LOT = _summed(_KEPT_OF_ALL), _summed(_KEPT_OF_LOT)
_LOGGED_OF_ALL, _LOGGED_OF_LOT = _summed(_KEPT_OF_ALL, _UNLOGGED), _summed(_KEPT_OF_LOT, _UNLOGGED_OF_LOT)
_ONE_FOLDS = sa.text("SELECT pg_advisory_xact_lock(hashtext('gramledger/fold-totals'))")
# Taken away and added in one statement: whoever reads sees each change once, before it or after it.
_FOLD = sa.text(f"""
    WITH gone AS (DELETE FROM total_changes RETURNING lot_id, form, purpose, grams), folded AS (
        INSERT INTO totals AS t (lot_id, form, purpose, grams)
            SELECT lot, form, purpose, sum(grams) FROM gone, LATERAL (VALUES (lot_id), ({ALL})) AS of (lot)
            GROUP BY lot, form, purpose
            ON CONFLICT (lot_id, form, purpose) DO UPDATE SET grams = t.grams + excluded.grams
    )
    SELECT count(*) FROM gone
""")
LIVED = f"""
    SELECT coalesce(lot_id, {BUNDLES}) AS lot_id, form, 0 AS purpose, last_g - first_g AS grams FROM blocks
    UNION ALL
    SELECT coalesce(l.id, {BUNDLES}), 0, CASE m.kind WHEN 6 THEN {GATHERED} ELSE m.purpose END, m.last_g - m.first_g
        FROM movements m LEFT JOIN lots l ON int8range(l.first_g, l.last_g) @> m.first_g WHERE m.kind IN (6, 7, 8, 9)
"""
"""SQL that gives what the totals are the sums of: rows of lot_id, form, purpose, grams."""
_NO_CHANGES = sa.text("LOCK TABLE total_changes IN EXCLUSIVE MODE")
_EMPTY = sa.text("WITH gone AS (DELETE FROM totals) DELETE FROM total_changes")
_RECOUNT = sa.text(f"""
    INSERT INTO totals (lot_id, form, purpose, grams)
        SELECT lot, form, purpose, sum(grams) FROM ({LIVED}) l, LATERAL (VALUES (lot_id), ({ALL})) AS of (lot)
        GROUP BY lot, form, purpose
""")
