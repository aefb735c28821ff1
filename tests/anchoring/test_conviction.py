"""What two leaves prove: the golden table against a naive reading of the design, and cases with their story."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from anchoring import leaf
from anchoring.conviction import Entry, belong_together, convicting_rule
from registry.ledger.movement import Movement
from registry.ledger.rules import Rule
from tests.support import naive_rules
from tests.support.pairs import EXAMPLES, TRANSFER

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
    if naive_rules.share_a_gram(accused, other):
        return False
    if accused.kind >= 64 or accused.kind == naive_rules.ISSUE or accused.parent is None:
        return naive_rules.allowed(accused, None)
    if accused.parent == other_index:
        return other_index < index and naive_rules.allowed(accused, other)
    return accused.parent < index and accused.kind in naive_rules.FORMS and accused.first < accused.last


WIDE = 100
"""Grams in a range that the naive reading can still count one by one."""


@pytest.mark.parametrize("table", VECTORS["tables"], ids=lambda table: table["name"])
def test_golden_table(table):
    for accused, other, outcome in entries(table):
        rule = convicting_rule(accused, other)
        assert rule == (int(outcome, 36) or None if outcome != "-" else None), (accused, other)
        if rule is Rule.LEAF:
            continue
        assert outcome not in "-0" or belong_together(accused, other) == (outcome == "0")
        one, two = leaf.decode(accused.leaf), leaf.decode(other.leaf)
        if max(one.quantity_g, two.quantity_g) < WIDE:
            assert (rule is None) == naive(one, accused.index, two, other.index), (one, two)


def test_the_tables_meet_every_rule_and_lawful_pairs_of_every_row():
    met = set("".join(table["outcomes"] for table in VECTORS["tables"]))
    assert {int(outcome, 36) for outcome in met - set("0-")} == set(Rule)
    lawful = (accused for table in VECTORS["tables"] for accused, _, outcome in entries(table) if outcome == "0")
    assert {accused.leaf[1] for accused in lawful} == {*range(1, 12)}


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
