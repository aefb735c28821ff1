"""The chain's JSON-RPC at this server's own address, so that browsers and remote clients reach an embedded chain.

The chain may be a node of the operator's own, whose other methods are nobody's business: only the public ones pass.
"""

import json
import re
from typing import Any

import httpx2
from fastapi import APIRouter, Request, Response

from anchoring.errors import Unreachable

PATH = "/chain"
MAX_BODY_BYTES = 256 * 1024
"""A signed transaction has at most 128 KiB; nothing larger is of use here."""
MAX_CALLS = 100
"""Calls in one batch; each may keep the chain busy."""
TIMEOUT_S = 30.0
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
}
PUBLIC = re.compile(r"(?!eth_sign|eth_sendTransaction\Z)(?:eth|net|web3)_[A-Za-z0-9]{1,60}\Z")
"""Reading, and sending what is signed already. Never what a node signs with keys of its own, nor admin_, debug_, ..."""
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND = -32700, -32600, -32601

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
    if not all(isinstance(call.get("method"), str) and PUBLIC.match(call["method"]) for call in batch):
        return _refused(METHOD_NOT_FOUND, "This method is not offered here.", batch[0].get("id"))
    return await _forward(request, calls)


async def _forward(request: Request, calls: Any) -> Response:
    """Send what was read, written anew: another reader might find another method in the same bytes."""
    client: httpx2.AsyncClient = request.app.state.chain_client
    try:
        content = json.dumps(_plain(calls)).encode()
        url = request.app.state.site.where.rpc_url
        answer = await client.post(url, content=content, headers={"Content-Type": "application/json"})
    except httpx2.HTTPError:
        raise Unreachable("The chain does not answer now. Nothing was sent twice; try again shortly.") from None
    return Response(answer.content, answer.status_code, CORS, "application/json")


def _plain(calls: Any) -> Any:
    if isinstance(calls, list):
        return [_plain(call) for call in calls]
    return {name: calls[name] for name in ("jsonrpc", "id", "method", "params") if name in calls}


def _refused(code: int, message: str, call_id: object = None) -> Response:
    shown = call_id if isinstance(call_id, (int, str)) else None
    body = {"jsonrpc": "2.0", "id": shown, "error": {"code": code, "message": message}}
    return Response(json.dumps(body), 200, CORS, "application/json")
