"""A program as Ibis expressions: a table of rows and one of each group, with a column for each step.

Columns of the computation are called `m_` and the step's name. What one expression would repeat is a column of its own
first, so that the engine's text grows with the definition and no faster.
"""

# mypy: disable-error-code="import-untyped"
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Final

import ibis
from ibis import Table

from registry.engine.civil import STAGES
from registry.engine.exact import Exact, Whole
from registry.engine.finding import Flaw
from registry.engine.lowering import GRAM, MAX_GRAMS, Lowering, Stored, grams_of, store, stored_input
from registry.engine.machine import IbisMachine
from registry.engine.typed import ROW, Column, Kind, Node, Op, Program
from registry.engine.units import factor

PREFIX: Final = "m_"
MAX_SELECTS: Final = 250
"""In each other; what ships has forty at most. More would take an engine minutes to read."""
BENEFIT: Final = "benefit_"

_LEAVES: Final = frozenset({Op.COLUMN, Op.NUMBER, Op.TEXT})
_OFTEN: Final = frozenset({
    *(Op.DIVIDE, Op.DIVIDE_OR, Op.OTHERWISE, Op.LOOK_UP, Op.CALENDAR, Op.IN_WINDOW, Op.TIME_IN, Op.PARAMETER),
    *(Op.PAST, Op.EARLIER, Op.DATED),
})  # fmt: skip
"""Operations whose expression names its arguments more than once; the others do where divisors differ by row."""


_CIVIL: Final = frozenset({"year", "month_of_year", "month"})


@dataclass(frozen=True, slots=True)
class Computed:
    """What came out: a table at the output's grain with `grams`, `reason`, `provisional` and `benefit_<step>`.

    `rows` is what was given, with the steps of each row: a group's `keys` among them.
    """

    table: Table
    keys: tuple[str, ...]
    stored: Mapping[str, Stored]
    rows: Table


def compute(
    program: Program, rows: Table, backend: str, issued: date, attributes: Mapping[str, Table] | None = None
) -> Computed:
    """Run a program over a table on an engine, `duckdb` or `postgres`.

    `rows` has a column `m_<input>` for each input: numbers as whole multiples of their last decimal, moments in ms,
    days since 1970 (int64), texts, conditions; all of them sound (`sound`): out of its range a number may overflow.
    An attribute's table has `subject`, `begins`, `until` (days) and `m_<column>`. Raises `Flaw` when a parameter has
    no value yet.
    """
    return _Compiler(program, rows, backend, issued, attributes or {}).run()


def sound(program: Program, rows: Table) -> Any:
    """Whether all inputs of a row are there that must be, and in their ranges."""
    conditions = []
    for of in program.definition.inputs:
        column = rows[PREFIX + of.name]
        within = _within(program, of.name, column)
        if of.optional:
            within = None if within is None else within | column.isnull()
        elif within is None:
            within = column.notnull()
        else:
            within = within.fill_null(False)
        if within is not None:
            conditions.append(within)
    found = ibis.literal(True)
    for condition in conditions:
        found = condition & found if condition is not conditions[0] else condition
    return found


def _within(program: Program, name: str, column: Any) -> Any:
    stored = _stored_inputs(program)[name]
    if stored.numerator is not None:
        return column.between(stored.numerator.low, stored.numerator.high)
    choices = next(of.choices for of in program.definition.inputs if of.name == name)
    return column.isin(choices) if choices else None


def _stored_inputs(program: Program) -> dict[str, Stored]:
    return {of.name: stored_input(of) for of in program.definition.inputs}


class _Places:
    """The tables as they grow."""

    def __init__(self, program: Program, rows: Table) -> None:
        self.program = program
        self.tables: dict[str, Table] = {ROW: rows}

    def column(self, name: str, grain: str) -> Any:
        return self.tables[grain][PREFIX + name]

    def past(self, values: Any, grain: str, how: str, periods: tuple[int, int]) -> Any:
        grains = self.program.grains
        period = grains.period(grain, self.program.kinds) or ""
        table = self.tables[grain]
        window = ibis.range_window(
            preceding=periods,
            group_by=[table[PREFIX + key] for key in grains.others(grain, period)],
            order_by=table[PREFIX + period],
        )
        made = {"sum": values.sum, "count": values.count, "most": values.max}[how]()
        return made.over(window)


