"""The design's section 2 once more, read sentence by sentence and written down without looking at the code.

Each row of the table is a function that lists what the row says; what the text says "for all but ISSUE and BUNDLE" is
a list of its own, and so is what it says of runs. Slow, plain, and structured as the text is, so that a fault in the
rules is not repeated here.
"""

from collections.abc import Iterator

from registry.ledger.movement import Movement

CLASS_I, SCENARIO, CONVERTED, INDIVIDUAL, LOCKED = 1, 2, 4, 8, 16
ISSUE, TRANSFER, CONVERT, REDEEM, REFUND, GATHER, EXPIRE, CANCEL, VOID, LOCK, UNLOCK, BUNDLE = range(1, 13)
END, REDUCTION, POINTS = 0, 1, 2
ZERO = b"\0" * 20
SAME_HOLDER = {CONVERT, LOCK, UNLOCK}
FORMS = {
    TRANSFER: {(REDUCTION, REDUCTION)},
    CONVERT: {(REDUCTION, POINTS)},
    REDEEM: {(POINTS, POINTS)},
    REFUND: {(POINTS, POINTS)},
    GATHER: {(REDUCTION, END), (POINTS, END)},
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
        return all(issue(child)) and all(without_parent(child))
    if child.kind == BUNDLE:
        return all(bundle(child)) and all(without_parent(child))
    if child.kind not in FORMS or child.parent is None or parent is None:
        return False
    return all(for_all_others(child, parent)) and all(ROWS[child.kind](child, parent))


def issue(child: Movement) -> Iterator[bool]:
    yield child.flags in {a + b + c for a in (0, CLASS_I) for b in (0, SCENARIO) for c in (0, INDIVIDUAL)}


def bundle(child: Movement) -> Iterator[bool]:
    yield child.flags in {a + b + c for a in (0, CLASS_I) for b in (0, SCENARIO) for c in (0, CONVERTED)}


def without_parent(child: Movement) -> Iterator[bool]:
    yield child.form == REDUCTION
    yield child.parent is None
    yield child.from_tag == ZERO
    yield child.to_tag != ZERO
    yield child.purpose == 0
    yield child.until == 0
    yield is_range(child)


def is_range(movement: Movement) -> bool:
    """Whether there is a gram in it, and every range ends below 2^63."""
    return movement.first < movement.last and movement.last <= 2**63 - 1


def for_all_others(child: Movement, parent: Movement) -> Iterator[bool]:
    # the parent has a form (it is no end and no record)
    yield parent.form in {REDUCTION, POINTS} and parent.kind < 64
    yield (parent.form, child.form) in FORMS[child.kind]
    # the child's range lies in the parent's
    taken, there = range(child.first, child.last), range(parent.first, parent.last)
    yield is_range(child) and taken[0] in there and taken[-1] in there
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
    # whoever holds has a tag; an end has none, but for the only one whose to tag is not zero
    if child.kind != GATHER:
        yield (child.to_tag == ZERO) == (child.form == END)
    if child.form == END:
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


def gather(child: Movement, parent: Movement) -> Iterator[bool]:
    yield not has(parent, INDIVIDUAL)
    yield not has(parent, LOCKED)
    yield target(child) is not None


def expire(child: Movement, parent: Movement) -> Iterator[bool]:
    yield has(parent, INDIVIDUAL)
    yield child.at > parent.until


def cancel(child: Movement, parent: Movement) -> Iterator[bool]:
    yield child.purpose in {16, 17, 18, 19, 20, 21}
    # moved to another registry: reductions only, an institution's
    yield child.purpose != 21 or (parent.form == REDUCTION and not has(parent, INDIVIDUAL))
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
    GATHER: gather,
    EXPIRE: expire,
    CANCEL: cancel,
    VOID: void,
    LOCK: lock,
    UNLOCK: unlock,
}


def share_a_gram(one: Movement, other: Movement) -> bool:
    """Whether the two take one gram that only one of them may take; for small ranges only."""
    rivals = (one.kind in {ISSUE, BUNDLE} and other.kind in {ISSUE, BUNDLE}) or (
        one.parent is not None and one.parent == other.parent
    )
    common = set(range(one.first, one.last)) & set(range(other.first, other.last))
    return rivals and bool(common) and one.kind < 64 and other.kind < 64


def target(gather: Movement) -> tuple[int, int] | None:
    """The bundle's first number and the one that the GATHER's own first gram gets; None for a tag of another form."""
    zeroes, first, own = gather.to_tag[:4], int(gather.to_tag[4:12].hex(), 16), int(gather.to_tag[12:].hex(), 16)
    if zeroes != b"\0" * 4 or not is_range(gather) or first > own or own + (gather.last - gather.first) > 2**63 - 1:
        return None
    return first, own


def breaks_run(before: Movement | None, after: Movement | None) -> bool:
    """Whether what the text says of runs forbids the two as neighbours; None is what is before the first, or no leaf.

    `after` None stands for a checkpoint that ends with `before`.
    """
    follows = before is not None and before.kind == GATHER and after is not None and all(is_next(before, after))
    if before is not None and before.kind == GATHER and not follows:
        return True
    if after is None or after.kind not in {GATHER, BUNDLE}:
        return False
    begins = after.kind == GATHER and (target(after) is None or target(after)[0] == target(after)[1])
    return not begins and not follows


def is_next(before: Movement, after: Movement) -> Iterator[bool]:
    goes = target(before)
    yield goes is not None
    yield after.at == before.at
    yield all(has(after, flag) == has(before, flag) for flag in (CLASS_I, SCENARIO, CONVERTED))
    end = goes[1] + (before.last - before.first)
    yield (after.kind == GATHER and target(after) == (goes[0], end)) or (
        after.kind == BUNDLE and (after.first, after.last) == (goes[0], end)
    )
