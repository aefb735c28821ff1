"""Fetches a log's leaves by its entry bundles, several side by side: what whoever follows a log has in common."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from anchoring.errors import Malformed, Unreachable
from anchoring.leaf import LEAF_DTYPE
from anchoring.tree.builder import leaves_of
from anchoring.tree.documents import TileRecords, read_by_tile, records_by_tile
from anchoring.tree.tiles import TILE_WIDTH, Source, TileReader, tile_width
from registry.evidence.public import Document, Faulty

FETCHED_AT_ONCE: Final = 4
"""Bundles asked of the log side by side: a log far away answers many in the time of one."""
BATCH: Final = 256 * TILE_WIDTH
"""Leaves fetched together: 65,536, enough for numpy to be quick, and 8 MB."""
BATCH_DEADLINE_S: Final = 300.0
"""For the 256 bundles of a batch, or its tiles; a log that trickles is a log that is down."""
Q = TypeVar("Q")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch:
    """What is fetched together: at most so many leaves, a multiple of 256, and so many seconds."""

    leaves: int = BATCH
    seconds: float = BATCH_DEADLINE_S


WHOLE: Final = Batch()


class LeafFetcher:
    """The leaves of one log; `close` it."""

    def __init__(self, source: Source, batch: Batch = WHOLE) -> None:
        """Read from `source`, which several threads ask at once."""
        self._reader = TileReader(source, cached_tiles=0)
        self._batch = batch
        self._pool = ThreadPoolExecutor(FETCHED_AT_ONCE, "leaf-fetch")

    def close(self) -> None:
        """Stop fetching."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def fetch(self, start: int, size: int) -> NDArray[Any]:
        """Read the leaves (`LEAF_DTYPE`) of the published tree of `size` leaves from `start` on, one batch at most.

        Raises Unreachable or Malformed when the log does not give them.
        """
        end = min(size, start // TILE_WIDTH * TILE_WIDTH + self._batch.leaves)
        numbers = range(start // TILE_WIDTH, -(-end // TILE_WIDTH))

        bundles = self.fetch_bundles(numbers, size)
        # Not by `concatenate`: it would turn the leaves' numbers into the machine's own byte order.
        leaves = np.frombuffer(b"".join(bundle.tobytes() for bundle in bundles), LEAF_DTYPE)
        return leaves[start - numbers.start * TILE_WIDTH :]

    def fetch_bundles(self, numbers: Sequence[int], size: int) -> list[NDArray[Any]]:
        """Read the leaves (`LEAF_DTYPE`) of some tiles of the published tree of `size`. Raises as `fetch`."""

        def bundle(n: int) -> NDArray[Any]:
            width = tile_width(0, n, size)
            return leaves_of(self._reader.bundle(n, width), width)

        return self._all(bundle, numbers)

    def fetch_documents(self, leaves: NDArray[Any], start: int, size: int) -> Iterator[Document | Faulty]:
        """Read and check the documents of the records among leaves, from `start` on, which begins a tile; in order.

        Raises as `fetch`; some files are in memory at a time.
        """
        yield from self.documents_of(records_by_tile(leaves, start, size))

    def documents_of(self, tiles: Sequence[TileRecords]) -> Iterator[Document | Faulty]:
        """Read and check the documents of these records, in order. Raises as `fetch`."""
        end = time.monotonic() + self._batch.seconds
        for _, outcome in read_by_tile(self._reader.source, tiles, self._pool):
            if time.monotonic() > end:
                raise self._too_slow(len(tiles))
            if isinstance(outcome, (Malformed, Unreachable)):
                raise outcome
            yield from outcome

    def fetch_tiles(self, tiles: Sequence[tuple[int, int, int]]) -> list[bytes]:
        """Read tiles of hashes, each by (level, number, width); their bytes, in order. Raises as `fetch`."""
        return self._all(lambda tile: self._reader.tile(*tile), tiles)

    def _all(self, read: Callable[[Q], T], what: Sequence[Q]) -> list[T]:
        """Read side by side; what is still to be read when one fails, or the time is over, is not read."""
        try:
            return list(self._pool.map(read, what, timeout=self._batch.seconds))
        except TimeoutError:
            raise self._too_slow(len(what)) from None

    def _too_slow(self, files: int) -> Unreachable:
        return Unreachable(f"The log takes more than {self._batch.seconds:g} s for {files} files.")
