"""What somebody reads off a public log who wants to know which movements were of one person.

He has the leaves and nothing else. What one tag stands for, one acquisition, he ties by the tag: it is of one holder.
Each clue here says which acquisitions were of one holder beyond that, as a number for each, the same for those that
it ties, and its own for each that it leaves alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchoring.leaf import NO_PARENT
from registry.ledger.movement import Flag, Kind
from tests.linking.city import Numbers, milliseconds

MOST = (2, 4, 6, 8, 12, 24)
"""How many acquisitions a clue ties at most at once: who ties fewer is right more often, and finds less."""
ROUND_G = 100
"""Prices are round, whoever looks at a till knows that."""
TRIED = 20
"""So many pieces of one moment are tried against round sums, in pairs, threes and fours."""


@dataclass(frozen=True)
class Seen:
    """The persons' movements in a log: which acquisition each is of, and what of it may tell."""

    acquisition: Numbers
    """Of each movement; numbered from 0."""
    kind: Numbers
    purpose: Numbers
    at: Numbers
    index: Numbers
    batch: Numbers
    """Between which two checkpoints it was published: known to who watches the log as it grows."""
    first: Numbers
    quantity: Numbers
    lot_place: Numbers
    """Of each acquisition: its place among those issued together, from 0; -1 for what came otherwise."""

    @property
    def acquisitions(self) -> int:
        return len(self.lot_place)


def see(leaves: NDArray[Any], sizes: Numbers) -> Seen:
    """Read a log, and the sizes of its checkpoints."""
    is_issue = leaves["kind"] == Kind.ISSUE
    parent = leaves["parent"].astype(np.uint64)
    has_parent = parent != NO_PARENT
    parent = np.where(has_parent, parent, 0).astype(np.int64)
    is_person = (leaves["flags"] & Flag.INDIVIDUAL > 0) & is_issue
    is_person |= has_parent & (leaves["flags"][parent] & Flag.INDIVIDUAL > 0)
    index = np.flatnonzero(is_person)
    tags = np.where(is_issue[index, None], leaves["to_tag"][index], leaves["from_tag"][index])
    _, acquisition = np.unique(np.ascontiguousarray(tags[:, :8]).view(np.uint64)[:, 0], return_inverse=True)
    at = milliseconds(leaves["at"])
    quantity = (leaves["last"] - leaves["first"]).astype(np.int64)
    lot_place = np.full(acquisition.max() + 1, -1)
    issues = np.flatnonzero(is_issue[index])
    lot_place[acquisition[issues]] = _places(at[index][issues], leaves["first"][index][issues].astype(np.int64))
    columns = (leaves["kind"].astype(np.int64), leaves["purpose"].astype(np.int64), at)
    batch = np.searchsorted(sizes, index, "right")
    first = leaves["first"][index].astype(np.int64)
    return Seen(acquisition, *(of[index] for of in columns), index, batch, first, quantity[index], lot_place)


def _places(at: Numbers, first: Numbers) -> Numbers:
    """Count each one's place by number among those of one time."""
    by = np.lexsort((first, at))
    begins = np.concatenate(([True], np.diff(at[by]) > 0))
    place = np.empty(len(at), np.int64)
    place[by] = np.arange(len(at)) - np.flatnonzero(begins)[np.cumsum(begins) - 1]
    return place


def clues(seen: Seen) -> Iterator[tuple[str, Numbers]]:
    """Give every clue by its name."""
    steps = np.flatnonzero(seen.kind != Kind.ISSUE)
    moments = _moments(seen, steps)
    runs = _runs(seen, steps, moments)
    # An act takes grams in rising order.
    rising = runs + np.concatenate(([0], np.cumsum(np.diff(seen.first[steps]) < 0)))
    watched = np.unique(moments * (int(seen.batch.max()) + 1) + seen.batch[steps], return_inverse=True)[1]
    for most in MOST:
        words = f", at most {most}"
        yield f"neighbours of one moment{words}", tied(seen.acquisition[steps], runs, seen, most)
        yield f"neighbours of one moment, grams rising{words}", tied(seen.acquisition[steps], rising, seen, most)
        for what, at in (("moment", moments), ("batch", watched)):
            yield f"one {what}{words}", tied(seen.acquisition[steps], at, seen, most)
            yield f"two of one {what} each{words}", tied(*_twice(seen.acquisition[steps], at), seen, most)
    yield "sums of a moment that are round", _round(seen, steps, moments)
    yield "sums of a batch that are round", _round(seen, steps, watched)
    yield (
        "the same place in two lots",
        np.where(seen.lot_place >= 0, seen.lot_place, len(seen.lot_place) + np.arange(len(seen.lot_place))),
    )


