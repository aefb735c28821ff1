"""What each city begins with: a database with a scenario that issues and a behaviour that is recognised alone."""

import itertools
from dataclasses import dataclass, field, replace

import psycopg

from registry.database.engine import Database
from registry.database.roles import as_registry
from registry.ledger.ledger import Ledger
from registry.policies.first import AT_ONCE, shipped_first
from registry.procedure.decision import Record
from registry.procedure.table import shipped_value
from tests.programme.model import Case, City
from tests.support.scheme import VALID, Scheme, TestClock, behaviour_of, found_source, in_order, methodology_of

RIDES, BEHAVIOUR = methodology_of().key, behaviour_of().key
SWITCHES = ("quantified", "issues", "converts", "tradable")


def without_opinions():
    """A life cycle that asks no expert: what opinions are is tested beside them."""
    value = shipped_value(Record.METHODOLOGY)
    steps = [{name: said for name, said in step.items() if name != "opinions"} for step in value["steps"]]
    return {**value, "steps": steps}


def two_for_an_evaluation():
    """A life cycle in which a second officer of the centre approves an evaluation."""
    value = without_opinions()
    steps = [step | ({"second": ["centre"]} if step["decision"] == "evaluate" else {}) for step in value["steps"]]
    return {**value, "steps": steps}


def without_hashes():
    """The life cycle of a source whose steps ask for no contract and no test run: those are tested over REST."""
    value = shipped_value(Record.SOURCE)
    steps = [{name: said for name, said in step.items() if name != "says"} for step in value["steps"]]
    return {**value, "steps": steps}


def values():
    """What may be proposed: (name, value)."""
    points = [("points", {"validity_years": years}) for years in (1, 2, 3)]
    publicity = [("publicity", {"source": days}) for days in (0, 1, 6)]
    calendars = [
        (f"calendar/{year}", {"holidays": [f"{year}-10-10"], "workdays": [f"{year}-10-11"]}) for year in (2025, 2027)
    ]
    behaviours = [
        ("behaviours", {"behaviours": {BEHAVIOUR: {name: name in on for name in SWITCHES}}})
        for on in ((), SWITCHES[:1], SWITCHES)
    ]
    tables = [("procedure/methodology", value) for value in (without_opinions(), two_for_an_evaluation())]
    return [*points, *publicity, *calendars, *behaviours, *tables, ("procedure/source", without_hashes())]


@dataclass
class Stage:
    """A template database, and how its programme stands."""

    url: str
    scheme: Scheme
    city: City
    methodologies: dict
    _numbers: itertools.count = field(default_factory=itertools.count)

    @classmethod
    def lay_out(cls, url: str, founded: Scheme) -> "Stage":
        """Make the template from a founded one."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE programme TEMPLATE founded STRATEGY file_copy")
        database = Database(as_registry(_named(url, "programme")))
        scheme = founded.copied(database)
        with database.transaction() as tx:
            found_source(tx, scheme.ledger, behaviour_of(), VALID, "Behaviour")
        database.close()
        methodologies = {RIDES: methodology_of(), BEHAVIOUR: behaviour_of()}
        return cls(url, scheme, _city(scheme.clock.now), methodologies)

    def begin(self):
        """Give a city's scheme with a clock that stands, the model of it, and how to take it away."""
        name = f"programme_{next(self._numbers)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE programme STRATEGY file_copy")
        database = Database(as_registry(_named(self.url, name)))
        clock = TestClock(self.scheme.clock.now, step=0)
        ledger = Ledger(clock, self.scheme.ledger.vault, in_order)

        def away():
            database.close()
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

        return replace(self.scheme, database=database, clock=clock, ledger=ledger), _city(clock.now), away


def _city(now):
    """The model of a founded programme: all of it was decided by now, by the first officers of each authority."""
    city = City()
    for name, value in {**shipped_first(), "publicity": AT_ONCE}.items():
        city.cases["policy", name] = Case("published", now, ("bureau", 2))
        city.versions[name] = [(0, value)]
    for number, (code, kind) in enumerate([(RIDES, "scenario"), (BEHAVIOUR, "behaviour")], 1):
        city.cases["methodology", code] = Case("published", now, ("bureau", 2), kind, code, 1)
        city.published[code] = [1]
        city.texts[code, 1] = "published"
        city.cases["source", number] = Case("live", now, ("centre", 2), kind, code, 1, now)
    return city


def _named(url, database):
    return url.replace("/postgres?", f"/{database}?")
