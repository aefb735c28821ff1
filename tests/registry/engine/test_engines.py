"""One definition, three evaluators: exact fractions, DuckDB and PostgreSQL give the same grams, whatever it says."""

from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from registry.errors import MethodologyUnsound
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

INPUTS = [
    number("a", "-50", "50", 2),
    number("b", "0", "1000"),
    number("c", "-3", "3", 1, optional=True),
    column("f", "flag", optional=True),
    column("t", "text", choices=["x", "y", "z"]),
    column("begins", "time"),
    column("ends", "time"),
]
TABLES = [
    table("bands", [("-10", "0.3"), ("0", "-1.7"), ("12.5", "4")]),
    table("curve", [("-5", "1"), ("0", "0.1"), ("7", "-3"), ("40", "2.25")], curve=True),
    table("grid", [("x", "0", "1"), ("x", "10", "2"), ("y", "-1", "3.5")], by=("text", "number")),
]
PARAMETERS = [
    parameter("p", "1", "0.37"),
    parameter("q", "1", "3", ("-2.5", "2026-01-02"), ("0", "2026-01-04")),
    parameter("r", "1", ("7", None, "2025-01-01"), ("8", None, "2030-01-01"), selection="latest-published"),
]
WINDOWS = [
    {"name": "valley", "begins": "22:00", "until": "06:00"},
    {"name": "noon", "begins": "11:30", "until": "13:00"},
]


def _numbers(leaves, facts=("f", 't = "x"', "not f", "given(c)", "in_window(valley, begins)")):
    """Expressions that are numbers, from these leaves and conditions."""

    def deeper(inner):
        two = st.tuples(inner, inner)
        condition = st.one_of(
            st.tuples(st.sampled_from(["<", "<=", "=", "!=", ">"]), two).map(lambda o: f"({o[1][0]} {o[0]} {o[1][1]})"),
            st.sampled_from(facts),
        )
        both = st.tuples(condition, condition, st.sampled_from(["and", "or"])).map(lambda o: f"({o[0]} {o[2]} {o[1]})")
        conditions = condition | both
        return st.one_of(
            st.tuples(two, st.sampled_from("+-*")).map(lambda o: f"({o[0][0]} {o[1]} {o[0][1]})"),
            two.map(lambda o: f"min({o[0]}, {o[1]})"),
            two.map(lambda o: f"max({o[0]}, {o[1]})"),
            st.tuples(two, inner).map(lambda o: f"divide({o[0][0]}, {o[0][1]}, {o[1]})"),
            inner.map(lambda o: f"({o} / (abs({o}) + 0.5))"),
            inner.map(lambda o: f"floor({o}, [1])"),
            inner.map(lambda o: f"root(min(abs({o}), 1000000), [1])"),
            inner.map(lambda o: f"-{o}"),
            inner.map(lambda o: f"bands({o})"),
            inner.map(lambda o: f"curve({o})"),
            inner.map(lambda o: f"grid(t, {o})"),
            two.map(lambda o: f"otherwise({o[0]}, {o[1]})"),
            st.tuples(conditions, two).map(lambda o: f"(if {o[0]} then {o[1][0]} else {o[1][1]})"),
            st.tuples(conditions, inner).map(lambda o: f"only({o[1]}, {o[0]})"),
        )

    return st.recursive(st.sampled_from(leaves), deeper, max_leaves=6)


LEAVES = (
    *("a", "b", "c", "p", "q", "r", "2", "0.25", "year(begins)", "month_of_year(ends)", "weekday(begins)"),
    *("minute_of_day(ends)", "(ends - begins) / 1[h]", "time_in(valley, begins, ends) / 1[min]"),
    *("time_in(noon, begins, ends) / 1[min]", "(day(ends) - day(begins)) / 1[day]"),
)
GROUP_LEAVES = ("total", "smallest", "many", "average", "past_mean(total, 3)", "past_sum(many, 2)", "earlier(total, 1)")
GROUP_FACTS = ("any(f)", 't = "x"', "all(f)", "given(smallest)", "total > 3")

_times = st.integers(0, 6 * 24 * 60).map(
    lambda minute: f"2026-01-{1 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:00+08:00"
)
_acts = st.lists(
    st.fixed_dictionaries(
        {
            "a": st.integers(-5000, 5000).map(lambda n: f"{n // 100 if n >= 0 else -(-n // 100)}.{abs(n) % 100:02}"),
            "b": st.integers(0, 1000).map(str),
            "t": st.sampled_from("xyz"),
            "begins": _times,
            "ends": _times,
        },
        optional={
            "c": st.integers(-30, 30).map(lambda n: f"{'-' * (n < 0)}{abs(n) // 10}.{abs(n) % 10}"),
            "f": st.sampled_from(["true", "false"]),
        },
    ),
    min_size=1,
    max_size=8,
)
_SETTINGS = settings(max_examples=12, phases=[Phase.explicit, Phase.reuse, Phase.generate])


def _mended(acts):
    return [act | {"a": act["a"].replace("--", "-")} for act in acts]


@_SETTINGS
@given(_numbers(LEAVES), _numbers(LEAVES), _acts)
def test_rows_come_out_the_same(engines, first, second, acts):
    definition = {
        "inputs": INPUTS,
        "tables": TABLES,
        "parameters": PARAMETERS,
        "windows": WINDOWS,
        "act": "begins",
        "steps": [
            step("one", first, "1"),
            step("two", f"one + {second}", "1"),
            step("saved", "two * 1[kgCO2e]", "kgCO2e"),
        ],
        "requirements": [requirement("sensible", "two > one or f")],
        "output": "saved",
    }
    everywhere(_sound(definition), _mended(acts), engines)


@_SETTINGS
@given(_numbers(("a", "b", "c", "q", "p")), _numbers(GROUP_LEAVES, GROUP_FACTS), _acts)
def test_groups_come_out_the_same(engines, inner, outer, acts):
    definition = {
        "inputs": INPUTS,
        "tables": TABLES,
        "parameters": PARAMETERS,
        "windows": WINDOWS,
        "act": "begins",
        "groups": [{"name": "daily", "by": ["t", "on"]}, {"name": "whole", "by": ["t"]}],
        "steps": [
            step("on", "day(begins)"),
            step("whole_number", f"floor(otherwise({inner}, 0), [1])", "1"),
            step("total", "sum(whole_number)", "1", "daily"),
            step("smallest", "least(c)", "1", "daily"),
            step("many", "count(c)", "1", "daily"),
            step("average", "mean(a)", "1", "daily"),
            step("of_group", outer, "1", "daily"),
            step("of_subject", "sum(floor(of_group, [1])) + many_days", "1", "whole"),
            step("many_days", "count(of_group)", "1", "whole"),
            step("saved", "max(of_group, of_subject / 3) * 1[kgCO2e]", "kgCO2e", "daily"),
        ],
        "output": "saved",
    }
    everywhere(_sound(definition), _mended(acts), engines)


def _sound(definition):
    """Check a definition; of what is refused for its size nothing is run, and nothing else may be wrong with it."""
    try:
        return checked(definition)
    except MethodologyUnsound as error:
        codes = {finding.code for finding in error.findings}
    assume(not codes <= {"too-large", "division-by-zero", "root-range", "nested"})
    raise AssertionError(codes)
