"""The contract's client; the one place that imports web3.

A chain that is down, slow or answers nonsense is `Unreachable`; what the contract refuses is `Refuted` with the
name of its error. Whatever web3 raises inside, one of the two comes out, with one sentence. Off-chain look-ups
(EIP-3668), with which an answer would make web3 fetch other addresses, are off.
"""

import contextlib
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

import httpx2
from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_hash.auto import keccak
from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3Exception, Web3RPCError
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from anchoring.chain.endpoint import READ_SECONDS, Endpoint, Lost
from anchoring.chain.signers import Payer
from anchoring.chain.signing import address_bytes, checksummed
from anchoring.conviction import Entry
from anchoring.errors import AnchoringError, Malformed, Refuted, Unreachable
from registry.ledger.rules import Rule

# py_ecc, somewhere under web3, raises the limit to 100,000 when it is imported: JSON that is nested deep enough would
# then overflow the C stack and kill the process, in any part of the program. 1,000 is Python's own.
sys.setrecursionlimit(1_000)

WAIT_SECONDS = 60
POLL_SECONDS = 0.25
# What we sign at most, whatever an endpoint asks: it could empty the payer's account otherwise.
MAX_GAS = 16_000_000
MAX_FEE_WEI = 10**13  # 10,000 gwei a unit of gas


_KNOWN = re.compile(r"\b(?:already ?(?:known|imported|exists)|known transaction)\b", re.IGNORECASE)
"""How nodes say that they have a transaction already: geth, Nethermind, Besu, OpenEthereum and their kin."""


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    """The contract's last checkpoint, as of block `block_number`. `frontier` and `ended` are grams."""

    size: int
    root: bytes
    frontier: int
    ended: int
    broken: bool
    block_number: int


