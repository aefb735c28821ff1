"""The methods of the embedded chain's JSON-RPC, as functions of (chain, parameters); no sockets here.

Source: ethereum/execution-apis for the methods, JSON-RPC 2.0 for the envelope, and go-ethereum's codes where the
specification leaves them open: 3 with the revert data for a reverted call, -32000 for what the chain refuses. The
node keeps no keys: `eth_accounts` is empty, and there is no method that signs.
"""

import contextlib
import logging
from collections.abc import Callable
from typing import Any, TypeAlias

from anchoring.chain.embedded import CHAIN_ID, GAS_LIMIT, EmbeddedChain
from anchoring.chain.embedded_calls import Message, Refused, Reverted
from anchoring.chain.embedded_wire import (
    BadValue,
    Json,
    block_json,
    data,
    log_json,
    quantity,
    read_data,
    read_quantity,
    read_word,
    receipt_json,
    transaction_json,
    word,
)

MAX_BATCH = 100
MAX_LOG_BLOCKS = 5_000
MAX_LOGS = 2_000
MAX_FEE_BLOCKS = 100
TIP_WEI = 10**9
CLIENT_VERSION = "gramledger-embedded/1 (stand-in)"

Params: TypeAlias = list[Json]
Turn: TypeAlias = Callable[[], contextlib.AbstractContextManager[None]]

_LOG = logging.getLogger(__name__)


