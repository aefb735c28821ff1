"""A witness that catches up with a whole log: leaves a second and peak memory, from a folder and over HTTP.

And with a log of decisions alone: how many of them a second, each held against its document and all before it.
"""

import json
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from anchoring import checkpoint
from anchoring.checkpoint import Checkpoint
from anchoring.leaf import LEAF_SIZE
from anchoring.tree.builder import TileBuilder
from api.bench.audit import RECORD_EVERY
from api.bench.decided import LENGTH, OF_SCENARIO, programme, scenarios
from api.bench.figures import Figure
from api.bench.synthetic_log import BEGIN_MS, LIFE, SIGNER, Leaves, decided_leaves, documents_of, lawful_leaves
from registry.errors import Unavailable

LEAVES_PER_SECOND: Final = 100_000
DECISIONS_PER_SECOND: Final = 5000
LEAVES_PER_DECISION: Final = 100
"""So many decisions, to a hundredth of the leaves, are replayed by themselves: 10,000 beside a million leaves."""
COHORTS: Final = 12
MB = 1_000_000


def measure(folder: Path, leaves: int) -> list[Figure]:
    """Write a lawful log of so many leaves, and let a witness catch up with it twice; then one of decisions alone."""
    # A witness takes no leaf from the future, and points of a cohort expire before the next: few cohorts, then.
    hashed_s = _write_log(
        folder, lawful_leaves(leaves, cohort=max(1000, leaves // (LIFE * COHORTS)), record_every=RECORD_EVERY)
    )
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
    return [*figures, *_of_decisions(command, folder / "decided", leaves // LEAVES_PER_DECISION)]


def _of_decisions(command: list[str], folder: Path, count: int) -> list[Figure]:
    """Let a witness replay about so many decisions, and read the same documents alone."""
    of = programme(BEGIN_MS, 0)
    made = decided_leaves([*of.records, *scenarios(of, max(1, (count - LENGTH) // OF_SCENARIO))])
    _write_log(folder, made)
    texts = list(documents_of(made).values())
    started = time.monotonic()
    for text in texts:
        json.loads(text)
        sha256(text).digest()
    read_s = time.monotonic() - started
    said = _catch_up(command, str(folder / "log"), folder / "state", folder / "note")
    rate, yardstick = len(made) / said["seconds"], "the same documents read as JSON and hashed, and nothing more"
    return [
        Figure(
            "decisions replayed from a folder", rate, "/s", DECISIONS_PER_SECOND, False, yardstick, len(made) / read_s
        ),
        Figure("  peak memory of them", said["peak_bytes"] / MB, "MB"),
    ]


def _write_log(folder: Path, made: Leaves) -> float:
    """Write the log of these leaves and its signed checkpoint; give the seconds that bare hashing of it takes."""
    builder, hashed_s, leaves = TileBuilder(0, [], b""), 0.0, len(made)
    for start in range(0, leaves, 1 << 16):
        some = made[start : start + (1 << 16)]
        for path, data in builder.extend(some, documents_of(some, start)):
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
