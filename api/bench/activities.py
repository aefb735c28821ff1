"""A file of rides judged, at two sizes, beside DuckDB reading and summing the same file.

The rides are synthetic and all bad kinds are among them (`scripts/make-sample-rides`). Each size is judged in a process
of its own, whose peak memory is what it says.
"""

import resource
import subprocess
import sys
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Final

import duckdb

from api.bench.figures import Figure
from registry.activities.judgement.known import Known, Link
from registry.activities.judging import Terms, judge_file
from registry.activities.profiles.shelf import find as find_profile
from registry.errors import Invalid, Unavailable
from registry.methodologies.record import program
from registry.methodologies.shelf import find
from registry.policies.activities import ACTIVITIES, RISK, FileLimits, Risk
from registry.policies.policies import shipped_policy

PROFILE: Final = "shanghai-rides"
MOST_S: Final = 20
"""For a million rides."""
MOST_MB: Final = 2000
LINEAR: Final = 1.3
"""How much longer than in proportion the larger file may take."""
_SUM: Final = """
    SELECT count(*), sum(hash(columns.orderid) % 1000) FROM read_csv('{path}', all_varchar = true, null_padding = true,
        ignore_errors = true) columns
"""
_GENERATOR: Final = Path(__file__).resolve().parents[2] / "scripts" / "make-sample-rides"


def measure(folder: Path, activities: int) -> list[Figure]:
    """Judge so many rides, and a fifth of them. Raises `Invalid` where the generator is not."""
    small, large = (made(folder, count) for count in (activities // 5, activities))
    fifth, whole = _judged(small), _judged(large)
    by_duckdb = summed(large)
    beside = "DuckDB reading and summing the same file"
    name = f"{activities:,} rides, from file to judged"
    return [
        Figure(name, whole[0], "s", MOST_S * max(1, activities / 1_000_000), True, beside, by_duckdb),
        Figure("longer than five times a fifth of them", whole[0] / (5 * fifth[0]), "times", LINEAR, True),
        Figure("peak memory", whole[1], "MB", MOST_MB, True, "a fifth of them", fifth[1]),
    ]


def made(folder: Path, rows: int) -> Path:
    """Make a file of so many synthetic rides. Raises `Invalid` where the generator is not."""
    if not _GENERATOR.exists():
        raise Invalid("The generator of sample rides is in the source tree only.")
    path = folder / f"rides-{rows}.csv"
    subprocess.run([sys.executable, str(_GENERATOR), "--rows", str(rows), "--out", str(path)], check=True)
    return path


def _judged(path: Path) -> tuple[float, float]:
    """Judge a file in another process; gives seconds and megabytes."""
    command = [sys.executable, "-W", "ignore", "-c", "from api.bench.activities import main; main()", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"The file was not judged: {done.stderr.strip()[-500:]}")
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


def summed(path: Path) -> float:
    """Give how many seconds DuckDB takes to read and sum a file of rides."""
    begun = perf_counter()
    with duckdb.connect() as running:
        running.execute(_SUM.format(path=str(path).replace("'", "''"))).fetchall()
    return perf_counter() - begun


def main() -> None:
    """Judge the file that is named, and print how long it took and what memory."""
    profile, methodology = find_profile(PROFILE), find(find_profile(PROFILE).methodology)
    limits = FileLimits.of(shipped_policy(ACTIVITIES))
    risk = Risk.of(shipped_policy(f"{RISK}{methodology.id}"))
    terms = Terms(program(methodology), (methodology.validity,), limits, risk, date(2026, 11, 1))
    known = Known(lambda names: [Link(name, number) for number, name in enumerate(names, start=1)])
    begun = perf_counter()
    judge_file(Path(sys.argv[1]), profile, terms, known)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(f"{perf_counter() - begun} {peak / 1000}\n")
