"""Prints the table; the exit code is 1 when less than 99 in 100 were found, or an honest act was refused."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fraud.measure import measure


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fraud", description=__doc__)
    parser.add_argument("--honest", type=int, default=10_000, help="rides of people who rode")
    parser.add_argument("--each", type=int, default=200, help="frauds of each kind")
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gl-fraud-") as folder:
        rows = measure(Path(folder), given.seed, given.honest, given.each)
    print(f"{'synthetic':<22} {'acts':>8} {'found':>8} {'share':>10}  by")  # noqa: T201
    for row in rows:
        print(row)  # noqa: T201
    fails = [
        row for row in rows if (row.found > 0 if row.kind.startswith("honest") else row.found < 0.99 * row.planted)
    ]
    return 1 if fails else 0


if __name__ == "__main__":
    sys.exit(main())
