"""No gram is taken twice: two movements with the same parent never overlap, nor do two of ISSUE and BUNDLE."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anchoring.leaf import NO_PARENT
from anchoring.replaying.history import OTHER_KIND, Rows, are_origins
from registry.ledger.rules import Rule

Overlap = tuple[int, int]
"""Indices of two leaves that take the same gram, the later one first."""
PARENTS_AT_ONCE: Final = 1 << 21
"""Parents whose children are sorted together: 2,097,152, about 130 MB where each has one."""
CHUNK: Final = 1 << 20
"""Rows looked at together, so that what is not kept of them stays small."""


@dataclass(frozen=True, slots=True)
class Rivals:
    """Movements that may take grams from each other: those whose parent is in `[low, high)`.

    Or all that number grams: ISSUEs and BUNDLEs.
    """

    low: int = 0
    high: int = NO_PARENT
    is_origins: bool = False


def partition(size: int) -> list[Rivals]:
    """Divide the movements of `size` leaves so that none of a part overlaps one of another."""
    edges = [*range(0, size, PARENTS_AT_ONCE), NO_PARENT]
    return [Rivals(is_origins=True), *(Rivals(low, high) for low, high in pairwise(edges))]


def find_overlaps(rows: Rows, part: Rivals | None = None) -> Iterator[tuple[Rule, Overlap]]:
    """Give an overlap for every leaf that takes a gram which a rival took that begins no later; O(n log n).

    Of all leaves, or of one part of them.
    """
    for rivals in (Rivals(is_origins=True), Rivals()) if part is None else (part,):
        found = _find(rows, rivals)
        first, last = rows["first"][found], rows["last"][found]
        parent = np.zeros(len(found), np.uint64) if rivals.is_origins else rows["parent"][found]
        order = np.lexsort((first, parent))
        for later, earlier in _among(first[order], last[order], parent[order], found[order]):
            if rivals.is_origins:
                yield Rule.ISSUE_OVERLAP, (later, earlier)
            elif not are_origins(rows["codes"][[later, earlier]] >> 14).all():
                yield Rule.OVERLAP, (later, earlier)


def _find(rows: Rows, rivals: Rivals) -> NDArray[np.intp]:
    """Give the indices of rivals, looking at some rows at a time."""
    found = [np.empty(0, np.intp)]
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        kind, parent = part["codes"] >> 14, part["parent"]
        is_rival = (kind <= OTHER_KIND) & (part["first"] < part["last"])
        if rivals.is_origins:
            is_rival &= are_origins(kind)
        else:
            is_rival &= (rivals.low <= parent) & (parent < rivals.high)
        found.append(np.flatnonzero(is_rival) + start)
    return np.concatenate(found)


def _among(
    first: NDArray[np.uint64], last: NDArray[np.uint64], parent: NDArray[np.uint64], order: NDArray[np.intp]
) -> Iterator[Overlap]:
    """Look at rivals in `order`: sorted by parent and by first gram.

    If any two rivals overlap then two neighbours do, so a lawful log needs no more than one pass over neighbours.
    """
    is_overlap = (first[1:] < last[:-1]) & (parent[1:] == parent[:-1])
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
