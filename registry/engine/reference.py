"""The computation once more, in plain Python with fractions: the reference that every engine is held to.

It also tells what each step came to, so that anybody can follow one act (R64). It is slow, and takes few acts.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import floor, isqrt
from typing import Any, Final

from registry.engine.definition import InputType, Parameter, Selection, Table, decimal, minute_of_day
from registry.engine.definition import Value as ParameterValue
from registry.engine.finding import Flaw
from registry.engine.typed import ROW, Kind, Node, Op, Program
from registry.engine.units import factor, unit

Value = Fraction | str | bool | None
"""Numbers in their unit, moments in ms, days and months since 1970 began; None is nothing."""
Act = Mapping[str, Value]

_EPOCH: Final = date(1970, 1, 1)
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
_TOO_MANY: Final = 10**18
"""Grams of one row or group: a fault of the data."""


@dataclass(frozen=True, slots=True)
class Dated:
    """What was known of a subject from a day on, until another (exclusive; None: still)."""

    subject: Value
    begins: int
    until: int | None
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one row or group: its key, its grams, why there are none, and every step of its own or coarser.

    `reason` is the first requirement that was not met, `nothing` when the output has no value, `no-reduction` when
    less than a gram comes out, `too-large` for more than any act could save; None when grams stand. They are
    provisional while a requirement waits for the end of their year (R45). `benefits` are rounded down (R69).
    """

    key: tuple[Value, ...]
    grams: int
    reason: str | None
    provisional: bool
    steps: Mapping[str, Value]
    benefits: Mapping[str, Fraction | None]
    rows: tuple[int, ...]


