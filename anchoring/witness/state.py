"""What a witness must never forget, in its own folder: what it cosigned, and a row for every leaf it replayed.

| file | what | how it is written |
|---|---|---|
| `rows` | 88 bytes a leaf (`anchoring.auditing.history.ROW`) | appended |
| `hashes` | 32 bytes a leaf: its hash in the log's tree, which a STATE record is checked by | appended |
| `cosigned` | 56 bytes for each size ever cosigned: size, root, frontier, ended | appended |
| `head.json` | size, root, peaks, frontier, ended, and the last checkpoint as cosigned | replaced whole |

`commit` makes rows, hashes and cosigned sizes durable, then replaces the head: that rename is the one moment at which a
checkpoint becomes cosigned. What lies in the other files past the head was never answered for, and is overwritten.
"""

import fcntl
import json
import mmap
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Final, Self

import numpy as np

from anchoring.auditing.history import ROW, Rows
from anchoring.errors import Malformed, Unreachable
from anchoring.merkle import EMPTY_ROOT, HASH_SIZE, CompactRange
from anchoring.state.tree import HASH, Hashes
from registry.keyfile import replace_file

_HEAD = "head.json"
_ENTRY: Final = Struct(">Q32sQQ")
ROW_BYTES: Final = ROW.itemsize


@dataclass(frozen=True, slots=True)
class Cosigned:
    """One tree that was cosigned: `size` leaves, `frontier_g` and `ended_g` grams."""

    size: int
    root: bytes
    frontier_g: int
    ended_g: int


@dataclass(frozen=True, slots=True)
class Head:
    """The last tree cosigned, its peaks, and its checkpoint with the log's signature and ours; None before the first.

    `tree` is the empty one before the first.
    """

    tree: Cosigned
    peaks: tuple[bytes, ...]
    note: str | None


EMPTY_HEAD: Final = Head(Cosigned(0, EMPTY_ROOT, 0, 0), (), None)


