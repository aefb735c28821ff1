"""What every REST route asks of a request before its own checks: said once, named, and readable one way only."""

import re
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi._compat import ModelField
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.routing import APIRoute

from api.door import strict_json
from api.door.arguments import ABSENT, Arguments, read_all
from api.door.aside import aside
from api.door.problems import derived, merged
from api.door.who import described, who_may

SINGLE_HEADERS = frozenset({b"authorization", b"content-encoding", b"content-type", b"idempotency-key"})
"""Two of these are two requests in one: programs on the way may go by either. The server sees to Host and length."""
UNREADABLE, UNSUPPORTED = 400, 415
_JSON = re.compile(r"application/json[ \t]*(;[ \t]*(charset=(utf-8|\"utf-8\"))?)?", re.IGNORECASE)
"""JSON has one encoding and no parameters (RFC 8259, section 11); what is sent all the same says this one, once."""


class StrictRequest(Request):
    """A request whose body is read by `strict_json`."""

    async def json(self) -> Any:
        """Read the body. Raises 400 with the reason."""
        try:
            return strict_json.read(await self.body())
        except strict_json.NotStrict as error:
            raise HTTPException(UNREADABLE, f"The body cannot be taken: {error}. Send JSON in UTF-8.") from None


class StrictRoute(APIRoute):
    """A route of REST. Headers come once, queries are known and come once, bodies are plain JSON.

    It is described by FastAPI and answered by itself: its arguments are read by `Arguments`, its function and what
    writes the answer run in one thread.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **said: Any) -> None:
        """Take what FastAPI takes."""
        super().__init__(path, endpoint, **said)
        if (who := described(who_may(self.dependant))) is not None:
            self.openapi_extra = {**(self.openapi_extra or {}), "x-who-may": who}
            self.description += f"\n\nFor: {who}."
        self.responses = merged(self.responses, derived(self.dependant, takes_body=self.body_field is not None))
        self._known = sorted(field.alias for field in self.dependant.query_params)
        self._arguments = Arguments(self.dependant)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Answer by `answer`, also where FastAPI finds the route."""
        return lambda request: self.answer(StrictRequest(request.scope, request.receive))

    async def answer(self, request: StrictRequest) -> Response:
        """Check a request, do what it asks, and write the answer."""
        _check_headers(request)
        _check_query(request, self._known)
        found = await read_all(self._arguments, request, await self._body(request))
        return await aside(self._answered, found)

    async def _body(self, request: StrictRequest) -> Any:
        if request.method == "GET" or not await request.body():
            return ABSENT
        if self.body_field is not None:
            _check_type(request)
            return await request.json()
        if await request.json() != {}:
            # Let nothing pass that would be ignored: such an act is said by its path alone.
            raise _misfit(("body",), "this act takes no body; leave it out, or send {}")
        return ABSENT

    def _answered(self, found: dict[str, Any]) -> Response:
        said = self._arguments.call(**found)
        if isinstance(said, Response):
            return said
        assert self.response_field is not None  # noqa: S101  (what is no answer yet is described)
        return Response(
            _as_described(self.response_field, said), self.status_code or 200, media_type="application/json"
        )


def _as_described(field: ModelField, said: object) -> bytes:
    """Write an answer as its description has it, and nothing that it does not have."""
    value, wrong = field.validate(said, loc=("response",))
    if wrong:
        raise ResponseValidationError(errors=wrong, body=said)
    return field.serialize_json(value)


def _check_headers(request: Request) -> None:
    for name, times in Counter(name for name, _ in request.scope["headers"] if name in SINGLE_HEADERS).items():
        if times > 1:
            raise HTTPException(UNREADABLE, f"The header {name.decode()} comes twice. Send it once; nothing was done.")


def _check_query(request: Request, known: list[str]) -> None:
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in known:
            there = f"this path has: {', '.join(known)}" if known else "this path has none"
            raise _misfit(("query", name), f"there is no such parameter; {there}")
        if times > 1:
            raise _misfit(("query", name), "the parameter comes twice; send it once")


def _misfit(where: tuple[str, ...], sentence: str) -> RequestValidationError:
    return RequestValidationError([{"type": "misfit", "loc": where, "msg": sentence, "input": None}])


def _check_type(request: Request) -> None:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(UNSUPPORTED, "Send the body as it is, without a Content-Encoding.")
    if _JSON.fullmatch(request.headers.get("content-type", "")) is None:
        raise HTTPException(UNSUPPORTED, "Send the body as Content-Type: application/json, in UTF-8.")