class Reference:
    """A program run over some acts, all of them sound: inputs that must be there are, and within their ranges."""

    def __init__(
        self,
        program: Program,
        acts: Sequence[Act],
        issued: date,
        attributes: Mapping[str, Sequence[Dated]] | None = None,
    ) -> None:
        """Run it. Raises `Flaw` when a parameter has no value on the day of issuance."""
        self.program, self.acts, self.issued = program, acts, issued
        self.attributes = attributes or {}
        definition = program.definition
        self.parameters = {parameter.name: parameter for parameter in definition.parameters}
        self.tables = {table.name: table for table in definition.tables}
        self.windows = {w.name: (minute_of_day(w.begins), minute_of_day(w.until)) for w in definition.windows}
        self.values: dict[str, list[Value]] = {name: [act.get(name) for act in acts] for name in program.inputs}
        self.grain_of: dict[str, str] = dict.fromkeys(program.inputs, ROW)
        self.groups: dict[str, dict[tuple[Value, ...], int]] = {}
        for column in program.columns:
            self.values[column.name] = self._column(column.node, column.per)
            self.grain_of[column.name] = column.per

    def outcomes(self) -> list[Outcome]:
        """Give what came of each row or group, in the order of their first rows."""
        program, per = self.program, self.program.per
        keys = [(Fraction(place),) for place in range(len(self.acts))] if per == ROW else list(self._group(per))
        places = self._places(ROW, per)
        rows: list[list[int]] = [[] for _ in keys]
        for row, place in enumerate(places):
            rows[place].append(row)
        names = [name for name, grain in self.grain_of.items() if program.grains.coarser(grain, per)]
        of = {name: self._spread(self.values[name], self.grain_of[name], per) for name in names}
        found = []
        for place, key in enumerate(keys):
            steps = {name: column[place] for name, column in of.items()}
            if per != ROW:
                steps |= dict(zip(program.grains.keys[per], key, strict=True))
            grams, reason = self._grams(steps)
            benefits = {of.step: _rounded(steps[of.step], of.decimals) for of in program.definition.benefits}
            provisional = any(_number(steps[year]) >= self.issued.year for year in program.settling)
            found.append(Outcome(key, grams, reason, provisional, steps, benefits, tuple(rows[place])))
        return found

    def _grams(self, steps: Mapping[str, Value]) -> tuple[int, str | None]:
        output = self.program.definition.output
        for requirement in self.program.requirements:
            if steps[requirement] is not True:
                return 0, requirement
        value, of = steps[output], self.program.type_of(output).unit
        if value is None or of is None:
            return 0, "nothing"
        grams = floor(_number(value) * (factor(of, unit("gCO2e")) or 0))
        if grams >= _TOO_MANY:
            return 0, "too-large"
        return (grams, None) if grams > 0 else (0, "no-reduction")

    # Grains

    def _group(self, grain: str) -> dict[tuple[Value, ...], int]:
        if grain not in self.groups:
            columns = [self.values[key] for key in self.program.grains.keys[grain]]
            places: dict[tuple[Value, ...], int] = {}
            for key in zip(*columns, strict=True):
                places.setdefault(key, len(places))
            self.groups[grain] = places
        return self.groups[grain]

    def _size(self, grain: str) -> int:
        return len(self.acts) if grain == ROW else len(self._group(grain))

    def _places(self, fine: str, coarse: str) -> list[int]:
        """Give for each row of a grain the place of its group in a coarser one."""
        if fine == coarse:
            return list(range(self._size(fine)))
        groups, keys = self._group(coarse), self.program.grains.keys[coarse]
        if fine == ROW:
            return [groups[key] for key in zip(*(self.values[key] for key in keys), strict=True)]
        where = [self.program.grains.keys[fine].index(key) for key in keys]
        return [groups[tuple(key[place] for place in where)] for key in self._group(fine)]

    def _spread(self, values: list[Value], coarse: str, fine: str) -> list[Value]:
        return values if coarse == fine else [values[place] for place in self._places(fine, coarse)]

    # Operations

    def _column(self, node: Node, grain: str) -> list[Value]:
        """Give the value of a node for each row of a grain."""
        match node.op:
            case Op.NUMBER | Op.TEXT:
                return [node.data] * self._size(grain)
            case Op.COLUMN:
                return self._named(node.data, grain)
            case Op.AGGREGATE:
                return self._aggregate(node, grain)
            case Op.PAST | Op.EARLIER:
                return self._past(node, grain)
        parts = [self._column(argument, grain) for argument in node.arguments]
        if node.op is Op.PARAMETER and not parts:
            return [chosen(self.parameters[node.data], None, self.issued)] * self._size(grain)
        single = self._single(node)
        return [single(*values) for values in zip(*parts, strict=True)]

    def _named(self, name: str, grain: str) -> list[Value]:
        keys = self.program.grains.keys.get(grain, ())
        if name in keys:
            return [key[keys.index(name)] for key in self._group(grain)]
        return self._spread(self.values[name], self.grain_of[name], grain)

    def _aggregate(self, node: Node, grain: str) -> list[Value]:
        name, source = node.data
        inner = self._column(node.arguments[0], source) if node.arguments else [True] * self._size(source)
        of: list[list[Any]] = [[] for _ in range(self._size(grain))]
        for place, value in zip(self._places(source, grain), inner, strict=True):
            of[place].append(value)
        return [_aggregated(name, values) for values in of]

    def _past(self, node: Node, grain: str) -> list[Value]:
        grains = self.program.grains
        period = grains.period(grain, self.program.kinds) or ""
        keys = grains.keys[grain]
        others = [keys.index(key) for key in grains.others(grain, period)]
        values = self._column(node.arguments[0], grain)
        whose = [
            (tuple(key[place] for place in others), _number(key[keys.index(period)])) for key in self._group(grain)
        ]
        at = dict(zip(whose, values, strict=True))
        if node.op is Op.EARLIER:
            return [at.get((subject, when - node.data)) for subject, when in whose]
        how, periods = node.data
        back = range(1, periods + 1)
        return [_aggregated(how, [at.get((subject, when - ago)) for ago in back]) for subject, when in whose]

    def _single(self, node: Node) -> Callable[..., Value]:
        match node.op:
            case Op.PARAMETER:
                return lambda day: chosen(self.parameters[node.data], day, self.issued)
            case Op.SCALE:
                return _strict(lambda one: one * node.data)
            case Op.COMPARE:
                return _strict(_COMPARISONS[node.data])
            case Op.LOOK_UP:
                return _strict(lambda *at: looked_up(self.tables[node.data], at))
            case Op.CALENDAR:
                return _strict(lambda one: self._calendar(node.data, node.arguments[0].type.kind, one))
            case Op.IN_WINDOW:
                return _strict(lambda at: self._in_window(self.windows[node.data], at))
            case Op.TIME_IN:
                return _strict(lambda begin, end: self._time_in(self.windows[node.data], begin, end))
            case Op.DATED:
                return _strict(lambda subject, day: self._dated(node.data, subject, day))
        return _SINGLE[node.op]

    def day(self, at: Fraction) -> Fraction:
        """Give the local day of a moment."""
        return Fraction(self._local(at) // _DAY_MS)

    def _local(self, at: Fraction) -> int:
        return int(at) + self.program.definition.utc_offset_minutes * _MINUTE_MS

    def _calendar(self, name: str, kind: Kind, value: Fraction) -> Fraction:
        if kind is Kind.MONTH:
            return Fraction(1970 + value // 12) if name == "year" else Fraction(value % 12 + 1)
        days = self._local(value) // _DAY_MS if kind is Kind.TIME else int(value)
        day = _EPOCH + timedelta(days=days)
        match name:
            case "day":
                return Fraction(days)
            case "month":
                return Fraction((day.year - 1970) * 12 + day.month - 1)
            case "year":
                return Fraction(day.year)
            case "month_of_year":
                return Fraction(day.month)
            case "weekday":
                return Fraction(day.isoweekday())
        return Fraction(self._local(value) % _DAY_MS // _MINUTE_MS)

    def _in_window(self, window: tuple[int, int], at: Fraction) -> bool:
        minute, (begins, until) = self._local(at) % _DAY_MS // _MINUTE_MS, window
        return begins <= minute < until if begins < until else minute >= begins or minute < until

    def _time_in(self, window: tuple[int, int], begin: Fraction, end: Fraction) -> Fraction:
        begins, until = (minute * _MINUTE_MS for minute in window)
        over = begins > until
        low, length = (until, begins - until) if over else (begins, until - begins)

        def so_far(at: int) -> int:
            days, moment = divmod(at, _DAY_MS)
            inside = days * length + min(max(moment - low, 0), length)
            return at - inside if over else inside

        return Fraction(max(so_far(self._local(end)) - so_far(self._local(begin)), 0))

    def _dated(self, name: str, subject: Value, day: Fraction) -> Value:
        for known in self._known(name):
            if known.subject == subject and known.begins <= day and (known.until is None or day < known.until):
                return known.values.get(name)
        return None

    def _known(self, column: str) -> Sequence[Dated]:
        for attribute in self.program.definition.attributes:
            if any(of.name == column for of in attribute.columns):
                return self.attributes.get(attribute.name, ())
        return ()


def chosen(parameter: Parameter, day: Value, issued: date) -> Fraction | None:
    """Choose the value that counts. Raises `Flaw` when there is none by the day of issuance."""
    found = in_force(parameter, day, issued)
    if found is not None:
        return decimal(found.value)
    if day is None:
        raise Flaw("no-value-yet", name=parameter.name, day=issued)
    return None


def in_force(parameter: Parameter, day: Value, issued: date) -> ParameterValue | None:
    """Choose, of a parameter's values, the one that counts on a day, or on that of issuance (R41)."""
    values = parameter.values
    if parameter.selection is Selection.LATEST_PUBLISHED:
        known = [value for value in values if value.published is not None and value.published <= issued]
        known.sort(key=lambda value: (value.published, value.in_force or date.min))
    else:
        at = issued if day is None else _EPOCH + timedelta(days=int(_number(day)))
        known = [value for value in values if value.in_force is None or value.in_force <= at]
        known.sort(key=lambda value: value.in_force or date.min)
    return known[-1] if known else None


def looked_up(table: Table, at: Sequence[Value]) -> Fraction | None:
    """Look a table up: the row on each axis at or below, or of that text; on a curve the point between two rows."""
    rows = table.rows
    for place, axis in enumerate(table.by):
        if axis.type is InputType.TEXT:
            rows = tuple(row for row in rows if row.at[place] == at[place])
            continue
        number = _number(at[place])
        if table.curve:
            return _between(rows, number)
        below = [decimal(row.at[place]) for row in rows if decimal(row.at[place]) <= number]
        rows = tuple(row for row in rows if below and decimal(row.at[place]) == max(below))
    return decimal(rows[0].value) if rows else None


def _between(rows: Sequence[Any], number: Fraction) -> Fraction | None:
    points = [(decimal(row.at[0]), decimal(row.value)) for row in rows]
    for (x, y), (next_x, next_y) in itertools.pairwise(points):
        if x <= number < next_x:
            return y + (number - x) * (next_y - y) / (next_x - x)
    return points[-1][1] if number == points[-1][0] else None


def _rounded(value: Value, decimals: int) -> Fraction | None:
    return None if value is None else Fraction(floor(_number(value) * 10**decimals), 10**decimals)


def _number(value: Value) -> Fraction:
    if not isinstance(value, Fraction):
        raise TypeError(f"{value!r} is no number")
    return value


def _strict(operation: Callable[..., Value]) -> Callable[..., Value]:
    """Nothing in, nothing out."""
    return lambda *values: None if None in values else operation(*values)


def _aggregated(name: str, values: list[Any]) -> Value:
    there = [value for value in values if value is not None]
    match name:
        case "count":
            return Fraction(len(there))
        case "any":
            return any(there)
        case "all":
            return all(value is True for value in values)
    if not there:
        return None
    match name:
        case "sum":
            return sum(there, Fraction(0))
        case "mean":
            return sum(there, Fraction(0)) / len(there)
    found: Value = min(there) if name == "least" else max(there)
    return found


def _and(one: Value, other: Value) -> Value:
    if one is False or other is False:
        return False
    return None if None in {one, other} else True


def _or(one: Value, other: Value) -> Value:
    if one is True or other is True:
        return True
    return None if None in {one, other} else False


def _divide_or(one: Value, other: Value, instead: Value) -> Value:
    if other == 0:
        return instead
    return None if one is None or other is None else _number(one) / _number(other)


_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda one, other: bool(one == other),
    "!=": lambda one, other: bool(one != other),
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}
_SINGLE: Final[Mapping[Op, Callable[..., Value]]] = {
    Op.ADD: _strict(lambda one, other: one + other),
    Op.SUBTRACT: _strict(lambda one, other: one - other),
    Op.MULTIPLY: _strict(lambda one, other: one * other),
    Op.DIVIDE: _strict(lambda one, other: one / other),
    Op.DIVIDE_OR: _divide_or,
    Op.LEAST_OF: _strict(min),
    Op.GREATEST_OF: _strict(max),
    Op.ABSOLUTE: _strict(abs),
    Op.FLOOR: _strict(lambda one: Fraction(floor(one))),
    Op.ROOT: _strict(lambda one: Fraction(isqrt(floor(one)))),
    Op.SAME_TEXT: _strict(lambda one, other: one == other),
    Op.AND: _and,
    Op.OR: _or,
    Op.NOT: _strict(lambda one: not one),
    Op.IF: lambda condition, one, other: one if condition is True else other,
    Op.OTHERWISE: lambda one, other: other if one is None else one,
    Op.ONLY: lambda one, condition: one if condition is True else None,
    Op.GIVEN: lambda one: one is not None,
}
