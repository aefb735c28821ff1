"""Verify one receipt, from nothing but the receipt and keys that the verifier trusts. No network, no clock.

The steps, each marked by its number below:

1. Read the receipt.
2. The checkpoint is the log's: its origin is the key's name, and the key's signature on it holds.
3. Enough known cosigners have signed it, by the verifier's policy; left out when that asks for none.
4. Read the leaf and hash it.
5. The path leads from that hash, at that index, to the checkpoint's root.
6. The chain holds the same root for that size; left out when no chain is given.

Each step stands on those before it, so the first that does not hold is the last that is taken. What this proves:
this movement is in the log whose key was given, as those cosigners saw it and as it is anchored. What it does not:
that the movement is lawful, or the last one of its grams; that takes the log (`anchoring.auditing.audit`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from anchoring import leaf, merkle, note, receipt
from anchoring.checkpoint import SignedCheckpoint, open_checkpoint
from anchoring.errors import AnchoringError, AnotherLog, Refuted
from anchoring.receipt import Receipt
from anchoring.trust.policy import ASKS_NOBODY, Policy, judge, log_key
from registry.ledger.movement import Kind, Movement

TITLES: Final = (
    ("Read the receipt", "读取凭证"),
    ("The checkpoint is signed by the log", "检查点由日志签名"),
    ("Known cosigners have signed the checkpoint", "已知见证方已联署检查点"),
    ("Read the leaf and hash it", "读取叶子并计算散列"),
    ("The path leads to the checkpoint's root", "路径通向检查点的根"),
    ("The root is anchored on the chain", "根已锚定上链"),
)
"""English and Chinese titles of steps 1 to 6."""


class Outcome(StrEnum):
    """What became of a step."""

    HOLDS = "holds"
    REFUTED = "refuted"
    """Checked, and false."""
    ANOTHER_LOG = "another-log"
    """Of another log than the key's, and so neither true nor false under it."""
    UNCHECKED = "unchecked"
    """It could not be checked: unreadable, out of reach, or not there yet."""
    NOT_ASKED = "not-asked"
    """The verifier gave nothing to check it against."""
    NOT_REACHED = "not-reached"
    """An earlier step did not hold."""


STOPS: Final = (Outcome.REFUTED, Outcome.ANOTHER_LOG, Outcome.UNCHECKED)
"""Outcomes after which no further step is taken; they are the whole's outcome."""


BEYOND_THE_LOG: Final = (3, 6)
"""Steps that ask others than the log; without them its own word is all that stands behind what holds."""


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step: its titles, what became of it, and one sentence about this receipt."""

    number: int
    title_en: str
    title_zh: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class Anchors:
    """What the chain knows: the last anchored `size`, and the root of 32 bytes anchored at a size, None if none is.

    `root_at` may raise our errors, such as Unreachable; the step is unchecked then. `broken` is whether the contract
    was convicted: what it holds is then proof against the registry, and no receipt stands on it.
    """

    size: int
    root_at: Callable[[int], bytes | None]
    broken: bool = False


@dataclass(slots=True)
class Verification:
    """The steps in order, and what was read on the way; None for what was not reached.

    `receipt` and `movement` are only what the file claims unless `outcome` is HOLDS.
    """

    steps: list[Step] = field(default_factory=list)
    receipt: Receipt | None = None
    checkpoint: SignedCheckpoint | None = None
    cosignatures: tuple[note.Verified, ...] = ()
    movement: Movement | None = None

    @property
    def outcome(self) -> Outcome:
        """The outcome of the step that stopped, one of `STOPS`; HOLDS when none did."""
        return outcome_of(self.steps)


@dataclass(frozen=True, slots=True)
class _Trust:
    """What the verifier brings: the log's key, who must have cosigned, and the chain."""

    vkey: str
    policy: Policy
    anchors: Anchors | None


def verify_receipt(
    data: bytes, vkey: str, policy: Policy = ASKS_NOBODY, anchors: Anchors | None = None
) -> Verification:
    """Take steps 1 to 6 on the bytes of a receipt; `policy` says who must have cosigned.

    Bad evidence never raises: it is a step's outcome. Raises Malformed when the log's key given by the verifier cannot
    be read or is of the wrong type.
    """
    log_key(vkey)
    found = Verification()
    taken = _take_steps(data, _Trust(vkey, policy, anchors), found)
    stopped = 0
    for number, titles in enumerate(TITLES, start=1):
        outcome, detail = (Outcome.NOT_REACHED, f"step {stopped} does not hold") if stopped else _next(taken)
        if outcome in STOPS:
            stopped = number
        found.steps.append(Step(number, *titles, outcome, detail))
    return found


