"""Runs: what two neighbours of the log must be to each other, case by case and against a naive reading of the text."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ledger.movement import GRAMS_END, NO_TAG, Movement, Target
from registry.ledger.rules import Rule, broken_run, is_in_run, overlap
from tests.support import naive_rules
from tests.support.any_movement import anything
from tests.support.pairs import (
    ANN,
    BUNDLE,
    CLASS_I,
    CONVERTED,
    EXAMPLES,
    GATHER,
    INDIVIDUAL,
    ISSUE,
    REDUCTION,
    SCENARIO,
    TRANSFER,
)

LAWFUL_ISSUE = Movement(ISSUE, REDUCTION, SCENARIO | INDIVIDUAL, 0, 0, 5, None, 0, 0, NO_TAG, ANN, bytes(32))
LAWFUL_BUNDLE = replace(LAWFUL_ISSUE, kind=BUNDLE, flags=SCENARIO | CONVERTED)
LAWFUL_RECORD = Movement(64, 0, 0, 0, 0, 0, None, 1, 0, NO_TAG, NO_TAG, bytes(32))


def gather(first, last, target, bundle=100, **changes):
    return replace(EXAMPLES[GATHER][0], first=first, last=last, to_tag=Target(bundle, target).tag, **changes)


def bundle(first, last, **changes):
    return replace(LAWFUL_BUNDLE, first=first, last=last, at=EXAMPLES[GATHER][0].at, **changes)


FIRST, SECOND, WHOLE = gather(10, 14, 100), gather(30, 33, 104), bundle(100, 107)
A_RECORD, AN_ISSUE = LAWFUL_RECORD, replace(LAWFUL_ISSUE, first=200, last=300)

# Name of the case: (the leaf before, the leaf after, whether they have to be of one run, whether the run is broken).
NEIGHBOURS: dict[str, tuple[Movement | None, Movement | None, bool, bool]] = {
    "a GATHER and the next": (FIRST, SECOND, True, False),
    "the last GATHER and the BUNDLE": (SECOND, WHOLE, True, False),
    "one GATHER alone and its BUNDLE": (FIRST, bundle(100, 104), True, False),
    "a BUNDLE and the next run": (WHOLE, gather(50, 60, 107, 107), False, False),
    "a BUNDLE and anything else": (WHOLE, AN_ISSUE, False, False),
    "a run after a record": (A_RECORD, FIRST, False, False),
    "a run at the very beginning": (None, FIRST, False, False),
    "nothing of a run": (A_RECORD, AN_ISSUE, False, False),
    "of another bundle": (FIRST, gather(30, 33, 104, 99), True, True),
    "a hole between targets": (FIRST, gather(30, 33, 105), True, True),
    "targets that overlap": (FIRST, gather(30, 33, 103), True, True),
    "the first GATHER once more": (FIRST, FIRST, True, True),
    "the next run begins too early": (FIRST, gather(50, 60, 104, 104), True, True),
    "another time": (FIRST, replace(SECOND, at=SECOND.at + 1), True, True),
    "another class": (FIRST, replace(SECOND, flags=SECOND.flags | CLASS_I), True, True),
    "of a project": (FIRST, replace(SECOND, flags=SECOND.flags ^ SCENARIO), True, True),
    "points with what never were points": (FIRST, replace(SECOND, flags=SECOND.flags ^ CONVERTED), True, True),
    "a BUNDLE of another time": (SECOND, replace(WHOLE, at=WHOLE.at + 1), True, True),
    "a BUNDLE of another class": (SECOND, replace(WHOLE, flags=WHOLE.flags | CLASS_I), True, True),
    "a BUNDLE one gram too long": (SECOND, bundle(100, 108), True, True),
    "a BUNDLE one gram too short": (SECOND, bundle(100, 106), True, True),
    "a BUNDLE that is shifted": (SECOND, bundle(101, 108), True, True),
    "a BUNDLE that begins too late": (SECOND, bundle(101, 107), True, True),
    "a BUNDLE with the last piece alone": (SECOND, bundle(104, 107), True, True),
    "a GATHER that leads nowhere": (FIRST, A_RECORD, True, True),
    "a GATHER before an ISSUE of its numbers": (FIRST, replace(WHOLE, kind=ISSUE, last=104, flags=2), True, True),
    "a GATHER before another movement": (FIRST, EXAMPLES[TRANSFER][0], True, True),
    "a GATHER at the end of a signed log": (FIRST, None, True, True),
    "a BUNDLE at the end of a signed log": (WHOLE, None, False, False),
    "a BUNDLE with nothing before it": (None, WHOLE, True, True),
    "a BUNDLE after an ISSUE": (AN_ISSUE, WHOLE, True, True),
    "a BUNDLE after a BUNDLE": (WHOLE, bundle(107, 110), True, True),
    "a BUNDLE once more": (WHOLE, WHOLE, True, True),
    "a second GATHER with nothing before it": (None, SECOND, True, True),
    "a second GATHER after a record": (A_RECORD, SECOND, True, True),
    "a GATHER to a tag before a BUNDLE": (replace(FIRST, to_tag=ANN), WHOLE, True, True),
    "a GATHER to a tag after another": (FIRST, replace(SECOND, to_tag=ANN), True, True),
    "a GATHER past the last number before another": (
        gather(10, 14, GRAMS_END - 3), gather(30, 33, 1, 1), True, True
    ),
    "an empty GATHER whose grams would be taken away": (gather(35, 30, 106), bundle(100, 101), True, True),
}  # fmt: skip


@pytest.mark.parametrize("case", NEIGHBOURS)
def test_neighbours_of_a_run(case):
    before, after, are_of_one, is_broken = NEIGHBOURS[case]
    assert is_in_run(before, after) is are_of_one
    assert broken_run(before, after) is (Rule.GATHERED if is_broken else None)
    assert naive_rules.breaks_run(before, after) is is_broken


def test_of_all_neighbours_the_rules_say_what_the_text_says():
    every = {leaf for before, after, _, _ in NEIGHBOURS.values() for leaf in (before, after)}
    said = [(broken_run(*pair) is None, not naive_rules.breaks_run(*pair)) for pair in product(every, every)]
    assert all(ours == theirs for ours, theirs in said)
    assert len(set(said)) == 2


@given(st.none() | anything, st.none() | anything)
def test_any_two_neighbours_get_the_verdict_of_the_text(before, after):
    assert (broken_run(before, after) is not None) is naive_rules.breaks_run(before, after)


@pytest.mark.parametrize(("one", "other"), list(product([ISSUE, BUNDLE], repeat=2)))
def test_no_number_is_given_twice(one, other):
    numbered = replace(LAWFUL_BUNDLE, kind=one, first=3, last=6)
    assert overlap(numbered, replace(LAWFUL_BUNDLE, kind=other, first=5, last=9)) is Rule.ISSUE_OVERLAP
    assert overlap(numbered, replace(LAWFUL_BUNDLE, kind=other, first=6, last=9)) is None
    assert overlap(numbered, replace(EXAMPLES[GATHER][0], first=3, last=6)) is None, "a target is no range of its own"
