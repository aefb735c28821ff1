"""What the contract says, asked of every node that one was given: nodes that differ are told, not believed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from anchoring.errors import AnchoringError, Refuted
from anchoring.monitor.alerts import Alert
from anchoring.monitor.memory import MAX_ANCHORS, MAX_TAKEN_BACK, Anchor, Memory

if TYPE_CHECKING:
    from anchoring.chain.client import AnchorClient, AnchoredHead, Verdict

WATCHED: Final = 16
"""Anchors, the last ones, that are asked for again in each round: a reorganisation takes the last ones back."""
REORG_BLOCKS: Final = 64
"""How far events are read again: what a chain may still put elsewhere. A deeper change is noticed by its roots."""


@dataclass(frozen=True, slots=True)
class ContractSeen:
    """The contract's last checkpoint and verdict. `is_agreed` when all nodes that answered tell the same."""

    head: "AnchoredHead"
    verdict: "Verdict | None"
    is_agreed: bool


@dataclass(frozen=True, slots=True)
class _Answer:
    client: "AnchorClient"
    name: str
    head: "AnchoredHead"


class ContractWatch:
    """One contract, by its nodes."""

    def __init__(self, rpcs: Sequence[str], contract: str, chain_id: int, read_seconds: float = 10) -> None:
        """Connect to nothing yet. Raises Malformed for an address or a URL that is none."""
        from anchoring.chain.client import AnchorClient  # web3, which who watches no contract does not need

        self.contract, self.chain_id, self.rpcs = contract, chain_id, tuple(rpcs)
        self._clients = [
            (f"node {number}", AnchorClient(rpc, contract, chain_id=chain_id, read_seconds=read_seconds))
            for number, rpc in enumerate(rpcs, start=1)
        ]

    def close(self) -> None:
        """Close all connections."""
        for _, client in self._clients:
            client.close()

    def look(self, memory: Memory, alerts: list[Alert]) -> ContractSeen | None:
        """Ask all nodes, bring the anchors in `memory` up to date, and put what is wrong into `alerts`."""
        answers = list(self._ask(alerts))
        if not answers:
            return None
        best = max(answers, key=lambda answer: answer.head.block_number)
        differing = [other.name for other in answers if other is not best and not _agree(best, other, alerts)]
        alerts += [
            Alert("endpoints-disagree", name, f"{name} and {best.name} do not tell the same of the contract")
            for name in differing
        ]
        try:
            verdict = best.client.verdict() if best.head.broken else None
            if not differing:
                self._follow(best, memory, alerts)
        except AnchoringError as error:
            alerts.append(_failed(best.name, error))
            return None
        return ContractSeen(best.head, verdict, not differing)

    def _ask(self, alerts: list[Alert]) -> Iterator[_Answer]:
        for name, client in self._clients:
            try:
                yield _Answer(client, name, client.head())
            except AnchoringError as error:
                alerts.append(_failed(name, error))

    def _follow(self, best: _Answer, memory: Memory, alerts: list[Alert]) -> None:
        """Forget the anchors that the chain has no more, and learn the new ones."""
        head = best.head
        if head.block_number < memory.block:
            sentence = f"it was at block {memory.block}, and is at block {head.block_number}"
            alerts.append(Alert("chain-behind", best.name, sentence))
        taken = [size for size in memory.taken_back if size > head.size]
        for anchor in memory.anchors[-WATCHED:]:
            root = best.client.root_at(anchor.size) if anchor.size <= head.size else None
            if root is None or root.hex() != anchor.root:
                memory.anchors.remove(anchor)
                memory.read_block = min(memory.read_block, anchor.block)
                taken.append(anchor.size)
        memory.block, memory.taken_back = max(memory.block, head.block_number), taken[-MAX_TAKEN_BACK:]
        alerts += [
            Alert("taken-back", str(size), f"the anchor of {size} leaves was taken back; the chain is at {head.size}")
            for size in memory.taken_back
        ]
        known = {anchor.size: anchor for anchor in memory.anchors}
        if head.size and (head.size not in known or known[head.size].root != head.root.hex()):
            self._learn(best, known, max(0, memory.read_block - REORG_BLOCKS))
            memory.read_block = head.block_number
            memory.anchors = [known[size] for size in sorted(known)][-MAX_ANCHORS:]

    def _learn(self, best: _Answer, known: dict[int, Anchor], first: int) -> None:
        """Read the anchors in the blocks since `first`."""
        for one in best.client.anchored(first)[-MAX_ANCHORS:]:
            found = Anchor(
                size=one.size,
                root=one.root.hex(),
                frontier_g=one.frontier,
                ended_g=one.ended,
                block=one.block_number,
            )
            before = known.get(one.size)
            if before is None or _values(before) != _values(found):
                known[one.size] = found
        head = best.head
        # Events can be kept back by a node; the last checkpoint is state, and is compared in any case.
        known.setdefault(
            head.size,
            Anchor(
                size=head.size,
                root=head.root.hex(),
                frontier_g=head.frontier,
                ended_g=head.ended,
                block=head.block_number,
            ),
        )


def _agree(best: _Answer, other: _Answer, alerts: list[Alert]) -> bool:
    """Whether a node that may be some blocks behind tells the same as far as it is."""
    if other.head.block_number == best.head.block_number and other.head != best.head:
        return False
    if other.head.size > best.head.size or (other.head.broken and not best.head.broken):
        return False
    try:
        return not other.head.size or best.client.root_at(other.head.size) == other.head.root
    except AnchoringError as error:
        alerts.append(_failed(best.name, error))
        return False


def _failed(name: str, error: AnchoringError) -> Alert:
    return Alert("chain-false" if isinstance(error, Refuted) else "chain-unreachable", name, str(error))


def _values(anchor: Anchor) -> tuple[int, str, int, int]:
    return anchor.size, anchor.root, anchor.frontier_g, anchor.ended_g
