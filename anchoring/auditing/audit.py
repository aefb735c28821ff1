"""The audit of a whole log, as an outsider runs it: from its public files, and the chain, and nothing else.

1. The chain's anchors are read, then the checkpoint, so that no anchor is newer than the checkpoint for being late.
2. The checkpoint must be signed by the given key, for that key's origin, and cosigned as a policy asks if one is given.
3. Every entry bundle is read; every leaf is hashed and decoded.
4. The tree is built again from these hashes; every tile of every level must be what is recomputed.
5. Every movement must be lawful against its parent, which comes before it, and beside its neighbours: a run of GATHERs
   and their BUNDLE is whole.
6. No two children of one parent, and no two of ISSUE and BUNDLE, overlap.
7. The root of all leaves must be the checkpoint's, its last leaf no GATHER, and ended grams must not pass the frontier.
   If no fault was found, what was issued and bundled must be what was gathered, ended or is alive.
8. The last record of the state, or each of them, must commit to the state that the leaves before it make; if no fault
   was found in the leaves, for an unlawful log has no state. They are read a second time for a record that no earlier
   audit checked.
9. Every anchored size must have the root, the frontier and the ended grams that its first leaves have, and no GATHER
   as the last of them.
10. No record may be of a later time than the block by which it was anchored. One of a time before the anchor before it
    waited that long, or says a false time: that is for a person to ask.

After a fault the audit goes on, as far as what is left still says something: not after `MAX_UNREAD_FILES` files that
could not be read, so that time and memory follow what is there and not what a checkpoint claims.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from anchoring import note
from anchoring.auditing.course import Means, Progress, run
from anchoring.auditing.report import Report
from anchoring.auditing.standing import Standing
from anchoring.auditing.times import check_times
from anchoring.checkpoint import Anchor, Checkpoint, SignedCheckpoint, open_checkpoint
from anchoring.errors import Malformed, Refuted, Unreachable
from anchoring.merkle import EMPTY_ROOT
from anchoring.replaying.faults import Fault, Faults
from anchoring.replaying.judging import Figures
from anchoring.replaying.reading import CHECKPOINT
from anchoring.tree.tiles import Source
from anchoring.trust.policy import Policy, judge
from registry.procedure.clock import USUAL, Bounds

__all__ = ["MAX_AUDITED", "Anchor", "ChainView", "Fault", "Head", "Means", "Report", "audit"]

MAX_AUDITED: Final = 2**44
"""Leaves; the contract's `MAX_SIZE`. A larger checkpoint cannot be anchored, and nobody could have filled it."""


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

    def made_at(self, anchor: Any, /) -> int:
        """When the block of one of these was made, Unix milliseconds."""
        ...


