"""Days in Shanghai: when publicity and waiting times end, and until when points are valid."""

from calendar import isleap, monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from registry.clock import SHANGHAI, in_shanghai
from registry.procedure.fields import Unreadable
from registry.procedure.values import Calendar

CalendarOf = Callable[[int], Calendar | None]
"""Gives the calendar of a year, None where there is none."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)


def end_of_working_days(at: int, number: int, calendar_of: CalendarOf) -> int:
    """Give the end, 24:00, of the `number`th working day after the day of `at`; that day itself does not count.

    Times are Unix milliseconds. Raises `Unreadable` when a year on the way has no calendar.
    """
    day = _day_of(at)
    while number:
        day += _DAY
        calendar = calendar_of(day.year)
        if calendar is None:
            raise Unreadable(f"the year {day.year} has no calendar")
        number -= calendar.works(day)
    return _midnight(day + _DAY)


def valid_until(at: int, years: int) -> int:
    """Give the last millisecond of the same date `years` later; of 29 February, the 28th where there is no 29th.

    Times are Unix milliseconds. Raises `Unreadable` beyond the year 9999.
    """
    today = _day_of(at)
    year = today.year + years
    is_short = (today.month, today.day) == (2, 29) and not isleap(year)
    try:
        return _midnight(today.replace(year=year, day=28 if is_short else today.day) + _DAY) - 1
    except (ValueError, OverflowError):
        raise Unreadable("points would be valid beyond the year 9999") from None


def months_before(at: int, months: int) -> int:
    """Give the beginning of the same date so many months earlier; of a date that month has not, of its last day.

    Times are Unix milliseconds. Raises `Unreadable` beyond the year 9999.
    """
    today = _day_of(at)
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    return _midnight(date(year, month + 1, min(today.day, monthrange(year, month + 1)[1])))


def _day_of(at: int) -> date:
    try:
        return in_shanghai(at).date()
    except (ValueError, OverflowError):
        raise Unreadable("the time lies beyond the year 9999") from None


def _midnight(day: date) -> int:
    return (datetime.combine(day, time(), SHANGHAI) - _EPOCH) // timedelta(milliseconds=1)
