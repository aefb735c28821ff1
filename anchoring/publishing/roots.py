"""The root of the database's first leaves, at any size: for holding what outsiders have against it."""

import sqlalchemy as sa

from anchoring.errors import Altered
from anchoring.leaf import LEAF_SIZE
from anchoring.merkle import HASH_SIZE, CompactRange, leaf_hashes
from anchoring.publishing.sequencer import MAX_BATCH, read_staged


def root_in_database(tx: sa.Connection, size: int) -> bytes:
    """Give the root of the first `size` leaves: as it was signed or, for a size that was not, hashed from there on.

    Raises `Malformed` when there are fewer leaves, `Altered` when what was kept of a size is not of it.
    """
    return edge_in_database(tx, size).root()


def edge_in_database(tx: sa.Connection, size: int) -> CompactRange:
    """Give the right edge of the tree of the first `size` leaves; as `root_in_database`."""
    row = tx.execute(_BEFORE, {"size": size}).one_or_none()
    if row is None:
        tree = CompactRange()
    else:
        peaks = bytes(row.peaks)
        try:
            tree = CompactRange(row.size, [peaks[at : at + HASH_SIZE] for at in range(0, len(peaks), HASH_SIZE)])
        except ValueError as error:
            raise Altered(f"The checkpoint of {row.size} leaves has not the hashes of a tree of that size") from error
    while tree.size < size:
        data = read_staged(tx, tree.size, min(size, tree.size + MAX_BATCH)).tobytes()
        tree.extend(leaf_hashes(data, LEAF_SIZE))
    return tree


_BEFORE = sa.text("SELECT size, peaks FROM checkpoints WHERE size <= :size ORDER BY size DESC LIMIT 1")
