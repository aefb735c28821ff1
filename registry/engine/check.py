"""A definition, checked: names, units, kinds, grains, circles and bounds; every fault with its line."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from registry.engine.bounds import check_bounds
from registry.engine.definition import (
    Definition,
    Input,
    InputType,
    Parameter,
    Requirement,
    Selection,
    Settled,
    Step,
    Table,
    Value,
    decimal,
    minute_of_day,
)
from registry.engine.finding import MAX_FINDINGS, Finding, Flaw, Path
from registry.engine.grammar import WORDS, Call, Expression, parse
from registry.engine.lines import Located
from registry.engine.resolving import FUNCTIONS, Scope, needs, resolve
from registry.engine.typed import ROW, Column, Grains, Kind, Node, Op, Program, Type
from registry.engine.units import factor, said, unit
from registry.errors import MethodologyUnsound

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST: Final = {
    "inputs": 60, "attributes": 10, "parameters": 100, "tables": 20, "windows": 20, "groups": 10, "steps": 100,
    "requirements": 40, "benefits": 20, "examples": 20,
}  # fmt: skip
"""How many of each there may be: what a reviewer can read, and an engine's text can hold."""
_MOST_ROWS: Final = 500
"""Of a table; a finer one is a curve."""
_MOST_VALUES: Final = 100
"""Of a parameter, a text's choices, or the columns of an attribute."""
_MOST_OPERATIONS: Final = 1_500
"""Of a definition: names, numbers and operations of all its expressions."""


def check(definition: Definition, located: Located, prefix: Path = ()) -> Program:
    """Check a definition. `prefix` is its place in the document. Raises `MethodologyUnsound` with all that is wrong."""
    checker = _Checker(definition, located, prefix)
    program = checker.program()
    if checker.findings or program is None:
        found = sorted(checker.findings, key=lambda finding: finding.line)
        raise MethodologyUnsound(found[:MAX_FINDINGS])
    return program


