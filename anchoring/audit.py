"""The audit of a whole log, as an outsider runs it: from its public files, and the chain, and nothing else.

1. The chain's anchors are read, then the checkpoint, so that no anchor is newer than the checkpoint for being late.
2. The checkpoint must be signed by the given key, for that key's origin.
3. Every entry bundle is read; every leaf is hashed and decoded.
4. The tree is built again from these hashes; every tile of every level must be what is recomputed.
5. Every movement must be lawful against its parent, which comes before it.
6. No two children of one parent, and no two ISSUEs, overlap.
7. The root of all leaves must be the checkpoint's, and ended grams must not pass the frontier.
8. The last record of the state, or each of them, must commit to the state that the leaves before it make; if no fault
   was found so far, for an unlawful log has no state. The leaves are read a second time for that.
9. Every anchored size must have the root, the frontier and the ended grams that its first leaves have.

After a fault the audit goes on, as far as what is left still says something: not after `MAX_UNREAD_FILES` files that
could not be read, so that time and memory follow what is there and not what a checkpoint claims.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from anchoring import note
from anchoring.auditing.reading import CHECKPOINT, Files
from anchoring.auditing.replay import Replay
from anchoring.auditing.report import Fault, Faults, Report
from anchoring.auditing.states import check_states
from anchoring.checkpoint import Checkpoint, open_checkpoint
from anchoring.errors import Malformed, Refuted, Unreachable
from anchoring.log.tiles import Source
from anchoring.merkle import EMPTY_ROOT
from registry.ledger.movement import Kind

__all__ = ["MAX_AUDITED", "Anchor", "ChainView", "Fault", "Head", "Report", "audit"]

MAX_AUDITED: Final = 2**44
"""Leaves; the contract's `MAX_SIZE`. A larger checkpoint cannot be anchored, and nobody could have filled it."""


class Anchor(Protocol):
    """A checkpoint as the chain has it; `frontier` and `ended` are grams."""

    @property
    def size(self) -> int:
        """Leaves."""
        ...

    @property
    def root(self) -> bytes:
        """32 bytes."""
        ...

    @property
    def frontier(self) -> int:
        """The highest gram number issued, exclusive."""
        ...

    @property
    def ended(self) -> int:
        """Grams ended."""
        ...


class Head(Anchor, Protocol):
    """The contract's last checkpoint."""

    @property
    def broken(self) -> bool:
        """Whether the contract was convicted."""
        ...


class ChainView(Protocol):
    """What an audit asks of the chain; `anchoring.chain.client.AnchorClient` is one, another a witness's own node."""

    def head(self) -> Head:
        """The last checkpoint; of size 0 when there is none."""
        ...

    def anchored(self) -> Sequence[Anchor]:
        """Every checkpoint that was ever anchored."""
        ...


def audit(
    source: Source,
    vkey: str,
    chain: ChainView | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _size: None,
    *,
    every_state: bool = False,
) -> Report:
    """Audit the log at `source`, whose key is `vkey`, and compare it with `chain` if one is given.

    Of the log's STATE records the last is checked, or all with `every_state`; each takes a second for some million
    leaves. `on_progress` is told (leaves done, leaves in all). What does not hold is in the report. Raises Malformed
    for a vkey that is none, and Unreachable when the log or the chain does not answer, or the chain does not give all
    its anchors: then nothing is known either way.
    """
    note.parse_vkey(vkey)
    faults = Faults()
    anchors = [] if chain is None else _read_anchors(chain, faults)
    checkpoint = _read_checkpoint(source, vkey, faults)
    size = 0 if checkpoint is None else checkpoint.size
    if size > MAX_AUDITED:
        sentence = f"it claims {size} leaves, and a contract takes no more than {MAX_AUDITED}; none of them was read"
        faults.add(Fault("size", sentence, path=CHECKPOINT))
        size = 0
    sizes = {size, *(anchor.size for anchor in anchors if anchor.size <= size)} - {0}
    replay = Replay(Files(source, faults), faults, size, sizes)
    compared = 0
    states: tuple[int, ...] = ()
    if checkpoint is not None and checkpoint.size == size:
        replay.run(on_progress)
        _compare_head(checkpoint, replay, faults)
        compared = sum(_compare_anchor(anchor, replay, faults) for anchor in anchors)
        if not faults.counts and replay.tally.totals().leaves.get(Kind.STATE):
            states = check_states(source, checkpoint, faults, every=every_state)
    return Report(
        origin=None if checkpoint is None else checkpoint.origin,
        size=None if checkpoint is None else checkpoint.size,
        root=None if checkpoint is None else checkpoint.root,
        totals=replay.tally.totals(),
        leaves_read=replay.leaves_read,
        anchors=None if chain is None else len(anchors),
        anchors_compared=compared,
        states_checked=states,
        faults=faults.sorted(),
        fault_counts=dict(faults.counts),
    )


