"""A log that does its worst: bounded in time and memory, a clear reason, no crash, and nothing cosigned of it."""

import gzip
import json
import threading
import time
from contextlib import closing, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from anchoring.checkpoint import Checkpoint, sign
from anchoring.errors import Unreachable
from anchoring.merkle import leaf_hash, verify_inclusion
from anchoring.note import ED25519, MAX_NOTE, Signer
from anchoring.tree.fetching import Batch
from anchoring.tree.sources import HttpSource
from anchoring.tree.tiles import DirectorySource
from anchoring.witness.protocol import Request
from tests.support.dying import SMALL
from tests.support.synthetic_log import FIRST_LIFE, LIFE, ORIGIN, SIGNER, lawful_leaves
from tests.support.unlawful import COHORT, what_its_sibling_took
from tests.support.witnessing import Grown, signed, witness_in

LEAVES = lawful_leaves(900, cohort=8)
LAST_BUNDLE = "tile/entries/001.p/10"
"""Of a single cohort, with the leaf that `what_its_sibling_took` spoils."""
BUNDLE = "tile/entries/001"
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


@pytest.fixture
def log(tmp_path):
    return Grown(tmp_path / "log")


def refused(witness, request: bytes, status: int) -> str:
    answer = witness.add_checkpoint(request)
    assert answer.status == status, answer.body
    said = answer.body.decode()
    assert said.endswith("\n")
    assert said[:-1].isprintable()
    assert witness.last_checkpoint().status == 404
    return said


@pytest.mark.parametrize(
    "alter",
    [
        lambda data: data[:0],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data * 1000,
        lambda data: data[116:],
        lambda data: b"\0\0" + data[2:],
        lambda data: b"\xff" * len(data),
        lambda data: data[:116] * 256,
        lambda data: data[116:232] + data[:116] + data[232:],
    ],
    ids=["empty", "cut", "longer", "endless", "an entry less", "of length 0", "ones", "one leaf 256 times", "swapped"],
)
@pytest.mark.parametrize("batch", [SMALL, Batch()], ids=["batches", "one batch"])
def test_a_bundle_that_is_none_of_the_tree(tmp_path, log, batch, alter):
    request = log.request(0, log.grow(LEAVES))
    bundle = log.folder / BUNDLE
    true = bundle.read_bytes()
    bundle.write_bytes(alter(true))
    with witness_in(tmp_path / "state", log.folder, batch=batch) as witness:
        refused(witness, request, 422 if len(alter(true)) == len(true) and alter(true)[:2] == true[:2] else 503)
        bundle.write_bytes(true)
        assert witness.add_checkpoint(request).status == 200


class Changing:
    """A log whose bundle is another one each time it is read."""

    def __init__(self, folder, other: bytes) -> None:
        self._source, self._other, self.reads = DirectorySource(folder), other, 0

    def read(self, path: str, limit: int) -> bytes:
        if path == LAST_BUNDLE:
            self.reads += 1
            if self.reads > 1:
                return self._other
        return self._source.read(path, limit)


def test_a_bundle_that_changes_between_two_reads_does_not_spoil_the_evidence(tmp_path, log):
    """What was judged is what is kept, though the log by now serves a lawful leaf in its place."""
    leaves = lawful_leaves(FIRST_LIFE + LIFE * COHORT, cohort=COHORT)
    lawful = leaves.copy()
    what_its_sibling_took(leaves)
    request = log.request(0, log.grow(leaves))
    Grown(tmp_path / "other").grow(lawful)
    source = Changing(log.folder, (tmp_path / "other" / LAST_BUNDLE).read_bytes())
    with witness_in(tmp_path / "state", source) as witness:
        assert "OVERLAP" in refused(witness, request, 422)
    (kept,) = (tmp_path / "state" / "evidence").iterdir()
    said = json.loads(kept.read_text())
    assert source.reads == 1
    for one in said["leaves"]:
        proof = [bytes.fromhex(node) for node in one["proof"]]
        assert verify_inclusion(
            one["index"], FIRST_LIFE + LIFE * COHORT, leaf_hash(bytes.fromhex(one["leaf"])), proof, log.builder.root()
        )


class Stuck:
    """A log that does not answer until it is let go."""

    def __init__(self, folder) -> None:
        self._source, self.let_go = DirectorySource(folder), threading.Event()

    def read(self, path: str, limit: int) -> bytes:
        if not self.let_go.wait(60):
            raise Unreachable("never")
        return self._source.read(path, limit)


def test_a_log_that_does_not_answer_is_given_up(tmp_path, log):
    request = log.request(0, log.grow(LEAVES))
    source = Stuck(log.folder)
    with witness_in(tmp_path / "state", source, batch=Batch(256, 0.2)) as witness:
        assert "takes more than 0.2 s" in refused(witness, request, 503)
        source.let_go.set()
        for _ in range(100):
            if witness.add_checkpoint(request).status == 200:
                break
            time.sleep(0.05)
        else:
            pytest.fail("it does not go on")


