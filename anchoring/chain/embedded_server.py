"""The embedded chain as a process: HTTP JSON-RPC on loopback for any web3 client.

    python -m anchoring.chain.embedded_server --data DIR [--port N] [--prefund ADDRESS]... [--owned]

When it is ready it writes `{"rpc": ..., "chain_id": ..., "pid": ...}` to `DIR/rpc.json` and, as one line, to stdout.
One process owns a folder (flock on `DIR/lock`, which the system releases however the process ends). With `--owned`
it ends when its standard input does, that is, with the process that started it. It ends with code 2 and one
sentence on stderr when it cannot start.
"""

import argparse
import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from anchoring.bounded_server import BoundedHandler, BoundedServer
from anchoring.chain.embedded import CHAIN_ID, FINAL_DEPTH, Clock, EmbeddedChain
from anchoring.chain.embedded_rpc import RpcError, answer, failure
from anchoring.chain.embedded_wire import BadValue, Json, read_data
from anchoring.chain.turns import BACKGROUND, Gone, Turns
from anchoring.connections import Limits
from anchoring.errors import AnchoringError, Unreachable

HOST = "127.0.0.1"
MAX_BODY_BYTES = 1 << 20
MAX_CONNECTIONS = 64
# py_ecc, under py-evm, raises the limit to 100,000: nested JSON would overflow the C stack and kill the process;
# this is what 1,024 nested calls of the EVM need, on a stack that certainly holds it.
RECURSION_LIMIT = 12 * 1024
STACK_BYTES = 32 << 20
WARNING = (
    "Warning: the embedded chain is a stand-in for development. One process makes its blocks, so it proves nothing "
    "to those who do not trust this machine; use a real EVM endpoint for anything that counts."
)
_CORS = {
    "Access-Control-Allow-Origin": "*",  # a page may ask anything: no cookies, no keys, nothing private is here
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Max-Age": "86400",
}


class _Handler(BoundedHandler):
    server_version = "gramledger-embedded"
    server: "RpcServer"

    def do_OPTIONS(self) -> None:  # noqa: N802  (the library's name)
        self._send(HTTPStatus.NO_CONTENT, b"")

    def post(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
        elif len(length) > 9 or int(length) > MAX_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes a request")
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                self._answer(body)
            else:
                self.close_connection = True

    def _answer(self, body: bytes) -> None:
        urgent = self.headers.get("Priority") != BACKGROUND
        try:
            response = self.server.answer(body, urgent=urgent, gone=lambda: _is_gone(self.connection))
        except Gone:
            self.close_connection = True
        else:
            self._send(HTTPStatus.OK, b"" if response is None else json.dumps(response).encode())

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self.close_connection = True  # the body is unread, so what follows on this connection has no meaning
        self._send(status, json.dumps(failure(None, RpcError(-32600, reason))).encode())

    def _send(self, status: HTTPStatus, body: bytes) -> None:
        self.send(status, "application/json", body, _CORS)


class RpcServer(BoundedServer):
    """Loopback HTTP over one chain: a thread a connection, at most MAX_CONNECTIONS; callers take turns at the chain."""

    def __init__(self, chain: EmbeddedChain, port: int) -> None:
        self._chain = chain
        self._turns = Turns()
        super().__init__((HOST, port), _Handler, Limits(MAX_CONNECTIONS, MAX_CONNECTIONS))  # all come from one address

    def answer(self, body: bytes, *, urgent: bool = True, gone: Callable[[], bool] = lambda: False) -> Json:
        """The response to a body. Raises Gone when the caller went away before its turn came."""
        try:
            request = json.loads(body)
        except (ValueError, RecursionError):
            return failure(None, RpcError(-32700, "the body is not JSON"))
        return answer(self._chain, request, partial(self._turns.turn, urgent=urgent, gone=gone))

    def close(self) -> None:
        """Stop listening; then close the chain, after the call that is under way."""
        self.server_close()
        with self._turns.turn(urgent=True, gone=lambda: False):
            self._chain.close()


def _is_gone(connection: socket.socket) -> bool:
    """Whether the other side closed a connection on which it has said all."""
    try:
        readable = select.poll()
        readable.register(connection, select.POLLIN)
        return bool(readable.poll(0)) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Own `folder` while inside; it is made if need be. Raises Unreachable if another process owns it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+")
    except OSError as error:
        raise Unreachable(f"The chain's folder {folder} cannot be used: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Unreachable(f"The chain's folder {folder} is in use by another process.") from error
        yield


def _listen(chain: EmbeddedChain, port: int) -> RpcServer:
    try:
        return RpcServer(chain, port)
    except (OSError, OverflowError) as error:
        raise Unreachable(f"Port {port} on {HOST} cannot be used: {error}.") from error


def _announce(folder: Path, url: str) -> None:
    line = json.dumps({"rpc": url, "chain_id": CHAIN_ID, "pid": os.getpid()})
    fresh = folder / "rpc.json.new"
    fresh.write_text(line + "\n")
    fresh.replace(folder / "rpc.json")
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _end_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 4096):  # not the buffered reader: its lock would hold up our own exit
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _terminate(*_args: Any) -> None:
    raise SystemExit(0)


def serve(folder: Path, port: int, clock: Clock, *, prefund: list[bytes], final_depth: int, owned: bool) -> None:
    """Own the folder, open its chain, announce the address and answer until SIGTERM. Raises AnchoringError."""
    with locked(folder), contextlib.ExitStack() as cleanup:
        chain = EmbeddedChain(folder / "state.db", clock, prefund=prefund, final_depth=final_depth)
        cleanup.callback(chain.close)
        server = _listen(chain, port)
        cleanup.pop_all()
        with contextlib.closing(server):
            signal.signal(signal.SIGTERM, _terminate)
            if owned:
                threading.Thread(target=_end_with_stdin, daemon=True).start()
            _announce(folder, server.url)
            server.serve_forever()


def _address(text: str) -> bytes:
    try:
        return read_data(text, 20)
    except BadValue as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m anchoring.chain.embedded_server", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", type=Path, required=True, help="the chain's own folder, made if need be")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--prefund", type=_address, action="append", default=[], help="holds ether from genesis on")
    parser.add_argument("--final-depth", type=int, choices=range(65), default=FINAL_DEPTH, metavar="N")
    parser.add_argument("--owned", action="store_true", help="end when standard input ends")
    return parser.parse_args()


def _utc_ms() -> int:
    return time.time_ns() // 1_000_000


def main() -> int:
    given = _arguments()
    os.umask(0o077)
    sys.setrecursionlimit(RECURSION_LIMIT)
    threading.stack_size(STACK_BYTES)
    if os.environ.get("GRAMLEDGER_ENVIRONMENT") == "production":
        sys.stderr.write("The embedded chain is a stand-in and does not run with environment=production.\n")
        return 2
    sys.stderr.write(WARNING + "\n")
    try:
        serve(
            given.data,
            given.port,
            _utc_ms,
            prefund=given.prefund,
            final_depth=given.final_depth,
            owned=given.owned,
        )
    except AnchoringError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
