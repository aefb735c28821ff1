"""A publisher whose checkpoints real witnesses cosign, over HTTP: some down, slow, split or lying, or it crashes."""

import signal
import socket
import threading
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from anchoring.chain.signers import LocalKey
from anchoring.checkpoint import open_checkpoint
from anchoring.cosigning import quorum
from anchoring.errors import Behind, Unwitnessed
from anchoring.note import COSIGNATURE, Signer
from anchoring.publishing.consistency import check_checkpoints
from anchoring.publishing.publisher import Publisher
from anchoring.quorum import Quorum
from anchoring.tree.folder import LogFolder
from anchoring.witness.client import WitnessClient
from anchoring.witness.protocol import SIZE_TYPE
from anchoring.witness.witness import WitnessKeys
from registry.clock import system_clock
from registry.database.engine import Database
from tests.support.dying import die, run_in_a_process
from tests.support.publishing import GATE, act
from tests.support.scheme import START, Scheme
from tests.support.synthetic_log import SIGNER, VKEY, lawful_leaves
from tests.support.witnessing import Grown, served, witness_in

NAMES = ("centre", "exchange", "bureau")
DOWN = "http://127.0.0.1:1"
TIMEOUT_S = 2.0


def keys_of(name: str) -> WitnessKeys:
    seed = name.encode().ljust(32)
    return WitnessKeys(Signer(f"witness.example/{name}", COSIGNATURE, seed), LocalKey(seed))


@dataclass
class Authorities:
    """Three witnesses of the log in `folder`, each up or down."""

    folder: Path
    states: Path
    urls: dict[str, str] = field(default_factory=lambda: dict.fromkeys(NAMES, DOWN))
    _up: dict[str, ExitStack] = field(default_factory=dict)
    _clients: list[WitnessClient] = field(default_factory=list)

    def start(self, *names: str) -> None:
        for name in names:
            stack = self._up[name] = ExitStack()
            witness = stack.enter_context(witness_in(self.states / name, self.folder, keys=keys_of(name)))
            self.urls[name] = stack.enter_context(served(witness))

    def stop(self, *names: str) -> None:
        self._hang_up()
        for name in names:
            self._up.pop(name).close()
            self.urls[name] = DOWN

    def client(self, name: str, url: str | None = None) -> WitnessClient:
        keys = keys_of(name)
        vkey, address = keys.signer.verifier.vkey, keys.chain.address
        made = WitnessClient(url or self.urls[name], vkey, address, TIMEOUT_S)
        self._clients.append(made)
        return made

    def quorum(self, clock, **urls: str) -> Quorum:
        return quorum([self.client(name, urls.get(name)) for name in NAMES], 2, clock)

    def close(self) -> None:
        self.stop(*list(self._up))

    def _hang_up(self) -> None:
        """Close connections, which a server that ends would wait for."""
        while self._clients:
            self._clients.pop().close()


@pytest.fixture
def authorities(tmp_path):
    made = Authorities(tmp_path / "log", tmp_path / "states")
    made.states.mkdir()
    yield made
    made.close()


@pytest.fixture
def publisher_of(scheme, folder):
    """A publisher as a new process makes it."""

    def make(cosigners: Quorum, on_step=lambda _step: None) -> Publisher:
        return Publisher(scheme.database.transaction, folder, SIGNER, cosigners, scheme.clock, GATE, on_step)

    return make


def public(folder: LogFolder) -> tuple[int, set[str]]:
    """Size of the public checkpoint, and who cosigned it."""
    vkeys = [keys_of(name).signer.verifier.vkey for name in NAMES]
    opened = open_checkpoint(folder.read("checkpoint"), VKEY, vkeys)
    return opened.checkpoint.size, {one.verifier.name.rpartition("/")[2] for one in opened.cosignatures}


