"""The whole demonstration in a process of its own: how long it takes, and what all its processes hold in memory."""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from api.bench.figures import Figure
from api.bench.processes import postmaster, shared_out_bytes, tree
from registry.errors import Unavailable

MOST_S = 60
MOST_MB = 1500
SAMPLE_S = 0.1
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Ran:
    """How long it took, and the largest sum of proportional set sizes seen."""

    seconds: float
    peak_bytes: int


def measure(folder: Path, rides: Path | None) -> list[Figure]:
    """Run `gram demo` twice in one new data folder: the second run issues nothing, and is the first one's yardstick."""
    first, second = _run(folder / "data", rides), _run(folder / "data", rides)
    beside = "the same again, which issues nothing"
    return [
        Figure("demo, whole time", first.seconds, "s", MOST_S, True, beside, second.seconds),
        Figure(
            "demo, peak memory of all processes", first.peak_bytes / MB, "MB", MOST_MB, True, beside,
            second.peak_bytes / MB,
        ),
    ]  # fmt: skip


def _run(data: Path, rides: Path | None) -> Ran:
    command = [sys.executable, "-c", "from api.gram import main; main()", "demo", "--data", str(data)]
    command += [] if rides is None else ["--rides", str(rides)]
    started, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        while process.poll() is None:
            peak = max(peak, shared_out_bytes(tree({process.pid} | postmaster(data / "postgres"))))
            time.sleep(SAMPLE_S)
        seconds = time.monotonic() - started
        if process.returncode:
            said.seek(0)
            raise Unavailable(f"The demo did not run: {said.read().strip()[-500:]}")
    return Ran(seconds, peak)
