"""Adds up a log's grams: by kind, form and purpose, and the two figures that the contract keeps."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from anchoring.auditing.history import UNREAD, Rows, unpack_codes
from anchoring.auditing.judge import parents_of
from anchoring.auditing.report import Totals
from registry.ledger.movement import ENDS, RECORDS_FROM, Form, Kind

Figures = dict[int, tuple[int, int]]
"""Size of the log -> (frontier, ended grams) of its first leaves."""

_END_KINDS = [int(kind) for kind in ENDS]


class Tally:
    """The sums over all leaves so far, as Python integers: 64 bits are enough inside one batch only."""

    def __init__(self) -> None:
        """Start with no leaf."""
        self._leaves: Counter[int] = Counter()
        self._moved: Counter[int] = Counter()
        self._ended: Counter[tuple[int, int]] = Counter()
        self._live: Counter[int] = Counter()
        self._frontier = 0

    def add(self, history: Rows, start: int, sizes: list[int]) -> Figures:
        """Take the leaves from `start` on; give frontier and ended grams at `sizes`, each above `start`, in order."""
        rows = history[start:]
        is_read = rows["codes"] != UNREAD
        grams = np.where(is_read & (rows["last"] > rows["first"]), rows["last"] - rows["first"], 0).astype(np.uint64)
        kind = rows["codes"] >> 14
        figures = self._figures(start, sizes, rows, kind, grams)
        self._frontier = max(self._frontier, int(rows["last"][kind == Kind.ISSUE].max(initial=0)))
        for codes, total in _sums(rows["codes"][is_read], grams[is_read]):
            self._add_code(codes, total)
        parents, _, is_before = parents_of(history, start)
        is_taken = is_before & is_read & (parents["codes"] != UNREAD)
        for codes, total in _sums(parents["codes"][is_taken], grams[is_taken]):
            self._live[unpack_codes(codes)[1]] -= total
        return figures

    def count_kinds(self, leaves: Rows) -> None:
        """Count leaves (`LEAF_DTYPE`) by their kind, which rows do not keep for records."""
        kinds, counts = np.unique(leaves["kind"], return_counts=True)
        self._leaves.update(dict(zip(kinds.tolist(), counts.tolist(), strict=True)))

    def totals(self) -> Totals:
        """Give the sums."""
        live = {form: grams for form, grams in self._live.items() if form != Form.END}
        return Totals(dict(self._leaves), dict(self._moved), dict(self._ended), live, self._frontier)

    def _figures(self, start: int, sizes: list[int], rows: Rows, kind: Rows, grams: NDArray[np.uint64]) -> Figures:
        if not sizes:
            return {}
        frontier = np.maximum.accumulate(np.where(kind == Kind.ISSUE, rows["last"], 0))
        ended = np.cumsum(np.where(np.isin(kind, _END_KINDS), grams, 0), dtype=np.uint64)
        before = sum(self._ended.values())
        return {
            size: (max(self._frontier, int(frontier[size - start - 1])), before + int(ended[size - start - 1]))
            for size in sizes
        }

    def _add_code(self, codes: int, grams: int) -> None:
        kind, form, _, purpose = unpack_codes(codes)
        if kind >= RECORDS_FROM:
            return
        self._moved[kind] += grams
        self._live[form] += grams
        if kind in ENDS:
            self._ended[kind, purpose] += grams


def _sums(codes: NDArray[np.uint32], grams: NDArray[np.uint64]) -> list[tuple[int, int]]:
    """Sum grams by code."""
    found, which = np.unique(codes, return_inverse=True)
    sums = np.zeros(len(found), np.uint64)
    np.add.at(sums, which, grams)
    return list(zip(found.tolist(), sums.tolist(), strict=True))
