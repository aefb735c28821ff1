"""When each row was: local times to UTC by the profile's zone, begin and end, and what could not be told.

Columns that are added: `u_<name>` of each time in Unix milliseconds, `begins_ms`, `ends_ms`, and `gap` and `twice`: the
first time that the clock jumped over, or showed twice, where the profile does not say which of two it was.
"""

# mypy: disable-error-code="import-untyped"
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import ibis
from ibis import Table
from ibis.backends import BaseBackend
from ibis.expr.types import BooleanValue, IntegerValue

from registry.activities.judgement.typed import DAYS, LOCAL, NUMBER, VALUE, scaled
from registry.activities.profiles.moments import Clock, clocks, read_pattern
from registry.activities.profiles.profile import Column, ColumnType, Double, Gap, Profile
from registry.engine.units import factor, unit

UTC: Final = "u_"
_DAY_S: Final = 86_400
_EARLIEST_S: Final = 0
_LATEST_S: Final = 4_102_444_800
"""The year 2100. Beyond, a zone's clock is taken as it was last: nobody knows its jumps, and nothing is valid then."""


def timed(rows: Table, profile: Profile, backend: BaseBackend) -> Table:
    """Add UTC times, begin and end. `rows` is a table of the engine: its first and last times are asked first."""
    zoned = _zoned(profile, backend, rows)
    times = [column for column in profile.columns if column.type is ColumnType.TIME]
    gaps, doubles = [], []
    for column in times:
        local = rows[LOCAL + column.name]
        if read_pattern(column.pattern or "").has_offset:
            rows = rows.mutate(**{UTC + column.name: local * 1000})
            continue
        at = _at(local, zoned, profile)
        gaps.append((local.notnull() & _none(local, zoned, profile), column.column or column.name))
        doubles.append((local.notnull() & _two(local, zoned, profile), column.column or column.name))
        rows = rows.mutate(**{UTC + column.name: at * 1000})
    begins, ends = _span(rows, profile, zoned)
    return rows.mutate(
        begins_ms=begins,
        ends_ms=ends,
        gap=ibis.cases(*gaps) if gaps else ibis.null("string"),
        twice=ibis.cases(*doubles) if doubles else ibis.null("string"),
    )


def _zoned(profile: Profile, backend: BaseBackend, rows: Table) -> list[Clock]:
    """Give the stretches of the zone's clock that the file meets."""
    names = [LOCAL + column.name for column in profile.columns if column.type is ColumnType.TIME]
    names += [DAYS + column.name for column in profile.columns if column.type is ColumnType.DAY]
    asked = {f"{how}_{name}": getattr(rows[name], how)() for name in names for how in ("min", "max")}
    found = backend.to_pyarrow(rows.aggregate(**asked)).to_pylist()[0]
    seconds = [value * (_DAY_S if DAYS in name else 1) for name, value in found.items() if value is not None]
    held = [min(max(value, _EARLIEST_S), _LATEST_S) for value in seconds] or [0]
    return clocks(profile.zone, min(held), max(held))


def _first(local: IntegerValue, zoned: Sequence[Clock]) -> IntegerValue:
    if len(zoned) == 1:
        return local - zoned[0].offset_s
    return ibis.cases(*((((local >= clock.begins) & (local < clock.until)), local - clock.offset_s) for clock in zoned))


def _last(local: IntegerValue, zoned: Sequence[Clock]) -> IntegerValue:
    return _first(local, zoned[::-1])


def _before(local: IntegerValue, zoned: Sequence[Clock]) -> IntegerValue:
    """Read a time by the offset of the last stretch that began before it; in a gap, the one that ended there."""
    return ibis.cases(*((local >= clock.begins, local - clock.offset_s) for clock in zoned[::-1]))


def _at(local: IntegerValue, zoned: Sequence[Clock], profile: Profile) -> IntegerValue:
    first, last = _first(local, zoned), _last(local, zoned)
    if len(zoned) == 1:
        return first
    match profile.double:
        case Double.FIRST | Double.REFUSE:
            at = first
        case Double.SECOND:
            at = last
        case Double.IN_ORDER:
            whose = [VALUE + thing.column for thing in profile.things[:1]]
            order = ibis.window(group_by=[*whose, local], order_by="row")
            at = (ibis.row_number().over(order) == 0).ifelse(first, last)
    return at.coalesce(_before(local, zoned)) if profile.gap is Gap.AS_BEFORE else at


def _none(local: IntegerValue, zoned: Sequence[Clock], profile: Profile) -> BooleanValue:
    if len(zoned) == 1 or profile.gap is not Gap.REFUSE:
        return ibis.literal(False)
    return _first(local, zoned).isnull()


def _two(local: IntegerValue, zoned: Sequence[Clock], profile: Profile) -> BooleanValue:
    if len(zoned) == 1 or profile.double is not Double.REFUSE:
        return ibis.literal(False)
    return (_first(local, zoned) != _last(local, zoned)).fill_null(False)


def _span(rows: Table, profile: Profile, zoned: Sequence[Clock]) -> tuple[IntegerValue, IntegerValue]:
    span = profile.span
    column = profile.of(span.begins)
    if column.type is ColumnType.DAY:
        edges = [(rows[DAYS + span.begins] + more) * _DAY_S for more in (0, 1)]
        begin, end = (_first(edge, zoned).coalesce(_before(edge, zoned)) * 1000 for edge in edges)
        return begin, end
    begins = rows[UTC + span.begins]
    if span.ends is not None:
        return begins, rows[UTC + span.ends]
    if span.duration is not None:
        return begins, begins + milliseconds(rows, profile.of(span.duration))
    return begins, begins + (span.interval_s or 0) * 1000


def milliseconds(rows: Table, column: Column) -> Any:
    """Give a duration in whole milliseconds."""
    times = factor(unit(column.unit or "1"), unit("ms"))
    return scaled(rows[NUMBER + column.name], times or Fraction(0), column)
