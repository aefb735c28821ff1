"""The judge of many movements at once names the rule that the rules themselves name for each."""

import random
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.leaf import LEAF_DTYPE, encode
from anchoring.replaying.history import rows_of, unread_rows
from anchoring.replaying.judge import LAWFUL, Judge
from anchoring.replaying.overlaps import find_overlaps
from registry.ledger.movement import GRAMS_END, NO_TAG, ORIGINS, Movement, Target
from registry.ledger.rules import Rule, broken_rule, overlap
from tests.support import pairs
from tests.support.pairs import ANN, BOB, UNTIL


def judged(movements: Iterable[Movement], start: int) -> list[int]:
    leaves = np.frombuffer(b"".join(map(encode, movements)), LEAF_DTYPE)
    return Judge().judge(rows_of(leaves), start).tolist()


def assert_named_alike(given_pairs: Iterable[pairs.Pair]) -> None:
    """All parents first in one log, then all children."""
    listed = list(given_pairs)
    parents = [parent for _, parent in listed]
    children = [
        child if child.parent is None else replace(child, parent=number) for number, (child, _) in enumerate(listed)
    ]
    expected = [
        broken_rule(child, parent if child.parent is not None else None) or LAWFUL
        for child, parent in zip(children, parents, strict=True)
    ]
    assert judged(parents + children, len(parents)) == expected


@pytest.mark.parametrize(
    "departures", [pairs.by_flags, pairs.by_forms_and_purposes, pairs.by_tags, pairs.by_times, pairs.by_ranges]
)
def test_every_departure_is_named_as_the_rules_name_it(departures):
    assert_named_alike(departures())


def test_departures_in_several_fields_at_once():
    assert_named_alike(pairs.departures(seed=11, count=30_000))


TARGETS = (
    Target(100, 104).tag, Target(100, GRAMS_END - 2).tag, Target(100, GRAMS_END - 1).tag, Target(2, 1).tag,
    Target(1, 2**64 - 1).tag, Target(2**64 - 1, 2**64 - 1).tag,
)  # fmt: skip
KINDS = st.sampled_from([0, *range(1, 14), 63, 64, 65, 255])
TAGS = st.sampled_from([NO_TAG, ANN, BOB, bytes(19) + b"\1", b"\1" + bytes(19), *TARGETS])
MOVEMENTS = st.builds(
    Movement,
    kind=KINDS,
    form=st.integers(0, 255) | st.integers(0, 2),
    flags=st.integers(0, 255) | st.integers(0, 31),
    purpose=st.integers(0, 65535) | st.sampled_from([0, 1, 2, 4, 16, 20, 32, 34, 48]),
    first=st.sampled_from([0, 10, 11, GRAMS_END - 2, 2**64 - 2]),
    last=st.sampled_from([0, 11, 20, GRAMS_END - 1, GRAMS_END, 2**64 - 1]),
    parent=st.none() | st.just(0),
    at=st.sampled_from([0, 1000, UNTIL, 2**48 - 1]),
    until=st.sampled_from([0, 1000, UNTIL, 2**48 - 1]),
    from_tag=TAGS,
    to_tag=TAGS,
    evidence=st.just(bytes(32)),
)


@given(st.lists(st.tuples(MOVEMENTS, MOVEMENTS), min_size=1, max_size=30))
def test_anything_that_fits_a_leaf(given_pairs):
    assert_named_alike(given_pairs)


@given(MOVEMENTS, st.integers(1, 2**64 - 2))
def test_a_parent_that_does_not_come_before(movement, parent):
    child = replace(movement, parent=parent)
    alone = broken_rule(child, None)
    is_placed_wrong = alone is Rule.PARENT and child.kind not in ORIGINS
    lawful = replace(pairs.EXAMPLES[pairs.VOID][1], kind=pairs.ISSUE, parent=None, from_tag=NO_TAG)
    assert judged([lawful, child], 1) == [Rule.ORDER if is_placed_wrong else alone]


ISSUE = Movement(pairs.ISSUE, 1, 3, 0, 10, 20, None, 1000, 0, NO_TAG, ANN, bytes(32))
BUNDLE = replace(ISSUE, kind=pairs.BUNDLE)
RECORD = Movement(64, 0, 0, 0, 0, 0, None, 1000, 0, NO_TAG, NO_TAG, bytes(32))


