"""Reads a log's leaves for its states: the columns of all of them, and their hashes, held against a root one trusts."""

from dataclasses import dataclass

import numpy as np

from anchoring.errors import Refuted
from anchoring.leaf import NO_PARENT
from anchoring.merkle import CompactRange
from anchoring.replaying.reading import leaf_hashes
from anchoring.state.check import records_among
from anchoring.state.segments import Columns
from anchoring.state.tree import HASH, Hashes
from anchoring.tree.builder import leaves_of
from anchoring.tree.tiles import TILE_WIDTH, Source, TileReader, tile_width
from registry.ledger.movement import RECORDS_FROM


@dataclass(frozen=True, slots=True)
class Read:
    """All leaves of a log: what its states are made from, and index and evidence of every STATE record among them."""

    columns: Columns
    hashes: Hashes
    records: tuple[tuple[int, bytes], ...]


def read_leaves(source: Source, size: int, root: bytes) -> Read:
    """Read the first `size` leaves of a published log, whose tree has `root`; 57 bytes of memory a leaf.

    `size` must be one's own, or that of leaves one has read before: memory follows it. Raises Refuted when the leaves
    do not make the root; Unreachable or Malformed when the log does not give them.
    """
    reader, edge = TileReader(source, cached_tiles=0), CompactRange()
    first, last = np.zeros(size, np.uint64), np.zeros(size, np.uint64)
    parent, is_movement = np.full(size, NO_PARENT, np.uint64), np.zeros(size, np.bool_)
    hashes = np.zeros(size, HASH)
    records: list[tuple[int, bytes]] = []
    for start in range(0, size, TILE_WIDTH):
        width = tile_width(0, start // TILE_WIDTH, size)
        leaves = leaves_of(reader.bundle(start // TILE_WIDTH, width), width)
        place = slice(start, start + width)
        first[place], last[place], parent[place] = leaves["first"], leaves["last"], leaves["parent"]
        is_movement[place] = leaves["kind"] < RECORDS_FROM
        records += records_among(leaves, start)
        hashed = leaf_hashes(leaves)
        hashes[place] = np.frombuffer(b"".join(hashed), HASH)
        edge.extend(hashed)
    if edge.root() != root:
        raise Refuted(f"The log's files do not make the root that was signed for {size} leaves; they were changed.")
    return Read(Columns(first, last, parent, is_movement), hashes, tuple(records))
