"""An HTTP server of the standard library with so many connections, in all and for each address.

Who waits longest gives his place to the next; `BoundedHandler` gives a request, and the taking of its answer, so long.
"""

import contextlib
import io
import socketserver
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from types import MappingProxyType
from typing import Any, Final

from anchoring.connections import BACKLOG, Ledger, Limits, source_of

REQUEST_S: Final = 15.0
"""For a whole request, however its bytes are trickled, and for a whole answer."""
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class BoundedServer(ThreadingHTTPServer):
    """A thread a connection, as many as its `limits` say."""

    request_queue_size = BACKLOG

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        limits: Limits,
        request_s: float = REQUEST_S,
    ) -> None:
        """Listen at host and port; port 0 takes a free one. Raises OSError when the address cannot be had.

        `request_s` is for a whole request, and for a whole answer, by a `BoundedHandler`.
        """
        self.request_s = request_s
        self._ledger: Ledger[Place] = Ledger(limits)
        self._places: dict[Any, Place] = {}
        super().__init__(address, handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.server_name}:{self.server_port}"

    def server_bind(self) -> None:
        """Bind without http.server's look-up of our own name, which may wait for a resolver."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection a thread, or send it away when all others are being answered."""
        place = Place(request, source_of(str(client_address[0])))
        if self._ledger.enter(place):
            self._places[request] = place
            super().process_request(request, client_address)
            return
        with contextlib.suppress(OSError):
            request.setblocking(False)
            request.send(_BUSY)
        self.shutdown_request(request)

    def place_of(self, connection: socket) -> "Place":
        """Give the place of a connection that is served."""
        return self._places[connection]

    def process_request_thread(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Serve one connection and give back its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._ledger.leave(self._places.pop(request))

    def answered(self, place: "Place") -> None:
        """Note that a connection got its answer just now."""
        self._ledger.answered(place)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away is no event."""


class Place:
    """A connection's place: whether its other end lets us wait."""

    def __init__(self, connection: socket, source: str) -> None:
        """Begin before the first byte."""
        self._connection = connection
        self.source = source
        self.is_waiting = True

    def shed(self) -> None:
        """End it: its thread, which waits for the other end, finds nobody there."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(SHUT_RDWR)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for the other end inside."""
        self.is_waiting = True
        try:
            yield
        finally:
            self.is_waiting = False


class _Received(io.RawIOBase):
    """What a connection receives, until a moment that is set anew for each request."""

    def __init__(self, connection: socket, place: Place) -> None:
        self._connection, self._place = connection, place
        self.ends_at = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        with self._place.waiting():
            return self._connection.recv_into(buffer)


class BoundedHandler(BaseHTTPRequestHandler):
    """Requests of strangers, each within its server's `request_s`."""

    server: BoundedServer

    protocol_version = "HTTP/1.1"
    sys_version = ""
    wbufsize = -1
    disable_nagle_algorithm = True  # an answer of several segments would wait 40 ms for the last

    def setup(self) -> None:
        """Read from the connection with a deadline."""
        super().setup()
        self._place = self.server.place_of(self.request)
        self._received = _Received(self.connection, self._place)
        self.rfile = io.BufferedReader(self._received)

    def handle_one_request(self) -> None:
        """Serve one request, or close a connection that takes too long."""
        self._received.ends_at = time.monotonic() + self.server.request_s
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def do_GET(self) -> None:
        """Serve a GET."""
        self.get()

    def do_POST(self) -> None:
        """Serve a POST."""
        self.post()

    def get(self) -> None:
        """Answer a GET; a server that has any says so by overriding this."""
        self._nothing()

    def post(self) -> None:
        """Answer a POST; as `get`."""
        self._nothing()

    def _nothing(self) -> None:
        self.close_connection = True  # a body may be unread, so what follows on this connection has no meaning
        self.send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"there is nothing here\n")

    def send(self, status: int, content_type: str, body: bytes, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        """Send a whole answer."""
        self.connection.settimeout(self.server.request_s)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        with self._place.waiting():
            self.wfile.flush()
        self.server.answered(self._place)

    def log_message(self, *_args: Any) -> None:
        """Keep no log of what strangers send."""
