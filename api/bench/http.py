"""Acts and look-ups through HTTP, as callers see them, beside the same SQL run by pgbench."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from api.auth import development_token
from api.bench import pgbench, scripts
from api.bench.figures import Figure, percentile
from api.bench.load import Plan, Seen
from api.bench.scratch import People, found_scheme
from api.keys import read_secret
from api.services import running
from api.settings import Settings
from api.site import Site
from registry.errors import Unavailable

ACTS_PER_SECOND = 300
LOOK_UPS_PER_SECOND = 1000
ACT_P99_MS = 150
OFFERED = {"acts": ACTS_PER_SECOND, "look-ups": LOOK_UPS_PER_SECOND}
"""What is due in a second: what is to be reached. A server that cannot falls behind, and its latencies say so."""
REACHED = 0.98
"""Of what is offered; the rest is the last answer's time."""
PEOPLE = 400
LIFE_S = 86_400


@dataclass(frozen=True, slots=True)
class Wanted:
    """How long, and how much at once."""

    seconds: int
    connections: int
    workers: int | None = None
    people: int = PEOPLE


def measure(folder: Path, wanted: Wanted) -> list[Figure]:
    """Measure in a new data folder: the server and its load on this machine, then pgbench alone."""
    settings = Settings(data=folder / "data")
    with running(settings, silent, create=True) as site:
        people = found_scheme(site, wanted.people)
        site.publisher.publish()
        tokens = tokens_of(site, people)
        movements = movements_of(site)
    with served(settings.data, wanted.workers) as url:
        seen = {
            kind: run_load(
                Plan(url, kind, wanted.seconds, wanted.connections, offered, tokens, people.provider, movements)
            )
            for kind, offered in OFFERED.items()
        }
    with running(settings, silent) as site:
        alone = _alone(site, people, wanted)
    return [*_figures("acts", seen["acts"], alone["acts"]), *_figures("look-ups", seen["look-ups"], alone["look-ups"])]


def silent(_sentence: str) -> None:
    """Keep the warnings about stand-ins from the figures."""


def tokens_of(site: Site, people: People) -> dict[str, str]:
    """Give each holder a development token, by account number."""
    key = read_secret(site.folder.keys, "token.key")
    now = int(time.time())
    return {
        str(holder): development_token(site.settings, key, role="holder", account=holder, now_s=now, life_s=LIFE_S)
        for holder in people.holders
    }


def movements_of(site: Site) -> list[int]:
    """Give the first movements there are."""
    with site.database.transaction() as tx:
        return list(tx.execute(sa.text("SELECT id FROM movements ORDER BY id LIMIT 10000")).scalars())


@contextmanager
def served(data: Path, workers: int | None, words: IO[bytes] | int = subprocess.DEVNULL) -> Iterator[str]:
    """Run `gram serve`, with publisher and anchoring, as anybody runs it."""
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--data", str(data), "--port", "0"]
    command += [] if workers is None else ["--workers", str(workers)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=words, text=True)
    try:
        assert server.stdout is not None  # noqa: S101  (it was asked for)
        line = server.stdout.readline()
        if "http" not in line:
            raise Unavailable("`gram serve` did not start.")
        yield line.split()[-1]
    finally:
        server.terminate()
        server.communicate()


def run_load(plan: Plan) -> Seen:
    """Run the load client, in a process of its own."""
    command = [sys.executable, "-m", "api.bench.load"]
    done = subprocess.run(command, input=json.dumps(asdict(plan)), capture_output=True, text=True, check=True)
    return Seen(**json.loads(done.stdout))


def _alone(site: Site, people: People, wanted: Wanted) -> dict[str, pgbench.Ran]:
    variables = {
        "first_holder": min(people.holders),
        "last_holder": max(people.holders),
        "provider": people.provider,
        "now": site.ledger.clock(),
        "last_movement": len(people.holders),
    }
    return {
        kind: pgbench.run(
            site.where.database_url, of, variables, seconds=wanted.seconds, connections=wanted.connections
        )
        for kind, of in (("acts", scripts.ACTS), ("look-ups", scripts.LOOK_UPS))
    }


def _figures(kind: str, seen: Seen, alone: pgbench.Ran) -> list[Figure]:
    every = [latency for latencies in seen.latencies.values() for latency in latencies]
    least, most = (ACTS_PER_SECOND, ACT_P99_MS) if kind == "acts" else (LOOK_UPS_PER_SECOND, None)
    beside = "the same SQL by pgbench"
    figures = [
        Figure(f"{kind} offered", least, "/s"),
        Figure(kind, len(every) / seen.seconds, "/s", least * REACHED, False, beside, alone.per_second),
        _latency(f"{kind}, 99 % under", every, 0.99, most, alone.latencies),
        _latency(f"{kind}, half under", every, 0.5, None, alone.latencies),
        _latency(f"{kind}, all under", every, 1.0, None, alone.latencies),
    ]
    figures += [
        Figure(f"  {name}", len(latencies) / seen.seconds, "/s") for name, latencies in sorted(seen.latencies.items())
    ]
    figures.append(Figure(f"{kind} that failed", sum(seen.failures.values()), "", 0, True))
    figures.append(Figure(f"{kind}, the load client's own processor time", seen.client_cpu_s / seen.seconds, "s/s"))
    return figures


def _latency(name: str, every: list[float], share: float, most: int | None, alone: list[float]) -> Figure:
    ours, theirs = percentile(every, share) * 1000, percentile(alone, share) * 1000
    return Figure(name, ours, "ms", most, True, "the same SQL by pgbench", theirs)