def test_departures_of_what_has_no_parent():
    fields = {
        "kind": (0, 1, 12, 64, 71, 255), "form": range(4), "flags": (*range(64), 255), "purpose": (0, 1, 16, 48, 65535),
        "first": (0, 10, 20), "last": (0, 10, 20), "parent": (None, 0), "until": (0, 999, 1001),
        "from_tag": (NO_TAG, BOB), "to_tag": (NO_TAG, BOB),
    }  # fmt: skip
    one = [
        replace(lawful, **{name: value})
        for lawful in (ISSUE, BUNDLE, RECORD)
        for name in fields
        for value in fields[name]
    ]
    two = [replace(child, first=number, last=number) for child in one for number in (0, 10)]
    movements = [ISSUE, *one, *two]
    expected = [broken_rule(child, None if child.parent is None else ISSUE) or LAWFUL for child in movements]
    assert judged(movements, 1) == expected[1:]
    assert expected.count(LAWFUL) > 10


def placed(movements: list[Movement], draw: random.Random) -> list[Movement]:
    """Children, from the middle on, each after its own parent or after another one, itself, a later one, or none."""
    half, size = len(movements) // 2, len(movements)
    others = (lambda at: at, lambda at: at + 1, lambda _: size, lambda _: None, lambda _: draw.randrange(half))
    return movements[:half] + [
        replace(movement, parent=draw.choice(others)(at) if draw.random() < 0.3 else at - half)
        for at, movement in enumerate(movements[half:], start=half)
    ]


def name_one(movements: list[Movement], unread: set[int], at: int) -> Rule | int:
    """What the rules say of one leaf of a log some of whose leaves cannot be read."""
    child, parent = movements[at], movements[at].parent
    if at in unread:
        return LAWFUL
    if parent is not None and parent < at and parent not in unread:
        return broken_rule(child, movements[parent]) or LAWFUL
    alone = broken_rule(child, None)
    if alone is Rule.PARENT and parent is not None and child.kind not in ORIGINS:
        return Rule.ORDER if parent >= at else LAWFUL
    return alone or LAWFUL


@pytest.mark.parametrize("seed", range(3))
def test_a_log_of_all_sorts_in_which_one_judge_remembers(seed):
    draw = random.Random(seed)
    children, parents = zip(*pairs.departures(seed, 5_000), strict=True)
    movements = placed([*parents, *children], draw)
    unread = set(draw.sample(range(len(movements)), 500))
    rows = rows_of(np.frombuffer(b"".join(map(encode, movements)), LEAF_DTYPE)).copy()
    rows[sorted(unread)] = unread_rows(1)
    expected = [name_one(movements, unread, at) for at in range(len(parents), len(movements))]
    assert Judge().judge(rows, len(parents)).tolist() == expected
    assert {Rule.ORDER, Rule.PARENT, Rule.RECORD, LAWFUL} <= set(expected)


RANGES = st.tuples(st.integers(0, 12), st.integers(0, 12))
RIVALS = st.builds(
    lambda kind, grams, parent: replace(
        pairs.EXAMPLES[pairs.VOID][0], kind=kind, first=grams[0], last=grams[1], parent=parent
    ),
    st.sampled_from([pairs.ISSUE, pairs.BUNDLE, pairs.VOID, pairs.GATHER, 64]),
    RANGES,
    st.sampled_from([None, 0, 1]),
)


@given(st.lists(RIVALS, max_size=12))
def test_overlaps_are_those_that_the_rule_finds_two_by_two(movements):
    rows = rows_of(np.frombuffer(b"".join(map(encode, movements)), LEAF_DTYPE))
    expected = {
        (rule, later, earlier)
        for later, one in enumerate(movements)
        for earlier, other in enumerate(movements[:later])
        if (rule := overlap(one, other))
        if one.first < one.last and other.first < other.last
    }
    found = {(rule, *pair) for rule, pair in find_overlaps(rows)}
    assert found <= expected
    assert bool(found) == bool(expected)
    for rule in (Rule.OVERLAP, Rule.ISSUE_OVERLAP):
        assert any(rule is name for name, *_ in found) == any(rule is name for name, *_ in expected)
