"""A provider returns what it collected in very many blocks, while others act, and a hundred tonnes of it are traded."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from api.bench.caller import Caller
from api.bench.figures import Figure, percentile
from api.bench.http import holders_tokens, run_load, served, silent, tokens_of
from api.bench.load import Plan, Seen
from api.bench.processes import PROC, shared_out_bytes, tree
from api.bench.scratch import found_scheme
from api.installation.data_folder import POSTGRES
from api.installation.officers import CENTRE
from api.installation.services import running
from api.installation.settings import Settings
from api.installation.site import Site
from registry.accounts.accounts import INDIVIDUAL, INSTITUTION, open_account
from registry.activities.activities import Activity
from registry.database.embedded import running_url
from registry.database.engine import Database
from registry.issuance.issue import issue
from registry.issuance.report import Report
from registry.ledger.ledger import Amount, Ledger, lock_grams, unlock_grams
from registry.ledger.movement import Form, Purpose
from registry.points.points import convert, redeem
from registry.sources.sources import Source

PEOPLE = 400
BLOCK_G = 600
TONNE_G = 1_000_000
OTHERS, PER_SECOND, CONNECTIONS, LOAD_S = 20, 20.0, 8, 15.0
"""Who act meanwhile, and how often: what is seen is how long they wait."""
RETURN_S, MEMORY_MB, OTHERS_P99_MS, ACT_MS, LEAVES_A_CRUMB = 20, 1000, 300, 100, 4.1
MB = 1_000_000
PUBLISH_MS = 60_000
"""As in production, where a log is published once a minute, or after so many acts."""
SAMPLE_S, ASK_S = 0.2, 0.1
AFTERWARDS = 4
"""Acts on what was gathered: moved, listed, unlisted, cancelled."""


@dataclass(frozen=True, slots=True)
class Founded:
    """Who is there: the provider that collected, a trader, and the others with their tokens."""

    provider: int
    trader: int
    others: dict[str, str]
    shop_of_others: int
    tokens: dict[int, str]


@dataclass
class Watch:
    """The largest memory seen of all of the registry's own processes, in bytes."""

    peak: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look until it is over."""
        while not self.over.wait(SAMPLE_S):
            self.peak = max(self.peak, shared_out_bytes(_server()))


def measure(folder: Path, blocks: int) -> list[Figure]:
    """Measure in a new data folder, with so many collected blocks, all issued, converted and redeemed one by one."""
    settings = Settings(data=folder / "data")
    os.environ["GRAMLEDGER_PUBLISH_INTERVAL_MS"] = str(PUBLISH_MS)
    with running(settings, silent, create=True) as site:
        founded, ledger = _found(site, blocks), site.ledger
        site.publisher.publish()
        collected = _number(site.database, _COLLECTED)
    with ExitStack() as stack:
        url = stack.enter_context(served(settings.data, None))
        database = stack.enter_context(closing(Database(running_url(settings.data / POSTGRES))))
        provider, trader = (
            stack.enter_context(closing(_Asker(url, founded.tokens[who], who)))
            for who in (founded.provider, founded.trader)
        )
        returned = list(_returned(provider, founded, url))
        grams = min(100 * TONNE_G, collected * BLOCK_G)
        traded = list(_traded(database, ledger, provider, trader, grams))
        gathered = _number(database, _GATHERED)
    with running(settings, silent) as site:
        site.publisher.publish()
        site.anchorer.anchor()
        gas = _number(site.database, _GAS)
    crumbs = -(-TONNE_G // BLOCK_G)
    return [
        Figure("collected blocks", collected, "", blocks),
        *returned,
        *traded,
        Figure(
            "leaves of a crumb, from its issue to the end", (3 * collected + gathered + AFTERWARDS) / collected, "",
            LEAVES_A_CRUMB, True,
        ),
        Figure(
            f"leaves of a tonne in crumbs of {BLOCK_G} g, once collected",
            crumbs * gathered / collected + AFTERWARDS, "", None, False,
            "each crumb returned, moved, listed, unlisted and cancelled by itself", float(5 * crumbs),
        ),
        Figure("gas of the anchor, whatever leaves it covers", gas, "gas"),
    ]  # fmt: skip


def _returned(provider: "_Asker", founded: Founded, url: str) -> Iterator[Figure]:
    """Have all that was collected returned, while others act."""
    seen: list[Seen] = []
    plan = Plan(url, "acts", LOAD_S, CONNECTIONS, PER_SECOND, founded.others, founded.shop_of_others, 0)
    others = threading.Thread(target=lambda: seen.append(run_load(plan)))
    with _watched() as watch:
        others.start()
        time.sleep(plan.warm_up_s)
        began = time.monotonic()
        provider.wait_for(provider.ask("returns", all=True))
        returned_s = time.monotonic() - began
        others.join()
    waits, failed = seen[0].every, sum(seen[0].failures.values())
    yield Figure("returned as one bundle in", returned_s, "s", RETURN_S, True)
    yield Figure("  memory of the registry's processes", watch.peak / MB, "MB", MEMORY_MB, True)
    yield Figure("  acts of others meanwhile, 99 % under", percentile(waits, 0.99) * 1000, "ms", OTHERS_P99_MS, True)
    yield Figure("    half under", percentile(waits, 0.5) * 1000, "ms")
    yield Figure("    that failed", failed, "", 0, True)


def _traded(database: Database, ledger: Ledger, provider: "_Asker", trader: "_Asker", grams: int) -> Iterator[Figure]:
    """Move what was gathered, list it, take it off the list, and cancel it: each by one leaf."""

    def locking(act: Callable[..., object], *more: Purpose) -> None:
        with database.transaction() as tx:
            act(tx, ledger, trader.account, Form.REDUCTION, Amount(grams), *more)

    steps: dict[str, Callable[[], object]] = {
        "transferred": lambda: provider.ask("transfers", quantity_g=grams, to=trader.account),
        "listed": lambda: locking(lock_grams, Purpose.LISTING),
        "taken off the list": lambda: locking(unlock_grams),
        "cancelled": lambda: trader.ask("cancellations", quantity_g=grams, purpose="voluntary-offset"),
    }
    before = _number(database, _AFTER)
    for name, step in steps.items():
        began = time.monotonic()
        step()
        yield Figure(f"{grams // TONNE_G} t {name}", (time.monotonic() - began) * 1000, "ms", ACT_MS, True)
    yield Figure("leaves of these four acts", _number(database, _AFTER) - before, "", AFTERWARDS, True)


def _found(site: Site, blocks: int) -> Founded:
    """Have `PEOPLE` collect the points of so many lots, and redeem them at one provider; others hold what they need."""
    others, ledger = found_scheme(site, OTHERS), site.ledger
    lots, at = max(1, blocks // PEOPLE), ledger.clock()
    with site.database.transaction() as tx:
        names = [("Bench shop", INSTITUTION), ("Bench trader", INSTITUTION)]
        names += [(f"Bench crumbs {number}", INDIVIDUAL) for number in range(PEOPLE)]
        shop, trader, *people = [open_account(tx, ledger.vault, kind=kind, name=name, at=at) for name, kind in names]
    for lot in range(lots):
        with site.database.transaction() as tx:
            issue(tx, ledger, _report(others.source, people, lot), CENTRE)
    for person in people:
        for act in (convert, lambda tx, ledger, who, amount: redeem(tx, ledger, who, shop, amount.quantity_g)):
            with site.database.transaction() as tx:
                act(tx, ledger, person, Amount(lots * BLOCK_G))
    tokens = holders_tokens(site, (shop, trader))
    return Founded(shop, trader, tokens_of(site, others), others.provider, tokens)


def _report(source: Source, people: list[int], lot: int) -> Report:
    start = source.valid_from_ms + (lot + 1) * 86_400_000
    done = [Activity(f"crumb-{lot}-{person}", person, start, start + 600_000, BLOCK_G) for person in people]
    return Report(source, done, {"bench": True})


class _Asker:
    """An account that acts over HTTP, and waits for its jobs."""

    def __init__(self, url: str, token: str, account: int) -> None:
        self._caller, self.account, self._turn = Caller(url), account, 0
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, act: str, **body: Any) -> dict[str, Any]:
        self._turn += 1
        headers = self._headers | {"Idempotency-Key": f"bench-{self.account}-{self._turn}"}
        path = f"/v1/accounts/{self.account}/{act}"
        answer = self._caller.ask("POST", path, headers, json.dumps(body).encode())
        said: dict[str, Any] = json.loads(answer.body)
        if answer.status not in {201, 202}:
            raise RuntimeError(said["detail"])
        return said

    def close(self) -> None:
        self._caller.close()

    def wait_for(self, job: dict[str, Any]) -> None:
        """Come back until it is done; what was done at once is no job."""
        while job.get("state") in {"waiting", "running"}:
            time.sleep(ASK_S)
            job = json.loads(self._caller.ask("GET", job["url"], self._headers).body)
        if job.get("problem"):
            raise RuntimeError(job["problem"]["detail"])


@contextmanager
def _watched() -> Iterator[Watch]:
    watch = Watch()
    thread = threading.Thread(target=watch.run)
    thread.start()
    try:
        yield watch
    finally:
        watch.over.set()
        thread.join()


def _server() -> set[int]:
    """Find `gram serve` among what this process started, with all that it started itself."""
    return tree({pid for pid in tree({os.getpid()}) if b"\0serve\0" in _command(pid)})


def _command(pid: int) -> bytes:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def _number(database: Database, query: sa.TextClause) -> int:
    with database.reading() as tx:
        return int(tx.execute(query).scalar_one())


_COLLECTED = sa.text("SELECT count(*) FROM blocks WHERE form = 2 AND flags & 8 = 0")
_GATHERED = sa.text("SELECT count(*) FROM movements WHERE kind IN (6, 12)")
_AFTER = sa.text("SELECT count(*) FROM movements WHERE kind IN (2, 10, 11) OR kind = 8 AND purpose = 17")
_GAS = sa.text("SELECT gas FROM anchors WHERE gas IS NOT NULL ORDER BY size DESC LIMIT 1")
