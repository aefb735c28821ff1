"""The processes that `gram bench witness` measures: a witness that catches up, and a server of a log's folder.

`python -m api.bench.witnessing catch-up LOG VKEY STATE NOTE` and `python -m api.bench.witnessing serve FOLDER`.
"""

import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from anchoring import note
from anchoring.bounded_server import BoundedHandler, BoundedServer
from anchoring.chain.signers import LocalKey
from anchoring.connections import Limits
from anchoring.note import COSIGNATURE, Signer
from anchoring.tree.sources import DirectorySource, HttpSource, Source, read_file
from anchoring.tree.tiles import TILE_WIDTH
from anchoring.witness.protocol import Request
from anchoring.witness.state import WitnessState
from anchoring.witness.witness import Witness, WitnessKeys
from api.bench.processes import own_peak_bytes
from registry.clock import system_clock
from registry.evidence.public import file_limit
from registry.ledger.movement import Kind

KEYS: Final = WitnessKeys(Signer("bench.example/witness", COSIGNATURE, bytes(32)), LocalKey(bytes(31) + b"\1"))


def catch_up(log: str, vkey: str, state: Path, signed: bytes) -> None:
    """Let a new witness cosign a checkpoint; print its status, the seconds that took, and the peak memory in bytes."""
    source: Source = HttpSource(log) if log.startswith("http") else DirectorySource(log)
    with (
        WitnessState(state, vkey, is_new=True) as opened,
        closing(Witness(opened, source, note.parse_vkey(vkey), KEYS, system_clock)) as witness,
    ):
        started = time.monotonic()
        answer = witness.add_checkpoint(Request(0, (), signed).encode())
        seconds = time.monotonic() - started
    said = {"status": answer.status, "said": answer.body.decode(), "seconds": seconds, "peak_bytes": own_peak_bytes()}
    sys.stdout.write(json.dumps(said))


class _Handler(BoundedHandler):
    """Gives the files of one folder."""

    folder: Path

    def get(self) -> None:
        try:
            body = read_file(self.folder / self.path.lstrip("/"), file_limit([Kind.POLICY] * TILE_WIDTH))
        except OSError:
            self.send(404, "text/plain", b"")
        else:
            self.send(200, "application/octet-stream", body)


def serve(folder: Path) -> None:
    """Serve a folder on a free port of 127.0.0.1, and print its URL."""
    handler = type("_Folder", (_Handler,), {"folder": folder})
    with BoundedServer(("127.0.0.1", 0), handler, Limits(16, 16)) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(Path(sys.argv[2]))
    else:
        catch_up(sys.argv[2], sys.argv[3], Path(sys.argv[4]), Path(sys.argv[5]).read_bytes())
