"""Runs seeds of the simulation and prints what came of them; the exit code is 1 when one found a fault.

A seed replays exactly: the same command again gives the same trace and the same end.
"""

import argparse
import sys
import time
import traceback

from tests.simulation.run import stage
from tests.simulation.table import Totals


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1_000, help="seeds from there on")
    parser.add_argument("--trace", action="store_true", help="print everything that happened")
    given = parser.parse_args()
    totals, begun = Totals(), time.monotonic()
    with stage() as shared:
        for seed in range(given.seed, given.seed + given.count):
            outcome = shared.play(seed)
            totals.add([outcome])
            if totals.seeds % 100 == 0:
                print(f"{totals.seeds} seeds, {len(totals.failed)} failed", file=sys.stderr)  # noqa: T201
            if given.trace:
                print("\n".join(outcome.trace))  # noqa: T201
                print(f"trace {outcome.digest}")  # noqa: T201
                traceback.print_exception(outcome.failure)
    print("\n".join(totals.lines(time.monotonic() - begun)))  # noqa: T201
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
