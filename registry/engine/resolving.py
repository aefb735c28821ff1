"""From the tree of an expression to checked operations: names, kinds, units and grains, by what each function takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from fractions import Fraction
from typing import Final

from registry.engine.definition import Attribute, InputType, Parameter, Selection, Table, Window
from registry.engine.finding import Flaw
from registry.engine.grammar import Call, Expression, Name, Number, UnitName, Words, names_in
from registry.engine.typed import ROW, Grains, Kind, Node, Op, Type
from registry.engine.units import Unit, factor, said, unit

MAX_PERIODS: Final = 400
"""How far back a rolling mean or an earlier value may look: a year of days, and some."""

AGGREGATES: Final = frozenset({"sum", "mean", "count", "least", "most", "any", "all"})
_EPOCH: Final = date(1970, 1, 1)
_WORDS: Final = {
    Kind.NUMBER: ("数", "a number"),
    Kind.TEXT: ("文字", "a text"),
    Kind.FLAG: ("是非", "a condition"),
    Kind.TIME: ("时刻", "a moment"),
    Kind.DAY: ("日", "a day"),
    Kind.MONTH: ("月", "a month"),
}
_ANY_UNIT: Final = "any unit"
"""Marks the literal 0, which fits every unit."""


@dataclass(slots=True)
class Scope:
    """What expressions of a definition may name; `columns` grows as steps are checked."""

    grains: Grains
    columns: dict[str, Type] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    attributes: dict[str, tuple[Attribute, Type]] = field(default_factory=dict)
    """Column of an attribute -> its attribute and type."""
    act: str | None = None

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kind of each column."""
        return {name: type_.kind for name, type_ in self.columns.items()}


def resolve(tree: Expression, scope: Scope, per: str) -> Node:
    """Check the tree of an expression that is computed per row or group. Raises `Flaw`."""
    node = _Resolver(scope, per).node(tree)
    if not scope.grains.coarser(node.type.grain, per):
        raise Flaw("grain", name="expression", found=node.type.grain, wanted=per)
    return node


def needs(tree: Expression, scope: Scope, per: str) -> set[str]:
    """Give the columns that an expression rests on, those behind its parameters, attributes and group too."""
    found = set(scope.grains.keys.get(per, ()))
    for name in names_in(tree):
        if name in scope.attributes:
            found.add(scope.attributes[name][0].of)
        elif name in scope.parameters and scope.act and is_dated(scope.parameters[name]):
            found.add(scope.act)
        else:
            found.add(name)
    return found


def is_dated(parameter: Parameter) -> bool:
    """Whether a parameter's value depends on the day of the act."""
    return parameter.selection is Selection.AT_ACT and (
        len(parameter.values) > 1 or parameter.values[0].in_force is not None
    )


