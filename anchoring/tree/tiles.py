"""Tiles and entry bundles (C2SP tlog-tiles): their paths, what a tree has of them, and proofs straight from them.

What is read is not trusted: a proof made from false tiles does not verify, and whoever asks for one must check it
against a signed checkpoint (`anchoring.merkle`).
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from anchoring import merkle
from anchoring.errors import Malformed, Unreachable
from anchoring.leaf import LEAF_SIZE
from anchoring.merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, node_hash, split_point
from anchoring.tree.sources import DirectorySource, HttpSource, Source

__all__ = [
    "BUNDLE_BYTES",
    "TILE_BYTES",
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "DirectorySource",
    "HttpSource",
    "Source",
    "Tile",
    "TileReader",
    "consistency_proof",
    "decode_bundle",
    "document_path",
    "encode_bundle",
    "entries_path",
    "inclusion_proof",
    "new_tiles",
    "root_at",
    "tile_path",
    "tile_width",
]

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 256
TILE_BYTES: Final = TILE_WIDTH * HASH_SIZE
ENTRY_BYTES: Final = 2 + LEAF_SIZE
BUNDLE_BYTES: Final = TILE_WIDTH * ENTRY_BYTES
"""An entry bundle of ours is full at 256 leaves of one size, so a longer one is refused unread."""
CACHED_TILES: Final = 512
"""4 MB: every tile above level 0 of a tree of 30 million leaves, and the level 0 tiles asked for last."""

_PREFIX = LEAF_SIZE.to_bytes(2)


class Tile(NamedTuple):
    """Tile `n` of a level with its first `width` hashes: 256 when it is full, fewer when it is partial."""

    level: int
    n: int
    width: int

    @property
    def path(self) -> str:
        """Where its hashes are."""
        return tile_path(self.level, self.n, self.width)

    @property
    def entries_path(self) -> str:
        """Where the entries below a tile of level 0 are."""
        return entries_path(self.n, self.width)


def tile_path(level: int, n: int, width: int | None = None) -> str:
    """Give the path of a tile, `tile/0/x001/234.p/5`; partial for a `width` of 1 to 255, else that of the full one.

    Raises ValueError for a level, number or width that no tile has.
    """
    if not 0 <= level <= 63:
        raise ValueError(f"no tile has level {level}")
    return f"tile/{level}/{_number_path(n, width)}"


def entries_path(n: int, width: int | None = None) -> str:
    """Give the path of an entry bundle, `tile/entries/x001/234.p/5`; `n` and `width` as in `tile_path`."""
    return f"tile/entries/{_number_path(n, width)}"


def document_path(n: int, width: int | None = None) -> str:
    """Give the path of the documents of a tile's records, `document/x001/234.p/5`; `n` and `width` as in `tile_path`.

    There is such a file only where one of these leaves is a record.
    """
    return f"document/{_number_path(n, width)}"


def _number_path(n: int, width: int | None) -> str:
    if n < 0 or not 0 <= (width or 0) <= TILE_WIDTH:
        raise ValueError(f"no tile has number {n} and width {width}")
    path = f"{n % 1000:03}"
    while n >= 1000:
        n //= 1000
        path = f"x{n % 1000:03}/{path}"
    return f"{path}.p/{width}" if width and width < TILE_WIDTH else path


def tile_width(level: int, n: int, size: int) -> int:
    """Count the hashes that tile `n` of a level has in a tree of `size` leaves, 0 to 256."""
    return max(0, min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - n * TILE_WIDTH))


def new_tiles(size1: int, size2: int) -> Iterator[Tile]:
    """Give the tiles, full and partial, of the tree of `size2` that the tree of `size1` has not; `size1` 0 for all.

    The bundles are those of the tiles of level 0. A tile that was partial and now is full or wider is new.
    """
    if not 0 <= size1 <= size2 <= MAX_SIZE:
        raise ValueError(f"no tree grows from {size1} to {size2} leaves")
    level = 0
    while size2 >> TILE_HEIGHT * level:
        before, now = size1 >> TILE_HEIGHT * level, size2 >> TILE_HEIGHT * level
        if before != now:
            for n in range(before // TILE_WIDTH, -(-now // TILE_WIDTH)):
                yield Tile(level, n, tile_width(level, n, size2))
        level += 1


def encode_bundle(leaves: Iterable[bytes]) -> bytes:
    """Write an entry bundle: each leaf of 114 bytes after its length as a big-endian uint16."""
    entries = list(leaves)
    if len(entries) > TILE_WIDTH or any(len(entry) != LEAF_SIZE for entry in entries):
        raise ValueError(f"a bundle has at most {TILE_WIDTH} leaves of {LEAF_SIZE} bytes")
    return b"".join(_PREFIX + entry for entry in entries)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Read the `width` leaves of a bundle; Malformed when it holds more, fewer, or entries that are not 114 bytes."""
    if len(data) != width * ENTRY_BYTES:
        raise Malformed(f"an entry bundle of {width} leaves has {width * ENTRY_BYTES} bytes, not {len(data)}")
    starts = range(0, len(data), ENTRY_BYTES)
    if any(data[at : at + 2] != _PREFIX for at in starts):
        raise Malformed(f"an entry bundle of this log holds leaves of {LEAF_SIZE} bytes and nothing else")
    return [data[at + 2 : at + ENTRY_BYTES] for at in starts]


