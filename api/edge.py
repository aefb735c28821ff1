"""What stands before every route: a limit on the body, and HEAD answered like GET (RFC 9110, section 9.3.2)."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.rest import chain

MAX_BODY_BYTES = 64 * 1024
"""The largest act has under 8 KiB, however it is escaped; what is larger is no act."""
MAX_DRAINED_BYTES = 1024 * 1024
"""What is read and thrown away of a body that is too large: a client that is still sending hears no answer."""
TOO_LARGE = 413
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
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        limit = chain.MAX_BODY_BYTES if scope["path"] == chain.PATH else MAX_BODY_BYTES
        await self._app(scope, _bounded(receive, limit), send)


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
