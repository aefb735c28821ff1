"""A batch of rides through a running `gram serve`: uploaded in parts, judged, proposed, approved, a lot.

The rides are synthetic and all bad kinds are among them (`scripts/make-sample-rides`); so are the riders, of whom
nobody has a name. Beside it DuckDB reads and sums the same file.
"""

import base64
import hashlib
import json
import os
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from api.bench.activities import PROFILE, made, summed
from api.bench.caller import Caller
from api.bench.figures import Figure
from api.bench.http import served, silent
from api.bench.processes import postmaster, processor_s, shared_out_bytes, tree
from api.bench.scratch import found_scenario
from api.installation.services import running
from api.installation.settings import Settings
from api.installation.site import Site
from api.installation.trial import trial_token
from registry.activities.judging import names_in
from registry.activities.profiles.shelf import find
from registry.database.engine import PATIENT
from registry.errors import Unavailable
from registry.identity.grants import Grant
from registry.identity.roles import Role
from registry.policies.activities import ACTIVITIES, FileLimits
from registry.policies.policies import shipped_policy
from registry.sources.sources import Source, give_consent

MOST_S: Final = 60
"""For a million rides, from the first part to the lot."""
MOST_MB: Final = 2000
LINEAR: Final = 1.3
"""How much longer than in proportion the larger batch may take."""
PART_BYTES: Final = 1 << 20
ASK_S: Final = 0.2
SAMPLE_S: Final = 0.5
MB: Final = 1_000_000
PERIOD: Final = {"period_from": "2016-07-31T16:00:00.000Z", "period_until": "2016-08-31T16:00:00.000Z"}
"""August 2016 in Shanghai, which the sample's good rides are of."""
PHASES: Final = ("upload", "dry run", "proposal", "approval to lot")


@dataclass(frozen=True, slots=True)
class Ran:
    """Seconds of each phase, and of processors in each by all processes.

    The largest sum of proportional set sizes that was seen, and how many rides became grams.
    """

    seconds: Mapping[str, float]
    processor_s: Mapping[str, float]
    peak_bytes: int
    accepted: int

    @property
    def whole_s(self) -> float:
        """From the first part to the lot."""
        return sum(self.seconds.values())


def measure(folder: Path, sizes: list[int]) -> list[Figure]:
    """Take a batch of each of these sizes, each in an installation of its own. Raises `Unavailable`."""
    figures: list[Figure] = []
    before: tuple[int, Ran] | None = None
    for rides in sizes:
        file = made(folder, rides)
        alone = summed(file)
        ran = _run(folder / str(rides), file)
        figures += _figures(rides, ran, alone)
        if before is not None:
            times = ran.whole_s / before[1].whole_s / (rides / before[0])
            name = f"{rides:,} rides, longer than in proportion to {before[0]:,}"
            figures.append(Figure(name, times, "times", LINEAR, True))
        before = rides, ran
    return figures


def _figures(rides: int, ran: Ran, alone_s: float) -> Iterator[Figure]:
    most = MOST_S * max(1, rides / 1_000_000)
    beside = "DuckDB reading and summing the same file"
    yield Figure(f"{rides:,} rides, from upload to lot", ran.whole_s, "s", most, True, beside, alone_s)
    for phase in PHASES:
        yield Figure(f"  {phase}", ran.seconds[phase], "s")
        yield Figure("    processor time of all processes", ran.processor_s[phase], "s")
    yield Figure("  rides a second", rides / ran.whole_s, "/s")
    yield Figure("  rides that became grams", ran.accepted, "")
    yield Figure("  peak memory of all processes", ran.peak_bytes / MB, "MB", MOST_MB, True)


def _run(folder: Path, file: Path) -> Ran:
    settings = Settings(data=folder)
    with running(settings, silent, create=True) as site:
        with site.database.transaction() as tx:
            tx.execute(sa.text(PATIENT))
            source = found_scenario(tx, site)
            _riders(tx, site, source, file)
        tokens = _tokens(site, source)
    with served(folder, None) as url, _watched(folder) as watch:
        seconds, used, said = _through(url, tokens, source, file, watch)
        if said["state"] != "issued":
            raise Unavailable(f"The batch did not become a lot: {said['problem']}")
    return Ran(seconds, used, watch.peak_bytes, said["summary"]["accepted"])


def _riders(tx: sa.Connection, site: Site, source: Source, file: Path) -> None:
    """Open an account for everybody in the file, with a key and consent; a statement opens all."""
    names = names_in(file, find(PROFILE), FileLimits.of(shipped_policy(ACTIVITIES)))
    at = site.ledger.clock()
    numbers = list(tx.execute(_OPEN, {"count": len(names), "at": at}).scalars())
    keys = [site.ledger.vault.new_key(number) for number in numbers]
    tx.execute(_KEYS, {"numbers": numbers, "keys": keys})
    give_consent(tx, site.ledger.vault, source.id, dict(zip(names, numbers, strict=True)), at)


