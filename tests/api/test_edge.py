"""What every answer has, whoever asks for it and however."""

import socket
from urllib.parse import urlsplit

import pytest

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
    [("bytes=99999999-", 416, "range-not-satisfiable"), ("bytes=9-1", 400, "malformed"), ("x", 400, "malformed")],
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
