"""Which JSON-RPC calls a stranger may make of the operator's node: methods and shapes of parameters, all by name.

Only what somebody needs who verifies the log's contract, or sends it a conviction: reading this contract, blocks,
receipts and fees, and transactions to this contract. Each call's work is bounded: blocks, data, gas. No state or block
overrides, no other contract's code, nothing that a node keeps for a caller or signs.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from anchoring.chain.transaction import decode
from anchoring.errors import Malformed

MAX_CALL_GAS: Final = 500_000
"""For `eth_call` and `eth_estimateGas`: three times the dearest call there is, a conviction in the largest log."""
MAX_CALL_BYTES: Final = 16 * 1024
"""Data of a call, and of a transaction: three times the longest conviction or anchor."""
MAX_LOG_BLOCKS: Final = 5_000
MAX_FEE_BLOCKS: Final = 20
MAX_TOPICS: Final = 4
METHOD_NOT_FOUND, INVALID_PARAMS, LIMIT_EXCEEDED = -32601, -32602, -32005

_QUANTITY = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,15})", re.ASCII)
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)
_TAGS = ("latest", "pending", "safe", "finalized", "earliest")
_ZERO = ("0x0", "0x", "0x00")


class NotOffered(Exception):
    """A call that does not pass; a sentence, and its JSON-RPC code."""

    def __init__(self, code: int, message: str) -> None:
        """Say why."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Bounds:
    """What calls are held to: the log's contracts on this chain, in lower case, and the chain's height."""

    contracts: Collection[str]
    head: int | None = None


Shape = Callable[[list[Any], Bounds], list[Any]]


def needs_head(call: Mapping[str, Any]) -> bool:
    """Whether the chain's height must be known to judge this call."""
    return call.get("method") == "eth_getLogs"


def judged(call: Mapping[str, Any], bounds: Bounds) -> dict[str, Any]:
    """The call as it is passed on, without `id`: made anew from what was understood. Raises NotOffered."""
    shape = METHODS.get(call["method"])
    if shape is None:
        raise NotOffered(METHOD_NOT_FOUND, "This method is not offered here.")
    params = call.get("params")
    if params is not None and not isinstance(params, list):
        raise NotOffered(INVALID_PARAMS, "Parameters are a list.")
    return {"jsonrpc": "2.0", "method": call["method"], "params": shape(params or [], bounds)}


def _refuse(message: str) -> NotOffered:
    return NotOffered(INVALID_PARAMS, message)


def _count(params: list[Any], least: int, most: int) -> None:
    if not least <= len(params) <= most:
        raise _refuse(f"This method has {least} to {most} parameters here; overrides are not offered.")


def _matching(form: re.Pattern[str], value: Any, what: str, length: int | None = None) -> str:
    if not isinstance(value, str) or not form.fullmatch(value) or (length is not None and len(value) != length):
        raise _refuse(f"A parameter is no {what}.")
    return value


def _address(value: Any) -> str:
    return _matching(_DATA, value, "address (0x and 40 hex digits)", 42)


def _hash(value: Any) -> str:
    return _matching(_DATA, value, "hash (0x and 64 hex digits)", 66)


def _bytes(value: Any, most: int = MAX_CALL_BYTES) -> str:
    text = _matching(_DATA, value, "data (0x and two hex digits a byte)")
    if len(text) > 2 + 2 * most:
        raise NotOffered(LIMIT_EXCEEDED, f"Data has at most {most} bytes here.")
    return text


def _number(value: Any) -> int:
    return int(_matching(_QUANTITY, value, "number (0x and hex digits, without leading zeros)"), 16)


def _contract(value: Any, bounds: Bounds) -> str:
    address = _address(value)
    if address.lower() not in bounds.contracts:
        raise _refuse("Only the contract that this log is anchored in is read here.")
    return address


