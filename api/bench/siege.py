"""Acts while others hold the registry's connections and keep its chain busy: each from an address of its own."""

import json
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Self

import sqlalchemy as sa

from api.bench.figures import Figure, percentile
from api.bench.holding import Besieged, Siege
from api.bench.http import run_load, served, silent, tokens_of
from api.bench.load import Plan, Seen
from api.bench.scratch import found_scheme
from api.installation.data_folder import POSTGRES
from api.installation.services import running
from api.installation.settings import Settings
from registry.database.embedded import running_url
from registry.database.engine import Database
from registry.errors import Unavailable

PEOPLE = 100
ACTS_PER_SECOND = 20.0
"""Offered: what is to be seen is how long they take."""
CONNECTIONS = 16
ACT_P99_MS = 500
MAX_LOG_BYTES = 1_000_000
ANCHOR_S = 60
"""In which what was published during the siege is to be anchored, while it lasts."""
AFTER_S = 90
"""That the siege outlasts the load at most."""
END_S = 10
LOOK_S = 0.1


class Camp:
    """A siege in a process of its own; a context manager. `seen` is there when it has ended."""

    def __init__(self, siege: Siege) -> None:
        """Say whom; it begins when the block is entered."""
        self._siege = siege
        self.seen = Besieged()

    def __enter__(self) -> Self:
        """Begin; the block is entered when all connections were opened."""
        command = [sys.executable, "-m", "api.bench.holding"]
        self._crowd = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._crowd.stdin is not None and self._crowd.stdout is not None  # noqa: S101, PT018  (asked for)
        self._crowd.stdin.write(json.dumps(asdict(self._siege)))
        self._crowd.stdin.close()
        if "ready" not in self._crowd.stdout.readline():
            self._end()
            raise Unavailable("The crowd did not assemble; its last words are above.")
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and keep what it says."""
        self._crowd.terminate()
        said = self._end()
        if said:
            self.seen = Besieged(**json.loads(said))

    def _end(self) -> str:
        self._crowd.stdin = None  # closed above; the library would write to it
        try:
            return self._crowd.communicate(timeout=END_S)[0]
        except subprocess.TimeoutExpired:
            self._crowd.kill()
            self._crowd.communicate()
            return ""


def measure(folder: Path, held: int, seconds: int, people: int = PEOPLE) -> list[Figure]:
    """Measure for `seconds`, with `held` connections, in a new data folder, all on loopback addresses."""
    settings = Settings(data=folder / "data")
    with running(settings, silent, create=True) as site:
        acting = found_scheme(site, people)
        leaves, tokens = site.publisher.publish(), tokens_of(site, acting)
    written = folder / "serve.log"
    with (
        written.open("wb") as words,
        served(settings.data, None, words) as url,
        Camp(Siege(url, held, seconds + AFTER_S)) as camp,
    ):
        seen = run_load(Plan(url, "acts", seconds, CONNECTIONS, ACTS_PER_SECOND, tokens, acting.provider, leaves))
        anchored_s = _anchored_after(settings.data / POSTGRES)
    return [*_of_siege(held, camp.seen), *_of_acts(seen), *_of_registry(anchored_s, written.stat().st_size)]


def _anchored_after(postgres: Path) -> float:
    """Wait until the contract has all that is published now; say how many seconds that took."""
    began = time.monotonic()
    with closing(Database(running_url(postgres), pool_size=1)) as database:
        size = _largest(database, "publications")
        while _largest(database, "anchors") < size and time.monotonic() - began < ANCHOR_S:
            time.sleep(LOOK_S)
    return time.monotonic() - began


def _largest(database: Database, table: str) -> int:
    with database.transaction() as tx:
        return int(tx.execute(sa.text(f"SELECT coalesce(max(size), 0) FROM {table}")).scalar_one())  # noqa: S608


def _of_siege(wanted: int, seen: Besieged) -> list[Figure]:
    there = seen.held or [0]
    return [
        Figure("connections wanted", wanted, ""),
        Figure("connections opened, with those opened anew", seen.opened, ""),
        Figure("connections held, on average", sum(there) / len(there), ""),
        Figure("batches of calls that the chain answered", seen.batches.get("200", 0), ""),
        Figure("batches of calls that were sent away", sum(seen.batches.values()) - seen.batches.get("200", 0), ""),
        Figure("the siege's own processor time", seen.processor_s / len(there), "s/s"),
    ]


def _of_acts(seen: Seen) -> list[Figure]:
    every = [latency for some in seen.latencies.values() for latency in some]
    return [
        Figure("acts offered", ACTS_PER_SECOND, "/s"),
        Figure("acts", len(every) / seen.seconds, "/s"),
        Figure("acts, half under", percentile(every, 0.5) * 1000, "ms"),
        Figure("acts, 99 % under", percentile(every, 0.99) * 1000, "ms", ACT_P99_MS, True),
        Figure("acts, all under", percentile(every, 1.0) * 1000, "ms"),
        Figure("acts that failed", sum(seen.failures.values()), "", 0, True),
    ]


def _of_registry(anchored_s: float, log_bytes: int) -> list[Figure]:
    return [
        Figure("the last act anchored after", anchored_s, "s", ANCHOR_S, True),
        Figure("written to the log", log_bytes, "bytes", MAX_LOG_BYTES, True),
    ]
