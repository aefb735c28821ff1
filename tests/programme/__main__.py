"""Plays cities and prints the first that does not hold; the exit code is 1 then."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import psycopg
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from registry.database.embedded import EmbeddedPostgres
from registry.database.engine import Database, migrate
from registry.database.roles import as_registry, establish
from tests.programme.machine import Programme
from tests.programme.stage import Stage
from tests.support.hasty import MOMENTARY, hasten
from tests.support.scheme import Scheme


@contextmanager
def laid_out():
    """A PostgreSQL with the template in it."""
    with tempfile.TemporaryDirectory(prefix="gl-stage-", dir=MOMENTARY) as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        url = server.start()
        try:
            with psycopg.connect(url, autocommit=True) as admin:
                hasten(admin)
                admin.execute("CREATE DATABASE founded")
            founded = url.replace("/postgres?", "/founded?")
            owner = Database(founded, pool_size=1)
            migrate(owner)
            with owner.transaction() as tx:
                establish(tx)
            owner.close()
            database = Database(as_registry(founded))
            scheme = Scheme.found(database)
            database.close()
            yield Stage.lay_out(url, scheme)
        finally:
            server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.programme", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="cities")
    parser.add_argument("--steps", type=int, default=60, help="what happens in each, at most")
    given = parser.parse_args()
    begun = time.monotonic()
    with laid_out() as stage:
        staged = type("Staged", (Programme,), {"stage": stage, "counts": Counter()})
        many = settings(max_examples=given.count, stateful_step_count=given.steps, deadline=None, print_blob=True)
        run_state_machine_as_test(staged, settings=many)
    told = ", ".join(f"{outcome} {number}" for outcome, number in sorted(staged.counts.items()))
    print(f"All hold, in {time.monotonic() - begun:.0f} s: {told}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
