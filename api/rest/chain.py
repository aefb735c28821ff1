"""The chain's JSON-RPC at this server's own address, so that browsers and remote clients reach an embedded chain."""

import httpx2
from fastapi import APIRouter, Request, Response

from anchoring.errors import Unreachable

MAX_BODY_BYTES = 256 * 1024
"""A signed transaction has at most 128 KiB; nothing larger is of use here."""
TIMEOUT_S = 30.0
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
}

router = APIRouter(prefix="/chain", tags=["chain"], include_in_schema=False)


@router.options("")
def preflight() -> Response:
    """Let any page ask."""
    return Response(None, 204, CORS)


@router.post("")
async def pass_on(request: Request) -> Response:
    """Pass a JSON-RPC call on to the chain and its answer back, as they are."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return Response("The call is too large.", 413, CORS, "text/plain; charset=utf-8")
    client: httpx2.AsyncClient = request.app.state.chain_client
    try:
        answer = await client.post(
            request.app.state.site.where.rpc_url, content=body, headers={"Content-Type": "application/json"}
        )
    except httpx2.HTTPError:
        raise Unreachable("The chain does not answer now. Nothing was sent twice; try again shortly.") from None
    return Response(answer.content, answer.status_code, CORS, "application/json")