class _Resolver:
    def __init__(self, scope: Scope, per: str, *, aggregated: bool = False) -> None:
        self.scope, self.per, self.aggregated = scope, per, aggregated

    def node(self, tree: Expression) -> Node:
        match tree:
            case Number(value, None) if value == 0:
                return Node(Op.NUMBER, Type(Kind.NUMBER, None, unit("1")), data=_ANY_UNIT)
            case Number(value, of):
                return Node(Op.NUMBER, Type(Kind.NUMBER, None, unit(of or "1")), data=value)
            case Words(text):
                return Node(Op.TEXT, Type(Kind.TEXT, None, choices=frozenset({text})), data=text)
            case UnitName(text):
                raise Flaw("kind", what=f"[{text}]", wanted="值", found="单位", wanted_en="a value", found_en="a unit")
            case Name(name):
                return self._named(name)
            case Call(name, arguments):
                return self._call(name, arguments)

    # Names

    def _named(self, name: str) -> Node:
        scope = self.scope
        if name in scope.columns:
            return self._column(name, scope.columns[name])
        if name in scope.parameters:
            return self._parameter(scope.parameters[name])
        if name in scope.attributes:
            raise Flaw("dated-name", name=name)
        known = [*scope.columns, *scope.parameters, *scope.attributes, *scope.tables, *scope.windows]
        near = get_close_matches(name[:40], known, 1)
        zh, en = (f"是否指“{near[0]}”？", f" Is {near[0]} meant?") if near else ("", "")
        raise Flaw("unknown-name", name=name, near=zh, near_en=en)

    def _column(self, name: str, type_: Type) -> Node:
        grains = self.scope.grains
        if name in grains.keys.get(self.per, ()):
            type_ = replace(type_, grain=self.per)
        elif not grains.coarser(type_.grain, self.per):
            raise Flaw("grain", name=name, found=type_.grain, wanted=self.per)
        return Node(Op.COLUMN, type_, data=name)

    def _parameter(self, parameter: Parameter) -> Node:
        of = unit(parameter.unit)
        if not is_dated(parameter):
            return Node(Op.PARAMETER, Type(Kind.NUMBER, None, of), data=parameter.name)
        day = self._day_of_act(parameter.name)
        nothing = parameter.values[0].in_force is not None
        return Node(Op.PARAMETER, Type(Kind.NUMBER, day.type.grain, of, nothing), (day,), parameter.name)

    def _day_of_act(self, parameter: str) -> Node:
        scope = self.scope
        name = scope.act if self.per == ROW else scope.grains.period(self.per, scope.kinds)
        if name is None or scope.columns[name].kind not in {Kind.DAY, Kind.TIME}:
            raise Flaw("selection", name=parameter)
        column = self._column(name, scope.columns[name])
        return column if column.type.kind is Kind.DAY else _calendar("day", Kind.DAY, column)

    # Calls

    def _call(self, name: str, arguments: tuple[Expression, ...]) -> Node:
        if name in AGGREGATES:
            return self._aggregate(name, arguments)
        if name in self.scope.tables:
            return self._look_up(self.scope.tables[name], arguments)
        if name not in _FUNCTIONS:
            raise Flaw("unknown-function", name=name)
        method, counts = _FUNCTIONS[name]
        if len(arguments) not in counts:
            raise Flaw("arguments", name=name, wanted=" / ".join(map(str, counts)), found=len(arguments))
        checked: Node = getattr(self, f"_{method}")(name, arguments)
        return checked

    def _type(self, kind: Kind, *nodes: Node, of: Unit | None = None, nothing: bool | None = None) -> Type:
        grain = self.scope.grains.join(*(node.type.grain for node in nodes))
        missing = any(node.type.nothing for node in nodes) if nothing is None else nothing
        return Type(kind, grain, of, missing)

    def _of_kind(self, what: str, tree: Expression, *kinds: Kind) -> Node:
        node = self.node(tree)
        if node.type.kind not in kinds:
            raise _wrong_kind(what, node, *kinds)
        return node

    def _alike(self, what: tuple[str, str, str], trees: tuple[Expression, ...]) -> list[Node]:
        """Check values that must be of one kind, in the unit of the first that has one."""
        sign, zh, en = what
        nodes = [self.node(tree) for tree in trees]
        kind = nodes[0].type.kind
        if wrong := [node for node in nodes if node.type.kind is not kind]:
            raise _wrong_kind(sign, wrong[0], kind)
        if kind is not Kind.NUMBER:
            return nodes
        units = [node.type.unit for node in nodes if node.data is not _ANY_UNIT or node.op is not Op.NUMBER]
        wanted = (units or [nodes[0].type.unit])[0] or unit("1")
        return [converted(node, wanted, zh, en) for node in nodes]

    def _add(self, sign: str, trees: tuple[Expression, ...]) -> Node:
        left, right = self._alike(("+ -", "相加减", "added"), trees)
        op = Op.ADD if sign == "+" else Op.SUBTRACT
        if left.type.kind is Kind.NUMBER:
            return Node(op, self._type(Kind.NUMBER, left, right, of=left.type.unit), (left, right))
        between = _BETWEEN.get(left.type.kind)
        if between is None or op is Op.ADD:
            raise _wrong_kind(sign, left, Kind.NUMBER)
        return Node(op, self._type(Kind.NUMBER, left, right, of=unit(between)), (left, right))

    def _multiply(self, sign: str, trees: tuple[Expression, ...]) -> Node:
        left, right = (definite(self._of_kind(sign, tree, Kind.NUMBER)) for tree in trees)
        of = _unit_of(left) * _unit_of(right) if sign == "*" else _unit_of(left) / _unit_of(right)
        op = Op.MULTIPLY if sign == "*" else Op.DIVIDE
        return Node(op, self._type(Kind.NUMBER, left, right, of=of), (left, right))

    def _divide_or(self, name: str, trees: tuple[Expression, ...]) -> Node:
        left, right, instead = (self._of_kind(name, tree, Kind.NUMBER) for tree in trees)
        left, right = definite(left), definite(right)
        of = _unit_of(left) / _unit_of(right)
        instead = converted(instead, of, "互换", "exchanged")
        parts = (left, right, instead)
        return Node(Op.DIVIDE_OR, self._type(Kind.NUMBER, *parts, of=of), parts)

    def _negative(self, name: str, trees: tuple[Expression, ...]) -> Node:
        inner = definite(self._of_kind(name, trees[0], Kind.NUMBER))
        return Node(Op.SCALE, inner.type, (inner,), Fraction(-1))

    def _absolute(self, name: str, trees: tuple[Expression, ...]) -> Node:
        inner = definite(self._of_kind(name, trees[0], Kind.NUMBER))
        return Node(Op.ABSOLUTE, inner.type, (inner,))

    def _extreme(self, name: str, trees: tuple[Expression, ...]) -> Node:
        first, *rest = self._alike((name, "比较", "compared"), trees)
        if first.type.kind in {Kind.TEXT, Kind.FLAG}:
            raise _wrong_kind(name, first, Kind.NUMBER)
        for other in rest:
            type_ = self._type(first.type.kind, first, other, of=first.type.unit)
            first = Node(Op.LEAST_OF if name == "min" else Op.GREATEST_OF, type_, (first, other))
        return first

    def _whole(self, name: str, trees: tuple[Expression, ...]) -> Node:
        """floor(x, [unit]) and root(x, [unit]): whole numbers of that unit."""
        inner, wanted = definite(self._of_kind(name, trees[0], Kind.NUMBER)), trees[1]
        if not isinstance(wanted, UnitName):
            raise Flaw("constant", what=name, wanted="单位", wanted_en="a unit in brackets")
        of = unit(wanted.text)
        squared = of if name == "floor" else of * of
        inner = converted(inner, squared, "换算", "converted")
        return Node(Op(name), replace(inner.type, unit=of), (inner,))

    def _compare(self, sign: str, trees: tuple[Expression, ...]) -> Node:
        left, right = self._alike((sign, "比较", "compared"), trees)
        type_ = self._type(Kind.FLAG, left, right)
        if left.type.kind is Kind.FLAG or (left.type.kind is Kind.TEXT and sign not in {"=", "!="}):
            raise _wrong_kind(sign, left, Kind.NUMBER, Kind.TIME, Kind.DAY)
        if left.type.kind is not Kind.TEXT:
            return Node(Op.COMPARE, type_, (left, right), sign)
        _must_be_choice(left, right)
        same = Node(Op.SAME_TEXT, type_, (left, right))
        return same if sign == "=" else Node(Op.NOT, type_, (same,))

    def _logic(self, sign: str, trees: tuple[Expression, ...]) -> Node:
        parts = tuple(self._of_kind(sign, tree, Kind.FLAG) for tree in trees)
        return Node(Op(sign), self._type(Kind.FLAG, *parts), parts)

    def _if(self, name: str, trees: tuple[Expression, ...]) -> Node:
        condition = self._of_kind(name, trees[0], Kind.FLAG)
        first, second = self._alike((name, "并列", "alternatives"), trees[1:])
        type_ = self._type(first.type.kind, condition, first, second, of=first.type.unit)
        nothing = first.type.nothing or second.type.nothing
        return Node(Op.IF, replace(type_, nothing=nothing), (condition, first, second))

    def _otherwise(self, name: str, trees: tuple[Expression, ...]) -> Node:
        first, second = self._alike((name, "并列", "alternatives"), trees)
        type_ = self._type(first.type.kind, first, second, of=first.type.unit, nothing=second.type.nothing)
        return Node(Op.OTHERWISE, type_, (first, second))

    def _given(self, _name: str, trees: tuple[Expression, ...]) -> Node:
        inner = self.node(trees[0])
        return Node(Op.GIVEN, self._type(Kind.FLAG, inner, nothing=False), (inner,))

    def _only(self, name: str, trees: tuple[Expression, ...]) -> Node:
        inner, condition = definite(self.node(trees[0])), self._of_kind(name, trees[1], Kind.FLAG)
        grain = self.scope.grains.join(inner.type.grain, condition.type.grain)
        return Node(Op.ONLY, replace(inner.type, grain=grain, nothing=True), (inner, condition))

    # Times

    def _calendar(self, name: str, trees: tuple[Expression, ...]) -> Node:
        if name == "day" and isinstance(trees[0], Words):
            return Node(Op.NUMBER, Type(Kind.DAY, None), data=Fraction(days_of(trees[0].text)))
        kinds, kind, of = _CALENDAR[name]
        return _calendar(name, kind, self._of_kind(name, trees[0], *kinds), unit(of) if of else None)

    def _in_window(self, name: str, trees: tuple[Expression, ...]) -> Node:
        window = self._window(name, trees[0])
        moments = tuple(self._of_kind(name, tree, Kind.TIME) for tree in trees[1:])
        if name == "in_window":
            return Node(Op.IN_WINDOW, self._type(Kind.FLAG, *moments), moments, window)
        return Node(Op.TIME_IN, self._type(Kind.NUMBER, *moments, of=unit("ms")), moments, window)

    def _window(self, what: str, tree: Expression) -> str:
        if not isinstance(tree, Name) or tree.name not in self.scope.windows:
            raise Flaw("constant", what=what, wanted="时段的名称", wanted_en="the name of a window")
        return tree.name

    def _at(self, name: str, trees: tuple[Expression, ...]) -> Node:
        if not isinstance(trees[0], Name) or trees[0].name not in self.scope.attributes:
            raise Flaw("constant", what=name, wanted="有日期的属性的名称", wanted_en="the name of a dated attribute")
        attribute, type_ = self.scope.attributes[trees[0].name]
        subject = self._column(attribute.of, self.scope.columns[attribute.of])
        day = self._of_kind(name, trees[1], Kind.DAY, Kind.TIME)
        day = day if day.type.kind is Kind.DAY else _calendar("day", Kind.DAY, day)
        grain = self.scope.grains.join(subject.type.grain, day.type.grain)
        return Node(Op.DATED, replace(type_, grain=grain, nothing=True), (subject, day), trees[0].name)

    # Tables, groups

    def _look_up(self, table: Table, trees: tuple[Expression, ...]) -> Node:
        if len(trees) != len(table.by):
            raise Flaw("arguments", name=table.name, wanted=len(table.by), found=len(trees))
        parts = []
        for axis, tree in zip(table.by, trees, strict=True):
            if axis.type is InputType.TEXT:
                parts.append(self._of_kind(table.name, tree, Kind.TEXT))
            else:
                part = self._of_kind(table.name, tree, Kind.NUMBER)
                parts.append(converted(part, unit(axis.unit), "换算", "converted"))
        type_ = self._type(Kind.NUMBER, *parts, of=unit(table.unit), nothing=True)
        return Node(Op.LOOK_UP, type_, tuple(parts), table.name)

    def _aggregate(self, name: str, trees: tuple[Expression, ...]) -> Node:
        if self.per == ROW or self.aggregated:
            raise Flaw("aggregate", name=name)
        if len(trees) != 1 and (name, len(trees)) != ("count", 0):
            raise Flaw("arguments", name=name, wanted=1, found=len(trees))
        source = self._source(names_in(trees[0]) if trees else set())
        if source == self.per or not self.scope.grains.coarser(self.per, source):
            raise Flaw("aggregate", name=name)
        inner = _Resolver(self.scope, source, aggregated=True).node(trees[0]) if trees else None
        type_ = Type(Kind.NUMBER, self.per, unit("1"))
        if inner is not None and name in {"any", "all"}:
            if inner.type.kind is not Kind.FLAG:
                raise _wrong_kind(name, inner, Kind.FLAG)
            type_ = Type(Kind.FLAG, self.per)
        elif inner is not None and name != "count":
            inner = definite(inner)
            kinds = (Kind.NUMBER,) if name in {"sum", "mean"} else (Kind.NUMBER, Kind.TIME, Kind.DAY, Kind.MONTH)
            if inner.type.kind not in kinds:
                raise _wrong_kind(name, inner, *kinds)
            type_ = Type(inner.type.kind, self.per, inner.type.unit, inner.type.nothing)
        return Node(Op.AGGREGATE, type_, () if inner is None else (inner,), (name, source))

    def _source(self, names: set[str]) -> str:
        """Find what an aggregate runs over: the finest of what it names; the keys of a group count as the group's."""
        columns, grains = self.scope.columns, self.scope.grains
        named = {name: columns[name].grain for name in names if name in columns}
        groups = [grain for grain in named.values() if grain not in {ROW, None}]
        group = grains.join(*groups) if groups else None
        if group is None or any(g == ROW and n not in grains.keys[group] for n, g in named.items()):
            return ROW
        return group

    def _past(self, name: str, trees: tuple[Expression, ...]) -> Node:
        if self.per == ROW or self.scope.grains.period(self.per, self.scope.kinds) is None or self.aggregated:
            raise Flaw("rolling", name=name)
        inner, periods = definite(self._of_kind(name, trees[0], Kind.NUMBER)), trees[1]
        number = periods.value if isinstance(periods, Number) and periods.unit is None else Fraction(0)
        if number.denominator != 1 or not 1 <= number <= MAX_PERIODS:
            zh, en = f"1 到 {MAX_PERIODS} 的整数", f"a whole number from 1 to {MAX_PERIODS}"
            raise Flaw("constant", what=name, wanted=zh, wanted_en=en)
        type_ = replace(inner.type, grain=self.per, nothing=True)
        if name == "earlier":
            return Node(Op.EARLIER, type_, (inner,), int(number))
        if name == "past_count":
            type_ = Type(Kind.NUMBER, self.per, unit("1"))
        return Node(Op.PAST, type_, (inner,), (name.removeprefix("past_"), int(number)))