def outcome_of(steps: Sequence[Step]) -> Outcome:
    """Give the outcome of steps that end with the first that does not hold."""
    return next((step.outcome for step in steps if step.outcome in STOPS), Outcome.HOLDS)


def is_whole(steps: Sequence[Step]) -> bool:
    """Tell whether both cosignatures and the chain were asked for."""
    return not any(step.outcome == Outcome.NOT_ASKED and step.number in BEYOND_THE_LOG for step in steps)


def _next(taken: Iterator[tuple[Outcome, str]]) -> tuple[Outcome, str]:
    try:
        return next(taken)
    except AnotherLog as fault:
        return Outcome.ANOTHER_LOG, str(fault)
    except Refuted as fault:
        return Outcome.REFUTED, str(fault)
    except AnchoringError as fault:
        return Outcome.UNCHECKED, str(fault)


def _take_steps(data: bytes, trust: _Trust, found: Verification) -> Iterator[tuple[Outcome, str]]:
    """Give the outcome of each step in turn, or raise what it failed by."""
    # 1. Read the receipt.
    read = found.receipt = receipt.parse(data)
    yield Outcome.HOLDS, f"it is for leaf {read.index}, with a path of {len(read.path)} hashes"

    # 2. The checkpoint is the log's.
    signed = found.checkpoint = open_checkpoint(read.checkpoint_text, trust.vkey)
    head = signed.checkpoint
    yield Outcome.HOLDS, f"{head.origin} signed its tree of {head.size} leaves with root {head.root.hex()}"

    # 3. Enough known cosigners have signed it.
    yield _judge_cosigners(signed, trust.policy, found)

    # 4. Read the leaf and hash it.
    found.movement = leaf.decode(read.leaf)
    leaf_hash = merkle.leaf_hash(read.leaf)
    yield Outcome.HOLDS, f"{_describe(found.movement)}; its hash is {leaf_hash.hex()}"

    # 5. The path leads to the checkpoint's root.
    if not merkle.verify_inclusion(read.index, head.size, leaf_hash, read.path, head.root):
        raise Refuted(f"the path does not lead from leaf {read.index} to the root of the tree of {head.size} leaves")
    yield Outcome.HOLDS, f"leaf {read.index} is one of the tree's {head.size}"

    # 6. The chain holds the same root for that size.
    yield _judge_anchor(head.size, head.root, trust.anchors)


def _judge_cosigners(signed: SignedCheckpoint, policy: Policy, found: Verification) -> tuple[Outcome, str]:
    judged = judge(signed.note, policy)
    found.cosignatures = judged.cosignatures
    if not policy.is_asked:
        return Outcome.NOT_ASKED, "no cosignature was asked for"
    if not judged.is_met:
        raise Refuted(judged.sentence)
    return Outcome.HOLDS, judged.sentence


def _judge_anchor(size: int, root: bytes, anchors: Anchors | None) -> tuple[Outcome, str]:
    if anchors is None:
        return Outcome.NOT_ASKED, "no chain was given"
    if anchors.broken:
        raise Refuted("the contract holds proof that the registry broke a rule, and takes no further checkpoint")
    anchored = anchors.root_at(size)
    if anchored is None and anchors.size < size:
        return Outcome.UNCHECKED, f"size {size} is not anchored yet; the chain is at {anchors.size}"
    if anchored is None:
        return Outcome.UNCHECKED, f"not anchored at this size, {size}; ask for a receipt at {anchors.size}, which is"
    if anchored != root:
        raise Refuted(f"the chain holds another root for size {size}, {anchored.hex()}: the log shows two histories")
    return Outcome.HOLDS, f"the chain holds the same root for size {size}"


def _describe(movement: Movement) -> str:
    known = movement.kind in set(Kind)
    name = Kind(movement.kind).name if known else f"a movement of the unknown kind {movement.kind}"
    if movement.is_record:
        return f"{name}, a record"
    return f"{name} of {movement.quantity_g} g, grams {movement.first} to {movement.last - 1}"
