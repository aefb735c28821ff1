"""What the log has taken already, as it was published: which grams of which parent, which records, and until when.

Whoever writes to the database can take logged rows out of it and give the grams back. Their second spending is then
sealed in good faith, and no witness would cosign it. So what was taken is known from the log's own files, and kept in
memory: 24 bytes a movement, two microseconds each at the start.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anchoring.publishing.doubts import Doubt
from anchoring.publishing.published import Published
from anchoring.replaying.history import Rows, rows_of
from anchoring.replaying.takings import Takings, overlaps_among
from registry.ledger.movement import RECORDS_FROM
from registry.procedure.clock import Bounds

_DIGEST: Final = 8
"""Bytes of a record's evidence that are kept: they are salted and sealed, so nobody can look for two that agree."""


class Taken:
    """What one log's leaves took, as far as they were given."""

    def __init__(self, bounds: Bounds) -> None:
        """Begin with nothing; `bounds` are the witnesses'."""
        self._bounds = bounds
        self._size = 0
        self._takings = Takings()
        self._records = np.empty(0, np.uint64)
        self._newest = 0

    @property
    def earliest(self) -> int:
        """The earliest time, Unix milliseconds, that a witness lets the next leaf have (the rule CLOCK)."""
        return self._newest - self._bounds.behind_ms

    def take(self, leaves: Rows) -> None:
        """Take in the leaves (`LEAF_DTYPE`) that come next in the published log."""
        rows = rows_of(leaves)
        self._takings = self._takings.extended(rows, self._size)
        self._newest = max(self._newest, int(rows["at"].max(initial=0)))
        self._records = np.union1d(self._records, _digests(leaves[leaves["kind"] >= RECORDS_FROM]))
        self._size += len(leaves)

    def again(self, leaves: Rows, log: Published) -> NDArray[Any]:
        """Say of each of these leaves, whose parents are filled in, why the log cannot take it; 0 where it can.

        A `Rule` for grams that another leaf took, `Doubt.LOGGED` for what is there itself.
        """
        codes = np.zeros(len(leaves), np.uint8)
        is_record = leaves["kind"] >= RECORDS_FROM
        codes[is_record] = np.where(np.isin(_digests(leaves[is_record]), self._records), Doubt.LOGGED, 0)
        rows = rows_of(leaves)
        later, earlier = self._takings.neighbours(rows, 0)
        indices, which = np.unique(earlier, return_inverse=True)
        others = log.leaves(indices)
        both = np.concatenate((rows, rows_of(others)))
        for rule, (one, other) in overlaps_among(both, later, len(rows) + which):
            is_itself = (others["evidence"][other - len(rows)] == leaves["evidence"][one]).all()
            codes[one] = Doubt.LOGGED if is_itself or codes[one] == Doubt.LOGGED else rule
        return codes


def _digests(leaves: Rows) -> NDArray[np.uint64]:
    return np.ascontiguousarray(leaves["evidence"][:, :_DIGEST]).view(np.uint64)[:, 0]
