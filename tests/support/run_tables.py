"""Leaves about numbers and runs, for the golden tables: each of a list is held against each other."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from registry.ledger.movement import GRAMS_END, NO_TAG, Movement, Target
from tests.support.pairs import (
    ANN,
    BUNDLE,
    CANCEL,
    CLASS_I,
    CONVERTED,
    EXAMPLES,
    GATHER,
    INDIVIDUAL,
    ISSUE,
    LOCKED,
    REDUCTION,
    SCENARIO,
    TRANSFER,
)

HIGH = 2**64 - 1
ISSUED = Movement(ISSUE, REDUCTION, SCENARIO | INDIVIDUAL, 0, 10, 20, None, 1000, 0, NO_TAG, ANN, bytes(32))
BUNDLED = replace(ISSUED, kind=BUNDLE, flags=SCENARIO | CONVERTED)
RECORDED = Movement(64, 0, 0, 0, 0, 0, None, 1000, 0, NO_TAG, NO_TAG, b"e" * 32)
GATHERED = EXAMPLES[GATHER][0]
RANGES = (
    (10, 15),
    (15, 20),
    (14, 20),
    (12, 13),
    (10, 20),
    (16, 20),
    (0, GRAMS_END - 1),
    (0, HIGH),
    (17, 12),
    (12, 12),
)


def numbering() -> Iterator[Movement]:
    """ISSUEs and BUNDLEs, which share the numbers, and a GATHER, whose target takes none."""
    for whole, (first, last) in product((ISSUED, BUNDLED, replace(GATHERED, parent=3)), RANGES):
        yield replace(whole, first=first, last=last)


def runs() -> Iterator[Movement]:
    """Pieces of one run, whole, and departed from in all that its neighbours look at.

    Grams 12 to 14 go to 100, 12 to 13 to 103, 15 to 19 to 105; all are BUNDLE 100 to 109.
    """

    def gather(first: int, last: int, bundle: int, target: int, **changes: object) -> Movement:
        return replace(GATHERED, parent=3, first=first, last=last, to_tag=Target(bundle, target).tag, **changes)

    pieces = (gather(12, 15, 100, 100), gather(12, 14, 100, 103), gather(15, 20, 100, 105))
    whole = replace(BUNDLED, first=100, last=110, at=GATHERED.at)
    yield from (*pieces, whole, ISSUED, RECORDED, replace(EXAMPLES[TRANSFER][0], parent=3))
    for piece in pieces:
        for flag in (CLASS_I, SCENARIO, CONVERTED, INDIVIDUAL, LOCKED, 128):
            yield replace(piece, flags=piece.flags ^ flag)
        yield from (replace(piece, at=piece.at + by) for by in (-1, 1))
        yield from (replace(piece, last=piece.last + by) for by in (-1, 1))
    yield replace(pieces[1], to_tag=NO_TAG)
    yield replace(pieces[1], to_tag=ANN)
    yield replace(pieces[1], to_tag=b"\0\0\0\1" + pieces[1].to_tag[4:])
    yield replace(pieces[1], first=14, last=12)
    yield replace(pieces[1], parent=None)
    yield replace(pieces[1], kind=CANCEL, purpose=16, to_tag=NO_TAG)
    for bundle, target in ((99, 103), (101, 103), (100, 102), (100, 104), (103, 103), (104, 103), (0, 103)):
        yield gather(12, 14, bundle, target)
    # To the last number, and past it; and ranges so long that their end would be counted from zero again.
    yield gather(12, 14, 100, GRAMS_END - 3)
    yield gather(12, 14, 100, GRAMS_END - 2)
    yield gather(12, 14, 100, HIGH - 1)
    yield gather(12, 14, HIGH - 1, HIGH - 1)
    yield gather(0, HIGH, 100, 103)
    yield gather(GRAMS_END, HIGH, 100, 103)
    yield gather(GRAMS_END - 2, GRAMS_END, 100, 103)
    for first, last in ((100, 103), (100, 105), (100, 109), (100, 111), (101, 110), (99, 110), (101, 111), (105, 110)):
        yield replace(whole, first=first, last=last)
    yield replace(whole, first=100, last=GRAMS_END - 1)
    yield replace(whole, first=100, last=HIGH)
    for flag in (CLASS_I, SCENARIO, CONVERTED, INDIVIDUAL, LOCKED):
        yield replace(whole, flags=whole.flags ^ flag)
    yield from (replace(whole, at=whole.at + by) for by in (-1, 1))
    yield replace(whole, kind=ISSUE, flags=SCENARIO)
    yield replace(whole, to_tag=NO_TAG)
    yield replace(whole, parent=3)
