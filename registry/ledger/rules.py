"""Every rule about a gram, as pure functions of a child and its parent (docs/design.md, section 2).

The registry refuses by these rules, auditors replay them, witnesses will check them before they sign. The order of
the checks is part of the specification: programs in other languages name the same first rule for the same pair.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from registry.ledger.movement import (
    GRAMS_END,
    NO_TAG,
    ORIGINS,
    RECORDS_FROM,
    Flag,
    Form,
    Kind,
    Movement,
    Purpose,
    Target,
    target_of,
)


class Rule(IntEnum):
    """The rule that a movement breaks. Numbers are stable: the contract keeps them (contracts/libraries/RulesLib.sol).

    ORDER is about indices and LEAF about bytes: `anchoring.conviction` and the audit see them, the rest is here.
    """

    KIND = 1
    RECORD = 2
    RANGE = 3
    PARENT = 4
    WITHIN = 5
    FORM = 6
    FLAGS = 7
    PURPOSE = 8
    TIME = 9
    FROM_TAG = 10
    HOLDER = 11
    KEPT_FLAGS = 12
    CONVERTED = 13
    INDIVIDUAL = 14
    LOCKED = 15
    UNTIL = 16
    EXPIRY = 17
    CLASS_I = 18
    REFUND = 19
    OVERLAP = 20
    ISSUE_OVERLAP = 21
    ORDER = 22
    LEAF = 23
    GATHERED = 24


SENTENCES = {
    Rule.KIND: "the kind is not listed",
    Rule.RECORD: "a record of a decision moves no grams and has no parent, tag, form, flag, purpose or expiry",
    Rule.RANGE: "the range of grams is empty, or does not end below 2^63",
    Rule.PARENT: "an ISSUE or a BUNDLE has no parent; every other movement has one that still has a form",
    Rule.WITHIN: "the grams are not all in the parent's range",
    Rule.FORM: "the kind does not lead from the parent's form to this form",
    Rule.FLAGS: "a flag is set that this kind may not set",
    Rule.PURPOSE: "the purpose is not one that this kind has for this form",
    Rule.TIME: "the movement is earlier than its parent",
    Rule.FROM_TAG: "the giver's tag is not the tag of the parent's holder",
    Rule.HOLDER: "the holder stays, changes or ends otherwise than this kind says, or has no tag",
    Rule.KEPT_FLAGS: "CLASS_I and SCENARIO never change",
    Rule.CONVERTED: "only unconverted scenario reductions convert, once, and the mark stays",
    Rule.INDIVIDUAL: "the kind of holder before or after is not the one this kind of movement needs",
    Rule.LOCKED: "a locked block may only be unlocked, voided, or transferred for what it was locked for",
    Rule.UNTIL: "the expiry is kept while the grams are points, and absent otherwise",
    Rule.EXPIRY: "points are used up to their expiry, and expire only after it",
    Rule.CLASS_I: "a compliance offset needs class I",
    Rule.REFUND: "a refund gives points of a redemption back to the one who redeemed them",
    Rule.OVERLAP: "two movements with the same parent overlap",
    Rule.ISSUE_OVERLAP: "two movements give the same number to grams",
    Rule.ORDER: "a parent comes before its child in the log",
    Rule.LEAF: "a leaf of the log has 114 bytes and version 1",
    Rule.GATHERED: "GATHERs and behind them their BUNDLE are neighbours, and it has their grams, no more, no less",
}

_R, _P, _END = Form.REDUCTION, Form.POINTS, Form.END


@dataclass(frozen=True, slots=True)
class Course:
    """What a kind does to the form, from which purposes, and whether the holder stays."""

    forms: dict[int, int]
    """Form before -> form after."""
    purposes: dict[int, frozenset[int]]
    """Form before -> purposes allowed."""
    holder: str
    """"same", "changes", "refund", "target" or "end"."""


def _course(
    forms: dict[int, int],
    holder: str,
    purposes: Iterable[int] = (Purpose.NONE,),
    points: Iterable[int] | None = None,
) -> Course:
    """Make a course; `points` are the purposes for points where they differ from those for reductions."""
    for_points = purposes if points is None else points
    return Course(forms, {_R: frozenset(purposes), _P: frozenset(for_points)}, holder)


COURSES: dict[int, Course] = {
    Kind.TRANSFER: _course({_R: _R}, "changes", range(Purpose.AGREEMENT, Purpose.PLEDGE_EXECUTION + 1)),
    Kind.CONVERT: _course({_R: _P}, "same"),
    Kind.REDEEM: _course({_P: _P}, "changes"),
    Kind.REFUND: _course({_P: _P}, "refund"),
    Kind.GATHER: _course({_R: _END, _P: _END}, "target"),
    Kind.EXPIRE: _course({_P: _END}, "end"),
    Kind.CANCEL: _course(
        {_R: _END, _P: _END},
        "end",
        range(Purpose.VOLUNTARY_CANCELLATION, Purpose.OTHER_REGISTRY + 1),
        (Purpose.VOLUNTARY_CANCELLATION, Purpose.DONATION),
    ),
    Kind.VOID: _course({_R: _END, _P: _END}, "end", (Purpose.ABNORMAL_DATA,)),
    Kind.LOCK: _course({_R: _R, _P: _P}, "same", (Purpose.LISTING, Purpose.PLEDGE, Purpose.FREEZE), (Purpose.FREEZE,)),
    Kind.UNLOCK: _course({_R: _R, _P: _P}, "same"),
}

# Plain integers: the complement of an IntFlag is the other named flags only, and bits without a name would pass.
ALL_FLAGS = int(Flag.CLASS_I | Flag.SCENARIO | Flag.CONVERTED | Flag.INDIVIDUAL | Flag.LOCKED)
ISSUE_FLAGS = int(Flag.CLASS_I | Flag.SCENARIO | Flag.INDIVIDUAL)
BUNDLE_FLAGS = int(Flag.CLASS_I | Flag.SCENARIO | Flag.CONVERTED)
KEPT_FLAGS = int(Flag.CLASS_I | Flag.SCENARIO)
_CLASS_I, _SCENARIO, _CONVERTED = int(Flag.CLASS_I), int(Flag.SCENARIO), int(Flag.CONVERTED)
_INDIVIDUAL, _LOCKED = int(Flag.INDIVIDUAL), int(Flag.LOCKED)
LOCK_OPENED_BY = {Purpose.LISTED_TRADE: Purpose.LISTING, Purpose.PLEDGE_EXECUTION: Purpose.PLEDGE}
"""Purpose of a TRANSFER -> purpose of the LOCK that it may take the grams out of."""


def broken_rule(child: Movement, parent: Movement | None) -> Rule | None:
    """Name the first rule that `child` breaks against `parent`, or None when it is lawful.

    `parent` is the movement or record that `child.parent` names, None when it names none. Overlap with other
    children of the same parent is `overlap`'s to say, what stands beside it in the log `broken_run`'s.
    """
    if child.kind >= RECORDS_FROM:
        return _broken_by_record(child)
    if child.kind not in ORIGINS and child.kind not in COURSES:
        return Rule.KIND
    if not child.first < child.last < GRAMS_END:
        return Rule.RANGE
    if child.kind in ORIGINS:
        return _broken_by_origin(child)
    if child.kind == Kind.GATHER and target_of(child) is None:
        return Rule.GATHERED
    if child.parent is None or parent is None or parent.form == Form.END or parent.is_record:
        return Rule.PARENT
    return _broken_by_shape(child, parent) or _broken_by_holder(child, parent) or _broken_by_kind(child, parent)


def overlap(one: Movement, other: Movement) -> Rule | None:
    """Name the rule broken by two different leaves that take or number the same gram, or None.

    Two children of one parent never overlap, and two of ISSUE and BUNDLE never overlap.
    """
    if max(one.first, other.first) >= min(one.last, other.last) or one.is_record or other.is_record:
        return None
    if one.kind in ORIGINS and other.kind in ORIGINS:
        return Rule.ISSUE_OVERLAP
    return Rule.OVERLAP if one.parent is not None and one.parent == other.parent else None


def is_in_run(before: Movement | None, after: Movement | None) -> bool:
    """Whether two neighbours of the log have to be of one run, `before` right before `after`; None is no leaf.

    A run is one or more GATHERs and then their BUNDLE.
    """
    if before is not None and before.kind == Kind.GATHER:
        return True
    if after is None or after.kind != Kind.GATHER:
        return after is not None and after.kind == Kind.BUNDLE
    target = target_of(after)
    return target is not None and not target.begins_run


def broken_run(before: Movement | None, after: Movement | None) -> Rule | None:
    """Name GATHERED when two neighbours of the log should be of one run and are not; None when nothing is broken.

    `before` None stands for what is before leaf 0, `after` None for what is behind the last leaf of a signed log.
    """
    if not is_in_run(before, after) or (before is not None and after is not None and _go_on(before, after)):
        return None
    return Rule.GATHERED


def _go_on(before: Movement, after: Movement) -> bool:
    """Whether `after` takes up a run where the GATHER `before` leaves it."""
    target = target_of(before) if before.kind == Kind.GATHER else None
    if target is None or after.at != before.at or (after.flags ^ before.flags) & BUNDLE_FLAGS:
        return False
    end = target.first + before.quantity_g
    if after.kind == Kind.BUNDLE:
        return (after.first, after.last) == (target.bundle, end)
    return after.kind == Kind.GATHER and target_of(after) == Target(target.bundle, end)


def _broken_by_record(child: Movement) -> Rule | None:
    empty = (child.form, child.flags, child.purpose, child.first, child.last, child.until) == (0,) * 6
    bare = child.parent is None and child.from_tag == NO_TAG and child.to_tag == NO_TAG
    return None if empty and bare else Rule.RECORD


def _broken_by_origin(child: Movement) -> Rule | None:
    flags = ISSUE_FLAGS if child.kind == Kind.ISSUE else BUNDLE_FLAGS
    broken = (
        (Rule.PARENT, child.parent is not None),
        (Rule.FORM, child.form != Form.REDUCTION),
        (Rule.FLAGS, bool(child.flags & ~flags)),
        (Rule.PURPOSE, child.purpose != Purpose.NONE),
        (Rule.FROM_TAG, child.from_tag != NO_TAG),
        (Rule.HOLDER, child.to_tag == NO_TAG),
        (Rule.UNTIL, child.until != 0),
    )
    return next((rule for rule, is_broken in broken if is_broken), None)


def _broken_by_shape(child: Movement, parent: Movement) -> Rule | None:
    """Rules on range, form, codes and time."""
    course = COURSES[child.kind]
    if not parent.first <= child.first <= child.last <= parent.last:
        return Rule.WITHIN
    if course.forms.get(parent.form) != child.form:
        return Rule.FORM
    if child.flags & ~ALL_FLAGS:
        return Rule.FLAGS
    if child.purpose not in course.purposes[parent.form]:
        return Rule.PURPOSE
    return Rule.TIME if child.at < parent.at else None


def _broken_by_holder(child: Movement, parent: Movement) -> Rule | None:
    """Rules on tags and on the flags that follow the grams and their holder."""
    if child.from_tag != parent.to_tag:
        return Rule.FROM_TAG
    if child.form != Form.END and child.to_tag == NO_TAG:
        return Rule.HOLDER
    if not _holder_as_said(COURSES[child.kind].holder, child, parent):
        return Rule.REFUND if child.kind == Kind.REFUND else Rule.HOLDER
    if (child.flags ^ parent.flags) & KEPT_FLAGS:
        return Rule.KEPT_FLAGS
    if not _converted_as_said(child, parent):
        return Rule.CONVERTED
    if not _individual_as_said(child, parent):
        return Rule.INDIVIDUAL
    return None if _lock_as_said(child, parent) else Rule.LOCKED


def _broken_by_kind(child: Movement, parent: Movement) -> Rule | None:
    """Rules on expiry and on class."""
    if not _until_as_said(child, parent):
        return Rule.UNTIL
    if not _in_time(child, parent):
        return Rule.EXPIRY
    if child.purpose == Purpose.COMPLIANCE_OFFSET and not parent.flags & _CLASS_I:
        return Rule.CLASS_I
    return None


def _holder_as_said(holder: str, child: Movement, parent: Movement) -> bool:
    if holder == "same":
        return child.to_tag == child.from_tag
    if holder == "changes":
        return child.to_tag != child.from_tag
    if holder == "refund":
        return parent.kind == Kind.REDEEM and child.to_tag == parent.from_tag
    return holder == "target" or child.to_tag == NO_TAG


def _converted_as_said(child: Movement, parent: Movement) -> bool:
    was, is_now = bool(parent.flags & _CONVERTED), bool(child.flags & _CONVERTED)
    if child.kind != Kind.CONVERT:
        return was == is_now
    return bool(parent.flags & _SCENARIO) and not was and is_now


def _individual_as_said(child: Movement, parent: Movement) -> bool:
    was, is_now = bool(parent.flags & _INDIVIDUAL), bool(child.flags & _INDIVIDUAL)
    match child.kind:
        case Kind.TRANSFER:
            return True
        case Kind.CONVERT:
            return was and is_now
        case Kind.REDEEM:
            return was and not is_now
        case Kind.REFUND:
            return is_now
        case Kind.GATHER:
            return not was and not is_now
        case Kind.EXPIRE:
            return was and not is_now
        case Kind.CANCEL:
            return not is_now and not (was and child.purpose == Purpose.OTHER_REGISTRY)
        case Kind.VOID:
            return not is_now
    return was == is_now


def _lock_as_said(child: Movement, parent: Movement) -> bool:
    was, is_now = bool(parent.flags & _LOCKED), bool(child.flags & _LOCKED)
    if is_now != (child.kind == Kind.LOCK):
        return False
    if child.kind == Kind.UNLOCK:
        return was
    if not was or child.kind == Kind.VOID:
        return True
    opened_by = LOCK_OPENED_BY.get(Purpose(child.purpose)) if child.kind == Kind.TRANSFER else None
    return opened_by is not None and parent.kind == Kind.LOCK and parent.purpose == opened_by


def _until_as_said(child: Movement, parent: Movement) -> bool:
    if child.kind == Kind.CONVERT:
        return child.until > child.at
    return child.until == (parent.until if child.form == Form.POINTS else 0)


def _in_time(child: Movement, parent: Movement) -> bool:
    if child.kind == Kind.REDEEM:
        return child.at <= parent.until
    if child.kind == Kind.EXPIRE:
        return child.at > parent.until
    if child.kind == Kind.CANCEL and parent.form == Form.POINTS and parent.flags & _INDIVIDUAL:
        return child.at <= parent.until
    return True
