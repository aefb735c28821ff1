"""The first policies of a log: without them nothing else can be decided."""

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from registry.database.schema import policies
from registry.decisions.recording import Officers
from registry.ledger.ledger import Ledger
from registry.policies.activities import ACTIVITIES, shipped_risks
from registry.policies.channels import CHANNELS
from registry.policies.mall import MALL
from registry.policies.measures import Measure
from registry.policies.points import EXPIRY_NOTICES, HONOURS
from registry.policies.policies import publish_policy, shipped_policy
from registry.procedure.decision import Record
from registry.procedure.table import shipped_value
from registry.procedure.values import BEHAVIOURS, CALENDAR, POINTS, PROCEDURE, PUBLICITY

YEARS: Final = (2026,)
"""Those whose calendar ships: a year's is announced shortly before it begins."""
ILLUSTRATIVE: Final = "illustrative"
"""The reason that a decision gives for a value which no rule text of the city fixes."""
AT_ONCE: Final[Mapping[str, Any]] = {str(Record.SOURCE): 0}
"""Publicity without a waiting time: for a demonstration that is over in a minute, and says so in its log."""


_OF_THE_SECOND: Final = (POINTS, CHANNELS, BEHAVIOURS)
"""Policies of which the second measure has a text of its own: what else there is goes on."""


def shipped_first(measure: Measure = Measure.TRIAL) -> dict[str, Mapping[str, Any]]:
    """Give the policies that ship with the project, name -> value, in the order in which they are to be published.

    A city goes from one measure to the other by ordinary decisions on the policies that differ.
    """
    found = {f"{PROCEDURE}{record}": shipped_value(record) for record in Record}
    found[PUBLICITY] = shipped_policy(PUBLICITY)
    found |= {f"{CALENDAR}{year}": shipped_policy(f"{CALENDAR}{year}") for year in YEARS}
    of_people = POINTS, EXPIRY_NOTICES, HONOURS, MALL, CHANNELS, ACTIVITIES
    found |= {name: shipped_policy(name) for name in (*of_people, *shipped_risks())}
    own = _OF_THE_SECOND if measure is Measure.SECOND else ()
    return found | {name: shipped_policy(name, f"measure-{measure}") for name in own}


def publish_first(
    tx: sa.Connection,
    ledger: Ledger,
    officers: Officers,
    instead: Mapping[str, Mapping[str, Any]] | None = None,
    measure: Measure = Measure.TRIAL,
) -> list[str]:
    """Publish each policy of a measure whose name has none yet, in force from the beginning; gives their names.

    `instead` has other values for some. All are illustrative, until the city's bureau publishes its own.
    """
    known = set(tx.execute(sa.select(policies.c.name).distinct()).scalars())
    values = {
        name: value for name, value in (shipped_first(measure) | dict(instead or {})).items() if name not in known
    }
    for name, value in values.items():
        publish_policy(tx, ledger, name, value, 0, officers, ILLUSTRATIVE)
    return list(values)
