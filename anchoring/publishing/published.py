"""The log so far, read from its own files: what whoever writes to the database has no hand in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anchoring.errors import Refuted
from anchoring.publishing.copying import Rows
from anchoring.replaying.history import rows_of
from anchoring.tree.builder import leaves_at
from anchoring.tree.documents import records_by_tile, served_documents
from anchoring.tree.folder import LogFolder
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TILE_WIDTH
from registry.evidence.public import Document, Faulty

BATCH: Final = 65_536
"""Leaves read at once."""


@dataclass(frozen=True, slots=True)
class Published:
    """The first `size` leaves of the log in `folder`."""

    folder: LogFolder
    size: int

    def leaves(self, indices: NDArray[np.int64]) -> Rows:
        """Read leaves (`LEAF_DTYPE`) by their indices, in rising order.

        Raises `Unreachable` or `Malformed` when a file is missing or not of its size.
        """
        return leaves_at(self.folder, self.size, indices)

    def batches(self, start: int) -> Iterator[Rows]:
        """Read all leaves from index `start` on, `BATCH` at a time."""
        for begin in range(start, self.size, BATCH):
            yield self.leaves(np.arange(begin, min(self.size, begin + BATCH)))

    def documents(self, leaves: Rows, start: int) -> Iterator[Document]:
        """Read the documents of the records among leaves that were read from index `start` on.

        Raises as `leaves` does, and `Refuted` for a document that its leaf does not bind.
        """
        first = start - start % TILE_WIDTH
        if first < start:
            leaves = np.concatenate((self.leaves(np.arange(first, start)), leaves))
        for tile in records_by_tile(leaves, first, self.size):
            for found in served_documents(DirectorySource(self.folder.path), tile.n, tile.width, tile.leaves):
                if isinstance(found, Faulty):
                    raise Refuted(
                        f"The log's file {tile.path} was changed after publication: leaf {found.index}: "
                        f"{found.sentence}. Move it aside, and `gram log rebuild` writes it anew from the database."
                    )
                if found.leaf.index >= start:
                    yield found


class Stretch:
    """The rows of all leaves up to the last of some new ones; the others are read from the log where asked for."""

    def __init__(self, log: Published, start: int, new: Rows) -> None:
        """Hold the rows of the new leaves (`LEAF_DTYPE`), which begin at index `start`."""
        self._log, self._start, self._new = log, start, rows_of(new)

    def __len__(self) -> int:
        """Count all of them."""
        return self._start + len(self._new)

    def __getitem__(self, part: slice) -> Rows:
        """Give the rows of a stretch of leaves."""
        first, end, _ = part.indices(len(self))
        if first >= self._start:
            return self._new[first - self._start : end - self._start]
        old = rows_of(self._log.leaves(np.arange(first, min(end, self._start))))
        return np.concatenate((old, self._new[: max(0, end - self._start)]))
