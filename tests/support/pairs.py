"""Children with their parents: one lawful example of each row, and systematic departures from them."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from registry.ledger.movement import NO_TAG, Movement

CLASS_I, SCENARIO, CONVERTED, INDIVIDUAL, LOCKED = 1, 2, 4, 8, 16
ISSUE, TRANSFER, CONVERT, REDEEM, REFUND, GATHER, EXPIRE, CANCEL, VOID, LOCK, UNLOCK, BUNDLE = range(1, 13)
END, REDUCTION, POINTS = 0, 1, 2
ANN, BOB, SHOP = (letter * 20 for letter in (b"a", b"b", b"s"))
"""Tags of acquisitions by two persons and by a provider."""
TARGET = bytes(4) + (100).to_bytes(8) + (104).to_bytes(8)
"""A GATHER's to tag: it goes to the bundle that begins at gram 100, from gram 104 on."""
UNTIL = 5_000
"""When the example's points expire."""
Pair = tuple[Movement, Movement]


def parent(kind: int, form: int, flags: int, **changes) -> Movement:
    """Grams 10 to 19 that Ann holds since 1000."""
    made = Movement(
        kind, form, flags, 0, 10, 20, 7, 1000, UNTIL if form == POINTS else 0, BOB, ANN, bytes(32)
    )  # fmt: skip
    return replace(made, **changes)


def child(kind: int, form: int, flags: int, purpose: int = 0, **changes) -> Movement:
    """Grams 12 to 14, from Ann to Ann, at 2000; no expiry unless they are points."""
    made = Movement(
        kind, form, flags, purpose, 12, 15, 8, 2000, UNTIL if form == POINTS else 0, ANN, ANN, b"e" * 32
    )  # fmt: skip
    return replace(made, **changes)


_S, _SI, _SCI = SCENARIO, SCENARIO | INDIVIDUAL, SCENARIO | CONVERTED | INDIVIDUAL
_SC = SCENARIO | CONVERTED

EXAMPLES: dict[int, Pair] = {
    TRANSFER: (child(TRANSFER, REDUCTION, _SI, 1, to_tag=BOB), parent(ISSUE, REDUCTION, _SI)),
    CONVERT: (child(CONVERT, POINTS, _SCI), parent(ISSUE, REDUCTION, _SI)),
    REDEEM: (child(REDEEM, POINTS, _SC, to_tag=SHOP), parent(CONVERT, POINTS, _SCI)),
    REFUND: (child(REFUND, POINTS, _SCI, to_tag=BOB), parent(REDEEM, POINTS, _SC)),
    GATHER: (child(GATHER, END, _SC, to_tag=TARGET), parent(REDEEM, POINTS, _SC)),
    EXPIRE: (child(EXPIRE, END, _SC, to_tag=NO_TAG, at=UNTIL + 1), parent(CONVERT, POINTS, _SCI)),
    CANCEL: (child(CANCEL, END, _S, 17, to_tag=NO_TAG), parent(ISSUE, REDUCTION, _SI)),
    VOID: (child(VOID, END, _S, 48, to_tag=NO_TAG), parent(ISSUE, REDUCTION, _SI)),
    LOCK: (child(LOCK, REDUCTION, _SI | LOCKED, 32), parent(ISSUE, REDUCTION, _SI)),
    UNLOCK: (child(UNLOCK, REDUCTION, _SI), parent(LOCK, REDUCTION, _SI | LOCKED, purpose=32)),
}
"""Kind -> (child, parent), as each row of the table would have it."""
KINDS = (*EXAMPLES, BUNDLE, 13, 63)
PURPOSES = (*range(6), *range(15, 23), *range(31, 36), 47, 48, 49, 65535)
PARENTS = (
    *((kind, 0) for kind in (0, ISSUE, TRANSFER, CONVERT, REDEEM, REFUND, GATHER, BUNDLE, CANCEL, UNLOCK, 64)),
    *((LOCK, purpose) for purpose in (32, 33, 34)),
    (TRANSFER, 2),
)


