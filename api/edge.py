"""What stands before every route: one length and a limit for the body, and HEAD answered like GET (RFC 9110, 9.3.2).

What it lets out, no browser takes for something else, and a library's plain errors become problem documents.
"""

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import HTTP_PROBLEMS, problem
from api.rest import chain

MAX_BODY_BYTES = 64 * 1024
"""The largest act has under 8 KiB, however it is escaped; what is larger is no act."""
MAX_DRAINED_BYTES = 1024 * 1024
"""What is read and thrown away of a body that is too large: a client that is still sending hears no answer."""
TOO_LARGE = 413
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

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body bounded. The server leaves out the body of an answer to HEAD."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        unclear = _unclear_length(scope)
        if unclear is not None:
            code, title = HTTP_PROBLEMS[400]
            await problem(code, 400, title, unclear, {"Connection": "close"})(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        limit = chain.MAX_BODY_BYTES if scope["path"] == chain.PATH else MAX_BODY_BYTES
        await self._app(scope, _bounded(receive, limit), _told(scope, receive, send))


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


def _bounded(receive: Receive, limit: int) -> Receive:
    """Give what `receive` gives; raises 413 in whoever reads more than `limit` bytes of body."""
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received <= limit:
            return message
        while message.get("more_body", False) and received <= limit + MAX_DRAINED_BYTES:
            message = await receive()
            received += len(message.get("body", b""))
        raise HTTPException(TOO_LARGE, f"The body of this request is limited to {limit} bytes.")

    return bounded
