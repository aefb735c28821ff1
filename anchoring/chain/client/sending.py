"""Sends one call until a block has it: fees, nonces, and everything that happens to a transaction on its way.

The nonce is always the next one *in a block*, so that the chain takes at most one of all that we ever send for it, and
nothing of ours waits behind a gap. What is sent is written down first (`anchoring.chain.journal`).

| what happens | what we do |
|---|---|
| in no block for `stuck_seconds` | the same call under the same nonce for an eighth more, up to `max_fee_wei` |
| dropped from the mempool | the same bytes again |
| "already known", or no answer to sending | wait: only a receipt can tell |
| "replacement underpriced" | twice the fee, up to `max_fee_wei` |
| an earlier call of ours waits under this nonce | replaced by this one |
| somebody else's waits under this nonce | it has `stuck_seconds`; then the account, which is ours alone, goes on |
| the nonce is used up, and not by us | `Superseded`: the caller looks what the chain has now |
| a block has ours, and no receipt is to be had | the same |
| not enough ether | one sentence with the address and the sum |
"""

import contextlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from eth_hash.auto import keccak
from web3.exceptions import TransactionNotFound

from anchoring.chain.agreement import HELD
from anchoring.chain.client.connection import Connection, whole
from anchoring.chain.endpoint import Lost
from anchoring.chain.journal import Journal, Sent
from anchoring.chain.signers import Payer
from anchoring.chain.transaction import fees_of, is_call
from anchoring.errors import Refuted, Unreachable

POLL_SECONDS = 0.25
MAX_GAS = 16_000_000
"""What we sign at most, whatever an endpoint asks: it could empty the payer's account otherwise."""
RECEIPT_POLLS = 8
"""How often a receipt is asked for after the nonce was used up: some nodes index late."""
Receipt = Mapping[str, Any]

