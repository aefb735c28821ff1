"""A small scheme to test against: a clock that tests move, a scenario, accounts, and grams issued to them."""

import itertools
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from api.installation.officers import BUREAU, CENTRE, OFFICERS
from registry.accounts.accounts import open_account
from registry.accounts.vault import Vault
from registry.activities.activities import Activity
from registry.database.engine import Database
from registry.database.schema import blocks
from registry.issuance.issue import Lot, issue
from registry.issuance.report import Report
from registry.ledger.ledger import Ledger
from registry.methodologies.code import MethodologyClass, SourceKind
from registry.methodologies.published import publish_methodology
from registry.methodologies.record import Methodology
from registry.methodologies.shelf import find
from registry.policies.first import AT_ONCE, publish_first, shipped_first
from registry.sources.approval import approve
from registry.sources.sources import NewSource, Source

START = 1_760_000_000_000
DAY = 86_400_000
FOUNDED = 2 * len(shipped_first()) + 3 + 7
"""Leaves before anybody acts: each policy proposed and published, a methodology's three decisions, a source's seven."""
VALID = (START - 900 * DAY, START + 36_500 * DAY)


@dataclass
class TestClock:
    """A clock that tests set. Every reading is one step later than the one before, in milliseconds."""

    __test__ = False
    now: int = START
    step: int = 1

    def __call__(self) -> int:
        self.now += self.step
        return self.now


def in_order(_anything: list) -> None:
    """Leave people in the order of the report, so that tests know whose the first grams are."""


def behaviour_of() -> Methodology:
    """The shared-bicycle record as if it were a behaviour's, of which no code is known."""
    of_class = MethodologyClass.II
    return replace(find("shared-bicycle"), code=None, kind=SourceKind.BEHAVIOUR, methodology_class=of_class)


def methodology_of(*, is_class_i: bool = False, is_project: bool = False) -> Methodology:
    """The shared-bicycle record as if it were of another class or for projects, under a code of its own."""
    shipped = find("shared-bicycle")
    if not is_class_i and not is_project:
        return shipped
    of_class = "I" if is_class_i else "II"
    code = f"SHCER{'01' if is_project else '02'}020992024{of_class}"
    return replace(
        shipped,
        code=code,
        kind=SourceKind.PROJECT if is_project else SourceKind.SCENARIO,
        methodology_class=MethodologyClass(of_class),
    )


def found_programme(tx: sa.Connection, ledger: Ledger) -> None:
    """Publish the first policies, of a city that lets publicity end at once."""
    publish_first(tx, ledger, BUREAU, {"publicity": AT_ONCE})


def found_source(
    tx: sa.Connection, ledger: Ledger, methodology: Methodology, valid: tuple[int, int], name: str = "Test"
) -> Source:
    """Publish a methodology and take a source of it all the way to where it issues."""
    publish_methodology(tx, ledger, methodology, CENTRE, BUREAU)
    applicant = open_account(tx, ledger.vault, kind="institution", name=f"{name} platform", at=ledger.clock())
    kind, version = str(methodology.kind), (methodology.key, methodology.version)
    return approve(tx, ledger, NewSource(kind, "测试", name, applicant, *version, *valid), OFFICERS)


@dataclass
class Scheme:
    """A database with one scenario in it, and ways to put people and grams there."""

    database: Database
    clock: TestClock
    ledger: Ledger
    source: Source
    references: itertools.count = field(default_factory=itertools.count)
    others: dict[tuple[bool, bool], Source] = field(default_factory=dict)
    """Sources of the first class, and projects: (class I, project) -> source."""

    @classmethod
    def found(cls, database: Database) -> "Scheme":
        clock = TestClock()
        ledger = Ledger(clock, Vault(b"m" * 32), in_order)
        with database.transaction() as tx:
            found_programme(tx, ledger)
            source = found_source(tx, ledger, methodology_of(), VALID)
        return cls(database, clock, ledger, source)

    def copied(self, database: Database) -> "Scheme":
        """The same in a copy of its database."""
        clock = replace(self.clock)
        return Scheme(database, clock, replace(self.ledger, clock=clock), self.source)

    def source_of(self, *, is_class_i: bool = False, is_project: bool = False) -> Source:
        """The source of a class and kind, founded when it is first asked for."""
        key = is_class_i, is_project
        if key == (False, False):
            return self.source
        if key not in self.others:
            with self.database.transaction() as tx:
                methodology = methodology_of(is_class_i=is_class_i, is_project=is_project)
                self.others[key] = found_source(tx, self.ledger, methodology, VALID)
        return self.others[key]

    def person(self, name: str = "Person") -> int:
        with self.database.transaction() as tx:
            return open_account(tx, self.ledger.vault, kind="individual", name=name, at=self.clock())

    def institution(self, name: str = "Provider") -> int:
        with self.database.transaction() as tx:
            return open_account(tx, self.ledger.vault, kind="institution", name=name, at=self.clock())

    def issue(self, grams: dict[int, int], *, is_class_i: bool = False) -> Lot:
        """Issue grams to accounts, each from one activity of its own."""
        acts = [
            Activity(f"ride-{next(self.references)}", account, self.clock() * 1, self.clock.now, quantity)
            for account, quantity in grams.items()
        ]
        source = self.source_of(is_class_i=is_class_i)
        with self.database.transaction() as tx:
            return issue(tx, self.ledger, Report(source, acts), CENTRE)

    def holdings(self, account: int) -> dict[int, int]:
        """Grams an account holds by form."""
        quantity = sa.func.sum(blocks.c.last_g - blocks.c.first_g)
        query = sa.select(blocks.c.form, quantity).where(blocks.c.account_id == account).group_by(blocks.c.form)
        with self.database.transaction() as tx:
            return {form: int(grams) for form, grams in tx.execute(query)}
