"""The Merkle tree of a log above its lowest tiles, built again as they come and held against every tile above them.

What is compared is always made from the leaves, never from a tile below: a false tile is one fault of its own, and a
false leaf is one at every level, at the root, and wherever the chain holds a larger tree.
"""

from collections.abc import Sequence

from anchoring.merkle import EMPTY_ROOT, HASH_SIZE, CompactRange, node_hash, root
from anchoring.replaying.faults import Fault, Faults
from anchoring.replaying.reading import Files
from anchoring.tree.tiles import TILE_WIDTH, tile_path

Hashes = list[bytes]


class UpperTree:
    """The right edge of the tree so far; it grows by one full tile of level 0 after another."""

    def __init__(self, levels: Sequence[Hashes] = (), tiles: int = 0) -> None:
        """Start with no leaf, or go on from `tiles` full tiles and the `levels` that they made."""
        self.tiles = tiles
        self.levels = [list(level) for level in levels]
        """By level from 1: the hashes of the tile that is not full yet."""
        self.is_known = True
        """False from the first tile whose leaves and hashes are both missing: no root can be made any more."""

    def add(self, node: bytes | None, files: Files, faults: Faults) -> None:
        """Take the root of the next full tile of level 0, None when it is not known."""
        self.tiles += 1
        if node is None or not self.is_known:
            self.is_known = False
            return
        self._rise(1, node, files, faults)

    def finish(self, files: Files, faults: Faults) -> None:
        """Compare the tiles that are not full."""
        for level, hashes in enumerate(self.levels, start=1):
            if hashes and self.is_known:
                self._compare(level, self.tiles // TILE_WIDTH**level, hashes, files, faults)

    def root(self, part: bytes | None = None) -> bytes | None:
        """Compute the root of all full tiles and of the leaves after them, whose own root is `part`."""
        if not self.is_known:
            return None
        whole = part
        for level in self.levels:
            edge = CompactRange()
            edge.extend(level)
            for peak in reversed(edge.peaks):
                whole = peak if whole is None else node_hash(peak, whole)
        return EMPTY_ROOT if whole is None else whole

    def _rise(self, level: int, node: bytes, files: Files, faults: Faults) -> None:
        """Put the root of a full tile on the level above; compare the tile there when that makes it full."""
        if level > len(self.levels):
            self.levels.append([])
        tile = self.levels[level - 1]
        tile.append(node)
        if len(tile) == TILE_WIDTH:
            self._compare(level, self.tiles // TILE_WIDTH**level - 1, tile, files, faults)
            self.levels[level - 1] = []
            self._rise(level + 1, root(tile), files, faults)

    def _compare(self, level: int, n: int, hashes: Hashes, files: Files, faults: Faults) -> None:
        published = files.tile(level, n, len(hashes))
        if published is None or published == b"".join(hashes):
            return
        path = tile_path(level, n, len(hashes))
        theirs = [published[at : at + HASH_SIZE] for at in range(0, len(published), HASH_SIZE)]
        wrong = [place for place, ours in enumerate(hashes) if theirs[place] != ours]
        below = tile_path(level - 1, n * TILE_WIDTH + wrong[0])
        sentence = f"{len(wrong)} of its hashes are not made by the leaves, the first, {wrong[0]}, that of {below}"
        faults.add(Fault("tile-hash", sentence, path=path))
