"""What the places of activities tell: a person or vehicle that cannot have come there, a journey that is told twice.

Each is held against the one before of the same, among those that stand. Places are in microdegrees, in which 3.6 times
metres are whole: whole numbers on both sides. It sees one file: where somebody was is kept nowhere.
"""

# mypy: disable-error-code="import-untyped"
from collections.abc import Mapping
from typing import Any, Final

import ibis
from ibis import Table
from ibis.expr.types import BooleanValue

from registry.activities.judgement.reasons import Reason
from registry.activities.subjects import VEHICLE
from registry.engine.compiling import PREFIX
from registry.policies.activities import Positions

PLACE: Final = "at_"
_OWN: Final = "o_"
_LONG_MS: Final = 10**11
"""Three years, after which anybody may be anywhere."""
PLACES: Final = ("begins_x", "begins_y", "ends_x", "ends_y")


def placed(rows: Table, rule: Positions | None) -> dict[str, Any]:
    """Give the columns that say where each row was, which outlive its inputs."""
    if rule is None:
        return {}
    named = zip(PLACES, (*rule.begins, *rule.ends), strict=True)
    return {PLACE + place: rows[PREFIX + name] for place, name in named}


def in_area(rows: Table, rule: Positions | None) -> BooleanValue:
    """Whether it begins or ends in an excluded area."""
    found = ibis.literal(False)
    for x, y in () if rule is None else (rule.begins, rule.ends):
        for west, south, east, north in () if rule is None else rule.areas:
            inside = rows[PREFIX + x].between(west, east) & rows[PREFIX + y].between(south, north)
            found = found | inside.fill_null(False)
    return found


def caught_by_place(rows: Table, keys: Mapping[str, str], rule: Positions, resolution_s: int) -> Table:
    """Give the `row`s that cannot be, with `held` and `about`, why. `keys`: columns of the person and the vehicle.

    What is sorted by person and vehicle is as narrow as it can be: these are all rows of a file.
    """
    places = [PLACE + place for place in PLACES]
    rows = rows.filter(rows.why.isnull() & rows.held.isnull())
    rows = rows.select("row", "begins_ms", "ends_ms", *keys.values(), *places, "held", "about")
    if rule.copies_within_s is not None and VEHICLE in keys:
        rows = _caught(_copied(_standing(rows), keys, rule.copies_within_s), Reason.COPIED)
    for key in keys.values() if rule.most_m_per_h is not None else ():
        rows = _caught(_elsewhere(_standing(rows), key, rule, resolution_s), Reason.ELSEWHERE)
    return rows.filter(rows.held.notnull()).select("row", "held", "about")


def _standing(rows: Table) -> Table:
    return rows.mutate(stands=rows.held.isnull())


def _caught(rows: Table, reason: Reason) -> Table:
    """Hold what stands and has `found`; `beside` is the row that it was held against."""
    found = rows.stands & rows.found.fill_null(False)
    return rows.mutate(
        held=found.ifelse(ibis.literal(reason.value), rows.held),
        about=found.ifelse(rows.beside.cast("string"), rows.about),
    ).drop("stands", "found", "beside", *(name for name in rows.columns if name.startswith(_OWN)))


def _copied(rows: Table, keys: Mapping[str, str], within_s: int) -> Table:
    """Find whose vehicle is not where it begins, of those that were made before to the last digit."""
    rows = rows.mutate(o_lasts=rows.ends_ms - rows.begins_ms)
    vehicle = ibis.window(group_by=[keys[VEHICLE], "stands"], order_by=["begins_ms", "row"])
    left = [rows[f"{PLACE}ends_{axis}"].lag().over(vehicle) != rows[f"{PLACE}begins_{axis}"] for axis in "xy"]
    same = ibis.window(
        group_by=[*keys.values(), *(PLACE + place for place in PLACES), "o_lasts", "stands"],
        order_by=["begins_ms", "row"],
    )
    since = rows.begins_ms - rows.begins_ms.lag().over(same)
    # What overlaps is told as that, here and below.
    beside = (since >= rows.o_lasts) & (since <= within_s * 1000)
    found = rows[keys[VEHICLE]].notnull() & beside & (left[0] | left[1])
    return rows.mutate(found=found, beside=rows.row.lag().over(same))


def _elsewhere(rows: Table, key: str, rule: Positions, resolution_s: int) -> Table:
    """Find what is too far from the one before.

    Of three, the one in the middle may be the one that was not there: the third is held against the first too.
    """
    order = ibis.window(group_by=[key, "stands"], order_by=["begins_ms", "row"])

    def beyond(steps: int) -> BooleanValue:
        lasts = rows.begins_ms - rows.ends_ms.lag(steps).over(order)
        may = ibis.least(lasts + resolution_s * 1000, _LONG_MS) * (5 * (rule.most_m_per_h or 0))
        needs = [
            (rows[f"{PLACE}begins_{axis}"] - rows[f"{PLACE}ends_{axis}"].lag(steps).over(order)).abs() * (18 * metres)
            for axis, metres in zip("xy", rule.least_m_per_degree, strict=True)
        ]
        far = ((needs[0] > may) | (needs[1] > may)) & (lasts >= 0)
        return (far & rows[key].notnull()).fill_null(False)

    rows = rows.mutate(
        o_far=beyond(1), o_far_from_both=beyond(2) | rows.row.lag(2).over(order).isnull(),
        beside=rows.row.lag().over(order),
    )  # fmt: skip
    again = ibis.window(group_by=[key, "stands"], order_by=["begins_ms", "row"])
    was_far = rows.o_far.lag().over(again).fill_null(False)
    return rows.mutate(found=rows.o_far & (~was_far | rows.o_far_from_both))