def _block(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        (name, said), *_ = value.items()
        if name in ("blockHash", "blockNumber"):
            return {name: _hash(said) if name == "blockHash" else hex(_number(said))}
    return value if value in _TAGS else hex(_number(value))


def _at(params: list[Any], place: int) -> list[Any]:
    return [_block(params[place])] if len(params) > place and params[place] is not None else ["latest"]


# Shapes


def _nothing(params: list[Any], _bounds: Bounds) -> list[Any]:
    _count(params, 0, 0)
    return []


def _account(params: list[Any], _bounds: Bounds) -> list[Any]:
    _count(params, 1, 2)
    return [_address(params[0]), *_at(params, 1)]


def _code(params: list[Any], bounds: Bounds) -> list[Any]:
    _count(params, 1, 2)
    return [_contract(params[0], bounds), *_at(params, 1)]


def _by_hash(params: list[Any], _bounds: Bounds) -> list[Any]:
    _count(params, 1, 1)
    return [_hash(params[0])]


def _header(read: Callable[[Any], Any]) -> Shape:
    def shape(params: list[Any], _bounds: Bounds) -> list[Any]:
        _count(params, 1, 2)
        if len(params) > 1 and params[1] is not False:
            raise _refuse("Blocks are given with the hashes of their transactions: the second parameter is false.")
        return [read(params[0]), False]

    return shape


def _executed(params: list[Any], bounds: Bounds) -> list[Any]:
    _count(params, 1, 2)
    message = params[0]
    if not isinstance(message, dict) or not message.keys() <= {"from", "to", "data", "input", "gas", "value"}:
        raise _refuse("A call has from, to, data or input, gas and value here, and nothing else.")
    given = {name: value for name, value in message.items() if value is not None}
    if given.get("value", "0x0") not in _ZERO:
        raise _refuse("The contract takes no ether.")
    gas = _number(given["gas"]) if "gas" in given else MAX_CALL_GAS
    sender = {"from": _address(given["from"])} if "from" in given else {}
    called = sender | {"to": _contract(given.get("to"), bounds), "data": _input(given)}
    return [called | {"gas": hex(min(gas, MAX_CALL_GAS))}, *_at(params, 1)]


def _input(given: Mapping[str, Any]) -> str:
    said = {_bytes(given[name]).lower() for name in ("data", "input") if name in given}
    if len(said) > 1:
        raise _refuse("data and input are both given, and differ.")
    return said.pop() if said else "0x"


def _fees(params: list[Any], _bounds: Bounds) -> list[Any]:
    _count(params, 2, 3)
    count = params[0] if type(params[0]) is int else _number(params[0])
    percentiles = params[2] if len(params) > 2 and params[2] is not None else []
    if not 0 < count <= MAX_FEE_BLOCKS or not isinstance(percentiles, list) or len(percentiles) > MAX_TOPICS:
        raise _refuse(f"1 to {MAX_FEE_BLOCKS} blocks, and at most {MAX_TOPICS} percentiles.")
    if not all(type(one) in (int, float) and 0 <= one <= 100 for one in percentiles):
        raise _refuse("A percentile is a number from 0 to 100.")
    return [hex(count), *_at(params, 1), percentiles]


def _sent(params: list[Any], bounds: Bounds) -> list[Any]:
    _count(params, 1, 1)
    raw = _bytes(params[0], MAX_CALL_BYTES + 1024)
    try:
        to = decode(bytes.fromhex(raw[2:]))["to"]
    except Malformed as error:
        raise _refuse(str(error)) from error
    _contract(to if to is not None else "", bounds)
    return [raw]


def _logs(params: list[Any], bounds: Bounds) -> list[Any]:
    _count(params, 1, 1)
    wanted = params[0]
    if not isinstance(wanted, dict) or not wanted.keys() <= {"address", "fromBlock", "toBlock", "blockHash", "topics"}:
        raise _refuse("A filter has address, fromBlock, toBlock or blockHash, and topics.")
    given = {name: value for name, value in wanted.items() if value is not None}
    listed = given.get("address")
    addresses = listed if isinstance(listed, list) else [listed]
    if not 0 < len(addresses) <= max(1, len(bounds.contracts)):
        raise _refuse("Only the contract that this log is anchored in is read here.")
    named = {"address": [_contract(one, bounds) for one in addresses], "topics": _topics(given.get("topics", []))}
    return [named | _blocks(given, bounds.head or 0)]


def _topics(listed: Any) -> list[Any]:
    if not isinstance(listed, list) or len(listed) > MAX_TOPICS:
        raise _refuse(f"Topics are a list of at most {MAX_TOPICS}.")
    return [_alternatives(one) for one in listed]


def _alternatives(one: Any) -> Any:
    if not isinstance(one, list):
        return None if one is None else _hash(one)
    if len(one) > MAX_TOPICS:
        raise _refuse(f"A topic has at most {MAX_TOPICS} alternatives.")
    return [_hash(other) for other in one]


def _blocks(given: Mapping[str, Any], head: int) -> dict[str, str]:
    """The blocks of a filter by their numbers, so that how many they are is known before anybody looks for them."""
    if "blockHash" in given:
        if "fromBlock" in given or "toBlock" in given:
            raise _refuse("A filter has blockHash, or fromBlock and toBlock.")
        return {"blockHash": _hash(given["blockHash"])}
    first, last = (_height(given.get(name, "latest"), head) for name in ("fromBlock", "toBlock"))
    last = min(last, head)
    if last - first >= MAX_LOG_BLOCKS:
        raise NotOffered(LIMIT_EXCEEDED, f"At most {MAX_LOG_BLOCKS} blocks at a time; ask for fewer.")
    return {"fromBlock": hex(first), "toBlock": hex(last)}


def _height(block: Any, head: int) -> int:
    if block in ("safe", "finalized"):
        raise _refuse("A filter's blocks are numbers, earliest or latest.")
    if block in _TAGS:
        return 0 if block == "earliest" else head
    return _number(block)


METHODS: Final[Mapping[str, Shape]] = {
    "eth_blockNumber": _nothing,
    "eth_chainId": _nothing,
    "eth_gasPrice": _nothing,
    "eth_maxPriorityFeePerGas": _nothing,
    "net_version": _nothing,
    "web3_clientVersion": _nothing,
    "eth_call": _executed,
    "eth_estimateGas": _executed,
    "eth_feeHistory": _fees,
    "eth_getBalance": _account,
    "eth_getTransactionCount": _account,
    "eth_getCode": _code,
    "eth_getBlockByHash": _header(_hash),
    "eth_getBlockByNumber": _header(_block),
    "eth_getLogs": _logs,
    "eth_getTransactionByHash": _by_hash,
    "eth_getTransactionReceipt": _by_hash,
    "eth_sendRawTransaction": _sent,
}
