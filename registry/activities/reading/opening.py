"""A file is taken in whole before it is read: what is hashed is what is judged, whatever becomes of the file meanwhile.

Which packing it has, its first bytes say. What a profile does not take is refused, and nothing is ever unpacked beyond
the bound on a file.
"""

import gzip
import hashlib
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from registry.activities.profiles.profile import Compression
from registry.errors import Invalid

_CHUNK: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_OTHERS: Final = {
    b"PK\x03\x04": "a ZIP archive, or a workbook of a spreadsheet",
    b"\xfd7zXZ": "compressed by xz",
    b"BZh": "compressed by bzip2",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"7z\xbc\xaf": "a 7z archive",
    b"\xd0\xcf\x11\xe0": "a workbook of an old spreadsheet",
}


def take(source: Path, folder: Path, most_bytes: int) -> tuple[Path, bytes]:
    """Copy a file into a folder of ours; gives the copy and the SHA-256 of its bytes. Raises `Invalid`."""
    target, sha256, size = folder / "taken", hashlib.sha256(), 0
    try:
        with source.open("rb") as stream, target.open("wb") as out:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > most_bytes:
                    raise Invalid(f"The file is larger than {most_bytes} bytes; send it in parts.")
                sha256.update(chunk)
                out.write(chunk)
    except OSError as error:
        raise Invalid(f"The file {source.name} cannot be read: {error.strerror or error}.") from error
    return target, sha256.digest()


def packing(path: Path, taken: Collection[Compression], name: str) -> Compression:
    """Say how a file is packed. Raises `Invalid` for what is not among `taken`."""
    with path.open("rb") as stream:
        first = stream.read(8)
    for magic, what in _OTHERS.items():
        if first.startswith(magic):
            raise Invalid(f"The file {name} is {what}; unpack it, and send what it holds, as this profile says.")
    found = Compression.GZIP if first.startswith(_GZIP) else Compression.NONE
    if found not in taken:
        said = {Compression.GZIP: "compressed by gzip", Compression.NONE: "not compressed"}[found]
        raise Invalid(f"The file {name} is {said}, and its profile takes it only as {' or '.join(taken)}.")
    return found


@contextmanager
def unpacked(path: Path, packed: Compression, name: str) -> Iterator[BinaryIO]:
    """Open what a file holds. Reading raises `Invalid` where a packed file stops half-way or is damaged."""
    with path.open("rb") as stream:
        if packed is Compression.NONE:
            yield stream
            return
        try:
            with gzip.GzipFile(fileobj=stream) as inner:
                yield inner  # type: ignore[misc]  # it reads lines, which is all that is asked of it
        except (EOFError, OSError, zlib.error) as error:
            raise Invalid(f"The gzip file {name} stops half-way or is damaged: {error}. Send it again.") from error
