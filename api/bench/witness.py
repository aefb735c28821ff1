"""A witness that catches up with a whole log: leaves a second and peak memory, from a folder and over HTTP."""

import json
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anchoring import checkpoint
from anchoring.checkpoint import Checkpoint
from anchoring.leaf import LEAF_DTYPE, LEAF_SIZE, NO_PARENT, VERSION
from anchoring.log.builder import TileBuilder
from anchoring.note import ED25519, Signer
from api.bench.figures import Figure
from registry.errors import Unavailable
from registry.ledger.movement import Kind

LEAVES_PER_SECOND: Final = 100_000
SIGNER: Final = Signer("bench.example/log", ED25519, bytes(32))
FAMILY, COHORT = 10, 1000
"""An ISSUE of 90 g and nine CONVERTs of 10 g each; a thousand families go on side by side."""
AT_MS, UNTIL_MS = 1_760_000_000_000, 1_860_000_000_000
MB = 1_000_000


def measure(folder: Path, leaves: int) -> list[Figure]:
    """Write a lawful log of so many leaves, and let a witness catch up with it twice."""
    hashed_s = _write_log(folder, leaves)
    command = [sys.executable, "-m", "api.bench.witnessing"]
    local = _catch_up(command, str(folder / "log"), folder / "local", folder / "note")
    with subprocess.Popen([*command, "serve", str(folder / "log")], stdout=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().strip() if server.stdout else ""
            remote = _catch_up(command, url, folder / "remote", folder / "note")
        finally:
            server.terminate()
    figures = []
    for name, said in (("from a folder", local), ("over HTTP", remote)):
        rate, yardstick = leaves / said["seconds"], "bare SHA-256 of the same bytes, leaves and nodes"
        figures += [
            Figure(f"leaves replayed {name}", rate, "/s", LEAVES_PER_SECOND, False, yardstick, leaves / hashed_s),
            Figure(f"  peak memory {name}", said["peak_bytes"] / MB, "MB"),
        ]
    return figures


def lawful_leaves(start: int, end: int) -> NDArray[Any]:
    """Make leaves `[start, end)` of a lawful log (`LEAF_DTYPE`)."""
    index = np.arange(start, end, dtype=np.uint64)
    cohort, place = np.divmod(index, FAMILY * COHORT)
    step, life = np.divmod(place, COHORT)
    is_issue = step == 0
    first = (cohort * COHORT + life) * 90
    leaves = np.zeros(end - start, LEAF_DTYPE)
    leaves["version"] = VERSION
    leaves["kind"] = np.where(is_issue, Kind.ISSUE, Kind.CONVERT)
    leaves["form"] = np.where(is_issue, 1, 2)
    leaves["flags"] = np.where(is_issue, 10, 14)
    leaves["first"] = np.where(is_issue, first, first + (step - 1) * 10)
    leaves["last"] = np.where(is_issue, first + 90, first + step * 10)
    leaves["parent"] = np.where(is_issue, np.uint64(NO_PARENT), cohort * (FAMILY * COHORT) + life)
    leaves["at"] = np.frombuffer(AT_MS.to_bytes(6), np.uint8)
    leaves["until"][~is_issue] = np.frombuffer(UNTIL_MS.to_bytes(6), np.uint8)
    tags = np.zeros((end - start, 20), np.uint8)
    tags[:, 0] = 1
    tags[:, 12:] = first.astype(">u8").view(np.uint8).reshape(-1, 8)
    leaves["to_tag"], leaves["from_tag"][~is_issue] = tags, tags[~is_issue]
    leaves["evidence"][:, :8] = index.view(np.uint8).reshape(-1, 8)
    return leaves


def _write_log(folder: Path, leaves: int) -> float:
    """Write the log and its signed checkpoint; give the seconds that bare hashing of it takes."""
    builder, hashed_s = TileBuilder(0, [], b""), 0.0
    for start in range(0, leaves, 1 << 16):
        some = lawful_leaves(start, min(leaves, start + (1 << 16)))
        for path, data in builder.extend(some):
            _put(folder / "log" / path, data)
        hashed_s += _hash_alone(some.tobytes())
    for path, data in builder.partials():
        _put(folder / "log" / path, data)
    (folder / "note").write_bytes(checkpoint.sign(Checkpoint(SIGNER.name, leaves, builder.root()), SIGNER))
    return hashed_s


def _hash_alone(data: bytes) -> float:
    """Time one hash for each leaf, and one for each node above, in seconds."""
    prefixed, node = [b"\0" + data[at : at + LEAF_SIZE] for at in range(0, len(data), LEAF_SIZE)], bytes(65)
    started = time.monotonic()
    for leaf in prefixed:
        sha256(leaf).digest()
        sha256(node).digest()
    return time.monotonic() - started


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _catch_up(command: list[str], log: str, state: Path, signed: Path) -> dict[str, Any]:
    vkey = SIGNER.verifier.vkey
    done = subprocess.run(
        [*command, "catch-up", log, vkey, str(state), str(signed)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Unavailable(f"The witness did not run: {done.stderr.strip()[-500:]}")
    said: dict[str, Any] = json.loads(done.stdout)
    if said["status"] != 200:
        raise Unavailable(f"The witness did not cosign: {said['said'].strip()}")
    return said
