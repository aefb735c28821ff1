"""Every tree that was ever cosigned, in one file: 64 bytes each, by size, which only grows."""

import os
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Final

from anchoring.errors import Malformed
from anchoring.witness.disk import OnStep, write_all
from anchoring.witness.position import Cosigned

_TREE: Final = Struct(">Q32sQQ")
_CHECKSUM: Final = 8
"""Bytes of the SHA-256 of an entry, after it."""
_ENTRY: Final = _TREE.size + _CHECKSUM
NEVER_LOST: Final = (
    "restore the folder from a copy made after the last cosignature, or begin a new witness with a new key (--new-key)"
)
"""What to do about what cannot be had again: an older copy would cosign a second history."""


class Journal:
    """The entries that count are those up to the head's size; what lies after them was never answered for."""

    def __init__(self, path: Path, descriptor: int, head: int) -> None:
        """Use an open file, up to the size of the head. Raises Malformed when an entry that is looked at is damaged."""
        self._path, self._file = path, descriptor
        self._count = os.fstat(descriptor).st_size // _ENTRY
        try:
            self._count = self._find(head + 1)
        except Malformed:
            # The last may be one that a crash cut off, and that the head never counted.
            self._count -= 1
            self._count = self._find(head + 1)

    def at(self, size: int) -> Cosigned | None:
        """Give what was cosigned at exactly `size` leaves, None when nothing was; Malformed for a damaged one."""
        place = self._find(size)
        found = self._entry(place) if place < self._count else None
        return found if found is not None and found.size == size else None

    def append(self, tree: Cosigned, on_step: OnStep) -> int:
        """Write an entry durably after those that count, and give their new number; OSError when the disk fails."""
        if self.at(tree.size) is not None:
            return self._count
        write_all(self._file, _pack(tree), self._count * _ENTRY)
        on_step("entry written")
        os.fsync(self._file)
        return self._count + 1

    def count(self, entries: int) -> None:
        """Let this many entries count: the head says so now."""
        self._count = entries

    def _find(self, size: int) -> int:
        """Count the entries of fewer than `size` leaves."""
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if self._entry(middle).size < size:
                low = middle + 1
            else:
                high = middle
        return low

    def _entry(self, place: int) -> Cosigned:
        data = os.pread(self._file, _ENTRY, place * _ENTRY)
        if len(data) != _ENTRY or data[_TREE.size :] != _checksum(data[: _TREE.size]):
            raise Malformed(f"{self._path} is damaged at byte {place * _ENTRY}; {NEVER_LOST}.")
        return Cosigned(*_TREE.unpack(data[: _TREE.size]))


def _pack(tree: Cosigned) -> bytes:
    data = _TREE.pack(tree.size, tree.root, tree.frontier_g, tree.ended_g)
    return data + _checksum(data)


def _checksum(data: bytes) -> bytes:
    return sha256(data).digest()[:_CHECKSUM]
