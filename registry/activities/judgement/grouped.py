"""Groups of rows as activities: a meter's month, a journey. Their references are written from their keys."""

# mypy: disable-error-code="import-untyped"
from collections.abc import Mapping, Sequence
from typing import Any, Final

import ibis
import pyarrow as pa
from ibis import Table
from ibis.expr.types import StringValue

from registry.engine.acts import column_value, read_attributes
from registry.engine.compiling import PREFIX
from registry.engine.definition import InputType
from registry.engine.finding import Flaw
from registry.engine.typed import Kind, Program
from registry.errors import ActUnsound

_TYPES: Final = {InputType.TEXT: pa.string(), InputType.FLAG: pa.bool_()}
_FOREVER: Final = 1 << 40


def attribute_tables(program: Program, written: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, Table]:
    """Make the tables of what is known of subjects by date. Raises `ActUnsound` for what is no such thing."""
    try:
        known = read_attributes(program, written)
    except Flaw as flaw:
        raise ActUnsound(f"attributes: {flaw.en} {flaw.zh}") from None
    tables = {}
    for attribute in program.definition.attributes:
        rows = known.get(attribute.name, [])
        columns = {
            "subject": pa.array([row.subject for row in rows], pa.string()),
            "begins": pa.array([row.begins for row in rows], pa.int64()),
            "until": pa.array([_FOREVER if row.until is None else row.until for row in rows], pa.int64()),
        }
        for of in attribute.columns:
            values = [column_value(of, row.values.get(of.name)) for row in rows]
            columns[PREFIX + of.name] = pa.array(values, _TYPES.get(of.type, pa.int64()))
        tables[attribute.name] = ibis.memtable(pa.table(columns))
    return tables


def key_text(program: Program, rows: Table) -> StringValue:
    """Write a group's keys as its reference: `10006414/2013-05`. A key that follows from a finer one is left out."""
    grains = program.grains
    period = grains.period(program.per, program.kinds)
    keys = [
        key for key in grains.keys[program.per] if period is None or key == period or not grains.follows(key, period)
    ]
    parts = [_written(rows[PREFIX + key], program.kinds[key]) for key in keys]
    joined: Any = parts[0]
    for part in parts[1:]:
        joined = joined + "/" + part
    return joined


def _written(value: Any, kind: Kind) -> StringValue:
    match kind:
        case Kind.MONTH:
            years, month = (value - value % 12) // 12, value % 12
            return (years + 1970).cast("int64").cast("string") + "-" + (month + 1).cast("string").lpad(2, "0")
        case Kind.DAY:
            return (ibis.timestamp("1970-01-01 00:00:00") + (value * 86_400).as_interval("s")).strftime("%Y-%m-%d")
    return value.cast("string")


def groups_of(
    rows: Table, of_rows: Table, grams: Table, keys: list[str], things: list[str], reference: StringValue
) -> Table:
    """Make the activities of groups: `row` is that of the first, `hands` how many accounts there are in it.

    What a thing is called is the same in the whole group, or it is of no one thing.
    """
    keyed = of_rows.mutate(reference=reference)
    joined = keyed.join(rows.drop("reference"), "row")
    parts = {
        "row": joined.row.min(),
        "reference": joined.reference.min(),
        "account_id": joined.account_id.min(),
        "hands": joined.account_id.nunique(),
        "begins_ms": joined.begins_ms.min(),
        "ends_ms": joined.ends_ms.max(),
    }
    parts |= {thing: joined[thing].min() for thing in things}
    made = joined.group_by(keys).aggregate(**parts)
    return made.join(grams, keys).drop(*(f"{key}_right" for key in keys if f"{key}_right" in made.columns))
