"""One pass over all leaves of a log: hashes, rules, sums; and the roots and figures at the sizes one asks for."""

from bisect import bisect_right
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from anchoring.auditing.history import History, Rows, rows_of, unread_rows
from anchoring.auditing.judge import LAWFUL, Judge
from anchoring.auditing.overlaps import find_overlaps
from anchoring.auditing.reading import MAX_UNREAD_FILES, Files, leaf_hashes
from anchoring.auditing.report import Fault, Faults
from anchoring.auditing.tally import Tally
from anchoring.auditing.tree import TreeCheck
from anchoring.leaf import LEAF_DTYPE, VERSION
from anchoring.log.fetching import BATCH
from anchoring.log.tiles import TILE_WIDTH, tile_width
from registry.ledger.rules import Rule


class Replay:
    """The first `size` leaves of a log, and what they make.

    `roots` and `figures` (frontier, ended grams) hold what could be recomputed at the sizes asked for; after a leaf
    that cannot be read there are no figures, and after a tile of which nothing can be read no roots.
    """

    def __init__(self, files: Files, faults: Faults, size: int, sizes: Iterable[int]) -> None:
        """Prepare for `size` leaves; `sizes` above 0 and up to `size` are those asked for."""
        self.size = size
        self.roots: dict[int, bytes] = {}
        self.figures: dict[int, tuple[int, int]] = {}
        self.tally = Tally()
        self.leaves_read = 0
        self._read_to = 0
        self._sizes = sorted(set(sizes))
        self._files = files
        self._faults = faults
        self._tree = TreeCheck(files, faults)
        self._history = History()
        self._judge = Judge()

    def run(self, on_progress: Callable[[int, int], None]) -> None:
        """Read and judge all leaves; `on_progress` is told (leaves done, leaves in all)."""
        for start in range(0, self.size, BATCH):
            leaves, is_there = self._read(start, min(start + BATCH, self.size))
            end = start + len(leaves)
            self._append(start, leaves, is_there)
            self._add_up(start, end)
            self._name_broken(start)
            on_progress(end, self.size)
            if self._files.is_given_up and end < self.size:
                sentence = f"{MAX_UNREAD_FILES} files could not be read; the audit ends here, of {self.size} leaves"
                self._faults.add(Fault("unread", sentence, leaf=end))
                break
        else:
            self._tree.finish()
        for rule, (later, earlier) in find_overlaps(self._history.rows):
            self._faults.add_rule(rule, later, f": it takes grams of leaf {earlier}")

    def _read(self, start: int, end: int) -> tuple[Rows, NDArray[np.bool_]]:
        """Read and hash the leaves of one batch: `LEAF_DTYPE`, and which of them are there.

        Fewer when too many files could not be read: memory follows what is there, not what a checkpoint claims.
        """
        leaves = np.zeros(end - start, LEAF_DTYPE)
        is_there = np.zeros(end - start, np.bool_)
        for first in range(start, end, TILE_WIDTH):
            if self._files.is_given_up:
                return leaves[: first - start], is_there[: first - start]
            n = first // TILE_WIDTH
            width = tile_width(0, n, self.size)
            bundle = self._files.leaves(n, width)
            if bundle is not None:
                leaves[first - start : first - start + width] = bundle
                is_there[first - start : first - start + width] = True
            hashes = None if bundle is None else leaf_hashes(bundle)
            self.roots.update(self._tree.add(hashes, width, self._sizes_in(first, first + width)))
        return leaves, is_there

    def _append(self, start: int, leaves: Rows, is_there: NDArray[np.bool_]) -> None:
        """Put decoded leaves into the history; of those of another version nothing is known."""
        is_read = is_there & (leaves["version"] == VERSION)
        for place in np.flatnonzero(is_there & ~is_read).tolist():
            sentence = f"the leaf is of version {leaves['version'][place]}; only version {VERSION} is known here"
            self._faults.add(Fault("leaf-version", sentence, leaf=start + place))
        rows = rows_of(leaves)
        rows[~is_read] = unread_rows(1)
        self._history.append(rows)
        self.tally.count_kinds(leaves[is_read])
        self.leaves_read += int(is_read.sum())
        if self._read_to == start:
            self._read_to += len(leaves) if is_read.all() else int(np.argmin(is_read))

    def _add_up(self, start: int, end: int) -> None:
        figures = self.tally.add(self._history.rows, start, self._sizes_in(start, end))
        self.figures |= {size: figure for size, figure in figures.items() if size <= self._read_to}

    def _name_broken(self, start: int) -> None:
        rules = self._judge.judge(self._history.rows, start)
        for place in np.flatnonzero(rules != LAWFUL).tolist():
            parent = int(self._history.rows["parent"][start + place])
            detail = f" (its parent is leaf {parent})" if parent < start + place else ""
            self._faults.add_rule(Rule(rules[place]), start + place, detail)

    def _sizes_in(self, start: int, end: int) -> list[int]:
        """Give the sizes asked for that are above `start` and up to `end`."""
        return self._sizes[bisect_right(self._sizes, start) : bisect_right(self._sizes, end)]
