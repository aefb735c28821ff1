"""The grams that issuances allow: which are issued, and which are taken back by corrections."""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, NamedTuple

from registry.ledger.movement import Flag, Movement, serial
from registry.procedure.decision import Correction, Lot
from registry.procedure.fields import Range
from registry.procedure.ranges import Ranges
from registry.procedure.rule import Broken, Finding, Rule, Unfinished

DAY_MS: Final = 86_400_000
"""After which a lot that is not issued to its end is a finding."""
Origins = Callable[[int, int], Sequence[Range]]
"""Follows grams `[first, end)` back through bundles to the numbers that they were issued under."""


def as_issued(first: int, end: int) -> Sequence[Range]:
    """Give the grams of a log without bundles: their numbers never changed."""
    return ((first, end),)


@dataclass(slots=True, eq=False)
class OpenLot:
    """A lot of which not all is issued."""

    leaf: int
    at: int
    first_g: int
    end_g: int
    accounts: int
    flags: int
    """CLASS_I and SCENARIO, as each of its ISSUEs has them."""
    issued_g: int = 0
    issues: int = 0

    def left_after(self, grams: int, issues: int) -> tuple[int, int]:
        """Give (grams, ISSUEs) that are left after so many more of both."""
        return self.end_g - self.first_g - self.issued_g - grams, self.accounts - self.issues - issues

    def may_take(self, grams: int, issues: int) -> bool:
        """Whether so many ISSUEs of so many grams in all are lawful, in any order.

        Each ISSUE that is still to come has a gram at least, and the last has all that is left. Where that holds after
        the last of some ISSUEs, it held after each: with each, grams fall by as much as ISSUEs, or more.
        """
        left_g, left = self.left_after(grams, issues)
        return 0 <= left <= left_g and (left > 0 or left_g == 0)


class Issuance(NamedTuple):
    """A lot of grams `[first_g, end_g)`, and the leaf that decided it."""

    first_g: int
    end_g: int
    leaf: int


class Lots:
    """Which grams were allowed, and of which lots some are to come."""

    def __init__(self) -> None:
        """Begin with none."""
        self._allowed = Ranges()
        self._bundled = Ranges()
        self._open: list[OpenLot] = []
        self._by_digest: dict[str, Range] = {}
        self.issuances: list[Issuance] = []
        """All that were taken, in the order of the log."""

    def check(self, lot: Lot) -> None:
        """Hold a lot against all before it. Raises `Broken`."""
        for given in (self._allowed, self._bundled):
            if (other := given.overlapping(lot.first_g, lot.end_g)) is not None:
                raise Broken(Rule.LOT, f"numbers of {serial(*other)} were given before")
        if lot.accounts > lot.end_g - lot.first_g:
            raise Broken(Rule.LOT, "it has more accounts than grams")

    def take(self, lot: Lot, digest: str, opened: OpenLot) -> None:
        """Take a lot that was checked."""
        self._allowed.add(lot.first_g, lot.end_g)
        self._by_digest[digest] = (lot.first_g, lot.end_g)
        self.issuances.append(Issuance(lot.first_g, lot.end_g, opened.leaf))
        insort(self._open, opened, key=attrgetter("first_g"))

    def recall(self, lot: Lot, digest: str) -> None:
        """Know the grams of a lot that was taken before; its numbers are given out, and it is open no more."""
        self._by_digest[digest] = (lot.first_g, lot.end_g)

    def of(self, digest: str) -> Range | None:
        """Give the grams of the lot that a decision issued."""
        return self._by_digest.get(digest)

    def is_free(self, first: int, end: int) -> bool:
        """Whether none of these numbers was given before, by a lot or a BUNDLE."""
        return self._allowed.overlapping(first, end) is None and self._bundled.overlapping(first, end) is None

    def bundle(self, first: int, end: int) -> None:
        """Take the numbers of a BUNDLE, or leave all as it was and raise `Broken`."""
        if (other := self._allowed.overlapping(first, end)) is not None:
            raise Broken(Rule.LOT, f"numbers of {serial(*other)} are issued")
        # Two bundles that overlap are another rule's to find.
        if self._bundled.overlapping(first, end) is None:
            self._bundled.add(first, end)

    def issue(self, movement: Movement) -> None:
        """Take an ISSUE, or leave all as it was and raise `Broken`."""
        place = bisect_right(self._open, movement.first, key=attrgetter("first_g")) - 1
        lot = self._open[place] if place >= 0 else None
        if lot is None or movement.last > lot.end_g:
            raise Broken(Rule.LOT, f"{serial(movement.first, movement.last)} lies in no issuance that is open")
        if movement.flags & (Flag.CLASS_I | Flag.SCENARIO) != lot.flags:
            raise Broken(Rule.LOT, f"its marks are not those of the issuance at leaf {lot.leaf}")
        if not self.count(lot, movement.quantity_g, 1):
            left_g, left = lot.left_after(movement.quantity_g, 1)
            raise Broken(Rule.LOT, f"{left} ISSUEs with {left_g} g are left of the issuance at leaf {lot.leaf}")

    @property
    def open(self) -> Sequence[OpenLot]:
        """Give the lots that are not issued to their end, by their first grams."""
        return self._open

    def count(self, lot: OpenLot, grams: int, issues: int) -> bool:
        """Take ISSUEs in the range of an open lot and with its marks, if it may take them."""
        if not lot.may_take(grams, issues):
            return False
        lot.issued_g, lot.issues = lot.issued_g + grams, lot.issues + issues
        if lot.issues == lot.accounts:
            self._open.remove(lot)
        return True

    def findings(self, now: int) -> Iterator[Finding]:
        """Name the lots that are open for more than a day at `now`, Unix milliseconds."""
        for lot in self._open:
            if now - lot.at > DAY_MS:
                left_g, left = lot.left_after(0, 0)
                sentence = f"{left_g} g in {left} ISSUEs are not issued"
                yield Finding(lot.leaf, Unfinished.LOT_OPEN, sentence)


