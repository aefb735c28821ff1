"""The replay of decisions over many leaves at once: movements between two decisions are judged as columns.

It names what `registry.procedure.replay` names, which judges one by one whatever is not lawful at first sight.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anchoring.decisions.origins import Bundles
from anchoring.replaying.history import RECORD_KIND, Rows, movement_of
from anchoring.replaying.judging import exact_sum
from registry.ledger.movement import Flag, Kind
from registry.procedure.lots import Corrections, Ordered
from registry.procedure.policies import Policies
from registry.procedure.replay import Entry, Replay
from registry.procedure.rule import Broken, Fault, Rule
from registry.procedure.values import POINTS

SHANGHAI_MS: Final = 8 * 3_600_000
DAY_MS: Final = 86_400_000
_MARKS: Final = int(Flag.CLASS_I | Flag.SCENARIO)
NEVER: Final = 2**63
_FLAGS: Final = 6
"""How far the flags stand from the end of a row's codes."""
Grams = NDArray[np.uint64]
"""Numbers of grams, one for each movement looked at."""


class ColumnReplay:
    """Goes through a log in stretches, from its first leaf."""

    def __init__(self, replay: Replay, bundles: Bundles) -> None:
        """Go on with a replay; `bundles` come to hold those of the leaves that were taken."""
        self._replay, self._bundles = replay, bundles

    def take(self, rows: Rows, start: int, records: Iterable[Entry]) -> Iterator[Fault]:
        """Take the leaves from index `start` on, as rows; `records` are all that are records, in order."""
        kinds = rows["codes"] >> 14
        at = 0
        for record in records:
            yield from self._moves(rows[at : record.leaf - start], kinds[at : record.leaf - start], start + at)
            if (fault := self._replay.take(record)) is not None:
                yield fault
            at = record.leaf - start + 1
        yield from self._moves(rows[at:], kinds[at:], start + at)

    def _moves(self, rows: Rows, kinds: NDArray[Any], start: int) -> Iterator[Fault]:
        """Take movements between which nothing was decided."""
        if not len(rows):  # one decision after another: nothing is made of nothing, for each of them
            return
        issues, converts = np.flatnonzero(kinds == Kind.ISSUE), np.flatnonzero(kinds == Kind.CONVERT)
        bundles, voids = np.flatnonzero(kinds == Kind.BUNDLE), np.flatnonzero(kinds == Kind.VOID)
        self._bundles.add(rows["first"][bundles], rows["last"][bundles], bundles + start)
        doubtful = [np.empty(0, np.intp)]
        if len(issues) and not self._issue(rows, issues):
            doubtful.append(issues)
        if len(bundles) and not self._bundle(rows["first"][bundles], rows["last"][bundles]):
            doubtful.append(bundles)
        if len(voids) and not self._void(rows["first"][voids], rows["last"][voids]):
            doubtful.append(voids)
        if len(converts):
            doubtful.append(converts[self._is_wrong(rows["at"][converts], rows["until"][converts])])
        is_lawful = kinds < RECORD_KIND  # a leaf that was not read has a kind above
        for place in np.sort(np.concatenate(doubtful)).tolist():
            fault = self._replay.take(Entry(start + place, movement_of(rows[place])))
            if fault is not None:
                is_lawful[place] = False
                yield fault
        self._replay.reach(int(rows["at"][is_lawful].max(initial=0)))

    def _issue(self, rows: Rows, issues: NDArray[np.intp]) -> bool:
        """Take ISSUEs if each is lawful; otherwise none of them."""
        first, last = rows["first"][issues], rows["last"][issues]
        lots = self._replay.standing.lots
        firsts = np.array([lot.first_g for lot in lots.open], np.uint64)
        ends = np.array([lot.end_g for lot in lots.open], np.uint64)
        marks = np.array([lot.flags for lot in lots.open], np.uint32)
        place = np.searchsorted(firsts, first, "right") - 1
        if (place < 0).any() or (first >= last).any() or (last > ends[place]).any():
            return False
        if ((rows["codes"][issues] >> _FLAGS & _MARKS) != marks[place]).any():
            return False
        return self._count(place, last - first)

    def _count(self, place: NDArray[np.intp], grams: NDArray[np.uint64]) -> bool:
        lots = self._replay.standing.lots
        open_lots, counts = list(lots.open), np.bincount(place)
        taken = [
            (open_lots[at], exact_sum(grams[place == at]), int(counts[at])) for at in np.flatnonzero(counts).tolist()
        ]
        if not all(lot.may_take(quantity_g, issues) for lot, quantity_g, issues in taken):
            return False
        return all(lots.count(lot, quantity_g, issues) for lot, quantity_g, issues in taken)

    def _bundle(self, first: Grams, last: Grams) -> bool:
        """Take BUNDLEs if each is lawful and of numbers of its own; otherwise none of them."""
        order = np.argsort(first, kind="stable")
        first, last = first[order], last[order]
        if (first >= last).any() or (first[1:] < last[:-1]).any():
            return False
        # Most take up their numbers where another ends: what adjoins is looked up as one.
        begins = np.flatnonzero(np.append(True, first[1:] != last[:-1]))
        ends = np.append(begins[1:], len(first)) - 1
        lots = self._replay.standing.lots
        spans = list(zip(first[begins].tolist(), last[ends].tolist(), strict=True))
        if not all(lots.is_free(*span) for span in spans):
            return False
        for span in spans:
            lots.bundle(*span)
        return True

    def _void(self, first: Grams, last: Grams) -> bool:
        """Take VOIDs if each is lawful; otherwise none of them."""
        if (first >= last).any():
            return False
        is_bundled = self._bundles.are_among(first, last)
        if is_bundled.any():
            asked = zip(first[is_bundled].tolist(), last[is_bundled].tolist(), strict=True)
            origins = [origin for span in asked for origin in self._replay.origins(*span)]
            found = np.array(origins, np.uint64).reshape(-1, 2)  # none of a bundle into which nothing was gathered
            first = np.concatenate((first[~is_bundled], found[:, 0]))
            last = np.concatenate((last[~is_bundled], found[:, 1]))
        order = np.argsort(first, kind="stable")
        corrections = self._replay.standing.corrections
        try:
            corrections.count(_by_correction(corrections, first[order], last[order]))
        except Broken:
            return False
        return True

    def _is_wrong(self, at: NDArray[np.uint64], until: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Say of each CONVERT whether its points are valid otherwise than the policy in force says."""
        policies = self._replay.standing.policies
        days = (at + SHANGHAI_MS) // DAY_MS
        since = np.array(policies.since(POINTS), np.uint64)
        versions = np.searchsorted(since, at, "right").astype(np.uint64)
        # Points of one day and one version end together.
        _, shown, groups = np.unique(days * (len(since) + 1) + versions, return_index=True, return_inverse=True)
        ends = np.array([_until(policies, one) for one in at[shown].tolist()], np.uint64)
        return np.asarray(ends[groups] != until, np.bool_)


def _by_correction(corrections: Corrections, first: Grams, last: Grams) -> Counter[Ordered]:
    """Count the grams of ranges, sorted by their first, by the correction that they lie in. Raises `Broken`.

    It is raised, too, for a range that lies in two, of which it must be seen one by one that it is lawful.
    """
    taken: Counter[Ordered] = Counter()
    at = 0
    while at < len(first):
        end, ordered = corrections.of(int(first[at]))
        upto = at + int(np.searchsorted(first[at:], np.uint64(end)))
        if int(last[at:upto].max()) > end:
            raise Broken(Rule.VOIDED, f"not all of it lies in the correction at leaf {ordered.leaf}")
        taken[ordered] += exact_sum(last[at:upto] - first[at:upto])
        at = upto
    return taken


def _until(policies: Policies, at: int) -> int:
    """Give until when points are valid that are converted at `at`; where no policy says, what no leaf can have."""
    try:
        return policies.points_until(at)
    except Broken:
        return NEVER
