"""When what was recorded is logged: what lies together in a batch cannot be told apart by its order.

So a batch waits for others' acts, and nobody waits for it: acts are answered when they are recorded
(docs/decisions/0007-what-can-be-linked.md).
"""

import time
from collections.abc import Callable

import sqlalchemy as sa

from anchoring.publishing.head import Transactions
from anchoring.publishing.sequencer import MAX_BATCH
from registry.errors import RegistryError


class Batching:
    """Says when the acts that wait are to be logged."""

    def __init__(
        self, transaction: Transactions, acts: int, interval_ms: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Let a batch be logged when so many acts wait, or so long after the one before it."""
        self._transaction, self._acts, self._interval_s = transaction, acts, interval_ms / 1000
        self._monotonic = monotonic
        self._begun_s = monotonic()

    def is_due(self) -> bool:
        """Whether it is time."""
        if self._monotonic() - self._begun_s >= self._interval_s:
            return True
        try:
            with self._transaction() as tx:
                return int(tx.execute(_WAITING, {"most": MAX_BATCH}).scalar_one()) >= self._acts
        except (RegistryError, sa.exc.SQLAlchemyError):
            return True  # publication meets the same, and says what it is

    def begin(self) -> None:
        """Begin the next batch."""
        self._begun_s = self._monotonic()


_WAITING = sa.text("""
    SELECT count(DISTINCT m.act_id) FROM (SELECT movement_id FROM unsequenced ORDER BY movement_id LIMIT :most) u
    JOIN movements m ON m.id = u.movement_id
""")