@dataclass(slots=True, eq=False)
class Ordered:
    """A correction, by the leaf that ordered it."""

    leaf: int
    left_g: int
    """Grams that are still to be voided."""


class Corrections:
    """Which grams are to be voided, and how many were."""

    def __init__(self) -> None:
        """Begin with none."""
        self._all = Ranges()
        self._firsts: list[int] = []
        self._spans: list[tuple[int, Ordered]] = []
        self._ordered: list[Ordered] = []

    def check(self, correction: Correction, lot: Range) -> None:
        """Hold a correction against its lot and all before it. Raises `Broken`."""
        for first, end in correction.ranges:
            if not lot[0] <= first < end <= lot[1]:
                raise Broken(Rule.VOIDED, f"{serial(first, end)} is not all of the lot {serial(*lot)}")
            if self._all.overlapping(first, end) is not None:
                raise Broken(Rule.VOIDED, f"grams of {serial(first, end)} were corrected before")
        total = sum(end - first for first, end in correction.ranges)
        if total != correction.voided_g + correction.shortfall_g:
            raise Broken(Rule.VOIDED, f"voided_g and shortfall_g are not the {total} g of its ranges")

    def take(self, correction: Correction, leaf: int) -> None:
        """Take a correction that was checked."""
        ordered = Ordered(leaf, correction.voided_g)
        self._ordered.append(ordered)
        for first, end in correction.ranges:
            self._all.add(first, end)
            place = bisect_right(self._firsts, first)
            self._firsts.insert(place, first)
            self._spans.insert(place, (end, ordered))

    def void(self, origins: Sequence[Range]) -> None:
        """Take a VOID of grams that were issued as `origins`, or leave all as it was and raise `Broken`."""
        taken: Counter[Ordered] = Counter()
        for first, end in origins:
            for ordered, grams in self._within(first, end):
                taken[ordered] += grams
        self.count(taken)

    def count(self, taken: Mapping[Ordered, int]) -> None:
        """Take so many grams that lie in each correction, or leave all as it was and raise `Broken`."""
        for ordered, grams in taken.items():
            if grams > ordered.left_g:
                raise Broken(Rule.VOIDED, f"the correction at leaf {ordered.leaf} has {ordered.left_g} g left to void")
        for ordered, grams in taken.items():
            ordered.left_g -= grams

    def of(self, gram: int) -> tuple[int, Ordered]:
        """Give the correction that a gram lies in, and the end of the range of it. Raises `Broken` if there is none."""
        place = bisect_right(self._firsts, gram) - 1
        if place < 0 or self._spans[place][0] <= gram:
            raise Broken(Rule.VOIDED, f"gram {gram} lies in no correction before it")
        return self._spans[place]

    def _within(self, first: int, end: int) -> Iterator[tuple[Ordered, int]]:
        """Go through the corrections that grams lie in, with how many of them. Raises `Broken` for a gram in none."""
        while first < end:
            last, ordered = self.of(first)
            yield ordered, min(end, last) - first
            first = min(end, last)

    def findings(self) -> Iterator[Finding]:
        """Name the corrections of which grams are still to be voided."""
        for ordered in self._ordered:
            if ordered.left_g:
                yield Finding(ordered.leaf, Unfinished.CORRECTION_OPEN, f"{ordered.left_g} g are not voided")
