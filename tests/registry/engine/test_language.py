"""What a definition can say, each thing once, on both engines and by fractions."""

from datetime import date

from tests.support.definitions import (
    checked,
    column,
    everywhere,
    number,
    parameter,
    requirement,
    step,
    table,
)


def _grams(found):
    return [one.grams for one in found]


def _of_numbers(expression, **more):
    """A definition of one number `x`, whose grams are an expression."""
    inputs = [number("x", "-1000", "1000", 3), *more.pop("inputs", [])]
    return checked({"inputs": inputs, "steps": [step("saved", expression, "gCO2e")], "output": "saved"} | more)


def _each(program, engines, *values, **more):
    return _grams(everywhere(program, [{"x": value} for value in values], engines, **more))


def test_grams_are_rounded_once_and_down(engines):
    program = _of_numbers("x / 3 * 0.3 * 1[kgCO2e]")
    assert _each(program, engines, "10", "0.019", "0.01", "-5") == [1000, 1, 1, 0]


def test_a_band_holds_from_its_number_up_to_the_next_and_nothing_is_below_the_first(engines):
    bands = [table("k", [("0", "1"), ("3", "2.5"), ("10", "0")])]
    program = _of_numbers("otherwise(k(x), 7) * 1[gCO2e]", tables=bands)
    assert _each(program, engines, "-0.001", "0", "2.999", "3", "9.999", "10", "999") == [7, 1, 1, 2, 2, 0, 0]


def test_a_curve_is_straight_between_its_points_and_nothing_outside_them(engines):
    curve = [table("k", [("0", "0"), ("3", "1"), ("10", "0.3")], curve=True)]
    program = _of_numbers("otherwise(k(x), 0.007) * 1[kgCO2e]", tables=curve)
    assert _each(program, engines, "-0.001", "0", "1", "3", "6.5", "10", "10.001") == [7, 0, 333, 1000, 650, 300, 7]


def test_a_mean_of_peers_by_household_size_is_a_table_of_two_axes(engines):
    peers = [table("mean_of", [("flat", "1", "5"), ("flat", "3", "9"), ("house", "1", "12")], by=("text", "number"))]
    inputs = [column("dwelling", "text"), number("persons", "0", "9")]
    program = checked(
        {
            "inputs": inputs,
            "tables": peers,
            "steps": [step("saved", "mean_of(dwelling, persons) * 1[gCO2e]", "gCO2e")],
            "output": "saved",
        }
    )
    acts = [{"dwelling": d, "persons": p} for d, p in (("flat", "2"), ("flat", "4"), ("house", "1"), ("tent", "1"))]
    found = everywhere(program, acts, engines)
    assert [(one.grams, one.reason) for one in found] == [(5, None), (9, None), (12, None), (0, "nothing")]


def test_which_value_of_a_parameter_counts_is_said_by_its_selection(engines):
    values = (("1", "2026-01-01", "2025-12-01"), ("2", "2026-06-01", "2026-08-01"))
    for selection, issued, wanted in (
        ("at-act", date(2026, 12, 1), [0, 1, 2]),
        ("at-issuance", date(2026, 5, 31), [1, 1, 1]),
        ("at-issuance", date(2026, 6, 1), [2, 2, 2]),
        ("latest-published", date(2026, 7, 31), [1, 1, 1]),
        ("latest-published", date(2026, 8, 1), [2, 2, 2]),
    ):
        program = checked(
            {
                "inputs": [column("on", "day")],
                "act": "on",
                "parameters": [parameter("p", "gCO2e", *values, selection=selection)],
                "steps": [step("saved", "p", "gCO2e")],
                "output": "saved",
            }
        )
        acts = [{"on": on} for on in ("2025-12-31", "2026-05-31", "2026-06-01")]
        assert _grams(everywhere(program, acts, engines, issued=issued)) == wanted, (selection, issued)


