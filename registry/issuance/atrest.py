"""Files of batches as they lie in the data folder: nobody reads them who has not the master key.

What is written and read piece by piece is under AES-256-CTR: a salt of 16 random bytes, of which the file's own key is
made, then a byte for each of the file's, so that parts come in any order and a list is read from any byte on. It hides,
and does not tell whether somebody altered it: a reported file is held to its SHA-256. What is small enough to be in
memory is under AES-256-GCM, which does.
"""

import io
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from registry.accounts.vault import Vault

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

SALT_BYTES: Final = 16
_BLOCK: Final = 16
_PIECE: Final = 256 * 1024


def write_at(vault: Vault, descriptor: int, first: int, content: bytes) -> None:
    """Write bytes of a file at their place, from byte `first` on, and have them on the disk; one writes at a time."""
    salt = os.pread(descriptor, SALT_BYTES, 0)
    if len(salt) < SALT_BYTES:
        salt = secrets.token_bytes(SALT_BYTES)
        _write(descriptor, salt, 0)
    _write(descriptor, _crypted(vault, salt, first, content), SALT_BYTES + first)
    os.fdatasync(descriptor)


def writer(vault: Vault, out: IO[bytes]) -> io.BufferedWriter:
    """Write a file from its begin to its end into one that is open and empty."""
    return io.BufferedWriter(_Writer(vault, out), _PIECE)


def reader(vault: Vault, file: Path) -> io.BufferedReader:
    """Read a file as it was before it was sealed, from any byte on. Raises OSError."""
    return io.BufferedReader(_Reader(vault, file), _PIECE)


@contextmanager
def clear(vault: Vault, file: Path) -> Iterator[Path]:
    """Have a file in clear for as long as it takes, in a folder for temporary files that nobody else reads."""
    with tempfile.TemporaryDirectory(prefix="gramledger-") as folder:
        there = Path(folder) / file.name
        with reader(vault, file) as sealed, there.open("wb") as out:
            shutil.copyfileobj(sealed, out, _PIECE)
        yield there


class _Writer(io.RawIOBase):
    def __init__(self, vault: Vault, out: IO[bytes]) -> None:
        salt = secrets.token_bytes(SALT_BYTES)
        out.write(salt)
        self._out, self._cipher = out, _cipher(vault, salt, 0).encryptor()

    def writable(self) -> bool:
        return True

    def write(self, content: "ReadableBuffer", /) -> int:
        data = bytes(content)
        self._out.write(self._cipher.update(data))
        return len(data)


class _Reader(io.RawIOBase):
    def __init__(self, vault: Vault, file: Path) -> None:
        self._vault, self._file, self._at = vault, file.open("rb", buffering=0), 0
        self._salt = self._file.read(SALT_BYTES) or b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._file.fileno()).st_size - SALT_BYTES}
        self._at = max(0, base[whence] + place)
        return self._at

    def readinto(self, into: "WriteableBuffer", /) -> int:
        view = memoryview(into)
        data = os.pread(self._file.fileno(), len(view), SALT_BYTES + self._at)
        view[: len(data)] = _crypted(self._vault, self._salt, self._at, data)
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _crypted(vault: Vault, salt: bytes, at: int, data: bytes) -> bytes:
    """Encrypt or decrypt (CTR does the same) bytes of a file from its byte `at` on."""
    cipher = _cipher(vault, salt, at // _BLOCK).encryptor()
    cipher.update(bytes(at % _BLOCK))
    return cipher.update(data)


def _cipher(vault: Vault, salt: bytes, block: int) -> Cipher[CTR]:
    return Cipher(AES(vault.keyed_digest("file", salt)), CTR(block.to_bytes(_BLOCK, "big")))


def _write(descriptor: int, content: bytes, at: int) -> None:
    written = 0
    while written < len(content):
        written += os.pwrite(descriptor, content[written:], at + written)
