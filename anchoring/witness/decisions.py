"""The decisions of a witness's log: followed from its first leaf on, each record by its public document.

What they made is not kept on the disk. After a start, and when leaves were replayed in vain, their records are read
from the log again, and must be the leaves that were replayed.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np

from anchoring.decisions.following import Following
from anchoring.errors import Refuted
from anchoring.replaying.history import RECORD_KIND, Rows
from anchoring.replaying.reading import leaf_hashes
from anchoring.tree.documents import TileRecords, records_by_tile
from anchoring.tree.fetching import BATCH, LeafFetcher
from anchoring.tree.tiles import TILE_WIDTH
from anchoring.witness.state import WitnessState
from registry.evidence.public import RULE as DOCUMENT
from registry.evidence.public import Document, Faulty, RecordLeaf
from registry.procedure.clock import Bounds, Watch

RECALLED: Final = 64
"""Tiles whose records are read again together."""
Fault = tuple[int, str, str]
"""A leaf, the rule that it breaks, and a sentence."""


class _Undocumented(Exception):
    """A record has not its one document."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault[2])
        self.fault = fault


class Decisions:
    """What the decisions among the leaves that were replayed made."""

    def __init__(
        self, state: WitnessState, fetcher: LeafFetcher, clock: Callable[[], int] | None, bounds: Bounds
    ) -> None:
        """Follow the log whose leaves `fetcher` gives; without a `clock` no leaf's time is held against ours."""
        self._state, self._fetcher, self._clock, self._bounds = state, fetcher, clock, bounds
        self._following = Following()
        self._newest = (0, 0)
        """So many leaves that were cosigned, and the newest time of them."""

    def recall(self, size: int) -> Fault | None:
        """Come to where the state is, by the published tree of `size`; gives a fault of what was replayed before.

        Raises Unreachable, Malformed or Refuted when the log does not give the records that were replayed.
        """
        position = self._state.position.tree.size
        if self._following.is_sound and self._following.size == position:
            return None
        self._following = Following()
        while (start := self._following.size) < position:
            end = min(start + BATCH, position)
            self._state.check_rows(np.arange(start, end), end)
            rows = self._state.rows(end)
            documents = self._fetcher.documents_of(self._recalled(rows, start, size))
            # What comes after the leaves that were replayed is told when they are taken.
            fault = self._take(rows, (one for one in documents if _index(one) < end))
            if fault is not None:
                return fault
        return None

    def take(self, leaves: Rows, start: int, size: int) -> Fault | None:
        """Take the leaves that come next, whose rows were written, of the tree of `size`; give the first fault.

        `leaves` (`LEAF_DTYPE`) begin with the tile that the first of them, `start`, is in: a file of documents is read
        anew as it grows, with what was in it before.
        """
        first = start - start % TILE_WIDTH
        end = first + len(leaves)
        rows = self._state.rows(end)
        fault = self._take(rows, self._fetcher.fetch_documents(leaves, first, size))
        late = self._untimely(rows[start:], start)
        return late if late is not None and (fault is None or late[0] < fault[0]) else fault

    def _take(self, rows: Rows, found: Iterable[Document | Faulty]) -> Fault | None:
        """Give the first fault; a document may say that it is of a leaf that there is not."""
        try:
            for fault in self._following.take(rows, _documents(found, self._following.size, len(rows) - 1)):
                return fault.leaf, fault.rule, fault.sentence
        except _Undocumented as missing:
            return missing.fault
        return None

    def _untimely(self, rows: Rows, start: int) -> Fault | None:
        """Give the first leaf that is not of the time at which it comes; those that were cosigned came before."""
        if self._clock is None:
            return None
        watch = Watch(self._clock(), self._newest_cosigned(), self._bounds)
        at = rows["at"].astype(np.int64)
        is_late = (at > watch.latest) | (at < watch.earliest)
        is_late[: max(0, self._state.head.tree.size - start)] = False
        for place in np.flatnonzero(is_late)[:1].tolist():
            fault = watch.fault(start + place, int(at[place]))
            return None if fault is None else (fault.leaf, fault.rule, fault.sentence)
        return None

    def _newest_cosigned(self) -> int | None:
        size = self._state.head.tree.size
        known, newest = self._newest if self._newest[0] <= size else (0, 0)
        self._newest = size, max(newest, int(self._state.rows(size)["at"][known:].max(initial=0)))
        return self._newest[1] if size else None

    def _recalled(self, rows: Rows, start: int, size: int) -> list[TileRecords]:
        """Read the records among rows again, by tile.

        Each leaf of such a tile must be the one that was replayed: of a movement a server could make a decision.
        """
        places = np.flatnonzero(rows["codes"][start:] >> 14 == RECORD_KIND) + start
        hashes = self._state.leaf_hashes(len(rows))
        numbers = np.unique(places // TILE_WIDTH).tolist()
        found = []
        for at in range(0, len(numbers), RECALLED):
            some = numbers[at : at + RECALLED]
            for n, leaves in zip(some, self._fetcher.fetch_bundles(some, size), strict=True):
                first = n * TILE_WIDTH
                replayed = hashes[first : first + TILE_WIDTH].tolist()
                for place, (ours, theirs) in enumerate(zip(replayed, leaf_hashes(leaves), strict=False), first):
                    if ours != theirs:
                        raise Refuted(f"leaf {place} is not the one that was replayed before")
                found += records_by_tile(leaves, first, size)
        return found


def _index(one: Document | Faulty) -> int:
    return one.index if isinstance(one, Faulty) else one.leaf.index


def _documents(
    found: Iterable[Document | Faulty], start: int, last: int
) -> Iterator[tuple[RecordLeaf, Document | None]]:
    for one in found:
        if isinstance(one, Faulty):
            raise _Undocumented((min(one.index, last), DOCUMENT, one.sentence))
        if one.leaf.index >= start:
            yield one.leaf, one
