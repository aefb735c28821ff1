"""The witness over HTTP, for strangers: bounded in bytes, time and connections.

| request | answer |
|---|---|
| `POST /add-checkpoint` | C2SP tlog-witness |
| `GET /<origin hash>/checkpoint` | C2SP tlog-witness, the monitoring prefix |
| `GET /signature/<size>` | JSON with the EIP-712 signature of (size, root, frontier, ended), if it was cosigned |
"""

from http import HTTPStatus
from typing import Final

from anchoring.bounded_server import REQUEST_S, BoundedHandler, BoundedServer
from anchoring.checkpoint import parse_number
from anchoring.errors import Malformed, Unreachable
from anchoring.witness.protocol import MAX_REQUEST, Answer
from anchoring.witness.witness import Witness

MAX_CONNECTIONS: Final = 64


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

    def __init__(self, witness: Witness, host: str, port: int, request_s: float = REQUEST_S) -> None:
        """Listen; port 0 takes a free one. Raises Unreachable when the address cannot be had."""
        self.witness = witness
        try:
            super().__init__((host, port), _Handler, MAX_CONNECTIONS, request_s)
        except (OSError, OverflowError) as error:
            raise Unreachable(f"Port {port} on {host} cannot be used: {error}.") from error
