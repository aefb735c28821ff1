"""Time, as one function that is passed in. Unix milliseconds, UTC."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

Clock = Callable[[], int]
"""Answers the Unix time in milliseconds."""
SHANGHAI: Final = timezone(timedelta(hours=8))
"""Where people read a day or a clock: UTC+8, without summer time since 1991."""


def system_clock() -> int:
    """Unix time of this machine in milliseconds."""
    return time.time_ns() // 1_000_000


def rfc3339(ms: int) -> str:
    """Write Unix milliseconds as RFC 3339 in UTC, with milliseconds: `2026-11-20T08:00:00.000Z`."""
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def in_shanghai(ms: int) -> datetime:
    """Give the moment as people in Shanghai have it; every day or hour that a person reads is made of this."""
    return datetime.fromtimestamp(ms // 1000, UTC).astimezone(SHANGHAI)


def whole_days(first_ms: int, end_ms: int) -> tuple[int, int]:
    """Give the whole days in Shanghai that `[first_ms, end_ms)` lies in, one at least: half open, Unix milliseconds."""
    begin = _midnight(first_ms)
    return begin, max(begin, _midnight(end_ms - 1)) + _DAY_MS


_DAY_MS: Final = 86_400_000


def _midnight(ms: int) -> int:
    return int(in_shanghai(ms).replace(hour=0, minute=0, second=0).timestamp()) * 1000


def day(ms: int) -> str:
    """Write the day in Shanghai: `2026-11-20`."""
    return f"{in_shanghai(ms):%Y-%m-%d}"


def day_of(text: str) -> tuple[int, int]:
    """Read a day in Shanghai, `2026-11-20`: half open, Unix milliseconds. Raises `ValueError` for no day."""
    begin = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=SHANGHAI)
    first = int(begin.timestamp()) * 1000
    return first, first + _DAY_MS


def wall_clock(ms: int) -> str:
    """Write the day and hour in Shanghai, with the offset: `2026-11-20 16:00:00 (UTC+8)`."""
    return f"{in_shanghai(ms):%Y-%m-%d %H:%M:%S} (UTC+8)"