@dataclass(slots=True)
class _Checker:
    definition: Definition
    located: Located
    prefix: Path
    findings: list[Finding] = field(default_factory=list)
    taken: dict[str, Path] = field(default_factory=dict)

    def tell(self, path: Path, flaw: Flaw) -> None:
        self.findings.append(self.located.finding((*self.prefix, *path), flaw))

    @contextmanager
    def at(self, *path: str | int) -> Iterator[None]:
        """Make a finding of a flaw, and go on after it."""
        try:
            yield
        except Flaw as flaw:
            self.tell(path, flaw)

    def program(self) -> Program | None:
        definition = self.definition
        for what, most in _MOST.items():
            with self.at(what):
                _few(what, len(getattr(definition, what)), most)
        if self.findings:
            return None
        with self.at("utc_offset_minutes"):
            if not -720 <= definition.utc_offset_minutes <= 840:
                raise Flaw("range", name="utc_offset_minutes")
        self._names()
        scope = self._scope()
        if self.findings:
            return None
        return self._columns(scope)

    # Names and values

    def _names(self) -> None:
        for what in ("inputs", "attributes", "parameters", "tables", "windows", "groups", "steps", "requirements"):
            for place, of in enumerate(getattr(self.definition, what)):
                self._name(of.name, what, place, "name")
                for column, inner in enumerate(of.columns if what == "attributes" else ()):
                    self._name(inner.name, what, place, "columns", column, "name")

    def _name(self, name: str, *path: str | int) -> None:
        with self.at(*path):
            if _NAME.fullmatch(name) is None or name in WORDS | FUNCTIONS | {ROW} or "__" in name:
                raise Flaw("name", name=name)
            if name in self.taken:
                line = self.located.line((*self.prefix, *self.taken[name]))
                raise Flaw("name-twice", name=name, line=line)
            self.taken[name] = path

    def _scope(self) -> Scope:
        definition = self.definition
        scope = Scope(Grains({group.name: group.by for group in definition.groups}), act=definition.act)
        for place, of in enumerate(definition.inputs):
            with self.at("inputs", place):
                scope.columns[of.name] = _input_type(of, ROW)
        for place, attribute in enumerate(definition.attributes):
            for inner, of in enumerate(attribute.columns):
                with self.at("attributes", place, "columns", inner):
                    scope.attributes[of.name] = attribute, _input_type(of, ROW)
        for place, parameter in enumerate(definition.parameters):
            self._parameter(parameter, place)
            scope.parameters[parameter.name] = parameter
        for place, table in enumerate(definition.tables):
            with self.at("tables", place):
                _check_table(table)
            scope.tables[table.name] = table
        for place, window in enumerate(definition.windows):
            with self.at("windows", place):
                if minute_of_day(window.begins) == minute_of_day(window.until):
                    raise Flaw("range", name=window.name)
            scope.windows[window.name] = window
        return scope

    def _parameter(self, parameter: Parameter, place: int) -> None:
        with self.at("parameters", place, "unit"):
            unit(parameter.unit)
        with self.at("parameters", place, "values"):
            _few("values", len(parameter.values), _MOST_VALUES, least=1)
            _in_order(parameter)
        for what in ("values", "beside"):
            for inner, value in enumerate(getattr(parameter, what)):
                with self.at("parameters", place, what, inner, "value"):
                    decimal(value.value)

    # Expressions

    def _columns(self, scope: Scope) -> Program | None:
        definition = self.definition
        trees, paths = self._trees()
        keys = {key for group in definition.groups for key in group.by}
        order = self._order(trees, paths, scope)
        if self.findings:
            return None
        columns: list[Column] = []
        for name in order:
            of, tree = trees[name]
            if not needs(tree, scope, of.per or ROW) & trees.keys() <= scope.columns.keys():
                continue  # what it needs has a fault of its own
            with self.at(*paths[name]):
                column = _column(of, tree, scope, paths[name])
                if name in keys:
                    _check_key(name, column.type)
                scope.columns[name] = column.type
                columns.append(column)
                if column.node.op is Op.CALENDAR and column.node.arguments[0].op is Op.COLUMN:
                    scope.grains.calendar[name] = column.node.data, column.node.arguments[0].data
        if self.findings:
            return None
        self._groups(scope)
        self._references(scope, {column.name: column for column in columns})
        if self.findings:
            return None
        inputs = {of.name: scope.columns[of.name] for of in definition.inputs}
        requirements = tuple(requirement.name for requirement in definition.requirements)
        program = Program(definition, inputs, tuple(columns), requirements, scope.grains)
        check_bounds(program, lambda column, flaw: self.tell(column.path, flaw))
        return program

    def _trees(self) -> tuple[dict[str, tuple[Step | Requirement, Expression]], dict[str, Path]]:
        groups = {group.name for group in self.definition.groups}
        trees: dict[str, tuple[Step | Requirement, Expression]] = {}
        paths: dict[str, Path] = {}
        operations = 0
        for what in ("steps", "requirements"):
            for place, of in enumerate(getattr(self.definition, what)):
                path: Path = (what, place, "expression")
                with self.at(what, place, "per"):
                    if of.per is not None and of.per not in groups:
                        raise Flaw("unknown-name", name=of.per, near="", near_en="")
                with self.at(*path):
                    tree = parse(of.expression)
                    operations += _size(tree)
                    _few("expressions", operations, _MOST_OPERATIONS)
                    trees[of.name], paths[of.name] = (of, tree), path
        return trees, paths

    def _order(
        self, trees: Mapping[str, tuple[Step | Requirement, Expression]], paths: Mapping[str, Path], scope: Scope
    ) -> Sequence[str]:
        """Give the columns so that each needs only what is before it."""
        if self.findings:
            return ()
        wanted = {name: needs(tree, scope, of.per or ROW) & trees.keys() for name, (of, tree) in trees.items()}
        try:
            return tuple(TopologicalSorter(wanted).static_order())
        except CycleError as error:
            circle = error.args[1]
            self.tell(paths[circle[0]], Flaw("cycle", names=" → ".join(reversed(circle))))
            return ()

    def _groups(self, scope: Scope) -> None:
        for place, group in enumerate(self.definition.groups):
            with self.at("groups", place, "by"):
                _few("by", len(group.by), 6, least=1)
                for key in group.by:
                    if key not in scope.columns:
                        raise Flaw("unknown-name", name=key, near="", near_en="")
                    _check_key(key, scope.columns[key])
                if len(set(group.by)) < len(group.by):
                    raise Flaw("order")

    def _references(self, scope: Scope, columns: Mapping[str, Column]) -> None:
        """Check what names a column outside expressions: the output, what dates an act, attributes, benefits."""
        definition = self.definition
        with self.at("output"):
            output = columns.get(definition.output)
            grams = None if output is None or output.type.unit is None else factor(output.type.unit, unit("gCO2e"))
            if output is None or grams is None:
                raise Flaw("output", name=definition.output)
            for name in (requirement.name for requirement in definition.requirements if requirement.name in columns):
                per = columns[name].per
                if not scope.grains.coarser(per, output.per):
                    raise Flaw("grain", name=name, found=per, wanted=output.per)
        with self.at("act"):
            act = scope.columns.get(definition.act or "")
            dated = act is not None and act.kind in {Kind.TIME, Kind.DAY} and act.grain == ROW and not act.nothing
            if definition.act is not None and not dated:
                raise Flaw("constant", what="act", wanted="逐行的时刻或日", wanted_en="a moment or day of each row")
        for place, attribute in enumerate(definition.attributes):
            with self.at("attributes", place, "of"):
                if attribute.of not in scope.columns:
                    raise Flaw("unknown-name", name=attribute.of, near="", near_en="")
                _check_key(attribute.of, scope.columns[attribute.of])
        self._beside(scope, columns)

    def _beside(self, scope: Scope, columns: Mapping[str, Column]) -> None:
        """Check what is said beside the grams: what is settled later, and other benefits."""
        definition = self.definition
        for place, requirement in enumerate(definition.requirements):
            with self.at("requirements", place, "settled"):
                waits = requirement.settled is Settled.YEAR
                if waits and not scope.grains.years(requirement.per or ROW):
                    raise Flaw("settled", name=requirement.name)
        for place, benefit in enumerate(definition.benefits):
            with self.at("benefits", place, "step"):
                step = columns.get(benefit.step)
                if step is None or step.type.kind is not Kind.NUMBER or not 0 <= benefit.decimals <= 9:
                    raise Flaw("unknown-name", name=benefit.step, near="", near_en="")
                output = columns.get(definition.output)
                if output is not None and not scope.grains.coarser(step.per, output.per):
                    raise Flaw("grain", name=step.name, found=step.per, wanted=output.per)


