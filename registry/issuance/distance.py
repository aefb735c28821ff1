"""The distance of a ride that can be proven: the rule `straight-line-at-least` of the shared-bicycle methodology.

Integers throughout. A coordinate is in microdegrees (u); a length is counted in tenths of a millimetre, so that
the squares of all lengths in the area fit a signed 64-bit integer on every engine.

Why it is a lower bound. South of 32 degrees N the metric of the WGS84 ellipsoid (and of the mean sphere) is nowhere
smaller than that of a plane on which a degree of latitude and one of longitude have the rule's lengths. So any
path is at least as long as the plane's straight line between its ends. Each true end lies in a cell of the
allowance around the reported one; the cells' least distance in the plane is what is counted, rounded down.
"""

# mypy: disable-error-code="import-untyped"
from dataclasses import dataclass
from decimal import Decimal

import ibis
from ibis import Table
from ibis.expr.types import BooleanValue, IntegerValue

from registry.errors import Invalid
from registry.methodologies.record import Methodology

RULE = "straight-line-at-least"
_MICRO = 1_000_000
_TENTHS_MM_PER_M = 10_000
_ROOT_BITS = 18
"""Distances stay below 2**18 m = 262 km; `DistanceRule.of` holds every area to that."""


@dataclass(frozen=True, slots=True)
class DistanceRule:
    """The rule's parameters as integers: microdegrees, and tenths of a millimetre per microdegree."""

    allowance_u: int
    latitude_step: int
    longitude_step: int
    west_u: int
    east_u: int
    south_u: int
    north_u: int

    @classmethod
    def of(cls, methodology: Methodology) -> "DistanceRule":
        """Take the parameters from a record. Raises `Invalid` when it has another rule, or when they do not fit."""
        if methodology.activity_rule is None or methodology.activity_rule.name != RULE:
            raise Invalid(f"Methodology {methodology.key} does not take its activity by the rule {RULE}.")

        def whole(name: str, factor: Decimal) -> int:
            value = methodology.parameter(name).decimal * factor
            if value != value.to_integral_value():
                raise Invalid(f"Parameter {name} of {methodology.key} has more decimals than the rule {RULE} can use.")
            return int(value)

        micro, steps = Decimal(_MICRO), Decimal(_TENTHS_MM_PER_M) / _MICRO
        rule = cls(
            whole("coordinate_allowance", micro),
            whole("metres_per_degree_latitude", steps),
            whole("metres_per_degree_longitude", steps),
            *(whole(f"area_{side}", micro) for side in ("west", "east", "south", "north")),
        )
        height = (rule.north_u - rule.south_u) * rule.latitude_step
        width = (rule.east_u - rule.west_u) * rule.longitude_step
        if min(height, width) <= 0 or height**2 + width**2 >= (_TENTHS_MM_PER_M << _ROOT_BITS) ** 2:
            raise Invalid(f"The area of {methodology.key} is empty, or too large for exact 64-bit lengths.")
        return rule

    def holds(self, x_u: IntegerValue, y_u: IntegerValue) -> BooleanValue:
        """Whether a point lies in the area for which the bound was made."""
        return x_u.between(self.west_u, self.east_u) & y_u.between(self.south_u, self.north_u)

    def measure(self, rides: Table) -> Table:
        """Add `in_area`, and `distance_m`: whole metres, 0 outside the area.

        `rides` has `start_x_u`, `start_y_u`, `end_x_u`, `end_y_u` in microdegrees; nulls give nulls and 0.
        """
        in_area = self.holds(rides.start_x_u, rides.start_y_u) & self.holds(rides.end_x_u, rides.end_y_u)
        east = self._least(rides.start_x_u, rides.end_x_u) * self.longitude_step
        north = self._least(rides.start_y_u, rides.end_y_u) * self.latitude_step
        # Set to zero before squaring: a junk coordinate would overflow, and fail the whole batch instead of its row.
        rides = rides.mutate(in_area=in_area, east=in_area.ifelse(east, 0), north=in_area.ifelse(north, 0))
        rides = rides.mutate(square=(rides.east * rides.east + rides.north * rides.north).fill_null(0))
        return _root_m(rides).drop("east", "north", "square")

    def _least(self, one: IntegerValue, other: IntegerValue) -> IntegerValue:
        return ibis.greatest((one - other).abs() - 2 * self.allowance_u, 0)


def _root_m(rides: Table) -> Table:
    """Add `distance_m`, the integer square root of `square` in whole metres, bit by bit: no engine's float decides."""
    # A bare 0 would be 32 bits wide on DuckDB, whatever type Ibis believes it has.
    rides = rides.mutate(distance_m=ibis.literal("0").cast("int64"))
    for bit in reversed(range(_ROOT_BITS)):
        longer = rides.distance_m + (1 << bit)
        length = longer * _TENTHS_MM_PER_M
        rides = rides.mutate(distance_m=(length * length <= rides.square).ifelse(longer, rides.distance_m))
    return rides
