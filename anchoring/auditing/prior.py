"""What an audit may take over from an earlier one: nothing, unless the log proves that it only grew since."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from anchoring.auditing.standing import Standing
from anchoring.auditing.tally import CHUNK
from anchoring.checkpoint import Checkpoint
from anchoring.errors import AnchoringError
from anchoring.merkle import verify_consistency
from anchoring.replaying.faults import Fault, Faults
from anchoring.replaying.history import Rows
from anchoring.replaying.judging import Figures, figures_at
from anchoring.replaying.reading import CHECKPOINT
from anchoring.tree.tiles import TileReader, consistency_proof, root_at


def may_go_on(reader: TileReader, earlier: Checkpoint, now: Checkpoint, faults: Faults) -> bool:
    """Whether the tree of an earlier checkpoint is proven to be a prefix of this one's; if it is not, a fault says so.

    False without a fault when the tiles for a proof cannot be read: then the whole log must be, which names them, and
    what its leaves make at the earlier size is held to it by `check_grown`: they may be there when they are read again.
    """
    if earlier.size > now.size:
        sentence = f"it is of {now.size} leaves, and an earlier audit saw one of {earlier.size} signed by the log"
        faults.add(Fault("set-back", sentence, path=CHECKPOINT))
        return False
    if earlier.size == now.size:
        is_prefix = earlier.root == now.root
    else:
        try:
            proof = consistency_proof(reader, earlier.size, now.size)
        except AnchoringError:
            return False
        is_prefix = verify_consistency(earlier.size, now.size, earlier.root, now.root, proof)
    if not is_prefix:
        said = "no proof leads from there to this checkpoint: history was rewritten, or tiles are false"
        _add_rewritten(earlier, said, faults)
    return is_prefix


def check_grown(standing: Standing, earlier: Checkpoint, faults: Faults) -> None:
    """Hold the leaves, which were all read, against the tree of an earlier checkpoint, where its root was asked for."""
    root = standing.roots.get(earlier.size, earlier.root)
    if root != earlier.root:
        _add_rewritten(earlier, f"now they make {root.hex()}: history was rewritten", faults)


def _add_rewritten(earlier: Checkpoint, said: str, faults: Faults) -> None:
    sentence = f"an earlier audit read {earlier.size} leaves of the signed root {earlier.root.hex()}, and {said}"
    faults.add(Fault("prefix", sentence, path=CHECKPOINT))


def is_prefix_of(reader: TileReader, standing: Standing, checkpoint: Checkpoint) -> bool:
    """Whether the tiles prove that the leaves so far are those that the log signed."""
    root, size = standing.tree.root(), standing.size
    try:
        return _is_proven(reader, size, root, checkpoint)
    except AnchoringError:
        return False


RECALLED_TILES: Final = 4096
"""Tiles kept while roots of earlier sizes are asked for: 34 MB, so that ten thousand anchors read each tile once."""


def recall(reader: TileReader, rows: Rows, standing: Standing, sizes: Sequence[int], checkpoint: Checkpoint) -> None:
    """Find root and figures of trees that an earlier audit passed by and was not asked for.

    The leaves are not read again: the tiles give the root, and a proof must lead from it to the signed checkpoint.
    """
    for size in sizes:
        try:
            root = root_at(reader, size, checkpoint.size)
            if not _is_proven(reader, size, root, checkpoint):
                sentence = f"no proof leads from the tree that its tiles make to that of {checkpoint.size} leaves"
                standing.faults.add(Fault("tile-hash", sentence, size=size))
                continue
        except AnchoringError as error:
            standing.faults.add(Fault("file-missing", str(error), size=size))
            continue
        standing.roots[size] = root
    readable = [size for size in sizes if size <= standing.read_to]
    standing.figures |= dict(zip(readable, _figures(rows, readable), strict=True))


def _is_proven(reader: TileReader, size: int, root: bytes | None, checkpoint: Checkpoint) -> bool:
    proof = consistency_proof(reader, size, checkpoint.size)
    return verify_consistency(size, checkpoint.size, root, checkpoint.root, proof)


def _figures(rows: Rows, sizes: Sequence[int]) -> list[Figures]:
    """Give the figures at each of `sizes`, which are in order, looking at some rows at a time."""
    found: list[Figures] = []
    so_far = Figures()
    for start in range(0, max(sizes, default=0), CHUNK):
        here = sizes[bisect_right(sizes, start) : bisect_right(sizes, start + CHUNK)]
        part = rows[start : start + CHUNK]
        *at_sizes, whole = figures_at(part, [*(size - start for size in here), len(part)])
        found += [so_far + figures for figures in at_sizes]
        so_far += whole
    return found
