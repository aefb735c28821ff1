"""What an author gets wrong is said with its line, by a code that stays, in both languages."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.engine.examples import failing
from registry.engine.finding import TEXTS
from registry.engine.lines import MAX_BYTES, read_located
from registry.errors import MethodologyUnsound
from tests.support.definitions import WORDS, checked, column, number, parameter, requirement, step, table, written

GOOD = {
    "inputs": [
        number("x", "-10", "10", 2),
        number("d", "0", "100", 3, "km"),
        column("mode", "text", choices=["bus"]),
        column("begins", "time"),
        number("maybe", "0", "9", optional=True),
    ],
    "attributes": [{"name": "household", "of": "mode", "columns": [number("persons", "1", "9")]}],
    "parameters": [parameter("factor", "gCO2e/km", "97")],
    "tables": [table("k", [("0", "1"), ("5", "2")])],
    "windows": [{"name": "valley", "begins": "22:00", "until": "06:00"}],
    "groups": [{"name": "daily", "by": ["mode", "on"]}],
    "steps": [
        step("on", "day(begins)"),
        step("total", "sum(d)", "km", "daily"),
        step("saved", "d * factor", "gCO2e"),
    ],
    "output": "saved",
}


def _with(**changes):
    return GOOD | changes


def _step(expression, unit="1", per=None):
    return _with(steps=[*GOOD["steps"], step("wrong", expression, unit, per)])


CASES = {
    "divides by a number that may be zero": (_step("1 / x"), "division-by-zero"),
    "divides by nothing but zero": (_step("1 / (2 - 2)"), "division-by-zero"),
    "adds kilometres to grams": (_step("d + factor", "km"), "unit-differs"),
    "compares kilometres with a bare number": (_step("if d > 5 then 1 else 2"), "unit-differs"),
    "says another unit than it computes": (_step("d * factor", "km"), "unit-result"),
    "has a unit that there is not": (_step("d", "furlong"), "unit-unknown"),
    "has a unit that would be run": (_step("d", "__import__('os')"), "unit-unknown"),
    "names what is not there": (_step("distance * 2"), "unknown-name"),
    "calls what is not there": (_step("exec(x)"), "unknown-function"),
    "gives a function too much": (_step("abs(x, x)"), "arguments"),
    "adds a text": (_step("x + mode"), "kind"),
    "compares with a choice that there is not": (_step('if mode = "tram" then 1 else 2'), "unknown-choice"),
    "is cut off": (_step("(x + "), "syntax-value"),
    "has a bracket too few": (_step("(x + 1"), "syntax-missing"),
    "has two values side by side": (_step("x x"), "syntax-operator"),
    "has a sign of another language": (_step("x ** 2; drop"), "syntax-value"),
    "has Chinese brackets": (_step("（x）"), "syntax"),
    "has 10,000 nested brackets": (_step("(" * 990 + "x" + ")" * 990), "nested"),
    "has more brackets than an expression may have": (_step("(" * 10_000 + "x" + ")" * 10_000), "too-long"),
    "is a sum without end": (_step("+".join(["x"] * 900)), "nested"),
    "uses a finer value in a group": (_step("x", "1", "daily"), "grain"),
    "aggregates without a group": (_step("sum(x)"), "aggregate"),
    "looks back without a period": (_step("past_mean(x, 7)"), "rolling"),
    "looks back for ever": (_step("past_mean(total / 1[km], 100000)", "1", "daily"), "constant"),
    "adds up quotients": (_step("sum(1 / (abs(x) + 1))", "1", "daily"), "sum-of-quotients"),
    "takes the root of what is negative": (_step("root(x, [1])"), "root-range"),
    "may be too large": (_step(" * ".join(["(x + 100000000000000000)"] * 3)), "too-large"),
    "takes a dated value without a day": (_step("persons"), "dated-name"),
    "takes something else for a window": (_step("if in_window(k, begins) then 1 else 2"), "constant"),
    "names a step twice": (_with(steps=[*GOOD["steps"], step("saved", "x", "1")]), "name-twice"),
    "names a step as a function": (_with(steps=[*GOOD["steps"], step("floor", "x", "1")]), "name"),
    "names a step by a keyword": (_with(steps=[*GOOD["steps"], step("else", "x", "1")]), "name"),
    "goes in a circle": (
        _with(steps=[*GOOD["steps"], step("one", "two", "1"), step("two", "three", "1"), step("three", "one", "1")]),
        "cycle",
    ),
    "needs itself": (_step("wrong + 1"), "cycle"),
    "gives kilometres for grams": (_with(output="total"), "output"),
    "gives what is not there": (_with(output="nothing"), "output"),
    "requires a number": (_with(requirements=[requirement("far", "d")]), "kind"),
    "requires what is finer than the grams": (
        _with(output="sum_saved", steps=[*GOOD["steps"], step("sum_saved", "sum(saved)", "gCO2e", "daily")],
              requirements=[requirement("far", "d > 1[km]")]),
        "grain",
    ),
    "has a group of what may be missing": (_with(groups=[{"name": "daily", "by": ["mode", "on", "maybe"]}]), "key"),
    "has a number with an exponent": (_with(parameters=[parameter("factor", "gCO2e/km", "97e3")]), "number"),
    "has a number without end": (_with(parameters=[parameter("factor", "gCO2e/km", "9" * 400)]), "number"),
    "has values out of order": (
        _with(parameters=[parameter("factor", "gCO2e/km", ("1", "2026-02-01"), ("2", "2026-01-01"))]), "order",
    ),
    "has bands out of order": (_with(tables=[table("k", [("5", "1"), ("0", "2")])]), "order"),
    "has one band twice": (_with(tables=[table("k", [("5", "1"), ("5.0", "2")])]), "order"),
    "has 20,000 bands": (_with(tables=[table("k", [(str(n), "1") for n in range(4_000)])]), "too-long"),
    "has an input of no range": (_with(inputs=[*GOOD["inputs"], number("y", "5", "4")]), "range"),
    "has an input of endless digits": (_with(inputs=[*GOOD["inputs"], number("y", "0", "9" * 18, 12)]), "too-large"),
    "has a window that never opens": (
        _with(windows=[{"name": "valley", "begins": "22:00", "until": "22:00"}]), "range",
    ),
    "has a window at no time": (_with(windows=[{"name": "valley", "begins": "24:00", "until": "6"}]), "clock-time"),
    "dates acts by a number": (_with(act="d"), "constant"),
    "settles by the year without a year": (
        _with(requirements=[requirement("far", "d > 1[km]") | {"settled": "year"}]), "settled",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_definition_is_refused_that(name):
    definition, code = CASES[name]
    with pytest.raises(MethodologyUnsound) as refused:
        checked(definition)
    findings = refused.value.findings
    assert code in {finding.code for finding in findings}
    assert all(finding.zh.endswith(("。", "？")) and re.search(r"[.?]$", finding.en) for finding in findings)


def test_a_good_definition_is_not_refused():
    assert checked(GOOD).per == "row"


def test_a_finding_names_the_line_of_what_is_wrong():
    definition = _step("d + factor", "km")
    with pytest.raises(MethodologyUnsound) as refused:
        checked(definition)
    (finding,) = refused.value.findings
    assert '"d + factor"' in written(definition).decode().splitlines()[finding.line - 1]
    assert (finding.path, finding.code) == ("steps.3.expression", "unit-differs")
    assert str(finding).startswith(f"line {finding.line}, steps.3.expression: unit-differs: The units do not fit")


def test_all_that_is_wrong_is_said_at_once_and_nothing_twice():
    definition = _with(
        steps=[*GOOD["steps"], step("one", "d + x", "km"), step("two", "one * y", "1"), step("x", "1", "1")]
    )
    with pytest.raises(MethodologyUnsound) as refused:
        checked(definition)
    assert [finding.code for finding in refused.value.findings] == ["name-twice"], "names first: the rest rests on them"
    definition["steps"].pop()
    with pytest.raises(MethodologyUnsound) as refused:
        checked(definition)
    assert [finding.code for finding in refused.value.findings] == ["unit-differs"], "what needs a faulty step waits"


TEXT = {
    "nothing": (b"", "json-value", 1),
    "no JSON": (b'{\n"a": 1,\n}', "json-missing", 3),
    "a float": (b'{\n"a": 0.097}', "float", 2),
    "a huge number": (b'{"a": ' + b"9" * 5000 + b"}", "float", 1),
    "an exponent": (b'{"a":\n\n1e400}', "float", 3),
    "NaN": (b'{"a": NaN}', "json", 1),
    "a member twice": (b'{"a": 1,\n"\\u0061": 2}', "member-twice", 2),
    "half a pair": (b'{"a": "\\ud800"}', "json-escape", 1),
    "other bytes": (b'{\n"a": "\xff"}', "utf-8", 2),
    "lists in lists": (b"[" * 100_000, "deep", 1),
    "objects in objects": (b'{"a":\n' * 100_000, "deep", 14),
    "a million bands": (b'{"at": ["1"], "value": "1"},' * 1_000_000, "size", 1),
    "more behind it": (b"{} {}", "json-missing", 1),
}


@pytest.mark.parametrize("name", TEXT)
def test_a_text_is_refused_that_is(name):
    data, code, line = TEXT[name]
    with pytest.raises(MethodologyUnsound) as refused:
        read_located(data)
    (finding,) = refused.value.findings
    assert (finding.code, finding.line) == (code, line)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_as_json_reads_them_or_refused(data):
    try:
        located = read_located(data)
    except MethodologyUnsound:
        return
    assert located.value == json.loads(data)


def _example(**changes):
    return {"text": WORDS, "acts": [ACT], "grams": ["485"], "issued": "2026-11-01"} | changes


ACT = {"x": "0", "d": "5", "mode": "bus", "begins": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("examples", "codes"),
    [
        ([_example()], []),
        ([_example(steps={"saved": ["485"]})], []),
        ([], ["no-example"]),
        ([_example(grams=["486"])], ["example-differs"] * 2),
        ([_example(grams=["485", "1"])], ["example-differs"] * 2),
        ([_example(steps={"saved": ["485.001"]})], ["example-step"]),
        ([_example(steps={"other": ["485"]})], ["unknown-name"]),
        ([_example(acts=[ACT | {"d": "100.001"}])], ["example"]),
        ([_example(acts=[ACT | {"d": "1.0001"}])], ["example"]),
        ([_example(acts=[ACT | {"begins": "yesterday"}])], ["example"]),
        ([_example(acts=[ACT | {"mode": "tram"}])], ["example"]),
        ([_example(acts=[ACT | {"more": "1"}])], ["example"]),
        ([_example(acts=[{"d": "5"}])], ["example"]),
    ],
)
def test_an_example_must_come_out_to_the_gram(examples, codes):
    definition = GOOD | {"examples": examples}
    located = read_located(written(definition))
    findings = failing(checked(definition), located)
    assert [finding.code for finding in findings] == codes
    assert all("examples" in finding.path and finding.line > 1 for finding in findings)


def test_steps_that_no_engine_reads_in_time_are_refused():
    expression = "min(max(min(max({}, 1), 5), 2), 7)"
    chain = [step(f"s{n}", expression.format(f"s{n - 1}" if n else "maybe"), "1") for n in range(70)]
    definition = GOOD | {"steps": [*GOOD["steps"], *chain], "examples": [_example()]}
    (finding,) = failing(checked(definition), read_located(written(definition)))
    assert (finding.code, "250 at most are allowed" in finding.en) == ("example", True)


def test_every_sentence_is_there_in_both_languages():
    assert len(TEXTS) > 50
    for said in TEXTS.values():
        places = [set(re.findall(r"{(\w+)}", said[language])) for language in ("zh", "en")]
        assert {name.removesuffix("_zh").removesuffix("_en") for name in places[0]} == {
            name.removesuffix("_zh").removesuffix("_en") for name in places[1]
        }
    assert MAX_BYTES == 1_048_576
