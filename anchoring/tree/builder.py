"""Builds the tiles and entry bundles of a growing tree, from leaves in order (C2SP tlog-tiles).

Beside a bundle stand the documents of the records in it, as they are given (`registry.evidence.public`). The builder
keeps only the right edge: for every level the hashes of the tile that is not full yet. What it makes is a list of
files; writing them is `anchoring.tree.folder`'s.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from anchoring.errors import Malformed, Refuted
from anchoring.leaf import LEAF_DTYPE, LEAF_SIZE
from anchoring.merkle import HASH_SIZE, leaf_hashes, root
from anchoring.tree.documents import records_among
from anchoring.tree.folder import File, LogFolder
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TILE_WIDTH, TileReader, document_path, entries_path, tile_path, tile_width
from registry.evidence.public import Faulty, read_documents
from registry.ledger.movement import RECORDS_FROM

NONE: Mapping[int, bytes] = MappingProxyType({})
"""Documents of leaves among which no record is."""
_PREFIX = LEAF_SIZE.to_bytes(2, "big")
_BUNDLED = np.dtype([("size", ">u2"), ("leaf", f"V{LEAF_SIZE}")])


class TileBuilder:
    """The right edge of the tree of `size` leaves."""

    def __init__(self, size: int, edge: list[list[bytes]], bundle: bytes, documents: bytes = b"") -> None:
        """Go on from a size, the hashes of each level's unfinished tile, its entries, and its records' documents."""
        self.size = size
        self._edge = edge
        self._bundle = bundle
        self._documents = documents

    @classmethod
    def load(cls, folder: LogFolder, size: int) -> "TileBuilder":
        """Read the right edge of the tree of `size` leaves back from its partial tiles.

        Raises `Malformed` or `Unreachable` when one is missing or not of its size, `Refuted` for false documents.
        """
        edge, level, width = [], 0, size
        while width:
            part = width % TILE_WIDTH
            path = tile_path(level, width // TILE_WIDTH, part)
            edge.append(_hashes(folder.read(path), part, path) if part else [])
            level, width = level + 1, width // TILE_WIDTH
        part = size % TILE_WIDTH
        path = entries_path(size // TILE_WIDTH, part)
        bundle = folder.read(path) if part else b""
        if len(bundle) != part * _BUNDLED.itemsize:
            raise Malformed(f"{path} holds {len(bundle)} bytes, not {part} entries.")
        return cls(size, edge, bundle, _documents(folder, size, leaves_of(bundle, part)))

    def extend(self, leaves: npt.NDArray[Any], documents: Mapping[int, bytes] = NONE) -> Iterator[File]:
        """Append leaves (`LEAF_DTYPE`), giving every file as it becomes full; `documents` are their records' lines.

        Lines are named by their leaf's index, and stand in its order.
        """
        while len(leaves):
            room = TILE_WIDTH - self.size % TILE_WIDTH
            yield from self._append(leaves[:room], documents)
            leaves = leaves[room:]

    def _append(self, leaves: npt.NDArray[Any], documents: Mapping[int, bytes]) -> Iterator[File]:
        """Append leaves that fit the unfinished tile at level 0."""
        records = np.flatnonzero(leaves["kind"] >= RECORDS_FROM) + self.size
        self._documents += b"".join(documents.get(index, b"") for index in records.tolist())
        data = np.ascontiguousarray(leaves).tobytes()
        hashes = leaf_hashes(data, LEAF_SIZE)
        bundled = np.empty(len(leaves), _BUNDLED)
        bundled["size"] = LEAF_SIZE
        bundled["leaf"] = np.frombuffer(data, f"V{LEAF_SIZE}")
        self._bundle += bundled.tobytes()
        self.size += len(leaves)
        if self.size % TILE_WIDTH == 0:
            yield entries_path(self.size // TILE_WIDTH - 1), self._bundle
            if self._documents:
                yield document_path(self.size // TILE_WIDTH - 1), self._documents
            self._bundle = self._documents = b""
        yield from self._rise(0, hashes)

    def _rise(self, level: int, hashes: list[bytes]) -> Iterator[File]:
        """Put hashes on a level; a tile that becomes full is given, and its root goes one level up."""
        if level == len(self._edge):
            self._edge.append([])
        tile = self._edge[level]
        tile += hashes
        if len(tile) < TILE_WIDTH:
            return
        number = self.size // TILE_WIDTH ** (level + 1) - 1
        yield tile_path(level, number), b"".join(tile)
        self._edge[level] = []
        yield from self._rise(level + 1, [root(tile)])

    def partials(self) -> Iterator[File]:
        """Give the unfinished tiles, the unfinished bundle and its documents as they are now."""
        for level, tile in enumerate(self._edge):
            if tile:
                yield tile_path(level, self.size // TILE_WIDTH ** (level + 1), len(tile)), b"".join(tile)
        if self._bundle:
            yield entries_path(self.size // TILE_WIDTH, self.size % TILE_WIDTH), self._bundle
        if self._documents:
            yield document_path(self.size // TILE_WIDTH, self.size % TILE_WIDTH), self._documents

    def root(self) -> bytes:
        """Compute the root: an unfinished subtree stands as the last node of the level above it."""
        below: list[bytes] = []
        for tile in self._edge:
            level = tile + below
            below = [root(level)] if level else []
        return root(below)


def _documents(folder: LogFolder, size: int, leaves: npt.NDArray[Any]) -> bytes:
    """Read the documents of the unfinished bundle of `leaves` back; no hash above them would tell that one is false."""
    records, path = records_among(leaves, size - len(leaves)), document_path(size // TILE_WIDTH, size % TILE_WIDTH)
    data = folder.read(path) if records else b""
    for found in read_documents(data, records):
        if isinstance(found, Faulty):
            raise Refuted(
                f"The log's file {path} was changed after publication: leaf {found.index}: {found.sentence}. Move it "
                "aside, and `gram log rebuild` writes it anew from the database."
            )
    return data


def filled(start: int, end: int) -> Iterator[str]:
    """Name the tiles, bundles and files of documents that became full between two sizes."""
    for number in range(start // TILE_WIDTH, end // TILE_WIDTH):
        yield entries_path(number)
        yield document_path(number)
    level, width = 0, TILE_WIDTH
    while end >= width:
        for number in range(start // width, end // width):
            yield tile_path(level, number)
        level, width = level + 1, width * TILE_WIDTH


def _hashes(data: bytes, count: int, path: str) -> list[bytes]:
    if len(data) != count * HASH_SIZE:
        raise Malformed(f"{path} holds {len(data)} bytes, not {count} hashes.")
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def leaves_of(bundle: bytes, count: int) -> npt.NDArray[Any]:
    """Read the `count` leaves of an entry bundle as `LEAF_DTYPE`. Raises `Malformed` when it is not one of ours."""
    if len(bundle) != count * _BUNDLED.itemsize:
        raise Malformed(f"An entry bundle of {count} leaves has {len(bundle)} bytes.")
    rows = np.frombuffer(bundle, _BUNDLED)
    if not (rows["size"] == LEAF_SIZE).all():
        raise Malformed("An entry bundle holds an entry that is no leaf of 114 bytes.")
    return np.frombuffer(np.ascontiguousarray(rows["leaf"]).tobytes(), LEAF_DTYPE)


def leaves_at(folder: LogFolder, size: int, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Read leaves (`LEAF_DTYPE`) of the tree of `size` leaves by their indices, in rising order, from its bundles.

    Raises `Unreachable` or `Malformed` when a bundle is missing or not of its size.
    """
    reader = TileReader(DirectorySource(folder.path))
    found = []
    numbers, begins = np.unique(indices // TILE_WIDTH, return_index=True)
    for number, (begin, end) in zip(numbers.tolist(), pairwise([*begins.tolist(), len(indices)]), strict=True):
        width = tile_width(0, number, size)
        found.append(leaves_of(reader.bundle(number, width), width).take(indices[begin:end] % TILE_WIDTH).tobytes())
    return np.frombuffer(b"".join(found), LEAF_DTYPE)
