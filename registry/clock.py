"""Time, as one function that is passed in. Unix milliseconds, UTC."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], int]
"""Answers the Unix time in milliseconds."""


def system_clock() -> int:
    """Unix time of this machine in milliseconds."""
    return time.time_ns() // 1_000_000


def rfc3339(ms: int) -> str:
    """Write Unix milliseconds as RFC 3339 in UTC, with milliseconds: `2026-11-20T08:00:00.000Z`."""
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"
