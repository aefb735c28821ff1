"""From checked operations to exact numbers on a machine: engines' expressions, or bounds alone when nothing runs.

One walk serves both: `bounds.py` asks what could overflow or divide by zero, `compiling.py` makes tables of it.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import lcm
from typing import Any, Final, Protocol

from registry.engine.civil import DAY_MS, MAX_DAY
from registry.engine.definition import Input, InputType, Parameter, Row, Table, decimal, minute_of_day
from registry.engine.exact import Arithmetic, Exact, Machine, Whole, exact, of_whole, whole
from registry.engine.finding import Flaw
from registry.engine.reference import chosen
from registry.engine.typed import Kind, Node, Op, Program
from registry.engine.units import unit

MAX_ROWS: Final = 2_000_000
"""Of one computation, as of one report: what sums and counts are held to."""
MAX_GRAMS: Final = 10**18 - 1
"""Of one row or group, a million million tonnes; more is a fault of the data, and counts as none."""
_MINUTE_MS: Final = 60_000
_EPOCH: Final = date(1970, 1, 1)

Lowered = Any
"""An `Exact` for what is a number inside, the machine's own expression for texts and conditions."""


class Places(Protocol):
    """Where columns are: tables of rows and groups, or nowhere."""

    def column(self, name: str, grain: str) -> Any:
        """Give a stored column as an expression at a grain."""
        ...

    def past(self, values: Any, grain: str, how: str, periods: tuple[int, int]) -> Any:
        """Give sum, count or most of a column over earlier periods, from the first to the last named."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """How a column is kept: bounds of its numerator, its divisor, and whether that is a column too."""

    name: str
    kind: Kind
    numerator: Whole | None = None
    divisor: Whole | None = None

    @property
    def divisor_name(self) -> str:
        """The column of a divisor that differs from row to row."""
        return f"{self.name}__divisor"


class Lowering:
    """Walks the nodes of a program. `hidden` names the columns that hold aggregates and dated attributes."""

    def __init__(self, program: Program, machine: Machine, places: Places, issued: date | None) -> None:
        """With `issued` None every value that a parameter ever has is reckoned with."""
        self.program, self.machine, self.places, self.issued = program, machine, places, issued
        self.exact = Arithmetic(machine)
        definition = program.definition
        self.parameters = {parameter.name: parameter for parameter in definition.parameters}
        self.tables = {table.name: table for table in definition.tables}
        self.windows = {window.name: window for window in definition.windows}
        self.offset_ms = definition.utc_offset_minutes * _MINUTE_MS
        self.stored: dict[str, Stored] = {of.name: stored_input(of) for of in definition.inputs}
        self.dated = {of.name: stored_input(of) for known in definition.attributes for of in known.columns}
        self.hidden: dict[Node, Stored] = {}

    def value(self, node: Node, grain: str) -> Lowered:
        """Give a node as computed at a grain."""
        if node in self.hidden:
            return self.load(self.hidden[node], grain)
        special = _SPECIAL.get(node.op)
        if special is not None:
            return special(self, node, grain)
        parts = [self.value(argument, grain) for argument in node.arguments]
        return _OPERATIONS[node.op](self, node, parts)

    def aggregate(self, node: Node) -> Lowered:
        """Give an aggregate of which nothing is known but its bounds."""
        inner = [self.value(argument, node.data[1]) for argument in node.arguments]
        return self.aggregated(node, inner[0] if inner else None, None, None)

    def load(self, stored: Stored, grain: str) -> Lowered:
        """Give a column that was computed before."""
        expression = self.places.column(stored.name, grain)
        if stored.numerator is None or stored.divisor is None:
            return expression
        divisor = stored.divisor
        if not divisor.constant:
            divisor = Whole(divisor.low, divisor.high, self.places.column(stored.divisor_name, grain))
        if stored.numerator.constant:
            return Exact(stored.numerator, divisor)
        return Exact(Whole(stored.numerator.low, stored.numerator.high, expression), divisor)

    def given(self, value: Lowered) -> Any:
        return self.machine.given(self._numerator(value) if isinstance(value, Exact) else value)

    def _numerator(self, value: Exact) -> Any:
        return self.exact.expression(value.numerator)

    def choose(self, condition: Any, one: Lowered, other: Lowered) -> Lowered:
        if isinstance(one, Exact):
            return self.exact.choose(condition, one, other)
        return self.machine.choose(condition, one, other)

    def extreme(self, node: Node, one: Exact, other: Exact) -> Exact:
        """Choose the lesser or greater; engines pass over what is nothing, and we do not."""
        found = self.exact.extreme(one, other, least=node.op is Op.LEAST_OF)
        for argument, value in zip(node.arguments, (one, other), strict=True):
            if argument.type.nothing:
                found = self.number_where(self.given(value), found)
        return found

    def only_where(self, condition: Any, value: Lowered) -> Lowered:
        """Give a value where a condition holds, and nothing elsewhere."""
        if isinstance(value, Exact):
            return self.number_where(condition, value)
        return self.machine.choose(condition, value, self.machine.nothing(value))

    def number_where(self, condition: Any, value: Exact) -> Exact:
        """Give a number where a condition holds, and nothing elsewhere."""
        expression = self._numerator(value)
        made = self.machine.choose(condition, expression, self.machine.nothing(expression))
        return Exact(Whole(value.numerator.low, value.numerator.high, made), value.divisor)

    def divide_or(self, one: Exact, other: Exact, instead: Exact) -> Exact:
        zero = exact(Fraction(0))
        numerator = other.numerator
        if not numerator.low <= 0 <= numerator.high:
            return self.exact.divide(one, other)
        # Its bounds without zero: a divisor from 1 up, or, mirrored, from -1 down.
        is_zero = self.exact.compare("=", other, zero)
        parts = []
        if numerator.high > 0:
            parts.append(Whole(max(numerator.low, 1), numerator.high, numerator.expression))
        if numerator.low < 0:
            parts.append(Whole(numerator.low, min(numerator.high, -1), numerator.expression))
        if not parts:
            return instead
        first, *rest = [self.exact.divide(one, Exact(part, other.divisor)) for part in parts]
        found = self.exact.choose(self.exact.compare(">", other, zero), first, rest[0]) if rest else first
        return self.exact.choose(is_zero, instead, found)

    def if_divisor(self, node: Node, parts: Sequence[Exact], quotient: Exact) -> Exact:
        """Give nothing where the divisor is nothing: what is nothing must show in the numerator."""
        return self.number_where(self.given(parts[1]), quotient) if node.arguments[1].type.nothing else quotient

    # Parameters, tables

    def parameter(self, parameter: Parameter, day: Exact | None = None) -> Exact:
        values = [exact(decimal(value.value)) for value in parameter.values]
        if day is None:
            if self.issued is None:
                return _hull(values)
            value = chosen(parameter, None, self.issued)
            return exact(value if value is not None else Fraction(0))
        steps = [
            (exact(Fraction((value.in_force - _EPOCH).days)), of)
            for value, of in zip(parameter.values, values, strict=True)
            if value.in_force is not None
        ]
        always = parameter.values[0].in_force is None
        return self._stairs(day, steps, values[0] if always else None)

    def _stairs(self, at: Exact, steps: Sequence[tuple[Exact, Exact]], below: Exact | None) -> Exact:
        """Give the value of the last step that is not above `at`; a tree of comparisons, not a chain."""
        if not steps:
            if below is None:
                raise AssertionError("a table has rows")
            return below
        if len(steps) == 1:
            begins, value = steps[0]
            if below is not None:
                return self.exact.choose(self.exact.compare(">=", at, begins), value, below)
            return self.number_where(self.exact.compare(">=", at, begins), value)
        middle = len(steps) // 2
        upper = self._stairs_known(at, steps[middle:])
        lower = self._stairs(at, steps[:middle], below)
        return self.exact.choose(self.exact.compare(">=", at, steps[middle][0]), upper, lower)

    def _stairs_known(self, at: Exact, steps: Sequence[tuple[Exact, Exact]]) -> Exact:
        """The same where `at` is known not to be below the first step."""
        return self._stairs(at, steps[1:], steps[0][1])

    def look_up(self, table: Table, rows: Sequence[Row], at: Sequence[Lowered], place: int = 0) -> Exact:
        if place == len(table.by):
            return exact(decimal(rows[0].value))
        if table.curve:
            return self._curve(rows, at[0])
        groups: dict[str, list[Row]] = {}
        for row in rows:
            groups.setdefault(row.at[place], []).append(row)
        below = {key: self.look_up(table, of, at, place + 1) for key, of in groups.items()}
        if table.by[place].type is InputType.TEXT:
            return self._choice(at[place], below)
        steps = sorted((decimal(key), of) for key, of in below.items())
        return self._stairs(at[place], [(exact(key), of) for key, of in steps], None)

    def _choice(self, text: Any, values: Mapping[str, Exact]) -> Exact:
        found: Exact | None = None
        for key, value in values.items():
            same = self.machine.same(text, self.machine.text(key))
            found = self.number_where(same, value) if found is None else self.exact.choose(same, value, found)
        if found is None:
            raise AssertionError("a table has rows")
        return found

    def _curve(self, rows: Sequence[Row], at: Exact) -> Exact:
        points = [(decimal(row.at[0]), decimal(row.value)) for row in rows]
        steps = []
        for (x, y), (next_x, next_y) in itertools.pairwise(points):
            slope = (next_y - y) / (next_x - x)
            inside = self.exact.within(at, x, next_x)
            steps.append((exact(x), self.exact.add(self.exact.scale(inside, slope), exact(y - slope * x))))
        last_x, last_y = points[-1]
        steps.append((exact(last_x), exact(last_y)))
        return self.number_where(self.exact.compare("<=", at, exact(last_x)), self._stairs(at, steps, None))

    # Times

    def _local(self, at: Exact) -> Exact:
        return self.exact.add(at, exact(Fraction(self.offset_ms)))

    def _moment(self, at: Exact) -> tuple[Exact, Exact]:
        """Give day and ms of the day, in local time."""
        local = self._local(at)
        day = self.exact.floor(self.exact.scale(local, Fraction(1, DAY_MS)))
        moment = self.exact.subtract(local, self.exact.scale(day, Fraction(DAY_MS)))
        return day, self.exact.within(moment, Fraction(0), Fraction(DAY_MS - 1))

    def calendar(self, name: str, kind: Kind, at: Exact) -> Exact:
        if name == "minute_of_day":
            return self.exact.floor(self.exact.scale(self._moment(at)[1], Fraction(1, _MINUTE_MS)))
        day = self._moment(at)[0] if kind is Kind.TIME else at
        if name == "day":
            return day
        low, high = _CALENDAR_BOUNDS[name]
        made = None
        if name == "weekday" or kind is Kind.MONTH:
            made = self.machine.calendar(name, kind is Kind.MONTH, self._numerator(day))
        return of_whole(Whole(low, high, made))

    def day(self, node: Node, grain: str) -> Exact:
        """Give the day that a year or month is taken of."""
        at: Exact = self.value(node.arguments[0], grain)
        return self._moment(at)[0] if node.arguments[0].type.kind is Kind.TIME else at

    def in_window(self, name: str, at: Exact) -> Any:
        begins, until = self._window(name)
        moment = self._moment(at)[1]
        after = self.exact.compare(">=", moment, exact(Fraction(begins)))
        before = self.exact.compare("<", moment, exact(Fraction(until)))
        return self.machine.both(after, before) if begins < until else self.machine.either(after, before)

    def _window(self, name: str) -> tuple[int, int]:
        window = self.windows[name]
        return minute_of_day(window.begins) * _MINUTE_MS, minute_of_day(window.until) * _MINUTE_MS

    def time_in(self, name: str, begin: Exact, end: Exact) -> Exact:
        """Time since 1970 that lies in the window, at the end less at the beginning; over midnight it is the rest."""
        begins, until = self._window(name)
        low, length = (until, begins - until) if begins > until else (begins, until - begins)

        def so_far(at: Exact) -> Exact:
            day, moment = self._moment(at)
            inside = self._clamp(self.exact.subtract(moment, exact(Fraction(low))), length)
            inside = self.exact.add(self.exact.scale(day, Fraction(length)), inside)
            return self.exact.subtract(self._local(at), inside) if begins > until else inside

        return self._clamp(self.exact.subtract(so_far(end), so_far(begin)), None)

    def _clamp(self, value: Exact, high: int | None) -> Exact:
        value = self.exact.extreme(value, exact(Fraction(0)), least=False)
        return value if high is None else self.exact.extreme(value, exact(Fraction(high)), least=True)

    # Groups

    def past(self, node: Node, grain: str) -> Exact:
        inner = self.value(node.arguments[0], grain)
        numerator = self._numerator(inner)
        if node.op is Op.EARLIER:
            made = self.places.past(numerator, grain, "most", (node.data, node.data))
            divisor = inner.divisor
            if not divisor.constant:
                below = self.places.past(divisor.expression, grain, "most", (node.data, node.data))
                divisor = Whole(divisor.low, divisor.high, below)
            return Exact(Whole(inner.numerator.low, inner.numerator.high, made), divisor)
        how, periods = node.data
        span = (periods, 1)
        count = Whole(0 if how == "count" else 1, periods, self.places.past(numerator, grain, "count", span))
        if how == "count":
            return of_whole(count)
        made = self.places.past(numerator, grain, "sum", span)
        return self.summed(inner, periods, made, count if how == "mean" else None)

    def summed(self, inner: Exact, most: int, made: Any, count: Whole | None) -> Exact:
        """Give a sum, or with a count a mean, of up to so many values. Raises `Flaw` where their divisors differ."""
        if not inner.divisor.constant:
            raise Flaw("sum-of-quotients")
        low, high = inner.numerator.low, inner.numerator.high
        total = checked(min(low * most, low), max(high * most, high), made)
        return Exact(total, inner.divisor if count is None else self.exact.times(inner.divisor, count))

    def aggregated(self, node: Node, inner: Lowered, numerator: Any, count: Any) -> Lowered:
        """Give an aggregate, of which the engine computed sum (or least, most) and count."""
        how, _ = node.data
        if how == "count":
            return of_whole(Whole(0, MAX_ROWS, numerator))
        if how in {"any", "all"}:
            return self.machine.compare("=", numerator, self.machine.whole(1, wide=False))
        if how in {"sum", "mean"}:
            return self.summed(inner, MAX_ROWS, numerator, Whole(1, MAX_ROWS, count) if how == "mean" else None)
        if not inner.divisor.constant:
            raise Flaw("sum-of-quotients")
        return Exact(Whole(inner.numerator.low, inner.numerator.high, numerator), inner.divisor)


def checked(low: int, high: int, expression: Any) -> Whole:
    """Give a whole number between bounds. Raises `Flaw` when it may be too large."""
    return Whole(whole(low).low, whole(high).high, expression)


def stored_input(of: Input) -> Stored:
    """Say how an input is kept: numbers as whole multiples of their last decimal, moments in ms, days since 1970."""
    match of.type:
        case InputType.NUMBER:
            return Stored(of.name, Kind.NUMBER, Whole(*bounds_of(of)), whole(10**of.decimals))
        case InputType.TIME:
            return Stored(of.name, Kind.TIME, Whole(DAY_MS, MAX_DAY * DAY_MS), whole(1))
        case InputType.DAY:
            return Stored(of.name, Kind.DAY, Whole(1, MAX_DAY), whole(1))
    return Stored(of.name, Kind(of.type))


def bounds_of(of: Input) -> tuple[int, int]:
    """Give the range of a number as whole multiples of its last decimal."""
    low, high = (int(decimal(text or "0") * 10**of.decimals) for text in (of.least, of.most))
    return low, high


def grams_of(lowering: Lowering, output: Exact, of: Fraction) -> Exact:
    """Give the output in whole grams, rounded down: the one rounding of a methodology."""
    return lowering.exact.floor(lowering.exact.scale(output, of))


def store(name: str, kind: Kind, value: Lowered) -> Stored:
    """Say how a computed column is kept."""
    if not isinstance(value, Exact):
        return Stored(name, kind)
    numerator, divisor = value.numerator, value.divisor
    return Stored(
        name,
        kind,
        numerator if numerator.constant else Whole(numerator.low, numerator.high),
        divisor if divisor.constant else Whole(divisor.low, divisor.high),
    )


def _hull(values: Sequence[Exact]) -> Exact:
    """Give bounds around some constants, over one divisor."""
    divisor = lcm(*(value.divisor.low for value in values))
    numerators = [int(value.low * divisor) for value in values]
    if len(set(numerators)) == 1:
        return values[0]
    return Exact(checked(min(numerators), max(numerators), None), whole(divisor))


_SPECIAL: Final[Mapping[Op, Callable[[Lowering, Node, str], Lowered]]] = {
    Op.COLUMN: lambda of, node, grain: of.load(of.stored[node.data], grain),
    Op.NUMBER: lambda _of, node, _grain: exact(node.data),
    Op.TEXT: lambda of, node, _grain: of.machine.text(node.data),
    Op.DATED: lambda of, node, grain: of.load(of.dated[node.data], grain),
    Op.AGGREGATE: lambda of, node, _grain: of.aggregate(node),
    Op.PAST: Lowering.past,
    Op.EARLIER: Lowering.past,
}
"""Operations that are no function of their arguments' values alone."""

