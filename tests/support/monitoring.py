"""A monitor over synthetic logs, real witnesses and a real chain: what its tests share."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from anchoring.chain.signers import LocalKey
from anchoring.monitor.alerts import Alert
from anchoring.monitor.config import LogConfig, make_config
from anchoring.monitor.follower import Follower, Standing
from anchoring.note import COSIGNATURE, Signer
from anchoring.receipt import Receipt
from anchoring.tree.tiles import DirectorySource, TileReader, inclusion_proof
from anchoring.witness.state import WitnessState
from anchoring.witness.witness import Witness, WitnessKeys
from tests.support.synthetic_log import SIGNER, VKEY
from tests.support.witnessing import CONTRACT, Grown, served

NOW_MS = 1_800_000_000_000


@dataclass
class Clock:
    """Time that a test moves."""

    now_ms: int = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Watch:
    """A follower, and what it told."""

    follower: Follower
    told: list[tuple[str, Alert]] = field(default_factory=list)

    def round(self) -> Standing:
        return self.follower.round(lambda event, alert: self.told.append((event, alert)))

    def codes(self) -> list[str]:
        """One round; the codes of the alerts that hold."""
        return [alert.code for alert in self.round().alerts]


def log_config(state: Path, log: Path | str, **changes: Any) -> LogConfig:
    said = {"name": "log", "url": str(log), "vkey": VKEY} | changes
    return make_config({"state": state, "log": [said]}).log[0]


@contextmanager
def watching(state: Path, log: Path | str, clock: Clock | None = None, **changes: Any) -> Iterator[Watch]:
    """A follower as `gram monitor` makes one; it goes on from `state`."""
    on_step = changes.pop("on_step", lambda _step: None)
    config = log_config(state, log, **changes)
    with closing(Follower(config, state, clock or Clock(), on_step)) as follower:
        yield Watch(follower)


def publish(log: Grown, leaves: Any) -> bytes:
    """Append leaves and publish the checkpoint, as the log's folder shows it."""
    signed = log.grow(leaves)
    (log.folder / "checkpoint").write_bytes(signed)
    return signed


def receipt(log: Grown, index: int, signed: bytes) -> bytes:
    """A receipt for a leaf of the log as it is now."""
    reader, size = TileReader(DirectorySource(log.folder)), log.builder.size
    path = tuple(inclusion_proof(reader, index, size))
    return Receipt(reader.leaf(index, size), index, path, signed).encode()


def evidence(state: Path, kind: str) -> list[Path]:
    return sorted((state / "evidence").glob(f"{kind}-*.json"))


@contextmanager
def witness_at(folder: Path, log: Path, number: int = 1) -> Iterator[tuple[Witness, dict[str, str]]]:
    """A witness of its own keys over HTTP, and how a monitor is told of it."""
    keys = WitnessKeys(
        Signer(f"witness.example/w{number}", COSIGNATURE, bytes([number]) * 32), LocalKey(bytes([number]) * 32)
    )
    with (
        WitnessState(folder, VKEY, is_new=not folder.exists()) as state,
        closing(Witness(state, DirectorySource(log), SIGNER.verifier, keys, Clock(), CONTRACT)) as witness,
        served(witness) as url,
    ):
        yield witness, {"vkey": keys.signer.verifier.vkey, "url": url}


@contextmanager
def log_server(folder: Path) -> Iterator[str]:
    """A log's folder over HTTP."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_args: Any) -> None:
            pass

    with http_server(partial(Handler, directory=str(folder))) as url:
        yield url


@contextmanager
def http_server(handler: Any) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
