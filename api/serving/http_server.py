"""uvicorn, bounded: a deadline for whatever the other end has to do, and places for so many connections.

uvicorn itself waits for a first byte, a head, a body and a reader for ever, and takes connections until the system
has no more descriptors for it.
"""

import asyncio
import json
import resource
import socket
import time
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from anchoring.connections import BACKLOG, Ledger, Limits, source_of
from api.installation import logs
from api.serving.http_requests import HEAD_BYTES, RequestsInTurn

MAX_CONNECTIONS: Final = 1024
"""In one process. Each may keep 64 KiB of what was sent and of what is to be sent."""
OTHER_FILES: Final = 256
"""Descriptors that are no callers' connections: to the database, to the chain, files of the log that are read."""
FIRST_BYTE_S: Final = 10.0
"""For the first byte on a new connection. Browsers open some in advance; they open them again."""
HEAD_S: Final = 10.0
"""From the first byte of a request to the end of its head, of 16 KiB at most: 1.6 KiB a second."""
BODY_S: Final = 20.0
"""From there to the end of the body, of 256 KiB at most: 13 KiB a second; an act of 8 KiB has all of it."""
KEEP_ALIVE_S: Final = 30
"""Between an answer and the next request."""
TAKE_S: Final = 20.0
"""For an answer to be taken, and beside that its time at `TAKE_RATE`."""
TAKE_RATE: Final = 16 * 1024
"""Bytes a second that every reader manages: a tile has 8 KiB, the largest answer 4 MiB; documents may have more."""
SWEEP_TICKS: Final = 5
"""Tenths of a second between two looks at the deadlines."""
ACCEPTS: Final = 64
"""Connections taken before anything else has its turn: a flood is let in by so many."""
GRACE_S: Final = 5
"""For requests that are under way when the server ends."""

_FIRST_BYTE, _HEAD, _BODY, _ANSWER, _KEEP_ALIVE = "first byte", "head", "body", "answer", "keep-alive"
_ALLOWED_S: Final[Mapping[str, float]] = MappingProxyType(
    {_FIRST_BYTE: FIRST_BYTE_S, _HEAD: HEAD_S, _BODY: BODY_S, _ANSWER: float("inf"), _KEEP_ALIVE: KEEP_ALIVE_S}
)

log = structlog.get_logger()


def _refusal(status: HTTPStatus, code: str, title: str, detail: str, *headers: str) -> bytes:
    """Write a whole answer: a problem document, after which the connection ends."""
    body = json.dumps({"type": f"urn:gramledger:problem:{code}", "title": title, "status": status, "detail": detail})
    head = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join([*head, "", body]).encode("ascii")


_BUSY = _refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "busy",
    "Too many connections",
    "This address, or everybody together, has too many connections that are being answered. Try again shortly.",
    "Retry-After: 2",
)
_LATE = _refusal(
    HTTPStatus.REQUEST_TIMEOUT,
    "timeout",
    "The request came too slowly",
    f"A head must be here within {HEAD_S:.0f} seconds, a body within {BODY_S:.0f}. Nothing was done; send it again.",
)
_LARGE_HEAD = _refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head-too-large",
    "The headers are too large",
    f"The request line and the headers, a token among them, have {HEAD_BYTES} bytes at most. Nothing was done.",
)
_MALFORMED = _refusal(
    HTTPStatus.BAD_REQUEST,
    "unreadable-request",
    "The request cannot be read",
    "This is no HTTP request that can be read: RFC 9112 says how one is written, and the headers too.",
)


