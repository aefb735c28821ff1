"""Which movement took which grams from which parent: enough to see at once whether a new one takes them again.

Sorted by parent, then by first gram; ISSUEs and BUNDLEs stand together as if they had one parent. What stands here does
not overlap, so a new movement overlaps one of them exactly if it overlaps its neighbour on the left or on the right.

The order is cut into blocks, and a change copies only the blocks it falls into: a publication costs what its own leaves
cost, however long the log is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from anchoring.leaf import NO_PARENT
from anchoring.replaying.history import OTHER_KIND, Rows, are_origins
from anchoring.replaying.overlaps import Overlap
from registry.ledger.rules import Rule

BLOCK: Final = 8192
"""Movements in a block, 196 kB, before it may be split; at most three times as many."""
Keys = NDArray[Any]
"""`S16`: the parent's index, `NO_PARENT` for ISSUE and BUNDLE, and the first gram, big-endian: bytes sort as both."""
Leaves = NDArray[np.intp]


class Block(NamedTuple):
    """A stretch of the order; both of the same length."""

    keys: Keys
    leaves: Leaves


_NOTHING: Final = Block(np.empty(0, "S16"), np.empty(0, np.intp))


@dataclass(frozen=True)
class Takings:
    """The movements among the leaves so far: 24 bytes each. Never changed, so that a refused batch leaves no trace."""

    blocks: tuple[Block, ...] = ()
    begins: Keys = field(default_factory=lambda: _NOTHING.keys)
    """The first key of each block."""

    def overlaps(self, rows: Rows, start: int) -> Iterator[tuple[Rule, Overlap]]:
        """Give, for the leaves from `start` on, each one that takes a gram which one of these took already."""
        yield from overlaps_among(rows, *self.neighbours(rows[start:], start))

    def neighbours(self, new_rows: Rows, start: int) -> tuple[Leaves, Leaves]:
        """Pair new movements with those of these that stand beside them and took grams of the same parent.

        `new_rows` are those of the leaves from index `start` on; of the others no row is read.
        """
        new = _ordered(new_rows, start)
        later, earlier = [_NOTHING.leaves], [_NOTHING.leaves]
        for number, part in self._by_block(new.keys):
            after = self.blocks[number + 1 : number + 2] or (_NOTHING,)
            others = np.concatenate((self.blocks[number].leaves, after[0].leaves[:1]))
            parents = _parents(np.concatenate((self.blocks[number].keys, after[0].keys[:1])))
            places = np.searchsorted(self.blocks[number].keys, new.keys[part], "right")
            for beside in (places - 1, places):
                is_there = (beside >= 0) & (beside < len(others))
                is_there[is_there] = parents[beside[is_there]] == _parents(new.keys[part][is_there])
                later.append(new.leaves[part][is_there])
                earlier.append(others[beside[is_there]])
        return np.concatenate(later), np.concatenate(earlier)

    def extended(self, new_rows: Rows, start: int) -> Self:
        """Give these and the leaves of `new_rows`, from index `start` on, which overlap neither them nor each other."""
        new = _ordered(new_rows, start)
        if not self.blocks:
            return self._of(list(_split(new)))
        blocks = list(self.blocks)
        for number, part in reversed(list(self._by_block(new.keys))):
            old = blocks[number]
            places = np.searchsorted(old.keys, new.keys[part])
            keys, leaves = np.insert(old.keys, places, new.keys[part]), np.insert(old.leaves, places, new.leaves[part])
            blocks[number : number + 1] = _split(Block(keys, leaves))
        return self._of(blocks)

    def before(self, size: int) -> Self:
        """Give those of these that are among the first `size` leaves."""
        kept = ((block, block.leaves < size) for block in self.blocks)
        return self._of([Block(block.keys[is_kept], block.leaves[is_kept]) for block, is_kept in kept if is_kept.any()])

    def _of(self, blocks: list[Block]) -> Self:
        return type(self)(tuple(blocks), np.array([block.keys[0] for block in blocks], "S16"))

    def _by_block(self, keys: Keys) -> Iterator[tuple[int, slice]]:
        """Cut sorted keys by the block that each belongs into."""
        if not self.blocks or not len(keys):
            return
        numbers = np.maximum(np.searchsorted(self.begins, keys, "right") - 1, 0)
        cuts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(keys)]
        for first, last in pairwise(cuts):
            yield int(numbers[first]), slice(first, last)


def overlaps_among(rows: Rows, later: Leaves, earlier: Leaves) -> Iterator[tuple[Rule, Overlap]]:
    """Give the pairs, each of a later and an earlier movement, that take the same gram of the same parent."""
    new, old = rows.take(later), rows.take(earlier)
    groups = _groups(new)
    is_overlap = (groups == _groups(old)) & (old["first"] < new["last"]) & (new["first"] < old["last"])
    for at in np.flatnonzero(is_overlap).tolist():
        rule = Rule.ISSUE_OVERLAP if groups[at] == NO_PARENT else Rule.OVERLAP
        yield rule, (int(later[at]), int(earlier[at]))


def _groups(rows: Rows) -> NDArray[np.uint64]:
    return np.where(are_origins(rows["codes"] >> 14), np.uint64(NO_PARENT), rows["parent"])


def _parents(keys: Keys) -> NDArray[Any]:
    return np.ascontiguousarray(keys).view(">u8").reshape(-1, 2)[:, 0]


def _ordered(new: Rows, start: int) -> Block:
    """Give the movements among the leaves from index `start` on, in order."""
    found = np.flatnonzero((new["codes"] >> 14 <= OTHER_KIND) & (new["first"] < new["last"]))
    numbers = np.empty((len(found), 2), ">u8")
    numbers[:, 0], numbers[:, 1] = _groups(new.take(found)), new["first"][found]
    keys = numbers.view("S16")[:, 0]
    order = np.argsort(keys, kind="stable")
    return Block(keys[order], found[order] + start)


def _split(block: Block) -> Iterator[Block]:
    """Cut a block that became too long; each part is its own copy, so that none keeps the others' memory."""
    if len(block.keys) <= 2 * BLOCK:
        if len(block.keys):
            yield block
        return
    for at in range(0, len(block.keys), BLOCK):
        part = slice(at, at + BLOCK)
        yield Block(block.keys[part].copy(), block.leaves[part].copy())
