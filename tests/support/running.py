"""A whole installation for tests: embedded PostgreSQL and chain, the contract, a real HTTP server, and a scenario."""

import itertools
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import sqlalchemy as sa

from anchoring.connections import Limits
from api.installation.data_folder import POSTGRES
from api.installation.development_issuer import NAME
from api.installation.officers import CENTRE
from api.installation.services import running
from api.installation.settings import Settings
from api.installation.site import Site
from api.installation.trial import trial_token
from api.serving.app import create
from api.serving.http_server import BoundedServer
from registry.accounts.accounts import INDIVIDUAL, INSTITUTION, open_account
from registry.activities.activities import Activity
from registry.clock import Clock, system_clock
from registry.database.embedded import url_of
from registry.identity.grants import OPERATOR, Grant, give
from registry.identity.roles import NUMBERED, Role
from registry.identity.subjects import Subject
from registry.issuance.issue import Lot, issue
from registry.issuance.report import Report
from registry.ledger.ledger import Ledger
from registry.sources.sources import Source
from tests.support.hasty import hasten
from tests.support.scheme import found_programme, found_source, in_order, methodology_of

DAY_MS = 86_400_000
FIRST_RIDE_MS = 1_470_009_600_000
"""1 August 2016 in Shanghai."""
START_S = 30
DISTRICT = "310104"
"""Xuhui's, of which the first officer of a district bureau is."""


@dataclass(frozen=True)
class Live:
    """A running installation at `url`, and ways to put people and grams there."""

    site: Site
    url: str
    source: Source
    _rides: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def token(self, role: str, account: int | None = None) -> str:
        """Give a token of the development issuer, for somebody with this role; of an authority, its first officer."""
        district = DISTRICT if role == Role.DISTRICT_BUREAU else None
        wanted = Grant(Role(role), account, 1 if role in NUMBERED else None, district)
        vault, issuer = self.site.ledger.vault, self.site.development_issuer
        with self.site.database.transaction() as tx:
            return trial_token(tx, vault, issuer, wanted, system_clock())

    def grant(self, subject: str, wanted: Grant) -> int:
        """Grant a role to a subject of the development issuer."""
        ledger = self.site.ledger
        with self.site.database.transaction() as tx:
            return give(tx, ledger.vault, Subject(NAME, subject), wanted, OPERATOR, ledger.clock())

    def person(self, name: str = "Person") -> int:
        return self._open(INDIVIDUAL, name)

    def institution(self, name: str = "Institution") -> int:
        return self._open(INSTITUTION, name)

    def issue(self, grams: Mapping[int, int]) -> Lot:
        """Issue grams to accounts, each for one ride of its own."""
        rides = [self._ride(account, quantity) for account, quantity in grams.items()]
        with self.site.database.transaction() as tx:
            return issue(tx, replace(self.site.ledger, shuffle=in_order), Report(self.source, rides), CENTRE)

    def index(self, movement: int) -> int:
        """Give the log index of a movement that is logged, by its number."""
        query = sa.text("SELECT index FROM log_entries WHERE movement_id = :number")
        with self.site.database.transaction() as tx:
            return int(tx.execute(query, {"number": movement}).scalar_one())

    def publish(self) -> None:
        """Log, anchor and settle everything that is recorded."""
        self.site.publisher.publish()
        self.site.anchorer.anchor()
        self.site.anchorer.settle()

    def _open(self, kind: str, name: str) -> int:
        ledger = self.site.ledger
        with self.site.database.transaction() as tx:
            return open_account(tx, ledger.vault, kind=kind, name=name, at=ledger.clock())

    def _ride(self, account: int, quantity_g: int) -> Activity:
        number = next(self._rides)
        start = FIRST_RIDE_MS + number * 600_000
        return Activity(f"ride-{number}", account, start, start + 540_000, quantity_g)


@contextmanager
def live_site(
    folder: Path,
    numbers_from: Mapping[str, int] | None = None,
    clock: Clock = system_clock,
    **given: object,
) -> Iterator[Live]:
    """Run an installation in `folder`, with policies, the shared-bicycle methodology and a scenario, and serve it.

    `numbers_from` gives the first number that the database gives in a table; by `clock` all that is founded.
    """
    settings = Settings(data=folder / "data", origin="log.test/gramledger", **given)
    with running(settings, lambda _sentence: None, create=True) as site, served(site) as url:
        if settings.database is None:
            with psycopg.connect(url_of(settings.data / POSTGRES), autocommit=True) as admin:
                hasten(admin)
        with site.database.transaction() as tx:
            for table, first in (numbers_from or {}).items():
                values = {"sequence": f"{table}_id_seq", "first": first}
                tx.execute(sa.text("SELECT setval(CAST(:sequence AS regclass), :first, false)"), values)
        yield Live(site, url, _found(site, replace(site.ledger, clock=clock)))


def _found(site: Site, ledger: Ledger) -> Source:
    window = (FIRST_RIDE_MS - DAY_MS, FIRST_RIDE_MS + 9000 * DAY_MS)
    with site.database.transaction() as tx:
        found_programme(tx, ledger)
        return found_source(tx, ledger, methodology_of(), window, "Shared-bicycle rides")


@contextmanager
def served(site: Site, limits: Limits | None = None) -> Iterator[str]:
    """Serve a site over HTTP and give its URL."""
    # The protocol is named, for without it asyncio leaves TCP_NODELAY off and every answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = BoundedServer(create(site), limits or Limits(1024, 512))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        _await_start(server)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _await_start(server: BoundedServer) -> None:
    deadline = time.monotonic() + START_S
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
