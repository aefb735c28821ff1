"""The rules, row by row of the design's section 2, and against a naive reading of the same text."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ledger.movement import GRAMS_END, NO_TAG, Movement, Target
from registry.ledger.rules import SENTENCES, Rule, broken_rule, overlap
from tests.support import naive_rules, pairs
from tests.support.any_movement import anything
from tests.support.pairs import (
    ANN,
    BOB,
    BUNDLE,
    CANCEL,
    CLASS_I,
    CONVERT,
    CONVERTED,
    END,
    EXAMPLES,
    EXPIRE,
    GATHER,
    INDIVIDUAL,
    ISSUE,
    LOCK,
    LOCKED,
    POINTS,
    REDEEM,
    REDUCTION,
    REFUND,
    SCENARIO,
    SHOP,
    TARGET,
    TRANSFER,
    UNLOCK,
    UNTIL,
    VOID,
)

FROZEN = {"kind": LOCK, "purpose": 34, "flags": SCENARIO | INDIVIDUAL | LOCKED}
LISTED = FROZEN | {"purpose": 32}
PLEDGED = FROZEN | {"purpose": 33}
OWN_POINTS = {"form": POINTS, "until": UNTIL, "flags": SCENARIO | CONVERTED | INDIVIDUAL, "kind": CONVERT}
SHOP_POINTS = {"form": POINTS, "until": UNTIL, "flags": SCENARIO | CONVERTED, "kind": REDEEM}
OWNED = {"form": REDUCTION, "until": 0, "flags": SCENARIO, "kind": TRANSFER}

# Name of the case: (kind whose example it departs from, what the child changes, what the parent changes, rule broken).
CASES: dict[str, tuple[int, dict[str, object], dict[str, object], Rule | None]] = {
    "2 TRANSFER by agreement": (TRANSFER, {}, {}, None),
    "2 TRANSFER as pledge execution of unlocked grams": (TRANSFER, {"purpose": 4}, {}, None),
    "2 TRANSFER of points": (TRANSFER, {"form": POINTS, "until": UNTIL}, OWN_POINTS, Rule.FORM),
    "2 TRANSFER to the same holder": (TRANSFER, {"to_tag": ANN}, {}, Rule.HOLDER),
    "2 TRANSFER without a purpose": (TRANSFER, {"purpose": 0}, {}, Rule.PURPOSE),
    "2 TRANSFER for purpose 5": (TRANSFER, {"purpose": 5}, {}, Rule.PURPOSE),
    "2 TRANSFER to an institution": (TRANSFER, {"flags": SCENARIO}, {}, None),
    "2 listed TRANSFER out of a listing": (TRANSFER, {"purpose": 2}, LISTED, None),
    "2 listed TRANSFER out of a pledge": (TRANSFER, {"purpose": 2}, PLEDGED, Rule.LOCKED),
    "2 listed TRANSFER out of a freeze": (TRANSFER, {"purpose": 2}, FROZEN, Rule.LOCKED),
    "2 pledge execution out of a pledge": (TRANSFER, {"purpose": 4}, PLEDGED, None),
    "2 pledge execution out of a listing": (TRANSFER, {"purpose": 4}, LISTED, Rule.LOCKED),
    "2 agreement out of a listing": (TRANSFER, {"purpose": 1}, LISTED, Rule.LOCKED),
    "2 donation out of a pledge": (TRANSFER, {"purpose": 3}, PLEDGED, Rule.LOCKED),
    "2 TRANSFER that stays locked": (
        TRANSFER, {"purpose": 2, "flags": SCENARIO | INDIVIDUAL | LOCKED}, LISTED, Rule.LOCKED,
    ),
    "2 TRANSFER out of a locked TRANSFER": (TRANSFER, {"purpose": 2}, LISTED | {"kind": TRANSFER}, Rule.LOCKED),
    "3 CONVERT": (CONVERT, {}, {}, None),
    "3 CONVERT of an institution's": (CONVERT, {"flags": SCENARIO | CONVERTED}, {"flags": SCENARIO}, Rule.INDIVIDUAL),
    "3 CONVERT of a project's": (
        CONVERT, {"flags": CONVERTED | INDIVIDUAL}, {"flags": INDIVIDUAL}, Rule.CONVERTED,
    ),
    "3 CONVERT a second time": (CONVERT, {}, {"flags": SCENARIO | CONVERTED | INDIVIDUAL}, Rule.CONVERTED),
    "3 CONVERT without the mark": (CONVERT, {"flags": SCENARIO | INDIVIDUAL}, {}, Rule.CONVERTED),
    "3 CONVERT into another's points": (CONVERT, {"to_tag": BOB}, {}, Rule.HOLDER),
    "3 CONVERT with an expiry at once": (CONVERT, {"until": 2000}, {}, Rule.UNTIL),
    "3 CONVERT with an expiry a millisecond later": (CONVERT, {"until": 2001}, {}, None),
    "3 CONVERT of locked grams": (CONVERT, {}, LISTED, Rule.LOCKED),
    "4 REDEEM": (REDEEM, {}, {}, None),
    "4 REDEEM in the last millisecond": (REDEEM, {"at": UNTIL}, {}, None),
    "4 REDEEM a millisecond too late": (REDEEM, {"at": UNTIL + 1}, {}, Rule.EXPIRY),
    "4 REDEEM at a person": (REDEEM, {"flags": SCENARIO | CONVERTED | INDIVIDUAL}, {}, Rule.INDIVIDUAL),
    "4 REDEEM by an institution": (REDEEM, {}, SHOP_POINTS, Rule.INDIVIDUAL),
    "4 REDEEM of reductions": (REDEEM, {}, {"form": REDUCTION, "until": 0}, Rule.FORM),
    "4 REDEEM that prolongs the expiry": (REDEEM, {"until": UNTIL + 1}, {}, Rule.UNTIL),
    "5 REFUND": (REFUND, {}, {}, None),
    "5 REFUND after the expiry": (REFUND, {"at": UNTIL + 1}, {}, None),
    "5 REFUND to another person": (REFUND, {"to_tag": SHOP}, {}, Rule.REFUND),
    "5 REFUND of a REFUND": (REFUND, {}, {"kind": REFUND}, Rule.REFUND),
    "5 REFUND of a CONVERT": (REFUND, {}, {"kind": CONVERT}, Rule.REFUND),
    "5 REFUND to an institution": (REFUND, {"flags": SCENARIO | CONVERTED}, {}, Rule.INDIVIDUAL),
    "6 GATHER of points": (GATHER, {}, {}, None),
    "6 GATHER of reductions": (GATHER, {"flags": SCENARIO}, OWNED, None),
    "6 GATHER after the expiry": (GATHER, {"at": UNTIL + 1}, {}, None),
    "6 GATHER by a person": (GATHER, {}, OWN_POINTS, Rule.INDIVIDUAL),
    "6 GATHER for a person": (
        GATHER, {"flags": SCENARIO | CONVERTED | INDIVIDUAL}, {}, Rule.INDIVIDUAL,
    ),
    "6 GATHER that keeps the expiry": (GATHER, {"until": UNTIL}, {}, Rule.UNTIL),
    "6 GATHER that keeps a form": (GATHER, {"form": REDUCTION}, {}, Rule.FORM),
    "6 GATHER that clears CONVERTED": (GATHER, {"flags": SCENARIO}, {}, Rule.CONVERTED),
    "6 GATHER that gains CLASS_I": (GATHER, {"flags": SCENARIO | CONVERTED | CLASS_I}, {}, Rule.KEPT_FLAGS),
    "6 GATHER of locked grams": (GATHER, {"flags": SCENARIO}, PLEDGED | {"flags": SCENARIO | LOCKED}, Rule.LOCKED),
    "6 GATHER that locks": (GATHER, {"flags": SCENARIO | CONVERTED | LOCKED}, {}, Rule.LOCKED),
    "6 GATHER with a purpose": (GATHER, {"purpose": 16}, {}, Rule.PURPOSE),
    "6 GATHER into the first numbers of all": (GATHER, {"to_tag": NO_TAG}, {}, None),
    "6 GATHER to a tag": (GATHER, {"to_tag": ANN}, {}, Rule.GATHERED),
    "6 GATHER whose target is not behind four zero bytes": (
        GATHER, {"to_tag": b"\0\0\0\1" + TARGET[4:]}, {}, Rule.GATHERED,
    ),
    "6 GATHER whose target is its bundle's first": (GATHER, {"to_tag": Target(104, 104).tag}, {}, None),
    "6 GATHER whose target is before its bundle": (GATHER, {"to_tag": Target(105, 104).tag}, {}, Rule.GATHERED),
    "6 GATHER whose last number is the last of all": (GATHER, {"to_tag": Target(1, GRAMS_END - 4).tag}, {}, None),
    "6 GATHER past the last number": (GATHER, {"to_tag": Target(1, GRAMS_END - 3).tag}, {}, Rule.GATHERED),
    "6 GATHER that would begin again at zero": (GATHER, {"to_tag": Target(1, 2**64 - 1).tag}, {}, Rule.GATHERED),
    "7 EXPIRE": (EXPIRE, {}, {}, None),
    "7 EXPIRE in the last good millisecond": (EXPIRE, {"at": UNTIL}, {}, Rule.EXPIRY),
    "7 EXPIRE of a provider's points": (EXPIRE, {}, SHOP_POINTS, Rule.INDIVIDUAL),
    "7 EXPIRE of reductions": (EXPIRE, {}, {"form": REDUCTION, "until": 0}, Rule.FORM),
    "7 EXPIRE of frozen points": (
        EXPIRE, {}, OWN_POINTS | {"kind": LOCK, "purpose": 34, "flags": 30}, Rule.LOCKED,
    ),
    "8 CANCEL as voluntary offset": (CANCEL, {}, {}, None),
    "8 CANCEL for purpose 15": (CANCEL, {"purpose": 15}, {}, Rule.PURPOSE),
    "8 CANCEL for purpose 22": (CANCEL, {"purpose": 22}, {}, Rule.PURPOSE),
    "8 CANCEL of an institution's, moved to another registry": (CANCEL, {"purpose": 21}, OWNED, None),
    "8 CANCEL of a person's, moved to another registry": (CANCEL, {"purpose": 21}, {}, Rule.INDIVIDUAL),
    "8 CANCEL of points, moved to another registry": (
        CANCEL, {"purpose": 21, "flags": SCENARIO | CONVERTED}, SHOP_POINTS, Rule.PURPOSE,
    ),
    "8 compliance offset without class I": (CANCEL, {"purpose": 20}, {}, Rule.CLASS_I),
    "8 compliance offset with class I": (
        CANCEL, {"purpose": 20, "flags": SCENARIO | CLASS_I}, {"flags": SCENARIO | CLASS_I | INDIVIDUAL}, None,
    ),
    "8 CANCEL of points voluntarily, in the last millisecond": (
        CANCEL, {"purpose": 16, "at": UNTIL, "flags": SCENARIO | CONVERTED}, OWN_POINTS, None,
    ),
    "8 CANCEL of a person's points too late": (
        CANCEL, {"purpose": 18, "at": UNTIL + 1, "flags": SCENARIO | CONVERTED}, OWN_POINTS, Rule.EXPIRY,
    ),
    "8 CANCEL of a provider's points, however late": (
        CANCEL, {"purpose": 18, "at": UNTIL + 1, "flags": SCENARIO | CONVERTED}, SHOP_POINTS, None,
    ),
    "8 offset with points": (CANCEL, {"purpose": 17, "flags": SCENARIO | CONVERTED}, OWN_POINTS, Rule.PURPOSE),
    "8 CANCEL with a holder afterwards": (CANCEL, {"to_tag": ANN}, {}, Rule.HOLDER),
    "8 CANCEL that keeps INDIVIDUAL": (CANCEL, {"flags": SCENARIO | INDIVIDUAL}, {}, Rule.INDIVIDUAL),
    "8 CANCEL that keeps LOCKED": (CANCEL, {"flags": SCENARIO | LOCKED}, {}, Rule.LOCKED),
    "8 CANCEL of locked grams": (CANCEL, {}, PLEDGED, Rule.LOCKED),
    "8 CANCEL that stays a reduction": (CANCEL, {"form": REDUCTION}, {}, Rule.FORM),
    "9 VOID": (VOID, {}, {}, None),
    "9 VOID of points": (VOID, {"flags": SCENARIO | CONVERTED}, OWN_POINTS, None),
    "9 VOID of frozen grams": (VOID, {}, FROZEN, None),
    "9 VOID without its purpose": (VOID, {"purpose": 0}, {}, Rule.PURPOSE),
    "9 VOID with an expiry": (VOID, {"until": UNTIL, "flags": SCENARIO | CONVERTED}, OWN_POINTS, Rule.UNTIL),
    "10 LOCK for a listing": (LOCK, {}, {}, None),
    "10 LOCK as a freeze": (LOCK, {"purpose": 34}, {}, None),
    "10 LOCK that does not lock": (LOCK, {"flags": SCENARIO | INDIVIDUAL}, {}, Rule.LOCKED),
    "10 LOCK of points as a freeze": (
        LOCK, {"purpose": 34, "form": POINTS, "until": UNTIL, "flags": 30}, OWN_POINTS, None,
    ),
    "10 LOCK of points as a pledge": (
        LOCK, {"purpose": 33, "form": POINTS, "until": UNTIL, "flags": 30}, OWN_POINTS, Rule.PURPOSE,
    ),
    "10 LOCK of what is locked": (LOCK, {"purpose": 34}, LISTED, Rule.LOCKED),
    "10 LOCK that changes the holder": (LOCK, {"to_tag": SHOP}, {}, Rule.HOLDER),
    "10 LOCK that makes the holder an institution": (LOCK, {"flags": SCENARIO | LOCKED}, {}, Rule.INDIVIDUAL),
    "11 UNLOCK": (UNLOCK, {}, {}, None),
    "11 UNLOCK of a freeze": (UNLOCK, {}, {"purpose": 34}, None),
    "11 UNLOCK of what is not locked": (UNLOCK, {}, {"flags": SCENARIO | INDIVIDUAL}, Rule.LOCKED),
    "11 UNLOCK that stays locked": (UNLOCK, {"flags": SCENARIO | INDIVIDUAL | LOCKED}, {}, Rule.LOCKED),
    "11 UNLOCK with a purpose": (UNLOCK, {"purpose": 32}, {}, Rule.PURPOSE),
    "all: after an end": (TRANSFER, {}, {"form": END, "kind": CANCEL}, Rule.PARENT),
    "all: after a record": (TRANSFER, {}, {"form": END, "kind": 64}, Rule.PARENT),
    "all: after a record that claims a form": (TRANSFER, {}, {"kind": 64}, Rule.PARENT),
    "all: the parent's whole range": (TRANSFER, {"first": 10, "last": 20}, {}, None),
    "all: one gram before the parent's": (TRANSFER, {"first": 9}, {}, Rule.WITHIN),
    "all: one gram after the parent's": (TRANSFER, {"last": 21}, {}, Rule.WITHIN),
    "all: no gram": (TRANSFER, {"last": 12}, {}, Rule.RANGE),
    "all: a backward range": (TRANSFER, {"first": 15, "last": 12}, {}, Rule.RANGE),
    "all: from somebody else": (TRANSFER, {"from_tag": SHOP}, {}, Rule.FROM_TAG),
    "all: at the parent's time": (TRANSFER, {"at": 1000}, {}, None),
    "all: before the parent's time": (TRANSFER, {"at": 999}, {}, Rule.TIME),
    "all: CLASS_I gained": (TRANSFER, {"flags": SCENARIO | CLASS_I}, {}, Rule.KEPT_FLAGS),
    "all: SCENARIO lost": (TRANSFER, {"flags": INDIVIDUAL}, {}, Rule.KEPT_FLAGS),
    "all: CONVERTED gained without CONVERT": (TRANSFER, {"flags": SCENARIO | CONVERTED}, {}, Rule.CONVERTED),
    "all: an unlisted bit": (TRANSFER, {"flags": SCENARIO | INDIVIDUAL | 32}, {}, Rule.FLAGS),
    "all: an unlisted kind": (TRANSFER, {"kind": 13}, {}, Rule.KIND),
    "all: the last numbers of all": (TRANSFER, {"last": GRAMS_END - 1}, {"last": GRAMS_END - 1}, None),
    "all: a range that does not end below 2^63": (TRANSFER, {"last": GRAMS_END}, {"last": GRAMS_END}, Rule.RANGE),
    "all: a holder without a tag": (TRANSFER, {"to_tag": NO_TAG}, {}, Rule.HOLDER),
    "all: no tag stays no tag": (LOCK, {"from_tag": NO_TAG, "to_tag": NO_TAG}, {"to_tag": NO_TAG}, Rule.HOLDER),
    "all: back to a holder without a tag": (REFUND, {"to_tag": NO_TAG}, {"from_tag": NO_TAG}, Rule.HOLDER),
    "all: kind zero": (TRANSFER, {"kind": 0}, {}, Rule.KIND),
    "all: no parent named": (TRANSFER, {"parent": None}, {}, Rule.PARENT),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_row_of_the_table(case):
    kind, of_child, of_parent, expected = CASES[case]
    child, parent = EXAMPLES[kind]
    assert broken_rule(replace(child, **of_child), replace(parent, **of_parent)) == expected


LAWFUL_ISSUE = Movement(ISSUE, REDUCTION, SCENARIO | INDIVIDUAL, 0, 0, 5, None, 0, 0, NO_TAG, ANN, bytes(32))
LAWFUL_BUNDLE = replace(LAWFUL_ISSUE, kind=BUNDLE, flags=SCENARIO | CONVERTED)
LAWFUL_RECORD = Movement(64, 0, 0, 0, 0, 0, None, 1, 0, NO_TAG, NO_TAG, bytes(32))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"flags": 0}, None),
        ({"flags": CLASS_I | SCENARIO}, None),
        ({"flags": LOCKED}, Rule.FLAGS),
        ({"flags": 128}, Rule.FLAGS),
        ({"parent": 3}, Rule.PARENT),
        ({"form": POINTS}, Rule.FORM),
        ({"form": END}, Rule.FORM),
        ({"purpose": 1}, Rule.PURPOSE),
        ({"from_tag": ANN}, Rule.FROM_TAG),
        ({"to_tag": NO_TAG}, Rule.HOLDER),
        ({"until": 1}, Rule.UNTIL),
        ({"last": 0}, Rule.RANGE),
        ({"last": GRAMS_END - 1}, None),
        ({"last": GRAMS_END}, Rule.RANGE),
    ],
)
def test_rows_1_and_12_issue_and_bundle(changes, expected):
    assert broken_rule(replace(LAWFUL_ISSUE, **changes), None) == expected
    assert broken_rule(replace(LAWFUL_BUNDLE, **changes), None) == expected


@pytest.mark.parametrize("flag", [1 << bit for bit in range(8)])
def test_a_bundle_keeps_the_mark_of_points_and_is_never_a_persons(flag):
    assert broken_rule(replace(LAWFUL_ISSUE, flags=flag), None) == (None if flag & 11 else Rule.FLAGS)
    assert broken_rule(replace(LAWFUL_BUNDLE, flags=flag), None) == (None if flag & 7 else Rule.FLAGS)


@pytest.mark.parametrize(
    "changes",
    [
        {"form": 1}, {"flags": 1}, {"purpose": 1}, {"first": 1}, {"last": 1}, {"first": 1, "last": 2}, {"until": 1},
        {"parent": 0}, {"from_tag": ANN}, {"to_tag": ANN},
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [64, 71, 200, 255])
def test_a_record_moves_nothing(kind, changes):
    assert broken_rule(replace(LAWFUL_RECORD, kind=kind), None) is None
    assert broken_rule(replace(LAWFUL_RECORD, kind=kind, **changes), None) == Rule.RECORD


@pytest.mark.parametrize(
    "pairs_of",
    [pairs.by_flags, pairs.by_forms_and_purposes, pairs.by_tags, pairs.by_times, pairs.by_ranges],
    ids=lambda made: made.__name__,
)
def test_the_rules_say_what_the_text_says(pairs_of):
    lawful = 0
    for child, parent in pairs_of():
        expected = naive_rules.allowed(child, parent)
        assert (broken_rule(child, parent) is None) == expected, (child, parent)
        lawful += expected
    assert lawful >= 10, "the enumeration has to meet lawful pairs too"


def test_the_rules_say_what_the_text_says_of_random_departures():
    verdicts = [broken_rule(*pair) for pair in pairs.departures(20, 20_000) if _agreed(*pair)]
    assert set(Rule) - set(verdicts) == {Rule.OVERLAP, Rule.ISSUE_OVERLAP, Rule.ORDER, Rule.LEAF}


def _agreed(child, parent):
    assert (broken_rule(child, parent) is None) == naive_rules.allowed(child, parent), (child, parent)
    return True


@given(anything, st.none() | anything)
def test_any_two_leaves_get_a_verdict_with_a_sentence(child, parent):
    verdict = broken_rule(child, parent)
    assert (verdict is None) == naive_rules.allowed(child, parent)
    assert verdict is None or SENTENCES[verdict]


@given(anything, anything)
def test_overlap_is_a_shared_gram_and_has_no_order(one, other):
    verdict = overlap(one, other)
    assert (verdict is not None) == naive_rules.share_a_gram(one, other)
    assert verdict == overlap(other, one)
    both_number = {one.kind, other.kind} <= {ISSUE, BUNDLE}
    assert verdict in {None, Rule.ISSUE_OVERLAP if both_number else Rule.OVERLAP}


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        (((0, 5), (5, 9)), None),
        (((0, 5), (4, 9)), Rule.OVERLAP),
        (((0, 9), (3, 4)), Rule.OVERLAP),
        (((0, 5), (0, 5)), Rule.OVERLAP),
        (((0, 5), (6, 9)), None),
    ],
)
def test_children_of_one_parent_adjoin_but_never_overlap(ranges, expected):
    one, other = (replace(EXAMPLES[TRANSFER][0], first=first, last=last) for first, last in ranges)
    assert overlap(one, other) == expected
    assert overlap(one, replace(other, parent=9)) is None
