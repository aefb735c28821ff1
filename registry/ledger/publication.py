"""What can be read of the log as the database has it: published, anchored, waiting, set aside. Nothing here writes."""

from typing import Any

import sqlalchemy as sa

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
    return int(tx.execute(_ASIDE).scalar_one())


# What is said to be dismissed and is there still, was hidden by hand.
_ASIDE = sa.text("""
    SELECT count(*) FROM set_aside s
    WHERE dismissed_ms IS NULL OR EXISTS (SELECT FROM movements m WHERE m.id = s.movement_id)
""")
