"""One segment of rows, judged against all rows before it, and the two figures that the contract keeps, counted on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anchoring.replaying.faults import KEPT_PER_CODE, Fault, Faults
from anchoring.replaying.history import UNREAD, Rows, are_ends, are_origins
from anchoring.replaying.judge import LAWFUL, Judge
from anchoring.replaying.runs import broken_runs, ends_in_run
from registry.ledger.rules import Rule

_LOW = np.uint64(2**32 - 1)


@dataclass(frozen=True, slots=True)
class Figures:
    """Grams: the highest number issued or bundled, exclusive, and how many numbers ended, gathered ones too."""

    frontier: int = 0
    ended: int = 0
    is_in_run: bool = False
    """Whether the last leaf counted is a GATHER, behind which no checkpoint ends."""

    def __add__(self, later: "Figures") -> "Figures":
        """Count on with what later leaves did."""
        return Figures(max(self.frontier, later.frontier), self.ended + later.ended, later.is_in_run)


@dataclass(frozen=True, slots=True)
class Judged:
    """What one segment's leaves break and do, `figures` at each size asked for and `whole` at its end."""

    faults: tuple[Fault, ...]
    fault_counts: Counter[str]
    figures: dict[int, Figures]
    whole: Figures


def judge_segment(judge: Judge, rows: Rows, start: int, sizes: Sequence[int]) -> Judged:
    """Judge the leaves from `start` on; `rows` are those of all leaves up to the last of them."""
    faults = Faults()
    rules = judge.judge(rows, start)
    for rule in np.unique(rules[rules != LAWFUL]).tolist():
        broken = np.flatnonzero(rules == rule)
        for place in broken[:KEPT_PER_CODE].tolist():
            parent = int(rows["parent"][start + place])
            is_about_parent = parent < start + place and rule != Rule.GATHERED
            detail = f" (its parent is leaf {parent})" if is_about_parent else ""
            faults.add_rule(Rule(rule), start + place, detail)
        faults.counts[Rule(rule).name] = len(broken)
    runs = broken_runs(rows, start)
    for leaf in runs[:KEPT_PER_CODE].tolist():
        faults.add_rule(Rule.GATHERED, leaf, f" (the leaf before it is {leaf - 1})" if leaf else "")
    faults.counts[Rule.GATHERED.name] += len(runs) - len(runs[:KEPT_PER_CODE])
    figures = figures_at(rows[start:], [size - start for size in sizes])
    by_size = dict(zip(sizes, figures, strict=False))
    return Judged(faults.sorted(), faults.counts, by_size, figures_at(rows[start:], [len(rows) - start])[0])


def figures_at(rows: Rows, counts: Sequence[int]) -> list[Figures]:
    """Give the figures that the first of these rows make alone, for each of the `counts`, which are in order."""
    kind = rows["codes"] >> 14
    frontier = np.where(are_origins(kind), rows["last"], 0)
    ended = np.where(are_ends(kind), grams_of(rows), 0)
    found, so_far, start = [], Figures(), 0
    for count in counts:
        part = slice(start, count)
        so_far += Figures(int(frontier[part].max(initial=0)), exact_sum(ended[part]), ends_in_run(rows[part]))
        found.append(so_far)
        start = count
    return found


def grams_of(rows: Rows) -> NDArray[np.uint64]:
    """Give each row's grams; none for a leaf that was not read or whose range is empty."""
    is_some = (rows["codes"] != UNREAD) & (rows["last"] > rows["first"])
    return np.where(is_some, rows["last"] - rows["first"], 0).astype(np.uint64)


def exact_sum(grams: NDArray[np.uint64]) -> int:
    """Add up without overflow: an unlawful log can end the same 2^63 grams twice, a lawful one can move them twice."""
    return int((grams & _LOW).sum(dtype=np.uint64)) + (int((grams >> np.uint64(32)).sum(dtype=np.uint64)) << 32)