class TileReader:
    """Reads tiles and bundles from a source, keeping the last ones read. Safe to share between threads."""

    def __init__(self, source: Source, cached_tiles: int = CACHED_TILES) -> None:
        """Read from `source`; `cached_tiles` of 8 kB each are kept in memory."""
        self.source = source
        # Files of a log never change, so what was read once stays true; what failed is not kept.
        self.tile = lru_cache(maxsize=cached_tiles)(self._tile)

    def _tile(self, level: int, n: int, width: int) -> bytes:
        """Give the first `width` hashes of a tile, one after another, 32 bytes each.

        A partial tile that is gone is read from the full one (tlog-tiles, "Partial Tiles"). Raises Unreachable
        when neither is there, Malformed when one has another length.
        """
        partial, full = tile_path(level, n, width), tile_path(level, n)
        return self._read(partial, full, width, HASH_SIZE)

    def bundle(self, n: int, width: int) -> bytes:
        """Give the first `width` entries of a bundle as they are, length prefixes included, 116 bytes each."""
        return self._read(entries_path(n, width), entries_path(n), width, ENTRY_BYTES)

    def leaf(self, index: int, size: int) -> bytes:
        """Give leaf `index`, 114 bytes, of the published tree of `size` leaves; ValueError when it has none."""
        if not 0 <= index < size:
            raise ValueError(f"the tree of {size} leaves has no leaf {index}")
        n, at = divmod(index, TILE_WIDTH)
        width = tile_width(0, n, size)
        return decode_bundle(self.bundle(n, width), width)[at]

    def _read(self, path: str, full_path: str, width: int, stride: int) -> bytes:
        found = width
        try:
            data = self.source.read(path, TILE_WIDTH * stride)
        except Unreachable:
            if path == full_path:
                raise
            path, found = full_path, TILE_WIDTH
            data = self.source.read(path, TILE_WIDTH * stride)
        if len(data) != found * stride:
            raise Malformed(f"{path} has {len(data)} bytes, not {found * stride}")
        return data[: width * stride]


def root_at(reader: TileReader, size: int, within: int | None = None) -> bytes:
    """Compute the root of the first `size` leaves from the tiles of the tree of `within` leaves, by default `size`.

    `within` is a size that was published; `size` need not be. Raises ValueError when `size` is larger, otherwise
    what `TileReader` raises.
    """
    within = size if within is None else within
    if not 0 <= size <= within <= MAX_SIZE:
        raise ValueError(f"a tree of {within} leaves does not contain one of {size}")
    return _range_root(reader, 0, size, within) if size else EMPTY_ROOT


def inclusion_proof(reader: TileReader, index: int, size: int, within: int | None = None) -> list[bytes]:
    """Prove leaf `index` in the tree of `size` leaves, sibling first (RFC 9162, 2.1.3.1).

    Read from the tiles of the published tree of `within` leaves, by default `size`. Raises ValueError when there is
    no such leaf or `size` is larger, otherwise what `TileReader` raises.
    """
    within = size if within is None else within
    if not 0 <= index < size <= within <= MAX_SIZE:
        raise ValueError(f"the tree of {size} leaves has no leaf {index}")
    first, last, siblings = 0, size, []
    while last - first > 1:
        middle = first + split_point(last - first)
        if index < middle:
            siblings.append((middle, last))
            last = middle
        else:
            siblings.append((first, middle))
            first = middle
    return [_range_root(reader, *sibling, within) for sibling in reversed(siblings)]


def consistency_proof(reader: TileReader, size1: int, size2: int) -> list[bytes]:
    """Prove that the tree of `size1` is a prefix of the published tree of `size2` (RFC 9162, 2.1.4.1).

    Empty for `size1` 0 or equal sizes. Only tiles of `size2` are read. Raises ValueError when the sizes are out
    of order, otherwise what `TileReader` raises.
    """
    if not 0 <= size1 <= size2 <= MAX_SIZE:
        raise ValueError(f"a tree of {size1} leaves is no prefix of one of {size2}")
    if size1 == 0:
        return []
    first, last, parts = 0, size2, []
    while size1 != last:
        middle = first + split_point(last - first)
        if size1 <= middle:
            parts.append((middle, last))
            last = middle
        else:
            parts.append((first, middle))
            first = middle
    if first:
        # The verifier does not know this subtree of the old tree; it knows the old root only.
        parts.append((first, last))
    return [_range_root(reader, *part, size2) for part in reversed(parts)]


def _range_root(reader: TileReader, first: int, last: int, size: int) -> bytes:
    """Compute the root over leaves `[first, last)`, a subtree of the RFC's recursion, from the tree of `size`."""
    peaks = []
    while first < last:
        height = (last - first).bit_length() - 1
        peaks.append(_perfect_root(reader, height, first >> height, size))
        first += 1 << height
    result = peaks.pop()
    while peaks:
        result = node_hash(peaks.pop(), result)
    return result


def _perfect_root(reader: TileReader, height: int, index: int, size: int) -> bytes:
    """Give node `index` at `height`: in a tile, or hashed from the fewest hashes of one tile that make it."""
    level, rise = divmod(height, TILE_HEIGHT)
    n, start = divmod(index << rise, TILE_WIDTH)
    tile = reader.tile(level, n, tile_width(level, n, size))
    hashes = range(start * HASH_SIZE, (start + (1 << rise)) * HASH_SIZE, HASH_SIZE)
    return merkle.root(tile[at : at + HASH_SIZE] for at in hashes)
