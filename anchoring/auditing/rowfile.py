"""Rows in a file: written once in the order of the log, mapped by whoever judges, in this process or another.

Pages of a mapped file are the system's to give back, and are there once for all processes: so the memory that must be
had does not grow with the log, and the 88 bytes a leaf are a wish.
"""

import mmap
import os
from pathlib import Path
from typing import Self

import numpy as np

from anchoring.errors import Unreachable
from anchoring.replaying.history import ROW, Rows


class RowFile:
    """The rows of one log from its first leaf on. Other processes open the same path."""

    def __init__(self, path: Path) -> None:
        """Open the file, made empty and for its owner only when it is not there; OSError when that is not possible."""
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._mapped = np.empty(0, ROW)

    def __enter__(self) -> Self:
        """Use the file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file; rows that were given stay mapped as long as somebody holds them."""
        self._mapped = np.empty(0, ROW)
        os.close(self._file)

    @property
    def fileno(self) -> int:
        """The open file."""
        return self._file

    @property
    def size(self) -> int:
        """Whole rows in the file."""
        return os.fstat(self._file).st_size // ROW.itemsize

    def write(self, start: int, rows: Rows) -> None:
        """Write the rows of the leaves from `start` on. Raises Unreachable when the disk is full or fails."""
        rest, offset = np.ascontiguousarray(rows).view(np.uint8).data, start * ROW.itemsize
        try:
            while rest:
                written = os.pwrite(self._file, rest, offset)
                rest, offset = rest[written:], offset + written
        except OSError as error:
            sentence = f"{self.path} takes {ROW.itemsize} bytes for every leaf, and cannot be written: {error.strerror}"
            raise Unreachable(f"{sentence}.") from error

    def rows(self, size: int) -> Rows:
        """Give the rows of the first `size` leaves, which were written; mapped and not read, shape (size,)."""
        if size > len(self._mapped):
            # Writing past the end of a mapped file is seen; only what lies past the mapping needs a new one.
            mapped = mmap.mmap(self._file, self.size * ROW.itemsize, access=mmap.ACCESS_READ)
            self._mapped = np.frombuffer(mapped, ROW)
        return self._mapped[:size]

    def sync(self) -> None:
        """Make what was written durable; OSError when the disk fails."""
        os.fsync(self._file)
