"""Tables of two leaves each, for the golden cases of the rules: every leaf of a column against every leaf of a row.

A table departs from a lawful pair in one respect (flags, forms, purposes, tags, times, ranges), in two at once, so
that the order of the checks shows, or is about leaves by themselves or about overlaps. Every kind is in each.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, product

from anchoring import leaf
from registry.ledger.movement import GRAMS_END, NO_TAG, Movement, Target
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
    GATHER,
    INDIVIDUAL,
    ISSUE,
    LOCK,
    LOCKED,
    POINTS,
    REDEEM,
    REDUCTION,
    SCENARIO,
    SHOP,
    TARGET,
    TRANSFER,
    UNLOCK,
    UNTIL,
    VOID,
    Pair,
    child,
    example,
    parent,
)
from tests.support.run_tables import BUNDLED, GATHERED, ISSUED, RANGES, RECORDED, numbering, runs

INDEX, OTHER_INDEX = 9, 8
"""Where the two leaves stand: the pairs' children name 8 as their parent."""
HIGH, LONG = 2**64 - 1, 2**48 - 1
ALMOST_ANN = (ANN[:-1] + b"b", b"b" + ANN[1:])
FORMS = (0, 1, 2, 3, 255)
TARGETS = (
    TARGET,
    *(Target(bundle, first).tag for bundle, first in ((0, 1), (104, 104), (105, 104), (HIGH, HIGH), (1, HIGH))),
    *(Target(1, GRAMS_END - grams).tag for grams in (2, 3, 4)),
    b"\1" + TARGET[1:],
    b"\0\0\0\1" + TARGET[4:],
)
"""To tags of a GATHER of three grams: what is a target, what leads to the last number and past it, what is none."""
PURPOSES = (*range(6), *range(15, 23), *range(31, 36), 47, 48, 49, 256, 272, 288, 304, 65535)
EDGES = (0, 9, 10, 11, 15, 19, 20, 21, GRAMS_END - 1, GRAMS_END, HIGH)


@dataclass(frozen=True)
class Table:
    """Leaves `accused`, each at `index`, against each of `others` at `other_index`."""

    name: str
    accused: tuple[bytes, ...]
    others: tuple[bytes, ...]
    index: int = INDEX
    other_index: int = OTHER_INDEX


_SCI, _SC = SCENARIO | CONVERTED | INDIVIDUAL, SCENARIO | CONVERTED
_POINTS = parent(CONVERT, POINTS, _SCI)
_LISTED, _PLEDGED = (parent(LOCK, REDUCTION, SCENARIO | INDIVIDUAL | LOCKED, purpose=purpose) for purpose in (32, 33))
_SOLD = child(TRANSFER, REDUCTION, SCENARIO, 2, to_tag=BOB)

LAWFUL: dict[str, Pair] = {
    **{str(kind): pair for kind, pair in EXAMPLES.items()},
    "2 out of a listing": (_SOLD, _LISTED),
    "2 out of a pledge": (replace(_SOLD, purpose=4), _PLEDGED),
    "8 as compliance offset": (
        child(CANCEL, END, SCENARIO | CLASS_I, 20, to_tag=NO_TAG), parent(ISSUE, REDUCTION, SCENARIO | CLASS_I)
    ),
    "8 to another registry": (child(CANCEL, END, SCENARIO, 21, to_tag=NO_TAG), parent(TRANSFER, REDUCTION, SCENARIO)),
    "6 of reductions": (child(GATHER, END, SCENARIO, to_tag=TARGET), parent(TRANSFER, REDUCTION, SCENARIO)),
    "8 of a person's points": (child(CANCEL, END, _SC, 16, to_tag=NO_TAG), _POINTS),
    "8 of a provider's points": (child(CANCEL, END, _SC, 18, to_tag=NO_TAG), parent(REDEEM, POINTS, _SC)),
    "9 of points": (child(VOID, END, _SC, 48, to_tag=NO_TAG), _POINTS),
    "10 of points": (child(LOCK, POINTS, _SCI | LOCKED, 34), _POINTS),
    "11 of points": (child(UNLOCK, POINTS, _SCI), parent(LOCK, POINTS, _SCI | LOCKED, purpose=34)),
}  # fmt: skip
"""One lawful pair of each row of the design's table, and of each of a row's alternatives."""
UNLISTED = {str(kind): example(kind) for kind in (0, 13, 63)}


