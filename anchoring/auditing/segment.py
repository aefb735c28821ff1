"""One segment of a log, read: its leaves hashed, held against their tiles, and turned into rows. Any process can do it.

What is compared is always made from the leaves: a false tile is one fault of its own, and a false leaf is one wherever
its hash is needed.
"""

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from anchoring.auditing.rowfile import RowFile
from anchoring.leaf import LEAF_DTYPE, VERSION
from anchoring.merkle import HASH_SIZE, CompactRange, root, subtrees
from anchoring.replaying.faults import Fault, Faults
from anchoring.replaying.history import Rows, rows_of, unread_rows
from anchoring.replaying.reading import AHEAD, MAX_UNREAD_FILES, Files, leaf_hashes
from anchoring.replaying.records import records_of
from anchoring.tree.documents import records_by_tile
from anchoring.tree.fetching import BATCH
from anchoring.tree.tiles import TILE_WIDTH, Source, tile_path, tile_width
from registry.ledger.movement import Kind

SEGMENT: Final = BATCH
"""Leaves read together, 65,536 of 8 MB; what one process does at a time."""
REMEMBERED_KINDS: Final = (Kind.STATE,)
"""Records whose places are kept: rows tell records from movements, and not from each other."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Leaves `[start, end)` of a log of `size`, beginning with a tile; `sizes` are those asked for within it."""

    start: int
    end: int
    size: int
    sizes: tuple[int, ...] = ()


@dataclass(slots=True)
class Segment:
    """What a stretch held, tile by tile. It ends early when too many files of it could not be read."""

    start: int
    end: int
    nodes: list[bytes | None] = field(default_factory=list)
    """The root of each tile's leaves; None when neither they nor their hashes could be read."""
    unread: list[int] = field(default_factory=list)
    """For each tile, how many of its files could not be read."""
    parts: dict[int, bytes] = field(default_factory=dict)
    """Size asked for -> the root of the leaves of its last tile alone."""
    kinds: Counter[int] = field(default_factory=Counter)
    records: dict[int, list[int]] = field(default_factory=dict)
    """Kind of `REMEMBERED_KINDS` -> indices."""
    record_leaves: bytes = b""
    """All records, packed as `anchoring.replaying.records` has them."""
    documents: dict[int, bytes] = field(default_factory=dict)
    """Tile with records -> SHA-256 of the file in which each of them has its document."""
    leaves_read: int = 0
    read_to: int = 0
    """The first leaf that could not be read; `end` when all could."""
    faults: list[Fault] = field(default_factory=list)
    fault_counts: Counter[str] = field(default_factory=Counter)