@contextmanager
def answering(status: int, content_type: str, body: bytes, *, endless: bool = False):
    """A hostile witness that says the same to everything, once or without end."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(body)
            while endless:
                try:
                    self.wfile.write(body)
                except OSError:
                    return

        def log_message(self, *_args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
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


def test_three_that_are_up(scheme, folder, authorities, publisher_of):
    authorities.start(*NAMES)
    publisher = publisher_of(authorities.quorum(scheme.clock))
    for _ in range(2):
        act(scheme, 2)
        size = publisher.publish()
        assert public(folder) == (size, set(NAMES))
    assert [one.failing_since_ms for one in publisher.cosigners.health] == [None] * 3


def test_witnesses_begin_with_the_empty_log(database, folder, authorities):
    def publisher():
        return Publisher(database.transaction, folder, SIGNER, authorities.quorum(system_clock), system_clock, GATE)

    authorities.start("centre")
    with pytest.raises(Unwitnessed):
        publisher().publish()
    assert not folder.has_checkpoint()
    authorities.start("exchange", "bureau")
    assert (publisher().publish(), public(folder)) == (0, (0, set(NAMES)))
    authorities.stop(*NAMES)
    authorities.start(*NAMES)
    act(Scheme.found(database), 2)
    size = publisher().publish()
    assert size > 0
    assert public(folder) == (size, set(NAMES))


def test_one_down_one_slow_and_one_that_lies_hold_up_nobody(scheme, folder, authorities, publisher_of, tmp_path):
    authorities.start("centre", "exchange")
    last = None
    fork = Grown(tmp_path / "fork")
    cosignature_of_another = keys_of("centre").signer.cosign(b"another text\n", 1).line.encode() + b"\n"
    with ExitStack() as stack:
        split = stack.enter_context(witness_in(tmp_path / "split", fork.folder, keys=keys_of("bureau")))
        assert split.add_checkpoint(fork.request(0, fork.grow(lawful_leaves(5, seed=1)))).status == 200
        third = [
            DOWN,
            stack.enter_context(silent()),
            stack.enter_context(served(split)),
            stack.enter_context(answering(200, "text/plain", cosignature_of_another)),
            stack.enter_context(answering(200, "text/plain", b"garbage " * 1000, endless=True)),
            stack.enter_context(answering(409, SIZE_TYPE, b"18446744073709551615\n")),
            stack.enter_context(answering(409, SIZE_TYPE, b"18446744073709551616\n")),
        ]
        for url in third:
            act(scheme, 1)
            publisher = publisher_of(authorities.quorum(scheme.clock, bureau=url))
            size = publisher.publish()
            assert size != last
            assert public(folder) == (size, {"centre", "exchange"})
            last = size


def test_two_down_of_three_the_log_waits_and_goes_on_when_one_returns(scheme, folder, authorities, publisher_of):
    authorities.start(*NAMES)
    act(scheme, 2)
    first = publisher_of(authorities.quorum(scheme.clock)).publish()
    authorities.stop("exchange", "bureau")
    publisher = publisher_of(authorities.quorum(scheme.clock))
    for _ in range(2):
        act(scheme, 2)
        with pytest.raises(Unwitnessed, match=r"needs 2 witnesses and has 1.*witness\.example/exchange: http"):
            publisher.publish()
        assert public(folder)[0] == first
    assert [one.failing_since_ms is None for one in publisher.cosigners.health] == [True, False, False]
    authorities.start("bureau")
    size = publisher_of(authorities.quorum(scheme.clock)).publish()
    assert public(folder) == (size, {"centre", "bureau"})
    assert size > first


def test_many_signed_trees_are_cosigned_once(scheme, folder, authorities, publisher_of):
    """As many batches are, or what was signed while witnesses were silent."""
    authorities.start(*NAMES)
    asked = []

    class Counting:
        def __init__(self, inner):
            self.verifier, self.last_cosigned, self._inner = inner.verifier, inner.last_cosigned, inner

        def cosign(self, signed, reader):
            asked.append(self.verifier.name)
            return self._inner.cosign(signed, reader)

    cosigners = quorum([Counting(authorities.client(name)) for name in NAMES], 2, scheme.clock)
    for _ in range(3):
        act(scheme, 1)
        with pytest.raises(ZeroDivisionError):
            publisher_of(cosigners, lambda step: 1 / (step != "signed")).publish()
    act(scheme, 1)
    size = publisher_of(cosigners).publish()
    assert len(asked) == 3
    assert public(folder) == (size, set(NAMES))
    with scheme.database.transaction() as tx:
        counts = tx.exec_driver_sql("SELECT (SELECT count(*) FROM checkpoints), (SELECT count(*) FROM publications)")
        assert counts.one() == (4, 1)
        assert list(check_checkpoints(tx, VKEY)) == []


def test_a_witness_shows_that_the_logs_key_signed_more(scheme, folder, authorities, publisher_of, tmp_path):
    """The database was set back, or the key is in other hands: nothing more is signed or published."""
    authorities.start("centre", "exchange")
    before = Grown(tmp_path / "before")
    act(scheme, 1)
    with witness_in(tmp_path / "bureau", before.folder, keys=keys_of("bureau")) as ahead, served(ahead) as url:
        assert ahead.add_checkpoint(before.request(0, before.grow(lawful_leaves(900)))).status == 200
        publisher = publisher_of(authorities.quorum(scheme.clock, bureau=url))
        with pytest.raises(Behind, match="900"):
            publisher.publish()
    assert not folder.has_checkpoint()
    with pytest.raises(Behind):
        publisher_of(authorities.quorum(scheme.clock)).publish()


def publish_until(url: str, folder: LogFolder, authorities: Authorities, last: str) -> None:
    """Publish, and be killed at the step `last`."""

    def on_step(name: str) -> None:
        if name == last:
            die()

    with closing(Database(url)) as database:
        cosigners, clock = authorities.quorum(lambda: START), lambda: START
        Publisher(database.transaction, folder, SIGNER, cosigners, clock, GATE, on_step).publish()


STEPS = ("signed", "tiles", "cosigned", "checkpoint")


def test_a_registry_or_witness_killed_at_each_step_goes_on(scheme, folder, authorities, publisher_of):
    """The registry is killed at a step; before it starts again one witness is gone and another one was restarted."""
    authorities.start(*NAMES)
    url = scheme.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    act(scheme, 1)
    size = publisher_of(authorities.quorum(scheme.clock)).publish()
    for number, step in enumerate(STEPS):
        act(scheme, 1)
        ended = run_in_a_process(partial(publish_until, url, folder, authorities, step))
        assert ended == -signal.SIGKILL
        gone, restarted, _ = NAMES[number % 3 :] + NAMES[: number % 3]
        authorities.stop(gone, restarted)
        authorities.start(restarted)
        before, size = size, publisher_of(authorities.quorum(scheme.clock)).publish()
        assert size > before
        assert public(folder)[0] == size
        assert len(public(folder)[1]) >= 2
        with scheme.database.transaction() as tx:
            assert list(check_checkpoints(tx, VKEY)) == []
        authorities.start(gone)
