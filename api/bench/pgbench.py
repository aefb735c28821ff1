"""Run pgbench, which comes with the embedded PostgreSQL: SQL without anything of ours around it."""

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.database.program import installed
from registry.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Ran:
    """Transactions a second, and every latency in seconds."""

    per_second: float
    latencies: list[float]


def run(
    url: str,
    scripts: Mapping[str, str],
    variables: Mapping[str, int],
    *,
    seconds: int,
    connections: int,
    per_second: float | None = None,
) -> Ran:
    """Run scripts in equal shares: as many as can be, or so many a second, latencies from when each was due.

    `url` may be SQLAlchemy's spelling. Raises `Unavailable` with pgbench's words.
    """
    with tempfile.TemporaryDirectory(prefix="gl-pgbench-") as name:
        folder = Path(name)
        command = [str(installed() / "pgbench"), *["-n", "-M", "prepared", "-j", "1", "-l"]]
        command += ["-c", str(connections), "-T", str(seconds)]
        command += [word for name, value in variables.items() for word in ("-D", f"{name}={value}")]
        command += [] if per_second is None else ["-R", str(per_second)]
        for script, text in scripts.items():
            (folder / script).write_text(text)
            command += ["-f", script]
        done = subprocess.run([*command, url], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"pgbench did not run: {done.stderr.strip()[-500:]}")
        # The third column of the log is microseconds.
        lines = [line.split() for log in folder.glob("pgbench_log.*") for line in log.read_text().splitlines()]
    latencies = [int(line[2]) / 1e6 for line in lines if line[2].isdecimal()]
    return Ran(len(latencies) / seconds, latencies)
