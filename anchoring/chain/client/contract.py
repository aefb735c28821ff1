"""The contract at one address of one chain: what it holds, and what it is sent."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Literal, Self, cast

import httpx2
from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import function_abi_to_4byte_selector
from web3.exceptions import TransactionNotFound

from anchoring.chain.agreement import FINAL_DEPTH, Endpoints
from anchoring.chain.client.answers import AnchoredCheckpoint, AnchoredHead, AnchorReceipt, Verdict
from anchoring.chain.client.connection import Connection, encoded, from_hex, whole
from anchoring.chain.client.sending import Patience, Receipt, Sender, Superseded
from anchoring.chain.client.spans import read_back
from anchoring.chain.endpoint import READ_SECONDS
from anchoring.chain.journal import Journal, MemoryJournal
from anchoring.chain.signers import Payer
from anchoring.conviction import Entry
from anchoring.errors import Refuted, Unreachable
from anchoring.signing import address_bytes, checksummed
from contracts import artifact
from registry.clock import system_clock
from registry.ledger.rules import Rule


class AnchorClient:
    """The contract at one address of one chain. A context manager that closes its connections.

    Every method raises Unreachable for a chain that is down, slow, answers nonsense, is another one than
    `chain_id` says, or has no contract at the address; and Refuted for what the contract refuses.
    """

    def __init__(
        self,
        rpc: str | Sequence[str],
        address: str,
        *,
        chain_id: int | None = None,
        read_seconds: float = READ_SECONDS,
        final_depth: int = FINAL_DEPTH,
        journal: Journal | None = None,
        patience: Patience | None = None,
        clock: Callable[[], int] = system_clock,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """Connects to nothing yet; `transport` is a wire of the caller's own.

        Raises Malformed for an address or a URL that is none. Several endpoints must agree
        (`anchoring.chain.agreement`), on blocks below `final_depth` all of them. `journal` keeps what was sent beyond
        this process.
        """
        build = artifact()
        self.address = checksummed(address_bytes(address))
        self._expected_chain = chain_id
        self._code = from_hex(build["deployedBytecode"])
        self._checked = False
        self._chain = Connection(Endpoints(rpc, read_seconds, final_depth, transport), build["abi"])
        self._sender = Sender(self._chain, journal or MemoryJournal(), patience or Patience(), clock)
        self._contract = self._chain.web3.eth.contract(address=cast("Any", self.address), abi=build["abi"])

    def chain_id(self) -> int:
        """The chain's id, as it says itself."""
        return self._chain.chain_id()

    def code_present(self) -> bool:
        """Whether there is a contract at the address, be it ours or not."""
        return self._is_code("latest")

    def _is_code(self, at: int | Literal["latest"]) -> bool:
        return bool(self._code_at(at))

    def _code_at(self, at: int | Literal["latest"]) -> bytes:
        with self._chain.asked():
            return bytes(self._chain.web3.eth.get_code(cast("Any", self.address), at))

    def block_number(self) -> int:
        """The number of the chain's last block."""
        return self._chain.block_number()

    def depth(self, block: int) -> int:
        """How many blocks are on top of `block`; negative if the chain is not there yet."""
        return self.block_number() - block

    def head(self) -> AnchoredHead:
        """The last checkpoint, all of it as of one block."""
        self.check()
        number = self.block_number()
        size, root, frontier, ended, broken = (
            self._view(name, at=number) for name in ("size", "root", "frontier", "ended", "broken")
        )
        return AnchoredHead(int(size), bytes(root), int(frontier), int(ended), bool(broken), number)

    def root_at(self, size: int, at: int | None = None) -> bytes | None:
        """The root anchored for this size of the log, or None; as of the last block, or of block number `at`."""
        self.check()
        if at is not None and not self._is_code(at):
            return None
        root = bytes(self._view("rootAt", size, at=at))
        return root if any(root) else None

    def signers(self) -> tuple[frozenset[str], int]:
        """The addresses, checksummed, whose signatures it takes, and how many of them it needs."""
        self.check()
        addresses, threshold = self._view("signers"), self._view("threshold")
        with self._chain.asked():
            return frozenset(checksummed(address_bytes(one)) for one in addresses), whole(threshold)

    def mined_in(self, tx_hash: bytes) -> int | None:
        """The number of the block that a transaction is in now, None when it is in none."""
        try:
            with self._chain.asked():
                return whole(self._chain.web3.eth.get_transaction_receipt(cast("Any", tx_hash))["blockNumber"])
        except TransactionNotFound:
            return None

    def anchored(self, first: int = 0) -> list[AnchoredCheckpoint]:
        """Every checkpoint anchored so far, or since block `first`, in the chain's order, from the contract's events.

        Asks for as many blocks as the endpoint answers for, from the last one back. Each event names the one before
        it; raises Unreachable when one is missing.
        """
        self.check()
        last = self.block_number()
        found = read_back(self._anchored_in, first, last) if self._view("size", at=last) else []
        before = [found[0].previous if first and found else 0, *(one.size for one in found)]
        for size, anchor in zip(before, found, strict=False):
            if anchor.previous != size:
                raise Unreachable(
                    f"The chain at {self._chain.endpoints.shown} does not give all its anchors: size "
                    f"{anchor.size} follows {anchor.previous}, which is not among them."
                )
        return found

    def made_at(self, anchor: AnchoredCheckpoint) -> int:
        """When the block that an anchor is in was made, as its header says: Unix milliseconds."""
        return self._chain.made_at(anchor.block_number)

    def shown_signatures(self, size: int) -> tuple[AnchoredCheckpoint, list[bytes]] | None:
        """The anchor of `size` and the signatures sent with it, as the chain shows them; None when it shows none.

        They are for the caller to check (`anchoring.signing.signer_of`): a node can show anything. Whoever paid
        may have sent the call through a contract of his own, so it is looked for anywhere in the transaction's data.
        """
        self.check()
        found: list[bytes] = []

        def ask(first: int, last: int) -> list[AnchoredCheckpoint]:
            pairs = [pair for pair in self._events(first, last, {"size": size}) if pair[0].size == size]
            found[:0] = [tx_hash for _, tx_hash in pairs]
            return [replace(anchor, previous=0) for anchor, _ in pairs]  # there is one, and none need be before it

        anchors = read_back(ask, 0, self.block_number())
        if not anchors:
            return None
        try:
            with self._chain.asked():
                sent = self._chain.web3.eth.get_transaction(cast("Any", found[0]))
                data = bytes(sent["input"])
        except TransactionNotFound:
            return None
        return anchors[0], list(self._signatures_in(data, anchors[0]))

    def _signatures_in(self, data: bytes, anchor: AnchoredCheckpoint) -> Iterator[bytes]:
        function = self._contract.functions["anchor"]
        selector = function_abi_to_4byte_selector(function.abi)
        at = data.find(selector)
        while at >= 0:
            with contextlib.suppress(DecodingError, OverflowError):
                values = abi_decode([one["type"] for one in function.abi["inputs"]], data[at + 4 :], strict=False)
                if values[:4] == (anchor.size, anchor.root, anchor.frontier, anchor.ended):
                    yield from values[5]
            at = data.find(selector, at + 1)

    def _anchored_in(self, first: int, last: int) -> list[AnchoredCheckpoint]:
        return [anchor for anchor, _ in self._events(first, last)]

    def _events(
        self, first: int, last: int, wanted: dict[str, Any] | None = None
    ) -> list[tuple[AnchoredCheckpoint, bytes]]:
        with self._chain.asked():
            logs = self._contract.events.Anchored.get_logs(wanted, from_block=first, to_block=last)
            ours = [log for log in logs if log["address"].lower() == self.address.lower()]
            return [(_checkpoint(log), bytes(log["transactionHash"])) for log in ours]

    def included(self, leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bool:
        """Whether the contract finds this leaf under the root it anchored for `size` (RFC 9162, 2.1.3)."""
        self.check()
        return bool(self._view("included", leaf, index, size, list(path)))

    def anchor(
        self,
        size: int,
        root: bytes,
        frontier: int,
        ended: int,
        proof: Sequence[bytes],
        signatures: Sequence[bytes],
        payer: Payer,
        *,
        wait_seconds: float | None = None,
    ) -> AnchorReceipt:
        """Anchor the checkpoint (size, root, frontier, ended); wait until it is in a block.

        `proof` is the RFC 9162 consistency proof from the contract's last checkpoint. Safe to repeat: what is
        anchored already is not sent again. Raises Refuted with the name of the contract's error.
        """
        with encoded("anchor"):
            call = from_hex(
                self._contract.encode_abi("anchor", args=[size, root, frontier, ended, list(proof), list(signatures)])
            )

        def there() -> int | None:
            head = self.head()
            return head.block_number if head.size >= size and self.root_at(size) == root else None

        # Not by the call: a proof to a size that is anchored is another one.
        return self._send_unless(there, call, payer, wait_seconds, f"anchor {self.address} {size} {root.hex()}")

    def verdict(self) -> Verdict | None:
        """What the contract was convicted of, None while it was not."""
        self.check()
        return self._verdict(None)

    def convict(
        self, size: int, accused: Entry, other: Entry, payer: Payer, *, wait_seconds: float | None = None
    ) -> AnchorReceipt:
        """Convict the log of the rule that `accused` breaks; wait until it is in a block.

        `size` is an anchored size, for whose tree both inclusion proofs are; `other` is the parent, the other of two
        that overlap, or any other leaf when `accused` is broken by itself (`anchoring.conviction`). Safe to repeat: a
        contract convicted by these two leaves is sent nothing. Raises Refuted with the name of the contract's error:
        ContractBroken, SameLeaf, NotAnchored, NotIncluded, Unrelated or Lawful.
        """
        self.check()
        entries = [(entry.leaf, entry.index, list(entry.path)) for entry in (accused, other)]
        with encoded("convict"):
            call = from_hex(self._contract.encode_abi("convict", args=[size, *entries]))

        def there() -> int | None:
            number = self.block_number()
            known = self._verdict(number)
            same = known is not None and (known.size, known.index, known.other) == (size, accused.index, other.index)
            return number if same else None

        purpose = f"convict {self.address} {size} {accused.index} {other.index}"
        return self._send_unless(there, call, payer, wait_seconds, purpose)

    def _verdict(self, at: int | None) -> Verdict | None:
        values = self._view("verdict", at=at)
        with self._chain.asked():
            size, index, other, rule = map(whole, values)
            return Verdict(size, index, other, Rule(rule)) if size else None

    def _send_unless(
        self, there: Callable[[], int | None], call: bytes, payer: Payer, wait_seconds: float | None, purpose: str
    ) -> AnchorReceipt:
        """Send a call unless `there` gives a block by which the contract has what it would do."""
        known_by = sha256(purpose.encode()).digest()
        block = there()
        if block is not None:
            return self._noted(self._sender.found(payer, known_by), block)
        try:
            receipt = self._sender.send(payer, self.address, call, purpose=known_by, wait_seconds=wait_seconds)
        except Superseded:
            block = there()
            if block is None:
                raise
            return self._noted(None, block)
        return self._noted(receipt, 0)

    def _noted(self, receipt: Receipt | None, block: int) -> AnchorReceipt:
        if receipt is None:
            return AnchorReceipt(None, block, 0)
        with self._chain.asked():
            return AnchorReceipt(
                bytes(receipt["transactionHash"]), whole(receipt["blockNumber"]), whole(receipt["gasUsed"])
            )

    def check(self) -> None:
        """Make sure that this is the chain, and that our contract is at the address: the code of the committed build.

        The build has no immutables and no metadata (`contracts.build` sees to it), so every byte is compared. Raises
        Unreachable for another chain or no contract, Refuted for another contract's code.
        """
        if self._checked:
            return
        found = self.chain_id()
        if self._expected_chain not in (None, found):
            raise Unreachable(
                f"The chain at {self._chain.endpoints.shown} is chain {found}, not chain {self._expected_chain}."
            )
        code = self._code_at("latest")
        if not code:
            raise Unreachable(f"There is no contract at {self.address} on chain {found}.")
        if code != self._code:
            raise Refuted(
                f"The contract at {self.address} on chain {found} is not GramAnchor: its {len(code)} bytes of code are "
                "not the committed build's. Whatever it answers proves nothing."
            )
        self._checked = True

    def _view(self, name: str, *arguments: Any, at: int | None = None) -> Any:
        with encoded(name):
            self._contract.encode_abi(name, args=list(arguments))  # only to tell our fault from the chain's
            function = self._contract.functions[name](*arguments)
        with self._chain.asked():
            return function.call(block_identifier="latest" if at is None else at)

    def close(self) -> None:
        self._chain.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _checkpoint(log: Any) -> AnchoredCheckpoint:
    said = log["args"]
    return AnchoredCheckpoint(
        whole(said["size"]),
        bytes(said["root"]),
        whole(said["frontier"]),
        whole(said["ended"]),
        whole(said["previous"]),
        whole(log["blockNumber"]),
    )
