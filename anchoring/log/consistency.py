"""Whether the database's signed checkpoints are those of its leaves, for the day that somebody wrote in it by hand."""

from collections.abc import Iterator

import numpy as np
import sqlalchemy as sa

from anchoring.checkpoint import open_checkpoint
from anchoring.errors import AnchoringError
from anchoring.leaf import LEAF_SIZE
from anchoring.log.sequencer import MAX_BATCH, Rows, read_staged, staged_size
from anchoring.merkle import CompactRange, leaf_hash
from registry.ledger.movement import ENDS, Kind


def check_checkpoints(tx: sa.Connection, vkey: str) -> Iterator[tuple[int, str]]:
    """Give (size, what is wrong) of every checkpoint that its leaves do not make, or that its note does not say.

    `vkey` is the log's. Raises `Malformed` when a leaf is missing.
    """
    tree, figures = CompactRange(), (0, 0)
    for row in tx.execute(_CHECKPOINTS).all():
        if row.size > staged_size(tx):
            yield row.size, "there are fewer leaves"
            continue
        while tree.size < row.size:
            leaves = read_staged(tx, tree.size, min(row.size, tree.size + MAX_BATCH))
            data = leaves.tobytes()
            tree.extend(leaf_hash(data[at : at + LEAF_SIZE]) for at in range(0, len(data), LEAF_SIZE))
            figures = _count_on(figures, leaves)
        if (bytes(row.root), bytes(row.peaks)) != (tree.root(), b"".join(tree.peaks)):
            yield row.size, "its leaves make another root"
        if (row.frontier_g, row.ended_g) != figures:
            yield row.size, "its leaves make another frontier, or other ended grams"
        for note in filter(None, (row.note, row.published)):
            if not _says(note, vkey, row.size, tree.root()):
                yield row.size, "its note is not signed by the log, or says something else"
    for size in tx.execute(_UNPAIRED).scalars():
        yield size, "a checkpoint was not published before the next one, or its row is gone"
    sizes = tx.execute(_HEAD).one()
    if sizes.size != sizes.signed or sizes.published_size != sizes.published:
        yield sizes.size, "the head of the log is at another size than the last checkpoint or publication"


def _count_on(figures: tuple[int, int], leaves: Rows) -> tuple[int, int]:
    issued = leaves["last"][leaves["kind"] == Kind.ISSUE]
    ends = leaves[np.isin(leaves["kind"], [int(kind) for kind in ENDS])]
    ended = int((ends["last"] - ends["first"]).sum(dtype=np.uint64))
    return max(figures[0], int(issued.max(initial=0))), figures[1] + ended


def _says(note: str, vkey: str, size: int, root: bytes) -> bool:
    try:
        signed = open_checkpoint(note.encode(), vkey).checkpoint
    except AnchoringError:
        return False
    return (signed.size, signed.root) == (size, root)


_CHECKPOINTS = sa.text("""
    SELECT c.size, c.root, c.frontier_g, c.ended_g, c.peaks, c.note, p.note AS published
    FROM checkpoints c LEFT JOIN publications p USING (size) ORDER BY c.size
""")
# Every checkpoint is published before the next is signed; only the last may still be under way.
_UNPAIRED = sa.text("""
    SELECT coalesce(c.size, p.size) FROM checkpoints c FULL JOIN publications p USING (size)
    WHERE c.size IS NULL OR (p.size IS NULL AND c.size <= (SELECT published_size FROM log_head)) ORDER BY 1
""")
_HEAD = sa.text("""
    SELECT size, published_size, (SELECT coalesce(max(size), 0) FROM checkpoints) AS signed,
        (SELECT coalesce(max(size), 0) FROM publications) AS published
    FROM log_head
""")