def _column(of: Step | Requirement, tree: Expression, scope: Scope, path: Path) -> Column:
    per = of.per or ROW
    node = resolve(tree, scope, per)
    type_ = node.type
    if isinstance(of, Requirement):
        if type_.kind is not Kind.FLAG:
            raise Flaw(
                "kind", what=of.name, wanted="是非", found=type_.kind, wanted_en="a condition", found_en=type_.kind
            )
    elif type_.kind is Kind.NUMBER:
        node = _in_unit(node, of.unit)
    elif of.unit is not None:
        raise Flaw("unit-result", declared=of.unit, found=type_.kind)
    return Column(of.name, node, _of_grain(node.type, per), per, of.text, path)


def _in_unit(node: Node, declared: str | None) -> Node:
    """Give a step's number in the unit that the step declares; none is a bare number."""
    wanted, found = unit(declared or "1"), node.type.unit or unit("1")
    if node.op is Op.NUMBER and not isinstance(node.data, Fraction):
        return Node(Op.NUMBER, _of_unit(node.type, wanted), data=Fraction(0))
    times = factor(found, wanted)
    if times is None:
        raise Flaw("unit-result", declared=declared or "1", found=said(found))
    type_ = _of_unit(node.type, wanted)
    return Node(node.op, type_, node.arguments, node.data) if times == 1 else Node(Op.SCALE, type_, (node,), times)