def test_windows_are_of_local_time_and_go_over_midnight(engines):
    program = checked(
        {
            "inputs": [column("begins", "time"), column("ends", "time")],
            "windows": [{"name": "valley", "begins": "22:00", "until": "06:00"}],
            "steps": [
                step("inside", "time_in(valley, begins, ends)", "min"),
                step(
                    "saved", "(inside / 1[min] + (if in_window(valley, begins) then 10000 else 0)) * 1[gCO2e]", "gCO2e"
                ),
            ],
            "output": "saved",
        }
    )
    spans = {
        ("2026-01-01T21:59:00+08:00", "2026-01-01T22:01:00+08:00"): 1,
        ("2026-01-01T22:00:00+08:00", "2026-01-02T06:00:00+08:00"): 10_480,
        ("2026-01-02T05:59:00+08:00", "2026-01-02T06:30:00+08:00"): 10_001,
        ("2026-01-02T06:00:00+08:00", "2026-01-02T22:00:00+08:00"): 0,
        ("2026-01-01T20:00:00+08:00", "2026-01-04T03:00:00Z"): 3 * 480,
    }
    acts = [{"begins": begins, "ends": ends} for begins, ends in spans]
    assert _grams(everywhere(program, acts, engines)) == list(spans.values())


def test_days_months_and_years_are_those_of_the_place(engines):
    program = checked(
        {
            "inputs": [column("at_time", "time")],
            "steps": [
                step(
                    "ymd",
                    "year(at_time) * 10000 + month_of_year(at_time) * 100 + (day(at_time) - first) / 1[day] + 1",
                    "1",
                ),
                step(
                    "first",
                    'if month(at_time) = month(day("2024-02-01")) then day("2024-02-01") else day("2100-02-01")',
                ),
                step("saved", "(ymd * 10 + weekday(at_time)) * 1[gCO2e]", "gCO2e"),
            ],
            "output": "saved",
        }
    )
    acts = [{"at_time": at} for at in ("2024-02-28T16:00:00Z", "2024-02-29T15:59:59.999Z", "2100-02-28T00:00:00Z")]
    assert _grams(everywhere(program, acts, engines)) == [202_402_294, 202_402_294, 210_002_287]


HOME = {
    "inputs": [column("home", "text"), column("on", "day"), number("used", "0", "100", 1, "kWh", optional=True)],
    "groups": [{"name": "home_day", "by": ["home", "on"]}],
}


def _days(*used):
    days = enumerate(used, 1)
    return [{"home": "h", "on": f"2026-01-{day:02}", "used": value} for day, value in days if value is not None]


def test_the_own_past_is_a_mean_of_the_days_before_that_have_a_reading(engines):
    program = checked(
        HOME
        | {
            "steps": [
                step("use", "sum(used)", "kWh", "home_day"),
                step("saved", "max(past_mean(use, 3) - use, 0) * 1[kgCO2e/kWh]", "kgCO2e", "home_day"),
            ],
            "requirements": [requirement("enough", "past_count(use, 3) >= 2", "home_day")],
            "output": "saved",
        }
    )
    found = everywhere(program, _days("4", "6", "3", None, "3", "", "1"), engines)
    assert [(one.grams, one.reason) for one in found] == [
        (0, "enough"),
        (0, "enough"),
        (2000, None),
        (1500, None),
        (0, "nothing"),
        (0, "enough"),
    ]


def test_what_was_known_of_a_subject_is_looked_up_by_date(engines):
    program = checked(
        HOME
        | {
            "attributes": [{"name": "household", "of": "home", "columns": [number("persons", "1", "9")]}],
            "steps": [
                step("use", "sum(used)", "kWh", "home_day"),
                step("saved", "(at(persons, on) * 2[kWh] - use) * 1[kgCO2e/kWh]", "kgCO2e", "home_day"),
            ],
            "output": "saved",
        }
    )
    rows = [
        {"home": "h", "from": "2026-01-02", "until": "2026-01-03", "persons": "2"},
        {"home": "h", "from": "2026-01-03", "persons": "5"},
        {"home": "other", "from": "2020-01-01", "persons": "9"},
    ]
    found = everywhere(program, _days("1", "1", "1"), engines, {"household": rows})
    assert [(one.grams, one.reason) for one in found] == [(0, "nothing"), (3000, None), (9000, None)]


