"""A wire that fails once, at a chosen request: a TCP relay between a client and a real server.

It knows no protocol. A request is recognised by bytes in what the client sends, so one relay serves PostgreSQL
(`COMMIT`), witnesses (`add-checkpoint`) and chains (`eth_sendRawTransaction`).
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Self


class Fault(Enum):
    """What becomes of the chosen request."""

    NOT_PERSISTED = "lost on the way there"
    PERSISTED = "its answer lost on the way back"
    TIMED_OUT = "carried out, its answer held back"


class FaultyWire:
    """Relays connections on `port` of 127.0.0.1; the `nth` request with `marker` in it meets `fault`, if one is set."""

    def __init__(self, connect: Callable[[], socket.socket], marker: bytes) -> None:
        """`connect` opens a connection to the server."""
        self._connect, self._marker = connect, marker
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._fault, self._until = None, 0
        self._lock = threading.Lock()
        self.seen = 0
        self.struck = threading.Event()
        """Set when the request met its fault; for PERSISTED and TIMED_OUT, when the server has answered it."""
        self._released = threading.Event()
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._listener.close()
        for end in self._open:
            _cut(end)

    def fail(self, nth: int, fault: Fault) -> None:
        """Let the `nth` request from now on, counted from 1, meet `fault`."""
        with self._lock:
            self.seen, self._until, self._fault = 0, nth, fault
            self.struck.clear()
            self._released.clear()

    def release(self) -> None:
        """Deliver the answer that is held back."""
        self._released.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = self._connect()
                self._open += [client, server]
                fate: list[Fault] = []
                threading.Thread(target=self._up, args=(client, server, fate), daemon=True).start()
                threading.Thread(target=self._down, args=(client, server, fate), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, fate: list[Fault]) -> None:
        for data in _pieces(client):
            fault = self._meets(data)
            if fault is Fault.NOT_PERSISTED:
                _cut(client)
                _cut(server)
                self.struck.set()
                return
            if fault is not None:
                fate.append(fault)
            with contextlib.suppress(OSError):
                server.sendall(data)
        _cut(server)

    def _down(self, client: socket.socket, server: socket.socket, fate: list[Fault]) -> None:
        for data in _pieces(server):
            if fate:
                self.struck.set()
                if fate.pop() is Fault.PERSISTED:
                    _cut(server)
                    break
                self._released.wait()
            with contextlib.suppress(OSError):
                client.sendall(data)
        _cut(client)

    def _meets(self, data: bytes) -> Fault | None:
        with self._lock:
            if self._marker not in data:
                return None
            self.seen += 1
            return self._fault if self.seen == self._until else None


def _pieces(end: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        while data := end.recv(65536):
            yield data


def _cut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        end.close()


def to_postgres(folder: str, port: int) -> Callable[[], socket.socket]:
    """Connect to a server that listens on the socket `.s.PGSQL.<port>` in `folder`."""

    def connect() -> socket.socket:
        end = socket.socket(socket.AF_UNIX)
        end.connect(f"{folder}/.s.PGSQL.{port}")
        return end

    return connect
