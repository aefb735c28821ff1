"""HTTP/1.1 as bytes: one request at a time, and none that two readers could take for two."""

import json
import socket
import time
from collections.abc import Iterator

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from anchoring.connections import Limits
from api.serving.http_requests import HEAD_BYTES
from tests.api.serving.test_http_server import connect, serving

HEAD = b"POST /a HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
WITH_BODY = HEAD + b"Content-Length: 8\r\n\r\na\r\n\r\nb\r\n"
IN_CHUNKS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\na\r\n\r\n5;x=y\r\n\r\nb\r\n\r\n0\r\nX-After: no\r\n\r\n"


async def echo(scope, receive, send) -> None:
    """Answer with what was understood, after everything that came was read."""
    if scope["type"] == "lifespan":
        return
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    names = sorted(name.decode() for name, _ in scope["headers"])
    said = json.dumps([scope["method"], scope["path"], scope["http_version"], body.decode(), names]).encode() + b"\n"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
    await send({"type": "http.response.body", "body": said})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(Limits(40, 20), echo) as port:
        yield port


def talk(port: int, *pieces: bytes) -> bytes:
    """Send pieces, each by itself, and read until the other end is silent for a while or gone."""
    with connect(port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.002)
        connection.settimeout(0.5)
        answered = b""
        try:
            while got := connection.recv(65536):
                answered += got
        except (TimeoutError, ConnectionError):
            pass
        return answered


def understood(answered: bytes) -> list[list]:
    return [json.loads(line) for line in answered.split(b"\n") if line.startswith(b"[")]


def each(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


A = ["POST", "/a", "1.1", "a\r\n\r\nb\r\n"]
B = ["GET", "/b", "1.1", ""]


@pytest.mark.parametrize("cut", [len, lambda _: 1, lambda _: 7], ids=["whole", "bytes", "sevens"])
def test_requests_behind_each_other_are_understood_however_they_are_cut(port, cut):
    data = GET + WITH_BODY + IN_CHUNKS + GET + b"\r\n" + IN_CHUNKS + WITH_BODY
    size = cut(data)
    answered = talk(port, *(data[at : at + size] for at in range(0, len(data), size)))
    assert [said[:4] for said in understood(answered)] == [B, A, A, B, A, A]
    assert answered.count(b"HTTP/1.1 200 ") == 6


def test_a_header_after_the_body_is_for_nobody(port):
    assert understood(talk(port, IN_CHUNKS))[0][4] == ["host", "transfer-encoding"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        HEAD + b"Content-Length: 1, 1\r\n\r\na",
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 26\r\n\r\n" + GET,
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n A: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\naa\r\n",
    ],
)
def test_what_two_readers_may_read_differently_is_refused_and_ends_the_connection(port, request_bytes):
    answered = talk(port, request_bytes + GET)
    assert answered.startswith(b"HTTP/1.1 400 ")
    assert answered.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "start",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nA: ",
        b"GET /",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: ",
    ],
)
@pytest.mark.parametrize("piece", [1000, 1_000_000])
def test_what_never_ends_is_refused_after_its_bound(port, start, piece):
    with connect(port) as connection:
        connection.sendall(start)
        try:
            for _ in range(0, 1_000_000, piece):
                connection.sendall(b"a" * piece)
            answered = connection.recv(65536)
        except ConnectionError:
            return  # it was refused while more was on its way
    status = b"400" if b"chunked" in start else b"431"
    assert answered.startswith(b"HTTP/1.1 " + status)


def test_the_longest_head_is_taken_and_one_byte_more_is_not(port):
    start = b"GET /b HTTP/1.1\r\nHost: x\r\nA: "
    room = HEAD_BYTES - len(start)
    assert understood(talk(port, start + b"a" * room + b"\r\n\r\n"))[0][:4] == B
    answered = talk(port, start + b"a" * (room + 1) + b"\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"urn:gramledger:problem:head-too-large" in answered


def test_another_protocol_is_offered_in_vain(port):
    offered = b"GET /b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    answered = talk(port, offered)
    assert understood(answered)[0][:4] == B
    assert b"connection: close" in answered


def test_garbage_behind_a_request_is_told_after_its_answer(port):
    answered = talk(port, GET + b"\x16\x03\x01")
    assert answered.index(b" 200 ") < answered.index(b" 400 ")


@pytest.mark.parametrize("size", [b"2ee0", b"2EE0;a=b", b"00002ee0"])
def test_a_chunk_is_read_as_a_whole_whatever_is_in_it(port, monkeypatch, size):
    """A body of nothing but line ends would otherwise cost a hundred times what it costs to send."""
    read, pieces = HttpToolsProtocol.data_received, []
    monkeypatch.setattr(HttpToolsProtocol, "data_received", lambda self, data: (pieces.append(data), read(self, data)))
    request = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n" + b"\n" * 12_000 + b"\r\n0\r\n\r\n"
    (said,) = understood(talk(port, request))
    assert said[3] == "\n" * 12_000
    assert b"".join(pieces) == request
    assert len(pieces) < 20


@pytest.mark.parametrize("after", [b"20\r\n", b"20;x: y\r\n", b"20: y\r\n", b"\n20\r\n"])
def test_what_looks_like_a_chunk_after_the_last_takes_nothing_of_the_next_request(port, after):
    body = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + after
    paths = [said[1] for said in understood(talk(port, body + b"\r\n" + GET + GET))]
    assert paths in ([], ["/a"], ["/a", "/b", "/b"])
