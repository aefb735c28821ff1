"""The Merkle tree of a log, built again from its leaves and held against every tile, root by root as it grows.

What is compared is always made from the leaves, never from a tile below: a false tile is one fault of its own, and a
false leaf is one at every level, at the root, and wherever the chain holds a larger tree.
"""

from collections.abc import Iterable, Iterator

from anchoring.auditing.reading import Files
from anchoring.auditing.report import Fault, Faults
from anchoring.log.tiles import TILE_WIDTH, tile_path
from anchoring.merkle import CompactRange, node_hash, root

Hashes = list[bytes]


class TreeCheck:
    """The right edge of the tree so far; it grows by one tile of level 0 after another."""

    def __init__(self, files: Files, faults: Faults) -> None:
        """Start with no leaf; tiles are read from `files`."""
        self._files = files
        self._faults = faults
        self._tiles = 0
        self._upper: list[Hashes] = []
        """By level from 1: the hashes of the tile that is not full yet."""
        self.is_known = True
        """False from the first tile whose leaves and hashes are both missing: no root can be made any more."""

    def add(self, hashes: Hashes | None, width: int, sizes: Iterable[int] = ()) -> Iterator[tuple[int, bytes]]:
        """Take the leaf hashes of the next tile of `width`, None if its leaves cannot be read.

        Gives (size, root) for each of the `sizes`, which are in order and end in this tile.
        """
        start = self._tiles * TILE_WIDTH
        published = self._files.tile(0, self._tiles, width)
        if hashes is None:
            hashes = published
        elif published is not None and published != hashes:
            self._blame_leaves(start, hashes, published)
        self._tiles += 1
        if hashes is None or not self.is_known:
            self.is_known = False
            return
        yield from self._roots(start, hashes, sizes)
        if width == TILE_WIDTH:
            self._rise(1, root(hashes))

    def finish(self) -> None:
        """Compare the upper tiles that are not full."""
        for level, hashes in enumerate(self._upper, start=1):
            if hashes and self.is_known:
                self._compare(level, self._tiles // TILE_WIDTH**level, hashes)

    def _roots(self, start: int, hashes: Hashes, sizes: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        peaks: Hashes = []
        edge = CompactRange()
        for size in sizes:
            peaks = peaks or self._peaks()
            edge.extend(hashes[edge.size : size - start])
            whole = edge.root()
            for peak in reversed(peaks):
                whole = node_hash(peak, whole)
            yield size, whole

    def _peaks(self) -> Hashes:
        """Give the perfect subtrees' roots left of this tile, leftmost first."""
        peaks: Hashes = []
        for level in reversed(self._upper):
            edge = CompactRange()
            edge.extend(level)
            peaks += edge.peaks
        return peaks

    def _rise(self, level: int, node: bytes) -> None:
        """Put the root of a full tile on the level above; compare the tile there when that makes it full."""
        if level > len(self._upper):
            self._upper.append([])
        tile = self._upper[level - 1]
        tile.append(node)
        if len(tile) == TILE_WIDTH:
            self._compare(level, self._tiles // TILE_WIDTH**level - 1, tile)
            self._upper[level - 1] = []
            self._rise(level + 1, root(tile))

    def _compare(self, level: int, n: int, hashes: Hashes) -> None:
        published = self._files.tile(level, n, len(hashes))
        if published is None or published == hashes:
            return
        path = tile_path(level, n, len(hashes))
        wrong = [place for place, (theirs, ours) in enumerate(zip(published, hashes, strict=True)) if theirs != ours]
        below = tile_path(level - 1, n * TILE_WIDTH + wrong[0])
        sentence = f"{len(wrong)} of its hashes are not made by the leaves, the first, {wrong[0]}, that of {below}"
        self._faults.add(Fault("tile-hash", sentence, path=path))

    def _blame_leaves(self, start: int, hashes: Hashes, published: Hashes) -> None:
        path = tile_path(0, start // TILE_WIDTH, len(hashes))
        for place, (ours, theirs) in enumerate(zip(hashes, published, strict=True)):
            if ours != theirs:
                sentence = f"its hash is {ours.hex()}, and {path} says {theirs.hex()}"
                self._faults.add(Fault("leaf-hash", sentence, leaf=start + place, path=path))
