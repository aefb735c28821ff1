"""The design's section 2 once more, read sentence by sentence and written down without looking at the code.

Each row of the table is a function that lists what the row says; what the text says "for all but ISSUE" is a list of
its own. Slow, plain, and structured as the text is, so that a fault in the rules is not repeated here.
"""

from collections.abc import Iterator

from registry.ledger.movement import Movement

CLASS_I, SCENARIO, CONVERTED, INDIVIDUAL, LOCKED = 1, 2, 4, 8, 16
ISSUE, TRANSFER, CONVERT, REDEEM, REFUND, RETURN, EXPIRE, CANCEL, VOID, LOCK, UNLOCK = range(1, 12)
END, REDUCTION, POINTS = 0, 1, 2
ZERO = b"\0" * 20
SAME_HOLDER = {CONVERT, RETURN, LOCK, UNLOCK}
FORMS = {
    TRANSFER: {(REDUCTION, REDUCTION)},
    CONVERT: {(REDUCTION, POINTS)},
    REDEEM: {(POINTS, POINTS)},
    REFUND: {(POINTS, POINTS)},
    RETURN: {(POINTS, REDUCTION)},
    EXPIRE: {(POINTS, END)},
    CANCEL: {(REDUCTION, END), (POINTS, END)},
    VOID: {(REDUCTION, END), (POINTS, END)},
    LOCK: {(REDUCTION, REDUCTION), (POINTS, POINTS)},
    UNLOCK: {(REDUCTION, REDUCTION), (POINTS, POINTS)},
}


def has(movement: Movement, flag: int) -> bool:
    return (movement.flags // flag) % 2 == 1


def allowed(child: Movement, parent: Movement | None) -> bool:
    """Whether the text allows the child; `parent` is what it names, None when it names none."""
    if child.kind >= 64:
        return (
            (child.form, child.flags, child.purpose, child.first, child.last, child.until) == (0, 0, 0, 0, 0, 0)
            and child.parent is None
            and child.from_tag == child.to_tag == ZERO
        )
    if child.kind == ISSUE:
        return all(issue(child))
    if child.kind not in FORMS or child.parent is None or parent is None:
        return False
    return all(for_all_but_issue(child, parent)) and all(ROWS[child.kind](child, parent))


def issue(child: Movement) -> Iterator[bool]:
    yield child.form == REDUCTION
    yield child.parent is None
    yield child.from_tag == ZERO
    yield child.flags in {a + b + c for a in (0, CLASS_I) for b in (0, SCENARIO) for c in (0, INDIVIDUAL)}
    yield child.purpose == 0
    yield child.until == 0
    yield len(range(child.first, child.last)) > 0


def for_all_but_issue(child: Movement, parent: Movement) -> Iterator[bool]:
    # the parent has a form (it is no end and no record)
    yield parent.form in {REDUCTION, POINTS} and parent.kind < 64
    yield (parent.form, child.form) in FORMS[child.kind]
    # the child's range lies in the parent's
    taken, there = range(child.first, child.last), range(parent.first, parent.last)
    yield len(taken) > 0 and taken[0] in there and taken[-1] in there
    yield child.from_tag == parent.to_tag
    yield not child.at < parent.at
    yield has(child, CLASS_I) == has(parent, CLASS_I)
    yield has(child, SCENARIO) == has(parent, SCENARIO)
    yield child.kind == CONVERT or has(child, CONVERTED) == has(parent, CONVERTED)
    # same holder keeps INDIVIDUAL: in the rows that say "same holder"
    yield child.kind not in SAME_HOLDER or has(child, INDIVIDUAL) == has(parent, INDIVIDUAL)
    # a locked parent allows only UNLOCK, VOID and the two TRANSFERs
    yield not has(parent, LOCKED) or child.kind in {UNLOCK, VOID, TRANSFER}
    # until is kept while the form is points, and 0 otherwise
    if (parent.form, child.form) == (POINTS, POINTS):
        yield child.until == parent.until
    if child.form != POINTS:
        yield child.until == 0
    if child.form == END:
        yield child.to_tag == ZERO
        yield not has(child, INDIVIDUAL) and not has(child, LOCKED)
    yield child.kind in {TRANSFER, CANCEL, VOID, LOCK} or child.purpose == 0
    # bits not listed are refused
    yield 0 <= child.flags < 32
    # LOCKED is set by LOCK, and by nothing else
    yield has(child, LOCKED) == (child.kind == LOCK)


def transfer(child: Movement, parent: Movement) -> Iterator[bool]:
    yield child.to_tag != child.from_tag
    yield child.purpose in {1, 2, 3, 4}
    if has(parent, LOCKED):
        yield parent.kind == LOCK and (child.purpose, parent.purpose) in {(2, 32), (4, 33)}


def convert(child: Movement, parent: Movement) -> Iterator[bool]:
    yield child.to_tag == child.from_tag
    yield has(parent, INDIVIDUAL) and has(child, INDIVIDUAL)
    yield has(parent, SCENARIO)
    yield not has(parent, CONVERTED) and has(child, CONVERTED)
    yield child.until > child.at


def redeem(child: Movement, parent: Movement) -> Iterator[bool]:
    yield child.to_tag != child.from_tag
    yield has(parent, INDIVIDUAL) and not has(child, INDIVIDUAL)
    yield not child.at > child.until


def refund(child: Movement, parent: Movement) -> Iterator[bool]:
    yield parent.kind == REDEEM
    yield child.to_tag == parent.from_tag
    yield has(child, INDIVIDUAL)


def return_(child: Movement, parent: Movement) -> Iterator[bool]:
    yield child.to_tag == child.from_tag
    yield not has(parent, INDIVIDUAL) and not has(child, INDIVIDUAL)


def expire(child: Movement, parent: Movement) -> Iterator[bool]:
    yield has(parent, INDIVIDUAL)
    yield child.at > parent.until


def cancel(child: Movement, parent: Movement) -> Iterator[bool]:
    yield child.purpose in {16, 17, 18, 19, 20}
    yield child.purpose != 20 or has(parent, CLASS_I)
    if parent.form == POINTS:
        yield child.purpose in {16, 18}
        yield not has(parent, INDIVIDUAL) or not child.at > parent.until


def void(child: Movement, _: Movement) -> Iterator[bool]:
    yield child.purpose == 48


def lock(child: Movement, parent: Movement) -> Iterator[bool]:
    yield child.to_tag == child.from_tag
    yield child.purpose == 34 or (child.purpose in {32, 33} and parent.form == REDUCTION)


def unlock(child: Movement, parent: Movement) -> Iterator[bool]:
    yield child.to_tag == child.from_tag
    yield has(parent, LOCKED)


ROWS = {
    TRANSFER: transfer,
    CONVERT: convert,
    REDEEM: redeem,
    REFUND: refund,
    RETURN: return_,
    EXPIRE: expire,
    CANCEL: cancel,
    VOID: void,
    LOCK: lock,
    UNLOCK: unlock,
}


def share_a_gram(one: Movement, other: Movement) -> bool:
    """Whether the two take one gram that only one of them may take; for small ranges only."""
    rivals = (one.kind == other.kind == ISSUE) or (one.parent is not None and one.parent == other.parent)
    common = set(range(one.first, one.last)) & set(range(other.first, other.last))
    return rivals and bool(common) and one.kind < 64 and other.kind < 64
