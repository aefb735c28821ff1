"""What the rules against abuse catch: conditions of rows, each with the detail that its sentence names."""

# mypy: disable-error-code="import-untyped"
from fractions import Fraction
from typing import Any, Final

import ibis
from ibis import Table
from ibis.expr.types import BooleanValue, IntegerValue, StringValue

from registry.activities.judgement.placed import in_area
from registry.activities.judgement.reasons import Reason
from registry.activities.judgement.rowwise import THING, disagree
from registry.activities.judgement.typed import VALUE
from registry.activities.profiles.profile import Profile
from registry.clock import SHANGHAI
from registry.engine.compiling import PREFIX
from registry.engine.lowering import Stored
from registry.engine.typed import Program
from registry.engine.units import factor, unit
from registry.policies.activities import Risk

_DAY_MS: Final = 86_400_000


def caught(rows: Table, profile: Profile, risk: Risk) -> dict[Reason, tuple[BooleanValue, StringValue]]:
    """Give what can be told of a row without its grams."""
    nothing = ibis.null("string")
    found: dict[Reason, tuple[BooleanValue, StringValue]] = {}
    if risk.beside_within_s is not None:
        found[Reason.TIMES_DISAGREE] = (disagree(rows, profile, risk.beside_within_s), nothing)
    places = profile.places
    if places is not None and risk.places:
        ends = [rows[VALUE + place] for place in (places.begins, places.ends)]
        inside = [end.isin(list(risk.places)).fill_null(False) for end in ends]
        found[Reason.EXCLUDED_PLACE] = (inside[0] | inside[1], inside[0].ifelse(ends[0], ends[1]))
    if risk.positions is not None and risk.positions.areas:
        found[Reason.EXCLUDED_AREA] = (in_area(rows, risk.positions), nothing)
    if places is not None and risk.round_trips:
        found[Reason.ROUND_TRIP] = (rows[VALUE + places.begins] == rows[VALUE + places.ends], nothing)
    return found


def too_fast(rows: Table, risk: Risk, program: Program, stored: Stored | None) -> BooleanValue:
    """Whether the distance would have needed more speed. Whole numbers on both sides."""
    if risk.speed is None or stored is None or stored.divisor is None:
        return ibis.literal(False)
    of = program.type_of(risk.speed.of).unit
    metres = Fraction(0) if of is None else factor(of, unit("m")) or Fraction(0)
    metres /= stored.divisor.low
    lasts_ms = rows.ends_ms - rows.begins_ms + risk.clock_resolution_s * 1000
    wide = "decimal(38, 0)"
    needs = rows[PREFIX + risk.speed.of].cast(wide) * ibis.literal(str(metres.numerator * 3_600_000)).cast(wide)
    may = lasts_ms.cast(wide) * ibis.literal(str(risk.speed.most_m_per_h * metres.denominator)).cast(wide)
    return (needs > may).fill_null(False)


def run_of_same(rows: Table, risk: Risk) -> Table:
    """Add `stands_still`: whether a reading is one of so many neighbours of its meter that are the same."""
    rule = risk.still
    if rule is None:
        return rows.mutate(stands_still=ibis.literal(False))
    whose = [THING + "0"] if THING + "0" in rows.columns else []
    order = ibis.window(group_by=whose, order_by=["begins_ms", "row"])
    value = rows[PREFIX + rule.of]
    rows = rows.mutate(changes=(value != value.lag().over(order)).fill_null(True).cast("int64"))
    so_far = ibis.cumulative_window(group_by=whose, order_by=["begins_ms", "row"])
    rows = rows.mutate(run=rows.changes.sum().over(so_far))
    alike = rows.row.count().over(ibis.window(group_by=[*whose, "run"]))
    counts = value.notnull() if rule.zero else value != 0
    return rows.mutate(stands_still=((alike >= rule.readings) & counts).fill_null(False)).drop("changes", "run")


def place_in_day(rows: Table, among: BooleanValue) -> IntegerValue:
    """Give how many of the person's, of those `among`, began earlier on the same day of Shanghai."""
    ahead = SHANGHAI.utcoffset(None)
    ahead_ms = 0 if ahead is None else int(ahead.total_seconds()) * 1000
    local = rows.begins_ms + ahead_ms
    day: Any = local - local % _DAY_MS
    order = ibis.window(group_by=[rows.account_id, day, among], order_by=["begins_ms", "row"])
    return ibis.row_number().over(order)
