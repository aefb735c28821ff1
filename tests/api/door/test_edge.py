"""What every answer has, whoever asks for it and however."""

import asyncio
import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from api.door import edge
from api.door.edge import Edge
from tests.support.loops import run
from tests.support.rest import http, is_problem

PATHS = (
    "/", "/search?q=1", "/nothing", "/v1/about", "/v1/nothing", "/v1/accounts/1", "/v1/state?first=x",
    "/log/checkpoint", "/log/nothing", "/chain", "/openapi.json", "/static/nothing", "/static/css/tokens.css",
)  # fmt: skip


def raw(live, request: bytes) -> bytes:
    where = urlsplit(live.url)
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "BREW"])
def test_no_browser_takes_an_answer_for_something_else(live, path, method):
    answer = http.request(method, live.url + path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff", answer.status_code
    assert answer.status_code < 500


@pytest.mark.parametrize("path", ["/v1/about/", "/static", "/account/", "/log/", "/openapi.json/"])
def test_nobody_is_sent_to_the_host_that_his_request_names(live, path):
    answer = raw(live, f"GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode())
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 404 ")
    assert b"location" not in head
    assert b"evil.example" not in head


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ("bytes=99999999-", 416, "range-not-satisfiable"),
        ("bytes=9-1", 400, "unreadable-request"),
        ("x", 400, "unreadable-request"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/static/css/tokens.css", "/log/{tile}"])
def test_a_range_that_is_not_there_is_a_problem(live, path, method, asked, status, code):
    live.publish()
    tile = next((live.site.folder.log / "tile" / "entries").rglob("0*"))
    name = tile if tile.is_file() else next(tile.iterdir())
    path = path.format(tile=name.relative_to(live.site.folder.log))
    answer = http.request(method, f"{live.url}/{path.lstrip('/')}", headers={"Range": asked})
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert ("Content-Range" in answer.headers) == (status == 416)
    if method == "GET":
        assert is_problem(answer, status, code)


@pytest.mark.parametrize(
    ("version", "lengths"),
    [
        ("1.1", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
        ("1.1", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"),
        ("1.0", "Transfer-Encoding: chunked\r\n"),
        ("1.1", "Transfer-Encoding: gzip, chunked\r\n"),
        ("1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    ],
)
def test_a_body_that_ends_at_two_places_is_refused_and_nothing_after_it_is_a_request(live, version, lengths):
    smuggled = "GET /v1/about HTTP/1.1\r\nHost: x\r\n\r\n"
    request = f"POST /chain HTTP/{version}\r\nHost: x\r\n{lengths}\r\n0\r\n\r\n{smuggled}"
    answer = raw(live, request.encode())
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 "))
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"application/problem+json" in answer


def test_http_1_0_gets_one_answer(live):
    answer = raw(live, b"GET /v1/about HTTP/1.0\r\n\r\nGET /v1/about HTTP/1.0\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 ") == 1


def test_a_body_that_breaks_off_is_no_defect(live, capfd):
    """It was one, of two tracebacks: under siege half a megabyte of them."""
    where = urlsplit(live.url)
    for path in ("/chain", "/v1/accounts/1/conversions"):
        with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
            connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{{".encode())
    time.sleep(0.5)  # nothing says that the server has seen the end
    assert capfd.readouterr() == ("", "")


class Visitor:
    """Sends a request to an application, and keeps the answer. A body that is None never comes to its end."""

    def __init__(self, address: str, body: bytes | None = b"") -> None:
        self.scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "path": "/v1/x", "headers": [],
            "client": (address, 1),
        }  # fmt: skip
        self._body, self.status, self.said, self.is_read = body, None, b"", asyncio.Event()

    async def receive(self) -> dict:
        if self._body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message: dict) -> None:
        self.status = message.get("status", self.status)
        self.said += message.get("body", b"")
        if message["type"] == "http.response.body":
            await self.is_read.wait()

    def ask(self, app: Edge) -> asyncio.Task:
        return asyncio.ensure_future(app(self.scope, self.receive, self.send))


class Slow:
    """An application that works on each request until it is let go, then says what it was sent."""

    def __init__(self) -> None:
        self.working, self.go = [], asyncio.Event()

    async def __call__(self, scope, receive, send) -> None:
        self.working.append(scope["client"][0])
        await self.go.wait()
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_an_address_has_its_share_of_the_requests_under_way_and_a_network_is_one_address():
    """Each of the crowd has an address of its own, all in one network; bodies that do not end take no place."""

    async def scene() -> None:
        slow = Slow()
        app = Edge(slow, apart="/chain")
        crowd = [Visitor(f"2001:db8::{number:x}", b"a") for number in range(1, 41)]
        silent = [Visitor("192.0.2.1", None) for _ in range(40)]
        other = Visitor("192.0.2.2", b"b")
        tasks = [visitor.ask(app) for visitor in (*silent, *crowd, other)]
        await settled()
        assert slow.working == [one.scope["client"][0] for one in (*crowd[: edge.OF_ONE], other)]
        slow.go.set()
        await settled()
        for visitor in (*crowd, other):  # nobody reads, and everybody was worked for
            assert visitor.status == 200
            visitor.is_read.set()
        await asyncio.gather(*tasks[len(silent) :])
        assert {visitor.said for visitor in crowd} == {b"a"}
        assert other.said == b"b"
        for task in tasks[: len(silent)]:
            task.cancel()

    run(scene())


def test_whoever_waits_too_long_for_his_turn_is_told_to_come_back(monkeypatch):
    monkeypatch.setattr(edge, "WAIT_S", 0.05)

    async def scene() -> None:
        slow = Slow()
        app = Edge(slow, apart="/chain")
        working = [Visitor("192.0.2.1").ask(app) for _ in range(edge.OF_ONE)]
        late = Visitor("192.0.2.1")
        late.is_read.set()
        await asyncio.wait_for(late.ask(app), 5)
        assert (late.status, json.loads(late.said)["type"]) == (503, "urn:gramledger:problem:busy")
        for task in working:
            task.cancel()

    run(scene())