def _read_anchors(chain: ChainView, faults: Faults) -> list[Anchor]:
    """Read the head first: it is then among the anchors, or the chain does not give them all."""
    head = chain.head()
    if head.broken:
        faults.add(Fault("contract-broken", "the contract was convicted of a broken rule; it takes no checkpoint"))
    anchors = sorted(chain.anchored(), key=lambda anchor: anchor.size)
    if head.size and _values(head) not in map(_values, anchors):
        raise Unreachable(f"The chain does not give all its anchors: the last, of size {head.size}, is not among them.")
    return anchors


def _values(anchor: Anchor) -> tuple[int, bytes, int, int]:
    return anchor.size, anchor.root, anchor.frontier, anchor.ended


def _read_checkpoint(source: Source, vkey: str, faults: Faults) -> Checkpoint | None:
    """Read the checkpoint; without one that its log signed there is nothing to audit."""
    try:
        return open_checkpoint(source.read(CHECKPOINT, note.MAX_NOTE), vkey).checkpoint
    except Malformed as error:
        faults.add(Fault("checkpoint", str(error), path=CHECKPOINT))
    except Refuted as error:
        faults.add(Fault("signature", str(error), path=CHECKPOINT))
    return None


def _compare_head(checkpoint: Checkpoint, replay: Replay, faults: Faults) -> None:
    root = replay.roots.get(checkpoint.size) if checkpoint.size else EMPTY_ROOT
    if root not in (None, checkpoint.root):
        sentence = f"the leaves make the root {_hex(root)}, and the checkpoint says {checkpoint.root.hex()}"
        faults.add(Fault("root", sentence, path=CHECKPOINT))
    frontier, ended = replay.figures.get(checkpoint.size, (0, 0))
    if ended > frontier:
        faults.add(Fault("ended", f"{ended} grams ended, and the frontier is {frontier}", path=CHECKPOINT))


def _compare_anchor(anchor: Anchor, replay: Replay, faults: Faults) -> bool:
    """Compare one anchor; False when the log could not be read far enough for all of it."""
    if anchor.size > replay.size:
        sentence = f"the chain has a tree of {anchor.size} leaves, and the log has {replay.size}: it was set back"
        faults.add(Fault("anchor-ahead", sentence, size=anchor.size))
        return True
    root = replay.roots.get(anchor.size)
    if root not in (None, anchor.root):
        sentence = f"the leaves make the root {_hex(root)}, and the chain has {anchor.root.hex()}"
        faults.add(Fault("anchor-root", sentence, size=anchor.size))
    figures = replay.figures.get(anchor.size)
    for code, ours, theirs in zip(
        ("anchor-frontier", "anchor-ended"), figures or (), (anchor.frontier, anchor.ended), strict=False
    ):
        if ours != theirs:
            faults.add(Fault(code, f"the leaves make {ours} g, and the chain has {theirs} g", size=anchor.size))
    return root is not None and figures is not None


def _hex(root: bytes | None) -> str:
    return "unknown" if root is None else root.hex()