def test_what_only_the_whole_year_tells_is_provisional_until_it_is_over(engines):
    program = checked(
        {
            "inputs": HOME["inputs"],
            "groups": [
                {"name": "home_day", "by": ["home", "of_year", "on"]},
                {"name": "home_year", "by": ["home", "of_year"]},
            ],
            "steps": [
                step("of_year", "year(on)", "1"),
                step("use", "sum(used)", "kWh", "home_day"),
                step("year_use", "sum(used)", "kWh", "home_year"),
                step("saved", "use * 1[kgCO2e/kWh]", "kgCO2e", "home_day"),
            ],
            "requirements": [requirement("below", "year_use < 10[kWh]", "home_year") | {"settled": "year"}],
            "output": "saved",
        }
    )
    acts = [*_days("4", "5"), {"home": "h", "on": "2025-12-31", "used": "10"}]
    found = everywhere(program, acts, engines, issued=date(2026, 11, 1))
    assert [(one.grams, one.reason, one.provisional) for one in found] == [
        (4000, None, True),
        (5000, None, True),
        (0, "below", False),
    ]
    assert not any(one.provisional for one in everywhere(program, acts, engines, issued=date(2027, 1, 1)))


def test_readings_that_are_flagged_count_as_none_and_missing_ones_are_nothing(engines):
    inputs = [number("x", "0", "100", 1, optional=True), column("quality", "text", choices=["good", "stale"])]
    program = checked(
        {
            "inputs": inputs,
            "steps": [step("saved", 'if quality = "good" then x * 1[gCO2e] else 0', "gCO2e")],
            "output": "saved",
        }
    )
    acts = [{"x": "7", "quality": "good"}, {"x": "7", "quality": "stale"}, {"quality": "good"}]
    found = everywhere(program, acts, engines)
    assert [(one.grams, one.reason) for one in found] == [(7, None), (0, "no-reduction"), (0, "nothing")]


def test_a_benefit_beside_carbon_is_computed_in_its_own_unit_and_rounded_down(engines):
    program = checked(
        {
            "inputs": [number("x", "0", "100", 3, "km")],
            "steps": [step("saved", "x * 97[gCO2e/km]", "gCO2e"), step("nox", "x * 0.0377[g/km]", "mg")],
            "benefits": [{"step": "nox", "decimals": 1}],
            "output": "saved",
        }
    )
    assert [(one.grams, one.benefits) for one in everywhere(program, [{"x": "1.999"}], engines)] == [(193, (753,))]


def test_a_value_may_be_so_large_that_it_counts_as_none(engines):
    inputs = [number("x", "0", "100000000000"), number("y", "0", "1000000000000")]
    program = checked({"inputs": inputs, "steps": [step("saved", "x * y * 1[gCO2e]", "gCO2e")], "output": "saved"})
    acts = [{"x": "1000000", "y": "999999999999"}, {"x": "1000000", "y": "1000000000000"}]
    found = everywhere(program, acts, engines)
    assert [(one.grams, one.reason) for one in found] == [(999_999_999_999_000_000, None), (0, "too-large")]


def test_what_is_divided_by_nothing_is_nothing(engines):
    inputs = [number("x", "0", "9"), number("maybe", "-1", "9", optional=True)]
    for quotient in ("divide(x, maybe, 7)", "x / (abs(maybe) + 1)"):
        expression = f"otherwise(min({quotient}, 1000), 3) * 1[gCO2e]"
        program = checked({"inputs": inputs, "steps": [step("saved", expression, "gCO2e")], "output": "saved"})
        found = everywhere(program, [{"x": "0"}, {"x": "8"}, {"x": "8", "maybe": "1"}], engines)
        assert _grams(found) == [3, 3, 8 if "divide" in quotient else 4]
