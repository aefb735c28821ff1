"""The next tree, made while the database takes its leaves: its root, and its files, beside the tree that is there."""

from collections.abc import Mapping
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anchoring.errors import Refuted
from anchoring.leaf import LEAF_SIZE
from anchoring.merkle import CompactRange, leaf_hashes
from anchoring.publishing.head import Head
from anchoring.tree.builder import TileBuilder
from anchoring.tree.folder import LogFolder, Prepared

_AT_ONCE: Final = 4096
"""Leaves whose hashes are in memory at once along the peaks."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What leads from one tree to the next."""

    tiles: TileBuilder
    files: Prepared
    along_peaks: Future[CompactRange]

    def finish(self) -> CompactRange:
        """Wait until the files are written and the second hashing is done; give the next tree.

        Raises `Refuted` when the second hashing has another root, and what `Prepared.wait` raises.
        """
        self.files.wait()
        tree = self.along_peaks.result()
        if tree.root() != self.tiles.root():
            raise Refuted(f"The tree of {tree.size} leaves has two roots: after the tiles, and along the head's peaks.")
        return tree


def grow(folder: LogFolder, head: Head, leaves: npt.NDArray[Any], documents: Mapping[int, bytes]) -> Growth:
    """Begin to make the tree that has these leaves (`LEAF_DTYPE`) after the head's, and to write its files.

    `documents` are the lines of the records among them, by index.

    Each leaf is hashed twice: through the tiles, from the files of the tree before, and along the peaks that the
    database kept. What went wrong in one of them would stay in the log for good. Both go on beside whatever the caller
    does then, one after the other, for two would only hinder each other. Raises what `LogFolder.prepare` and
    `TileBuilder.load` raise.
    """
    tiles = TileBuilder.load(folder, head.size)
    prepared = folder.prepare(chain(tiles.extend(leaves, documents), tiles.partials()))
    pool = ThreadPoolExecutor(1)
    along_peaks = pool.submit(_extended, CompactRange(head.size, head.peaks), leaves, prepared.made)
    pool.shutdown(wait=False)
    return Growth(tiles, prepared, along_peaks)


def _extended(tree: CompactRange, leaves: npt.NDArray[Any], after: Future[Any]) -> CompactRange:
    futures.wait([after])
    for start in range(0, len(leaves), _AT_ONCE):
        tree.extend(leaf_hashes(np.ascontiguousarray(leaves[start : start + _AT_ONCE]).tobytes(), LEAF_SIZE))
    return tree