def _of_unit(type_: Type, of: Any) -> Type:
    return Type(type_.kind, type_.grain, of, type_.nothing)


def _of_grain(type_: Type, grain: str) -> Type:
    return Type(type_.kind, grain, type_.unit, type_.nothing, type_.choices)


def _input_type(of: Input, grain: str) -> Type:
    _few("choices", len(of.choices), _MOST_VALUES)
    if of.type is not InputType.NUMBER:
        if of.unit is not None or of.least is not None or of.most is not None or of.decimals:
            raise Flaw("form", what=f"unit, least, most, decimals: {of.type}")
        choices = frozenset(of.choices) if of.choices else None
        return Type(Kind(of.type), grain, None, of.optional, choices)
    if of.least is None or of.most is None or of.unit is None:
        raise Flaw("range", name=of.name)
    low, high = decimal(of.least), decimal(of.most)
    if not 0 <= of.decimals <= 12 or low > high:
        raise Flaw("range", name=of.name)
    if max(abs(low), abs(high)) * 10**of.decimals >= 1 << 62:
        raise Flaw("too-large", digits=19 + of.decimals, most=18)
    for bound in (low, high):
        if (bound * 10**of.decimals).denominator != 1:
            raise Flaw("range", name=of.name)
    return Type(Kind.NUMBER, grain, unit(of.unit), of.optional)


def _in_order(parameter: Parameter) -> None:
    values: Sequence[Value] = parameter.values
    if parameter.selection is Selection.LATEST_PUBLISHED:
        days: list[date | None] = [value.published for value in values]
        if None in days:
            raise Flaw("form", what="published: latest-published")
    else:
        days = [value.in_force for value in values]
        if None in days[1:]:
            raise Flaw("form", what="in_force")
    known = [day or date.min for day in days]
    if any(one >= other for one, other in itertools.pairwise(known)):
        raise Flaw("order")


def _check_table(table: Table) -> None:
    unit(table.unit)
    _few("by", len(table.by), 4, least=1)
    _few("rows", len(table.rows), _MOST_ROWS, least=2 if table.curve else 1)
    if table.curve and [axis.type for axis in table.by] != [InputType.NUMBER]:
        raise Flaw("form", what="curve: by")
    for axis in table.by:
        if axis.type not in {InputType.NUMBER, InputType.TEXT}:
            raise Flaw("form", what=f"by: {axis.type}")
        unit(axis.unit)
    keys = []
    for row in table.rows:
        if len(row.at) != len(table.by):
            raise Flaw("form", what=f"at: {len(row.at)} ≠ {len(table.by)}")
        decimal(row.value)
        pairs = zip(table.by, row.at, strict=True)
        keys.append(tuple(decimal(at) if axis.type is InputType.NUMBER else at for axis, at in pairs))
    if max(Counter(keys).values()) > 1 or (
        len(table.by) == 1 and isinstance(keys[0][0], Fraction) and keys != sorted(keys)
    ):
        raise Flaw("order")


def _check_key(name: str, type_: Type) -> None:
    whole = type_.kind in {Kind.TEXT, Kind.DAY, Kind.MONTH} or (type_.kind is Kind.NUMBER and type_.unit == unit("1"))
    if not whole or type_.nothing or type_.grain != ROW:
        raise Flaw("key", name=name)


def _few(what: str, size: int, most: int, *, least: int = 0) -> None:
    if size > most:
        raise Flaw("too-long", what=what, size=size, most=most)
    if size < least:
        raise Flaw("form", what=f"{what}: {size} < {least}")


def _size(tree: Expression) -> int:
    return 1 + (sum(map(_size, tree.arguments)) if isinstance(tree, Call) else 0)
