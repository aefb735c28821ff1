"""Contracts at several chains, found among the endpoints given, and a log that was anchored in one after another."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from anchoring.errors import Malformed, Refuted
from anchoring.moves import proof
from anchoring.tree.sources import read_file

if TYPE_CHECKING:
    from anchoring.chain.client import AnchorClient, AnchoredCheckpoint, AnchoredHead


@contextmanager
def contracts_at(rpc: Sequence[str], places: Sequence[tuple[int, str]]) -> Iterator["list[AnchorClient | None]"]:
    """Connect to each (chain id, contract) through those endpoints that are of its chain; None where there is none."""
    from anchoring.chain.client import AnchorClient

    with ExitStack() as stack:
        of_chain: dict[int, list[str]] = defaultdict(list)
        for url in rpc:
            with AnchorClient(url, places[0][1]) as asked:
                of_chain[asked.chain_id()].append(url)
        yield [
            stack.enter_context(AnchorClient(of_chain[chain_id], contract, chain_id=chain_id))
            if chain_id in of_chain
            else None
            for chain_id, contract in places
        ]


@dataclass(frozen=True)
class Followed:
    """The contracts of one log, in order; for the audit they are one chain's view."""

    clients: "Sequence[AnchorClient]"
    _where: "dict[AnchoredCheckpoint, AnchorClient]" = field(default_factory=dict, repr=False)

    def head(self) -> "AnchoredHead":
        """The last contract's last checkpoint; broken if any of them is.

        Raises Refuted when an earlier one holds more: a contract begins with what the one before it held at last.
        """
        heads = [client.head() for client in self.clients]
        if [head.size for head in heads] != sorted(head.size for head in heads):
            raise Refuted(
                "The contracts are not in the order of the log's moves, or somebody anchors in one that it left: "
                f"they hold {', '.join(str(head.size) for head in heads)} leaves."
            )
        return replace(heads[-1], broken=any(head.broken for head in heads))

    def root_at(self, size: int) -> bytes | None:
        """The root that any of them holds for a size. Raises Refuted when two of them hold two."""
        roots = {client.root_at(size) for client in self.clients} - {None}
        if len(roots) > 1:
            raise Refuted(f"Two contracts of the log hold two roots for {size} leaves: it shows two histories.")
        return roots.pop() if roots else None

    def anchored(self) -> "list[AnchoredCheckpoint]":
        """Every checkpoint that any of them holds."""
        found = {anchor: client for client in self.clients for anchor in client.anchored()}
        self._where.update(found)
        return list(found)

    def made_at(self, anchor: "AnchoredCheckpoint") -> int:
        """When the block of an anchor was made, on the chain that has it: Unix milliseconds."""
        return self._where[anchor].made_at(anchor)


@contextmanager
def followed(rpc: Sequence[str], contract: str, files: Sequence[Path], vkey: str) -> Iterator[Followed]:
    """Follow a log from `contract` by the proofs of its moves, each of which must hold at both of its contracts."""
    moves = proof.chain_of([proof.verify_move(read_file(file, proof.MAX_BYTES), vkey) for file in files])
    first, places = moves[0].move, [(one.move.to_chain_id, one.move.to_contract) for one in moves]
    if first.from_contract.lower() != contract.lower():
        raise Refuted(f"The first move does not begin at {contract}, but at {first.from_contract}.")
    with contracts_at(rpc, [(first.from_chain_id, first.from_contract), *places]) as found:
        clients = [client for client in found if client is not None]
        if len(clients) < len(found):
            raise Malformed("Give an --rpc for each chain that the log was moved from or to.")
        for number, proven in enumerate(moves):
            proof.check_contract(proven, clients[number], is_old=True)
            proof.check_contract(proven, clients[number + 1], is_old=False)
        yield Followed(clients)