def read_segment(
    source: Source, rows: RowFile, stretch: Stretch, pool: ThreadPoolExecutor | None, connections: int
) -> Segment:
    """Read a stretch and write its rows. Raises Unreachable when the log is gone or the rows cannot be written."""
    faults = Faults()
    files = Files(source, faults)
    segment = Segment(stretch.start, stretch.end)
    leaves = np.zeros(stretch.end - stretch.start, LEAF_DTYPE)
    is_there, false = np.zeros(len(leaves), np.bool_), set[int]()
    tiles = [(n, tile_width(0, n, stretch.size)) for n in _tiles(stretch.start, stretch.end)]
    read: list[bytes | None] = []
    for (n, width), (bundle, published) in zip(tiles, files.bottom(tiles, pool, AHEAD * connections), strict=False):
        at = n * TILE_WIDTH - stretch.start
        if bundle is not None:
            leaves[at : at + width], is_there[at : at + width] = bundle, True
        read.append(published)
        segment.unread.append(files.unread - sum(segment.unread))
        if files.unread >= MAX_UNREAD_FILES:
            segment.end = n * TILE_WIDTH + width
            break
    count = segment.end - segment.start
    # All leaves are hashed together, and level by level: what is beside hashing costs as much as that, tile by tile.
    all_hashes = leaf_hashes(leaves[:count])
    whole = subtrees(all_hashes[: count // TILE_WIDTH * TILE_WIDTH], TILE_WIDTH)
    for number, ((n, width), published) in enumerate(zip(tiles, read, strict=False)):
        at = number * TILE_WIDTH
        ours = all_hashes[at : at + width] if is_there[at] else None
        hashes = _check_tile(n, width, ours, published, faults, false)
        is_whole = ours is not None and width == TILE_WIDTH
        segment.nodes.append(whole[number] if is_whole else None if hashes is None else root(hashes))
        segment.parts |= _parts(n, hashes, stretch.sizes)
    _read_documents(segment, files, leaves[:count], false, stretch.size, pool)
    segment.record_leaves = records_of(leaves[:count], segment.start)
    rows.write(segment.start, _rows(segment, leaves[:count], is_there[:count], faults))
    segment.faults, segment.fault_counts = list(faults.sorted()), faults.counts
    return segment


def _read_documents(
    segment: Segment, files: Files, leaves: Rows, false: AbstractSet[int], size: int, pool: ThreadPoolExecutor | None
) -> None:
    """Check the documents of the records among the leaves that were read; of a false leaf nothing more is said."""
    unread = 0
    for n, digest in files.documents(records_by_tile(leaves, segment.start, size), false, pool):
        if digest:
            segment.documents[n] = digest
        elif digest is None:
            segment.unread[n - segment.start // TILE_WIDTH] += 1
            unread += 1
        if unread >= MAX_UNREAD_FILES:
            return  # the audit gives up before what follows


def _tiles(start: int, end: int) -> range:
    return range(start // TILE_WIDTH, -(-end // TILE_WIDTH))


def _check_tile(
    n: int, width: int, hashes: list[bytes] | None, published: bytes | None, faults: Faults, false: set[int]
) -> list[bytes] | None:
    """Hold leaf hashes against their tile, name the leaves that differ, and give the hashes that are known."""
    if published is None:
        return hashes
    if hashes is None:
        return _split(published)
    if b"".join(hashes) != published:
        path = tile_path(0, n, width)
        for place, (ours, theirs) in enumerate(zip(hashes, _split(published), strict=True)):
            if ours != theirs:
                sentence = f"its hash is {ours.hex()}, and {path} says {theirs.hex()}"
                faults.add(Fault("leaf-hash", sentence, leaf=n * TILE_WIDTH + place, path=path))
                false.add(n * TILE_WIDTH + place)
    return hashes


def _split(tile: bytes) -> list[bytes]:
    return [tile[at : at + HASH_SIZE] for at in range(0, len(tile), HASH_SIZE)]


def _parts(n: int, hashes: list[bytes] | None, sizes: Sequence[int]) -> dict[int, bytes]:
    """Give the roots of this tile's leaves up to each size asked for that ends in it."""
    start = n * TILE_WIDTH
    edge, parts = CompactRange(), {}
    for size in [size for size in sizes if hashes is not None and start < size <= start + len(hashes)]:
        edge.extend((hashes or [])[edge.size : size - start])
        parts[size] = edge.root()
    return parts


def _rows(segment: Segment, leaves: Rows, is_there: Rows, faults: Faults) -> Rows:
    """Turn leaves into rows, and count them; of those of another version nothing is known."""
    is_read = is_there & (leaves["version"] == VERSION)
    for place in np.flatnonzero(is_there & ~is_read).tolist():
        sentence = f"the leaf is of version {leaves['version'][place]}; only version {VERSION} is known here"
        faults.add(Fault("leaf-version", sentence, leaf=segment.start + place))
    kinds, counts = np.unique(leaves["kind"][is_read], return_counts=True)
    segment.kinds = Counter(dict(zip(kinds.tolist(), counts.tolist(), strict=True)))
    for kind in REMEMBERED_KINDS:
        places = np.flatnonzero(is_read & (leaves["kind"] == kind))
        segment.records[kind] = (places + segment.start).tolist()
    segment.leaves_read = int(is_read.sum())
    segment.read_to = segment.end if is_read.all() else segment.start + int(np.argmin(is_read))
    rows = rows_of(leaves)
    rows[~is_read] = unread_rows(1)
    return rows