@dataclass(frozen=True, slots=True)
class AnchoredCheckpoint:
    """A checkpoint as the contract's event tells of it. `frontier` and `ended` are grams."""

    size: int
    root: bytes
    frontier: int
    ended: int
    block_number: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the contract was convicted of: leaf `index` breaks `rule`, by itself or against leaf `other`.

    Both leaves were shown to be in the anchored tree of `size` leaves.
    """

    size: int
    index: int
    other: int
    rule: Rule


@dataclass(frozen=True, slots=True)
class AnchorReceipt:
    """Where a checkpoint or a conviction is on the chain.

    `tx_hash` is None and `gas_used` 0 when it was there before and nothing was sent; `block_number` is then a block
    by which it was there, at or after its own.
    """

    tx_hash: bytes | None
    block_number: int
    gas_used: int


class _Provider(JSONBaseProvider):
    global_ccip_read_enabled = False

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__()
        self._endpoint = endpoint

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        return cast("RPCResponse", self._endpoint.post(self.encode_rpc_request(method, params)))


class _Chain:
    """One endpoint and what any contract needs of it; the place where errors are translated."""

    def __init__(
        self,
        rpc_url: str,
        abi: Sequence[Mapping[str, Any]],
        read_seconds: float,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.endpoint = Endpoint(rpc_url, read_seconds, transport)
        # No middleware: it would ask more questions, and refuse the longer headers of consortium chains.
        self.web3 = Web3(cast("Any", _Provider(self.endpoint)), middleware=[])
        self._errors = {_selector(entry): entry for entry in abi if entry["type"] == "error"}

    @contextlib.contextmanager
    def asked(self) -> Iterator[None]:
        """Inside, whatever web3 raises becomes an AnchoringError; only TransactionNotFound comes through."""
        try:
            yield
        except (AnchoringError, TransactionNotFound):
            raise
        except ContractLogicError as error:
            raise Refuted(f"The contract refuses: {self._reason(error)}.") from error
        except Web3RPCError as error:
            raise Unreachable(f"The chain at {self.endpoint.shown} refuses: {_rpc_message(error)}.") from error
        except Exception as error:  # web3 raises nearly anything for an answer of another shape than it expects
            raise Lost(f"The chain at {self.endpoint.shown} answers nonsense: {_short(error)}.") from error

    def _reason(self, error: ContractLogicError) -> str:
        """The contract's own error with its values, `SizeNotGrown(7, 7)`, or what the chain says of it."""
        raw = error.data if isinstance(error.data, str) else ""
        entry = self._errors.get(raw[2:10].lower())
        if entry is None:
            return _short(error.message or "it gives no reason")
        try:
            values = abi_decode([argument["type"] for argument in entry["inputs"]], bytes.fromhex(raw[10:]))
        except (DecodingError, ValueError):
            return str(entry["name"])
        return _short(f"{entry['name']}({', '.join(map(str, values))})")

    def send(self, payer: Payer, to: str | None, call_data: bytes, wait_seconds: float) -> Mapping[str, Any]:
        """Sign, send and await the receipt of one transaction.

        The nonce is the next one *in a block*: whatever is sent again while an earlier attempt is pending has the
        same nonce, so the chain takes at most one of the two. Raises Refuted when the contract refuses.
        """
        transaction = self._transaction(payer.address, to, call_data)
        raw = payer.sign_transaction(transaction)
        try:
            with self.asked():
                self.web3.eth.send_raw_transaction(raw)
        except Unreachable as error:
            # Lost on the way there or back, or known already: only a receipt can tell. All else was not taken.
            if not isinstance(error, Lost) and not _KNOWN.search(str(error)):
                raise
        receipt = self._await(keccak(raw), wait_seconds)
        with self.asked():
            mined_in, succeeded = _whole(receipt["blockNumber"]), _whole(receipt["status"]) == 1
        if not succeeded:
            self._explain(transaction, mined_in)
        return receipt

    def _transaction(self, sender: str, to: str | None, call_data: bytes) -> dict[str, Any]:
        call: dict[str, Any] = {"from": sender, "data": "0x" + call_data.hex(), "value": 0}
        call |= {} if to is None else {"to": to}
        with self.asked():
            eth = self.web3.eth
            gas = _whole(eth.estimate_gas(cast("Any", call)))
            nonce = _whole(eth.get_transaction_count(cast("Any", sender), "latest"))
            fees = self._fees()
            price = max(fees.values())
            if gas > MAX_GAS or price > MAX_FEE_WEI:
                raise Unreachable(
                    f"The chain at {self.endpoint.shown} asks for more than {MAX_GAS} gas, or {MAX_FEE_WEI} wei each."
                )
            return call | fees | {"chainId": _whole(eth.chain_id), "nonce": nonce, "gas": gas * 5 // 4}

    def _fees(self) -> dict[str, int]:
        """EIP-1559 where the blocks have a base fee, with room for it to double; the node's gas price elsewhere."""
        base_fee = self.web3.eth.get_block("latest").get("baseFeePerGas")
        gas_price = _whole(self.web3.eth.gas_price)
        if base_fee is None:
            return {"gasPrice": gas_price}
        tip = max(gas_price - _whole(base_fee), 0)
        return {"maxFeePerGas": 2 * base_fee + tip, "maxPriorityFeePerGas": tip}

    def _await(self, tx_hash: bytes, wait_seconds: float) -> Mapping[str, Any]:
        deadline = time.monotonic() + wait_seconds
        while True:
            with contextlib.suppress(Unreachable, TransactionNotFound), self.asked():
                return cast("Mapping[str, Any]", self.web3.eth.get_transaction_receipt(cast("Any", tx_hash)))
            if time.monotonic() >= deadline:
                raise Unreachable(
                    f"The transaction 0x{tx_hash.hex()} was sent to {self.endpoint.shown}, and is in no block after "
                    f"{wait_seconds:g} seconds; trying again later does not anchor twice."
                )
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        self.endpoint.close()

    def _explain(self, transaction: dict[str, Any], block_number: int) -> None:
        call = {name: transaction[name] for name in ("from", "to", "data", "value") if name in transaction}
        with self.asked():
            self.web3.eth.call(cast("Any", call), block_number - 1)
        raise Refuted(f"The transaction was reverted in block {block_number}, without a reason to be found.")


def deploy(
    rpc_url: str,
    payer: Payer,
    signers: Sequence[str],
    threshold: int,
    artifact: Mapping[str, Any],
    *,
    wait_seconds: float = WAIT_SECONDS,
) -> str:
    """Create the contract with these signers' addresses and `threshold` of them needed; its address.

    Raises Refuted with the name of the constructor's error, Unreachable for a chain that does not answer.
    """
    with contextlib.closing(_Chain(rpc_url, artifact["abi"], READ_SECONDS)) as chain:
        factory = chain.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        with _encoded("the constructor"):
            creation = factory.constructor(list(signers), threshold).data_in_transaction
        receipt = chain.send(payer, None, _bytes(creation), wait_seconds)
        address = receipt.get("contractAddress")
        if not isinstance(address, str):
            raise Unreachable(f"The chain at {chain.endpoint.shown} gives no address for the new contract.")
        return checksummed(address_bytes(address))


class AnchorClient:
    """The contract at one address of one chain. A context manager that closes its connections.

    Every method raises Unreachable for a chain that is down, slow, answers nonsense, is another one than
    `chain_id` says, or has no contract at the address; and Refuted for what the contract refuses.
    """

    def __init__(
        self,
        rpc_url: str,
        address: str,
        *,
        chain_id: int | None = None,
        read_seconds: float = READ_SECONDS,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """Connects to nothing yet; `transport` is a wire of the caller's own.

        Raises Malformed for an address or a URL that is none.
        """
        from contracts import artifact

        abi = artifact()["abi"]
        self.address = checksummed(address_bytes(address))
        self._expected_chain = chain_id
        self._checked = False
        self._chain = _Chain(rpc_url, abi, read_seconds, transport)
        self._contract = self._chain.web3.eth.contract(address=cast("Any", self.address), abi=abi)

    def chain_id(self) -> int:
        """The chain's id, as it says itself."""
        with self._chain.asked():
            return _whole(self._chain.web3.eth.chain_id)

    def code_present(self) -> bool:
        """Whether there is a contract at the address."""
        return self._is_code("latest")

    def _is_code(self, at: int | Literal["latest"]) -> bool:
        with self._chain.asked():
            return len(self._chain.web3.eth.get_code(cast("Any", self.address), at)) > 0

    def block_number(self) -> int:
        """The number of the chain's last block."""
        with self._chain.asked():
            return _whole(self._chain.web3.eth.block_number)

    def depth(self, block: int) -> int:
        """How many blocks are on top of `block`; negative if the chain is not there yet."""
        return self.block_number() - block

    def head(self) -> AnchoredHead:
        """The last checkpoint, all of it as of one block."""
        self._check()
        number = self.block_number()
        size, root, frontier, ended, broken = (
            self._view(name, at=number) for name in ("size", "root", "frontier", "ended", "broken")
        )
        return AnchoredHead(int(size), bytes(root), int(frontier), int(ended), bool(broken), number)

    def root_at(self, size: int, at: int | None = None) -> bytes | None:
        """The root anchored for this size of the log, or None; as of the last block, or of block number `at`."""
        self._check()
        if at is not None and not self._is_code(at):
            return None
        root = bytes(self._view("rootAt", size, at=at))
        return root if any(root) else None

    def mined_in(self, tx_hash: bytes) -> int | None:
        """The number of the block that a transaction is in now, None when it is in none."""
        try:
            with self._chain.asked():
                return _whole(self._chain.web3.eth.get_transaction_receipt(cast("Any", tx_hash))["blockNumber"])
        except TransactionNotFound:
            return None

    def anchored(self) -> list[AnchoredCheckpoint]:
        """Every checkpoint anchored so far, in the chain's order, from the contract's events.

        Asks for all blocks at once, and for fewer where the endpoint refuses or its answer is too long.
        """
        self._check()
        found: list[AnchoredCheckpoint] = []
        first, last = 0, self.block_number()
        span = last + 1
        while first <= last:
            try:
                found += self._anchored_in(first, min(first + span - 1, last))
            except Unreachable:
                if span == 1:
                    raise
                self.block_number()  # raises when it is not the question but the chain that fails
                span = -(-span // 4)
            else:
                first += span
        return found

    def _anchored_in(self, first: int, last: int) -> list[AnchoredCheckpoint]:
        with self._chain.asked():
            logs = self._contract.events.Anchored.get_logs(from_block=first, to_block=last)
            ours = (log for log in logs if log["address"].lower() == self.address.lower())
            return [
                AnchoredCheckpoint(
                    _whole(log["args"]["size"]),
                    bytes(log["args"]["root"]),
                    _whole(log["args"]["frontier"]),
                    _whole(log["args"]["ended"]),
                    _whole(log["blockNumber"]),
                )
                for log in ours
            ]

    def included(self, leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bool:
        """Whether the contract finds this leaf under the root it anchored for `size` (RFC 9162, 2.1.3)."""
        self._check()
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
        wait_seconds: float = WAIT_SECONDS,
    ) -> AnchorReceipt:
        """Anchor the checkpoint (size, root, frontier, ended); wait until it is in a block.

        `proof` is the RFC 9162 consistency proof from the contract's last checkpoint. Safe to repeat: what is
        anchored already is not sent again. Raises Refuted with the name of the contract's error.
        """
        before = self.head()
        if before.size >= size and self.root_at(size) == root:
            return AnchorReceipt(None, before.block_number, 0)
        with _encoded("anchor"):
            call = self._contract.encode_abi(
                "anchor", args=[size, root, frontier, ended, list(proof), list(signatures)]
            )
        return self._send(call, payer, wait_seconds)

    def verdict(self) -> Verdict | None:
        """What the contract was convicted of, None while it was not."""
        self._check()
        return self._verdict(None)

    def convict(
        self, size: int, accused: Entry, other: Entry, payer: Payer, *, wait_seconds: float = WAIT_SECONDS
    ) -> AnchorReceipt:
        """Convict the log of the rule that `accused` breaks; wait until it is in a block.

        `size` is an anchored size, for whose tree both inclusion proofs are; `other` is the parent, the other of two
        that overlap, or any other leaf when `accused` is broken by itself (`anchoring.conviction`). Safe to repeat: a
        contract convicted by these two leaves is sent nothing. Raises Refuted with the name of the contract's error:
        ContractBroken, SameLeaf, NotAnchored, NotIncluded, Unrelated or Lawful.
        """
        self._check()
        number = self.block_number()
        known = self._verdict(number)
        if known is not None and (known.size, known.index, known.other) == (size, accused.index, other.index):
            return AnchorReceipt(None, number, 0)
        entries = [(entry.leaf, entry.index, list(entry.path)) for entry in (accused, other)]
        with _encoded("convict"):
            call = self._contract.encode_abi("convict", args=[size, *entries])
        return self._send(call, payer, wait_seconds)

    def _verdict(self, at: int | None) -> Verdict | None:
        values = self._view("verdict", at=at)
        with self._chain.asked():
            size, index, other, rule = map(_whole, values)
            return Verdict(size, index, other, Rule(rule)) if size else None

    def _send(self, call: str, payer: Payer, wait_seconds: float) -> AnchorReceipt:
        receipt = self._chain.send(payer, self.address, _bytes(call), wait_seconds)
        with self._chain.asked():
            return AnchorReceipt(
                bytes(receipt["transactionHash"]), _whole(receipt["blockNumber"]), _whole(receipt["gasUsed"])
            )

    def _check(self) -> None:
        if self._checked:
            return
        found = self.chain_id()
        if self._expected_chain not in (None, found):
            raise Unreachable(
                f"The chain at {self._chain.endpoint.shown} is chain {found}, not chain {self._expected_chain}."
            )
        if not self.code_present():
            raise Unreachable(f"There is no contract at {self.address} on chain {found}.")
        self._checked = True

    def _view(self, name: str, *arguments: Any, at: int | None = None) -> Any:
        with _encoded(name):
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


@contextlib.contextmanager
def _encoded(name: str) -> Iterator[None]:
    """Inside, arguments are encoded: what does not fit the contract's types is Malformed, not the chain's fault."""
    try:
        yield
    except (EncodingError, Web3Exception, TypeError, ValueError) as error:
        raise Malformed(f"These arguments do not fit the types of the contract's {name}.") from error


def _bytes(encoded: str) -> bytes:
    return bytes.fromhex(encoded.removeprefix("0x"))


def _selector(entry: Mapping[str, Any]) -> str:
    types = ",".join(str(argument["type"]) for argument in entry["inputs"])
    return keccak(f"{entry['name']}({types})".encode())[:4].hex()


def _whole(value: Any) -> int:
    """An integer that is no less than zero; web3 hands on whatever JSON had. Raises ValueError."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{_short(repr(value))} instead of an integer")
    return value


def _rpc_message(error: Web3RPCError) -> str:
    answered = (error.rpc_response or {}).get("error")
    return _short(answered["message"] if isinstance(answered, dict) else error.message)


def _short(what: object) -> str:
    text = " ".join(str(what).split()).rstrip(".") or type(what).__name__
    return text if len(text) <= 200 else text[:197] + "..."
