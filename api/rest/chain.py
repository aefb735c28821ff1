"""The chain's JSON-RPC at this server's own address, so that browsers and remote clients reach an embedded chain.

The chain may be a node of the operator's own, whose other methods are nobody's business: only those listed pass. It is
also where the log is anchored, so callers get one slot in each process, small batches, and calls that end soon.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from fastapi import APIRouter, Request, Response

from anchoring.errors import Unreachable

PATH = "/chain"
MAX_BODY_BYTES = 256 * 1024
"""A signed transaction has at most 128 KiB; nothing larger is of use here."""
MAX_CALLS = 10
"""Calls in one batch; each may keep the chain busy."""
MAX_WAITING = 16
"""Callers who wait for the one slot of a process; more are told to come back."""
MAX_ANSWER_BYTES = 4 << 20
MAX_CALL_GAS = 2_000_000
"""For `eth_call` and `eth_estimateGas`: twenty times what anchoring takes."""
RESERVED_BELOW = 1 << 32
"""Addresses that are not contracts but built into the EVM. Some take seconds on the embedded chain for little gas."""
TIMEOUT_S = 10.0
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
}
EXECUTED = frozenset({"eth_call", "eth_estimateGas"})
PUBLIC = EXECUTED | {
    "eth_blockNumber",
    "eth_chainId",
    "eth_feeHistory",
    "eth_gasPrice",
    "eth_getBalance",
    "eth_getBlockByHash",
    "eth_getBlockByNumber",
    "eth_getCode",
    "eth_getLogs",
    "eth_getStorageAt",
    "eth_getTransactionByHash",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
    "eth_maxPriorityFeePerGas",
    "eth_sendRawTransaction",
    "eth_syncing",
    "net_listening",
    "net_version",
    "web3_clientVersion",
}
"""Reading, and sending what is signed already. Never what a node keeps for a caller, nor signs with keys of its own."""
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
LIMIT_EXCEEDED = -32005

router = APIRouter(tags=["chain"], include_in_schema=False)


@router.api_route(PATH, methods=["POST", "OPTIONS"])
async def pass_on(request: Request) -> Response:
    """Pass JSON-RPC calls on to the chain, and its answer back as it is. Any page may ask."""
    if request.method == "OPTIONS":
        return Response(None, 204, CORS)
    try:
        calls = json.loads(await request.body())
    except (ValueError, RecursionError):
        return _refused(PARSE_ERROR, "This is no JSON.")
    batch = calls if isinstance(calls, list) else [calls]
    if not 0 < len(batch) <= MAX_CALLS or not all(isinstance(call, dict) for call in batch):
        return _refused(INVALID_REQUEST, f"Send one call, or a list of 1 to {MAX_CALLS}.")
    if not all(isinstance(call.get("method"), str) and call["method"] in PUBLIC for call in batch):
        return _refused(METHOD_NOT_FOUND, "This method is not offered here.", batch[0].get("id"))
    if not all(_is_bounded(call) for call in batch if call["method"] in EXECUTED):
        return _refused(INVALID_PARAMS, "Only calls of a contract at an address are offered here.", batch[0].get("id"))
    async with _slot(request):
        return await _forward(request, calls)


def _is_bounded(call: dict[str, Any]) -> bool:
    """Cap a call's gas, in place; False for what would create a contract, and so run any code, or is built in."""
    params = call.get("params")
    message = params[0] if isinstance(params, list) and params else None
    if not isinstance(message, dict):
        return False
    try:
        given = int(message.get("gas") or hex(MAX_CALL_GAS), 16)
        address = int(message.get("to") or "0x0", 16)
    except (TypeError, ValueError):
        return False
    message["gas"] = hex(max(0, min(given, MAX_CALL_GAS)))
    return address >= RESERVED_BELOW


@asynccontextmanager
async def _slot(request: Request) -> AsyncIterator[None]:
    """Take this process's one slot. Raises `Unreachable` when too many wait for it, or it does not come free."""
    state = request.app.state
    if not hasattr(state, "chain_slot"):
        state.chain_slot, state.chain_waiting = asyncio.Semaphore(1), 0
    busy = Unreachable("The chain is busy with other callers. Nothing was sent; try again shortly.")
    if state.chain_waiting >= MAX_WAITING:
        raise busy
    state.chain_waiting += 1
    try:
        await asyncio.wait_for(state.chain_slot.acquire(), TIMEOUT_S)
    except TimeoutError:
        raise busy from None
    finally:
        state.chain_waiting -= 1
    try:
        yield
    finally:
        state.chain_slot.release()


async def _forward(request: Request, calls: Any) -> Response:
    """Send what was read, written anew: another reader might find another method in the same bytes."""
    client: httpx2.AsyncClient = request.app.state.chain_client
    try:
        content = json.dumps(_plain(calls)).encode()
        url = request.app.state.site.where.rpc_urls[0]
        headers = {"Content-Type": "application/json"}
        async with asyncio.timeout(TIMEOUT_S), client.stream("POST", url, content=content, headers=headers) as answer:
            answered = bytearray()
            async for piece in answer.aiter_bytes():
                answered += piece
                if len(answered) > MAX_ANSWER_BYTES:
                    return _refused(LIMIT_EXCEEDED, "The answer is too long; ask for less at a time.")
    except (httpx2.HTTPError, TimeoutError):
        raise Unreachable("The chain does not answer now. Nothing was sent twice; try again shortly.") from None
    return Response(bytes(answered), answer.status_code, CORS, "application/json")


def _plain(calls: Any) -> Any:
    if isinstance(calls, list):
        return [_plain(call) for call in calls]
    return {name: calls[name] for name in ("jsonrpc", "id", "method", "params") if name in calls}


def _refused(code: int, message: str, call_id: object = None) -> Response:
    shown = call_id if isinstance(call_id, (int, str)) else None
    body = {"jsonrpc": "2.0", "id": shown, "error": {"code": code, "message": message}}
    return Response(json.dumps(body), 200, CORS, "application/json")
