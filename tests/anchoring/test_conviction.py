"""What two leaves prove: the golden table against a naive reading of the design, and cases with their story."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from anchoring import leaf
from anchoring.conviction import Entry, belong_together, convicting_rule
from registry.ledger.movement import NO_TAG, Movement, Target
from registry.ledger.rules import Rule
from tests.support import naive_rules
from tests.support.pairs import ANN, BUNDLE, EXAMPLES, GATHER, REDUCTION, TRANSFER

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "rules.json").read_text())
LEAVES = [bytes.fromhex(text.removeprefix("0x")) for text in VECTORS["leaves"]]
CHILD, PARENT = (leaf.encode(movement) for movement in EXAMPLES[TRANSFER])


def entries(table):
    """Every case of a table: the two entries and the outcome, one character."""
    outcomes = iter(table["outcomes"])
    for accused in table["accused"]:
        for other in table["others"]:
            yield Entry(LEAVES[accused], table["index"]), Entry(LEAVES[other], table["other_index"]), next(outcomes)
    assert next(outcomes, None) is None


def naive(accused: Movement, index: int, other: Movement, other_index: int) -> bool:
    """Whether the design's text allows the two, as far as the first can be judged beside the second."""
    if naive_rules.share_a_gram(accused, other) or (index == 0 and naive_rules.breaks_run(None, accused)):
        return False
    if abs(index - other_index) == 1 and naive_rules.breaks_run(*naive_order(accused, index, other, other_index)):
        return False
    if accused.kind >= 64 or accused.kind in {naive_rules.ISSUE, naive_rules.BUNDLE} or accused.parent is None:
        return naive_rules.allowed(accused, None)
    if accused.parent == other_index:
        return other_index < index and naive_rules.allowed(accused, other)
    if accused.kind == naive_rules.GATHER and naive_rules.target(accused) is None:
        return False
    return accused.parent < index and accused.kind in naive_rules.FORMS and naive_rules.is_range(accused)


def naive_order(one: Movement, index: int, other: Movement, other_index: int) -> tuple[Movement, Movement]:
    return (one, other) if index < other_index else (other, one)


WIDE = 100
"""Grams in a range that the naive reading can still count one by one."""


def is_countable(movement: Movement) -> bool:
    return movement.quantity_g < WIDE


@pytest.mark.parametrize("table", VECTORS["tables"], ids=lambda table: table["name"])
def test_golden_table(table):
    for accused, other, outcome in entries(table):
        rule = convicting_rule(accused, other)
        assert rule == (int(outcome, 36) or None if outcome != "-" else None), (accused, other)
        if rule is Rule.LEAF:
            continue
        assert outcome not in "-0" or belong_together(accused, other) == (outcome == "0")
        one, two = leaf.decode(accused.leaf), leaf.decode(other.leaf)
        if is_countable(one) and is_countable(two):
            assert (rule is None) == naive(one, accused.index, two, other.index), (one, two)


def test_the_tables_meet_every_rule_and_lawful_pairs_of_every_row():
    met = set("".join(table["outcomes"] for table in VECTORS["tables"]))
    assert {int(outcome, 36) for outcome in met - set("0-")} == set(Rule)
    lawful = (accused for table in VECTORS["tables"] for accused, _, outcome in entries(table) if outcome == "0")
    assert {accused.leaf[1] for accused in lawful} == {*range(1, 13)}


@pytest.mark.parametrize(
    ("accused", "other", "rule"),
    [
        (Entry(CHILD, 9), Entry(PARENT, 8), None),
        (Entry(CHILD, 8), Entry(PARENT, 3), Rule.ORDER),
        (Entry(CHILD, 5), Entry(PARENT, 8), Rule.ORDER),
        (Entry(CHILD[:-1], 9), Entry(PARENT, 8), Rule.LEAF),
        (Entry(CHILD, 9), Entry(b"\x02" + PARENT[1:], 8), Rule.LEAF),
        (Entry(CHILD, 9), Entry(CHILD, 10), Rule.OVERLAP),
        (Entry(leaf.encode(replace(EXAMPLES[TRANSFER][0], parent=None)), 9), Entry(CHILD, 10), Rule.PARENT),
    ],
)
def test_of_two_leaves(accused, other, rule):
    assert convicting_rule(accused, other) is rule


def test_what_belongs_together():
    assert belong_together(Entry(CHILD, 9), Entry(PARENT, 8))
    assert belong_together(Entry(CHILD, 9), Entry(CHILD, 10))
    assert not belong_together(Entry(CHILD, 9), Entry(PARENT, 7))
    assert not belong_together(Entry(PARENT, 8), Entry(CHILD, 9)), "the parent is not accused of its child"


FIRST, SECOND = (
    replace(EXAMPLES[GATHER][0], first=12 + at, last=13 + at, to_tag=Target(100, 100 + at).tag) for at in (0, 1)
)
WHOLE = Movement(BUNDLE, REDUCTION, FIRST.flags, 0, 100, 102, None, FIRST.at, 0, NO_TAG, ANN, bytes(32))


def at(index: int, movement: Movement) -> Entry:
    return Entry(leaf.encode(movement), index)


@pytest.mark.parametrize(
    ("before", "after", "is_broken"),
    [
        (FIRST, SECOND, False),
        (SECOND, WHOLE, False),
        (FIRST, WHOLE, True),
        (SECOND, FIRST, True),
        (WHOLE, FIRST, False),
        (WHOLE, SECOND, True),
        (FIRST, replace(EXAMPLES[TRANSFER][0], first=20, last=21), True),
    ],
)
def test_neighbours_convict_in_either_order(before, after, is_broken):
    expected = Rule.GATHERED if is_broken else None
    for one, other in ((at(20, before), at(21, after)), (at(21, after), at(20, before))):
        assert convicting_rule(one, other) is expected
        assert belong_together(one, other) or (before, after) == (WHOLE, FIRST)
    for one, other in ((at(20, before), at(22, after)), (at(22, after), at(20, before))):
        assert convicting_rule(one, other) is None, "what stands between them is not known"
        assert not belong_together(one, other) or before.parent == after.parent


def test_a_run_is_not_the_first_of_a_log_without_its_beginning():
    anything = at(5, replace(WHOLE, kind=1, flags=2, first=500, last=501))
    assert convicting_rule(at(0, WHOLE), anything) is Rule.GATHERED
    assert convicting_rule(at(1, WHOLE), anything) is None
    assert convicting_rule(at(5, replace(FIRST, to_tag=ANN)), at(2, WHOLE)) is Rule.GATHERED, "by itself"
