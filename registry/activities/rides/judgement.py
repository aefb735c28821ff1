"""The judgement of rides as Ibis expressions: rows of text in, times, distance, grams and one reason out.

Distance and grams are what the methodology's own definition computes (`registry/engine/`). Values come in as text, so
that a wrong type is a refused row and never a failed query; quantities are integers, never floats.
"""

# mypy: disable-error-code="import-untyped"
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import ibis
import pyarrow as pa
from ibis import Table
from ibis.expr.types import BooleanValue, IntegerValue, StringValue

from registry.activities.rides.reasons import Reason
from registry.activities.rides.ridefile import COLUMNS
from registry.engine.compiling import PREFIX, compute
from registry.engine.definition import Input, InputType
from registry.engine.lowering import bounds_of
from registry.engine.typed import ROW, Kind, Program
from registry.engine.units import unit
from registry.errors import Invalid
from registry.methodologies.record import Window
from registry.policies.rides import RidePolicy

_TIMES = ("start_time", "end_time")
_PLACES = ("start_x", "start_y", "end_x", "end_y")
_PATTERNS = {
    **dict.fromkeys(("order_id", "bike_id", "user_id"), r"^[0-9A-Za-z._:-]{1,64}$"),
    **dict.fromkeys(_TIMES, r"^[12][0-9]{3}-[01][0-9]-[0-3][0-9] ([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"),
    **dict.fromkeys(_PLACES, r"^-?[0-9]{1,3}(\.[0-9]{1,20})?$"),
}
"""`$` and `^` are the text's ends: the reader lets no line break through."""

_FOREVER_MS = 1 << 52


PLACE_DECIMALS: Final = 6
"""A place in a file has up to twenty decimals; it is taken to the sixth, in microdegrees."""
AREA: Final = "in_area"
DISTANCE: Final = "distance"


