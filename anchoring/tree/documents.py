"""The documents of a log's records as they are served beside its tiles, static and immutable as those are.

Whoever has the leaves knows which files there are, and what evidence each document must have; what a file holds is
`registry.evidence.public`'s to say.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anchoring.errors import Malformed, Unreachable
from anchoring.leaf import VERSION
from anchoring.tree.sources import Source
from anchoring.tree.tiles import TILE_WIDTH, document_path, tile_width
from registry.evidence.public import (
    MAX_LONG_BYTES,
    Document,
    Faulty,
    RecordLeaf,
    file_limit,
    lines_before,
    read_documents,
    verified_documents,
)
from registry.ledger.movement import RECORDS_FROM

READ_TOGETHER: Final = 4
"""Files of documents read side by side."""
TOGETHER_BYTES: Final = 32 * 1024 * 1024
"""Of what is read side by side at most, by what their records may make long; a longer file is read alone."""


@dataclass(frozen=True, slots=True)
class TileRecords:
    """The records among the first `width` leaves of tile `n`."""

    n: int
    width: int
    leaves: Sequence[RecordLeaf]
    verified: bytes | None = None
    """SHA-256 of a file of them in which each of the leaves had exactly its one document."""

    @property
    def path(self) -> str:
        """Where their documents are."""
        return document_path(self.n, self.width)


@dataclass(frozen=True, slots=True)
class Served:
    """A file of documents as it was served. Going through it gives those of its leaves, or what is wrong with them.

    What was verified before is not verified again, if not a byte of it is another.
    """

    tile: TileRecords
    data: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the file."""
        return sha256(self.data).digest()

    def __iter__(self) -> Iterator[Document | Faulty]:
        """Read it."""
        if self.tile.verified is not None and self.digest == self.tile.verified:
            return verified_documents(self.data, self.tile.leaves)
        return read_documents(self.data, self.tile.leaves)


Outcome = Served | Malformed | Unreachable
"""A file of documents, or why it could not be read."""


def records_among(leaves: npt.NDArray[Any], start: int) -> list[RecordLeaf]:
    """Give the records among leaves (`LEAF_DTYPE`) that begin at index `start`."""
    places = np.flatnonzero((leaves["kind"] >= RECORDS_FROM) & (leaves["version"] == VERSION)).tolist()
    return [
        RecordLeaf(start + place, int(leaves["kind"][place]), leaves["evidence"][place].tobytes()) for place in places
    ]


def served_documents(source: Source, n: int, width: int, leaves: Sequence[RecordLeaf]) -> Iterator[Document | Faulty]:
    """Read the documents of the first `width` leaves of tile `n`, of which `leaves` are the records, and check them.

    One is in memory at a time beside the file: JSON of a megabyte can make objects of some thirty. Raises as
    `served_file`, at once.
    """
    return read_documents(served_file(source, n, width, leaves), leaves)


def served_file(source: Source, n: int, width: int, leaves: Sequence[RecordLeaf]) -> bytes:
    """Read the file of the documents of the first `width` leaves of tile `n`, of which `leaves` are the records.

    Of a tile without records nothing is asked. A partial file that is gone is read from the full one. Raises
    Unreachable when neither is there, Malformed for a file longer than these records can make it.
    """
    if not leaves:
        return b""
    path, limit = document_path(n, width), file_limit([leaf.kind for leaf in leaves])
    try:
        return source.read(path, limit)
    except Unreachable:
        if width == TILE_WIDTH:
            raise
        longer = limit + (TILE_WIDTH - width) * (MAX_LONG_BYTES + 1)
        return lines_before(source.read(document_path(n), longer), n * TILE_WIDTH + width)


def records_by_tile(leaves: npt.NDArray[Any], start: int, size: int) -> list[TileRecords]:
    """Give the records among leaves (`LEAF_DTYPE`) of the tree of `size`, by tile; `start` begins a tile."""
    found: dict[int, list[RecordLeaf]] = {}
    for record in records_among(leaves, start):
        found.setdefault(record.index // TILE_WIDTH, []).append(record)
    return [TileRecords(n, tile_width(0, n, size), records) for n, records in found.items()]


def read_by_tile(
    source: Source, tiles: Sequence[TileRecords], pool: ThreadPoolExecutor | None = None
) -> Iterator[tuple[TileRecords, Outcome]]:
    """Read the documents of tiles, in order; with a `pool` some files side by side, never all at once."""

    def read(tile: TileRecords) -> Outcome:
        try:
            return Served(tile, served_file(source, tile.n, tile.width, tile.leaves))
        except (Malformed, Unreachable) as error:
            return error

    for together in _together(tiles):
        yield from zip(together, map(read, together) if pool is None else pool.map(read, together), strict=True)


def _together(tiles: Sequence[TileRecords]) -> Iterator[list[TileRecords]]:
    """Cut a list of tiles into those whose files are read side by side."""
    chosen: list[TileRecords] = []
    length = 0
    for tile in tiles:
        longest = file_limit([leaf.kind for leaf in tile.leaves])
        if chosen and (len(chosen) == READ_TOGETHER or length + longest > TOGETHER_BYTES):
            yield chosen
            chosen, length = [], 0
        chosen.append(tile)
        length += longest
    if chosen:
        yield chosen
