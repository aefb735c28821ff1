"""The two sources a log is read from: a folder, and a real HTTP server that misbehaves."""

import contextlib
import gzip
import os
import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from anchoring.errors import Malformed, Unreachable
from anchoring.tree import sources
from anchoring.tree.sources import DirectorySource, HttpSource

TILE = bytes(range(256)) * 32
COMPRESSED = gzip.compress(TILE)
ANSWERS = {
    "/log/plain": (200, {}, TILE),
    "/log/zipped": (200, {"Content-Encoding": "gzip"}, COMPRESSED),
    "/log/identity": (200, {"Content-Encoding": "identity"}, TILE),
    "/log/bomb": (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(50_000_000))),
    "/log/cut": (200, {"Content-Encoding": "gzip"}, COMPRESSED[:-9]),
    "/log/twice": (200, {"Content-Encoding": "gzip"}, COMPRESSED * 2),
    "/log/nozip": (200, {"Content-Encoding": "gzip"}, b"not gzip"),
    "/log/brotli": (200, {"Content-Encoding": "br"}, TILE),
    "/log/long": (200, {}, TILE * 100),
    "/log/slightlylong": (200, {}, TILE + b"x"),
    "/log/elsewhere": (302, {"Location": "/log/plain"}, b""),
    "/log/refused": (403, {}, b""),
    "/log/down": (503, {}, b""),
    "/log/short": (200, {"Content-Length": "9000"}, TILE),
}


class Misbehaving(BaseHTTPRequestHandler):
    asked: Counter[str]

    def do_GET(self):
        self.asked[self.path] += 1
        status, headers, body = ANSWERS.get(self.path, (404, {}, b""))
        if self.path == "/log/flaky":
            status, body = (200, TILE) if self.asked[self.path] == 3 else (503, b"")
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the reader may have seen enough
            self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    handler = type("Handler", (Misbehaving,), {"asked": Counter()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def source(server):
    with HttpSource(f"http://127.0.0.1:{server.server_port}/log/") as opened:
        yield opened


@pytest.mark.parametrize("path", ["plain", "zipped", "identity", "flaky"])
def test_what_is_there_is_read(source, path):
    assert source.read(path, len(TILE)) == TILE


@pytest.mark.parametrize(
    ("path", "error", "sentence"),
    [
        ("missing", Unreachable, "status 404"),
        ("refused", Unreachable, "status 403"),
        ("elsewhere", Unreachable, "status 302"),
        ("down", Unreachable, "status 503"),
        ("short", Unreachable, "does not answer"),
        ("long", Malformed, "longer than 8192"),
        ("slightlylong", Malformed, "longer than 8192"),
        ("bomb", Malformed, "longer than 8192"),
        ("cut", Malformed, "one whole gzip stream"),
        ("twice", Malformed, "one whole gzip stream"),
        ("nozip", Malformed, "not the gzip"),
        ("brotli", Malformed, "not asked for"),
    ],
)
def test_what_is_wrong_is_told(source, path, error, sentence):
    with pytest.raises(error, match=sentence):
        source.read(path, len(TILE))


def test_only_what_may_pass_is_tried_again_and_not_for_ever(source, server):
    for path in ("down", "missing", "elsewhere"):
        with pytest.raises(Unreachable):
            source.read(path, 1)
    asked = server.RequestHandlerClass.asked
    assert asked == {"/log/down": 3, "/log/missing": 1, "/log/elsewhere": 1}


def test_a_server_that_is_gone_is_unreachable(server):
    url = f"http://127.0.0.1:{server.server_port}/log"
    server.socket.close()
    with HttpSource(url) as source, pytest.raises(Unreachable, match="does not answer"):
        source.read("plain", 1)


@pytest.mark.parametrize(
    "url", ["", "log", "ftp://example.com/", "http://", "http://\x00/", "http://e.example/?a=b", "file:///x"]
)
def test_what_is_no_url_of_a_log_is_malformed(url):
    with pytest.raises(Malformed, match="http://"):
        HttpSource(url)


@pytest.mark.parametrize("url", ["http://a..b/", "http://127.0.0.1:99999999/", f"http://{'a' * 300}/"], ids=range(3))
def test_a_host_that_cannot_be_is_unreachable(url):
    with HttpSource(url) as source, pytest.raises(Unreachable):
        source.read("checkpoint", 100)


BAD_PATHS = [
    "",
    "/",
    "..",
    "../secret",
    "tile/../../secret",
    "/etc/passwd",
    "tile//0",
    "tile/",
    ".tmp",
    "a\x00b",
    "a b",
    "a?b",
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_paths_that_no_log_has_are_not_asked_for(tmp_path, source, server, path):
    for opened in (DirectorySource(tmp_path), source):
        with pytest.raises(Malformed, match="a log has no file"):
            opened.read(path, 100)
    assert not server.RequestHandlerClass.asked


def test_a_folder_is_read_within_the_limit(tmp_path):
    (tmp_path / "tile").mkdir()
    (tmp_path / "tile/000").write_bytes(TILE)
    source = DirectorySource(tmp_path)
    assert source.read("tile/000", len(TILE)) == TILE
    with pytest.raises(Malformed, match="longer than 8191"):
        source.read("tile/000", len(TILE) - 1)
    for path in ("tile/001", "tile", "tile/000/000", "checkpoint"):
        with pytest.raises(Unreachable, match="cannot be read"):
            source.read(path, 100)


@pytest.mark.parametrize(
    "greeting", [b"", b"HTTP/1.1 200 OK\r\nX-Endless: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["line", "headers", "body"]
)
def test_a_server_that_trickles_is_left_at_the_deadline(monkeypatch, greeting):
    """Each byte comes in time; all of them together never would."""
    monkeypatch.setattr(sources, "FILE_DEADLINE_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=trickle, args=(listener, greeting), daemon=True).start()
        started = time.monotonic()
        with HttpSource(f"http://127.0.0.1:{listener.getsockname()[1]}") as source, pytest.raises(Unreachable):
            source.read("checkpoint", 1000)
        assert time.monotonic() - started < 5


def trickle(listener, greeting):
    """Answer whoever connects with the greeting, and then one byte after another."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.sendall(greeting)
            while True:
                connection.sendall(b"H")
                time.sleep(0.05)


@pytest.mark.parametrize("is_in_the_way", [False, True])
def test_what_is_no_file_does_not_hold_a_reader_up(tmp_path, is_in_the_way):
    """A named pipe without a writer blocks whoever opens it; a folder that somebody else made may hold one."""
    os.mkfifo(tmp_path / "pipe")
    if is_in_the_way:
        (tmp_path / "checkpoint").symlink_to(tmp_path / "pipe")
    else:
        (tmp_path / "pipe").rename(tmp_path / "checkpoint")
    read = threading.Thread(target=refuses, args=(tmp_path,), daemon=True)
    read.start()
    read.join(5)
    assert not read.is_alive()


def refuses(folder):
    with pytest.raises(Unreachable, match="no regular file"):
        DirectorySource(folder).read("checkpoint", 1000)


def test_a_device_is_no_file_of_a_log(tmp_path):
    (tmp_path / "checkpoint").symlink_to("/dev/zero")
    refuses(tmp_path)
