"""The embedded chain: a real EVM (py-evm under eth-tester) with its state on disk, for when no endpoint is given.

A stand-in. It has one block producer and no consensus, so it proves nothing to anybody who does not trust this
machine; the contract on it, its transactions and its proofs are the same as on any other chain. A transaction gets
a block of its own at once, followed by `final_depth` empty blocks in the same durable step: so an anchor is
*anchored* and *final* together, and a crash leaves either all of these blocks or none.

Times of blocks are seconds of the clock that was passed in, and always later than the parent's: blocks that follow
each other within one second run ahead of the clock.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from eth.chains.base import MiningChain
from eth.constants import BLANK_ROOT_HASH, POST_MERGE_DIFFICULTY, POST_MERGE_MIX_HASH, POST_MERGE_NONCE
from eth.estimators.gas import binary_gas_search
from eth.exceptions import CanonicalHeadNotFound, HeaderNotFound, TransactionNotFound
from eth.vm.forks import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_tester.backends.pyevm.main import PyEVMBackend
from eth_tester.backends.pyevm.serializers import serialize_transaction_receipt

from anchoring.chain.embedded_calls import Message, Refused, executed, raise_if_failed
from anchoring.chain.embedded_store import SqliteStore

CHAIN_ID = 0x6772616D  # "gram" in ASCII, 1735549293; not 1337 or 31337, which wallets take for other tools
GAS_LIMIT = 10_000_000  # of a block, and so of any call: five times what a deployment takes, seconds of work at most
FINAL_DEPTH = 1
PREFUND_WEI = 10**24
MAX_RAW_BYTES = 131_072  # as other nodes limit a transaction
_SUPPORTED_TYPES = (0, 1, 2)

Clock: TypeAlias = Callable[[], int]
Fields: TypeAlias = dict[str, Any]


class _Chain(MiningChain):  # type: ignore[misc]  # py-evm has no types
    chain_id = CHAIN_ID
    vm_configuration = ((0, PragueVM),)
    gas_estimator = staticmethod(binary_gas_search(tolerance=1000))

    def create_header_from_parent(self, parent_header: Any, **params: Any) -> Any:
        return super().create_header_from_parent(parent_header, **{**params, "gas_limit": GAS_LIMIT})


class _Backend(PyEVMBackend):  # type: ignore[misc]  # eth-tester has no types
    """eth-tester's backend over a chain that exists already; it keeps no keys and no genesis of its own."""

    def __init__(self, chain: _Chain) -> None:
        self.account_keys = ()
        self.chain = chain


def _create(store: SqliteStore, clock: Clock, prefund: Sequence[bytes]) -> None:
    account = {"balance": PREFUND_WEI, "nonce": 0, "code": b"", "storage": {}}
    parameters = {
        "coinbase": bytes(20),
        "difficulty": POST_MERGE_DIFFICULTY,
        "extra_data": b"gramledger embedded",
        "gas_limit": GAS_LIMIT,
        "mix_hash": POST_MERGE_MIX_HASH,
        "nonce": POST_MERGE_NONCE,
        "receipt_root": BLANK_ROOT_HASH,
        "transaction_root": BLANK_ROOT_HASH,
        "timestamp": clock() // 1000,
    }
    with store.atomic_batch():
        _Chain.from_genesis(store, parameters, dict.fromkeys(prefund, account))


