"""Acts while others hold the registry's connections and keep its chain busy: each from an address of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import sqlalchemy as sa

from api.bench.figures import Figure, percentile
from api.bench.holding import Siege
from api.bench.http import movements_of, run_load, served, silent, tokens_of
from api.bench.load import Plan
from api.bench.scratch import found_scheme
from api.services import running
from api.settings import Settings
from registry.errors import Unavailable

PEOPLE = 100
ACTS_PER_SECOND = 20.0
"""Offered: what is to be seen is how long they take."""
CONNECTIONS = 16
ACT_P99_MS = 500
MAX_LOG_BYTES = 1_000_000
AFTER_S = 15
"""That the siege outlasts the load at most."""


@contextmanager
def _besieged(siege: Siege) -> Iterator[None]:
    """Begin a siege in a process of its own, and end it."""
    command = [sys.executable, "-m", "api.bench.holding"]
    crowd = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert crowd.stdin is not None and crowd.stdout is not None  # noqa: S101, PT018  (they were asked for)
    try:
        crowd.stdin.write(json.dumps(asdict(siege)))
        crowd.stdin.close()
        if "ready" not in crowd.stdout.readline():
            raise Unavailable("The crowd did not assemble; its last words are above.")
        yield
    finally:
        crowd.kill()
        crowd.wait()
        crowd.stdout.close()


def measure(folder: Path, held: int, seconds: int) -> list[Figure]:
    """Measure for `seconds`, with `held` connections, in a new data folder, all on loopback addresses."""
    settings = Settings(data=folder / "data")
    with running(settings, silent, create=True) as site:
        people = found_scheme(site, PEOPLE)
        site.publisher.publish()
        tokens, movements = tokens_of(site, people), movements_of(site)
    written = folder / "serve.log"
    with (
        written.open("wb") as words,
        served(settings.data, None, words) as url,
        _besieged(Siege(url, held, seconds + AFTER_S)),
    ):
        seen = run_load(Plan(url, "acts", seconds, CONNECTIONS, ACTS_PER_SECOND, tokens, people.provider, movements))
    with running(settings, silent) as site, site.database.transaction() as tx:
        anchors = tx.execute(sa.text("SELECT count(*) FROM anchors")).scalar_one()
    every = seen.every
    return [
        Figure("connections held", held, ""),
        Figure("acts offered", ACTS_PER_SECOND, "/s"),
        Figure("acts", len(every) / seen.seconds, "/s"),
        Figure("acts, half under", percentile(every, 0.5) * 1000, "ms"),
        Figure("acts, 99 % under", percentile(every, 0.99) * 1000, "ms", ACT_P99_MS, True),
        Figure("acts, all under", percentile(every, 1.0) * 1000, "ms"),
        Figure("acts that failed", sum(seen.failures.values()), "", 0, True),
        Figure("anchors", anchors, "", 2),
        Figure("written to the log", written.stat().st_size, "bytes", MAX_LOG_BYTES, True),
    ]