_UNDERPRICED = re.compile(r"\b(?:underpriced|fee too low|gas price too low)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, and what to pay at most for a unit of gas."""

    wait_seconds: float = 60
    stuck_seconds: float = 30
    max_fee_wei: int = 10**13


class Superseded(Unreachable):
    """Another transaction of the payer took the nonce, or ours did and has no receipt: look what the chain has."""


class _Underpriced(Unreachable):
    """A node has another transaction under this nonce that pays as much or more."""


class Sender:
    """Sends the payer's transactions to one chain. Its methods raise Unreachable and Refuted as the client does."""

    def __init__(self, connection: Connection, journal: Journal, patience: Patience, clock: Callable[[], int]) -> None:
        """`clock` gives Unix milliseconds."""
        self._connection, self._journal, self._patience, self._clock = connection, journal, patience, clock

    def send(
        self,
        payer: Payer,
        to: str | None,
        data: bytes,
        *,
        purpose: bytes,
        wait_seconds: float | None = None,
        nonce: int | None = None,
    ) -> Receipt:
        """Send one call and await its receipt. Raises Refuted when the contract refuses, Superseded as said above.

        `purpose`, 32 bytes, is what `found` finds it by. `nonce` is given by who wants this nonce or none.
        """
        wait = self._patience.wait_seconds if wait_seconds is None else wait_seconds
        deadline = time.monotonic() + wait
        fields = self._fields(payer, to, data)
        fields["nonce"] = self._free_nonce(payer, fields["chainId"], deadline) if nonce is None else nonce
        earlier = self._sent(payer, fields)
        if earlier and is_call(earlier[-1].raw, to, data):
            self._broadcast(earlier[-1])
        else:
            self._put(payer, fields, _more(fees_of(earlier[-1].raw), fields) if earlier else {}, purpose)
        receipt = self._await(payer, fields, deadline, wait)
        with self._connection.asked():
            mined_in, succeeded = whole(receipt["blockNumber"]), whole(receipt["status"]) == 1
        if not succeeded:
            self._explain(fields, mined_in)
        return receipt

    def found(self, payer: Payer, purpose: bytes) -> Receipt | None:
        """The receipt of what was sent before, by this process or one before it; None when there is none."""
        sent = self._journal.read(self._connection.chain_id(), payer.address)
        return self._receipt([one.hash for one in sent if one.purpose == purpose])

    def _fields(self, payer: Payer, to: str | None, data: bytes) -> dict[str, Any]:
        call: dict[str, Any] = {"from": payer.address, "data": "0x" + data.hex(), "value": 0}
        call |= {} if to is None else {"to": to}
        with self._connection.asked():
            eth = self._connection.web3.eth
            gas = whole(eth.estimate_gas(cast("Any", call)))
            fields = call | self._market() | {"chainId": whole(eth.chain_id), "gas": gas * 5 // 4}
            balance = whole(eth.get_balance(cast("Any", payer.address)))
        if gas > MAX_GAS or _price(fields) > self._patience.max_fee_wei:
            raise Unreachable(
                f"The chain at {self._connection.endpoints.shown} asks for more than {MAX_GAS} gas, or "
                f"{self._patience.max_fee_wei} wei each."
            )
        self._afford(payer, fields, balance)
        return fields

    def _afford(self, payer: Payer, fields: Mapping[str, Any], balance: int) -> None:
        needed = fields["gas"] * _price(fields)
        if balance < needed:
            raise Unreachable(
                f"The account that pays has insufficient funds: {payer.address} on chain {fields['chainId']} holds "
                f"{balance} wei, and this transaction may take {needed}. Send it {needed - balance} wei or more."
            )

    def _market(self) -> dict[str, int]:
        """EIP-1559 where the blocks have a base fee, with room for it to double; the node's gas price elsewhere."""
        eth = self._connection.web3.eth
        base_fee = eth.get_block("latest").get("baseFeePerGas")
        gas_price = whole(eth.gas_price)
        if base_fee is None:
            return {"gasPrice": gas_price}
        tip = max(gas_price - whole(base_fee), 0)
        return {"maxFeePerGas": 2 * base_fee + tip, "maxPriorityFeePerGas": tip}

    def _free_nonce(self, payer: Payer, chain_id: int, deadline: float) -> int:
        """The next nonce in a block; what somebody else has sent under it is given time to get into one."""
        patience = min(time.monotonic() + self._patience.stuck_seconds, deadline)
        while True:
            nonce = self._count(payer, "latest")
            ours = any(sent.nonce == nonce for sent in self._journal.read(chain_id, payer.address))
            if ours or time.monotonic() >= patience or self._count(payer, "pending") <= nonce:
                self._journal.forget(chain_id, payer.address, nonce)
                return nonce
            time.sleep(POLL_SECONDS)

    def _count(self, payer: Payer, tag: Literal["latest", "pending"]) -> int:
        with self._connection.asked():
            return whole(self._connection.web3.eth.get_transaction_count(cast("Any", payer.address), tag))

    def _sent(self, payer: Payer, fields: Mapping[str, Any]) -> Sequence[Sent]:
        sent = self._journal.read(fields["chainId"], payer.address)
        return [one for one in sent if one.nonce == fields["nonce"]]

    def _put(self, payer: Payer, fields: Mapping[str, Any], fees: Mapping[str, int], purpose: bytes) -> None:
        """Sign, write down and send; for more, while something else is under this nonce."""
        while True:
            offered = {**fields, **fees}
            if _price(offered) > self._patience.max_fee_wei:
                raise Unreachable(
                    f"Another transaction of {payer.address} waits under nonce {fields['nonce']}, and to replace it "
                    f"takes more than {self._patience.max_fee_wei} wei for a unit of gas."
                )
            raw = payer.sign_transaction(offered)
            sent = Sent(fields["chainId"], payer.address, fields["nonce"], keccak(raw), purpose, raw, self._clock())
            self._journal.write(sent)
            try:
                self._broadcast(sent)
            except _Underpriced:
                fees = {name: 2 * fee + 1 for name, fee in fees_of(raw).items()}
            else:
                return

    def _broadcast(self, sent: Sent) -> None:
        try:
            with self._connection.asked():
                self._connection.web3.eth.send_raw_transaction(cast("Any", sent.raw))
        except Lost:
            return  # lost on the way there or back: only a receipt can tell
        except Unreachable as error:
            if _UNDERPRICED.search(str(error)):
                raise _Underpriced(str(error)) from error
            if not HELD.search(str(error)):
                raise

    def _await(self, payer: Payer, fields: Mapping[str, Any], deadline: float, wait: float) -> Receipt:
        polls = RECEIPT_POLLS
        while True:
            sent = self._sent(payer, fields)
            with contextlib.suppress(Unreachable):
                receipt = self._receipt([one.hash for one in sent])
                if receipt is not None:
                    return receipt
                polls -= self._count(payer, "latest") > fields["nonce"]
            if polls <= 0:
                raise Superseded(
                    f"The nonce {fields['nonce']} of {payer.address} was used up on chain {fields['chainId']}, and no "
                    "receipt of ours is to be had. What the chain holds now is looked at before anything is sent again."
                )
            if time.monotonic() >= deadline:
                raise Unreachable(
                    f"The transaction 0x{sent[-1].hash.hex()} was sent to {self._connection.endpoints.shown}, and is "
                    f"in no block after {wait:g} seconds; trying again later does not do it twice."
                )
            if polls == RECEIPT_POLLS and self._clock() - sent[-1].sent_ms >= self._patience.stuck_seconds * 1_000:
                self._push(payer, fields, sent[-1])
            time.sleep(POLL_SECONDS)

    def _push(self, payer: Payer, fields: Mapping[str, Any], last: Sent) -> None:
        """Send again what is stuck: the same bytes when they were dropped, for a higher fee when they are waiting."""
        with contextlib.suppress(Unreachable):
            with self._connection.asked():
                market = self._market()
            fees = _more(fees_of(last.raw), market)
            outbid = _price(market) > _price(fees_of(last.raw))  # a node may drop it for that, and take it no more
            if _price(fees) <= self._patience.max_fee_wei and (outbid or self._is_known(last.hash)):
                self._put(payer, fields, fees, last.purpose)
            else:
                self._journal.write(replace(last, sent_ms=self._clock()))
                self._broadcast(last)

    def _is_known(self, tx_hash: bytes) -> bool:
        try:
            with self._connection.asked():
                self._connection.web3.eth.get_transaction(cast("Any", tx_hash))
        except TransactionNotFound:
            return False
        return True

    def _receipt(self, hashes: Sequence[bytes]) -> Receipt | None:
        for tx_hash in reversed(hashes):
            with contextlib.suppress(TransactionNotFound), self._connection.asked():
                eth = self._connection.web3.eth
                return cast("Receipt", eth.get_transaction_receipt(cast("Any", tx_hash)))
        return None

    def _explain(self, fields: Mapping[str, Any], block_number: int) -> None:
        call = {name: fields[name] for name in ("from", "to", "data", "value") if name in fields}
        with self._connection.asked():
            self._connection.web3.eth.call(cast("Any", call), block_number - 1)
        raise Refuted(f"The transaction was reverted in block {block_number}, without a reason to be found.")


def _price(fields: Mapping[str, Any]) -> int:
    return int(max(fields.get("gasPrice", 0), fields.get("maxFeePerGas", 0)))


def _more(last: Mapping[str, int], market: Mapping[str, Any]) -> dict[str, int]:
    """An eighth more than the last offer, which is what nodes ask of a replacement, or the market's if that is more."""
    return {name: max(-(-fee * 9 // 8), fee + 1, market.get(name, 0)) for name, fee in last.items()}
