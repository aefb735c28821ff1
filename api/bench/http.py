"""Acts and look-ups through HTTP, as callers see them, beside the same SQL run by pgbench.

First how many the server can answer, then how long one takes while a share of that is asked for: at more than it can
answer a request takes as long as the queue before it, which says nothing of the server.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

from api.bench import pgbench, scripts
from api.bench.figures import Figure, percentile
from api.bench.load import WARM_UP_S, Plan, Seen
from api.bench.scratch import People, found_scheme
from api.installation.services import running
from api.installation.settings import Settings
from api.installation.site import Site
from api.installation.trial import trial_token
from registry.errors import Unavailable
from registry.identity.grants import Grant
from registry.identity.roles import Role

SHARES = {"acts": 0.30, "look-ups": 0.08}
"""Of what pgbench does with the same SQL in the same run: what is to be reached."""
LOADED = 0.6
"""The share of its capacity that a server is asked for while latencies are measured."""
ACT_P99_MS = 150
PEOPLE = 400


@dataclass(frozen=True, slots=True)
class Wanted:
    """How long, and how much at once."""

    seconds: int
    connections: int
    workers: int | None = None
    people: int = PEOPLE
    warm_up_s: float = WARM_UP_S


@dataclass(frozen=True, slots=True)
class Measured:
    """The server or the database, as fast as it can, and at `LOADED` of that."""

    per_second: float
    latencies: list[float]


def measure(folder: Path, wanted: Wanted) -> list[Figure]:
    """Measure in a new data folder: the server and its load on this machine, then pgbench alone."""
    settings = Settings(data=folder / "data")
    with running(settings, silent, create=True) as site:
        people = found_scheme(site, wanted.people)
        leaves, tokens = site.publisher.publish(), tokens_of(site, people)
    with served(settings.data, wanted.workers) as url:
        seen = {}
        for kind in SHARES:
            plan = Plan(
                url, kind, wanted.seconds, wanted.connections, None, tokens, people.provider, leaves, wanted.warm_up_s
            )
            full = run_load(plan)
            seen[kind] = full, run_load(replace(plan, per_second=max(1.0, LOADED * full.per_second)))
    with running(settings, silent) as site:
        plan = Plan("", "", 0, 0, None, tokens_of(site, people), people.provider, leaves)
        alone = {kind: _alone(site, people, wanted, replace(plan, kind=kind)) for kind in SHARES}
    return [figure for kind in SHARES for figure in _figures(kind, *seen[kind], alone[kind])]


def silent(_sentence: str) -> None:
    """Keep the warnings about stand-ins from the figures."""


def tokens_of(site: Site, people: People) -> dict[str, str]:
    """Give each holder a development token, by account number."""
    return {str(holder): token for holder, token in holders_tokens(site, people.holders).items()}


def holders_tokens(site: Site, holders: Iterable[int]) -> dict[int, str]:
    """Give a token of the development issuer for each of these accounts' holders."""
    ledger, issuer = site.ledger, site.development_issuer
    with site.database.transaction() as tx:
        return {
            holder: trial_token(tx, ledger.vault, issuer, Grant(Role.HOLDER, holder), ledger.clock())
            for holder in holders
        }


@contextmanager
def served(data: Path, workers: int | None, words: IO[bytes] | int = subprocess.DEVNULL) -> Iterator[str]:
    """Run `gram serve`, with publisher and anchoring, as anybody runs it."""
    command = [sys.executable, "-c", "from api.gram import main; main()", "serve", "--data", str(data), "--port", "0"]
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


def _alone(site: Site, people: People, wanted: Wanted, plan: Plan) -> Measured:
    variables = {
        "first_holder": min(people.holders),
        "last_holder": max(people.holders),
        "last_leaf": plan.leaves - 1,
    }
    ask = partial(
        pgbench.run, site.where.database_url, scripts.of_site(site, plan), variables,
        seconds=wanted.seconds, connections=wanted.connections,
    )  # fmt: skip
    full = ask()
    return Measured(full.per_second, ask(per_second=max(1.0, LOADED * full.per_second)).latencies)


def _figures(kind: str, full: Seen, loaded: Seen, alone: Measured) -> Iterator[Figure]:
    least = SHARES[kind] * alone.per_second
    yield Figure(f"{kind}, as many as can be", full.per_second, "/s", least, False, BESIDE, alone.per_second)
    for name, latencies in sorted(full.latencies.items()):
        yield Figure(f"  {name}", len(latencies) / full.seconds, "/s")
    yield Figure(f"{kind} at {LOADED:.0%} of that", loaded.per_second, "/s")
    for name, share, most in (("99 %", 0.99, ACT_P99_MS if kind == "acts" else None), ("half", 0.5, None)):
        ours, theirs = percentile(loaded.every, share) * 1000, percentile(alone.latencies, share) * 1000
        yield Figure(f"  {name} under", ours, "ms", most, True, BESIDE_LOADED, theirs)
    yield Figure("  all under", max(loaded.every, default=0) * 1000, "ms")
    failures = Counter(full.failures) + Counter(loaded.failures)
    yield Figure(f"{kind} that failed", failures.total(), "", 0, True)
    for cause, times in failures.most_common():
        yield Figure(f"  {cause}", times, "")
    yield Figure(f"{kind}, the load client's own processor time", full.client_cpu_s / full.seconds, "s/s")


BESIDE = "the same SQL by pgbench"
BESIDE_LOADED = f"the same SQL by pgbench, at {LOADED:.0%} of its own"
