"""How times are written, and by which clock: patterns of fixed width, and zones with their jumps."""

import re
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_PARTS: Final = {
    "YYYY": r"[12][0-9]{3}",
    "MM": r"(?:0[1-9]|1[0-2])",
    "DD": r"(?:0[1-9]|[12][0-9]|3[01])",
    "HH": r"(?:[01][0-9]|2[0-3])",
    "mm": r"[0-5][0-9]",
    "ss": r"[0-5][0-9]",
}
_TOKEN: Final = re.compile(r"YYYY|MM|DD|HH|mm|ss|ZZ|\[:ss\]|[-/. T:年月日时分秒]")
_OFFSET: Final = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
OFFSET_PATTERN: Final = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern taken apart: what matches it whole, and where each part stands, from 0; all have a fixed width.

    Seconds that may be missing stand behind the minutes; an offset stands last.
    """

    regex: str
    at: dict[str, int]
    has_offset: bool
    may_lack_seconds: bool


@cache
def read_pattern(text: str) -> Pattern:
    """Take a pattern apart. Raises `ValueError`."""
    regex, at, width, place = "^", {}, 0, 0
    has_offset = may_lack = False
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or has_offset or (may_lack and match[0] != "ZZ"):
            raise ValueError(f"the pattern {text!r} cannot be read at {text[place:]!r}")
        part, place = match[0], match.end()
        if part == "ZZ":
            has_offset, regex = True, regex + OFFSET_PATTERN
        elif part == "[:ss]":
            may_lack, regex = True, regex + rf"(?::{_PARTS['ss']})?"
            at["ss"] = width + 1
        elif part in _PARTS:
            if part in at:
                raise ValueError(f"the pattern {text!r} has {part} twice")
            at[part] = width
            width, regex = width + len(part), regex + _PARTS[part]
        else:
            width, regex = width + 1, regex + re.escape(part)
    return Pattern(regex + "$", at, has_offset, may_lack)


def check_pattern(text: str, *, is_day: bool) -> None:
    """Refuse a pattern that does not tell what it must. Raises `ValueError`."""
    pattern = read_pattern(text)
    wanted = {"YYYY", "MM", "DD"} if is_day else {"YYYY", "MM", "DD", "HH", "mm"}
    if not wanted <= set(pattern.at) or (is_day and (set(pattern.at) != wanted or pattern.has_offset)):
        raise ValueError(f"the pattern {text!r} does not tell {', '.join(sorted(wanted))}, or more")


@dataclass(frozen=True, slots=True)
class Clock:
    """A stretch in which a zone's clock was so many seconds ahead of UTC; local Unix seconds `[begins, until)`."""

    begins: int
    until: int
    offset_s: int


def check_zone(name: str) -> None:
    """Refuse a zone that is none. Raises `ValueError`."""
    if _OFFSET.fullmatch(name) is None:
        _zone(name)


def _zone(name: str) -> ZoneInfo:
    if re.fullmatch(r"[A-Za-z]+(?:/[A-Za-z_+-]+)+", name) is not None:
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo(name)
    raise ValueError(f"{name!r} is no zone such as Europe/Oslo, and no offset such as +08:00")


_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a clock on a wall
_DAY_S: Final = 86_400
_FOREVER: Final = 1 << 40


def clocks(name: str, first: int, last: int) -> list[Clock]:
    """Give the stretches of a zone's clock that local times from `first` to `last` (Unix seconds) may lie in, in order.

    Where two overlap the clock was set back, and where none is it was set forward.
    """
    match = _OFFSET.fullmatch(name)
    if match is not None:
        ahead = (int(match[2]) * 60 + int(match[3])) * 60
        return [Clock(-_FOREVER, _FOREVER, ahead if match[1] == "+" else -ahead)]
    zone = _zone(name)
    begin, end = first - 2 * _DAY_S, last + 2 * _DAY_S
    jumps = [at for day in range(begin, end, _DAY_S) for at in _jumps(zone, day, day + _DAY_S)]
    edges = [-_FOREVER, *jumps, _FOREVER]
    found = []
    for since, until in pairwise(edges):
        offset = _offset(zone, begin if since == -_FOREVER else since)
        found.append(Clock(since + offset, until + offset, offset))
    return found


def _jumps(zone: ZoneInfo, begin: int, end: int) -> list[int]:
    """Give when the offset changes in `(begin, end]`, UTC Unix seconds: once at most in a day."""
    before = _offset(zone, begin)
    if before == _offset(zone, end):
        return []
    return [begin + 1 + bisect_right(range(begin + 1, end + 1), False, key=lambda at: _offset(zone, at) != before)]


def _offset(zone: ZoneInfo, at: int) -> int:
    moment = (_EPOCH + timedelta(seconds=at)).replace(tzinfo=UTC).astimezone(zone)
    ahead = moment.utcoffset()
    return 0 if ahead is None else ahead // timedelta(seconds=1)
