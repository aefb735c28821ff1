"""Years and months out of whole days, by the proleptic Gregorian calendar: the same integers on every engine.

After Howard Hinnant, "chrono-compatible low-level date algorithms" (civil_from_days). Days count from 1970-01-01 and
are not negative. It is told as stages, each named, since every one is needed several times by those after it.
"""

from collections.abc import Callable
from typing import Any, Final

DAY_MS: Final = 86_400_000
MAX_DAY: Final = 110_000
"""In the year 2271; a moment or day beyond it is no report's."""

Divide = Callable[[Any, int], Any]
"""Whole division of what is not negative."""
Stage = Callable[[Callable[[str], Any], Divide], Any]

STAGES: Final[tuple[tuple[str, Stage], ...]] = (
    # From 0000-03-01: the leap day is the last of its year. An era has 400 years.
    ("since", lambda of, _: of("days") + 719_468),
    ("era", lambda of, divide: divide(of("since"), 146_097)),
    ("day", lambda of, _: of("since") - of("era") * 146_097),
    (
        "years",
        lambda of, divide: divide(
            of("day") - divide(of("day"), 1_460) + divide(of("day"), 36_524) - divide(of("day"), 146_096), 365
        ),
    ),
    ("rest", lambda of, divide: of("day") - (of("years") * 365 + divide(of("years"), 4) - divide(of("years"), 100))),
    ("march", lambda of, divide: divide(of("rest") * 5 + 2, 153)),  # 0 is March
    ("after", lambda of, divide: divide(of("march"), 10)),  # 1 in January and February
    ("year", lambda of, _: of("years") + of("era") * 400 + of("after")),
    ("month_of_year", lambda of, _: of("march") + 3 - of("after") * 12),
    ("month", lambda of, _: (of("year") - 1970) * 12 + of("month_of_year") - 1),
)
"""Year, month of the year (1 to 12), and months since January 1970, of `days`."""
