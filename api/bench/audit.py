"""The audit of a synthetic log, as an outsider runs it: `gram audit` on a folder, from a state, and over HTTP."""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anchoring.leaf import LEAF_SIZE
from anchoring.publishing.sequencer import MAX_BATCH
from anchoring.tree.documents import records_among
from api.bench.figures import Figure
from api.bench.processes import shared_out_bytes, tree
from api.bench.synthetic_log import VKEY, Leaves, lawful_leaves, write_log
from registry.errors import Unavailable

LEAVES_PER_SECOND = 250_000
"""10 million in 40 s."""
OF_BARE = 1.5
"""Times that bare SHA-256 of as many bytes takes in one process, on two: of `PROPORTION_FROM` leaves and more."""
PEAK_MB = 2500
"""Of all processes together, for 10 million leaves and fewer; for more, in proportion."""
PROPORTION_FROM = 10_000_000
RECORD_EVERY = 50
"""Lives to a record with its document: some 9,000 decisions in 10 million leaves."""
OVER_HTTP = 1_000_000
"""Leaves at most that are read over HTTP; the server is a simple one, and shares the processors."""
SAMPLE_S = 0.1
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """One `gram audit`: seconds from its start to its end, and the most memory that its processes had together."""

    seconds: float
    peak_bytes: int


def measure(folder: Path, leaves: int, processes: int) -> list[Figure]:
    """Write a synthetic log, hash its bytes alone, and audit it in several ways."""
    made = lawful_leaves(leaves, record_every=RECORD_EVERY)
    write_log(folder / "log", made)
    decisions = sum(1 for _ in records_among(made, 0))
    hashed_s = _hash_alone(made)
    del made
    few = min(leaves, OVER_HTTP)
    write_log(folder / "small", lawful_leaves(few))
    alone = _audit(str(folder / "log"), leaves, 1)
    several = _audit(str(folder / "log"), leaves, processes)
    state = ("--state", str(folder / "state"))
    kept = _audit(str(folder / "log"), leaves, processes, state)
    again = _audit(str(folder / "log"), leaves, processes, state)
    with _served(folder / "small") as url:
        fetched = _audit(url, few, processes)
    bare, beside = leaves / hashed_s, "bare SHA-256 of the same bytes, one process"
    at_most_s = OF_BARE * hashed_s if leaves >= PROPORTION_FROM else None  # the start of a process counts below that
    most = PEAK_MB * max(1, leaves / PROPORTION_FROM)
    return [
        Figure(
            f"{leaves:,} leaves audited, {processes} processes", several.seconds, "s", at_most_s, True, beside, hashed_s
        ),
        Figure("  decisions among them, each with its document", decisions, ""),
        Figure("  leaves a second", leaves / several.seconds, "/s", LEAVES_PER_SECOND, False, beside, bare),
        Figure("  peak memory, all processes", several.peak_bytes / MB, "MB", most, True),
        Figure("the same, 1 process", leaves / alone.seconds, "/s", None, False, beside, bare),
        Figure("  peak memory", alone.peak_bytes / MB, "MB", most, True),
        Figure("the same, a state kept", leaves / kept.seconds, "/s", None, False, beside, bare),
        Figure("  once more, nothing new", again.seconds, "s", None, True, "the first time", kept.seconds),
        Figure(f"{few:,} leaves over HTTP on 127.0.0.1", few / fetched.seconds, "/s", None, False, beside, bare),
    ]


def _hash_alone(leaves: Leaves) -> float:
    """Time SHA-256 of the same bytes, in seconds: one hash for each leaf, and one for each node above."""
    seconds, node = 0.0, bytes(65)
    for start in range(0, len(leaves), MAX_BATCH):
        data = leaves[start : start + MAX_BATCH].tobytes()
        prefixed = [b"\0" + data[at : at + LEAF_SIZE] for at in range(0, len(data), LEAF_SIZE)]
        started = time.monotonic()
        for leaf in prefixed:
            hashlib.sha256(leaf).digest()
            hashlib.sha256(node).digest()
        seconds += time.monotonic() - started
    return seconds


def _audit(log: str, leaves: int, processes: int, more: Sequence[str] = ()) -> Run:
    """Run the command, and look at its processes' memory ten times a second."""
    command = [sys.executable, "-c", "from api.gram import main; main()", "audit", "--log", log, "--vkey", VKEY]
    command += ["--json", "--processes", str(processes), *more]
    started, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, stdout=said, stderr=told)
        while process.poll() is None:
            peak = max(peak, shared_out_bytes(tree({process.pid})))
            time.sleep(SAMPLE_S)
        seconds = time.monotonic() - started
        said.seek(0)
        told.seek(0)
        report: dict[str, Any] = json.loads(said.read() or "{}")
        if report.get("leaves_read") != leaves or not report["holds"]:
            raise Unavailable(f"The audit did not hold: {report.get('verdict')} {told.read().strip()[-500:]}")
    return Run(seconds, peak)


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "api.bench.witnessing", "serve", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip() if server.stdout is not None else ""
        finally:
            server.terminate()
