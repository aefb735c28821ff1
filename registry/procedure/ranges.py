"""Half-open ranges of whole numbers that never overlap, neighbours joined into one."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from registry.procedure.fields import Range


class Ranges:
    """A set of whole numbers, kept as the ranges that it is made of. Memory follows the gaps."""

    def __init__(self) -> None:
        """Begin with none."""
        self._firsts: list[int] = []
        self._ends: list[int] = []

    def __iter__(self) -> Iterator[Range]:
        """Go through the ranges in order."""
        return zip(self._firsts, self._ends, strict=True)

    def overlapping(self, first: int, end: int) -> Range | None:
        """Give a range that has a number of `[first, end)`."""
        at = bisect_right(self._ends, first)
        if first < end and at < len(self._firsts) and self._firsts[at] < end:
            return self._firsts[at], self._ends[at]
        return None

    def add(self, first: int, end: int) -> None:
        """Add a range that overlaps none, and join it with those that it touches."""
        low, high = bisect_left(self._ends, first), bisect_right(self._firsts, end)
        firsts, ends = self._firsts[low:high], self._ends[low:high]
        self._firsts[low:high] = [min([first, *firsts])]
        self._ends[low:high] = [max([end, *ends])]
