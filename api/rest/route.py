"""What every REST route asks of a request before its own checks: said once, named, and readable one way only."""

import re
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from api import strict_json

SINGLE_HEADERS = ("authorization", "content-encoding", "content-type", "idempotency-key")
"""Two of these are two requests in one: programs on the way may go by either. The server sees to Host and length."""
MALFORMED, UNSUPPORTED = 400, 415
_JSON = re.compile(r"application/json[ \t]*(;[ \t]*(charset=(utf-8|\"utf-8\"))?)?", re.IGNORECASE)
"""JSON has one encoding and no parameters (RFC 8259, section 11); what is sent all the same says this one, once."""


class StrictRequest(Request):
    """A request whose body is read by `strict_json`."""

    async def json(self) -> Any:
        """Read the body. Raises 400 with the reason."""
        try:
            return strict_json.read(await self.body())
        except strict_json.NotStrict as error:
            raise HTTPException(MALFORMED, f"The body cannot be taken: {error}. Send JSON in UTF-8.") from None


class StrictRoute(APIRoute):
    """A route of REST. Headers come once, queries are known and come once, bodies are plain JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the checks before the handler that FastAPI makes."""
        handle = super().get_route_handler()
        known = sorted(field.alias for field in self.dependant.query_params)
        takes_body = self.body_field is not None

        async def checked(request: Request) -> Response:
            _check_headers(request)
            _check_query(request, known)
            strict = StrictRequest(request.scope, request.receive)
            if takes_body:
                _check_type(strict)
            elif request.method not in {"GET", "HEAD"}:
                await _check_bodyless(strict)
            return await handle(strict)

        return checked


def _check_headers(request: Request) -> None:
    for name in SINGLE_HEADERS:
        if len(request.headers.getlist(name)) > 1:
            raise HTTPException(MALFORMED, f"The header {name} comes twice. Send it once; nothing was done.")


def _check_query(request: Request, known: list[str]) -> None:
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in known:
            there = f"this path has: {', '.join(known)}" if known else "this path has none"
            raise _of_query(name, f"there is no such parameter; {there}")
        if times > 1:
            raise _of_query(name, "the parameter comes twice; send it once")


def _of_query(name: str, sentence: str) -> RequestValidationError:
    return RequestValidationError([{"type": "query", "loc": ("query", name), "msg": sentence, "input": None}])


def _check_type(request: Request) -> None:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(UNSUPPORTED, "Send the body as it is, without a Content-Encoding.")
    if _JSON.fullmatch(request.headers.get("content-type", "")) is None:
        raise HTTPException(UNSUPPORTED, "Send the body as Content-Type: application/json, in UTF-8.")


async def _check_bodyless(request: StrictRequest) -> None:
    """Let nothing pass that would be ignored: this act is said by its path alone."""
    if await request.body() and await request.json() != {}:
        raise HTTPException(MALFORMED, "This act takes no body. Leave it out, or send {}.")
