"""The rows and hashes of all leaves, checked when they are believed, so that a disk that rots judges nothing.

| file | a leaf | what |
|---|---|---|
| `rows` | 88 bytes | `anchoring.replaying.history.ROW`, and in the four bytes that a row does not use a checksum |
| `hashes` | 32 bytes | its hash in the log's tree, which a STATE record is checked by |

The checksum covers row, hash and index, so that what was lost, or written to another's place, is found too. It is no
protection from whoever may write in the folder: such a one could give the witness another state altogether.
"""

import mmap
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anchoring.errors import Malformed, Unreachable
from anchoring.merkle import HASH_SIZE
from anchoring.replaying.history import ROW, Rows
from anchoring.state.tree import HASH, Hashes
from anchoring.witness.disk import open_file, write_all

ROW_BYTES: Final = ROW.itemsize
CHECKED_AT_ONCE: Final = 1 << 16
"""Rows, 8 MB with their hashes."""
_CODES, _SUM = 20, 21
"""Places in a row seen as 22 numbers of 32 bits."""
_SEED, _FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
"""Odd numbers with their bits well mixed; what else they are does not matter."""
_HALF = np.uint64(32)


class RowFiles:
    """The rows and hashes of one state folder."""

    def __init__(self, folder: Path, opening: ExitStack) -> None:
        """Open or make both; they are closed with `opening`."""
        self._path = folder / "rows"
        self._rows = open_file(self._path, opening)
        self._hashes = open_file(folder / "hashes", opening)

    def __len__(self) -> int:
        """Count the leaves of which both are there, good or not."""
        return min(os.fstat(self._rows).st_size // ROW_BYTES, os.fstat(self._hashes).st_size // HASH_SIZE)

    def rows(self, size: int) -> Rows:
        """Give the first `size` rows, mapped and not read, shape (size,). Raises Malformed when there are fewer."""
        return self._mapped(self._rows, size, ROW)

    def hashes(self, size: int) -> Hashes:
        """Give the hashes of the first `size` leaves; as `rows`."""
        return self._mapped(self._hashes, size, HASH)

    def write(self, start: int, rows: Rows, hashes: list[bytes]) -> None:
        """Write rows and hashes from index `start` on, not durably yet. Raises Unreachable when the disk fails."""
        data = b"".join(hashes)
        halves = np.frombuffer(bytearray(rows.tobytes()), np.uint32).reshape(-1, ROW_BYTES // 4)
        words = np.frombuffer(data, np.uint64).reshape(-1, HASH_SIZE // 8)
        halves[:, _SUM] = _sums(halves, words, np.arange(start, start + len(rows), dtype=np.uint64))
        try:
            write_all(self._rows, halves.tobytes(), start * ROW_BYTES)
            write_all(self._hashes, data, start * HASH_SIZE)
        except OSError as error:
            raise Unreachable(f"{self._path} cannot be written: {error.strerror}. Nothing is lost.") from error

    def sync(self) -> None:
        """Make what was written durable; OSError when the disk fails."""
        os.fsync(self._rows)
        os.fsync(self._hashes)

    def check(self, leaves: NDArray[np.intp], size: int) -> None:
        """Check rows and hashes of some of the first `size` leaves. Raises Malformed naming the first damaged one."""
        halves = self.rows(size).view(np.uint32).reshape(-1, ROW_BYTES // 4)
        words = self.hashes(size).view(np.uint64).reshape(-1, HASH_SIZE // 8)
        for at in range(0, len(leaves), CHECKED_AT_ONCE):
            some = leaves[at : at + CHECKED_AT_ONCE]
            found = halves[some]
            damaged = np.flatnonzero(found[:, _SUM] != _sums(found, words[some], some.astype(np.uint64)))
            if len(damaged):
                leaf = int(some[damaged[0]])
                where = f"{self._path} is damaged at byte {leaf * ROW_BYTES}, leaf {leaf}, or `hashes` beside it"
                raise Malformed(f"{where}; {REMEDY}")

    def _mapped(self, file: int, size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        if not size:
            return np.empty(0, dtype)
        try:
            return np.frombuffer(mmap.mmap(file, size * dtype.itemsize, access=mmap.ACCESS_READ), dtype)
        except ValueError:
            said = f"{self._path} and `hashes` beside it have {len(self)} leaves, not {size}"
            raise Malformed(f"{said}; {REMEDY}") from None


REMEDY: Final = (
    "look after the disk, then remove `rows` and start again: the log is replayed from its first leaf, "
    "and nothing is taken that does not make the tree that was cosigned."
)


def _sums(halves: NDArray[np.uint32], hashes: NDArray[np.uint64], leaves: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Mix each leaf's row, hash and index into 32 bits: no step before the last folds two states into one."""
    words = np.ascontiguousarray(halves).view(np.uint64)
    mixed = (leaves + np.uint64(1)) * _SEED
    codes = halves[:, _CODES].astype(np.uint64)
    for word in (*words.T[:-1], codes, *hashes.T):
        mixed = (mixed ^ word) * _FACTOR
        mixed ^= mixed >> _HALF
    return (mixed * _FACTOR >> _HALF).astype(np.uint32)