class RpcError(Exception):
    """An error of the envelope or a method, with its JSON-RPC code."""

    def __init__(self, code: int, message: str, error_data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = error_data


# Parameters


def _at(params: Params, position: int, default: Json = None) -> Json:
    return params[position] if len(params) > position and params[position] is not None else default


def _block_number(chain: EmbeddedChain, tag: Json) -> int:
    """The number a block parameter means: a tag, a QUANTITY, or an EIP-1898 object. There are no pending blocks."""
    head = chain.height()
    if isinstance(tag, dict):
        return _block_of_object(chain, tag)
    if tag in ("latest", "pending"):
        return head
    if tag == "earliest":
        return 0
    if tag in ("safe", "finalized"):
        return max(0, head - chain.final_depth)
    return read_quantity(tag)


def _block_of_object(chain: EmbeddedChain, tag: dict[str, Json]) -> int:
    if "blockHash" not in tag:
        return read_quantity(tag.get("blockNumber"))
    number = chain.number_of(read_data(tag["blockHash"], 32))
    if number is None:
        raise RpcError(-32000, "header for hash not found")
    return number


def _existing(chain: EmbeddedChain, tag: Json) -> int:
    number = _block_number(chain, tag)
    if number > chain.height():
        raise RpcError(-32000, "header not found")
    return number


def _message(params: Params) -> Message:
    fields = _at(params, 0)
    if not isinstance(fields, dict):
        raise BadValue("the first parameter is no call object")
    given = [read_data(fields[name]) for name in ("input", "data") if fields.get(name) is not None]
    if len(set(given)) > 1:
        raise BadValue('"data" and "input" are both given and differ')
    return Message(
        sender=read_data(fields["from"], 20) if fields.get("from") else bytes(20),
        to=read_data(fields["to"], 20) if fields.get("to") else b"",
        data=given[0] if given else b"",
        value=read_quantity(fields.get("value") or "0x0"),
        gas=read_quantity(fields["gas"]) if fields.get("gas") else GAS_LIMIT,
    )


# Methods


def _get_block(chain: EmbeddedChain, number: int | None, full: Json) -> Json:
    fields = None if number is None else chain.block(number, full=full is True)
    return None if fields is None else block_json(fields, full=full is True)


def _block_by_number(chain: EmbeddedChain, params: Params) -> Json:
    return _get_block(chain, _block_number(chain, _at(params, 0)), _at(params, 1))


def _block_by_hash(chain: EmbeddedChain, params: Params) -> Json:
    return _get_block(chain, chain.number_of(read_data(_at(params, 0), 32)), _at(params, 1))


def _account(read: Callable[[EmbeddedChain, bytes, int], Json]) -> "Method":
    def method(chain: EmbeddedChain, params: Params) -> Json:
        return read(chain, read_data(_at(params, 0), 20), _existing(chain, _at(params, 1, "latest")))

    return method


def _storage(chain: EmbeddedChain, params: Params) -> Json:
    address, slot = read_data(_at(params, 0), 20), read_word(_at(params, 1))
    return word(chain.storage(address, slot, _existing(chain, _at(params, 2, "latest"))))


def _transaction(chain: EmbeddedChain, params: Params) -> Json:
    fields = chain.transaction(read_data(_at(params, 0), 32))
    return None if fields is None else transaction_json(fields)


def _receipt(chain: EmbeddedChain, params: Params) -> Json:
    fields = chain.receipt(read_data(_at(params, 0), 32))
    return None if fields is None else receipt_json(fields)


def _call(chain: EmbeddedChain, params: Params) -> Json:
    if _at(params, 2):
        raise BadValue("state overrides are not supported")
    return data(chain.call(_message(params), _existing(chain, _at(params, 1, "latest"))))


def _estimate(chain: EmbeddedChain, params: Params) -> Json:
    return quantity(chain.estimate(_message(params), _existing(chain, _at(params, 1, "latest"))))


def _fee_history(chain: EmbeddedChain, params: Params) -> Json:
    count = read_quantity(_at(params, 0))
    newest, percentiles = _existing(chain, _at(params, 1, "latest")), _at(params, 2, [])
    if not 1 <= count <= MAX_FEE_BLOCKS or not isinstance(percentiles, list) or len(percentiles) > 100:
        raise BadValue(f"1 to {MAX_FEE_BLOCKS} blocks and at most 100 percentiles")
    oldest = max(0, newest - count + 1)
    headers = [chain.header(number) for number in range(oldest, newest + 1)]
    after = chain.base_fee() if newest == chain.height() else chain.header(newest + 1).base_fee_per_gas
    history = {
        "oldestBlock": quantity(oldest),
        "baseFeePerGas": [quantity(fee) for fee in [*(header.base_fee_per_gas for header in headers), after]],
        "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
    }
    return history | ({"reward": [[quantity(TIP_WEI)] * len(percentiles)] * len(headers)} if percentiles else {})


def _has_topics(log: dict[str, Any], wanted: tuple[frozenset[bytes], ...]) -> bool:
    topics = log["topics"]
    if len(wanted) > len(topics):
        return False
    return all(not any_of or topic in any_of for any_of, topic in zip(wanted, topics, strict=False))


def _one_or_many(value: Json, size: int) -> frozenset[bytes]:
    listed = [] if value is None else value if isinstance(value, list) else [value]
    if len(listed) > 100:
        raise BadValue("at most 100 alternatives")
    return frozenset(read_data(entry, size) for entry in listed)


def _log_range(chain: EmbeddedChain, fields: dict[str, Json]) -> range:
    if "blockHash" in fields:
        number = _block_of_object(chain, fields)
        return range(number, number + 1)
    first = _block_number(chain, fields.get("fromBlock") or "latest")
    last = min(chain.height(), _block_number(chain, fields.get("toBlock") or "latest"))
    if last - first >= MAX_LOG_BLOCKS:
        raise RpcError(-32005, f"range too large: at most {MAX_LOG_BLOCKS} blocks a query")
    return range(first, last + 1)


def _logs(chain: EmbeddedChain, params: Params) -> Json:
    fields = _at(params, 0, {})
    topics = fields.get("topics") or [] if isinstance(fields, dict) else None
    if not isinstance(topics, list) or len(topics) > 4:
        raise BadValue("the filter is no object, or has no list of up to four topics")
    topics_wanted = tuple(_one_or_many(topic, 32) for topic in topics)
    listed = chain.logs(_log_range(chain, fields), _one_or_many(fields.get("address"), 20), MAX_LOGS + 1)
    if len(listed) > MAX_LOGS:
        raise RpcError(-32005, f"more than {MAX_LOGS} logs: ask for fewer blocks")
    return [log_json(log) for log in listed if _has_topics(log, topics_wanted)]


Method: TypeAlias = Callable[[EmbeddedChain, Params], Json]

METHODS: dict[str, Method] = {
    "web3_clientVersion": lambda _chain, _params: CLIENT_VERSION,
    "net_version": lambda _chain, _params: str(CHAIN_ID),
    "net_listening": lambda _chain, _params: True,
    "eth_chainId": lambda _chain, _params: quantity(CHAIN_ID),
    "eth_syncing": lambda _chain, _params: False,
    "eth_accounts": lambda _chain, _params: [],
    "eth_blockNumber": lambda chain, _params: quantity(chain.height()),
    "eth_getBlockByNumber": _block_by_number,
    "eth_getBlockByHash": _block_by_hash,
    "eth_getBalance": _account(lambda chain, address, number: quantity(chain.balance(address, number))),
    "eth_getCode": _account(lambda chain, address, number: data(chain.code(address, number))),
    "eth_getTransactionCount": _account(lambda chain, address, number: quantity(chain.nonce(address, number))),
    "eth_getStorageAt": _storage,
    "eth_getTransactionByHash": _transaction,
    "eth_getTransactionReceipt": _receipt,
    "eth_call": _call,
    "eth_estimateGas": _estimate,
    "eth_gasPrice": lambda chain, _params: quantity(chain.base_fee() + TIP_WEI),
    "eth_maxPriorityFeePerGas": lambda _chain, _params: quantity(TIP_WEI),
    "eth_feeHistory": _fee_history,
    "eth_sendRawTransaction": lambda chain, params: data(chain.send_raw(read_data(_at(params, 0)))),
    "eth_getLogs": _logs,
}


# The envelope


def answer(chain: EmbeddedChain, request: Json, turn: Turn = contextlib.nullcontext) -> Json:
    """The response to one decoded request or batch; None when nothing is to be sent (only notifications).

    Each call of a batch takes a `turn` at the chain for itself.
    """
    if not isinstance(request, list):
        return _answer_one(chain, request, turn)
    if not request:
        return failure(None, RpcError(-32600, "the batch is empty"))
    if len(request) > MAX_BATCH:
        return failure(None, RpcError(-32600, f"the batch has more than {MAX_BATCH} requests"))
    responses = [response for entry in request if (response := _answer_one(chain, entry, turn)) is not None]
    return responses or None


def failure(request_id: Json, error: RpcError) -> Json:
    """A whole error response."""
    return {"jsonrpc": "2.0", "id": request_id, **_error(error)}


def _answer_one(chain: EmbeddedChain, request: Json, turn: Turn) -> Json:
    if not isinstance(request, dict) or request.get("jsonrpc") != "2.0" or not isinstance(request.get("method"), str):
        return failure(None, RpcError(-32600, 'no JSON-RPC 2.0 request: an object with "jsonrpc": "2.0" and a method'))
    with turn():
        response = _outcome(chain, request)
    return {"jsonrpc": "2.0", "id": request["id"], **response} if "id" in request else None


def _outcome(chain: EmbeddedChain, request: dict[str, Json]) -> dict[str, Json]:
    try:
        return {"result": _dispatch(chain, request)}
    except RpcError as error:
        return _error(error)
    except BadValue as error:
        return _error(RpcError(-32602, f"invalid parameters: {error}"))
    except Reverted as error:
        return _error(RpcError(3, str(error), data(error.data)))
    except Refused as error:
        return _error(RpcError(-32000, str(error)))
    except Exception:  # noqa: BLE001
        # A fault of ours or of py-evm must not end a batch; the chain itself stands where it stood (see `_step`).
        _LOG.exception("%s failed", request["method"][:60])
        return _error(RpcError(-32603, "internal error"))


def _error(error: RpcError) -> dict[str, Json]:
    return {"error": {"code": error.code, "message": str(error)} | ({} if error.data is None else {"data": error.data})}


def _dispatch(chain: EmbeddedChain, request: dict[str, Json]) -> Json:
    params = request.get("params") or []
    if not isinstance(params, list):
        raise BadValue("parameters are a list")
    method = METHODS.get(request["method"])
    if method is None:
        raise RpcError(-32601, f"the method {request['method'][:60]!r} does not exist here")
    return method(chain, params)