def converted(node: Node, wanted: Unit, zh: str, en: str) -> Node:
    """Give a number in another unit. Raises `Flaw` when there is no way."""
    if node.op is Op.NUMBER and node.data is _ANY_UNIT:
        return Node(Op.NUMBER, replace(node.type, unit=wanted), data=Fraction(0))
    found = _unit_of(node)
    times = factor(found, wanted)
    if times is None:
        raise Flaw("unit-differs", left=said(wanted), right=said(found), act=zh, act_en=en)
    type_ = replace(node.type, unit=wanted)
    return replace(node, type=type_) if times == 1 else Node(Op.SCALE, type_, (node,), times)


def definite(node: Node) -> Node:
    """Give a node in which 0 is a bare number."""
    return converted(node, unit("1"), "", "") if node.op is Op.NUMBER and node.data is _ANY_UNIT else node


def days_of(text: str) -> int:
    """Give the days from 1970-01-01 to a date. Raises `Flaw`."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Flaw("date", text=text) from None
    if text != found.isoformat():
        raise Flaw("date", text=text)
    return (found - _EPOCH).days


def _unit_of(node: Node) -> Unit:
    return node.type.unit if node.type.unit is not None else unit("1")


def _calendar(name: str, kind: Kind, inner: Node, of: Unit | None = None) -> Node:
    return Node(Op.CALENDAR, Type(kind, inner.type.grain, of, inner.type.nothing), (inner,), name)


def _wrong_kind(what: str, node: Node, *wanted: Kind) -> Flaw:
    zh, en = zip(*(_WORDS[kind] for kind in wanted), strict=True)
    found_zh, found_en = _WORDS[node.type.kind]
    return Flaw("kind", what=what, wanted="或".join(zh), found=found_zh, wanted_en=" or ".join(en), found_en=found_en)


def _must_be_choice(left: Node, right: Node) -> None:
    for text, other in ((left, right), (right, left)):
        if text.op is Op.TEXT and other.type.choices is not None and text.data not in other.type.choices:
            raise Flaw("unknown-choice", text=text.data, name=other.data)


_BETWEEN: Final = {Kind.TIME: "ms", Kind.DAY: "day", Kind.MONTH: "month"}
_MOMENTS: Final = (Kind.TIME, Kind.DAY)
_CALENDAR: Final[Mapping[str, tuple[tuple[Kind, ...], Kind, str | None]]] = {
    "day": ((Kind.TIME,), Kind.DAY, None),
    "month": (_MOMENTS, Kind.MONTH, None),
    "year": ((*_MOMENTS, Kind.MONTH), Kind.NUMBER, "1"),
    "month_of_year": ((*_MOMENTS, Kind.MONTH), Kind.NUMBER, "1"),
    "weekday": (_MOMENTS, Kind.NUMBER, "1"),
    "minute_of_day": ((Kind.TIME,), Kind.NUMBER, "1"),
}
_FUNCTIONS: Final[Mapping[str, tuple[str, range]]] = {
    **dict.fromkeys("+-", ("add", range(2, 3))),
    **dict.fromkeys("*/", ("multiply", range(2, 3))),
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">="), ("compare", range(2, 3))),
    **dict.fromkeys(("and", "or"), ("logic", range(2, 3))),
    "not": ("logic", range(1, 2)),
    "negative": ("negative", range(1, 2)),
    "if": ("if", range(3, 4)),
    "divide": ("divide_or", range(3, 4)),
    "abs": ("absolute", range(1, 2)),
    **dict.fromkeys(("min", "max"), ("extreme", range(2, 9))),
    **dict.fromkeys(("floor", "root"), ("whole", range(2, 3))),
    "otherwise": ("otherwise", range(2, 3)),
    "only": ("only", range(2, 3)),
    "given": ("given", range(1, 2)),
    **dict.fromkeys(_CALENDAR, ("calendar", range(1, 2))),
    "in_window": ("in_window", range(2, 3)),
    "time_in": ("in_window", range(3, 4)),
    "at": ("at", range(2, 3)),
    **dict.fromkeys(("past_sum", "past_mean", "past_count", "earlier"), ("past", range(2, 3))),
}

FUNCTIONS: Final = frozenset(_FUNCTIONS) | AGGREGATES
"""What a definition cannot name its own things."""