class _Compiler:
    def __init__(
        self, program: Program, rows: Table, backend: str, issued: date, attributes: Mapping[str, Table]
    ) -> None:
        self.program, self.attributes, self.issued = program, attributes, issued
        self.places = _Places(program, rows)
        self.machine = IbisMachine(backend)
        self.lowering = Lowering(program, self.machine, self.places, issued)
        self.made = self.selects = 0
        self.civil: dict[tuple[str, str], str] = {}

    @property
    def tables(self) -> dict[str, Table]:
        return self.places.tables

    def run(self) -> Computed:
        program = self.program
        for place, column in enumerate(program.columns):
            self._prepare(column.node, column.per, program.columns[place:])
            value = self.lowering.value(column.node, column.per)
            self.lowering.stored[column.name] = self._keep(column.name, column.type.kind, value, column.per)
        per = program.per
        benefits = program.definition.benefits
        for name in (program.definition.output, *program.requirements, *(of.step for of in benefits)):
            self._bring(name, per)
        output = self.lowering.load(self.lowering.stored[program.definition.output], per)
        table = self.tables[per]
        table = table.mutate(grams=self._grams(output)).mutate(reason=self._reason(table))
        table = table.mutate(
            reason=ibis.cases(
                (table.reason.notnull(), table.reason),
                (table.grams <= 0, "no-reduction"),
                (table.grams > self.machine.whole(MAX_GRAMS, wide=False), "too-large"),
            )
        )
        # In a step of its own: what is too large must not be made narrow before it is known to be.
        table = table.mutate(grams=table.reason.isnull().ifelse(table.grams, self.machine.whole(0, wide=False)))
        table = table.mutate(grams=table.grams.cast("int64"))
        table = table.mutate(provisional=self._provisional(table), **self._benefits(per))
        keys = () if per == ROW else tuple(PREFIX + key for key in program.grains.keys[per])
        return Computed(table, keys, self.lowering.stored, self.tables[ROW])

    def _grams(self, output: Exact) -> Any:
        of = self.program.type_of(self.program.definition.output).unit
        times = None if of is None else factor(of, GRAM)
        if times is None:
            raise AssertionError("the output is in grams; it was checked")
        return self.lowering.exact.expression(grams_of(self.lowering, output, times).numerator)

    def _provisional(self, table: Table) -> Any:
        found = ibis.literal(False)
        for year in self.program.settling:
            found = found | (table[PREFIX + year] >= self.issued.year)
        return found

    def _benefits(self, per: str) -> dict[str, Any]:
        """Give benefits as whole multiples of their last decimal."""
        found = {}
        for of in self.program.definition.benefits:
            value = self.lowering.load(self.lowering.stored[of.step], per)
            rounded = self.lowering.exact.floor(self.lowering.exact.scale(value, Fraction(10**of.decimals)))
            found[BENEFIT + of.step] = self.lowering.exact.expression(rounded.numerator)
        return found

    def _reason(self, table: Table) -> Any:
        cases = [(~table[PREFIX + name].fill_null(False), name) for name in self.program.requirements]
        cases.append((table[PREFIX + self.program.definition.output].isnull(), "nothing"))
        return ibis.cases(*cases)

    # Columns

    def _keep(self, name: str, kind: Kind, value: Any, grain: str) -> Stored:
        stored = store(name, kind, value)
        self._mutate(grain, self._parts(stored, value))
        return stored

    def _parts(self, stored: Stored, value: Any) -> dict[str, Any]:
        """Give the columns in which a value is kept."""
        if not isinstance(value, Exact):
            return {stored.name: value}
        columns = {stored.name: self.lowering.exact.expression(value.numerator)}
        if not value.divisor.constant:
            columns[stored.divisor_name] = self.lowering.exact.expression(value.divisor)
        return columns

    def _mutate(self, grain: str, columns: Mapping[str, Any]) -> None:
        self.selects += 1
        if self.selects > MAX_SELECTS:
            raise Flaw("too-long", what="steps", size=self.selects, most=MAX_SELECTS)
        self.tables[grain] = self.tables[grain].mutate(**{PREFIX + name: of for name, of in columns.items()})

    def _hide(self, node: Node, grain: str) -> None:
        """Keep the value of a node as a column of its own."""
        if node.op in _LEAVES or node in self.lowering.hidden or (node.op is Op.PARAMETER and not node.arguments):
            return
        value = self.lowering.value(node, grain)
        self.lowering.hidden[node] = self._keep(self._name(), node.type.kind, value, grain)

    def _repeats(self, node: Node, argument: Node, grain: str) -> bool:
        value = self.lowering.value(argument, grain)
        if not isinstance(value, Exact):
            return False
        if node.op in {Op.LEAST_OF, Op.GREATEST_OF} and argument.type.nothing:
            return True
        return not value.divisor.constant or (node.op is Op.FLOOR and value.numerator.low < 0)

    def _name(self) -> str:
        self.made += 1
        return f"_{self.made}"

    def _prepare(self, node: Node, grain: str, later: tuple[Column, ...]) -> None:
        """Bring into a grain's table what a node needs that no expression over its columns gives."""
        if grain not in self.tables:
            self._found(grain, later)
        match node.op:
            case Op.COLUMN:
                return self._bring(node.data, grain)
            case Op.AGGREGATE:
                if node not in self.lowering.hidden:
                    self._aggregate([node], grain, later)
                return None
        for argument in node.arguments:
            self._prepare(argument, grain, later)
            if node.op in _OFTEN or self._repeats(node, argument, grain):
                self._hide(argument, grain)
        if node.op is Op.DATED:
            self._look_up(node, grain)
        if node.op is Op.CALENDAR and node.data in _CIVIL and node.arguments[0].type.kind is not Kind.MONTH:
            self._date(node, grain)
        return None

    def _date(self, node: Node, grain: str) -> None:
        """Compute year and month of a day, a column for each stage."""
        if node in self.lowering.hidden:
            return
        bounds = self.lowering.value(node, grain)
        of = str(node.arguments[0].data), grain
        name = self.civil.get(of) if node.arguments[0].op is Op.COLUMN else None
        if name is None:
            name = self.civil[of] = self._stages(node, grain)
        self.lowering.hidden[node] = Stored(f"{name}_{node.data}", node.type.kind, bounds.numerator, bounds.divisor)

    def _stages(self, node: Node, grain: str) -> str:
        days = self.lowering.exact.expression(self.lowering.day(node, grain).numerator)
        name = self._name()
        self._mutate(grain, {f"{name}_days": days})
        for stage, compute_stage in STAGES:
            made = compute_stage(lambda of: self.tables[grain][f"{PREFIX}{name}_{of}"], self.machine.divide)
            self._mutate(grain, {f"{name}_{stage}": made})
        return name

    def _bring(self, name: str, grain: str) -> None:
        """Join a coarser group's column to a finer table."""
        table = self.tables[grain]
        if PREFIX + name in table.columns:
            return
        coarse = self.program.type_of(name).grain or grain
        coarse = next((column.per for column in self.program.columns if column.name == name), coarse)
        stored = self.lowering.stored[name]
        names = [name] if stored.divisor is None or stored.divisor.constant else [name, stored.divisor_name]
        keys = [PREFIX + key for key in self.program.grains.keys[coarse]]
        other = self.tables[coarse].select(*keys, *(PREFIX + of for of in names))
        self.tables[grain] = table.left_join(other, keys).drop(*(f"{key}_right" for key in keys))

    # Groups

    def _found(self, grain: str, later: tuple[Column, ...]) -> None:
        """Make the table of a group: its aggregates where it begins with some, or the keys that there are."""
        nodes = list(self._ready(grain, later))
        if nodes:
            self._aggregate(nodes, grain, later)
        else:
            keys = [PREFIX + key for key in self.program.grains.keys[grain]]
            self.tables[grain] = self.tables[ROW].select(*keys).distinct()

    def _ready(self, grain: str, later: tuple[Column, ...]) -> Iterator[Node]:
        """Find aggregates into a group, of this step and later ones, that can be computed now."""
        for column in later:
            if column.per == grain:
                yield from (
                    node
                    for node in _aggregates(column.node)
                    if node not in self.lowering.hidden and _names(node) <= set(self.lowering.stored)
                )

    def _aggregate(self, wanted: list[Node], grain: str, later: tuple[Column, ...]) -> None:
        """Compute aggregates of one source together, and join them to the group's table."""
        source = wanted[0].data[1]
        nodes = {node: None for node in (*wanted, *self._ready(grain, later)) if node.data[1] == source}
        inner = {}
        for node in nodes:
            for argument in node.arguments:
                self._prepare(argument, source, later)
                self._hide(argument, source)
            inner[node] = [self.lowering.value(argument, source) for argument in node.arguments]
        columns: dict[str, Any] = {}
        for node in nodes:
            lowered = self._total(node, inner[node][0] if inner[node] else None, source)
            self.lowering.hidden[node] = stored = store(self._name(), node.type.kind, lowered)
            columns |= self._parts(stored, lowered)
        keys = [PREFIX + key for key in self.program.grains.keys[grain]]
        table = self.tables[source].group_by(keys).aggregate(**{PREFIX + name: of for name, of in columns.items()})
        known = self.tables.get(grain)
        if known is not None:
            table = known.left_join(table, keys).drop(*(f"{key}_right" for key in keys))
        self.tables[grain] = table

    def _total(self, node: Node, value: Any, source: str) -> Any:
        """Give an aggregate over a source's table: its bounds decide how wide what is added up must be."""
        how, _ = node.data
        if value is None:
            return self.lowering.aggregated(node, value, self.tables[source].count(), None)
        if how in {"any", "all"}:
            number = value.ifelse(self.machine.whole(1, wide=False), self.machine.whole(0, wide=False))
            return self.lowering.aggregated(node, value, number.max() if how == "any" else number.min(), None)
        value = self._as_column(value, node.arguments[0].type.kind, source)
        expression = self.lowering.exact.expression(value.numerator) if isinstance(value, Exact) else value
        counted = expression.count().nullif(0)
        if isinstance(value, Exact):
            bounds = self.lowering.aggregated(node, value, None, counted)
            expression = self.lowering.exact.expression(value.numerator, wide=bounds.numerator.wide)
        method = {"sum": "sum", "mean": "sum", "least": "min", "most": "max", "count": "count"}[how]
        return self.lowering.aggregated(node, value, getattr(expression, method)(), counted)

    def _as_column(self, value: Any, kind: Kind, grain: str) -> Any:
        """Give a value as a column of the table: engines count rows, not constants."""
        constant = (
            value.numerator.constant if isinstance(value, Exact) else not isinstance(value, ibis.expr.types.Column)
        )
        if not constant:
            return value
        stored = self._keep(self._name(), kind, value, grain)
        column = self.tables[grain][PREFIX + stored.name]
        if not isinstance(value, Exact):
            return column
        return Exact(Whole(value.numerator.low, value.numerator.high, column), value.divisor)

    # Attributes

    def _look_up(self, node: Node, grain: str) -> None:
        """Join what was known of a subject on a day."""
        if node in self.lowering.hidden:
            return
        column = node.data
        of = next(a for a in self.program.definition.attributes if any(c.name == column for c in a.columns))
        subject, day = (self.lowering.value(argument, grain) for argument in node.arguments)
        at = self.lowering.exact.expression(day.numerator)
        name, table = self._name(), self.tables[grain]
        known = self.attributes[of.name].select(
            "subject", "begins", "until", **{PREFIX + name: self.attributes[of.name][PREFIX + column]}
        )
        known = known.rename(**{f"{PREFIX}{name}_{part}": part for part in ("subject", "begins", "until")})
        parts = {part: known[f"{PREFIX}{name}_{part}"] for part in ("subject", "begins", "until")}
        joined = table.left_join(known, [subject == parts["subject"], at >= parts["begins"], at < parts["until"]])
        self.tables[grain] = joined.drop(*(f"{PREFIX}{name}_{part}" for part in parts))
        stored = self.lowering.dated[column]
        self.lowering.hidden[node] = Stored(name, stored.kind, stored.numerator, stored.divisor)


def _aggregates(node: Node) -> Iterator[Node]:
    if node.op is Op.AGGREGATE:
        yield node
    else:
        for argument in node.arguments:
            yield from _aggregates(argument)


def _names(node: Node) -> set[str]:
    own = {node.data} if node.op is Op.COLUMN else set()
    return own.union(*map(_names, node.arguments))
