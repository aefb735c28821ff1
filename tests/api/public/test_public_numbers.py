"""What nobody is told without a token: database numbers of movements, acts and accounts, and what is not logged yet.

Every GET route of the application is asked, without a token, for all that there is and for what is to come, in a
registry whose numbers are far from any index, gram or time. A route, or a parameter of a path, that this test does not
know fails it: say there what is to be asked.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from anchoring.tree.folder import LogFolder
from api.installation.gate import gate_of
from api.serving.app import routed
from registry.clock import system_clock
from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.ledger.ledger import Amount
from registry.ledger.movement import serial
from registry.points.points import convert, redeem, refund, return_points
from tests.api.door.test_authorisation import routes
from tests.support.publishing import sign_alone
from tests.support.rest import Caller
from tests.support.running import Live, live_site

NUMBERS_FROM = {"accounts": 4_100_000_000_001, "acts": 5_200_000_000_001, "movements": 6_300_000_000_001}
"""More digits than a gram's number here, fewer than a time's in milliseconds by their value."""
LOTS = range(7)
SIZE = 60
"""More leaves than are published first."""
QUERIED = {
    "cursor", "limit", "gram_g", "first_g", "end_g", "record", "at", "version", "after", "state", "role",
    "profile", "period_from", "period_until", "purpose", "dated", "origin", "format", "receipt",
    "kind", "district", "methodology", "rural",
}  # fmt: skip
"""Parameters of queries that REST has."""
ELSE_SEEN = {
    "/sign-in/callback": {400}, "/v1/offers/{offer}": {404}, "/v1/cases/{number}/objections/{objection}": {422},
}  # fmt: skip
"""What routes answer who has no receipt, or was not sent here; of others somebody sees something, or signs in first."""
OF_PARTIES = (
    "source_id", "link", "motion", "mandate", "appointment", "reconciliation", "submission", "webhook", "batch",
    "request", "grant", "finding", "objection", "quarantine", "duplicate", "sharing", "provider", "offer", "support",
    "disclosure", "call",
)  # fmt: skip
"""Numbers in paths that only parties and officers use."""
HEALTH = "/v1/health"
"""It says how many leaves are signed, also while nobody cosigns them."""
TOLD = ("content-type", "content-disposition", "link", "cache-control", "location", "retry-after")
"""Headers that say something of what was asked for."""


@dataclass
class World:
    """A registry with a published life, and what was recorded after it and is not logged."""

    live: Live
    rider: int
    shop: int
    firm: int
    frontier: int = 0
    certificates: tuple[str, ...] = ()
    left: tuple[int, int] | None = None
    """An account that did nothing yet, and a gram in the middle of its block."""

    def spend(self, grams: int) -> None:
        """Issue, convert (what was issued earlier too), redeem, refund, return as a bundle, transfer and cancel."""
        live, ledger = self.live, self.live.site.ledger
        other, before = live.person(), self.left
        lot = live.issue({self.rider: 2 * grams, other: grams})
        self.left = other, lot.last - grams // 2
        with live.site.database.transaction() as tx:
            if before is not None:
                convert(tx, ledger, before[0], Amount(grams // 4, before[1]))
            convert(tx, ledger, self.rider, Amount(grams))
            spent = redeem(tx, ledger, self.rider, self.shop, grams, "order")
            refund(tx, ledger, self.shop, spent.act_id, Amount(grams // 4))
            return_points(tx, ledger, self.shop, None)
            transfer(tx, ledger, self.shop, self.firm, Amount(grams // 2), "agreement", "agreement")
            done = cancel(tx, ledger, self.firm, Amount(grams // 2), Intent("reduction", "voluntary-offset", "A", "B"))
            cancel(tx, ledger, self.rider, Amount(grams // 4), Intent("points", "donation"))
        self.certificates += (done.certificate,)

    def sign(self) -> None:
        """Sign what is recorded, without anybody to cosign it, so that it is not published."""
        site = self.live.site
        folder, gate = LogFolder(site.folder.log), gate_of(site.ledger.vault)
        sign_alone(site.database.transaction, folder, site.log_signer, system_clock, gate)

    def numbers(self) -> set[int]:
        """All numbers of movements, acts and accounts in the database."""
        query = sa.text("SELECT id FROM movements UNION SELECT id FROM acts UNION SELECT id FROM accounts")
        with self.live.site.database.reading() as tx:
            return set(tx.execute(query).scalars())

    def hidden(self) -> list[sa.Row[Any]]:
        """The movements that are not in the published log."""
        query = sa.text("""
            SELECT m.* FROM movements m LEFT JOIN log_entries e ON e.movement_id = m.id
            WHERE e.index IS NULL OR e.index >= (SELECT published_size FROM log_head)
        """)
        with self.live.site.database.reading() as tx:
            return list(tx.execute(query))

    def paths(self) -> Iterator[str]:
        """All that is asked: each route with every value of its parameters, and queries."""
        unknown = {name for _, path in routes() for name in re.findall(r"{(\w+)", path)} - set(self.values())
        assert not unknown, f"say in this test what is to be asked of {unknown}"
        operations = [one for of_path in routed().openapi()["paths"].values() for one in of_path.values()]
        told = {given["name"] for one in operations for given in one.get("parameters", []) if given["in"] == "query"}
        assert told == QUERIED, "say in this test what is to be asked of a new parameter"
        for method, route in routes():
            if method != "GET" or route.startswith("/static"):
                continue
            names = re.findall(r"{(\w+)", route)
            for chosen in itertools.product(*(self.values()[name] for name in names)):
                path = re.sub(r":path", "", route).format(**dict(zip(names, chosen, strict=True)))
                yield from (path + query for query in self.queries(route))

    def values(self) -> dict[str, list[object]]:
        """What each parameter of a path is asked for: what there is, what is to come, and numbers of the database."""
        numbers = [first + n for first in NUMBERS_FROM.values() for n in (0, 1, 5, 20)]
        with self.live.site.database.reading() as tx:
            ranges = tx.execute(sa.text("SELECT DISTINCT first_g, last_g FROM movements WHERE kind < 64")).all()
        ends = {(first, last) for first, last in ranges if first < self.frontier}
        later = self.frontier
        ends |= {(later, later + 80), (later, later + 120), (later, later + 40), (later + 120, later + 150)}
        log = self.live.site.folder.log
        return {
            "index": [*range(SIZE), *numbers],
            **{name: [1, *numbers] for name in OF_PARTIES},
            "first_byte": [0],
            "external_id": ["rider-7"],
            "case": ["P-1", "S-1", "P-99"],
            "code": ["SHCER02020032024II", "none"],
            "gram": [*range(0, self.frontier, 20), *range(later, later + 200, 20), *numbers],
            "serial": [serial(*end) for end in sorted(ends)],
            "name": [serial(*end) for end in sorted(ends)],
            "lot": [*LOTS, *numbers],
            "number": [self.certificates[0], "GLC-20261128-2222222222", "P-1", "P-99"],
            "path": [path.relative_to(log) for path in log.rglob("*") if path.is_file()],
            "account_id": [1, *numbers],
            "movement": [1, *numbers],
            "job": [1],
            "day": ["2026-11-28"],
        }

    def queries(self, route: str) -> list[str]:
        """The queries that a route is asked with; what it does not know it refuses, or overlooks."""
        later = self.frontier
        return {
            "/v1/leaves": ["", "?limit=200", "?limit=3&cursor=9"],
            "/v1/lots": ["", "?limit=2"],
            "/v1/state": [f"?first_g={first}&end_g={first + 30}" for first in (0, 50, later)],
            "/v1/bundles/{serial}": ["", *(f"?gram_g={gram}" for gram in (125, later + 125))],
            "/blocks/{name}": ["", "?lang=en&gram=10", f"?gram={later + 10}"],
            "/v1/sources": ["", "?kind=scenario&rural=false&limit=1", "?state=live&district=310104"],
            "/v1/decisions": ["", "?record=policy", "?limit=2"],
            "/v1/policies": ["?at=2026-11-28T00:00:00.000Z"],
            "/v1/methodologies/{code}": ["", "?version=1"],
            "/search": [f"?q={quote(name)}" for name in self._names()],
            "/": ["", "?lang=en"],
            "/v1/certificates/{number}": ["", "?cursor=0"],
            "/lots/{lot}": ["", "?cursor=20"],
            "/leaves/{index}": ["", "?cursor=20"],
        }.get(route, [""])

    def _names(self) -> list[str]:
        later = self.frontier
        found = [str(name) for name in self.values()["serial"] + self.values()["gram"] + [self.certificates[0]]]
        return [*found, *(f"#{index}" for index in (0, SIZE - 1, later)), f"SHCER-{later}-{later + 119}", "nothing"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with live_site(tmp_path_factory.mktemp("numbers"), NUMBERS_FROM) as live:
        made = World(live, live.person(), live.institution("Shop"), live.institution("Firm"))
        made.spend(40)
        live.site.epochs.make()
        live.publish()
        with live.site.database.reading() as tx:
            made.frontier = tx.execute(sa.text("SELECT next_g FROM frontier")).scalar_one()
        yield made


def asked(world: World, paths: list[str]) -> dict[str, tuple[int, dict[str, str], bytes]]:
    """Ask for each path without a token. What tells only how long ago something was is left out."""
    anybody, answers = Caller(world.live.url), {}
    for path in paths:
        answer = anybody.get(path)
        said = {name: answer.headers[name] for name in TOLD if name in answer.headers}
        if path == "/sign-in":  # where to has a challenge that is drawn for each visitor
            said.pop("location")
        body = re.sub(rb'<span class="relative">[^<]*</span>', b"", answer.content)
        answers[path] = answer.status_code, said, body
    return answers


def plain(of: tuple[int, dict[str, str], bytes]) -> str:
    """All that an answer says, numbers written without marks between their digits."""
    return re.sub(r"(?<=\d)[\N{NARROW NO-BREAK SPACE},](?=\d)", "", f"{of[1]} {of[2].decode(errors='replace')}")


def named(path: str, answer: tuple[int, dict[str, str], bytes], numbers: set[int]) -> set[int]:
    """The database's numbers that an answer names, but for those that were asked for."""
    found = {int(digits) for digits in re.findall(r"\d{13}", plain(answer))} & numbers
    found |= {number for number in numbers if number.to_bytes(8, "big") in answer[2]}
    return {number for number in found if str(number) not in path}