def tables() -> Iterator[Table]:
    """Every table, in the order of the file."""
    for name, pair in (LAWFUL | UNLISTED).items():
        yield _table(f"forms of {name}", _by_form(*pair))
    for name, pair in LAWFUL.items():
        yield _table(f"flags of {name}", _by_flags(*pair))
        yield _table(f"purposes of {name}", _by_purpose(*pair))
        yield _table(f"tags of {name}", _by_tags(*pair))
        yield _table(f"times of {name}", _by_times(*pair))
    for name in map(str, EXAMPLES):
        yield _table(f"ranges of {name}", _by_range(*LAWFUL[name]))
        yield _table(f"two at once of {name}", _by_two(*LAWFUL[name]))
    alone, beside = tuple(_alone()), tuple(_beside())
    yield Table("by themselves", alone, beside)
    yield Table("by themselves, before the other", alone, beside, index=OTHER_INDEX, other_index=INDEX)
    siblings, numbers = tuple(map(leaf.encode, _siblings())), tuple(map(leaf.encode, numbering()))
    yield Table("overlaps", siblings, siblings)
    yield Table("numbers given twice", numbers, numbers)
    pieces = tuple(dict.fromkeys(map(leaf.encode, runs())))
    for where, index, other_index in (
        ("neighbours", 9, 8),
        ("neighbours, the other way round", 8, 9),
        ("a leaf between them", 9, 7),
        ("a leaf between them, the other way round", 7, 9),
        ("the first of the log", 0, 1),
        ("the second of the log", 1, 0),
        ("the first and a later one", 0, 9),
        ("the largest index and the first", HIGH, 0),
    ):
        yield Table(f"runs: {where}", pieces, pieces, index, other_index)


Sides = tuple[Iterator[Movement], Iterator[Movement]]


def _table(name: str, sides: Sides) -> Table:
    accused, others = (tuple(dict.fromkeys(map(leaf.encode, side))) for side in sides)
    return Table(name, accused, others)


def _by_flags(made: Movement, of: Movement) -> Sides:
    bits = (*range(33), 64, 128, 255)
    return (replace(made, flags=flags) for flags in bits), (replace(of, flags=flags) for flags in range(33))


def _by_form(made: Movement, of: Movement) -> Sides:
    kinds = (of.kind, ISSUE, REDEEM, LOCK, BUNDLE, GATHER, 13, 64, 255)
    return (
        (replace(made, form=form) for form in FORMS),
        (replace(of, form=form, kind=kind) for form, kind in product(FORMS, kinds)),
    )


def _by_purpose(made: Movement, of: Movement) -> Sides:
    before = (
        (of.kind, of.purpose),
        (ISSUE, 0),
        (TRANSFER, 2),
        (UNLOCK, 32),
        (LOCK, 32),
        (LOCK, 33),
        (LOCK, 34),
        (LOCK, 288),
    )
    flags = of.flags & ~LOCKED
    return (
        (replace(made, purpose=purpose) for purpose in PURPOSES),
        (replace(of, kind=kind, purpose=why, flags=flags | lock) for (kind, why), lock in product(before, (0, LOCKED))),
    )


def _by_tags(made: Movement, of: Movement) -> Sides:
    tags = (NO_TAG, ANN, BOB, *ALMOST_ANN)
    return (
        (replace(made, from_tag=giver, to_tag=taker) for giver, taker in product(tags, (*tags, *TARGETS))),
        (
            replace(of, kind=kind, from_tag=giver, to_tag=holder)
            for kind, giver, holder in product((REDEEM, UNLOCK, of.kind), (NO_TAG, ANN, BOB), (NO_TAG, ANN, BOB))
        ),
    )


def _by_times(made: Movement, of: Movement) -> Sides:
    times = (0, 999, 1000, 1001, UNTIL - 1, UNTIL, UNTIL + 1, LONG)
    untils = (0, 1001, 1002, UNTIL, UNTIL + 1, LONG)
    return (
        (replace(made, at=at, until=until) for at, until in product(times, untils)),
        (
            replace(of, at=at, until=until, flags=of.flags & ~INDIVIDUAL | person)
            for at, until, person in product((1000, UNTIL), (0, UNTIL, LONG), (0, INDIVIDUAL))
        ),
    )


def _by_range(made: Movement, of: Movement) -> Sides:
    wholes = ((10, 20), (0, GRAMS_END - 1), (0, HIGH), (HIGH - 1, HIGH), (20, 10))
    return (
        (replace(made, first=first, last=last) for first, last in product(EDGES, EDGES)),
        (replace(of, first=first, last=last) for first, last in wholes),
    )


