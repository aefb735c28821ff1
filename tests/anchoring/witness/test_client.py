"""A log's side: witnesses that are at another size, slow, down, split or lying."""

import socket
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from anchoring import note
from anchoring.checkpoint import open_checkpoint
from anchoring.errors import Malformed, Refuted, Unreachable
from anchoring.quorum import collect
from anchoring.tree.tiles import DirectorySource, TileReader
from anchoring.witness.client import WitnessClient
from tests.support.synthetic_log import VKEY, anchor_of, lawful_leaves
from tests.support.witnessing import CONTRACT, KEYS, Grown, served, witness_in

LEAVES = lawful_leaves(900, cohort=8)
OTHERS = lawful_leaves(900, seed=1, cohort=8)
ADDRESS = KEYS.chain.address


@pytest.fixture
def log(tmp_path):
    return Grown(tmp_path / "log")


def reader(log: Grown) -> TileReader:
    return TileReader(DirectorySource(log.folder))


@contextmanager
def asking(url: str, timeout_s: float = 10):
    with closing(WitnessClient(url, KEYS.signer.verifier.vkey, ADDRESS, timeout_s)) as client:
        yield client


@contextmanager
def answering(status: int, content_type: str, body: bytes):
    """A server that says the same to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def silent():
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_client_that_knows_nothing_learns_the_size(tmp_path, log):
    first = log.grow(LEAVES[:300])
    with witness_in(tmp_path / "state", log.folder) as witness, served(witness) as url:
        with asking(url) as client:
            client.cosign(first, reader(log))
        second = log.grow(LEAVES[300:])
        with asking(url) as client:
            signature = client.cosign(second, reader(log))
            parsed = note.parse(second)
            whole = note.Note(parsed.text, (*parsed.signatures, signature)).encode()
            assert open_checkpoint(whole, VKEY, [KEYS.signer.verifier.vkey]).cosignatures
            anchor = anchor_of(LEAVES, 900)
            place = (CONTRACT.chain_id, CONTRACT.address)
            figures = (900, anchor.root, anchor.frontier, anchor.ended)
            assert len(client.sign_checkpoint(*place, *figures)) == 65
            with pytest.raises(Refuted, match="other figures"):
                client.sign_checkpoint(*place, 900, anchor.root, anchor.frontier, anchor.ended + 1)
        with asking(url) as client, pytest.raises(Refuted, match="has cosigned 900 leaves, more"):
            client.cosign(first, reader(log))


def cosignature_of_another(text: bytes) -> bytes:
    return f"{KEYS.signer.cosign(text + b'x', 1).line}\n".encode()


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, "text/plain", b""),
        (200, "text/plain", b"no signature line\n"),
        (200, "text/plain", cosignature_of_another(b"a\n")),
        (200, "text/plain", "— stranger.example AAAAAAAA\n".encode()),
        (200, "text/plain", b"a" * 100_000),
        (409, "text/plain", b"0\n"),
        (409, "text/x.tlog.size", b"901\n"),
        (422, "text/plain", b"\x1b[2Jleaf 3: OVERLAP"),
        (500, "text/plain", b""),
        (302, "text/plain", b""),
    ],
)
def test_what_is_no_cosignature_is_refused(log, status, content_type, body):
    first = log.grow(LEAVES)
    with answering(status, content_type, body) as url, asking(url) as client, pytest.raises(Refuted) as said:
        client.cosign(first, reader(log))
    assert str(said.value).isprintable()


@pytest.mark.parametrize("size", [b"1e5\n", b"01\n", b"\xff\n", b"9" * 5000 + b"\n"])
def test_a_size_that_is_none(log, size):
    first = log.grow(LEAVES)
    with answering(409, "text/x.tlog.size", size) as url, asking(url) as client, pytest.raises(Malformed):
        client.cosign(first, reader(log))


def test_a_witness_that_is_always_elsewhere(log):
    first = log.grow(LEAVES)
    with answering(409, "text/x.tlog.size", b"7\n") as url, asking(url) as client, pytest.raises(Unreachable) as said:
        client.cosign(first, reader(log))
    assert "another size" in str(said.value)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"signature": 7}', b'{"signature": "00"}', b"[" * 60_000])
def test_what_is_no_signature_for_the_contract(body):
    with answering(200, "application/json", body) as url, asking(url) as client, pytest.raises(Refuted):
        client.sign_checkpoint(1, CONTRACT.address, 1, bytes(32), 0, 0)


def signatures(outcomes):
    return [one for one in outcomes if isinstance(one, note.Signature)]


def test_slow_down_and_split_witnesses_do_not_hold_up_enough_others(tmp_path, log):
    fork = Grown(tmp_path / "fork")
    with ExitStack() as stack:
        split = stack.enter_context(witness_in(tmp_path / "split", fork.folder))
        assert split.add_checkpoint(fork.request(0, fork.grow(OTHERS))).status == 200
        witnesses = [stack.enter_context(witness_in(tmp_path / name, log.folder)) for name in "ab"]
        urls = [
            stack.enter_context(silent()),
            "http://127.0.0.1:1",
            *(stack.enter_context(served(witness)) for witness in [split, *witnesses]),
        ]
        first = log.grow(LEAVES)
        clients = [stack.enter_context(asking(url, timeout_s=3)) for url in urls]
        asks = [lambda client=client: client.cosign(first, reader(log)) for client in clients]
        began = time.monotonic()
        assert len(signatures(collect(asks, 2, timeout_s=30))) == 2
        assert time.monotonic() - began < 2.5
        *failed, first, second = collect(asks, 3, timeout_s=30)
        assert len(signatures([first, second])) == 2
        assert [type(one) for one in failed] == [Unreachable, Unreachable, Refuted]


def test_a_deadline_ends_the_collecting():
    with silent() as url, asking(url, timeout_s=1) as client:
        began = time.monotonic()
        [outcome] = collect([lambda: client.sign_checkpoint(1, CONTRACT.address, 1, bytes(32), 0, 0)], 1, 0.2)
        assert isinstance(outcome, Unreachable)
        assert time.monotonic() - began < 0.9
        time.sleep(1)
