"""The chain's JSON-RPC at this server's own address, so that browsers and remote clients reach an embedded chain.

The chain may be a node of the operator's own, whose other methods are nobody's business: only what `chain_calls` lists
passes. It is also where the log is anchored, so that strangers come after the registry's own calls (`Priority`, RFC
9218), one at a time in each process, address by address; and what nobody waits for any more is not worked on.
"""

import asyncio
import json
from collections.abc import Collection, Coroutine
from typing import Any, TypeVar

import httpx2
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from anchoring.chain.turns import BACKGROUND
from anchoring.connections import source_of
from anchoring.errors import Unreachable
from api.chain.calls import LIMIT_EXCEEDED, Bounds, NotOffered, judged, needs_head
from api.door import strict_json
from api.door.turns import Full, Turns
from api.installation.moving import contracts_of
from registry.errors import Unavailable

PATH = "/chain"
MAX_CALLS = 10
"""Calls in one batch. Each is judged, takes its turn and is answered by itself."""
MAX_WAITING_OF_ONE, MAX_WAITING = 16, 64
"""Callers who wait for the one slot of a process, of one address and in all; more are told to come back."""
MAX_ANSWER_BYTES = 1 << 20
"""From the chain, for all calls of a request together: reading and writing this much takes 15 ms, of a thread's."""
TIMEOUT_S = 10.0
"""For all of a request, with the waiting."""
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
}
PARSE_ERROR, INVALID_REQUEST = -32700, -32600
BUSY = "The chain is busy with other callers. Nothing was sent; try again shortly."
TOO_LONG = f"The answer has more than {MAX_ANSWER_BYTES} bytes; ask for less at a time."
SILENT = "The chain does not answer now. Nothing was sent twice; try again shortly."

Json = dict[str, Any]
T = TypeVar("T")

router = APIRouter(tags=["chain"], include_in_schema=False)


@router.api_route(PATH, methods=["POST", "OPTIONS"])
async def pass_on(request: Request) -> Response:
    """Answer JSON-RPC calls from the chain. Any page may ask; a batch is answered by a list."""
    if request.method == "OPTIONS":
        return Response(None, 204, CORS)
    try:
        asked = await run_in_threadpool(strict_json.read, await request.body())
    except strict_json.NotStrict as error:
        return await _answered(_failure(None, PARSE_ERROR, f"This cannot be taken: {error}."))
    batch = asked if isinstance(asked, list) else [asked]
    if not 0 < len(batch) <= MAX_CALLS:
        return await _answered(_failure(None, INVALID_REQUEST, f"Send one call, or a list of 1 to {MAX_CALLS}."))
    try:
        return await _answered(await _while_awaited(request, _work(_Caller(request), asked)))
    except _Left:
        return Response(None, 204)  # which nobody gets


async def _answered(said: Json | list[Json] | None) -> Response:
    if not said:
        return Response(None, 204, CORS)
    return Response(await run_in_threadpool(json.dumps, said), 200, CORS, "application/json")


def _failure(call_id: object, code: int, message: str) -> Json:
    return {"jsonrpc": "2.0", "id": call_id, "error": {"code": code, "message": message}}


