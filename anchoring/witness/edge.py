"""The right edge of a tree that grows, tile by tile, and whether the tiles that a log serves are those of its leaves.

Of the tree that was there before, its peaks are known and not its hashes. So in a tile that was begun before, the old
part is held against the peaks, and the rest against what the new leaves make.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from anchoring.errors import Refuted
from anchoring.merkle import HASH_SIZE, CompactRange
from anchoring.tree.tiles import TILE_HEIGHT, TILE_WIDTH, tile_path

Hashes = list[bytes]


@dataclass(frozen=True, slots=True)
class MadeTile:
    """Tile `n` of a level as the leaves make it: the peaks of its first `old` hashes, and the hashes after them."""

    level: int
    n: int
    old: int
    peaks: tuple[bytes, ...]
    hashes: tuple[bytes, ...]

    @property
    def width(self) -> int:
        """Hashes in all."""
        return self.old + len(self.hashes)

    def check(self, published: bytes) -> None:
        """Raise Refuted, naming the first hash, when the tile that the log serves is another."""
        theirs = _cut(published)
        if _peaks(theirs[: self.old]) != self.peaks:
            wrong = f"its first {self.old} hashes are not those of the tree that was cosigned"
        else:
            pairs = zip(theirs[self.old :], self.hashes, strict=True)
            place = next((at for at, (one, other) in enumerate(pairs, self.old) if one != other), None)
            if place is None:
                return
            wrong = f"its hash {place} is not made by the leaves that the log serves"
        raise Refuted(f"{tile_path(self.level, self.n, self.width)}: {wrong}")


@dataclass(slots=True)
class _Level:
    """The unfinished tile of one level."""

    old: int = 0
    old_peaks: tuple[bytes, ...] = ()
    hashes: Hashes = field(default_factory=list)
    range: CompactRange = field(default_factory=CompactRange)
    """Of all of its hashes."""


class TreeEdge:
    """The edge of the tree of `size` leaves."""

    def __init__(self, size: int, peaks: Sequence[bytes]) -> None:
        """Go on from a size and its peaks; ValueError when they do not belong together."""
        CompactRange(size, peaks)
        self.size = size
        self._levels: list[_Level] = []
        rest = list(peaks)
        while size:
            width = size % TILE_WIDTH
            count = width.bit_count()
            own = tuple(rest[len(rest) - count :])
            del rest[len(rest) - count :]
            self._levels.append(_Level(width, own, [], CompactRange(width, own)))
            size //= TILE_WIDTH

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The perfect subtrees' roots, leftmost first."""
        return tuple(peak for level in reversed(self._levels) for peak in level.range.peaks)

    def root(self) -> bytes:
        """Compute the root of the tree so far."""
        return CompactRange(self.size, self.peaks).root()

    def recall(self, hashes: Hashes) -> bool:
        """Take the hashes of the leaves of the unfinished tile again; False when they are not those of before."""
        if not hashes:
            return self.size % TILE_WIDTH == 0
        lowest = self._levels[0]
        if len(hashes) != lowest.old or _peaks(hashes) != lowest.old_peaks:
            return False
        lowest.old, lowest.old_peaks, lowest.hashes = 0, (), list(hashes)
        return True

    def extend(self, hashes: Hashes) -> Iterator[MadeTile]:
        """Append the hashes of leaves, giving every tile as it becomes full."""
        while hashes:
            room = TILE_WIDTH - self.size % TILE_WIDTH
            self.size += min(room, len(hashes))
            yield from self._rise(0, hashes[:room])
            hashes = hashes[room:]

    def partials(self) -> Iterator[MadeTile]:
        """Give the unfinished tiles, those too that got nothing new since: what was begun before may be unchecked."""
        for number, level in enumerate(self._levels):
            if level.range.size:
                yield self._made(number, self.size >> TILE_HEIGHT * (number + 1))

    def _rise(self, number: int, hashes: Hashes) -> Iterator[MadeTile]:
        """Put hashes on a level that has room for them; the root of a full tile goes one level up."""
        if number == len(self._levels):
            self._levels.append(_Level())
        level = self._levels[number]
        level.range.extend(hashes)
        level.hashes += hashes
        if level.range.size < TILE_WIDTH:
            return
        yield self._made(number, (self.size >> TILE_HEIGHT * (number + 1)) - 1)
        self._levels[number] = _Level()
        yield from self._rise(number + 1, [level.range.peaks[0]])

    def _made(self, number: int, n: int) -> MadeTile:
        level = self._levels[number]
        return MadeTile(number, n, level.old, level.old_peaks, tuple(level.hashes))


def _peaks(hashes: Hashes) -> tuple[bytes, ...]:
    edge = CompactRange()
    edge.extend(hashes)
    return edge.peaks


def _cut(tile: bytes) -> Hashes:
    return [tile[at : at + HASH_SIZE] for at in range(0, len(tile), HASH_SIZE)]
