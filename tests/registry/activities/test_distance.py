"""The bicycle's distance never exceeds the real one, wherever the ends lie in their cells, nor is it far too short."""

import math
from math import cos, radians, sin, sqrt

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.activities.profiles.fitting import fit
from registry.activities.profiles.shelf import find as find_profile
from registry.engine.backend import engine
from registry.engine.compiling import compute
from registry.engine.definition import decimal
from registry.errors import Invalid
from registry.methodologies.record import program
from registry.methodologies.shelf import find
from tests.support.definitions import ISSUED
from tests.support.judging import terms_for

PROGRAM = program(find("shared-bicycle"))
COLUMNS = ("m_start_x", "m_start_y", "m_end_x", "m_end_y")
OF = {parameter.name: decimal(parameter.values[0].value) for parameter in PROGRAM.definition.parameters}
WEST, EAST, SOUTH, NORTH = (int(OF[f"area_{side}"] * 1_000_000) for side in ("west", "east", "south", "north"))

_longitudes = st.integers(WEST, EAST)
_latitudes = st.integers(SOUTH, NORTH)
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
    return x, y, min(max(x + dx, WEST), EAST), min(max(y + dy, SOUTH), NORTH)


def _measure(backend, journeys):
    table = pa.table(dict(zip(COLUMNS, (pa.array(v, pa.int64()) for v in zip(*journeys, strict=True)), strict=True)))
    with engine(backend) as running:
        computed = compute(PROGRAM, ibis.memtable(table), "duckdb", ISSUED).table
        return running.to_pyarrow(computed.rename(distance_m="m_distance", in_area="m_in_area"))


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
    for south_u in range(SOUTH, 32_000_000, 1000):
        for earth in EARTHS:
            north_m = _chord_m(0, south_u, 0, south_u + 1000, **earth)
            east_m = _chord_m(0, south_u, 1000, south_u, **earth)
            assert north_m > 1000 * OF["metres_per_degree_latitude"] / 1_000_000
            assert east_m > 1000 * OF["metres_per_degree_longitude"] / 1_000_000


def test_points_outside_the_area_give_nothing(backend):
    edge = (WEST, SOUTH, EAST, NORTH)
    beyond = (WEST - 1, SOUTH, EAST, NORTH)
    far = (180_000_000, -180_000_000, -180_000_000, 180_000_000)
    rows = _measure(backend, [far, edge, beyond]).to_pylist()
    assert [(row["in_area"], row["grams"] > 0, row["reason"]) for row in rows] == [
        (False, False, "in_area"),
        (True, True, None),
        (False, False, "in_area"),
    ]


def test_other_methodologies_are_not_computed_from_rides():
    for name in ("bus", "distributed-pv", "residential-electricity"):
        with pytest.raises(Invalid, match="not one for this methodology"):
            fit(find_profile("shanghai-rides"), program(find(name)), terms_for("shared-bicycle").risk)
