"""The witness over HTTP, for strangers: bounded in bytes, time and connections.

| request | answer |
|---|---|
| `POST /add-checkpoint` | C2SP tlog-witness |
| `GET /<origin hash>/checkpoint` | C2SP tlog-witness, the monitoring prefix |
| `GET /signature/<size>` | JSON with the EIP-712 signature of (size, root, frontier, ended), if it was cosigned |
"""

import socket
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from anchoring.bounded_server import REQUEST_S, BoundedHandler, BoundedServer
from anchoring.checkpoint import parse_number
from anchoring.connections import Limits, source_of
from anchoring.errors import Malformed, Unreachable
from anchoring.witness.protocol import MAX_REQUEST, Answer
from anchoring.witness.witness import Witness

MAX_CONNECTIONS: Final = 64
MAX_PER_ADDRESS: Final = 16
"""A registry asks over one, and those who monitor over one or two each."""
KEPT: Final = 8
"""Of all, for the log that it witnesses: whoever keeps a witness busy would keep the log from being cosigned."""


class _Handler(BoundedHandler):
    server_version = "gramledger-witness"
    server: "WitnessServer"

    def post(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != "/add-checkpoint":
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")
        elif not (length.isascii() and length.isdecimal()) or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
        elif len(length) > 9 or int(length) > MAX_REQUEST:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_REQUEST} bytes a request")
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                self._send(self.server.witness.add_checkpoint(body))
            else:
                self.close_connection = True

    def get(self) -> None:
        witness = self.server.witness
        if self.path == "/add-checkpoint":
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "add-checkpoint is a POST")
        elif self.path == f"/{witness.origin_hash}/checkpoint":
            self._send(witness.last_checkpoint())
        elif self.path.startswith("/signature/"):
            self._send_signature(self.path.removeprefix("/signature/"))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _send_signature(self, size: str) -> None:
        try:
            self._send(self.server.witness.chain_signature(parse_number(size)))
        except Malformed as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        self.close_connection = True  # a body may be unread, so what follows on this connection has no meaning
        self._send(Answer(status, f"{sentence}\n".encode()))

    def _send(self, answer: Answer) -> None:
        headers = {"Allow": "POST"} if answer.status == HTTPStatus.METHOD_NOT_ALLOWED else {}
        self.send(answer.status, answer.content_type, answer.body, headers)


class WitnessServer(BoundedServer):
    """One witness on one address: a thread a connection, at most MAX_CONNECTIONS."""

    daemon_threads = True

    def __init__(self, witness: Witness, host: str, port: int, request_s: float = REQUEST_S, log_url: str = "") -> None:
        """Listen; port 0 takes a free one. Raises Unreachable when the address cannot be had.

        Places are kept for the addresses of `log_url`'s host, as they are now.
        """
        limits = Limits(MAX_CONNECTIONS, MAX_PER_ADDRESS, kept=KEPT, kept_for=addresses_of(log_url))
        self.witness = witness
        try:
            super().__init__((host, port), _Handler, limits, request_s)
        except (OSError, OverflowError) as error:
            raise Unreachable(f"Port {port} on {host} cannot be used: {error}.") from error


def addresses_of(url: str) -> frozenset[str]:
    """Give the sources that an http(s) URL's host has now; none for a folder, or when the name is unknown."""
    host = urlsplit(url).hostname if url.startswith(("http://", "https://")) else None
    if host is None:
        return frozenset()
    try:
        return frozenset(source_of(str(found[4][0])) for found in socket.getaddrinfo(host, None))
    except OSError:
        return frozenset()
