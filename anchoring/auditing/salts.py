"""The salts of a whole log: one that stands there twice opens what is withheld to guessing.

Within one file of documents `registry.evidence.public` finds it. Across the log they are kept in a temporary file, 24
bytes each, and compared part by part, so that the memory does not grow with the log: as digests under a key of the
audit's own, so that nobody chooses which part they fall into.
"""

import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise
from secrets import token_bytes
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from anchoring.errors import Unreachable
from registry.evidence.document import SALT_BYTES
from registry.evidence.public import Document

_SALT: Final = np.dtype([("salt", f"S{SALT_BYTES}"), ("leaf", "<u8")])
PART: Final = 1 << 20
"""Salts read or compared at once, 24 MB."""


class Salts:
    """The salts of the documents of one log."""

    def __init__(self, part: int = PART) -> None:
        """Begin with none; `part` is how many are compared at once. Raises Unreachable without a temporary file."""
        self._part, self._count, self._key = part, 0, token_bytes(SALT_BYTES)
        try:
            self._file = tempfile.TemporaryFile(prefix="gram-salts-")  # noqa: SIM115  (closed when they are left)
        except OSError as error:
            raise Unreachable(f"An audit needs a temporary file of 24 bytes a salt: {error.strerror}.") from error

    def __enter__(self) -> Self:
        """Use them."""
        return self

    def __exit__(self, _: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None) -> None:
        """Let go of the file."""
        self._file.close()

    def add(self, document: Document) -> None:
        """Take those of a document, which is what its leaf binds. Raises Unreachable when the disk is full."""
        shown = (one for one in document.fields.values() if not isinstance(one, str))
        salts = [blake2b(one[0].encode(), digest_size=SALT_BYTES, key=self._key).digest() for one in shown]
        self._count += len(salts)
        made = np.array([(salt, document.leaf.index) for salt in salts], _SALT)
        try:
            self._file.write(made.tobytes())
        except OSError as error:
            raise Unreachable(f"An audit needs a temporary file of 24 bytes a salt: {error.strerror}.") from error

    def repeated(self) -> Iterator[tuple[int, int]]:
        """Give the leaves that have a salt of an earlier one, each with that one, once for each salt."""
        passes = -(-self._count // self._part)
        bounds = np.linspace(0, 1 << 16, passes + 1).astype(np.int64).tolist()
        for low, high in pairwise(bounds):
            some = np.concatenate([part[_within(part, low, high)] for part in self._parts()])
            some = some[np.lexsort((some["leaf"], some["salt"]))]
            for place in np.flatnonzero(some["salt"][1:] == some["salt"][:-1]).tolist():
                earlier, later = some["leaf"][place : place + 2].tolist()
                if earlier != later:
                    yield later, earlier

    def _parts(self) -> Iterator[NDArray[np.void]]:
        self._file.seek(0)
        while data := self._file.read(self._part * _SALT.itemsize):
            yield np.frombuffer(data, _SALT)


def _within(part: NDArray[np.void], low: int, high: int) -> NDArray[np.bool_]:
    """Say whose first two bytes, as a number, lie within bounds."""
    first = np.ascontiguousarray(part).view(np.uint8).reshape(-1, _SALT.itemsize)[:, :2].astype(np.int64) @ (256, 1)
    return np.asarray((first >= low) & (first < high))
