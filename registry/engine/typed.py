"""The checked form of a computation: a tree of a closed set of operations, each with its kind, unit and grain.

A *grain* says what a value is one of: None for a constant, `row`, or the name of a group. Of a group, what is coarser
(its keys are among the group's) can be used as it is; what is finer must be aggregated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from registry.engine.definition import Definition, Settled, Text
from registry.engine.finding import Flaw, Path
from registry.engine.units import Unit

ROW: Final = "row"


class Kind(StrEnum):
    """What a value is. Moments, days and months are whole numbers inside: ms, days and months since 1970 began."""

    NUMBER = "number"
    TEXT = "text"
    FLAG = "flag"
    TIME = "time"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Type:
    """`unit` is of numbers; `nothing`: there may be no value; `choices` are all that a text can be, if known."""

    kind: Kind
    grain: str | None
    unit: Unit | None = None
    nothing: bool = False
    choices: frozenset[str] | None = None


class Op(StrEnum):
    """The operations, with what `data` holds."""

    COLUMN = "column"
    """An input, step or requirement: its name."""
    NUMBER = "number"
    """Fraction."""
    TEXT = "text"
    PARAMETER = "parameter"
    """Its name."""
    DATED = "dated"
    """A column of an attribute, as of a day: its name. Arguments: the subject, the day."""
    SCALE = "scale"
    """Times a Fraction: a change of unit or sign."""
    ADD = "add"
    SUBTRACT = "subtract"
    MULTIPLY = "multiply"
    DIVIDE = "divide"
    DIVIDE_OR = "divide-or"
    LEAST_OF = "least-of"
    GREATEST_OF = "greatest-of"
    ABSOLUTE = "absolute"
    FLOOR = "floor"
    ROOT = "root"
    """The greatest whole number whose square is not above the argument."""
    COMPARE = "compare"
    """The sign: = != < <= > >=; of any kind that is a number inside."""
    SAME_TEXT = "same-text"
    AND = "and"
    OR = "or"
    NOT = "not"
    IF = "if"
    OTHERWISE = "otherwise"
    ONLY = "only"
    """The first argument where the second, a condition, holds; nothing elsewhere."""
    GIVEN = "given"
    LOOK_UP = "look-up"
    """The table's name."""
    CALENDAR = "calendar"
    """day, month, year, month_of_year, weekday, minute_of_day, of a TIME, DAY or MONTH."""
    IN_WINDOW = "in-window"
    """The window's name."""
    TIME_IN = "time-in"
    """The window's name; arguments are begin and end; ms of the span between them that lie in it."""
    AGGREGATE = "aggregate"
    """sum, mean, count, least, most, any, all; of the argument's grain, into that of the node."""
    PAST = "past"
    """(sum, mean or count; periods): of the periods before this one."""
    EARLIER = "earlier"
    """The value so many periods before; an int."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation."""

    op: Op
    type: Type
    arguments: tuple["Node", ...] = ()
    data: Any = None


@dataclass(frozen=True, slots=True)
class Column:
    """A step or requirement that was checked. `path` is that of its expression in the definition."""

    name: str
    node: Node
    type: Type
    per: str
    text: Text
    path: Path


@dataclass(frozen=True, slots=True)
class Grains:
    """Which groups there are, and what may be used in which."""

    keys: Mapping[str, tuple[str, ...]]
    calendar: dict[str, tuple[str, str]] = field(default_factory=dict)
    """A column that is the day, month, year or weekday of another: which of these, of what."""

    def coarser(self, one: str | None, other: str | None) -> bool:
        """Whether each value of grain `other` has one of grain `one`."""
        if one is None or other in (one, ROW):
            return True
        return one != ROW and other is not None and set(self.keys[one]) <= set(self.keys[other])

    def join(self, *grains: str | None) -> str | None:
        """Give the finest of some grains. Raises `Flaw` when two say nothing of each other."""
        found: str | None = None
        for grain in grains:
            if self.coarser(found, grain):
                found = grain
            elif not self.coarser(grain, found):
                raise Flaw("grain", name=f"{grain}", found=grain, wanted=found)
        return found

    def period(self, grain: str, kinds: Mapping[str, Kind]) -> str | None:
        """Give the one key of a group that is a day or a month and follows from no other; None when there is none."""
        keys = self.keys.get(grain, ())
        times = [key for key in keys if kinds[key] in {Kind.DAY, Kind.MONTH}]
        found = [key for key in times if not any(self.follows(key, other) for other in times)]
        return found[0] if len(found) == 1 else None

    def years(self, grain: str) -> list[str]:
        """Give the keys of a group that are years."""
        return [key for key in self.keys.get(grain, ()) if self.calendar.get(key, ("", ""))[0] == "year"]

    def others(self, grain: str, period: str) -> list[str]:
        """Give the keys of a group that do not follow from its period: whose past a period's past is."""
        return [key for key in self.keys[grain] if key != period and not self.follows(key, period)]

    def follows(self, key: str, period: str) -> bool:
        """Whether a key is the month, year or weekday of another, or both are of one moment, this one coarser."""
        if key == period or key not in self.calendar:
            return False
        name, of = self.calendar[key]
        finer, moment = self.calendar.get(period, ("", None))
        return of == period or (of == moment and finer in _FINER.get(name, ()))


_FINER: Final = {"month": ("day",), "year": ("day", "month"), "month_of_year": ("day", "month"), "weekday": ("day",)}


@dataclass(frozen=True, slots=True)
class Program:
    """A definition that was checked: its columns in an order in which each needs only what is before it."""

    definition: Definition
    inputs: Mapping[str, Type]
    columns: tuple[Column, ...]
    requirements: tuple[str, ...]
    grains: Grains

    def type_of(self, name: str) -> Type:
        """Give the type of an input, step or requirement."""
        found = self.inputs.get(name)
        return found or next(column.type for column in self.columns if column.name == name)

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kind of each input and column."""
        return {name: type_.kind for name, type_ in self.inputs.items()} | {c.name: c.type.kind for c in self.columns}

    @property
    def settling(self) -> set[str]:
        """The keys that are the years at whose end requirements are settled."""
        waiting = {
            requirement.name for requirement in self.definition.requirements if requirement.settled is Settled.YEAR
        }
        groups = {column.per for column in self.columns if column.name in waiting}
        return {key for group in groups for key in self.grains.years(group)}

    @property
    def per(self) -> str:
        """What the grams are per: `row`, or a group."""
        return next(column.per for column in self.columns if column.name == self.definition.output)
