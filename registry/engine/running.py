"""Runs written acts on an engine, or through the reference: for examples, tests, and whoever recomputes."""

# mypy: disable-error-code="import-untyped"
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, Final, NamedTuple
from uuid import uuid4

import pyarrow as pa
from ibis.backends import BaseBackend

from registry.engine.acts import column_value, said
from registry.engine.backend import engine
from registry.engine.compiling import BENEFIT, PREFIX, compute
from registry.engine.definition import Input, InputType
from registry.engine.reference import Act, Dated, Reference, Value
from registry.engine.typed import ROW, Program

_TYPES: Final = {InputType.TEXT: pa.string(), InputType.FLAG: pa.bool_()}
_FOREVER: Final = 1 << 40


class Grams(NamedTuple):
    """What came of one row (its place) or group (its key, written), and why nothing did."""

    key: tuple[str | None, ...]
    grams: int
    reason: str | None
    provisional: bool
    benefits: tuple[int | None, ...]
    """Whole multiples of their last decimal, in the order of the definition."""


def by_reference(
    program: Program, acts: Sequence[Act], issued: date, attributes: Mapping[str, Sequence[Dated]]
) -> list[Grams]:
    """Compute by fractions; in the order of first rows. Raises `Flaw`."""
    outcomes = Reference(program, acts, issued, attributes).outcomes()
    decimals = {of.step: of.decimals for of in program.definition.benefits}
    return [
        Grams(
            _key(program, one.key),
            one.grams,
            one.reason,
            one.provisional,
            tuple(None if of is None else int(of * 10 ** decimals[name]) for name, of in one.benefits.items()),
        )
        for one in outcomes
    ]


def by_engine(
    program: Program,
    acts: Sequence[Act],
    issued: date,
    attributes: Mapping[str, Sequence[Dated]],
    backend: BaseBackend,
) -> list[Grams]:
    """Compute on an engine, in the same order; its tables are temporary, and taken away again. Raises `Flaw`."""
    with engine(backend) as running:
        result, keys = _run(program, acts, issued, attributes, running)
    wanted = [one.key for one in by_reference(program, acts, issued, attributes)]
    return _in_order(program, result, keys, wanted)


def _run(
    program: Program,
    acts: Sequence[Act],
    issued: date,
    attributes: Mapping[str, Sequence[Dated]],
    backend: BaseBackend,
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    made: list[str] = []

    def table(columns: Mapping[str, pa.Array]) -> Any:
        name = f"acts_{uuid4().hex}"
        made.append(name)
        return backend.create_table(name, pa.table(columns), temp=True)

    try:
        rows = table(_rows(program, acts))
        known = {
            attribute.name: table(_known(attribute.columns, attributes.get(attribute.name, ())))
            for attribute in program.definition.attributes
        }
        found = compute(program, rows, backend.name, issued, known)
        keys = found.keys or ("place",)
        benefits = [BENEFIT + of.step for of in program.definition.benefits]
        wanted = found.table.select(*keys, "grams", "reason", "provisional", *benefits)
        return backend.to_pyarrow(wanted).to_pylist(), keys
    finally:
        for name in made:
            backend.drop_table(name, force=True)


def _in_order(
    program: Program, result: list[dict[str, Any]], keys: tuple[str, ...], wanted: list[tuple[str | None, ...]]
) -> list[Grams]:
    kinds = ["place"] if program.per == ROW else [program.kinds[key.removeprefix(PREFIX)] for key in keys]
    found = {}
    for row in result:
        key = tuple(_shown(row[name], kind, program, name) for name, kind in zip(keys, kinds, strict=True))
        benefits = [row[BENEFIT + of.step] for of in program.definition.benefits]
        found[key] = Grams(
            key,
            int(row["grams"]),
            row["reason"],
            row["provisional"],
            tuple(None if value is None else int(value) for value in benefits),
        )
    return [found[key] for key in wanted if key in found] + [of for key, of in found.items() if key not in wanted]


def _shown(value: Any, kind: str, program: Program, name: str) -> str | None:
    if isinstance(value, str) or value is None:
        return value
    divisor = next((10**of.decimals for of in program.definition.inputs if PREFIX + of.name == name), 1)
    return said(Fraction(int(value), divisor), kind)


def _key(program: Program, key: tuple[Value, ...]) -> tuple[str | None, ...]:
    if program.per == ROW:
        return tuple(said(value, "number") for value in key)
    names = program.grains.keys[program.per]
    return tuple(said(value, program.kinds[name]) for name, value in zip(names, key, strict=True))


def _rows(program: Program, acts: Sequence[Act]) -> dict[str, pa.Array]:
    columns = {"place": pa.array(list(range(len(acts))), pa.int64())}
    for of in program.definition.inputs:
        values = [column_value(of, act.get(of.name)) for act in acts]
        columns[PREFIX + of.name] = pa.array(values, _TYPES.get(of.type, pa.int64()))
    return columns


def _known(columns: Sequence[Input], rows: Sequence[Dated]) -> dict[str, pa.Array]:
    found = {
        "subject": pa.array([row.subject for row in rows], pa.string()),
        "begins": pa.array([row.begins for row in rows], pa.int64()),
        "until": pa.array([_FOREVER if row.until is None else row.until for row in rows], pa.int64()),
    }
    for of in columns:
        values = [column_value(of, row.values.get(of.name)) for row in rows]
        found[PREFIX + of.name] = pa.array(values, _TYPES.get(of.type, pa.int64()))
    return found
