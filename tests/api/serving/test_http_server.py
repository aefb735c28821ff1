"""The HTTP server under people who hold, trickle, do not read, and write what is no HTTP."""

import contextlib
import logging
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anchoring.connections import Limits
from api.installation import logs
from api.serving import http_server
from api.serving.http_requests import HEAD_BYTES
from api.serving.http_server import BoundedServer

HOST = "127.0.0.1"
WAIT_S = 20
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE_BYTES = 32 << 20
SHORT = dict.fromkeys(http_server._ALLOWED_S, 0.5) | {http_server._ANSWER: float("inf")}


async def app(scope, receive, send):
    """Read the body, then answer: what is large, largely."""
    if scope["type"] == "lifespan":
        return
    while (message := await receive())["type"] == "http.request" and message.get("more_body"):
        pass
    body = b"a" * LARGE_BYTES if scope["path"] == "/large" else b"ok"
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serving(limits: Limits, app=app) -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind((HOST, 0))
        listener.listen()
        server = BoundedServer(app, limits)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def port() -> Iterator[int]:
    with serving(Limits(40, 20)) as port:
        yield port


@pytest.fixture
def short(monkeypatch) -> None:
    monkeypatch.setattr(http_server, "_ALLOWED_S", SHORT)
    monkeypatch.setattr(http_server, "KEEP_ALIVE_S", 60)
    monkeypatch.setattr(http_server, "TAKE_S", 0.5)
    monkeypatch.setattr(http_server, "TAKE_RATE", LARGE_BYTES)


def connect(port: int, source: str = HOST) -> socket.socket:
    return socket.create_connection((HOST, port), WAIT_S, (source, 0))


def ask(port: int, request: bytes = GET, source: str = HOST) -> bytes:
    """Send, and read until the other end has nothing more to say."""
    with connect(port, source) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def is_over(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize(
    ("start", "trickled", "status"),
    [
        (b"", b"", b""),
        (b"G", b"", b" 408 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: ", b"a", b" 408 "),
        (POST[:-4] + b"00\r\n\r\n", b"a", b" 408 "),
        (POST[:30], b"", b" 408 "),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n", b" 408 "),
        (GET, b"", b" 200 "),
        (GET + GET, b"", b" 200 "),
        (GET + GET[:9], b"", b" 200 "),
    ],
)
@pytest.mark.usefixtures("short")
def test_whoever_lets_us_wait_is_let_go(port, start, trickled, status):
    with connect(port) as connection:
        connection.sendall(start)
        began, answered = time.monotonic(), b""
        connection.settimeout(0.05)
        while time.monotonic() - began < WAIT_S:
            try:
                connection.sendall(trickled)
                got = connection.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not got:
                break
            answered += got
        assert time.monotonic() - began < 5
        assert status in answered


@pytest.mark.usefixtures("short")
def test_a_reader_who_takes_nothing_is_let_go_and_one_who_takes_slowly_is_not(port):
    with connect(port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(LARGE)
        time.sleep(3)
        taken = 0
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(1 << 20):
                taken += len(piece)
        assert taken < LARGE_BYTES
    assert len(ask(port, LARGE)) > LARGE_BYTES


@pytest.mark.parametrize("start", [b"", GET[:20], POST, GET])
def test_a_crowd_from_one_address_keeps_nobody_else_out_and_not_even_its_own(port, start):
    crowd = []
    for _ in range(120):
        crowd.append(connect(port))
        crowd[-1].sendall(start)
    began = time.monotonic()
    assert b" 200 " in ask(port, source="127.0.0.2")
    assert b" 200 " in ask(port)
    assert time.monotonic() - began < 5  # the deadline for a first byte is twice that
    assert sum(not is_over(one) for one in crowd) <= 40
    for one in crowd:
        one.close()


def test_a_crowd_from_many_addresses_keeps_nobody_out(port):
    crowd = [connect(port, f"127.0.1.{1 + number}") for number in range(120)]
    began = time.monotonic()
    assert b" 200 " in ask(port, source="127.0.0.2")
    assert time.monotonic() - began < 5  # the deadline for a first byte is twice that
    for one in crowd:
        one.close()


def test_whoever_is_read_slowly_can_be_shed(port):
    with contextlib.ExitStack() as crowd:
        for _ in range(30):
            reader = crowd.enter_context(connect(port))
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(LARGE)
            assert reader.recv(1)  # its answer waits for it: who is still being answered keeps a place
        assert b" 200 " in ask(port)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
)
def test_what_is_no_http_is_a_problem_and_nothing_is_logged(port, request_bytes, capfd):
    with connect(port) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(request_bytes)
        answer = connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    is_large = len(request_bytes) > HEAD_BYTES
    assert answer.startswith(b"HTTP/1.1 431 " if is_large else b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert b"nosniff" in head
    assert (b"head-too-large" if is_large else b"unreadable-request") in body
    assert capfd.readouterr() == ("", "")


def test_many_requests_at_once_are_answered_in_turn(port):
    assert ask(port, GET * 500).count(b" 200 ") == 500


def test_what_the_system_has_no_descriptors_for_fills_no_log(capfd):
    """More connections than descriptors: it says so some times, and goes on when there are some again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving(Limits(10_000, 10_000)) as port:
        spare = len(list(Path("/proc/self/fd").iterdir()))
        crowd = [connect(port) for _ in range(40)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 60, hard))
        try:
            time.sleep(1.5)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for one in crowd:
            one.close()
    assert len(capfd.readouterr().err) < 100_000


def test_a_library_that_repeats_itself_is_bounded(capfd):
    logs.bound_libraries()
    logger = logging.getLogger("asyncio")
    for number in range(10_000):
        logger.error("a thing that repeats itself, number %d\x1b[2J", number)
    said = capfd.readouterr()
    assert said.err.count("repeats itself, number %d") == logs.LINES_A_MINUTE
    assert "\x1b" not in said.err
