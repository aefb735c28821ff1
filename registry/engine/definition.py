"""The typed data of a methodology's computation. Numbers are decimal strings: every program reads the same value.

Each name is unique in the whole definition. `check.py` says what else must hold.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Final

from registry.engine.finding import Flaw

_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class Certainty(StrEnum):
    """How sure a value is."""

    OFFICIAL_TEXT = "official-text"
    UNCONFIRMED = "unconfirmed"
    """One third party says so."""
    DERIVED = "derived"
    """Computed from a standard; the source says how."""
    CHOSEN = "chosen"
    """This registry's own conservative choice."""


class Selection(StrEnum):
    """Which of a parameter's values counts (R41)."""

    AT_ACT = "at-act"
    """The one in force on the day of the act."""
    AT_ISSUANCE = "at-issuance"
    """The one in force on the day of issuance."""
    LATEST_PUBLISHED = "latest-published"
    """The one published last up to the day of issuance."""


class Settled(StrEnum):
    """When a requirement is known."""

    AT_ONCE = "at-once"
    YEAR = "year"
    """Only when the year of the act is over; grams are provisional until then (R45)."""


class InputType(StrEnum):
    """What a column holds."""

    NUMBER = "number"
    TEXT = "text"
    FLAG = "flag"
    TIME = "time"
    """A moment, to the millisecond."""
    DAY = "day"
    """For acts that are known only by their day (R42)."""


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in Chinese and English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A column that the applicant reports. A number has a unit, its least and greatest value and its decimals.

    A value out of that range is none. What is `optional` may be missing: it is then *nothing*, and so is what is
    computed with it, unless the steps say otherwise.
    """

    name: str
    type: InputType
    text: Text
    unit: str | None = None
    least: str | None = None
    most: str | None = None
    decimals: int = 0
    choices: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """What is known of a subject by date: rows of `from`, `until` (exclusive, or none), the subject and the columns."""

    name: str
    of: str
    """The text input, or step, that names the subject."""
    columns: tuple[Input, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value of a parameter, from a day on (None: always), and when it was published."""

    value: str
    source: str
    certainty: Certainty
    in_force: date | None = None
    published: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A number of the methodology with its unit, values by date, and the rule which of them counts.

    `beside` are values that contradict it and are not used (R47).
    """

    name: str
    unit: str
    text: Text
    values: tuple[Value, ...]
    selection: Selection = Selection.AT_ACT
    beside: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What a table is looked up by: a number, of a unit, or a text."""

    type: InputType
    unit: str = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table. On an axis of numbers it holds from there up to the next row."""

    at: tuple[str, ...]
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of bands or choices; or a curve, straight between its rows, and nothing outside them."""

    name: str
    unit: str
    by: tuple[Axis, ...]
    rows: tuple[Row, ...]
    text: Text
    source: str
    certainty: Certainty
    curve: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span of every local day, `until` exclusive; one that ends before it begins goes over midnight (R46)."""

    name: str
    begins: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that belong together: all that agree in these text, day, month or whole-number columns."""

    name: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A named column: computed for each row, or for each group that `per` names. A number has a unit."""

    name: str
    expression: str
    text: Text
    unit: str | None = None
    per: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A condition: where it does not hold, or cannot be told, nothing is reduced, and its name says why."""

    name: str
    expression: str
    text: Text
    per: str | None = None
    settled: Settled = Settled.AT_ONCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """A benefit other than CO2 that is shown beside the grams and never traded (R69), rounded down to its decimals."""

    step: str
    decimals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Acts with what comes out, to the gram. A value of an act is a string; one that is missing is left out.

    `grams` are in the order of the rows, or of the groups by their first row. `steps` gives some values on the way.
    """

    text: Text
    acts: tuple[dict[str, str], ...]
    grams: tuple[str, ...]
    issued: date
    attributes: dict[str, tuple[dict[str, str], ...]] = field(default_factory=dict)
    steps: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A computation: from typed inputs, by steps, to whole grams of each row or group. Rounded once, down, at the end.

    `act` names the column that dates an act, for parameters that go by its day.
    """

    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    output: str
    utc_offset_minutes: int = 480
    act: str | None = None
    attributes: tuple[Attribute, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    tables: tuple[Table, ...] = ()
    windows: tuple[Window, ...] = ()
    groups: tuple[Group, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    benefits: tuple[Benefit, ...] = ()
    examples: tuple[Example, ...] = ()


@lru_cache(maxsize=4096)
def decimal(text: str) -> Fraction:
    """Read a plain decimal number, exactly. Raises `Flaw`."""
    if _DECIMAL.fullmatch(text) is None:
        raise Flaw("number", text=text)
    return Fraction(text)


def minute_of_day(text: str) -> int:
    """Read a time of the day such as 22:00, in minutes. Raises `Flaw`."""
    if _CLOCK.fullmatch(text) is None:
        raise Flaw("clock-time", text=text)
    return int(text[:2]) * 60 + int(text[3:])
