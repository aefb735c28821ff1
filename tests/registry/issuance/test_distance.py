"""The provable distance never exceeds the real one, wherever the ends lie in their cells, nor is it far too short."""

import math
from dataclasses import replace
from math import cos, radians, sin, sqrt

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import Invalid
from registry.issuance.distance import DistanceRule
from registry.issuance.engine import engine
from registry.methodologies.shelf import find

RULE = DistanceRule.of(find("shared-bicycle"))
COLUMNS = ("start_x_u", "start_y_u", "end_x_u", "end_y_u")

_longitudes = st.integers(RULE.west_u, RULE.east_u)
_latitudes = st.integers(RULE.south_u, RULE.north_u)
_errors = st.sampled_from((-500, 0, 500)) | st.integers(-500, 500)
_near = st.integers(-8000, 8000)


@st.composite
def _journeys(draw):
    """True ends in microdegrees, far apart or close together."""
    x, y = draw(_longitudes), draw(_latitudes)
    if draw(st.booleans()):
        return x, y, draw(_longitudes), draw(_latitudes)
    inside = st.tuples(_near, _near)
    dx, dy = draw(inside)
    return x, y, min(max(x + dx, RULE.west_u), RULE.east_u), min(max(y + dy, RULE.south_u), RULE.north_u)


def _measure(backend, journeys):
    table = pa.table(dict(zip(COLUMNS, (pa.array(v, pa.int64()) for v in zip(*journeys, strict=True)), strict=True)))
    with engine(backend) as running:
        return running.to_pyarrow(RULE.measure(ibis.memtable(table)))


def _chord_m(x_u, y_u, to_x_u, to_y_u, *, a, f):
    """The straight line through the earth between two points of an ellipsoid: shorter than any way on its surface."""
    e2 = f * (2 - f)

    def place(longitude, latitude):
        n = a / sqrt(1 - e2 * sin(latitude) ** 2)
        return (
            n * cos(latitude) * cos(longitude),
            n * cos(latitude) * sin(longitude),
            n * (1 - e2) * sin(latitude),
        )

    return math.dist(place(radians(x_u / 1e6), radians(y_u / 1e6)), place(radians(to_x_u / 1e6), radians(to_y_u / 1e6)))


EARTHS = ({"a": 6378137.0, "f": 1 / 298.257223563}, {"a": 6371008.8, "f": 0.0})


@settings(max_examples=40)
@given(st.lists(st.tuples(_journeys(), st.tuples(_errors, _errors, _errors, _errors)), min_size=1, max_size=60))
def test_never_longer_than_the_real_distance_wherever_the_ends_lie_in_their_cells(backend, cases):
    reported = [tuple(_round(true + error) for true, error in zip(*case, strict=True)) for case in cases]
    # The true ends are what rounds to the reported ones: within half a thousandth of a degree of them.
    measured = _measure(backend, reported).to_pylist()
    for (true, _), cell, row in zip(cases, reported, measured, strict=True):
        nearest = tuple(max(min(t, c + 500), c - 500) for t, c in zip(true, cell, strict=True))
        real = min(_chord_m(*nearest, **earth) for earth in EARTHS)
        assert row["distance_m"] <= real


def _round(u):
    return (u + 500) // 1000 * 1000


@settings(max_examples=40)
@given(st.lists(_journeys(), min_size=1, max_size=60))
def test_is_exactly_the_integer_formula_and_close_to_the_least_possible(backend, journeys):
    measured = _measure(backend, journeys)["distance_m"].to_pylist()
    for journey, metres in zip(journeys, measured, strict=True):
        east = max(0, abs(journey[0] - journey[2]) - 1002) * 942
        north = max(0, abs(journey[1] - journey[3]) - 1002) * 1105
        assert metres == math.isqrt(east * east + north * north) // 10_000
        lost_to_cells = math.hypot(1002 * 0.0962, 1002 * 0.1112)
        assert metres >= 0.98 * _chord_m(*journey, **EARTHS[0]) - lost_to_cells - 1


def test_a_degree_is_nowhere_shorter_than_the_rule_says():
    for south_u in range(RULE.south_u, 32_000_000, 1000):
        for earth in EARTHS:
            north_m = _chord_m(0, south_u, 0, south_u + 1000, **earth)
            east_m = _chord_m(0, south_u, 1000, south_u, **earth)
            assert north_m > 1000 * RULE.latitude_step / 10_000
            assert east_m > 1000 * RULE.longitude_step / 10_000


def test_points_outside_the_area_and_unreadable_ones_measure_zero(backend):
    far = (999_999_999, -999_999_999, -999_999_999, 999_999_999)
    edge = (RULE.west_u, RULE.south_u, RULE.east_u, RULE.north_u)
    beyond = (RULE.west_u - 1, RULE.south_u, RULE.east_u, RULE.north_u)
    rows = _measure(backend, [far, edge, beyond, (None,) * 4]).to_pylist()
    assert [(row["in_area"], row["distance_m"] > 0) for row in rows] == [
        (False, False),
        (True, True),
        (False, False),
        (None, False),
    ]


def test_other_methodologies_have_no_such_rule():
    with pytest.raises(Invalid, match="straight-line-at-least"):
        DistanceRule.of(find("bus"))


@pytest.mark.parametrize(("name", "value"), [("area_east", "170"), ("coordinate_allowance", "0.0005000001")])
def test_parameters_that_would_not_be_exact_are_refused(name, value):
    record = find("shared-bicycle")
    changed = [replace(p, value=value) if p.name == name else p for p in record.parameters]
    with pytest.raises(Invalid):
        DistanceRule.of(replace(record, parameters=tuple(changed)))
