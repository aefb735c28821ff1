"""No gram is taken twice: two movements with the same parent never overlap, and two ISSUEs never overlap."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from anchoring.auditing.history import OTHER_KIND, Rows
from anchoring.leaf import NO_PARENT
from registry.ledger.movement import Kind
from registry.ledger.rules import Rule

Overlap = tuple[int, int]
"""Indices of two leaves that take the same gram, the later one first."""


def find_overlaps(rows: Rows) -> Iterator[tuple[Rule, Overlap]]:
    """Give an overlap for every leaf that takes a gram which a rival took that begins no later; O(n log n)."""
    kind = rows["codes"] >> 14
    is_movement = (kind <= OTHER_KIND) & (rows["first"] < rows["last"])
    issues = np.flatnonzero(is_movement & (kind == Kind.ISSUE))
    for pair in _among(rows, issues[np.argsort(rows["first"][issues])], by_parent=False):
        yield Rule.ISSUE_OVERLAP, pair
    children = np.flatnonzero(is_movement & (rows["parent"] != NO_PARENT))
    order = np.lexsort((rows["first"][children], rows["parent"][children]))
    for later, earlier in _among(rows, children[order], by_parent=True):
        if not kind[later] == kind[earlier] == Kind.ISSUE:
            yield Rule.OVERLAP, (later, earlier)


def _among(rows: Rows, order: NDArray[np.intp], *, by_parent: bool) -> Iterator[Overlap]:
    """Look at rivals in `order`: sorted by parent, if that makes them rivals, and by first gram.

    If any two rivals overlap then two neighbours do, so a lawful log needs no more than one pass over neighbours.
    """
    first, last = rows["first"][order], rows["last"][order]
    is_overlap = first[1:] < last[:-1]
    parent = rows["parent"][order] if by_parent else np.zeros(len(order), np.uint64)
    is_overlap &= parent[1:] == parent[:-1]
    for at in _clusters(is_overlap, parent):
        yield from _in_cluster(first, last, parent, order, at)


def _clusters(is_overlap: NDArray[np.bool_], parent: NDArray[np.uint64]) -> Iterator[int]:
    """Give one place of overlap for each group of rivals that has any: the first."""
    places = np.flatnonzero(is_overlap)
    _, first_of_group = np.unique(parent[places], return_index=True)
    yield from places[first_of_group].tolist()


def _in_cluster(
    first: NDArray[np.uint64], last: NDArray[np.uint64], parent: NDArray[np.uint64], order: NDArray[np.intp], at: int
) -> Iterator[Overlap]:
    """Go on from the first overlap to the end of its group, keeping the rival that reaches furthest."""
    group, reach, reached_by = parent[at], int(last[at]), int(order[at])
    for place in range(at + 1, len(order)):
        if parent[place] != group:
            return
        index = int(order[place])
        if int(first[place]) < reach:
            yield max(index, reached_by), min(index, reached_by)
        if int(last[place]) > reach:
            reach, reached_by = int(last[place]), index
