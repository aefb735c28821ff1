"""Methodologies from outside: a text is checked, and anybody computes an act again, by command and by REST."""

import json

import pytest
import rfc8785

from registry.methodologies.record import digest, to_document
from registry.methodologies.shelf import find
from tests.support.rest import Caller, is_problem

CODE = "SHCER02020032024II"
ACT = {"start_x": "121.522", "start_y": "31.289", "end_x": "121.514", "end_y": "31.307"}


@pytest.fixture
def bus(tmp_path):
    """The bus's text, a member a line, in a file; written anew with changes."""
    document = to_document(find("bus"))

    def write(**changes):
        document["computation"] |= changes
        path = tmp_path / "bus.json"
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2), encoding="utf-8")
        return path

    return write


def test_a_good_text_is_told_good(gram, bus):
    code, said, _ = gram("methodology", "check", bus())
    assert (code, said) == (0, "Good: SHCER02020012024II version 1, 2 examples come out to the gram.\n")


def test_what_is_wrong_is_told_by_line_in_both_languages(gram, bus):
    steps = to_document(find("bus"))["computation"]["steps"]
    steps[0]["expression"] = "ridden * longest"
    path = bus(steps=steps)
    (line,) = [n for n, text in enumerate(path.read_text().splitlines(), 1) if "ridden * longest" in text]
    code, said, _ = gram("methodology", "check", path)
    assert code == 1
    assert said.splitlines()[0] == f"{path}:{line}: computation.steps.0.expression: unit-result"
    assert "本步骤声明的单位" in said
    assert "what it computes is in" in said
    code, said, _ = gram("methodology", "check", path, "--json")
    assert (code, [one["line"] for one in json.loads(said)]) == (1, [line])


def test_an_example_that_does_not_come_out_is_told_for_each_engine(gram, bus):
    examples = to_document(find("bus"))["computation"]["examples"]
    examples[0]["grams"] = ["435"]
    code, said, _ = gram("methodology", "check", bus(examples=examples))
    assert code == 1
    assert said.count("example-differs") == 2


def test_what_ships_is_listed_and_shown(gram):
    code, said, _ = gram("methodology", "list")
    assert code == 0
    assert "SHCER02020032024II  shared-bicycle v1  illustrative  互联网租赁自行车 Shared bicycle" in said.splitlines()
    code, said, _ = gram("methodology", "show", "bus")
    assert code == 0
    assert "    beside it 并列: 0.130  (a second third-party file, unconfirmed too)" in said.splitlines()
    code, said, _ = gram("methodology", "show", "bus", "--json")
    assert json.loads(said) == to_document(find("bus"))
    assert gram("methodology", "show", "tram")[0] == 2


def test_an_act_is_computed_again_with_all_that_it_rests_on(gram, tmp_path):
    path = tmp_path / "acts.csv"
    path.write_text("start_x,start_y,end_x,end_y\n121.522,31.289,121.514,31.307\n", encoding="utf-8")
    code, said, _ = gram("recompute", "--methodology", CODE, "--inputs", path, "--issued", "2026-11-28")
    assert code == 0
    assert f"SHA-256 {digest(find(CODE)).hex()}" in said
    for line in (
        "Act 1: 193 g",
        "  baseline_factor = 0.106 kgCO2e/km  (unconfirmed: one third-party file, unconfirmed by any official text)",
        "  distance = 1990 metre  <- root(width * width + height * height, [m])",
        "  saved = 0.19303 kgCO2e  <- distance * (baseline_factor - project_factor)",
        "Total 合计: 193 g",
    ):
        assert line in said.splitlines()


def test_an_act_that_is_not_what_is_asked_for_is_refused_by_name(gram, tmp_path):
    for acts, told in (
        ([ACT | {"start_x": "east"}], "acts.0: east is no plain decimal number"),
        ([ACT, {}], "acts.1: start_x is missing."),
        ([ACT | {"more": "1"}], "acts.0: The methodology has no input more."),
        ([ACT | {"start_x": "181"}], "acts.0: start_x is 181, and must lie between -180 and 180."),
        ([ACT | {"start_x": "1.1234567"}], "acts.0: start_x is 1.1234567, and has 6 decimals at most."),
    ):
        path = tmp_path / "acts.json"
        path.write_text(json.dumps({"acts": acts}), encoding="utf-8")
        code, _, said = gram("recompute", "--methodology", CODE, "--inputs", path)
        assert code == 2
        assert told in said


def test_anybody_reads_a_methodology_and_computes_by_it(live, gram, tmp_path):
    live.publish()
    anybody = Caller(live.url)
    listed = {one["code"]: one for one in anybody.get("/v1/methodologies").json()["items"]}
    assert (listed[CODE]["version"], listed[CODE]["status"]) == (1, "illustrative")
    shown = anybody.get(f"/v1/methodologies/{CODE}").json()
    assert shown["versions"] == [1]
    assert shown["sha256"] == digest(find(CODE)).hex()
    assert rfc8785.dumps(shown["definition"]) == rfc8785.dumps(to_document(find(CODE)))
    asked = {"acts": [ACT, ACT | {"end_x": "116.397", "end_y": "39.908"}], "issued": "2026-11-28"}
    answer = anybody.post(f"/v1/methodologies/{CODE}/computations", asked)
    assert answer.status_code == 200
    computed = answer.json()
    assert (computed["grams"], computed["version"], computed["sha256"]) == (193, 1, shown["sha256"])
    assert [one["reason"] for one in computed["results"]] == [None, "in_area"]
    assert computed["results"][1]["reason_zh"] == "起点与终点均在本方法学的区域内。"
    # What a registry publishes is enough to compute by: its answer, kept as a file.
    answer, acts = tmp_path / "methodology.json", tmp_path / "acts.json"
    answer.write_text(json.dumps(shown), encoding="utf-8")
    acts.write_text(json.dumps({"acts": asked["acts"]}), encoding="utf-8")
    _, said, _ = gram("recompute", "--methodology", answer, "--inputs", acts, "--issued", "2026-11-28", "--json")
    assert json.loads(said) == computed


def test_what_cannot_be_computed_is_a_problem_that_says_why(live):
    live.publish()
    anybody = Caller(live.url)
    there = f"/v1/methodologies/{CODE}/computations"
    assert is_problem(anybody.post(there, {"acts": [{"start_x": "1"}]}), 422, "act-unsound")
    assert is_problem(anybody.post(there, {"acts": []}), 422, "malformed")
    assert is_problem(anybody.post(there, {"acts": [ACT], "version": 9}), 404, "not-found")
    for wrong in ({"issued": 0}, {"issued": "2026-11-28T00:00:00"}, {"issued": "2026-02-30"}, {"version": "1"}):
        assert is_problem(anybody.post(there, {"acts": [ACT]} | wrong), 422, "malformed")
    assert is_problem(anybody.post("/v1/methodologies/SHCER1/computations", {"acts": [ACT]}), 404, "not-found")
    assert is_problem(anybody.get("/v1/methodologies/SHCER1"), 404, "not-found")
