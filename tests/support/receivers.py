"""HTTP servers that are sent events: one that takes them, and those that do everything else. Real sockets, no stub."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What came: headers and body of each request, by path. `/ok` takes what comes; the other paths do as they say."""

    url: str
    came: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    """By which names TLS was begun."""
    let_go: threading.Event = field(default_factory=threading.Event)

    def at(self, path: str) -> list[tuple[dict[str, str], bytes]]:
        return [(headers, body) for there, headers, body in self.came if there == path]


Answer = Callable[[BaseHTTPRequestHandler, Receiver], None]


def status(code: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, _receiver: Receiver) -> None:
        handler.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return answer


def slow(handler: BaseHTTPRequestHandler, receiver: Receiver) -> None:
    receiver.let_go.wait(60)
    status(200)(handler, receiver)


def sleepy(handler: BaseHTTPRequestHandler, receiver: Receiver) -> None:
    receiver.let_go.wait(0.1)
    status(200)(handler, receiver)


def trickling(handler: BaseHTTPRequestHandler, receiver: Receiver) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while not receiver.let_go.is_set():
        handler.wfile.write(b"x")
        time.sleep(0.02)


def endless(handler: BaseHTTPRequestHandler, receiver: Receiver) -> None:
    """Takes it, and answers with more than anybody reads."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n")
    while not receiver.let_go.is_set():
        handler.wfile.write(b"x" * 65_536)


def closing(handler: BaseHTTPRequestHandler, _receiver: Receiver) -> None:
    handler.close_connection = True


def babbling(handler: BaseHTTPRequestHandler, _receiver: Receiver) -> None:
    handler.wfile.write(b"no HTTP at all\r\n\r\n")


ANSWERS: dict[str, Answer] = {
    "/ok": status(204),
    "/other": status(200),
    "/broken": status(500, Set_Cookie="tenant=7; Path=/"),
    "/moved": status(302, Location="/ok"),
    "/gone": status(410),
    "/busy": status(429, Retry_After="3600"),
    "/never": status(503, Retry_After=f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"),
    "/slow": slow,
    "/sleepy": sleepy,
    "/trickling": trickling,
    "/endless": endless,
    "/closing": closing,
    "/babbling": babbling,
}


@contextmanager
def receiver(context: ssl.SSLContext | None = None, at: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[Receiver]:
    """Listen on loopback, by TLS with a context."""
    found = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.came.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.close_connection = True
            with suppress(OSError):
                ANSWERS[self.path](self, found)

        def log_message(self, *_words: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_words: object) -> None:
            """Somebody went away in the middle; that is what is tested."""

    server = Server(at, Handler)
    scheme = "http"
    if context is not None:
        scheme = "https"
        context.sni_callback = lambda _socket, name, _context: found.names.append(name)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    found.url = f"{scheme}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        found.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()
