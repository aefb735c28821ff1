"""What the sequencer set aside: listed, given to it once more, or taken out of the ledger with all that came of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from registry.errors import NotFound, SetAside


@dataclass(frozen=True, slots=True)
class Aside:
    """A movement that is not logged: why, since when (Unix milliseconds), and the grams `[first, last)` it took."""

    id: int
    reason: str
    at: int
    kind: int | None
    first: int | None
    last: int | None
    giver_id: int | None
    account_id: int | None


def list_aside(tx: sa.Connection) -> Sequence[Aside]:
    """List all that is set aside and still in the ledger, by number."""
    return [Aside(*row) for row in tx.execute(_LIST)]


def judge_again(tx: sa.Connection) -> int:
    """Let everything that is neither logged nor waiting be judged once more, and say how much that is.

    For when what was altered or taken away was put right from a backup. What still does not stand is set aside again.
    """
    tx.execute(_FORGET)
    return int(tx.execute(_QUEUE).rowcount)


def dismiss(tx: sa.Connection, number: int, at: int) -> list[int]:
    """Take a movement that was set aside out of the ledger, with all that descends from it; give their numbers.

    Its parent's holder has the grams back, as far as nobody else took them. What was in the ledger is kept in
    `set_aside`. Raises `NotFound`, or `SetAside` when a descendant is not set aside itself, or not yet.
    """
    rows = tx.execute(_DESCENT, {"number": number}).all()
    if not rows:
        raise NotFound(f"No movement {number} is set aside; `gram aside list` lists those that are.")
    standing = [row.id for row in rows if not row.is_aside]
    if standing:
        raise SetAside(
            f"Movement {standing[0]} descends from {number} and is not set aside. Publish first, then repeat."
        )
    numbers = [int(row.id) for row in rows]
    for one in sorted(numbers, reverse=True):
        tx.execute(_DELETE, {"number": one})
    tx.execute(_DISMISSED, {"numbers": numbers, "at": at})
    return sorted(numbers)


_LIST = sa.text("""
    SELECT s.movement_id, s.reason, s.at_ms, m.kind, m.first_g, m.last_g, m.giver_id, m.account_id
    FROM set_aside s LEFT JOIN movements m ON m.id = s.movement_id WHERE s.dismissed_ms IS NULL ORDER BY s.movement_id
""")
_FORGET = sa.text("""
    DELETE FROM set_aside s WHERE dismissed_ms IS NULL OR EXISTS (SELECT FROM movements m WHERE m.id = s.movement_id)
""")
_QUEUE = sa.text("""
    INSERT INTO unsequenced SELECT id FROM movements m
    WHERE NOT EXISTS (SELECT FROM log_entries e WHERE e.movement_id = m.id)
    ON CONFLICT DO NOTHING
""")
# Of a run all descend from any: without one of its GATHERs there is no BUNDLE.
_DESCENT = sa.text("""
    WITH RECURSIVE descent AS (
        SELECT s.movement_id AS id, m.act_id, m.kind FROM set_aside s LEFT JOIN movements m ON m.id = s.movement_id
            WHERE s.movement_id = :number AND s.dismissed_ms IS NULL
        UNION SELECT n.id, n.act_id, n.kind FROM descent d CROSS JOIN LATERAL (
            SELECT id, act_id, kind FROM movements WHERE parent_id = d.id
            UNION ALL SELECT id, act_id, kind FROM movements
                WHERE act_id = d.act_id AND (d.kind, kind) IN ((6, 12), (12, 6))
        ) n
    )
    SELECT d.id, s.movement_id IS NOT NULL AS is_aside FROM descent d LEFT JOIN set_aside s ON s.movement_id = d.id
""")
_DELETE = sa.text("DELETE FROM movements WHERE id = :number")
_DISMISSED = sa.text("UPDATE set_aside SET dismissed_ms = :at WHERE movement_id = ANY (:numbers)")
