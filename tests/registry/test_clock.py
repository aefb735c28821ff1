"""Days as people in Shanghai read them."""

import pytest

from registry.clock import rfc3339, whole_days

DAY = 86_400_000
MIDNIGHT = 1_767_196_800_000
"""2026-01-01 00:00 in Shanghai."""


@pytest.mark.parametrize(
    ("first", "end", "days"),
    [
        (0, DAY, (0, DAY)),
        (1, 2, (0, DAY)),
        (DAY - 1, DAY + 1, (0, 2 * DAY)),
        (DAY, DAY, (DAY, 2 * DAY)),
        (-1, 0, (-DAY, 0)),
        (5, 30 * DAY, (0, 30 * DAY)),
    ],
)
def test_a_period_lies_in_whole_days_and_whole_days_in_themselves(first, end, days):
    assert rfc3339(MIDNIGHT) == "2025-12-31T16:00:00.000Z"
    begin, until = whole_days(MIDNIGHT + first, MIDNIGHT + end)
    assert (begin - MIDNIGHT, until - MIDNIGHT) == days
    assert whole_days(begin, until) == (begin, until)
