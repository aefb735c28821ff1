"""Calendars that are to be published before somebody needs them: without a year's, no waiting time is computed."""

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from registry.clock import in_shanghai
from registry.decisions.worklist import Reminder
from registry.procedure.table import Words
from registry.procedure.values import CALENDAR

LOOK_AHEAD_MS: Final = 60 * 86_400_000
"""The State Council announces a year's holidays some two months before it begins; publicity lasts weeks at most."""


def missing_calendars(tx: sa.Connection, at: int) -> Iterator[Reminder]:
    """Give a reminder for each year from `at` (Unix milliseconds) to two months on whose calendar is not published."""
    published = set(tx.execute(_PUBLISHED, {"calendars": f"{CALENDAR}%"}).scalars())
    for year in sorted({in_shanghai(at).year, in_shanghai(at + LOOK_AHEAD_MS).year}):
        if f"{CALENDAR}{year}" not in published:
            begins = in_shanghai(at).replace(year=year, month=1, day=1, hour=0, minute=0, second=0)
            yield Reminder(f"{CALENDAR}{year}", _words(year), frozenset({"bureau"}), int(begins.timestamp()) * 1000)


def _words(year: int) -> Words:
    return Words(
        f"{year}年的工作日历尚未公布：公示期或其他等待期若延续到{year}年，则无法计算，也不能开始。"
        f"请在国务院办公厅公布放假安排后提出策略 {CALENDAR}{year}。",
        f"There is no calendar of {year}: publicity, or another waiting time, that reaches into it cannot be computed, "
        f"and does not open. Propose the policy {CALENDAR}{year} once the State Council has announced its holidays.",
    )


_PUBLISHED = sa.text("SELECT DISTINCT name FROM policies WHERE name LIKE :calendars")