def _moments(seen: Seen, steps: Numbers) -> Numbers:
    """Number what was done at one time with the same words, records of which look like one act."""
    key = seen.at[steps] * 2**16 + seen.kind[steps] * 2**8 + seen.purpose[steps]
    return np.unique(key, return_inverse=True)[1]


def _runs(seen: Seen, steps: Numbers, moments: Numbers) -> Numbers:
    """Number the runs of neighbours in the log that are of one moment."""
    is_next = (np.diff(seen.index[steps]) == 1) & (np.diff(moments) == 0)
    return np.concatenate(([0], np.cumsum(~is_next)))


def _twice(acquisition: Numbers, moments: Numbers) -> tuple[Numbers, Numbers]:
    """Give, for each two moments at which an acquisition moved, the acquisition and these two as one number."""
    by = np.lexsort((moments, acquisition))
    acquisition, moments = acquisition[by], moments[by]
    found: list[tuple[Numbers, Numbers]] = []
    for gap in range(1, 6):
        is_own = (acquisition[gap:] == acquisition[:-gap]) & (moments[gap:] != moments[:-gap])
        pair = moments[:-gap][is_own] * (int(moments.max()) + 1) + moments[gap:][is_own]
        found.append((acquisition[gap:][is_own], pair))
    whose, pairs = (np.concatenate(part) for part in zip(*found, strict=True))
    return whose, np.unique(pairs, return_inverse=True)[1]


def tied(acquisition: Numbers, group: Numbers, seen: Seen, most: int) -> Numbers:
    """Tie all acquisitions of a group that has at most so many, and so on from group to group."""
    group, acquisition = np.divmod(np.unique(group * seen.acquisitions + acquisition), seen.acquisitions)
    sizes = np.bincount(group)
    is_used = (sizes[group] <= most) & (sizes[group] > 1)
    group, acquisition = np.unique(group[is_used], return_inverse=True)[1], acquisition[is_used]
    label = np.arange(seen.acquisitions)
    while True:
        least = np.full(int(group.max(initial=-1)) + 1, seen.acquisitions)
        np.minimum.at(least, group, label[acquisition])
        new = label.copy()
        np.minimum.at(new, acquisition, least[group])
        # An acquisition's label is one that it is tied to, whose own may be lower by now.
        while not np.array_equal(new, new[new]):
            new = new[new]
        if np.array_equal(new, label):
            return label
        label = new


def _round(seen: Seen, steps: Numbers, moments: Numbers) -> Numbers:
    """Tie pieces of one moment that make a round sum together, where they do so with no others."""
    by = np.argsort(moments, kind="stable")
    edges = np.concatenate((np.flatnonzero(np.diff(moments[by], prepend=-1)), [len(by)]))
    sums = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    number = 0
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if not 2 <= end - begin <= TRIED:
            continue
        here = steps[by[begin:end]]
        for pieces in _alone(seen.quantity[here]):
            sums.append((seen.acquisition[here[list(pieces)]], np.full(len(pieces), number)))
            number += 1
    whose, which = (np.concatenate(part) for part in zip(*sums, strict=True))
    return tied(whose, which, seen, 2**62)


def _alone(quantity: Numbers) -> list[tuple[int, ...]]:
    """Find the sets of two to four whose sum is round, each piece of which is in no other."""
    count = len(quantity)
    found = [
        pieces
        for size in (2, 3, 4)
        for pieces in combinations(range(count), size)
        if sum(int(quantity[piece]) for piece in pieces) % ROUND_G == 0
    ]
    uses = np.bincount([piece for pieces in found for piece in pieces], minlength=count)
    return [pieces for pieces in found if all(uses[piece] == 1 for piece in pieces)]
