"""Values of policies that rules read, typed; a policy of another name has a value that no rule reads."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from registry.procedure import fields as read
from registry.procedure import table as life_cycle
from registry.procedure.decision import Record
from registry.procedure.fields import Unreadable
from registry.procedure.table import Table

POINTS: Final = "points"
PUBLICITY: Final = "publicity"
PROCEDURE: Final = "procedure/"
CALENDAR: Final = "calendar/"
BEHAVIOURS: Final = "behaviours"
SWITCHES: Final = ("quantified", "issues", "converts", "tradable")
"""What may become of a behaviour (R52): only what is quantified issues, only what issues converts or can be traded."""
MAX_VALIDITY_YEARS: Final = 100
_YEAR: Final = re.compile(r"20[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Points:
    """How long points are valid, in years."""

    validity_years: int


@dataclass(frozen=True, slots=True)
class Publicity:
    """How many working days the publicity of a record lasts at least."""

    working_days: Mapping[Record, int]


@dataclass(frozen=True, slots=True)
class Calendar:
    """A year's days that do not work although Monday to Friday do, and the other way round."""

    year: int
    holidays: frozenset[date]
    workdays: frozenset[date]

    def works(self, day: date) -> bool:
        """Whether a day of this year is a working day."""
        return day in self.workdays or (day.weekday() < 5 and day not in self.holidays)


@dataclass(frozen=True, slots=True)
class Switches:
    """What becomes of a behaviour (行为场景). All off: its acts are recognised, without grams."""

    quantified: bool = False
    issues: bool = False
    converts: bool = False
    tradable: bool = False


@dataclass(frozen=True, slots=True)
class Behaviours:
    """What becomes of behaviours, by the codes of their methodologies."""

    switches: Mapping[str, Switches]

    def of(self, code: str) -> Switches:
        """Give a behaviour's switches: all off where nothing is said of it."""
        return self.switches.get(code, Switches())


Value = Points | Publicity | Calendar | Behaviours | Table | None


def parse(name: str, text: str) -> Value:
    """Read the value of a policy: None where no rule reads it. Raises `Unreadable`."""
    value = read.canonical("value", text)
    if name == POINTS:
        return _points(value)
    if name == PUBLICITY:
        return _publicity(value)
    if name == BEHAVIOURS:
        return _behaviours(value)
    if name.startswith(CALENDAR):
        return _calendar(name.removeprefix(CALENDAR), value)
    if name.startswith(PROCEDURE):
        record = name.removeprefix(PROCEDURE)
        if record not in list(Record):
            raise Unreadable(f"{name} names no record that has cases")
        return life_cycle.parse(Record(record), value)
    return None


def _points(value: Any) -> Points:
    years = _object(value, POINTS).get("validity_years")
    if type(years) is not int or not 1 <= years <= MAX_VALIDITY_YEARS:
        raise Unreadable(f"{POINTS} lacks validity_years, a whole number from 1 to {MAX_VALIDITY_YEARS}")
    return Points(years)


def _publicity(value: Any) -> Publicity:
    days = _object(value, PUBLICITY)
    for record, number in days.items():
        if record not in list(Record):
            raise Unreadable(f"{PUBLICITY} names {record[: read.MAX_WORD]!r}, which is no record that has cases")
        life_cycle.working_days(number, f"{PUBLICITY} of {record}", 0)
    return Publicity({Record(record): number for record, number in days.items()})


def _behaviours(value: Any) -> Behaviours:
    said = _object(_object(value, BEHAVIOURS).get(BEHAVIOURS), f"{BEHAVIOURS} of {BEHAVIOURS}")
    return Behaviours({code: _switches(code, switches) for code, switches in said.items()})


def _switches(code: str, value: Any) -> Switches:
    try:
        named = f"{BEHAVIOURS}: {read.code(code)}"
    except Unreadable as error:
        raise Unreadable(f"{BEHAVIOURS} names {code[: read.MAX_WORD]!r}, which {error}") from None
    switches = _object(value, named)
    if switches.keys() != set(SWITCHES) or not all(isinstance(switch, bool) for switch in switches.values()):
        raise Unreadable(f"{named} says true or false of {', '.join(SWITCHES)}, and nothing else")
    found = Switches(**switches)
    if found.issues and not found.quantified:
        raise Unreadable(f"{named} issues what is not quantified")
    if (found.converts or found.tradable) and not found.issues:
        raise Unreadable(f"{named} converts or trades what is not issued")
    return found


def _calendar(year: str, value: Any) -> Calendar:
    if _YEAR.fullmatch(year) is None:
        raise Unreadable(f"{CALENDAR}{year} is of no year from 2000 to 2099")
    said = _object(value, f"{CALENDAR}{year}")
    holidays, workdays = (_days(said.get(name), name, year) for name in ("holidays", "workdays"))
    if holidays & workdays:
        raise Unreadable(f"{min(holidays & workdays)} is a holiday and a working day")
    return Calendar(int(year), holidays, workdays)


def _days(value: Any, name: str, year: str) -> frozenset[date]:
    if not isinstance(value, list):
        raise Unreadable(f"{name} is no list of days")
    return frozenset(_day(one, name, year) for one in value)


def _day(text: Any, name: str, year: str) -> date:
    try:
        day = date.fromisoformat(text)
    except (TypeError, ValueError):
        day = None
    if day is None or day.isoformat() != text or not text.startswith(year):
        raise Unreadable(f"{name} has {str(text)[:20]!r}, which is no day of {year} such as {year}-01-01")
    return day


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is no object")
    return value
