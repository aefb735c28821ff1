"""Which overlapping activities are kept (R19): the earliest start, then the lowest row, wins.

A person does one thing at a time, and a vehicle carries one person. An activity yields only to one that is kept. That
depends on all decisions before it, which no single window expression can say; so this runs in plain Python, and only
for persons and things with an overlap at all. It is linear after sorting.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """When an activity was, `row` its number, and who or what was at it; sorts by precedence."""

    starts_ms: int
    row: int
    ends_ms: int
    busy: tuple[tuple[str, str | int], ...]


def resolve(spans: Iterable[Span]) -> dict[int, int]:
    """Give, for each row that yields, the row that it yields to. Times are half open: touching is no overlap.

    Two instants at one moment meet, as in the database.
    """
    yields: dict[int, int] = {}
    kept: dict[tuple[str, str | int], tuple[int, int, int]] = {}  # who or what -> end, row and start of its last kept
    for span in sorted(spans):
        until, other, since = max((kept[one] for one in span.busy if one in kept), default=(span.starts_ms, 0, None))
        if span.starts_ms < until or since == span.starts_ms:
            yields[span.row] = other
        else:
            kept.update(dict.fromkeys(span.busy, (span.ends_ms, span.row, span.starts_ms)))
    return yields