async def _while_awaited(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do the work, or give it up where it stands and raise `_Left` when whoever asked has gone. It ends in time."""
    doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_departure(request))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise _Left
    finally:
        doing.cancel()
        leaving.cancel()


async def _departure(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _work(caller: "_Caller", asked: Any) -> Json | list[Json] | None:
    return await (_all(caller, asked) if isinstance(asked, list) else _one(caller, asked))


async def _all(caller: "_Caller", batch: list[Any]) -> list[Json]:
    """The answers to a batch (JSON-RPC 2.0, section 6). A chain that fails one call leaves the others theirs."""
    answers = []
    for call in batch:
        try:
            answer = await _one(caller, call)
        except (Unreachable, Unavailable) as error:
            answer = _failure(call["id"], LIMIT_EXCEEDED, str(error)) if "id" in call else None
        answers += [answer] if answer is not None else []
    return answers


async def _one(caller: "_Caller", call: Any) -> Json | None:
    """The answer to one call; None to a notification, which has no id."""
    if not _is_request(call):
        said = 'This is no call: an object with "jsonrpc": "2.0", a method, and an id that is a text or an integer.'
        return _failure(None, INVALID_REQUEST, said)
    try:
        outcome = await caller.ask(call)
    except NotOffered as error:
        outcome = {"error": {"code": error.code, "message": str(error)}}
    return {"jsonrpc": "2.0", "id": call["id"], **outcome} if "id" in call else None


def _is_request(call: Any) -> bool:
    if not isinstance(call, dict) or call.get("jsonrpc") != "2.0" or not isinstance(call.get("method"), str):
        return False
    call_id = call.get("id")
    return call_id is None or isinstance(call_id, str) or type(call_id) is int


class _Left(Exception):
    """Whoever asked has gone: a fault of nobody's."""


class _Caller:
    """Who asks, and the way to the chain."""

    def __init__(self, request: Request) -> None:
        self._state = request.app.state
        self._source = source_of(request.client.host if request.client else "")
        self._left = MAX_ANSWER_BYTES
        self._ends = asyncio.get_running_loop().time() + TIMEOUT_S

    async def ask(self, call: Json) -> Json:
        """Result or error of a call. Raises NotOffered; Unreachable, Unavailable for a chain that is down or busy."""
        bounds = Bounds(await self._contracts())
        if needs_head(call):
            answer = await self._send({"jsonrpc": "2.0", "method": "eth_blockNumber", "params": []})
            bounds = Bounds(bounds.contracts, _height(answer))
        return await self._send(judged(call, bounds))

    async def _contracts(self) -> Collection[str]:
        if not hasattr(self._state, "chain_contracts"):
            self._state.chain_contracts = await run_in_threadpool(contracts_of, self._state.site)
        contracts: Collection[str] = self._state.chain_contracts
        return contracts

    async def _send(self, call: Json) -> Json:
        if not hasattr(self._state, "chain_turns"):
            self._state.chain_turns = Turns(MAX_WAITING_OF_ONE, MAX_WAITING)
        turns: Turns = self._state.chain_turns
        try:
            async with asyncio.timeout_at(self._ends), turns.turn(self._source):
                answered = await self._forward(call)
        except Full:
            raise Unavailable(BUSY) from None
        except (httpx2.HTTPError, TimeoutError):
            raise Unreachable(SILENT) from None
        return await run_in_threadpool(_outcome, answered)

    async def _forward(self, call: Json) -> bytes:
        client: httpx2.AsyncClient = self._state.chain_client
        url, content = self._state.site.where.rpc_urls[0], json.dumps(call | {"id": 1}).encode()
        headers = {"Content-Type": "application/json", "Priority": BACKGROUND}
        if self._left <= 0:
            raise NotOffered(LIMIT_EXCEEDED, TOO_LONG)
        async with client.stream("POST", url, content=content, headers=headers) as answer:
            answered = bytearray()
            async for piece in answer.aiter_bytes():
                answered += piece
                self._left -= len(piece)
                if self._left < 0:
                    raise NotOffered(LIMIT_EXCEEDED, TOO_LONG)
        return bytes(answered)


def _outcome(answered: bytes) -> Json:
    try:
        said = strict_json.read(answered)
    except strict_json.NotStrict:
        raise Unreachable(SILENT) from None
    outcome = {name: said[name] for name in ("result", "error") if name in said} if isinstance(said, dict) else {}
    if outcome.get("error", 0) is None:
        del outcome["error"]  # some nodes send both, one of them null
    if len(outcome) != 1:
        raise Unreachable(SILENT)
    return outcome


def _height(outcome: Json) -> int:
    try:
        return int(outcome["result"], 16)
    except (KeyError, TypeError, ValueError):
        raise Unreachable(SILENT) from None