def _tokens(site: Site, source: Source) -> dict[str, str]:
    wanted = {
        "platform": Grant(Role.PLATFORM, source.applicant_id),
        "proposer": Grant(Role.CENTRE, officer=1),
        "approver": Grant(Role.CENTRE, officer=2),
    }
    ledger, issuer = site.ledger, site.development_issuer
    with site.database.transaction() as tx:
        return {who: trial_token(tx, ledger.vault, issuer, one, ledger.clock()) for who, one in wanted.items()}


class _Registry:
    """The registry over REST, by three tokens."""

    def __init__(self, url: str, tokens: Mapping[str, str]) -> None:
        self.caller, self._tokens = Caller(url), tokens

    def ask(self, who: str, method: str, path: str, body: bytes | None = None, **headers: str) -> dict[str, Any]:
        given = {"Authorization": f"Bearer {self._tokens[who]}", "Idempotency-Key": str(uuid.uuid4())}
        answer = self.caller.ask(
            method, path, given | {name.replace("_", "-"): of for name, of in headers.items()}, body
        )
        if answer.failure is not None:
            raise Unavailable(f"{method} {path}: {answer.failure}: {answer.body[:500].decode(errors='replace')}")
        said: dict[str, Any] = json.loads(answer.body)
        return said

    def post(self, who: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.ask(who, "POST", path, json.dumps(body).encode(), Content_Type="application/json")

    def worked(self, batch: int) -> dict[str, Any]:
        """Wait until nothing is done with a batch, and give it."""
        while True:
            said = self.ask("platform", "GET", f"/v1/batches/{batch}")
            if said["work"] is None:
                return said
            time.sleep(ASK_S)


def _through(
    url: str, tokens: Mapping[str, str], source: Source, file: Path, watch: "_Watch"
) -> tuple[dict[str, float], dict[str, float], dict[str, Any]]:
    """Take a file all the way; gives seconds and processor seconds of each phase, and how the batch stands then."""
    registry = _Registry(url, tokens)
    with closing(registry.caller):
        times, used, said = [time.perf_counter()], [watch.processor_s()], dict[str, Any]()
        for stands in _taken(registry, source, file):
            said = stands
            times.append(time.perf_counter())
            used.append(watch.processor_s())
    each = [{phase: of[place + 1] - of[place] for place, phase in enumerate(PHASES)} for of in (times, used)]
    return each[0], each[1], said


def _taken(registry: _Registry, source: Source, file: Path) -> Iterator[dict[str, Any]]:
    """Take a file all the way; gives how its batch stands at the end of each phase."""
    batch = _uploaded(registry, source, file)
    yield {}
    said = registry.worked(batch)
    yield said
    registry.post("proposer", f"/v1/batches/{batch}/proposal", {"version": said["version"]})
    said = registry.worked(batch)
    yield said
    waiting = registry.ask("approver", "GET", "/v1/motions")["items"]
    motion = next((one["motion"] for one in waiting if one["case"] == said["case"]), None)
    if motion is None:
        raise Unavailable(f"The batch was not proposed: {said['problem']}")
    registry.post("approver", f"/v1/motions/{motion}/approval", {})
    yield registry.worked(batch)


def _uploaded(registry: _Registry, source: Source, file: Path) -> int:
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    new = {"profile": PROFILE, "bytes": file.stat().st_size, "sha256": sha256, **PERIOD}
    batch = int(registry.post("platform", f"/v1/sources/{source.id}/batches", new)["batch"])
    with file.open("rb") as stream:
        while part := stream.read(PART_BYTES):
            first = stream.tell() - len(part)
            digest = base64.b64encode(hashlib.sha256(part).digest()).decode()
            kind = "application/octet-stream"
            path = f"/v1/batches/{batch}/parts/{first}"
            registry.ask("platform", "PUT", path, part, Content_Type=kind, Content_Digest=f"sha-256=:{digest}:")
    return batch


class _Watch:
    """What all processes take that this one started, and the database: those that have ended too."""

    def __init__(self, data: Path) -> None:
        self.peak_bytes = 0
        self._data, self._used, self._look = data, dict[int, float](), threading.Lock()

    def look(self) -> None:
        """Look at their memory and their processor time."""
        with self._look:
            own = os.getpid()
            there = tree({own} | postmaster(self._data / "postgres")) - {own}
            self.peak_bytes = max(self.peak_bytes, shared_out_bytes(there))
            self._used |= {pid: processor_s({pid}) or self._used.get(pid, 0) for pid in there}

    def processor_s(self) -> float:
        """Give the seconds of processor time that they have used by now."""
        self.look()
        return sum(self._used.values())


@contextmanager
def _watched(data: Path) -> Iterator[_Watch]:
    """Look again and again."""
    watch, over = _Watch(data), threading.Event()

    def look() -> None:
        while not over.wait(SAMPLE_S):
            watch.look()

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield watch
    finally:
        over.set()
        watching.join()


_OPEN = sa.text("""
    INSERT INTO accounts (kind, opened_ms)
    SELECT 'individual', CAST(:at AS bigint) FROM generate_series(1, :count) RETURNING id
""")
_KEYS = sa.text("""
    INSERT INTO account_keys (account_id, sealed)
    SELECT account, sealed FROM unnest(CAST(:numbers AS bigint[]), CAST(:keys AS bytea[])) k (account, sealed)
""")
