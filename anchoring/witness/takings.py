"""Which movement took which grams from which parent: enough to see at once whether a new one takes them again.

Sorted by parent, then by first gram; ISSUEs stand together as if they had one parent. What stands here does not
overlap, so a new movement overlaps one of them exactly if it overlaps its neighbour on the left or on the right.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from anchoring.auditing.history import OTHER_KIND, Rows
from anchoring.auditing.overlaps import Overlap
from anchoring.leaf import NO_PARENT
from registry.ledger.movement import Kind
from registry.ledger.rules import Rule

Groups = NDArray[np.uint64]
"""A parent's index for each movement, `NO_PARENT` for an ISSUE."""
Leaves = NDArray[np.intp]


def _no_groups() -> Groups:
    return np.empty(0, np.uint64)


def _no_leaves() -> Leaves:
    return np.empty(0, np.intp)


@dataclass(frozen=True)
class Takings:
    """The movements among the leaves so far: 16 bytes each. Never changed, so that a refused batch leaves no trace."""

    groups: Groups = field(default_factory=_no_groups)
    leaves: Leaves = field(default_factory=_no_leaves)

    def overlaps(self, rows: Rows, start: int) -> Iterator[tuple[Rule, Overlap]]:
        """Give, for the leaves from `start` on, each one that takes a gram which one of these took already."""
        if not len(self.leaves):
            return
        groups, leaves = _movements(rows, start)
        firsts, lasts = rows["first"][leaves], rows["last"][leaves]
        places = self._places(rows, groups, firsts)
        for neighbours, is_there in ((places - 1, places > 0), (places, places < len(self.leaves))):
            there = np.where(is_there, neighbours, 0)
            others = self.leaves[there]
            is_overlap = (rows["first"][others] < lasts) & (firsts < rows["last"][others])
            for at in np.flatnonzero(is_there & (self.groups[there] == groups) & is_overlap).tolist():
                rule = Rule.ISSUE_OVERLAP if groups[at] == NO_PARENT else Rule.OVERLAP
                yield rule, (int(leaves[at]), int(others[at]))

    def extended(self, rows: Rows, start: int) -> Self:
        """Give these and the leaves of `rows` from `start` on, which must not overlap them nor each other."""
        groups, leaves = _movements(rows, start)
        order = np.lexsort((rows["first"][leaves], groups))
        groups, leaves = groups[order], leaves[order]
        if not len(self.leaves):
            return type(self)(groups, leaves)
        places = self._places(rows, groups, rows["first"][leaves])
        return type(self)(np.insert(self.groups, places, groups), np.insert(self.leaves, places, leaves))

    def _places(self, rows: Rows, groups: Groups, firsts: NDArray[np.uint64]) -> Leaves:
        """Give where each would be inserted: a bisection inside its group, of all of them side by side."""
        low = np.searchsorted(self.groups, groups, "left")
        high = np.searchsorted(self.groups, groups, "right")
        open_ones = np.flatnonzero(low < high)
        while len(open_ones):
            middle = (low[open_ones] + high[open_ones]) // 2
            is_right = rows["first"][self.leaves[middle]] <= firsts[open_ones]
            low[open_ones] = np.where(is_right, middle + 1, low[open_ones])
            high[open_ones] = np.where(is_right, high[open_ones], middle)
            open_ones = open_ones[low[open_ones] < high[open_ones]]
        return low


def _movements(rows: Rows, start: int) -> tuple[Groups, Leaves]:
    """Give group and index of the leaves from `start` on that take grams."""
    new = rows[start:]
    kind = new["codes"] >> 14
    found = np.flatnonzero((kind <= OTHER_KIND) & (new["first"] < new["last"]))
    groups = np.where(kind[found] == Kind.ISSUE, np.uint64(NO_PARENT), new["parent"][found])
    return groups, found + start
