"""Follows grams back through bundles to the numbers that they were issued under, by the rows of a log."""

from collections.abc import Iterator
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from anchoring.replaying.history import Rows
from registry.procedure.fields import Range

RUN: Final = 4096
"""Rows of a run that are looked at together; most bundles have no more pieces."""
Numbers = NDArray[Any]
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
        self._bundles = np.zeros((3, 1), np.uint64)
        self._count = 0
        self._rows: AllRows = np.empty(0)

    def reach(self, rows: AllRows) -> None:
        """Know the rows of all leaves of which grams are asked for."""
        self._rows = rows

    def leave(self) -> None:
        """Let go of the rows, until the next are reached."""
        self._rows = np.empty(0)

    def add(self, first: Numbers, end: Numbers, leaf: Numbers) -> None:
        """Know BUNDLEs of grams `[first, end)`, by their indices; one-dimensional and of the same length."""
        if not len(first):
            return
        count = self._count + len(first)
        if count > self._bundles.shape[1]:
            grown = np.empty((3, 2 * count), np.uint64)
            grown[:, : self._count] = self._bundles[:, : self._count]
            self._bundles = grown
        known = self._bundles[:, :count]
        # Row by row: together they would be turned into floats.
        for row, numbers in zip(known, (first, end, leaf), strict=True):
            row[self._count :] = numbers
        # Numbers are given in ascending order; in a log where they are not, what is known is put in order again.
        before = max(self._count - 1, 0)
        if (known[0, before + 1 :] <= known[0, before:-1]).any():
            known[:] = known[:, np.lexsort(known[::-1])]
        self._count = count

    def are_among(self, first: Numbers, end: Numbers) -> NDArray[np.bool_]:
        """Tell of ranges `[first, end)`, not empty, whether `origins` leads any of their grams elsewhere."""
        place = np.searchsorted(self._bundles[0, : self._count], end)
        return np.asarray((place > 0) & (self._bundles[1].take(place - 1, mode="clip") > first), np.bool_)

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
        known = self._bundles[:, : self._count]
        place = int(np.searchsorted(known[0], np.uint64(first), "right"))
        if place:
            begin, last, leaf = known[:, place - 1].tolist()
            if first < last and leaf < before:
                return (begin, last, leaf), min(end, last)
        return None, min([end, *known[0, place : place + 1].tolist()])

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