def example(kind: int) -> Pair:
    """One lawful pair of this kind, or for an unlisted kind what would be one."""
    if kind in EXAMPLES:
        return EXAMPLES[kind]
    made, of = EXAMPLES[TRANSFER]
    return replace(made, kind=kind), of


def by_flags() -> Iterator[Pair]:
    """Every kind with all flags before and after, from both forms."""
    for kind, form, before, after in product(KINDS, (REDUCTION, POINTS), range(32), range(32)):
        made, of = example(kind)
        until = UNTIL if form == POINTS else 0
        yield replace(made, flags=after), replace(of, flags=before, form=form, until=until)


def by_forms_and_purposes() -> Iterator[Pair]:
    """Every kind after every kind, form and lock, to every form, for every purpose."""
    for kind, (was, why), before, after, purpose, lock in product(
        KINDS, PARENTS, range(4), range(4), PURPOSES, (0, LOCKED)
    ):
        made, of = example(kind)
        made = replace(made, form=after, purpose=purpose, until=UNTIL if after == POINTS else 0)
        flags = of.flags & ~LOCKED | lock
        yield made, replace(of, kind=was, purpose=why, form=before, flags=flags, until=UNTIL if before == POINTS else 0)


def by_tags() -> Iterator[Pair]:
    """Every kind with every constellation of tags, after a redemption and after something else."""
    tags = (NO_TAG, ANN, BOB, SHOP)
    for kind, was, giver, holder, frm, to in product(KINDS, (REDEEM, LOCK), tags, tags, tags, (*tags, TARGET)):
        made, of = example(kind)
        yield replace(made, from_tag=frm, to_tag=to), replace(of, kind=was, from_tag=giver, to_tag=holder)


def by_times() -> Iterator[Pair]:
    """Every kind around the parent's time and around the expiry, of a person's and of an institution's grams."""
    untils = (0, 999, 1000, 1001, 1500)
    for kind, form, person, at, until_before, until in product(
        KINDS, (REDUCTION, POINTS), (0, INDIVIDUAL), (999, 1000, 1001, 1499, 1500, 1501), untils, (*untils, 1501, 1502)
    ):
        made, of = example(kind)
        flags = of.flags & ~INDIVIDUAL | person
        purpose = 16 if kind == CANCEL else made.purpose
        yield (
            replace(made, at=at, until=until, purpose=purpose),
            replace(of, form=form, flags=flags, until=until_before),
        )


def by_ranges() -> Iterator[Pair]:
    """Every kind around the edges of the parent's range, empty and backward ranges too."""
    edges = (0, 9, 10, 11, 15, 19, 20, 21, 2**63 - 1, 2**63)
    for kind, first, last in product(KINDS, edges, edges):
        made, of = example(kind)
        yield replace(made, first=first, last=last), of


def departures(seed: int, count: int) -> Iterator[Pair]:
    """Lawful pairs with up to three fields of either side changed, drawn by a seed."""
    draw = random.Random(seed)
    values = {
        "kind": (*range(14), 64, 255),
        "form": range(4),
        "flags": range(64),
        "purpose": PURPOSES,
        "first": (9, 10, 11, 12, 15, 19, 20),
        "last": (10, 12, 13, 15, 20, 21),
        "at": (999, 1000, 1001, 2000, UNTIL - 1, UNTIL, UNTIL + 1),
        "until": (0, 1, 2000, 2001, UNTIL - 1, UNTIL, UNTIL + 1),
        "from_tag": (NO_TAG, ANN, BOB, SHOP),
        "to_tag": (NO_TAG, ANN, BOB, SHOP, TARGET),
    }
    for _ in range(count):
        pair = list(EXAMPLES[draw.choice(list(EXAMPLES))])
        for _ in range(draw.randrange(4)):
            side, field = draw.randrange(2), draw.choice(list(values))
            pair[side] = replace(pair[side], **{field: draw.choice(values[field])})
        yield pair[0], pair[1]
