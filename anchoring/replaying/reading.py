"""Reads a log's files for an audit: what is missing or malformed is a fault, a log that is gone is an error."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

import numpy as np

from anchoring import merkle
from anchoring.errors import Malformed, Unreachable
from anchoring.leaf import LEAF_SIZE
from anchoring.note import MAX_NOTE
from anchoring.replaying.faults import Fault, Faults
from anchoring.replaying.history import Rows
from anchoring.tree.builder import leaves_of
from anchoring.tree.documents import TileRecords, read_by_tile
from anchoring.tree.tiles import TILE_WIDTH, Source, TileReader, entries_path, tile_path
from registry.evidence.public import RULE, Faulty, Flaw

CHECKPOINT = "checkpoint"
MAX_UNREAD_FILES: Final = 100
"""Files that may be missing or malformed before the audit gives up: a checkpoint can claim more than all disks hold."""
AHEAD: Final = 4
"""Tiles with their bundles that each connection may be ahead: 38 kB each, so a server gains nothing by being quick."""
T = TypeVar("T")

Read = tuple[Rows | None, bytes | None]
"""Leaves of one bundle (`LEAF_DTYPE`), and the hashes of the tile of level 0 above them; None with a fault."""


class Files:
    """The tiles and bundles of one log."""

    def __init__(self, source: Source, faults: Faults) -> None:
        """Read from `source` and put what is wrong with a file into `faults`."""
        self._source = source
        self._faults = faults
        # Each tile is read once, so nothing is kept.
        self._reader = TileReader(source, cached_tiles=0)
        self.unread = 0
        """Files that could not be read so far."""

    def tile(self, level: int, n: int, width: int) -> bytes | None:
        """Give the hashes of a tile, None with a fault when it cannot be had; raises Unreachable if the log is gone."""
        outcome = _attempt(lambda: self._reader.tile(level, n, width))
        return self._accept(tile_path(level, n, width), outcome)

    def bottom(self, tiles: Iterable[tuple[int, int]], pool: ThreadPoolExecutor | None, ahead: int) -> Iterator[Read]:
        """Read bundles and tiles of level 0, each (n, width), in order; as `tile`.

        With a `pool`, `ahead` of them are being read or wait to be taken at any moment.
        """
        for (n, width), outcomes in _in_order(self._both, tiles, pool, ahead):
            leaves = self._accept(entries_path(n, width), outcomes[0])
            yield leaves, self._accept(tile_path(0, n, width), outcomes[1])

    def documents(
        self, tiles: Sequence[TileRecords], false: AbstractSet[int], pool: ThreadPoolExecutor | None
    ) -> Iterator[tuple[int, bytes | None]]:
        """Check the documents of these tiles; a record that has not exactly its one is a fault, but for `false` leaves.

        Gives for each tile its number and the SHA-256 of its file, empty if anything in that is wrong, None when it
        could not be read. Raises as `tile`.
        """
        for tile, outcome in read_by_tile(self._source, tiles, pool):
            if isinstance(outcome, (Malformed, Unreachable)):
                self._source.read(CHECKPOINT, MAX_NOTE)
                sentence = f"{Faulty(0, Flaw.MISSING).sentence}: {outcome}"
                for leaf in tile.leaves:
                    self._faults.add(Fault(RULE, sentence, leaf=leaf.index, path=tile.path))
                yield tile.n, None
                continue
            is_whole = True
            for found in outcome:
                is_whole &= not isinstance(found, Faulty)
                if isinstance(found, Faulty) and found.index not in false:
                    is_here = found.index // TILE_WIDTH == tile.n
                    place = found.index if is_here else None
                    of = "" if is_here else f": it says leaf {found.index}"
                    self._faults.add(Fault(RULE, found.sentence + of, leaf=place, path=tile.path))
            yield tile.n, outcome.digest if is_whole else b""

    def _both(self, tile: tuple[int, int]) -> tuple[Rows | Malformed | Unreachable, bytes | Malformed | Unreachable]:
        n, width = tile
        leaves = _attempt(lambda: leaves_of(self._reader.bundle(n, width), width))
        return leaves, _attempt(lambda: self._reader.tile(0, n, width))

    def _accept(self, path: str, outcome: T | Malformed | Unreachable) -> T | None:
        if isinstance(outcome, Malformed):
            self._faults.add(Fault("file-malformed", str(outcome), path=path))
        elif isinstance(outcome, Unreachable):
            # A log that no longer has even its checkpoint is not a log with a fault but one that went away.
            self._source.read(CHECKPOINT, MAX_NOTE)
            self._faults.add(Fault("file-missing", str(outcome), path=path))
        else:
            return outcome
        self.unread += 1
        return None


def _attempt(read: Callable[[], T]) -> T | Malformed | Unreachable:
    try:
        return read()
    except (Malformed, Unreachable) as error:
        return error


A = TypeVar("A")


def _in_order(
    read: Callable[[A], T], wanted: Iterable[A], pool: ThreadPoolExecutor | None, ahead: int
) -> Iterator[tuple[A, T]]:
    """Give what is read in the order wanted, up to `ahead` of them under way or waiting."""
    if pool is None:
        for one in wanted:
            yield one, read(one)
        return
    waiting: deque[tuple[A, Future[T]]] = deque()
    try:
        for one in wanted:
            waiting.append((one, pool.submit(read, one)))
            if len(waiting) >= ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
    finally:
        for _, future in waiting:
            future.cancel()


def leaf_hashes(leaves: Rows) -> list[bytes]:
    """Hash leaves (`LEAF_DTYPE`), each as `merkle.leaf_hash` does."""
    return merkle.leaf_hashes(np.ascontiguousarray(leaves).tobytes(), LEAF_SIZE)
