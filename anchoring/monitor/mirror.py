"""A monitor's own copy of a log: what it once saw under a signed root cannot be taken back from it.

| file | what |
|---|---|
| `entries` | the entries of all bundles, one after another, 116 bytes each |
| `hashes-0`, `hashes-1`, ... | the hashes of all tiles of a level, one after another, 32 bytes each |
| `document/<N>` | the documents of a tile's records as they were served, as far as the tile was |

A partial tile is the beginning of the full one, so every tile of every size up to the last is a stretch of a file. All
of it is only appended. What lies past the committed size was never believed, and is overwritten.
"""

import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anchoring import merkle
from anchoring.errors import Malformed, Refuted, Unreachable
from anchoring.leaf import LEAF_SIZE
from anchoring.merkle import HASH_SIZE
from anchoring.replaying.reading import leaf_hashes
from anchoring.tree.sources import read_file
from anchoring.tree.tiles import ENTRY_BYTES, TILE_WIDTH, document_path
from registry.keyfile import replace_file, sync_folder

LEVELS: Final = 6
"""256^6 leaves are 2^48, more than any contract takes."""
_PATH: Final = re.compile(r"tile/(entries|[0-5])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?", re.ASCII)
_DOCUMENT: Final = re.compile(r"document/((?:x[0-9]{3}/)*[0-9]{3})", re.ASCII)
_PREFIX: Final = LEAF_SIZE.to_bytes(2)


class Mirror:
    """The copy in one folder. A `Source` of tiles, bundles and documents; it has no checkpoint of its own.

    Documents are held as of the last size; as of an earlier one they are the beginning of that.
    """

    def __init__(self, folder: Path) -> None:
        """Open or begin it. Raises Unreachable when the folder cannot be used."""
        try:
            self._folder = folder
            with ExitStack() as opening:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._entries = _open(folder / "entries", opening)
                self._levels = [_open(folder / f"hashes-{level}", opening) for level in range(LEVELS)]
                sync_folder(folder)
                self._opened = opening.pop_all()
        except OSError as error:
            raise Unreachable(f"The folder {folder} cannot be used: {error.strerror}.") from error

    def close(self) -> None:
        """Close the files."""
        self._opened.close()

    def holds(self, size: int) -> bool:
        """Whether the files are long enough for `size` leaves."""
        lengths = [os.fstat(file).st_size for file in (self._entries, *self._levels)]
        needed = [size * ENTRY_BYTES, *((size >> 8 * level) * HASH_SIZE for level in range(LEVELS))]
        return all(length >= need for length, need in zip(lengths, needed, strict=True))

    def write(self, start: int, leaves: NDArray[Any]) -> list[bytes]:
        """Write leaves (`LEAF_DTYPE`) from index `start` on, and the tiles above them; give their hashes.

        Raises Unreachable when the disk fails.
        """
        hashes = leaf_hashes(leaves)
        entries = np.empty(len(leaves), np.dtype([("size", ">u2"), ("leaf", f"V{LEAF_SIZE}")]))
        entries["size"] = LEAF_SIZE
        entries["leaf"] = np.ascontiguousarray(leaves).view(f"V{LEAF_SIZE}")
        try:
            _write_all(self._entries, entries.tobytes(), start * ENTRY_BYTES)
            self._rise(0, start, hashes)
        except OSError as error:
            raise Unreachable(f"The monitor's copy of the log cannot be written: {error.strerror}.") from error
        return hashes

    def sync(self) -> None:
        """Make all that was written durable. Raises Unreachable when the disk fails."""
        try:
            for file in (self._entries, *self._levels):
                os.fsync(file)
        except OSError as error:
            raise Unreachable(f"The monitor's copy of the log cannot be written: {error.strerror}.") from error

    def read(self, path: str, limit: int) -> bytes:
        """Read a tile, a bundle or documents, as `Source.read`."""
        if path.startswith("document/"):
            return self._read_documents(path, limit)
        found = _PATH.fullmatch(path)
        if found is None:
            raise Malformed(f"the copy of a log has no file {path!r}")
        of, number, part = found.groups()
        file, stride = (self._entries, ENTRY_BYTES) if of == "entries" else (self._levels[int(of)], HASH_SIZE)
        n, width = int(re.sub("[x/]", "", number)), int(part or TILE_WIDTH)
        data = os.pread(file, min(width * stride, limit), n * TILE_WIDTH * stride)
        if len(data) != width * stride:
            raise Unreachable(f"{path} is not in the copy of the log")
        return data

    def write_documents(self, n: int, data: bytes) -> None:
        """Write the documents of tile `n` as they are served now, which begin with those that were before; durably.

        Raises Refuted when they do not, Unreachable when the disk fails.
        """
        path = self._folder / document_path(n)
        try:
            if path.exists() and not data.startswith(path.read_bytes()):
                raise Refuted(f"{document_path(n)} is served otherwise than it was before; it never changes")
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(path, data)
        except OSError as error:
            raise Unreachable(f"The monitor's copy of the log cannot be written: {error.strerror}.") from error

    def _read_documents(self, path: str, limit: int) -> bytes:
        if _DOCUMENT.fullmatch(path) is None:
            raise Unreachable(f"{path} is in the copy of the log as far as its tile was served")
        try:
            data = read_file(self._folder / path, limit)
        except OSError as error:
            raise Unreachable(f"{path} is not in the copy of the log: {error.strerror}") from error
        if len(data) > limit:
            raise Malformed(f"{path} is longer than {limit} bytes")
        return data

    def leaf(self, index: int) -> bytes:
        """Give leaf `index`, 114 bytes."""
        data = os.pread(self._entries, ENTRY_BYTES, index * ENTRY_BYTES)
        if len(data) != ENTRY_BYTES or not data.startswith(_PREFIX):
            raise Unreachable(f"leaf {index} is not in the copy of the log")
        return data[len(_PREFIX) :]

    def _rise(self, level: int, start: int, hashes: list[bytes]) -> None:
        """Write the hashes from `start` on of one level; each tile that they fill has a root on the next."""
        _write_all(self._levels[level], b"".join(hashes), start * HASH_SIZE)
        first, last = start // TILE_WIDTH, (start + len(hashes)) // TILE_WIDTH
        if first == last or level + 1 == LEVELS:
            return
        count = (last - first) * TILE_WIDTH * HASH_SIZE
        tiles = os.pread(self._levels[level], count, first * TILE_WIDTH * HASH_SIZE)
        roots = [
            merkle.root([tiles[at : at + HASH_SIZE] for at in range(begin, begin + TILE_WIDTH * HASH_SIZE, HASH_SIZE)])
            for begin in range(0, count, TILE_WIDTH * HASH_SIZE)
        ]
        self._rise(level + 1, first, roots)


def _open(path: Path, opening: ExitStack) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    opening.callback(os.close, descriptor)
    return descriptor


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