def test_every_route_answers_without_numbers_and_as_if_what_is_not_logged_were_not_there(world: World) -> None:
    paths = list(world.paths())
    before = asked(world, paths)
    world.spend(40)
    hidden, numbers = world.hidden(), world.numbers()
    assert len(hidden) > 10
    for then in (lambda: None, world.sign):
        then()
        after = asked(world, paths)
        differ = [path for path in paths if before[path] != after[path] and path != HEALTH]
        assert differ == [], f"the first said {before[differ[0]]}, and now says {after[differ[0]]}"
    assert len(world.hidden()) == len(hidden)
    assert [path for path in paths if named(path, after[path], numbers)] == []
    for route in {route for method, route in routes() if method == "GET" and not route.startswith("/static")}:
        pattern = re.sub(r"{\w+}", "[^/]+", re.sub(r"{\w+:path}", ".+", route)) + r"(\?.*)?"
        statuses = {answer[0] for path, answer in after.items() if re.fullmatch(pattern, path)}
        seen = statuses & {200, 303} or statuses in ({401}, ELSE_SEEN.get(route, {401}))
        assert seen, f"nothing was seen at {route}"
    number = world.certificates[-1]  # whoever has it knows of the act, and of none of its movements
    told = asked(world, [f"/v1/certificates/{number}", f"/certificates/{number}", f"/search?q={number}"])
    for path, answer in told.items():
        assert answer[0] in {200, 303}
        assert named(path, answer, numbers) == set()
        marks = [bytes(row.evidence).hex() for row in hidden]
        marks += [serial(row.first_g, row.last_g) for row in hidden if row.kind < 64]
        assert not [mark for mark in marks if mark in plain(answer)], path
