"""All leaves of a log, once: hashes, rules, sums; and the roots and figures at the sizes one asks for.

A wave of segments is read by whoever is free, then judged by whoever is free, as a parent may be in any earlier
segment. What is merged is merged in the order of the log, so that the outcome is the same for any number of processes.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from anchoring.auditing.crew import Crew, Worker
from anchoring.auditing.decisions import Decided, check_decisions
from anchoring.auditing.report import Totals
from anchoring.auditing.segment import SEGMENT, Segment, Stretch, read_segment
from anchoring.auditing.standing import Standing
from anchoring.auditing.tally import CHUNK, LotBounds, find_lots, sum_by_lot, totals
from anchoring.auditing.times import Moments
from anchoring.replaying.faults import Fault, Faults
from anchoring.replaying.judging import Judged, judge_segment
from anchoring.replaying.overlaps import Rivals, find_overlaps, partition
from anchoring.replaying.reading import MAX_UNREAD_FILES, Files
from anchoring.tree.tiles import TILE_WIDTH, Source
from registry.procedure.lots import Issuance

WAVE: Final = 16
"""Segments read before they are judged: 1,048,576 leaves, work for many processes."""


class Replay:
    """The first `size` leaves of a log, from where `standing` is, which it advances.

    `standing.roots` and `figures` come to hold what can be recomputed at the sizes asked for; after a leaf that cannot
    be read there are no figures, and after a tile of which nothing can be read no roots.
    """

    def __init__(self, crew: Crew, source: Source, standing: Standing, size: int, sizes: Iterable[int]) -> None:
        """Prepare for `size` leaves; `sizes` above `standing.size` and up to `size` are those asked for."""
        self.standing = standing
        self.size = size
        self._crew = crew
        self._sizes = sorted(set(sizes))
        self._files = Files(source, standing.faults)
        self._unread = 0

    def run(self, on_progress: Callable[[int, int], None], on_wave: Callable[[], None], step: int = SEGMENT) -> None:
        """Read and judge all leaves, `step` of them at a time, which are whole tiles.

        `on_progress` is told (leaves done, leaves in all), `on_wave` whenever all of `standing` is up to date.
        """
        for stretches in self._waves(step):
            read = []
            for stretch, segment in zip(stretches, self._crew.run(_read, stretches), strict=False):
                read.append(self._take(stretch, segment))
                on_progress(read[-1].end, self.size)
                if self._is_given_up:
                    break
            for judged in self._crew.run(_judge, read):
                self._count_on(judged)
            self.standing.size = read[-1].end
            if self._is_given_up and self.standing.size < self.size:
                sentence = f"{MAX_UNREAD_FILES} files could not be read; the audit ends here, of {self.size} leaves"
                self.standing.faults.add(Fault("unread", sentence, leaf=self.standing.size))
                return
            on_wave()
        self.standing.tree.finish(self._files, self.standing.faults)

    def overlaps(self) -> Faults:
        """Find the leaves that take grams which another took."""
        faults = Faults()
        tasks = [(part, self.standing.size) for part in partition(self.standing.size)]
        for found in self._crew.run(_overlaps, tasks):
            faults.merge(found.sorted(), found.counts)
        return faults

    def decisions(self, source: Source, faults: Faults) -> Decided:
        """Replay the decisions of a log that is lawful but for them; give what they made."""
        standing = self.standing
        return check_decisions(
            source, self._crew.rows(standing.size), standing.record_leaves, standing.documents, faults
        )

    def moments(self) -> Moments:
        """Give when each record says that it is."""
        indices = self.standing.record_leaves.indices
        return indices, np.asarray(self._crew.rows(self.standing.size)["at"][indices], np.int64)

    def totals(self, issuances: Sequence[Issuance]) -> Totals:
        """Add up all leaves; `issuances` are what is known of the lots."""
        size = self.standing.size
        lots = find_lots(self._crew.rows(size), issuances)
        sums = sum_by_lot(self._crew.rows(size), 0, 0, lots)
        for part in self._crew.run(_sum, [(at, min(size, at + CHUNK), lots) for at in range(0, size, CHUNK)]):
            sums += part
        return totals(sums, lots, self.standing.kinds, self.standing.whole.frontier)

    @property
    def _is_given_up(self) -> bool:
        """Whether so many files could not be read that what is left says nothing."""
        return self._unread + self._files.unread >= MAX_UNREAD_FILES

    def _waves(self, step: int) -> Iterator[list[Stretch]]:
        """Divide what is left; all but the last tile, if that is not full, ends where one can go on another day.

        One by one: a checkpoint can claim more leaves than there is memory to divide.
        """
        start, full = self.standing.size, self.size // TILE_WIDTH * TILE_WIDTH
        while start < self.size:
            end = min(_next(start, WAVE * step), full) if start < full else self.size
            yield list(self._stretches(start, end, step))
            start = end

    def _stretches(self, start: int, end: int, step: int) -> Iterator[Stretch]:
        while start < end:
            last = min(_next(start, step), end)
            yield Stretch(start, last, self.size, self._sizes_in(start, last))
            start = last

    def _take(self, stretch: Stretch, segment: Segment) -> Stretch:
        """Take what was read, in the order of the log: up to where the audit gives up, if it does."""
        end = self._grow(stretch, segment)
        if end < segment.end:
            # What lies beyond was read by chance, because others were quick, and must not be told.
            stretch = Stretch(stretch.start, end, stretch.size, self._sizes_in(stretch.start, end))
            (segment,) = self._crew.run(_read, [stretch])
        standing = self.standing
        standing.faults.merge(segment.faults, segment.fault_counts)
        standing.kinds += segment.kinds
        for kind, indices in segment.records.items():
            standing.records.setdefault(kind, []).extend(indices)
        standing.record_leaves.add(segment.record_leaves)
        standing.documents |= segment.documents
        standing.leaves_read += segment.leaves_read
        if standing.read_to == segment.start:
            standing.read_to = segment.read_to
        return Stretch(segment.start, segment.end, stretch.size, self._sizes_in(segment.start, segment.end))

    def _grow(self, stretch: Stretch, segment: Segment) -> int:
        """Grow the tree by the tiles of a segment; give the leaf at which the audit gives up, or the segment's end."""
        tree = self.standing.tree
        for number, (node, unread) in enumerate(zip(segment.nodes, segment.unread, strict=True)):
            first = segment.start + number * TILE_WIDTH
            last = min(first + TILE_WIDTH, segment.end)
            for size in (size for size in stretch.sizes if first < size <= last and size in segment.parts):
                root = tree.root(segment.parts[size])
                if root is not None:
                    self.standing.roots[size] = root
            self._unread += unread
            if last - first == TILE_WIDTH:
                tree.add(node, self._files, self.standing.faults)
            elif node is None:
                tree.is_known = False
            if self._is_given_up:
                return last
        return segment.end

    def _count_on(self, judged: Judged) -> None:
        standing = self.standing
        standing.faults.merge(judged.faults, judged.fault_counts)
        for size, figures in judged.figures.items():
            if size <= standing.read_to:
                standing.figures[size] = standing.whole + figures
        standing.whole += judged.whole

    def _sizes_in(self, start: int, end: int) -> tuple[int, ...]:
        """Give the sizes asked for that are above `start` and up to `end`."""
        return tuple(self._sizes[bisect_right(self._sizes, start) : bisect_right(self._sizes, end)])


def _next(start: int, step: int) -> int:
    """Give the next multiple of `step`."""
    return start // step * step + step


def _read(worker: Worker, stretch: Stretch) -> Segment:
    return read_segment(worker.source, worker.rows, stretch, worker.pool, worker.connections)


def _judge(worker: Worker, stretch: Stretch) -> Judged:
    return judge_segment(worker.judge, worker.rows.rows(stretch.end), stretch.start, stretch.sizes)


def _overlaps(worker: Worker, task: tuple[Rivals, int]) -> Faults:
    part, size = task
    faults = Faults()
    for rule, (later, earlier) in find_overlaps(worker.rows.rows(size), part):
        faults.add_rule(rule, later, f": it takes grams of leaf {earlier}")
    return faults


def _sum(worker: Worker, task: tuple[int, int, LotBounds]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    start, end, lots = task
    return sum_by_lot(worker.rows.rows(end), start, end, lots)
