"""Reads a log's files for an audit: what is missing or malformed is a fault, a log that is gone is an error."""

from collections.abc import Callable
from hashlib import sha256
from typing import Final, TypeVar

import numpy as np

from anchoring.auditing.history import Rows
from anchoring.auditing.report import Fault, Faults
from anchoring.errors import Malformed, Unreachable
from anchoring.leaf import LEAF_SIZE
from anchoring.log.builder import leaves_of
from anchoring.log.tiles import Source, TileReader, entries_path, tile_path
from anchoring.merkle import HASH_SIZE
from anchoring.note import MAX_NOTE

CHECKPOINT = "checkpoint"
MAX_UNREAD_FILES: Final = 100
"""Files that may be missing or malformed before the audit gives up: a checkpoint can claim more than all disks hold."""
T = TypeVar("T")


class Files:
    """The tiles and bundles of one log."""

    def __init__(self, source: Source, faults: Faults) -> None:
        """Read from `source` and put what is wrong with a file into `faults`."""
        self._source = source
        self._faults = faults
        # Each tile is read once, so nothing is kept.
        self._reader = TileReader(source, cached_tiles=0)
        self._unread = 0

    @property
    def is_given_up(self) -> bool:
        """Whether so many files could not be read that what is left says nothing."""
        return self._unread >= MAX_UNREAD_FILES

    def tile(self, level: int, n: int, width: int) -> list[bytes] | None:
        """Give the hashes of a tile, None with a fault when it cannot be had; raises Unreachable if the log is gone."""
        data = self._read(tile_path(level, n, width), lambda: self._reader.tile(level, n, width))
        return None if data is None else [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]

    def leaves(self, n: int, width: int) -> Rows | None:
        """Give the leaves (`LEAF_DTYPE`) of a bundle; as `tile`."""
        return self._read(entries_path(n, width), lambda: leaves_of(self._reader.bundle(n, width), width))

    def _read(self, path: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Malformed as error:
            self._faults.add(Fault("file-malformed", str(error), path=path))
        except Unreachable as error:
            # A log that no longer has even its checkpoint is not a log with a fault but one that went away.
            self._source.read(CHECKPOINT, MAX_NOTE)
            self._faults.add(Fault("file-missing", str(error), path=path))
        self._unread += 1
        return None


def leaf_hashes(leaves: Rows) -> list[bytes]:
    """Hash leaves (`LEAF_DTYPE`), each as `merkle.leaf_hash` does, without the cost of a call for each."""
    data = np.ascontiguousarray(leaves).tobytes()
    return [sha256(b"\0" + data[at : at + LEAF_SIZE]).digest() for at in range(0, len(data), LEAF_SIZE)]