def _by_two(made: Movement, of: Movement) -> Sides:
    """Break two rules at once: what is named shows which is checked first."""
    breaks: tuple[dict[str, object], ...] = (
        {"last": made.first},
        {"first": 9},
        {"parent": None},
        {"form": 3},
        {"flags": made.flags | 32},
        {"purpose": 65535},
        {"purpose": 20},
        {"at": 999},
        {"at": UNTIL + 2},
        {"from_tag": SHOP},
        {"to_tag": SHOP if made.to_tag != SHOP else ANN},
        {"to_tag": NO_TAG if made.to_tag != NO_TAG else BOB},
        {"flags": made.flags ^ CLASS_I},
        {"flags": made.flags ^ CONVERTED},
        {"flags": made.flags ^ INDIVIDUAL},
        {"flags": made.flags ^ LOCKED},
        {"until": made.until + 7},
    )
    before: tuple[dict[str, object], ...] = (
        {"form": END},
        {"form": POINTS if of.form == REDUCTION else REDUCTION},
        {"at": 3000},
        {"until": 1500},
        {"to_tag": BOB},
        {"flags": of.flags ^ LOCKED},
        {"flags": of.flags ^ INDIVIDUAL},
        {"flags": of.flags ^ SCENARIO},
    )
    at_once = ({}, *breaks, *({**one, **other} for one, other in combinations(breaks, 2)))
    return (replace(made, **changes) for changes in at_once), (replace(of, **changes) for changes in ({}, *before))


_MALFORMED = (b"", bytes(113), bytes(114), bytes(115))


def _alone() -> Iterator[bytes]:
    """Kinds listed and not, ISSUEs and records of every shape, parents of every order, and bytes that are no leaf."""
    made, _ = LAWFUL[str(TRANSFER)]
    for kind in (*range(66), 71, 72, 127, 128, 255):
        yield leaf.encode(replace(ISSUED, kind=kind))
        if kind not in range(1, 13):
            yield leaf.encode(replace(RECORDED, kind=kind))
    for flags in (*range(65), 128, 255):
        yield leaf.encode(replace(ISSUED, flags=flags))
        yield leaf.encode(replace(BUNDLED, flags=flags))
    fields: dict[str, tuple[object, ...]] = {
        "form": FORMS, "flags": (1, 128), "purpose": (1, 256), "first": (0, 1, 20, HIGH),
        "last": (0, 1, 10, GRAMS_END - 1, GRAMS_END, HIGH),
        "parent": (None, 0, 7, 8, 9, 10, 2**63, HIGH - 1), "at": (0, LONG), "until": (0, 1, 2**47),
        "from_tag": (NO_TAG, ANN, b"\x01" + bytes(19), bytes(19) + b"\x01"),
        "to_tag": (NO_TAG, ANN, b"\x01" + bytes(19), bytes(19) + b"\x01"),
    }  # fmt: skip
    changes: list[dict[str, object]] = [{name: value} for name, values in fields.items() for value in values]
    both = [{**one, **other} for one, other in combinations(changes[:12], 2)]
    for whole in (ISSUED, BUNDLED, RECORDED, replace(RECORDED, kind=255), made, GATHERED):
        yield from (leaf.encode(replace(whole, **change)) for change in changes + both)
    lawful = leaf.encode(ISSUED)
    yield from _MALFORMED
    yield from (lawful[:-1], lawful + b"\x00", b"\x00" + lawful[1:], b"\x02" + lawful[1:], lawful[1:] + b"\x00")


def _beside() -> Iterator[bytes]:
    yield leaf.encode(replace(ISSUED, first=20, last=30))
    yield leaf.encode(RECORDED)
    yield leaf.encode(LAWFUL[str(REDEEM)][1])
    yield leaf.encode(replace(RECORDED, kind=13, form=9, first=20, last=10))
    yield _MALFORMED[2]


def _siblings() -> Iterator[Movement]:
    ranges = RANGES
    made, _ = LAWFUL[str(TRANSFER)]
    kinds = (ISSUED, replace(ISSUED, parent=3), *(replace(made, parent=index) for index in (3, 4, 7, 8)))
    others = (replace(made, parent=None), replace(made, kind=13, parent=3), replace(made, kind=64, parent=3))
    for whole, (first, last) in product((*kinds, *others), ranges):
        yield replace(whole, first=first, last=last)