class BoundedProtocol(RequestsInTurn):
    """One connection: where it stands, and until when the other end may let us wait."""

    def __init__(self, *args: Any, ledger: "Ledger[BoundedProtocol]", **kwargs: Any) -> None:
        """Make it; `ledger` is that of this process."""
        super().__init__(*args, **kwargs)
        self._ledger = ledger
        self._stage, self._due = _FIRST_BYTE, 0.0
        self._take_due: float | None = None
        self.source = ""

    @property
    def is_waiting(self) -> bool:
        """Whether the other end has to do something: to send, or to take what is sent."""
        return self._stage != _ANSWER or self.transport.get_write_buffer_size() > 0

    def shed(self) -> None:
        """End it; what was not taken is lost."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place, or say that there is none."""
        super().connection_made(transport)  # type: ignore[arg-type]  # a stream's transport, as uvicorn has it
        self.source = source_of(self.client[0] if self.client else "")
        self._go_to(_FIRST_BYTE)
        if not self._ledger.enter(self):
            self._refuse(_BUSY)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._ledger.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head's time begins with its first."""
        if self._stage in {_FIRST_BYTE, _KEEP_ALIVE}:
            self._go_to(_HEAD)
        super().data_received(data)

    def read(self) -> None:
        """Do what came, and see where that leads."""
        super().read()
        stage = (_BODY if self.cycle.more_body else _ANSWER) if self.is_under_way else self._stage
        if stage != self._stage:
            self._go_to(stage)

    def on_response_complete(self) -> None:
        """Wait for the next request, or have it already."""
        self._ledger.answered(self)
        super().on_response_complete()
        self._go_to(_HEAD if self._held else _KEEP_ALIVE)
        self.read()

    def resume_writing(self) -> None:
        """Count anew: part of the answer was taken."""
        self._take_due = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (the library's signature)
        """Say that it is no HTTP, as a problem document."""
        self._refuse(_MALFORMED)

    def refuse_large_head(self) -> None:
        """Say that the head is too large (RFC 6585, section 5)."""
        self._refuse(_LARGE_HEAD)

    def look(self, now: float) -> None:
        """End it when the other end is late."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent:
            self._take_due = None
        elif self._take_due is None:
            self._take_due = now + TAKE_S + unsent / TAKE_RATE
        elif now > self._take_due:
            self.transport.abort()
            return
        if now > self._due and not self.transport.is_closing():
            self._end_late()

    def _end_late(self) -> None:
        if self._stage in {_HEAD, _BODY}:
            self._refuse(_LATE)
        else:
            self.transport.close()

    def _refuse(self, answer: bytes) -> None:
        """Send an answer of our own and end; nothing when another has begun."""
        cycle, is_under_way = self.cycle, self.is_under_way
        if not is_under_way or not cycle.response_started:
            self.transport.write(answer)
        if is_under_way:  # whoever reads the body, or answers, is told now that nobody is there
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()

    def _go_to(self, stage: str) -> None:
        self._stage, self._due = stage, time.monotonic() + _ALLOWED_S[stage]


class BoundedServer(uvicorn.Server):
    """uvicorn's server, which looks at the deadlines."""

    def __init__(self, app: ASGIApp, limits: Limits, proxies: frozenset[str] = frozenset()) -> None:
        """Serve `app`. `proxies` are the addresses whose X-Forwarded headers are believed."""
        self._ledger: Ledger[BoundedProtocol] = Ledger(limits)
        config = uvicorn.Config(
            app,
            http=partial(BoundedProtocol, ledger=self._ledger),  # type: ignore[arg-type]  # it is only called
            ws="none",
            log_level="error",  # its warnings are of what strangers send
            access_log=False,
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=sorted(proxies),
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            backlog=ACCEPTS,
        )
        logs.bound_libraries()
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin. What the system keeps for us stays as the supervisor set it: the library makes it `ACCEPTS`."""
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(BACKLOG)

    async def on_tick(self, counter: int) -> bool:
        """Look who is late."""
        if counter % SWEEP_TICKS == 0:
            now = time.monotonic()
            for connection in self._ledger.everyone():
                connection.look(now)
        return await super().on_tick(counter)


def limits_here(per_source: int, proxies: frozenset[str]) -> Limits:
    """Give this process's limits, as many descriptors as the system lets it have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    total = MAX_CONNECTIONS if most == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, most - OTHER_FILES)
    if total < MAX_CONNECTIONS:
        log.warning("fewer connections than usual: raise the limit of open files (ulimit -n)", connections=total)
    total = max(1, total)
    return Limits(total, min(per_source, total), frozenset(map(source_of, proxies)))
