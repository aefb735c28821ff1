"""The public log over HTTP: content types, caches, HEAD, and nothing outside its folder, however it is asked for."""

import json
import socket
from urllib.parse import urlsplit

import pytest

from anchoring.auditing.audit import audit
from anchoring.chain.client import AnchorClient
from anchoring.checkpoint import open_checkpoint
from anchoring.tree.sources import HttpSource
from tests.support.rest import Caller, is_problem, person_with


@pytest.fixture(scope="module")
def log(live) -> Caller:
    """Anybody, when at least one movement is published and anchored."""
    person_with(live, 10)
    live.publish()
    return Caller(live.url)


def test_the_checkpoint_is_text_that_soon_is_stale(log):
    answer = log.get("/log/checkpoint")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=1, must-revalidate"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    about = log.get("/v1/about").json()
    assert open_checkpoint(answer.content, about["log"]["vkey"]).checkpoint.size > 0


def size_of(live, log) -> int:
    return open_checkpoint(log.get("/log/checkpoint").content, live.site.log_signer.verifier.vkey).checkpoint.size


def test_tiles_and_bundles_are_bytes_for_good(live, log):
    size = size_of(live, log)
    full, rest = divmod(size, 256)
    name = f"{full:03d}.p/{rest}" if rest else f"{full - 1:03d}"
    width = rest or 256
    for path, length in ((f"/log/tile/0/{name}", 32 * width), (f"/log/tile/entries/{name}", 116 * width)):
        answer = log.get(path)
        assert (answer.status_code, len(answer.content)) == (200, length)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        head = log.ask("HEAD", path)
        assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(length))
        part = log.get(path, headers={"Range": "bytes=0-31"})
        assert (part.status_code, part.content) == (206, answer.content[:32])
    assert log.ask("HEAD", "/log/checkpoint").headers["Content-Length"] != "0"


def test_documents_are_lines_of_json_for_good(live, log):
    size = size_of(live, log)
    path = "/log/document/000" if size >= 256 else f"/log/document/000.p/{size}"
    answer = log.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/jsonl"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    indices = [json.loads(line)["index"] for line in answer.content.splitlines()]
    assert indices == sorted(set(indices))
    head = log.ask("HEAD", path)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(answer.content)))
    part = log.get(path, headers={"Range": "bytes=0-31"})
    assert (part.status_code, part.content) == (206, answer.content[:32])


def test_tiles_that_are_not_there_are_not_cached(log):
    for path in (
        "document/999",
        "document/000.p/0",
        "document/0/000",
        "document/entries/000",
        "tile/0/999",
        "tile/63/000",
        "tile/0/x001/000",
        "tile/entries/000.p/0",
        "tile/0/000.p/256",
        "x" * 200,
    ):
        answer = log.get(f"/log/{path}")
        assert is_problem(answer, 404, "not-found")
        assert "Cache-Control" not in answer.headers


ESCAPES = [
    "../keys/log.key",
    "..%2fkeys%2flog.key",
    "%2e%2e/keys/log.key",
    "%2e%2e%2fkeys%2flog.key",
    "%252e%252e%252fkeys",
    "tile/../../keys/log.key",
    "tile/%2e%2e/%2e%2e/keys/log.key",
    "tile/0/../../../keys/log.key",
    "..%5ckeys%5clog.key",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "checkpoint/../../gramledger.json",
    "checkpoint%00",
    "tile/0/999%00",
    "tile/0/999%0a",
    "tile/0/999.p/1%0a",
    "tile/0/%EF%BC%90%EF%BC%90%EF%BC%90",
    "tile/0/999?/../../keys",
    "document/../../keys/log.key",
    "document/999%00",
    "document",
    "tile/document/000",
    "tile/64/000",
    "tile/00/000",
    "tile/-1/000",
    "tile/0/0",
    "tile/0/",
    "tile",
    ".",
    "",
    "tile/0/" + "x000/" * 1000 + "000",
]


@pytest.mark.parametrize("path", ESCAPES)
def test_nothing_but_the_log_is_read(log, path):
    """Sent by hand: a client would tidy the dots away."""
    address = urlsplit(log.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(f"GET /log/{path} HTTP/1.0\r\nHost: {address.netloc}\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    assert answer.split(b" ")[1] in {b"400", b"404", b"422"}
    for secret in (b"PRIVATE+KEY", b"root:", b'"origin"'):
        assert secret not in answer


def test_links_out_of_the_log_are_not_followed(live, log):
    folder = live.site.folder.log / "tile" / "0"
    out, ring = folder / "998", folder / "997"
    out.symlink_to(live.site.folder.path / "gramledger.json")
    ring.symlink_to(ring)
    try:
        assert [log.get(f"/log/tile/0/{name}").status_code for name in ("998", "997")] == [404, 404]
    finally:
        out.unlink()
        ring.unlink()


def test_half_written_files_are_not_served(live, log):
    half = live.site.folder.log / "tile" / "0" / ".half"
    half.write_bytes(b"half")
    try:
        assert log.get("/log/tile/0/.half").status_code == 404
    finally:
        half.unlink()


def test_the_log_that_is_served_passes_the_audit(live, log):
    about = log.get("/v1/about").json()
    with (
        HttpSource(about["log"]["url"]) as source,
        AnchorClient(about["chain"]["rpc"], about["chain"]["contract"]) as chain,
    ):
        report = audit(source, about["log"]["vkey"], chain)
    assert report.faults == ()
    assert report.size == report.leaves_read == size_of(live, log)
    assert report.anchors == report.anchors_compared
    assert report.anchors
