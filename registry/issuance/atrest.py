"""Files of batches as they lie in the data folder: nobody reads them who has not the master key, or alters them unseen.

All is under AES-256-GCM, bound to its place. A part of what is reported is a file of its own, sealed whole, each time
that it is written under a nonce of its own: so a part that is sent again, with whatever bytes, tells nothing of the one
before. A list is sealed in pieces, numbered and the last one marked as that (as in STREAM, Hoang, Reyhanitabar, Rogaway
and Vizár 2015), under a key of its own: it is read from any byte on, and neither altered, put in another order nor cut.
"""

import io
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.accounts.vault import Vault, open_under, seal_under
from registry.errors import NotFound, Unavailable
from registry.keyfile import replace_file

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

SALT_BYTES: Final = 16
TAG_BYTES: Final = 16
PIECE_BYTES: Final = 64 * 1024
_SEALED: Final = PIECE_BYTES + TAG_BYTES
_BUFFER: Final = 256 * 1024
_ALTERED: Final = "is not as this registry wrote it: somebody altered it, or it is of another registry"


def write_part(vault: Vault, folder: Path, first: int, content: bytes) -> None:
    """Keep bytes of a file from byte `first` on, whole or not at all, durably; what was there goes. Raises OSError."""
    file = folder / str(first)
    replace_file(file, seal_under(_key(vault, "part", _place(file)), content, _place(file)))


@contextmanager
def clear(vault: Vault, folder: Path, size: int) -> Iterator[Path]:
    """Have a file of parts in clear for as long as it takes, in a folder for temporary files that nobody else reads.

    Raises `NotFound` where a part is gone, or is not as it was written: then there is nothing to be read.
    """
    with tempfile.TemporaryDirectory(prefix="gramledger-") as name:
        there, at = Path(name) / folder.name, 0
        with there.open("wb") as out:
            while at < size:
                content = _part(vault, folder / str(at))
                out.write(content)
                at += len(content)
        yield there


def _part(vault: Vault, file: Path) -> bytes:
    try:
        content = open_under(_key(vault, "part", _place(file)), file.read_bytes(), _place(file))
    except OSError:
        raise NotFound("A part of the file of this batch was lost. Withdraw the batch, and report it again.") from None
    except Unavailable:
        raise NotFound(
            f"A part of the file of this batch {_ALTERED}. Withdraw the batch, and report it again."
        ) from None
    if not content:
        raise NotFound("A part of the file of this batch is empty. Withdraw the batch, and report it again.")
    return content


def writer(vault: Vault, out: IO[bytes], place: Path) -> io.BufferedWriter:
    """Write a file from its begin to its end into one that is open and empty, and will be at `place`."""
    return io.BufferedWriter(_Writer(vault, out, place), _BUFFER)


def reader(vault: Vault, file: Path) -> io.BufferedReader:
    """Read a file as it was before it was sealed, from any byte on.

    Raises OSError, and `NotFound`, then or while it is read, for what is not as it was written.
    """
    return io.BufferedReader(_Reader(vault, file), _BUFFER)


class _Writer(io.RawIOBase):
    def __init__(self, vault: Vault, out: IO[bytes], place: Path) -> None:
        salt = secrets.token_bytes(SALT_BYTES)
        out.write(salt)
        self._out, self._bound, self._number = out, _place(place), 0
        self._aead, self._waits = AESGCM(_key(vault, "file", salt)), bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: "ReadableBuffer", /) -> int:
        data = bytes(content)
        self._waits += data
        while len(self._waits) > PIECE_BYTES:
            self._seal(bytes(self._waits[:PIECE_BYTES]), is_last=False)
            del self._waits[:PIECE_BYTES]
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._seal(bytes(self._waits), is_last=True)
        super().close()

    def _seal(self, piece: bytes, *, is_last: bool) -> None:
        self._out.write(self._aead.encrypt(_nonce(self._number, is_last=is_last), piece, self._bound))
        self._number += 1


class _Reader(io.RawIOBase):
    def __init__(self, vault: Vault, file: Path) -> None:
        self._file, self._at, self._bound = file.open("rb", buffering=0), 0, _place(file)
        salt = self._file.read(SALT_BYTES) or b""
        self._aead, self._kept = AESGCM(_key(vault, "file", salt)), (-1, b"")
        held = max(0, os.fstat(self._file.fileno()).st_size - SALT_BYTES)
        self._pieces = max(1, -(-held // _SEALED))
        self._size = max(0, held - self._pieces * TAG_BYTES)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}
        self._at = max(0, base[whence] + place)
        return self._at

    def readinto(self, into: "WriteableBuffer", /) -> int:
        # Beyond the end too the last piece is opened: what was cut off is told, and not taken for the end.
        number = min(self._at // PIECE_BYTES, self._pieces - 1)
        data = self._piece(number)[self._at - number * PIECE_BYTES :]
        view = memoryview(into)
        count = min(len(view), len(data))
        view[:count] = data[:count]
        self._at += count
        return count

    def _piece(self, number: int) -> bytes:
        if self._kept[0] != number:
            data = os.pread(self._file.fileno(), _SEALED, SALT_BYTES + number * _SEALED)
            nonce = _nonce(number, is_last=number == self._pieces - 1)
            try:
                self._kept = number, self._aead.decrypt(nonce, data, self._bound)
            except (InvalidTag, ValueError):
                raise NotFound(f"This list {_ALTERED}. Have the batch judged anew.") from None
        return self._kept[1]

    def close(self) -> None:
        self._file.close()
        super().close()


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _key(vault: Vault, of: str, which: bytes) -> bytes:
    return vault.keyed_digest(f"sealed-{of}", which)


def _place(file: Path) -> bytes:
    """Name a file by the folder that it lies in: what is of one batch is not taken for another's."""
    return "/".join(file.parts[-3:]).encode()