def audit(
    source: Source,
    vkey: str,
    chain: ChainView | None = None,
    on_progress: Progress = lambda _done, _size: None,
    means: Means | None = None,
    *,
    every_state: bool = False,
    policy: Policy | None = None,
    bounds: Bounds = USUAL,
) -> Report:
    """Audit the log at `source`, whose key is `vkey`, and compare it with `chain` if one is given.

    Of the log's STATE records the last is checked, or all with `every_state`; each takes a second for some million
    leaves. `on_progress` is told (leaves done, leaves in all). What does not hold is in the report. Several processes
    need a source that can be handed to them: a folder's or an HTTP one. `policy` says who must have cosigned the
    checkpoint; without one, cosignatures are not looked at. `bounds` are for the times of records beside those of the
    anchors around them.

    Raises Malformed for a vkey or a state that is none or another log's, and Unreachable when the log or the chain does
    not answer, the chain does not give all its anchors, or there is no room for the rows, 88 bytes a leaf, with the
    state or else among temporary files: then nothing is known either way.
    """
    note.parse_vkey(vkey)
    faults = Faults()
    anchors = [] if chain is None else _read_anchors(chain, faults)
    signed = _read_checkpoint(source, vkey, faults)
    checkpoint = None if signed is None else signed.checkpoint
    cosigned = None if signed is None or policy is None else _judge_cosigners(signed, policy, faults)
    is_read = checkpoint is not None and checkpoint.size <= MAX_AUDITED
    if checkpoint is not None and not is_read:
        claim = f"it claims {checkpoint.size} leaves, and a contract takes no more than {MAX_AUDITED}"
        faults.add(Fault("size", f"{claim}; none of them was read", path=CHECKPOINT))
    sizes = {anchor.size for anchor in anchors}
    read, means = checkpoint if is_read else None, means or Means()
    standing, totals, found, checked = run(source, vkey, read, sizes, on_progress, means, every_state=every_state)
    for more in (standing.faults, found):
        faults.merge(more.sorted(), more.counts)
    compared = 0
    if checkpoint is not None and is_read:
        _compare_head(checkpoint, standing, faults)
        compared = sum(_compare_anchor(anchor, checkpoint.size, standing, faults) for anchor in anchors)
    findings = list(checked.findings)
    if chain is not None and compared == len(anchors):
        sizes_in_order = [anchor.size for anchor in anchors]
        for one in check_times(checked.moments, sizes_in_order, lambda at: chain.made_at(anchors[at]), bounds):
            if isinstance(one, Fault):
                faults.add(one)
            else:
                findings.append(one)
    if not faults.counts and not totals.is_balanced:
        said = f"{totals.issued_g} g issued, {totals.bundled_g} bundled, {totals.gathered_g} gathered"
        sentence = f"{said}, {totals.all_ended_g} ended otherwise, {totals.alive_g} alive"
        faults.add(Fault("balance", sentence, path=CHECKPOINT))
    return Report(
        origin=None if checkpoint is None else checkpoint.origin,
        size=None if checkpoint is None else checkpoint.size,
        root=None if checkpoint is None else checkpoint.root,
        totals=totals,
        leaves_read=standing.leaves_read,
        cosigned=cosigned,
        anchors=None if chain is None else len(anchors),
        anchors_compared=compared,
        states_checked=checked.states,
        findings=tuple(findings),
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


def _read_checkpoint(source: Source, vkey: str, faults: Faults) -> SignedCheckpoint | None:
    """Read the checkpoint; without one that its log signed there is nothing to audit."""
    try:
        return open_checkpoint(source.read(CHECKPOINT, note.MAX_NOTE), vkey)
    except Malformed as error:
        faults.add(Fault("checkpoint", str(error), path=CHECKPOINT))
    except Refuted as error:
        faults.add(Fault("signature", str(error), path=CHECKPOINT))
    return None


def _judge_cosigners(signed: SignedCheckpoint, policy: Policy, faults: Faults) -> tuple[str, ...]:
    """Give the names of those who cosigned, all of whose signatures hold."""
    try:
        judged = judge(signed.note, policy)
    except Refuted as error:
        faults.add(Fault("cosignature", str(error), path=CHECKPOINT))
        return ()
    if not judged.is_met:
        faults.add(Fault("quorum", judged.sentence, path=CHECKPOINT))
    return tuple(one.verifier.name for one in judged.cosignatures)


def _compare_head(checkpoint: Checkpoint, standing: Standing, faults: Faults) -> None:
    root = standing.roots.get(checkpoint.size) if checkpoint.size else EMPTY_ROOT
    if root not in (None, checkpoint.root):
        sentence = f"the leaves make the root {_hex(root)}, and the checkpoint says {checkpoint.root.hex()}"
        faults.add(Fault("root", sentence, path=CHECKPOINT))
    made = standing.figures.get(checkpoint.size, Figures())
    if made.ended > made.frontier:
        sentence = f"{made.ended} grams ended, and the frontier is {made.frontier}"
        faults.add(Fault("ended", sentence, path=CHECKPOINT))
    if made.is_in_run:
        sentence = f"its last leaf, {checkpoint.size - 1}, is a GATHER, whose BUNDLE is not in it"
        faults.add(Fault("run-cut", sentence, path=CHECKPOINT))


def _compare_anchor(anchor: Anchor, size: int, standing: Standing, faults: Faults) -> bool:
    """Compare one anchor; False when the log could not be read far enough for all of it."""
    if anchor.size > size:
        sentence = f"the chain has a tree of {anchor.size} leaves, and the log has {size}: it was set back"
        faults.add(Fault("anchor-ahead", sentence, size=anchor.size))
        return True
    root = standing.roots.get(anchor.size)
    if root not in (None, anchor.root):
        sentence = f"the leaves make the root {_hex(root)}, and the chain has {anchor.root.hex()}"
        faults.add(Fault("anchor-root", sentence, size=anchor.size))
    figures = standing.figures.get(anchor.size)
    for code, ours, theirs in (
        ()
        if figures is None
        else (
            ("anchor-frontier", figures.frontier, anchor.frontier),
            ("anchor-ended", figures.ended, anchor.ended),
        )
    ):
        if ours != theirs:
            faults.add(Fault(code, f"the leaves make {ours} g, and the chain has {theirs} g", size=anchor.size))
    if figures is not None and figures.is_in_run:
        sentence = f"its last leaf, {anchor.size - 1}, is a GATHER, whose BUNDLE is not in it"
        faults.add(Fault("anchor-run", sentence, size=anchor.size))
    return root is not None and figures is not None


def _hex(root: bytes | None) -> str:
    return "unknown" if root is None else root.hex()
