"""Life cycles as data: what ships, what the sentences say of a table that is none, and the page made of them."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest

from registry.procedure.decision import EFFECTIVE, LIVE, Record
from registry.procedure.fields import NONE, Unreadable
from registry.procedure.table import parse, shipped, shipped_value

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("record", Record)
def test_from_every_state_that_is_no_end_a_case_can_come_to_one(record):
    table = shipped(record)
    ways = {(state, step.to_state) for step in table.steps for state in step.from_states}
    ends = table.states.keys() - {state for state, _ in ways} | {EFFECTIVE[record]}
    reaching = set(ends)
    while more := {state for state, to in ways if to in reaching} - reaching:
        reaching |= more
    assert reaching == table.states.keys() | {NONE}


@pytest.mark.parametrize("record", Record)
def test_nothing_takes_effect_by_one_officer_alone(record):
    effective = [step for step in shipped(record).steps if step.to_state in {EFFECTIVE[record], LIVE}]
    alone = {step.decision for step in effective if not step.second}
    assert alone == ({"warn"} if record is Record.SOURCE else set()), "a warning lets nothing be that was not"


def test_what_a_source_issues_by_went_through_publicity():
    table = shipped(Record.SOURCE)
    assert all(step.after_publicity for step in table.steps if step.to_state == "published")
    before_live = {state for step in table.steps if step.to_state == LIVE for state in step.from_states}
    assert before_live == {"published", "connected", LIVE, "rectifying", "verifying"}


def test_a_step_is_found_by_decision_states_and_kind():
    table = shipped(Record.SOURCE)
    assert table.step("publish", "publicity", "published", "scenario").second == {"exchange"}
    assert table.step("publish", "publicity", "published", "project").second == {"centre"}
    assert table.step("publish", "publicity", "published", None) is None
    assert table.step("publish", "reviewed", "published", "project") is None
    assert table.step("publish", "publicity", "live", "project") is None
    assert table.step("refuse", "objected", "refused", None).by == {"centre"}


def test_the_page_of_life_cycles_is_fresh():
    command = [sys.executable, ROOT / "scripts" / "make-life-cycles", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def put(*path_and_value):
    *path, last, value = path_and_value

    def change(table):
        at = table
        for key in path:
            at = at[key]
        at[last] = value

    return change


def drop(*path):
    def change(table):
        at = table
        for key in path[:-1]:
            at = at[key]
        del at[path[-1]]

    return change


def add_step(**change):
    return lambda table: table["steps"].append(table["steps"][0] | change)


WRONG = [
    (put("record", "policy"), "the table is not of source"),
    (drop("states"), "the table lacks states"),
    (put("more", 1), "the table has what is unknown: more"),
    (put("states", []), "states is no object"),
    (put("states", "none", {"zh": "无", "en": "none"}), "of which 'none' is none"),
    (put("states", "Applied", {"zh": "已", "en": "applied"}), "a state is no word"),
    (put("states", "applied", "zh", " "), "state applied: zh is no text"),
    (drop("states", "applied", "en"), "state applied lacks en"),
    (put("steps", []), "steps is no list of 1 to 256 steps"),
    (put("steps", 0, 1), "step 1 is no object"),
    (drop("steps", 0, "rule"), "step 1 lacks rule"),
    (put("steps", 0, "also", 1), "step 1 has what is unknown: also"),
    (put("steps", 0, "to", "nowhere"), "step 1: to is no state of the table: nowhere"),
    (put("steps", 1, "from", ["nowhere"]), "step 2: from has nowhere, which is none of"),
    (put("steps", 1, "from", ["applied", "applied"]), "step 2: from has one thing twice"),
    (put("steps", 1, "from", "applied"), "step 2: from is no list"),
    (put("steps", 0, "by", []), "step 1: from and by name at least one"),
    (put("steps", 0, "by", ["Centre"]), "step 1: by is no word"),
    (put("steps", 2, "kinds", ["method"]), "step 3: kinds has method"),
    (put("steps", 4, "opens_publicity", 1), "step 5: opens_publicity is neither true nor false"),
    (put("steps", 1, "after_working_days", True), "step 2: after_working_days is no number"),
    (
        put("steps", 1, "after_working_days", 251),
        "step 2: after_working_days is no number of working days from 0 to 250",
    ),
    (put("steps", 0, "after_working_days", 1), "step 1: a first decision has none before it"),
    (put("steps", 1, "needs", {"issuance": ["issued"]}), "step 2: needs names 'issuance', which no source refers to"),
    (put("steps", 1, "needs", ["methodology"]), "step 2: needs is no object"),
    (add_step(to="refused"), "two steps say what apply does from none"),
    (put("states", "lost", {"zh": "无", "en": "lost"}), "no step leads to the state lost"),
    (put("steps", 0, "from", ["ended"]), "no step begins a case"),
    (put("steps", 4, "opens_publicity", False), "a step waits for publicity, and none opens it"),
]


@pytest.mark.parametrize(("change", "sentence"), WRONG)
def test_what_is_wrong_with_a_table_is_said(change, sentence):
    value = copy.deepcopy(shipped_value(Record.SOURCE))
    change(value)
    with pytest.raises(Unreadable, match=sentence):
        parse(Record.SOURCE, value)


@pytest.mark.parametrize("value", [None, [], "table", 1])
def test_what_is_no_object_is_no_table(value):
    with pytest.raises(Unreadable, match="the table is no object"):
        parse(Record.POLICY, value)


def test_a_table_that_leads_nowhere_that_counts():
    value = copy.deepcopy(shipped_value(Record.ISSUANCE))
    del value["states"]["issued"], value["steps"][1]
    with pytest.raises(Unreadable, match="no step leads to issued, at which a issuance counts"):
        parse(Record.ISSUANCE, value)
    value = copy.deepcopy(shipped_value(Record.ISSUANCE))
    value["steps"][0]["kinds"] = ["project"]
    with pytest.raises(Unreadable, match="kinds has project, which is none of nothing"):
        parse(Record.ISSUANCE, value)
