"""How movements leave the queue: with an index, set aside with a reason, or because they are in the log already.

Whoever writes to the database can queue a movement once more, or give its place in the log to another; nobody waits
for those either.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from anchoring.errors import Altered
from anchoring.publishing.doubts import Doubt, reason_of
from anchoring.publishing.waiting import Numbers, among


def leave(tx: sa.Connection, ids: Numbers) -> None:
    """Take out of the queue what has its index now."""
    tx.exec_driver_sql(f"DELETE FROM unsequenced WHERE {among('movement_id', ids)}")  # noqa: S608  (numbers)


def without_logged(tx: sa.Connection, refused: Mapping[int, str]) -> dict[int, str]:
    """Let what is in the log leave the queue, into which somebody put it once more; give the others."""
    if not refused:
        return {}
    logged = [row.movement_id for row in tx.execute(_INDEXED, {"ids": list(refused)}) if row.is_own]
    if logged:
        tx.execute(_LEAVE, {"ids": logged})
    return {number: why for number, why in refused.items() if number not in logged}


def set_aside(tx: sa.Connection, refused: Mapping[int, str], at: int, *, even_logged: bool = False) -> None:
    """Take movements out of the queue; one that is in the log and was queued once more is not set aside for it."""
    if refused:
        ids = list(refused)
        values = {"ids": ids, "reasons": list(refused.values()), "at": at, "even_logged": even_logged}
        tx.execute(_SET_ASIDE, values)
        tx.execute(_LEAVE, {"ids": ids})


def leave_indexed(tx: sa.Connection, ids: Sequence[int], at: int) -> dict[int, str]:
    """Take those of these movements out of the queue that have an index already, before the rest is staged.

    Gives those that another leaf stands for, which are set aside, and why. Raises Altered when none has an index.
    """
    rows = tx.execute(_INDEXED, {"ids": list(ids)}).all()
    if not rows:
        raise Altered("An index of the log was taken while its head was locked")
    others = {int(row.movement_id): reason_of(Doubt.INDEXED) for row in rows if not row.is_own}
    set_aside(tx, others, at, even_logged=True)
    tx.execute(_LEAVE, {"ids": [row.movement_id for row in rows]})
    return others


# Queued once more by hand, or its place taken by hand.
_INDEXED = sa.text("""
    SELECT e.movement_id, substr(e.leaf, 83) = m.evidence AS is_own FROM log_entries e
    JOIN movements m ON m.id = e.movement_id WHERE e.movement_id = ANY (:ids)
""")
_SET_ASIDE = sa.text("""
    INSERT INTO set_aside (movement_id, reason, at_ms)
    SELECT number, reason, :at FROM unnest(CAST(:ids AS bigint[]), CAST(:reasons AS text[])) AS t (number, reason)
    WHERE :even_logged OR NOT EXISTS (
        SELECT FROM log_entries e JOIN log_head h ON e.index < h.size WHERE e.movement_id = number
    )
    ON CONFLICT DO NOTHING
""")
_LEAVE = sa.text("DELETE FROM unsequenced WHERE movement_id = ANY (:ids)")
