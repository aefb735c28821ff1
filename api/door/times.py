"""Times in bodies and answers: RFC 3339, read however it writes them, written one way."""

import re
from datetime import datetime
from typing import Final

from registry.clock import day_of, rfc3339
from registry.errors import Invalid

_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,3})0*)?(?:[Zz]|([+-]\d\d:\d\d))", re.ASCII
)

_YEAR_10000: Final = 253_402_300_800
"""In Unix seconds: an offset could lead there, and nothing could write it."""


def read_time(text: str) -> int:
    """Read a time as Unix milliseconds: RFC 3339 with any offset, as generated clients write it. Raises `Invalid`."""
    found = _RFC3339.fullmatch(text)
    if found is not None:
        day, hour, fraction, offset = found.groups()
        try:
            seconds = int(datetime.fromisoformat(f"{day}T{hour}{offset or '+00:00'}").timestamp())
        except (ValueError, OverflowError):
            seconds = -1  # no such day, hour or offset
        if 0 <= seconds < _YEAR_10000:
            return seconds * 1000 + int((fraction or "").ljust(3, "0"))
    raise Invalid("A time is from 1970 on and as RFC 3339 writes it, to the millisecond: 2027-01-01T00:00:00.000Z.")


def read_day(text: str) -> tuple[int, int]:
    """Read a day in Shanghai, `2026-11-20`: half open, Unix milliseconds. Raises `Invalid`."""
    try:
        return day_of(text)
    except (ValueError, OverflowError):
        raise Invalid("A day is one of the calendar, in Shanghai: 2026-11-20.") from None


def maybe_time(text: str | None) -> int | None:
    """Read a time that may be left out."""
    return None if text is None else read_time(text)


def shown_time(at: int | None) -> str | None:
    """Write a time, Unix milliseconds, that there may be none of."""
    return None if at is None else rfc3339(at)
