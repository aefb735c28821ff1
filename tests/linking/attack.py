"""Attack the public log of a synthetic city's day: how much of what one person did can be tied together from outside?

Prints, for each size of city, what each clue gives, and what the best of them does. A pair is two movements of two
acquisitions; what one tag ties anyway, by design, is counted apart. No clue says by itself how far it is to be trusted:
that the best of them is known is a gift to the attacker.

    .venv/bin/python -m tests.linking.attack [--riders N ...] [--seed N] [--formats NAME ...] [--clues]
"""

import argparse
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchoring.publishing.order import drawn_order
from anchoring.publishing.waiting import MOVEMENT
from registry.ledger.child import minute_of
from tests.linking.city import City, Formats, Numbers, day
from tests.linking.clues import clues, see

SIZES = (134, 10_000, 100_000)
SECONDS, MINUTE = 1_000, 60_000


def _as_recorded(kinds: NDArray[Any], _parents: Numbers, _rng: np.random.Generator) -> Numbers:
    return np.arange(len(kinds))


def _drawn(kinds: NDArray[Any], parents: Numbers, rng: np.random.Generator) -> Numbers:
    rows = np.zeros(len(kinds), MOVEMENT)
    rows["id"], rows["kind"], rows["parent"] = np.arange(1, len(kinds) + 1), kinds, parents + 1
    return drawn_order(rows, rng.random)


FORMATS = {
    "before": Formats(lambda times: times, _as_recorded, 2**31, SECONDS),
    "minutes": Formats(minute_of, _as_recorded, 2**31, SECONDS),
    "tens": Formats(minute_of, _drawn, 32, 10 * SECONDS),
    "after": Formats(minute_of, _drawn, 1_000, MINUTE),
}
"""Milliseconds in the order recorded, published each second; minutes so; minutes in drawn order, published when 32 acts
or ten seconds are over; and when a thousand acts or a minute are."""


@dataclass(frozen=True)
class Score:
    """What a clue ties, in pairs of movements of different acquisitions, against the truth."""

    named: int
    right: int
    all: int
    """Pairs of different acquisitions of one rider that there are."""
    own: int
    """Pairs of movements of one acquisition, which its tag ties."""
    whole: int
    """Riders whose movements are tied to each other, all of them, and to nobody else's."""
    riders: int
    """Riders who have anything to tie: several acquisitions."""

    @property
    def precision(self) -> float:
        return self.right / self.named if self.named else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.all if self.all else 0.0

    @property
    def worth(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.right / (self.named + self.all) if self.right else 0.0

    @property
    def words(self) -> str:
        with_tags = (self.right + self.own) / (self.named + self.own), (self.right + self.own) / (self.all + self.own)
        return (
            f"precision {self.precision:.4f} recall {self.recall:.4f} (with what a tag ties {with_tags[0]:.4f} and "
            f"{with_tags[1]:.4f}); whole {self.whole} of {self.riders} riders ({self.whole / self.riders:.1%})"
        )


def attacks(city: City) -> Iterator[tuple[str, Score]]:
    """Try every clue on a city's log."""
    seen = see(city.leaves, city.sizes)
    moves = np.bincount(seen.acquisition)
    owner = np.empty(len(moves), np.int64)
    owner[seen.acquisition] = city.owner[seen.index]
    for name, label in clues(seen):
        yield name, score(label, owner, moves)


def score(label: Numbers, owner: Numbers, moves: Numbers) -> Score:
    """Count what labels tie; `owner` and `moves`, how many movements there are, are of each acquisition."""
    part = np.unique(label * (int(owner.max()) + 1) + owner, return_inverse=True)[1]
    in_label, in_part, riders = (np.bincount(of)[of] for of in (label, part, owner))
    is_whole = (in_label == in_part) & (in_part == riders) & (riders > 1)
    return Score(
        named=_pairs(label, moves),
        right=_pairs(part, moves),
        all=_pairs(owner, moves),
        own=int((moves * (moves - 1) // 2).sum()),
        whole=len(np.unique(owner[is_whole])),
        riders=len(np.unique(owner[riders > 1])),
    )


def _pairs(group: Numbers, moves: Numbers) -> int:
    """Count pairs of movements in one group that are of different acquisitions."""
    of_group = np.bincount(group, moves)
    return (int((of_group * of_group).sum()) - int((moves * moves).sum())) // 2


def best(scores: list[tuple[str, Score]]) -> tuple[str, Score]:
    return max(scores, key=lambda one: one[1].worth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--riders", type=int, nargs="+", default=SIZES, help="sizes of city")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--formats", choices=FORMATS, nargs="+", default=list(FORMATS))
    parser.add_argument("--clues", action="store_true", help="print every clue, not the best alone")
    given = parser.parse_args()
    for riders in given.riders:
        for name in given.formats:
            print("\n".join(_lines(given.seed, riders, name, every=given.clues)), flush=True)  # noqa: T201


def _lines(seed: int, riders: int, name: str, *, every: bool) -> Iterator[str]:
    began = time.monotonic()
    city = day(seed, riders, FORMATS[name])
    scores = list(attacks(city))
    clue, found = best(scores)
    yield f"{riders} riders, {len(city.leaves)} leaves, {name}: {found.words}; by {clue}"
    if every:
        for clue, one in scores:
            yield f"    {clue}: precision {one.precision:.4f} recall {one.recall:.4f} whole {one.whole}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    yield f"    {time.monotonic() - began:.0f} s, at most {peak} MB"


if __name__ == "__main__":
    main()
