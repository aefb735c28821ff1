"""A witness of synthetic logs, as a real HTTP server, and what one asks of it."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import httpx2

from anchoring import checkpoint
from anchoring.chain.signers import LocalKey
from anchoring.checkpoint import Checkpoint
from anchoring.note import COSIGNATURE, Signer
from anchoring.tree.builder import TileBuilder
from anchoring.tree.fetching import WHOLE
from anchoring.tree.tiles import DirectorySource, Source, TileReader, consistency_proof
from anchoring.witness.protocol import Request
from anchoring.witness.server import WitnessServer
from anchoring.witness.state import WitnessState
from anchoring.witness.witness import LOCK_WAIT_S, Contract, Witness, WitnessKeys
from registry.keyfile import no_step
from tests.support.states import documents_of
from tests.support.synthetic_log import ORIGIN, SIGNER, VKEY

KEYS = WitnessKeys(Signer("witness.example/w1", COSIGNATURE, bytes(range(1, 33))), LocalKey(bytes(range(2, 34))))
CONTRACT = Contract(31337, "0x" + "11" * 20)
NOW_MS = 1_800_000_000_000
ORIGIN_HASH = sha256(ORIGIN.encode()).hexdigest()


@dataclass
class Grown:
    """A log in a folder that grows, each step a tree that was published; partial tiles stay."""

    folder: Path
    builder: TileBuilder = field(default_factory=lambda: TileBuilder(0, [], b""))

    def grow(self, leaves) -> bytes:
        """Append leaves; the signed checkpoint."""
        documents = documents_of(leaves, self.builder.size)
        for path, data in (*self.builder.extend(leaves, documents), *self.builder.partials()):
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return signed(self.builder.size, self.builder.root())

    def request(self, old: int, note: bytes) -> bytes:
        size = checkpoint.open_checkpoint(note, VKEY).checkpoint.size
        proof = consistency_proof(TileReader(DirectorySource(self.folder)), old, size)
        return Request(old, tuple(proof), note).encode()


def signed(size: int, root: bytes, signer: Signer = SIGNER) -> bytes:
    return checkpoint.sign(Checkpoint(signer.name, size, root), signer)


@contextmanager
def witness_in(state: Path, log: Path | Source, on_step=no_step, batch=WHOLE, lock_wait_s=LOCK_WAIT_S, keys=KEYS):
    """A witness, as `gram witness` makes one, of a log in a folder or of any source; new when its folder is."""
    source = DirectorySource(log) if isinstance(log, Path) else log
    with WitnessState(state, VKEY, is_new=not state.exists()) as opened:
        made = Witness(opened, source, SIGNER.verifier, keys, lambda: NOW_MS, CONTRACT, on_step, batch, lock_wait_s)
        with closing(made) as witness:
            yield witness


@contextmanager
def served(witness: Witness, request_s: float = 15) -> Iterator[str]:
    with WitnessServer(witness, "127.0.0.1", 0, request_s) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


def post(url: str, body: bytes) -> httpx2.Response:
    return httpx2.post(f"{url}/add-checkpoint", content=body, timeout=60)
