"""Which of a person's overlapping rides are kept (R19): the earliest start, then the lowest row, wins.

A ride yields only to one that is kept. That depends on all decisions before it, which no single window expression
can say; so this runs in plain Python, and only for accounts with an overlap at all. It is linear after sorting.
"""

from collections.abc import Iterable

Span = tuple[int, int, int, int]
"""`account_id, starts_at_ms, row, ends_at_ms`: sorts by account, then by precedence."""


def resolve(spans: Iterable[Span]) -> dict[int, int]:
    """Give, for each row that yields, the row that it yields to. Times are half open: touching is no overlap."""
    yields: dict[int, int] = {}
    account, kept_row, kept_until = None, 0, 0
    for account_id, starts, row, ends in sorted(spans):
        if account_id == account and starts < kept_until:
            yields[row] = kept_row
        else:
            account, kept_row, kept_until = account_id, row, ends
    return yields