@dataclass(frozen=True, slots=True)
class Terms:
    """What rides are judged by: the methodology's computation, the windows of validity, the policy, the day."""

    program: Program
    windows: tuple[Window, ...]
    policy: RidePolicy
    issued: date

    def __post_init__(self) -> None:
        """Refuse a methodology that is not computed from the ends of rides. Raises `Invalid`."""
        definition, kinds = self.program.definition, self.program.kinds
        places = {of.name: of.decimals for of in definition.inputs if of.type is InputType.NUMBER}
        if places != dict.fromkeys(_PLACES, PLACE_DECIMALS) or len(definition.inputs) != len(places):
            raise Invalid(f"This methodology is not computed from {', '.join(_PLACES)}, each of six decimals.")
        metres = DISTANCE in kinds and self.program.type_of(DISTANCE).unit == unit("m")
        if not metres or kinds.get(AREA) is not Kind.FLAG or self.program.per != ROW:
            raise Invalid(f"This methodology has no step {DISTANCE} in metres, or no requirement {AREA}, of each ride.")


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the registry knows, as tables.

    `riders` maps `user_id` to `account_id` for those who consented; `orders` has the issued `order_id`s; `of_riders`
    and `of_bicycles` when these were at what was issued: `account_id` or `bike_id`, `starts_at_ms`, `ends_at_ms`.
    """

    riders: Table
    orders: Table
    of_riders: Table
    of_bicycles: Table

    @classmethod
    def of(
        cls,
        riders: Mapping[str, int],
        orders: list[str],
        of_riders: list[tuple[int, int, int]],
        of_bicycles: list[tuple[str, int, int]],
    ) -> "Ledger":
        """Make the tables from values."""
        return cls(
            _table(user_id=(riders.keys(), pa.string()), account_id=(riders.values(), pa.int64())),
            _table(order_id=(orders, pa.string())),
            _spans("account_id", pa.int64(), of_riders),
            _spans("bike_id", pa.string(), of_bicycles),
        )


def judge(rows: Table, terms: Terms, known: Ledger) -> Table:
    """Judge every row but for overlaps inside the file.

    Gives `row, order_id, bike_id, user_id, account_id, starts_at_ms, ends_at_ms, distance_m, quantity_g, reason,
    detail, contended`: `reason` is null for a ride that stands, and `contended` says that of those that stand two of
    its account's, or two of its bicycle's, overlap; `resolve` in `overlap.py` then decides.
    """
    rides = _computed(_typed(rows, terms), terms)
    rides = rides.left_join(known.riders, "user_id").drop("user_id_right")
    rides = rides.mutate(first_row=rides.row.min().over(ibis.window(group_by="order_id")))
    is_known = rides.order_id.isin(known.orders.order_id)
    rides = rides.mutate(is_known=is_known)
    for key, spans in (("account_id", known.of_riders), ("bike_id", known.of_bicycles)):
        rides = rides.left_join(_under_way(rides, spans, key), "row").drop("row_right")
        meets = (rides.known_until_ms > rides.starts_at_ms).fill_null(False)
        rides = rides.mutate(is_known=rides.is_known | meets).drop("known_until_ms")
    rides = rides.mutate(reason=_reason(rides, terms, rides.is_known))
    rides = rides.mutate(detail=_detail(rides))
    return _contended(rides).select(
        *("row", "order_id", "bike_id", "user_id", "account_id", "starts_at_ms", "ends_at_ms"),
        *("distance_m", "quantity_g", "reason", "detail", "contended"),
    )


def bounds(rows: Table, policy: RidePolicy) -> Table:
    """Give `from_ms` and `until_ms`: the first start and the last end that can be read; null in a file without any."""
    typed = rows.mutate(
        **{
            name: rows[name].re_search(_PATTERNS[name]).fill_null(False).ifelse(rows[name], ibis.null("string"))
            for name in _TIMES
        }
    )
    return typed.aggregate(
        from_ms=_unix_ms(typed.start_time, policy).min(), until_ms=_unix_ms(typed.end_time, policy).max()
    )


def _spans(key: str, kind: pa.DataType, spans: Iterable[tuple[object, int, int]]) -> Table:
    names, starts, ends = zip(*spans, strict=True) if spans else ((), (), ())
    return _table(**{key: (names, kind), "starts_at_ms": (starts, pa.int64()), "ends_at_ms": (ends, pa.int64())})


def _table(**columns: tuple[Iterable[object], pa.DataType]) -> Table:
    return ibis.memtable(pa.table({name: pa.array(list(values), kind) for name, (values, kind) in columns.items()}))


def _computed(rides: Table, terms: Terms) -> Table:
    """Add `in_area`, `distance_m` and `quantity_g` by the methodology: 0 grams for what it counts as none."""
    computed = compute(terms.program, rides, "duckdb", terms.issued)
    table = computed.table
    return table.rename(distance_m=PREFIX + DISTANCE, in_area=PREFIX + AREA, quantity_g="grams").drop(
        "reason", "provisional"
    )


def _typed(rows: Table, terms: Terms) -> Table:
    """Convert text that has its pattern; what has not becomes null, and `wrong` names the first such column."""
    policy = terms.policy
    good = {name: rows[name].re_search(pattern).fill_null(False) for name, pattern in _PATTERNS.items()}
    text = {name: good[name].ifelse(rows[name], ibis.null("string")) for name in _PATTERNS}
    rows = rows.mutate(
        **{name: text[name] for name in _PATTERNS if name.endswith("_id")},
        **{f"{name}_u": _microdegrees(text[name]) for name in _PLACES},
        starts_at_ms=_unix_ms(text["start_time"], policy),
        ends_at_ms=_unix_ms(text["end_time"], policy),
        given_order=rows.order_id.substr(0, 64),
    )
    typed = ("order_id", "bike_id", "user_id", "starts_at_ms", "ends_at_ms", *(f"{name}_u" for name in _PLACES))
    pairs = zip(COLUMNS, typed, strict=True)
    rows = rows.mutate(wrong=ibis.cases(*((rows[name].isnull(), column) for column, name in pairs)))
    return rows.mutate(
        **{PREFIX + of.name: _on_earth(rows[f"{of.name}_u"], of) for of in terms.program.definition.inputs}
    )


def _on_earth(microdegrees: IntegerValue, of: Input) -> IntegerValue:
    """Take a place that is nowhere to the edge of what there is: outside any area, and nothing that overflows."""
    low, high = bounds_of(of)
    return ibis.greatest(ibis.least(microdegrees, high), low)


def _microdegrees(text: StringValue) -> IntegerValue:
    """Degrees as text to integers, through an exact decimal rounded to the sixth place."""
    return (text.try_cast("decimal(9, 6)") * 1_000_000).cast("int64")


def _unix_ms(text: StringValue, policy: RidePolicy) -> IntegerValue:
    return (text.try_cast("timestamp").epoch_seconds().cast("int64") - policy.utc_offset_minutes * 60) * 1000


def _under_way(rides: Table, spans: Table, key: str) -> Table:
    """Give `row` and `known_until_ms`: when the last issued activity ended, of those that began before the ride's end.

    If that is after the ride's start, the two overlap. A window instead of a join by inequality: the work stays
    n log n however many activities one rider or bicycle has.
    """
    no_number = ibis.null("int64")
    ends = rides.filter(rides[key].notnull() & rides.ends_at_ms.notnull()).select(
        row="row", whose=key, at="ends_at_ms", is_span=ibis.literal(False), until_ms=no_number
    )
    begins = spans.select(
        row=no_number, whose=key, at="starts_at_ms", is_span=ibis.literal(True), until_ms="ends_at_ms"
    )
    events = ends.union(begins)
    # At one moment a ride's end comes before a span's begin: half open, they only touch.
    so_far = ibis.cumulative_window(group_by="whose", order_by=["at", "is_span"])
    events = events.mutate(known_until_ms=events.until_ms.max().over(so_far))
    return events.filter(~events.is_span).select("row", "known_until_ms")


def _reason(rides: Table, terms: Terms, is_known: BooleanValue) -> StringValue:
    policy = terms.policy
    lasts_ms = rides.ends_at_ms - rides.starts_at_ms
    begins_ms = max(window.from_ms for window in terms.windows)
    closes_ms = min(_FOREVER_MS if window.until_ms is None else window.until_ms for window in terms.windows)
    # Whole numbers on both sides: metres x ms/h against m/h x ms.
    may_reach = policy.max_speed_m_per_h * (lasts_ms + policy.clock_resolution_s * 1000)
    return ibis.cases(
        (rides.fault.notnull(), Reason.MALFORMED.value),
        (rides.wrong.notnull(), Reason.WRONG_TYPE.value),
        (rides.account_id.isnull(), Reason.NOT_CONSENTED.value),
        (rides.row > rides.first_row, Reason.REPEATED_ORDER.value),
        (is_known, Reason.ALREADY_ISSUED.value),
        (lasts_ms <= 0, Reason.ENDS_BEFORE_START.value),
        (lasts_ms > policy.max_duration_s * 1000, Reason.TOO_LONG.value),
        ((rides.starts_at_ms < begins_ms) | (rides.ends_at_ms > closes_ms), Reason.OUTSIDE_VALIDITY.value),
        (~rides.in_area.fill_null(False), Reason.OUTSIDE_AREA.value),
        (rides.distance_m * 3_600_000 > may_reach, Reason.TOO_FAST.value),
        (rides.quantity_g <= 0, Reason.NO_REDUCTION.value),
    )


def _detail(rides: Table) -> StringValue:
    return ibis.cases(
        (rides.reason == Reason.MALFORMED.value, rides.fault),
        (rides.reason == Reason.WRONG_TYPE.value, rides.wrong),
        (rides.reason == Reason.REPEATED_ORDER.value, rides.first_row.cast("string")),
    )


def _contended(rides: Table) -> Table:
    rides = rides.mutate(order_id=rides.order_id.coalesce(rides.given_order), stands=rides.reason.isnull())
    for key in ("account_id", "bike_id"):
        before = ibis.window(group_by=[key, "stands"], order_by=["starts_at_ms", "row"], preceding=(None, 1))
        met = (rides.ends_at_ms.max().over(before) > rides.starts_at_ms).fill_null(False)
        rides = rides.mutate(**{f"{key}_met": met})
    of_account = rides.account_id_met.max().over(ibis.window(group_by=["account_id", "stands"]))
    of_bike = rides.bike_id_met.max().over(ibis.window(group_by=["bike_id", "stands"]))
    return rides.mutate(contended=rides.stands & (of_account | of_bike))
