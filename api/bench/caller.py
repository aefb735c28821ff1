"""One kept-alive HTTP connection of the load client, and no more of RFC 9112 than answers with a Content-Length need.

The standard library's client takes half a millisecond of processor for each answer, away from the server beside it.
"""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT_S = 60.0
_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body."""

    status: int
    body: bytes

    @property
    def failure(self) -> str | None:
        """Its cause, the status and the problem's code, when it is no success."""
        if self.status in {200, 201}:
            return None
        try:
            return f"{self.status} {json.loads(self.body)['type'].rpartition(':')[2]}"
        except (ValueError, KeyError, TypeError, AttributeError):
            return str(self.status)


class Caller:
    """Asks one after another, and connects when it is not connected."""

    def __init__(self, url: str) -> None:
        """Take the server's URL; nothing is opened yet."""
        where = urlsplit(url)
        self._address = (where.hostname or "", where.port or 80)
        self._host = where.netloc.encode()
        self._socket: socket.socket | None = None

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send a request and read its answer. Raises OSError, and is not connected then."""
        lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: " + self._host]
        lines += [f"{name}: {value}".encode() for name, value in headers.items()]
        lines += [] if body is None else [b"Content-Length: %d" % len(body)]
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, TIMEOUT_S)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(b"\r\n".join(lines) + _END + (body or b""))
            return self._answer(self._socket)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @staticmethod
    def _answer(connection: socket.socket) -> Answer:
        data = b""
        while _END not in data:
            data += _some(connection)
        head, _, body = data.partition(_END)
        _, found, rest = head.lower().partition(_LENGTH)
        if not found:
            raise ConnectionError("the answer has no length")
        length = int(rest.split(b"\r\n", 1)[0])
        while len(body) < length:
            body += _some(connection)
        return Answer(int(head.split(b" ", 2)[1]), body)


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the server ended the connection")
    return data
