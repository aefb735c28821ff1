"""Whether checkpoints, anchors and served files are those of the database's leaves.

For the day that somebody wrote in one of them by hand, or that one was set back. One pass over the leaves in order,
`MAX_BATCH` of them in memory; nothing is repaired.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import sqlalchemy as sa

from anchoring.checkpoint import Anchor, open_checkpoint
from anchoring.errors import AnchoringError, Malformed
from anchoring.leaf import LEAF_SIZE
from anchoring.merkle import CompactRange, leaf_hashes
from anchoring.publishing.sequencer import MAX_BATCH, read_staged, staged_size
from anchoring.replaying.history import are_ends, are_origins
from registry.ledger.finding import Finding

if TYPE_CHECKING:
    from anchoring.publishing.copying import Rows

RESTORE: Final = (
    "somebody wrote past the database's own rules: find out who, then restore a backup from before this "
    "moment and run `gram recover`"
)
REPLAY: Final = "stop the registry and run `gram recover --from` a place that has the whole log"


class LeafWalk:
    """The tree of the database's first leaves, and what they add up to; it only goes forward."""

    def __init__(self, tx: sa.Connection) -> None:
        """Begin with no leaf."""
        self._tx = tx
        self._limit = staged_size(tx)
        self._ahead: Rows | None = None
        self.tree = CompactRange()
        self.frontier_g = self.ended_g = 0

    def reaches(self, size: int) -> bool:
        """Whether there are that many leaves."""
        return size <= self._limit

    def advance(self, size: int) -> None:
        """Take the leaves up to `size`. Raises `Malformed` when one is missing."""
        while self.tree.size < size:
            if self._ahead is None or not len(self._ahead):
                self._ahead = read_staged(self._tx, self.tree.size, min(self._limit, self.tree.size + MAX_BATCH))
            taken = self._ahead[: size - self.tree.size]
            self._ahead = self._ahead[len(taken) :]
            data = taken.tobytes()
            self.tree.extend(leaf_hashes(data, LEAF_SIZE))
            self.frontier_g = max(self.frontier_g, int(taken["last"][are_origins(taken["kind"])].max(initial=0)))
            ends = taken[are_ends(taken["kind"])]
            self.ended_g += int((ends["last"] - ends["first"]).sum(dtype=np.uint64))


def check_checkpoints(tx: sa.Connection, vkey: str) -> Iterator[Finding]:
    """Give every checkpoint that its leaves do not make, or that its note does not say. `vkey` is the log's."""
    walk = LeafWalk(tx)
    for row in tx.execute(_CHECKPOINTS):
        if not walk.reaches(row.size):
            yield _at(row, "there are fewer leaves")
            continue
        try:
            walk.advance(row.size)
        except Malformed as error:
            yield _at(row, str(error))
            break
        if (bytes(row.root), bytes(row.peaks)) != (walk.tree.root(), b"".join(walk.tree.peaks)):
            yield _at(row, "its leaves make another root")
        if (row.frontier_g, row.ended_g) != (walk.frontier_g, walk.ended_g):
            yield _at(row, "its leaves make another frontier, or other ended grams")
        if not all(_says(note, vkey, row.size, walk.tree.root()) for note in (row.note, row.published) if note):
            yield _at(row, "its note is not signed by the log, or says something else")
    for row in tx.execute(_UNPAIRED):
        yield _at(row, "it was published, and its row is gone")
    head = tx.execute(_HEAD).one()
    if head.size != head.signed or head.published_size != head.published:
        yield _at(head, "the head of the log is at another size than the last checkpoint or publication")


def _at(row: sa.Row[tuple[int, int]], sentence: str) -> Finding:
    return Finding(f"checkpoint {row.size}", sentence, RESTORE, row.size, row.signed_ms)


def _says(note: str, vkey: str, size: int, root: bytes) -> bool:
    try:
        signed = open_checkpoint(note.encode(), vkey).checkpoint
    except AnchoringError:
        return False
    return (signed.size, signed.root) == (size, root)


def check_anchors(tx: sa.Connection, anchors: Iterable[Anchor]) -> Iterator[Finding]:
    """Give every anchor, in the contract or in the database's notes of it, that is not of these leaves.

    `anchors` are all that the contract has.
    """
    held = {anchor.size: anchor for anchor in anchors}
    walk, signed_size = LeafWalk(tx), tx.execute(_HEAD).one().size
    for size, anchor in sorted(held.items()):
        place = f"anchor {size}"
        if size > signed_size:
            sentence = f"the contract holds it, and the database signed {signed_size} leaves: it was set back"
            yield Finding(place, sentence, REPLAY, signed_size + 1)
            return
        try:
            walk.advance(size)
        except Malformed as error:
            yield Finding(place, str(error), RESTORE, size)
            return
        figures = walk.tree.root(), walk.frontier_g, walk.ended_g
        if figures != (anchor.root, anchor.frontier, anchor.ended):
            yield Finding(
                place, "the contract holds another root, frontier or ended grams for this size", RESTORE, size
            )
    for row in tx.execute(_ANCHORS):
        if row.size not in held:
            sentence = f"it is noted as {'final' if row.final_ms else 'anchored'}, and the contract does not hold it"
            remedy = "ask another node of the chain; what is not final is anchored again by itself"
            yield Finding(f"anchor {row.size}", sentence, remedy, row.size, row.anchored_ms)


_CHECKPOINTS = sa.text("""
    SELECT c.size, c.root, c.frontier_g, c.ended_g, c.peaks, c.note, c.signed_ms, p.note AS published
    FROM checkpoints c LEFT JOIN publications p USING (size) ORDER BY c.size
""")
# Not every checkpoint is published: of those that are signed in one go, or while witnesses are silent, only the last.
_UNPAIRED = sa.text("""
    SELECT size, published_ms AS signed_ms FROM publications LEFT JOIN checkpoints c USING (size) WHERE c.size IS NULL
    UNION SELECT after, published_ms FROM publications p
        WHERE after <> coalesce((SELECT max(size) FROM publications q WHERE q.size < p.size), 0) ORDER BY 1
""")
_HEAD = sa.text("""
    SELECT size, published_size, (SELECT coalesce(max(size), 0) FROM checkpoints) AS signed,
        (SELECT coalesce(max(size), 0) FROM publications) AS published,
        (SELECT max(signed_ms) FROM checkpoints) AS signed_ms
    FROM log_head
""")
_ANCHORS = sa.text("SELECT size, anchored_ms, final_ms FROM anchors ORDER BY size")