class Hostile(BaseHTTPRequestHandler):
    """Answers for one bundle what `answer` says, for the rest what the folder holds."""

    protocol_version = "HTTP/1.1"

    def __init__(self, folder, answer, *args) -> None:
        self._folder, self._answer = folder, answer
        super().__init__(*args)

    def do_GET(self) -> None:
        self.close_connection = True
        try:
            if self.path.startswith(f"/{BUNDLE}"):
                self._answer(self.wfile)
            else:
                data = (self._folder / self.path.lstrip("/")).read_bytes()
                self.wfile.write(
                    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(data) + data
                )
        except OSError:
            pass

    def log_message(self, *_args) -> None:
        pass


@contextmanager
def hostile(folder, answer):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Hostile, folder, answer)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with closing(HttpSource(f"http://127.0.0.1:{server.server_port}")) as source:
                yield source
        finally:
            server.shutdown()
            thread.join()


def endless(out) -> None:
    out.write(OK + b"\r\n")
    for _ in range(100_000):
        out.write(bytes(1 << 16))


def trickling(out) -> None:
    out.write(OK + b"Content-Length: 29696\r\n\r\n")
    for _ in range(40):
        out.write(b"\0")
        out.flush()
        time.sleep(0.05)


def bomb(out) -> None:
    data = gzip.compress(bytes(50_000_000))[:30_000]
    out.write(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data) + data)


def elsewhere(out) -> None:
    out.write(b"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")


def nonsense(out) -> None:
    out.write("HTTP/9 \u202e\x00\r\n\r\n".encode())


@pytest.mark.parametrize("answer", [endless, trickling, bomb, elsewhere, nonsense])
def test_a_server_that_does_its_worst(tmp_path, log, answer):
    request = log.request(0, log.grow(LEAVES))
    with hostile(log.folder, answer) as source, witness_in(tmp_path / "state", source, batch=Batch(256, 1)) as witness:
        refused(witness, request, 503)


@pytest.mark.parametrize(
    "origin",
    [
        ORIGIN.replace("e", "\u0435", 1),
        ORIGIN + "\u200b",
        "\u202e" + ORIGIN,
        "\ufeff" + ORIGIN,
        ORIGIN.upper(),
        ORIGIN.replace(".", "\uff0e"),
        ORIGIN + "\u0301",
        ORIGIN + "/",
    ],
    ids=ascii,
)
def test_an_origin_that_only_looks_like_ours(tmp_path, log, origin):
    """By the log's own key, and still another name: nothing is normalised, nothing of it is repeated."""
    log.grow(LEAVES)
    stranger = Signer(origin, ED25519, SIGNER.seed)
    note = sign(Checkpoint(origin, 900, log.builder.root()), stranger)
    with witness_in(tmp_path / "state", log.folder) as witness:
        said = refused(witness, Request(0, (), note).encode(), 404)
        assert said.isascii()


LINES = {
    "turned": ("\u202e", 200),
    "a number": ("901", 200),
    "combining": ("a\u0300" * (MAX_NOTE // 3 - 300), 200),
    "long": ("x" * (MAX_NOTE - 900), 200),
    "too long": ("x" * 2_000_000, 400),
    "empty": ("\n", 400),
    "control": ("\x00", 400),
}


@pytest.mark.parametrize(("extra", "status"), LINES.values(), ids=list(LINES))
def test_lines_that_a_checkpoint_does_not_need(tmp_path, log, extra, status):
    """An extension may say whatever a note may hold; the rest is malformed. None of it is repeated."""
    text = log.grow(LEAVES).split(b"\n\n")[0] + b"\n" + extra.encode() + b"\n"
    note = text + b"\n" + SIGNER.sign(text).line.encode() + b"\n"
    with witness_in(tmp_path / "state", log.folder) as witness:
        answer = witness.add_checkpoint(Request(0, (), note).encode())
        assert answer.status == status
        assert len(answer.body) < 1000
    with witness_in(tmp_path / "state", log.folder) as witness:
        assert (note in witness.last_checkpoint().body) == (status == 200)


@pytest.mark.parametrize("size", [2**44 - 1, 2**44, 2**44 + 1, 2**63, 2**64 - 2, 2**64 - 1])
@pytest.mark.parametrize("old", [0, 900])
def test_sizes_that_no_log_has(tmp_path, log, size, old):
    with witness_in(tmp_path / "state", log.folder) as witness:
        if old:
            assert witness.add_checkpoint(log.request(0, log.grow(LEAVES))).status == 200
        answer = witness.add_checkpoint(Request(old, (), signed(size, bytes(32))).encode())
        assert answer.status in (422, 503)
        assert answer.body.isascii()
