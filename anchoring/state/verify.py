"""Verify a state proof, from nothing but the proof and keys that the verifier trusts. No network, no clock.

Steps 1 to 6 are those of a receipt (`anchoring.verify`), taken on the record's. Then:

7. The record is of this map: its leaf is a STATE whose evidence says this size, frontier and root.
8. The entries shown, with the nodes beside them, make the map's root; each lies where the spans left of it end.
9. They cover the grams that were asked for; left out when none were named.

What this proves: at that size of the log these grams had this state and no other. Whether the map is true to the leaves
is what witnesses check before they cosign, and auditors after; what happened since is for a later proof to say.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from anchoring import verify
from anchoring.errors import AnchoringError, Malformed, Refuted
from anchoring.state import proof as proofs
from anchoring.state.proof import Entry, StateProof
from anchoring.trust.policy import ASKS_NOBODY, Policy
from anchoring.verify import STOPS, Anchors, Outcome, Step, Verification, outcome_of, verify_receipt
from registry.ledger.movement import Form, Kind, Movement, target_of

TITLES: Final = (
    *verify.TITLES,
    ("The record is of this state", "记录即此状态"),
    ("The entries make the state's root", "各区段算得状态的根"),
    ("The entries cover the grams asked for", "区段覆盖所问的克"),
)
"""English and Chinese titles of steps 1 to 9."""
OF_RECEIPT: Final = len(verify.TITLES)


@dataclass(frozen=True, slots=True)
class Part:
    """Grams `[first, last)` that have one state; `last` None where it goes on without end.

    `index` and `movement` are the leaf that was their last; both None when neither an issue nor a bundle numbered them.
    """

    first: int
    last: int | None
    index: int | None
    movement: Movement | None

    @property
    def state(self) -> str:
        """Say "live", "gathered", "ended" or "not issued"."""
        if self.movement is None:
            return "not issued"
        if self.movement.kind == Kind.GATHER:
            return "gathered"
        return "ended" if self.movement.form == Form.END else "live"

    @property
    def into(self) -> tuple[int, int] | None:
        """The numbers `[first, last)` under which gathered grams go on, in their bundle; None for all others."""
        if self.movement is None or self.movement.kind != Kind.GATHER or self.last is None:
            return None
        target = target_of(self.movement)
        if target is None:
            return None
        first = target.first + self.first - self.movement.first
        return first, first + self.last - self.first


@dataclass(slots=True)
class StateVerification:
    """The steps in order; what was read is only what the file claims unless `outcome` is HOLDS."""

    steps: list[Step] = field(default_factory=list)
    proof: StateProof | None = None
    record: Verification | None = None
    """The steps of the record's receipt, with its checkpoint and leaf."""
    parts: tuple[Part, ...] = ()
    """The state of the grams asked for, or of all that are shown; empty unless steps 7 to 9 hold."""

    @property
    def outcome(self) -> Outcome:
        """The outcome of the step that stopped, one of `STOPS`; HOLDS when none did."""
        return outcome_of(self.steps)

    @property
    def as_of(self) -> tuple[int, int] | None:
        """When the record was written, in Unix milliseconds, and the size whose state this is; None if unread."""
        if self.record is None or self.record.receipt is None or self.record.movement is None:
            return None
        return self.record.movement.at, self.record.receipt.index


def is_state_proof(data: bytes) -> bool:
    """Tell a state proof from a receipt by its first line."""
    return data.startswith(proofs.HEADER.encode() + b"\n")


def verify_state(
    data: bytes,
    vkey: str,
    policy: Policy = ASKS_NOBODY,
    anchors: Anchors | None = None,
    asked: tuple[int, int] | None = None,
) -> StateVerification:
    """Take steps 1 to 9 on the bytes of a state proof; `asked` are the grams `[first, last)` one wants to know of.

    Key, policy and anchors are those of `verify_receipt`, and so is what is raised; ValueError also when `asked` is
    no range of grams.
    """
    if asked is not None and not 0 <= asked[0] < asked[1] < 2**64:
        raise ValueError(f"{asked} is no range of grams")
    found = StateVerification()
    try:
        found.proof = proofs.parse(data)
        receipt = found.proof.receipt
    except Malformed as fault:
        receipt, unread = b"", str(fault)
    found.record = verify_receipt(receipt, vkey, policy, anchors)
    found.steps = list(found.record.steps)
    if found.proof is None:
        first = found.steps[0]
        found.steps[0] = Step(1, first.title_en, first.title_zh, Outcome.UNCHECKED, unread)
    _take(found, asked)
    return found


def _take(found: StateVerification, asked: tuple[int, int] | None) -> None:
    stopped = next((one.number for one in found.steps if one.outcome in STOPS), 0)
    taken = _take_steps(found, asked)
    for number, titles in enumerate(TITLES[OF_RECEIPT:], start=OF_RECEIPT + 1):
        outcome, detail = (Outcome.NOT_REACHED, f"step {stopped} does not hold") if stopped else _next(taken)
        if outcome in STOPS:
            stopped = number
        found.steps.append(Step(number, *titles, outcome, detail))


def _next(taken: Iterator[tuple[Outcome, str]]) -> tuple[Outcome, str]:
    try:
        return next(taken)
    except Refuted as fault:
        return Outcome.REFUTED, str(fault)
    except AnchoringError as fault:
        return Outcome.UNCHECKED, str(fault)


def _take_steps(found: StateVerification, asked: tuple[int, int] | None) -> Iterator[tuple[Outcome, str]]:
    """Give the outcome of steps 7 to 9 in turn, or raise what they failed by."""
    if found.proof is None or found.record is None or found.record.movement is None:
        raise Malformed("there is no record")
    proof, movement = found.proof, found.record.movement

    # 7. The record is of this map.
    record = proof.record
    if movement.kind != Kind.STATE:
        raise Refuted(f"leaf {record.size} is no record of a state")
    if movement != record.movement(movement.at):
        raise Refuted(f"the record at leaf {record.size} commits to another state than the proof says")
    yield Outcome.HOLDS, f"leaf {record.size} commits to the state of the {record.size} leaves before it"

    # 8. The entries make the map's root.
    proofs.check_entries(proof)
    yield Outcome.HOLDS, f"{len(proof.shown)} of the {proof.entries} entries are shown, of {proof.frontier_g} grams"

    # 9. They cover what was asked for.
    parts = tuple(_parts(proof, asked))
    if asked is None:
        found.parts = parts
        yield Outcome.NOT_ASKED, "no range of grams was named; what the proof shows is below"
    elif sum((part.last or 0) - part.first for part in parts) != asked[1] - asked[0]:
        yield Outcome.UNCHECKED, f"the proof does not show all of the grams {asked[0]} to {asked[1] - 1}"
    else:
        found.parts = parts
        yield Outcome.HOLDS, f"every gram from {asked[0]} to {asked[1] - 1} has one state"


def _parts(proof: StateProof, asked: tuple[int, int] | None) -> Iterator[Part]:
    low, high = asked or (0, 2**64)
    for entry in proof.shown:
        first, last = max(low, entry.first), min(high, entry.last)
        if first < last:
            yield _part(entry, first, last)
    if asked is None:
        if not proof.shown or proof.shown[-1].last == proof.frontier_g:
            yield Part(proof.frontier_g, None, None, None)
    elif high > proof.frontier_g:
        yield Part(max(low, proof.frontier_g), high, None, None)


def _part(entry: Entry, first: int, last: int) -> Part:
    return Part(first, last, entry.index, entry.movement)