_OPERATIONS: Final[Mapping[Op, Callable[[Lowering, Node, list[Any]], Lowered]]] = {
    Op.PARAMETER: lambda of, node, parts: of.parameter(of.parameters[node.data], *parts),
    Op.SCALE: lambda of, node, parts: of.exact.scale(parts[0], node.data),
    Op.ADD: lambda of, _, parts: of.exact.add(*parts),
    Op.SUBTRACT: lambda of, _, parts: of.exact.subtract(*parts),
    Op.MULTIPLY: lambda of, _, parts: of.exact.multiply(*parts),
    Op.DIVIDE: lambda of, node, parts: of.if_divisor(node, parts, of.exact.divide(*parts)),
    Op.DIVIDE_OR: lambda of, node, parts: of.if_divisor(node, parts, of.divide_or(*parts)),
    Op.LEAST_OF: lambda of, node, parts: of.extreme(node, *parts),
    Op.GREATEST_OF: lambda of, node, parts: of.extreme(node, *parts),
    Op.ABSOLUTE: lambda of, _, parts: of.exact.absolute(*parts),
    Op.FLOOR: lambda of, _, parts: of.exact.floor(*parts),
    Op.ROOT: lambda of, _, parts: of.exact.root(*parts),
    Op.COMPARE: lambda of, node, parts: of.exact.compare(node.data, *parts),
    Op.SAME_TEXT: lambda of, _, parts: of.machine.same(*parts),
    Op.AND: lambda of, _, parts: of.machine.both(*parts),
    Op.OR: lambda of, _, parts: of.machine.either(*parts),
    Op.NOT: lambda of, _, parts: of.machine.negated(*parts),
    Op.GIVEN: lambda of, _, parts: of.given(*parts),
    Op.OTHERWISE: lambda of, _, parts: of.choose(of.given(parts[0]), *parts),
    Op.ONLY: lambda of, _, parts: of.only_where(parts[1], parts[0]),
    Op.IF: lambda of, _, parts: of.choose(*parts),
    Op.LOOK_UP: lambda of, node, parts: of.look_up(of.tables[node.data], of.tables[node.data].rows, parts),
    Op.CALENDAR: lambda of, node, parts: of.calendar(node.data, node.arguments[0].type.kind, parts[0]),
    Op.IN_WINDOW: lambda of, node, parts: of.in_window(node.data, parts[0]),
    Op.TIME_IN: lambda of, node, parts: of.time_in(node.data, *parts),
}

_CALENDAR_BOUNDS: Final = {
    "month": (0, 3_700),
    "year": (1970, 2_272),
    "month_of_year": (1, 12),
    "weekday": (1, 7),
}
GRAM: Final = unit("gCO2e")
