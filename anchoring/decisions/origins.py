"""Follows grams back through bundles to the numbers that they were issued under, by the rows of a log."""

from bisect import bisect_right, insort
from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np

from anchoring.replaying.history import Rows
from registry.procedure.fields import Range

RUN: Final = 4096
"""Rows of a run that are looked at together; most bundles have no more pieces."""
END: Final = 2**64
"""Above every number of a gram."""
Bundle = tuple[int, int, int]
"""First number, end, and the index of the BUNDLE."""


class AllRows(Protocol):
    """The rows of all leaves from the first on, in memory or read where asked for."""

    def __len__(self) -> int:
        """Count them."""
        ...

    def __getitem__(self, part: slice, /) -> Rows:
        """Give those of a stretch of leaves."""
        ...


class Bundles:
    """The bundles of a log so far, in which what holds of two leaves holds: runs are whole, numbers are given once."""

    def __init__(self, run: int = RUN) -> None:
        """Begin with none; `run` is how many rows of a run are looked at together."""
        self._run = run
        self._bundles: list[Bundle] = []
        self._rows: AllRows = np.empty(0)

    def reach(self, rows: AllRows) -> None:
        """Know the rows of all leaves of which grams are asked for."""
        self._rows = rows

    def leave(self) -> None:
        """Let go of the rows, until the next are reached."""
        self._rows = np.empty(0)

    def add(self, first: int, end: int, leaf: int) -> None:
        """Know a BUNDLE of grams `[first, end)`, by its index."""
        insort(self._bundles, (first, end, leaf))

    def origins(self, first: int, end: int) -> list[Range]:
        """Give the numbers that grams `[first, end)` were issued under."""
        asked, found = [(first, end, len(self._rows))], []
        while asked:
            first, end, before = asked.pop()
            bundle, upto = self._at(first, end, before)
            if bundle is None:
                found.append((first, upto))
            else:
                asked += ((low, high, bundle[2]) for low, high in self._gathered(bundle, first, upto))
            if upto < end:
                asked.append((upto, end, before))
        return found

    def _at(self, first: int, end: int, before: int) -> tuple[Bundle | None, int]:
        """Give the bundle that a gram is in, of those before a leaf, and up to where, at most `end`, that is so."""
        place = bisect_right(self._bundles, (first, END, 0))
        if place and first < self._bundles[place - 1][1] and self._bundles[place - 1][2] < before:
            return self._bundles[place - 1], min(end, self._bundles[place - 1][1])
        return None, min([end, *(bundle[0] for bundle in self._bundles[place : place + 1])])

    def _gathered(self, bundle: Bundle, first: int, end: int) -> Iterator[Range]:
        """Give what was gathered into the numbers `[first, end)` of a bundle, from its last piece on."""
        begin, target_end, leaf = bundle
        while target_end > max(begin, first) and leaf > 0:
            run = self._rows[max(0, leaf - self._run) : leaf][::-1]
            leaf -= len(run)
            for low, high in zip(run["first"].tolist(), run["last"].tolist(), strict=True):
                target = target_end - (high - low)
                if max(target, first) < min(target_end, end):
                    yield low + max(0, first - target), high - max(0, target_end - end)
                target_end = target
                if target_end <= max(begin, first):
                    return
