"""Reads a log's leaves for its state: the columns of all of them, and their hashes, held against a root one trusts."""

import numpy as np

from anchoring.auditing.reading import leaf_hashes
from anchoring.errors import Refuted
from anchoring.leaf import NO_PARENT
from anchoring.log.builder import leaves_of
from anchoring.log.tiles import TILE_WIDTH, Source, TileReader, tile_width
from anchoring.merkle import CompactRange
from anchoring.state.segments import Columns, Segments, segments_of
from anchoring.state.tree import HASH, Hashes
from registry.ledger.movement import RECORDS_FROM


def read_state(source: Source, size: int, root: bytes) -> tuple[Segments, Hashes]:
    """Read the first `size` leaves of a published log, whose tree has `root`; give their state and their hashes.

    65 bytes of memory a leaf, and what `segments_of` takes. `size` must be one's own or one that was signed by whom one
    trusts: memory follows it. Raises Refuted when the leaves do not make the root, or break a rule so that they have no
    state; Unreachable or Malformed when the log does not give them.
    """
    reader, edge = TileReader(source, cached_tiles=0), CompactRange()
    first, last = np.zeros(size, np.uint64), np.zeros(size, np.uint64)
    parent, is_movement = np.full(size, NO_PARENT, np.uint64), np.zeros(size, np.bool_)
    hashes = np.zeros(size, HASH)
    for start in range(0, size, TILE_WIDTH):
        width = tile_width(0, start // TILE_WIDTH, size)
        leaves = leaves_of(reader.bundle(start // TILE_WIDTH, width), width)
        place = slice(start, start + width)
        first[place], last[place], parent[place] = leaves["first"], leaves["last"], leaves["parent"]
        is_movement[place] = leaves["kind"] < RECORDS_FROM
        hashed = leaf_hashes(leaves)
        hashes[place] = np.frombuffer(b"".join(hashed), HASH)
        edge.extend(hashed)
    if edge.root() != root:
        raise Refuted(f"The log's files do not make the root that was signed for {size} leaves; they were changed.")
    return segments_of(Columns(first, last, parent, is_movement)), hashes
