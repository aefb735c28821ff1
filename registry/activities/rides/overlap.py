"""Which overlapping rides are kept (R19): the earliest start, then the lowest row, wins.

A person rides one bicycle at a time, and a bicycle carries one person. A ride yields only to one that is kept. That
depends on all decisions before it, which no single window expression can say; so this runs in plain Python, and only
for persons and bicycles with an overlap at all. It is linear after sorting.
"""

from collections.abc import Iterable

Span = tuple[int, int, int, int, str]
"""`starts_at_ms, row, ends_at_ms, account_id, bike_id`: sorts by precedence."""


def resolve(spans: Iterable[Span]) -> dict[int, int]:
    """Give, for each row that yields, the row that it yields to. Times are half open: touching is no overlap."""
    yields: dict[int, int] = {}
    kept: dict[int | str, tuple[int, int]] = {}  # account or bicycle -> end and row of its last ride that is kept
    for starts, row, ends, account_id, bike_id in sorted(spans):
        until, other = max(kept.get(account_id, (starts, row)), kept.get(bike_id, (starts, row)))
        if starts < until:
            yields[row] = other
        else:
            kept[account_id] = kept[bike_id] = ends, row
    return yields
