"""The state as segments: which movement each gram's last one is, from the columns of all leaves so far. Pure.

A movement's remainder is its range less the ranges of its children. Over all movements the remainders tile the numbers
that were issued or bundled; what lies between two of them was never issued.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anchoring.errors import Refuted
from anchoring.leaf import NO_PARENT
from anchoring.replaying.history import OTHER_KIND, Rows

Grams = NDArray[np.uint64]
NO_INDEX: Final = 2**64 - 1
"""Stands for "no movement" where grams were never issued; no leaf can have it."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What the state is made from: one row a leaf, in the log's order, shape (size,); grams, and indices of parents.

    `parent` is `NO_PARENT` where there is none. Records do not count, whatever stands in their row.
    """

    first: Grams
    last: Grams
    parent: Grams
    is_movement: NDArray[np.bool_]

    def __len__(self) -> int:
        """Count the leaves."""
        return len(self.first)

    def until(self, size: int) -> "Columns":
        """Give those of the first `size` leaves, not copied."""
        return Columns(self.first[:size], self.last[:size], self.parent[:size], self.is_movement[:size])


@dataclass(frozen=True, slots=True)
class Segments:
    """The number line `[0, frontier_g)` in order: where each segment begins, and the leaf whose remainder it is.

    A segment ends where the next one begins, the last at the frontier. `index` is `NO_INDEX` where nothing was issued.
    """

    first: Grams
    index: Grams
    frontier_g: int

    def __len__(self) -> int:
        """Count the segments."""
        return len(self.first)

    @property
    def last(self) -> Grams:
        """Where each segment ends, exclusive."""
        return np.append(self.first[1:], np.uint64(self.frontier_g)) if len(self.first) else self.first


def columns_of(rows: Rows) -> Columns:
    """Take the columns out of the rows that a witness and an auditor keep (`anchoring.replaying.history.ROW`)."""
    is_movement = rows["codes"] >> 14 < OTHER_KIND
    first, last, parent = (np.ascontiguousarray(rows[name]) for name in ("first", "last", "parent"))
    return Columns(first, last, parent, is_movement)


def segments_of(columns: Columns) -> Segments:
    """Give the state after all these leaves; O(n log n), some 120 bytes of memory a leaf.

    Raises Refuted when the leaves break a rule so that grams would have two states; lawful leaves never do.
    """
    movers = np.flatnonzero(columns.is_movement)
    children = movers[columns.parent[movers] != NO_PARENT]
    order = children[np.lexsort((columns.first[children], columns.parent[children]))]
    _check_parents(columns, order)
    first, last, index = _remainders(columns, movers, order)
    sort = np.argsort(first, kind="stable")
    return _tiled(first[sort], last[sort], index[sort])


def _check_parents(columns: Columns, children: NDArray[np.intp]) -> None:
    parents = columns.parent[children]
    is_before = parents < children.astype(np.uint64)
    known = np.where(is_before, parents, 0).astype(np.intp)
    is_movement = is_before & (columns.is_movement[known] if len(known) else is_before)
    within = (columns.first[known] <= columns.first[children]) & (columns.last[children] <= columns.last[known])
    if not (is_movement & within & (columns.first[children] < columns.last[children])).all():
        raise Refuted("a movement takes grams that its parent has not; such a log has no state")


def _remainders(columns: Columns, movers: NDArray[np.intp], order: NDArray[np.intp]) -> tuple[Grams, Grams, Grams]:
    """Give what each movement keeps before each of its children and behind the last; `order` is by parent and gram."""
    parent = columns.parent[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = parent[1:] != parent[:-1]
    is_last = np.roll(is_first, -1)
    before = np.empty(len(order), np.uint64)
    before[1:] = columns.last[order[:-1]]
    before[is_first] = columns.first[parent[is_first].astype(np.intp)]
    if (before > columns.first[order]).any():
        raise Refuted("two movements take the same gram; such a log has no state")
    behind = columns.first.copy()
    behind[parent[is_last].astype(np.intp)] = columns.last[order[is_last]]
    kept = before < columns.first[order]
    left = movers[behind[movers] < columns.last[movers]]
    return (
        np.concatenate((before[kept], behind[left])),
        np.concatenate((columns.first[order[kept]], columns.last[left])),
        np.concatenate((parent[kept], left.astype(np.uint64))),
    )


def _tiled(first: Grams, last: Grams, index: Grams) -> Segments:
    """Fill what lies between sorted remainders with segments that were never issued."""
    if not len(first):
        return Segments(first, index, 0)
    ends = np.concatenate((np.zeros(1, np.uint64), last[:-1]))
    if (first < ends).any():
        raise Refuted("two movements number the same grams; such a log has no state")
    gaps = np.flatnonzero(first > ends)
    frontier_g = int(last[-1])
    if len(gaps):
        first = np.insert(first, gaps, ends[gaps])
        index = np.insert(index, gaps, np.uint64(NO_INDEX))
    return Segments(first, index, frontier_g)
