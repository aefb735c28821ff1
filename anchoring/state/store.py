"""The map of one state in one file, memory-mapped, so that a proof costs a few reads however long the log is.

    magic 8 | size 8 | entries 8 | frontier 8 | root 32          little-endian, as everything here
    first gram of each entry, 8 bytes each
    index of each entry's leaf, 8 bytes each
    the hashes of every level, 32 bytes each, from the entries up to the root

It can always be made again from the log. A file that is damaged cannot mislead: whoever makes a proof from it checks
that against the record.
"""

import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from struct import Struct
from typing import Final

import numpy as np

from anchoring.errors import Malformed, Unreachable
from anchoring.merkle import split_point
from anchoring.state.proof import Entry, Node
from anchoring.state.record import StateRecord
from anchoring.state.segments import NO_INDEX, Grams, Segments
from anchoring.state.tree import HASH, Hashes, hash_map, level_sizes
from registry.keyfile import sync_folder

_MAGIC: Final = b"GLSTATE1"
_HEAD: Final = Struct("<8sQQQ32s")
_GRAM: Final = np.dtype("<u8")


def write_map(path: Path, size: int, segments: Segments, leaf_hashes: Hashes) -> StateRecord:
    """Write the map of the state of `size` leaves, whole or not at all; give its record. Raises OSError."""
    beside = path.with_name(f".{path.name}.tmp")
    count = len(segments)
    with beside.open("w+b") as file:
        file.truncate(_length(count))
        with mmap.mmap(file.fileno(), 0) as room:
            root = _fill(room, segments, leaf_hashes)
            record = StateRecord(size, count, segments.frontier_g, root)
            room[: _HEAD.size] = _HEAD.pack(_MAGIC, size, count, segments.frontier_g, root)
            room.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    sync_folder(path.parent)
    return record


def _fill(room: mmap.mmap, segments: Segments, leaf_hashes: Hashes) -> bytes:
    at = _HEAD.size
    for column in (segments.first, segments.index):
        data = column.astype(_GRAM).tobytes()
        room[at : at + len(data)] = data
        at += len(data)
    starts = _level_starts(len(segments))

    def sink(level: int, start: int, hashes: Hashes) -> None:
        data = hashes.tobytes()
        begin = starts[level] + start * HASH.itemsize
        room[begin : begin + len(data)] = data

    return hash_map(segments, leaf_hashes, sink)


def _level_starts(entries: int) -> list[int]:
    below = accumulate(level_sizes(entries), initial=0)
    return [_HEAD.size + 2 * _GRAM.itemsize * entries + nodes * HASH.itemsize for nodes in below]


def _length(entries: int) -> int:
    return _level_starts(entries)[-1]


@dataclass(frozen=True)
class StateMap:
    """One map, as it was written; nothing of it is believed by those who are shown a proof."""

    record: StateRecord
    first: Grams
    index: Grams
    levels: list[Hashes]

    @classmethod
    def open(cls, path: Path) -> "StateMap":
        """Map a file. Raises Unreachable when it is not there, Malformed when it has another form or length."""
        try:
            with path.open("rb") as file:
                head, length = file.read(_HEAD.size), os.fstat(file.fileno()).st_size
        except OSError as error:
            raise Unreachable(f"The map {path} cannot be read: {error.strerror}.") from error
        if len(head) == _HEAD.size:
            magic, size, entries, frontier_g, root = _HEAD.unpack(head)
            if magic == _MAGIC and length == _length(entries):
                return cls._mapped(path, StateRecord(size, entries, frontier_g, root))
        raise Malformed(f"The file {path} is no map of a state, or was cut off.")

    @classmethod
    def _mapped(cls, path: Path, record: StateRecord) -> "StateMap":
        room = np.memmap(path, np.uint8, "r")
        at, width = _HEAD.size, record.entries * _GRAM.itemsize
        starts = _level_starts(record.entries)
        return cls(
            record,
            room[at : at + width].view(_GRAM),
            room[at + width : at + 2 * width].view(_GRAM),
            [room[start:end].view(HASH) for start, end in pairwise(starts)],
        )

    def covering(self, first: int, last: int, limit: int) -> tuple[int, int]:
        """Give the places `[start, end)` of the entries that cover grams `[first, last)`, `limit` of them at most.

        Both are 0 when all of these grams are past the frontier.
        """
        last = min(last, self.record.frontier_g)
        if first >= last:
            return 0, 0
        start = int(np.searchsorted(self.first, np.uint64(first), "right")) - 1
        end = int(np.searchsorted(self.first, np.uint64(last), "left"))
        return start, min(end, start + limit)

    def entries(self, start: int, end: int, leaf: Callable[[int], bytes]) -> list[Entry]:
        """Give the entries at places `[start, end)`; `leaf` reads a leaf of the log by its index."""
        found = []
        for place in range(start, end):
            index = int(self.index[place])
            is_issued = index != NO_INDEX
            found.append(
                Entry(
                    self._begin(place),
                    self._begin(place + 1),
                    index if is_issued else None,
                    leaf(index) if is_issued else None,
                )
            )
        return found

    def nodes(self, start: int, end: int) -> list[Node]:
        """Give the subtrees beside the entries at places `[start, end)`, from left to right; none for no entries."""
        found: list[Node] = []

        def walk(low: int, high: int) -> None:
            if high <= start or end <= low:
                level = (high - low - 1).bit_length()
                hashed = self.levels[level][low >> level].tobytes()
                found.append(Node(self._begin(high) - self._begin(low), hashed))
            elif high - low > 1:
                middle = low + split_point(high - low)
                walk(low, middle)
                walk(middle, high)

        if start < end:
            walk(0, self.record.entries)
        return found

    def _begin(self, place: int) -> int:
        return self.record.frontier_g if place == self.record.entries else int(self.first[place])