class EmbeddedChain:
    """One chain in one folder. Not safe for two threads at once; the server holds a lock around it."""

    def __init__(
        self, path: Path, clock: Clock, *, prefund: Sequence[bytes] = (), final_depth: int = FINAL_DEPTH
    ) -> None:
        """Open the chain in the file `path`, or begin it with `prefund` (addresses, 20 bytes each) holding ether.

        An existing chain is continued and `prefund` ignored. `final_depth` is how many blocks on top make one final.
        Raises Malformed or Unreachable as `SqliteStore` does.
        """
        self._store = SqliteStore(path)
        self._clock = clock
        self.final_depth = final_depth
        try:
            self._backend = _Backend(_Chain(self._store))
        except CanonicalHeadNotFound:
            _create(self._store, clock, prefund)
            self._backend = _Backend(_Chain(self._store))

    @property
    def _chain(self) -> Any:
        return self._backend.chain

    def close(self) -> None:
        self._store.close()

    # Blocks

    def height(self) -> int:
        """The number of the last block."""
        number: int = self._chain.get_canonical_head().block_number
        return number

    def block(self, number: int, *, full: bool = False) -> Fields | None:
        """The block's fields by eth-tester's names, or None; `full` gives transactions instead of their hashes."""
        if not 0 <= number <= self.height():
            return None
        fields: Fields = self._backend.get_block_by_number(number, full)
        return {**fields, "extra_data": self.header(number).extra_data}  # eth-tester pads it: the hash would not fit

    def number_of(self, block_hash: bytes) -> int | None:
        """The number of the canonical block with this hash."""
        try:
            number: int = self._chain.get_block_header_by_hash(block_hash).block_number
        except HeaderNotFound:
            return None
        return number

    def base_fee(self) -> int:
        """Wei per gas that the next block takes at least."""
        fee: int = self._chain.header.base_fee_per_gas
        return fee

    def header(self, number: int) -> Any:
        """The py-evm header of a block that exists."""
        return self._chain.get_canonical_block_header_by_number(number)

    # Accounts, as they are after block `number`

    def balance(self, address: bytes, number: int) -> int:
        wei: int = self._backend.get_balance(address, number)
        return wei

    def nonce(self, address: bytes, number: int) -> int:
        nonce: int = self._backend.get_nonce(address, number)
        return nonce

    def code(self, address: bytes, number: int) -> bytes:
        code: bytes = self._backend.get_code(address, number)
        return code

    def storage(self, address: bytes, slot: int, number: int) -> int:
        word: int = self._backend.get_storage(address, slot, number)
        return word

    # Transactions

    def _locate(self, tx_hash: bytes) -> tuple[Any, int] | None:
        try:
            number, index = self._chain.get_canonical_transaction_index(tx_hash)
        except TransactionNotFound:
            return None
        return self._chain.get_canonical_block_by_number(number), index

    def transaction(self, tx_hash: bytes) -> Fields | None:
        """The mined transaction's fields by eth-tester's names, or None."""
        place = self._locate(tx_hash)
        if place is None:
            return None
        block, index = place
        fields: Fields = self._backend.get_block_by_number(block.number, True)["transactions"][index]
        return fields

    def receipt(self, tx_hash: bytes) -> Fields | None:
        """The receipt's fields by eth-tester's names, with `logs_bloom` of the block, which holds it alone."""
        place = self._locate(tx_hash)
        if place is None:
            return None
        block, index = place
        receipts = block.get_receipts(self._chain.chaindb)
        fields: Fields = serialize_transaction_receipt(
            block, receipts, block.transactions[index], index, is_pending=False, vm=self._chain.get_vm()
        )
        return {**fields, "logs_bloom": block.header.bloom}

    def logs(self, blocks: range, addresses: Collection[bytes], limit: int) -> list[Fields]:
        """The first `limit` logs of these blocks, of these addresses or of all, by eth-tester's names."""
        return self._store.logs(blocks, addresses, limit)

    def call(self, message: Message, number: int) -> bytes:
        """Execute without trace on the state after block `number`; the output. Gas costs nothing.

        Raises Reverted with the contract's data, Refused for what cannot run at all.
        """
        header = self.header(number)
        state = self._chain.get_vm(header.copy(base_fee_per_gas=0, gas_used=0)).state
        computation = executed(lambda: state.apply_transaction(self._spoof(message, number)))
        raise_if_failed(computation.error if computation.is_error else None)
        output: bytes = computation.output
        return output

    def estimate(self, message: Message, number: int) -> int:
        """A gas limit with which the message succeeds on the state after block `number`; errors as `call`.

        What one run used and 1/64 more (a call hands on at most 63/64 of its gas) nearly always suffices; py-evm's
        search, five times as slow, is for the rest.
        """
        freely = self._try(message, number)
        raise_if_failed(freely.error if freely.is_error else None)
        used: int = min(message.gas, GAS_LIMIT) - freely.get_gas_remaining()
        gas = min(used + used // 63 + 1, message.gas, GAS_LIMIT)
        if not self._try(replace(message, gas=gas), number).is_error:
            return gas
        return int(self._chain.estimate_gas(self._spoof(message, number), self.header(number)))

    def _try(self, message: Message, number: int) -> Any:
        with self._chain.get_vm(self.header(number)).in_costless_state() as state:
            return executed(lambda: state.apply_transaction(self._spoof(message, number)))

    def _spoof(self, message: Message, number: int) -> Any:
        transaction = self._chain.create_unsigned_transaction(
            nonce=self.nonce(message.sender, number),
            gas_price=0,
            gas=min(message.gas, GAS_LIMIT),
            to=message.to,
            value=message.value,
            data=message.data,
        )
        return SpoofTransaction(transaction, from_=message.sender)

    # Writing

    def send_raw(self, raw: bytes) -> bytes:
        """Execute a signed transaction in a block of its own, with `final_depth` empty ones after it; its hash.

        When this returns, the blocks are on disk. Raises Refused when the chain does not take the transaction.
        """
        transaction = self._decode(raw)
        tx_hash: bytes = transaction.hash
        with self._step():
            self._stamp()
            executed(lambda: self._chain.apply_transaction(transaction))
            self._backend.mine_blocks()
            if (receipt := self.receipt(tx_hash)) is not None:
                self._store.add_logs(receipt["logs"])
            self._mine_empty(self.final_depth)
        return tx_hash

    def mine(self, blocks: int) -> None:
        """Add empty blocks."""
        with self._step():
            self._mine_empty(blocks)

    def _mine_empty(self, blocks: int) -> None:
        for _ in range(blocks):
            self._stamp()
            self._backend.mine_blocks()

    def _stamp(self) -> None:
        parent = self._chain.get_canonical_head().timestamp
        self._chain.set_header_timestamp(max(parent + 1, self._clock() // 1000))

    @contextlib.contextmanager
    def _step(self) -> Iterator[None]:
        """One durable step. If it fails, disk and memory both stand where they stood before it."""
        try:
            with self._store.atomic_batch():
                yield
        except BaseException as error:
            self._backend = _Backend(_Chain(self._store))
            if isinstance(error, sqlite3.OperationalError):
                raise Refused(f"the block cannot be written, and nothing of it was: {error}") from error
            raise

    def _decode(self, raw: bytes) -> Any:
        if not 0 < len(raw) <= MAX_RAW_BYTES:
            raise Refused("oversized data" if raw else "empty transaction")
        builder = self._chain.get_vm().get_transaction_builder()
        try:
            transaction = builder.decode(raw)
            sender = transaction.sender
        except Exception as error:  # whatever py-evm, rlp or the curve say about hostile bytes
            raise Refused("the bytes are no signed transaction") from error
        self._check(transaction, sender)
        return transaction

    def _check(self, transaction: Any, sender: bytes) -> None:
        if (getattr(transaction, "type_id", None) or 0) not in _SUPPORTED_TYPES:
            raise Refused("transaction type not supported")
        if transaction.chain_id != CHAIN_ID:
            raise Refused("invalid chain id for signer, or not replay-protected (EIP-155)")
        if self._locate(transaction.hash) is not None:
            raise Refused("already known")
        if transaction.gas < transaction.intrinsic_gas:
            raise Refused(f"intrinsic gas too low: have {transaction.gas}, want {transaction.intrinsic_gas}")
        cost = transaction.value + transaction.gas * transaction.max_fee_per_gas  # a legacy one's gas price, too
        if (held := self.balance(sender, self.height())) < cost:
            raise Refused(f"insufficient funds for gas * price + value: 0x{sender.hex()} has {held}, needs {cost} wei")
        due = self.nonce(sender, self.height())
        if transaction.nonce != due:
            word = "low" if transaction.nonce < due else "high"
            raise Refused(f"nonce too {word}: next nonce {due}, tx nonce {transaction.nonce}")