class WitnessState:
    """The folder of one witness of one log, owned by one process at a time."""

    head: Head
    _rows: int
    _hashes: int
    _entries: int
    _entry_count: int

    def __init__(self, folder: Path, vkey: str, *, is_new: bool) -> None:
        """Open the folder; `is_new` begins an empty one, which a witness does once in its life.

        A witness that forgot what it cosigned would cosign another history. Raises Unreachable when the folder is in
        use, missing, or there already when it should be new; Malformed when it is damaged or another log's.
        """
        self._folder = folder
        self._vkey = vkey
        self._is_sound = True
        with ExitStack() as opening:
            try:
                self._open(opening, is_new=is_new)
            except OSError as error:
                raise Unreachable(f"The state folder {folder} cannot be used: {error.strerror}.") from error
            if not (self._is_whole() and self._is_journaled()):
                raise Malformed(f"The state folder {folder} lacks leaves it cosigned; restore it from a backup.")
            self._opened = opening.pop_all()

    def __enter__(self) -> Self:
        """Use the folder."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self.close()

    def close(self) -> None:
        """Close the files and let another process have the folder."""
        self._opened.close()

    @property
    def folder(self) -> Path:
        """Where all of it is."""
        return self._folder

    def rows(self, size: int) -> Rows:
        """Give the rows of the first `size` leaves, mapped and not read, shape (size,); uncommitted ones too."""
        if not size:
            return np.empty(0, ROW)
        return np.frombuffer(mmap.mmap(self._rows, size * ROW_BYTES, access=mmap.ACCESS_READ), ROW)

    def leaf_hashes(self, size: int) -> Hashes:
        """Give the hashes of the first `size` leaves, mapped and not read, shape (size,); uncommitted ones too."""
        if not size:
            return np.empty(0, HASH)
        return np.frombuffer(mmap.mmap(self._hashes, size * HASH_SIZE, access=mmap.ACCESS_READ), HASH)

    def write_rows(self, start: int, rows: Rows, hashes: list[bytes]) -> None:
        """Write rows and hashes of the leaves from `start` on, which must not be committed yet. Raises Unreachable."""
        if start < self.head.tree.size:
            raise ValueError("a leaf that was cosigned does not change")
        try:
            _write_all(self._rows, rows.tobytes(), start * ROW_BYTES)
            _write_all(self._hashes, b"".join(hashes), start * HASH_SIZE)
        except OSError as error:
            raise Unreachable(f"The state's rows cannot be written: {error.strerror}.") from error

    def commit(self, head: Head, on_step: Callable[[str], None]) -> None:
        """Make `head` what was last cosigned, durably; only then may it be answered. `on_step` is told each step.

        Raises Unreachable when the disk fails. Then nobody knows what it holds, and nothing more is committed before
        the state was opened anew.
        """
        if not self._is_sound:
            raise Unreachable("The state's disk failed; it goes on after a restart.")
        if head.tree.size < self.head.tree.size:
            raise ValueError("a witness never goes back")
        self._is_sound = False
        try:
            os.fsync(self._rows)
            os.fsync(self._hashes)
            on_step("rows")
            count = self._entry_count
            if self.cosigned(head.tree.size) is None:
                _write_all(self._entries, _ENTRY.pack(*_numbers(head.tree)), count * _ENTRY.size)
                os.fsync(self._entries)
                count += 1
            on_step("entry")
            replace_file(self._folder / _HEAD, json.dumps(_to_json(head, self._vkey)).encode())
        except OSError as error:
            raise Unreachable(f"The state cannot be written: {error.strerror}.") from error
        self._entry_count, self.head, self._is_sound = count, head, True

    def cosigned(self, size: int) -> Cosigned | None:
        """Give what was cosigned at exactly `size` leaves, None when nothing was."""
        place = self._find_entry(size)
        found = self._entry(place) if place < self._entry_count else None
        return found if found is not None and found.size == size else None

    def _open(self, opening: ExitStack, *, is_new: bool) -> None:
        """Take the lock, then open what is there; all of it is closed with `opening`."""
        if is_new:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _lock(self._folder, opening)
        if is_new:
            self._begin()
        self.head = self._read_head()
        self._rows = _open_file(self._folder / "rows", opening)
        self._hashes = _open_file(self._folder / "hashes", opening)
        self._entries = _open_file(self._folder / "cosigned", opening)
        self._entry_count = os.fstat(self._entries).st_size // _ENTRY.size
        self._entry_count = self._find_entry(self.head.tree.size + 1)

    def _find_entry(self, size: int) -> int:
        """Count the entries of fewer than `size` leaves; sizes grow."""
        low, high = 0, self._entry_count
        while low < high:
            middle = (low + high) // 2
            if self._entry(middle).size < size:
                low = middle + 1
            else:
                high = middle
        return low

    def _entry(self, place: int) -> Cosigned:
        return Cosigned(*_ENTRY.unpack(os.pread(self._entries, _ENTRY.size, place * _ENTRY.size)))

    def _is_whole(self) -> bool:
        size, rows, hashes = self.head.tree.size, os.fstat(self._rows).st_size, os.fstat(self._hashes).st_size
        return rows >= size * ROW_BYTES and hashes >= size * HASH_SIZE

    def _is_journaled(self) -> bool:
        return self.head.note is None or self.cosigned(self.head.tree.size) == self.head.tree

    def _begin(self) -> None:
        if (self._folder / _HEAD).exists():
            raise Unreachable(f"{self._folder} holds a witness's state already; it is not begun again.")
        replace_file(self._folder / _HEAD, json.dumps(_to_json(EMPTY_HEAD, self._vkey)).encode())

    def _read_head(self) -> Head:
        try:
            said = json.loads((self._folder / _HEAD).read_bytes())
            vkey, head = said["vkey"], _from_json(said)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Malformed(f"{self._folder / _HEAD} is damaged; restore it from a backup.") from error
        if vkey != self._vkey:
            raise Malformed(f"The folder {self._folder} is the state of another log, {vkey}.")
        return head


def _to_json(head: Head, vkey: str) -> dict[str, object]:
    return {
        "vkey": vkey,
        "size": head.tree.size,
        "root": head.tree.root.hex(),
        "frontier_g": head.tree.frontier_g,
        "ended_g": head.tree.ended_g,
        "peaks": [peak.hex() for peak in head.peaks],
        "note": head.note,
    }


def _from_json(said: dict[str, object]) -> Head:
    """Read a head; ValueError, KeyError or TypeError when it is none, or its peaks do not make its root."""
    numbers = [said[name] for name in ("size", "frontier_g", "ended_g")]
    peaks, root, note = said["peaks"], said["root"], said["note"]
    if not (isinstance(peaks, list) and isinstance(root, str) and isinstance(note, str | None)):
        raise TypeError
    size, frontier_g, ended_g = (number for number in numbers if isinstance(number, int))
    tree = CompactRange(size, [bytes.fromhex(peak) for peak in peaks])
    if tree.root().hex() != root or len(root) != 2 * HASH_SIZE:
        raise ValueError(root)
    return Head(Cosigned(size, tree.root(), frontier_g, ended_g), tree.peaks, note)


def _numbers(tree: Cosigned) -> tuple[int, bytes, int, int]:
    return tree.size, tree.root, tree.frontier_g, tree.ended_g


def _open_file(path: Path, opening: ExitStack) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    opening.callback(os.close, descriptor)
    return descriptor


def _lock(folder: Path, opening: ExitStack) -> None:
    try:
        fcntl.flock(_open_file(folder / "lock", opening), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Unreachable(f"The state folder {folder} is in use by another process.") from error


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
