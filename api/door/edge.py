"""What stands before every route: one length and a limit for the body, and HEAD answered like GET (RFC 9110, 9.3.2).

So many requests are worked on at once, and of one address so many; the others wait for their turn. What it lets out,
no browser takes for something else, and a library's plain errors become problem documents.
"""

import asyncio
import re
from contextlib import AsyncExitStack
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anchoring.connections import source_of
from api.door.problems import HTTP_PROBLEMS, RETRY_AFTER_S, problem
from api.door.turns import Full, Turns

MAX_BODY_BYTES = 64 * 1024
"""The largest act has under 8 KiB, however it is escaped; what is larger is no act."""
MAX_CONTENT_BYTES: Final = 1024 * 1024
"""Of a part of a file, and of a list of another registry."""
_CONTENT: Final = re.compile(r"/v1/batches/[0-9]+/parts/[0-9]+|/v1/lists/[a-z0-9_-]+")
LARGE_AT_ONCE, LARGE_OF_ONE = 32, 8
"""Of these that are being read in one process, and of one address: 32 MiB, however many connections there are."""
MAX_DRAINED_BYTES = 1024 * 1024
"""What is read and thrown away of a body that is too large: a client that is still sending hears no answer."""
AT_ONCE: Final = 32
"""Requests worked on in one process: fewer than threads (`api.door.aside`), so that none waits there unseen."""
OF_ONE: Final = 16
"""Of these, of one address: whoever sends many slow ones leaves half to the others."""
WAITING_OF_ONE, WAITING = 128, 1024
"""Requests that wait, of one address and in all: as many as there are connections; more have no caller any more."""
WAIT_S: Final = 5.0
"""After which a request that waits is told to come back."""
BUSY = "This address has too many requests under way, or everybody together has. Nothing was done; try again shortly."
TOO_LARGE = "The body of this request is limited to {most} bytes."
TWO_LENGTHS = "Send Content-Length or Transfer-Encoding, not both: two readers could end this body at two places."
OLD_CHUNKS = "HTTP/1.0 has no Transfer-Encoding; send Content-Length."
FILE_ERRORS = {
    400: "The Range header cannot be read; RFC 9110, section 14.2, says how it is written.",
    416: "The file ends before this range begins; Content-Range says how long it is.",
}
"""What the framework's files answer in plain text, of a Range header only."""
NO_SNIFF = (b"x-content-type-options", b"nosniff")
AS_OF_HEADER = b"gramledger-as-of-size"


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, apart: str) -> None:
        """Stand before `app`. The path `apart` has turns of its own: calls wait there without taking a thread."""
        self._app, self._apart = app, apart
        self._turns = Turns(WAITING_OF_ONE, WAITING, slots=AT_ONCE, share=OF_ONE)
        self._large = Turns(WAITING_OF_ONE, WAITING, slots=LARGE_AT_ONCE, share=LARGE_OF_ONE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on when all of it is there. The server leaves out the body of an answer to HEAD."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if unclear := _unclear_length(scope):
            await _refused(400, unclear, {"Connection": "close"})(scope, receive, send)
            return
        most = MAX_CONTENT_BYTES if _CONTENT.fullmatch(scope["path"]) else MAX_BODY_BYTES
        async with AsyncExitStack() as large:
            if most > MAX_BODY_BYTES and not await self._has_room(scope, large):
                await _busy(scope, receive, send)
                return
            try:
                body = await _body(receive, most)
            except _TooLarge:
                await _refused(413, TOO_LARGE.format(most=most))(scope, receive, send)
                return
            if body is None:
                return
            if scope["method"] == "HEAD":
                scope = {**scope, "method": "GET"}
            work = self._app if scope["path"] == self._apart else self._in_turn
            await work(scope, _replayed(body, receive), _told(scope, receive, send))

    async def _has_room(self, scope: Scope, large: AsyncExitStack) -> bool:
        """Wait for a turn of those that bring much, so that no more of it is in memory than there are turns."""
        try:
            async with asyncio.timeout(WAIT_S):
                await large.enter_async_context(self._large.turn(_source(scope)))
        except (Full, TimeoutError):
            return False
        return True

    async def _in_turn(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Work on it in its turn, which ends when the answer begins: taking it is its reader's time."""
        async with AsyncExitStack() as turn:
            try:
                async with asyncio.timeout(WAIT_S):
                    await turn.enter_async_context(self._turns.turn(_source(scope)))
            except (Full, TimeoutError):
                await _busy(scope, receive, send)
                return

            async def ending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await turn.aclose()
                await send(message)

            await self._app(scope, receive, ending)


class AsOf:
    """ASGI middleware: while a database that was set back is only read, every answer says as of which size."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        as_of = scope["app"].state.site.as_of if scope["type"] == "http" else None
        if as_of is None:
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (AS_OF_HEADER, str(as_of).encode())]
            await send(message)

        await self._app(scope, receive, marked)


def _unclear_length(scope: Scope) -> str | None:
    """Say why nobody can be sure where the body ends (RFC 9112, section 6.3); None when all is clear."""
    names = {name for name, _ in scope["headers"]}
    if b"transfer-encoding" not in names:
        return None
    if b"content-length" in names:
        return TWO_LENGTHS
    return OLD_CHUNKS if scope["http_version"] == "1.0" else None


def _told(scope: Scope, receive: Receive, send: Send) -> Send:
    """Give a `send` that adds what every answer carries, and writes a library's plain error as a problem document."""
    is_replaced = False

    async def told(message: Message) -> None:
        nonlocal is_replaced
        if message["type"] == "http.response.start":
            headers = dict(message["headers"])
            if message["status"] in FILE_ERRORS and headers.get(b"content-type", b"").startswith(b"text/plain"):
                is_replaced = True
                await _file_problem(message["status"], headers)(scope, receive, send)
                return
            if NO_SNIFF[0] not in headers:
                message = {**message, "headers": [*message["headers"], NO_SNIFF]}
        if not is_replaced:
            await send(message)

    return told


def _file_problem(status: int, headers: dict[bytes, bytes]) -> Response:
    code, title = HTTP_PROBLEMS[status]
    kept = {"Content-Range": headers[b"content-range"].decode()} if b"content-range" in headers else None
    return problem(code, status, title, FILE_ERRORS[status], kept)


class _TooLarge(Exception):
    """A body of more than may be."""


async def _body(receive: Receive, most: int) -> bytes | None:
    """Read the whole body; None when its sender went away before. Raises `_TooLarge`."""
    body, received, more = bytearray(), 0, True
    while more and received <= most + MAX_DRAINED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        received += len(piece)
        body += piece if received <= most else b""
        more = message.get("more_body", False)
    if received > most:
        raise _TooLarge
    return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Give what has been read, then what comes after it."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return left.pop() if left else await receive()

    return replayed


def _source(scope: Scope) -> str:
    return source_of(scope["client"][0]) if scope["client"] else ""


async def _busy(scope: Scope, receive: Receive, send: Send) -> None:
    await problem("busy", 503, "Too many requests at once", BUSY, {"Retry-After": RETRY_AFTER_S})(scope, receive, send)


def _refused(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    code, title = HTTP_PROBLEMS[status]
    return problem(code, status, title, detail, headers)
