"""A small scheme to test against: a clock that tests move, a scenario, accounts, and grams issued to them."""

import hashlib
import itertools
from dataclasses import dataclass, field

import sqlalchemy as sa

from registry.accounts.accounts import open_account
from registry.accounts.vault import Vault
from registry.database.engine import Database
from registry.database.schema import blocks, methodologies
from registry.issuance.issue import Activity, Lot, Report, issue
from registry.ledger.ledger import Ledger
from registry.policies.policies import publish_policy, shipped_policy
from registry.sources.sources import NewScenario, Source, approve_scenario

START = 1_760_000_000_000
DAY = 86_400_000


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


@dataclass
class Scheme:
    """A database with one scenario in it, and ways to put people and grams there."""

    database: Database
    clock: TestClock
    ledger: Ledger
    source: Source
    references: itertools.count = field(default_factory=itertools.count)

    @classmethod
    def found(cls, database: Database) -> "Scheme":
        clock = TestClock()
        ledger = Ledger(clock, Vault(b"m" * 32), in_order)
        with database.transaction() as tx:
            publish_policy(tx, ledger.vault, "points", shipped_policy("points"), 0, clock())
            tx.execute(
                sa.insert(methodologies).values(
                    code="TEST", version=1, status="illustrative", record={}, digest=bytes(32), **{"class": "II"}
                )
            )
            applicant = open_account(tx, ledger.vault, kind="institution", name="Test platform", at=clock())
            scenario = NewScenario("测试", "Test", applicant, "TEST", 1, START - 900 * DAY, START + 900 * DAY)
            source = approve_scenario(tx, ledger.vault, scenario, clock())
        return cls(database, clock, ledger, source)

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
        inputs = hashlib.sha256(repr(acts).encode()).digest()
        with self.database.transaction() as tx:
            report = Report(self.source, is_class_i, acts, inputs, {})
            return issue(tx, self.ledger, report)

    def holdings(self, account: int) -> dict[int, int]:
        """Grams an account holds by form."""
        quantity = sa.func.sum(blocks.c.last_g - blocks.c.first_g)
        query = sa.select(blocks.c.form, quantity).where(blocks.c.account_id == account).group_by(blocks.c.form)
        with self.database.transaction() as tx:
            return {form: int(grams) for form, grams in tx.execute(query)}
