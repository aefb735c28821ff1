"""What is taken of activities: bounds on the files that bring them, and by kind of activity the rules against abuse.

Shipped as `activities.json` and `risk-<methodology>.json`, with the reason of each number; those in force are bound
into the evidence of an issuance. A kind of activity without rules of its own is not taken (R50).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from importlib.resources import files
from typing import Any, ClassVar, Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from registry.errors import Invalid

ACTIVITIES: Final = "activities"
RISK: Final = "risk/"
MOST_OF_A_RULE: Final = 10**6
"""What is reckoned with it stays in 64 bits."""
MOST_DAYS: Final = 3660
"""Ten years: nothing waits for longer."""
_STRICT = ConfigDict(extra="forbid", strict=True)


class Evidence(StrEnum):
    """What an activity is known by (R49), the strongest first; what is `self-declared` makes grams by no policy."""

    LOCK = "lock"
    """A vehicle's lock, which opened for a user."""
    GATE = "gate"
    METER = "meter"
    """A meter or charging pole."""
    VEHICLE = "vehicle"
    """A vehicle's own record of where it was."""
    NAVIGATION = "navigation"
    """The user's own device, which somebody else could have carried."""
    SELF_DECLARED = "self-declared"


MEASURED: Final = tuple(one for one in Evidence if one is not Evidence.SELF_DECLARED)


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Bounds on a file: bytes as it comes and unpacked, rows, bytes of one line. All whole numbers."""

    max_file_bytes: int
    max_rows: int
    max_line_bytes: int

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "FileLimits":
        """Take the limits from a policy's value. Raises `Invalid` when one is missing or no whole number above zero."""
        names = [field.name for field in fields(cls)]
        wrong = [name for name in names if type(value.get(name)) is not int or value[name] <= 0]
        if wrong:
            raise Invalid(f"The policy {ACTIVITIES!r} needs whole numbers above zero for {', '.join(wrong)}.")
        return cls(**{name: value[name] for name in names})


@dataclass(frozen=True, slots=True)
class Speed:
    """Faster than this nobody was: `of` is the methodology's distance, an input or a step of each row."""

    of: str
    most_m_per_h: int


@dataclass(frozen=True, slots=True)
class Still:
    """So many neighbouring readings that are the same stand still. `of` is the input; `zero`: zeros too."""

    of: str
    readings: int
    zero: bool


@dataclass(frozen=True, slots=True)
class Positions:
    """Where activities of a kind began and ended: inputs in degrees, longitude and latitude.

    `least_m_per_degree`: of both, the least metres wherever the kind is. `most_m_per_h`: between two activities no
    person and no vehicle goes faster. `copies_within_s`: whoever makes a journey again in this time, on the vehicle of
    the first, which was not brought back, and as long to the last digit, did not make it twice. `areas`: west, south,
    east, north in whole microdegrees of where the public is not.
    """

    begins: tuple[str, str]
    ends: tuple[str, str]
    least_m_per_degree: tuple[int, int]
    most_m_per_h: int | None = None
    copies_within_s: int | None = None
    areas: tuple[tuple[int, int, int, int], ...] = ()

    def __post_init__(self) -> None:
        """Raise `ValueError` for what is no such rule."""
        numbers = (*self.least_m_per_degree, self.most_m_per_h, self.copies_within_s)
        if any(number is not None and not 0 < number <= MOST_OF_A_RULE for number in numbers):
            raise ValueError(f"limits are above zero, and {MOST_OF_A_RULE} at most")
        if any(west >= east or south >= north for west, south, east, north in self.areas):
            raise ValueError("an area is west, south, east, north")


@dataclass(frozen=True, slots=True)
class Risk:
    """The rules of a kind of activity. What is longer than `longest_s` is refused; the rest put a row in quarantine.

    `clock_resolution_s`: how much longer than its two times say an activity may have lasted. `most_a_day`: of one
    person, on one day of Shanghai. `beside_within_s`: how far two statements of one duration may be apart.
    `round_trips`: what ends where it began is caught. `places`: so is what begins or ends at one of these. `evidence`:
    what is known otherwise is refused. Whose it is may appeal for `appeal_days`, and what nobody releases lapses after
    `lapse_days`, both of 24 hours. The rest says where the numbers are from.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    longest_s: int
    clock_resolution_s: int
    speed: Speed | None = None
    still: Still | None = None
    most_a_day: int | None = None
    beside_within_s: int | None = None
    round_trips: bool = False
    places: tuple[str, ...] = ()
    positions: Positions | None = None
    evidence: tuple[Evidence, ...] = MEASURED
    appeal_days: int = 30
    lapse_days: int = 90
    status: str | None = None
    source: str | None = None
    reasons: dict[str, str] | None = None

    def __post_init__(self) -> None:
        numbers = (self.longest_s, self.most_a_day, None if self.speed is None else self.speed.most_m_per_h)
        if any(number is not None and number <= 0 for number in numbers) or (self.still and self.still.readings < 2):
            raise ValueError("limits are above zero, and one reading stands beside no other")
        if not self.evidence or not set(self.evidence) <= set(MEASURED):
            raise ValueError("some evidence is taken, and never what is self-declared")
        if not 0 < self.appeal_days <= self.lapse_days <= MOST_DAYS:
            raise ValueError(f"an appeal ends before its activity lapses, within {MOST_DAYS} days")
        if self.clock_resolution_s < 0 or (self.beside_within_s is not None and self.beside_within_s < 0):
            raise ValueError("allowances are not below zero")

    @classmethod
    def of(cls, value: Any) -> "Risk":
        """Read a policy's value. Raises `Invalid` with what is wrong first."""
        try:
            return _RISK.validate_json(json.dumps(value))
        except ValidationError as error:
            said = error.errors()[0]
            place = ".".join(map(str, said["loc"])) or "its top"
            raise Invalid(f"Rules against abuse are refused at {place}: {said['msg']}.") from None


_RISK: TypeAdapter[Risk] = TypeAdapter(Risk)


def shipped_risks() -> tuple[str, ...]:
    """Name the policies of this family that ship."""
    names = (entry.name for entry in files("registry.policies").iterdir())
    found = (name.removeprefix("risk-").removesuffix(".json") for name in names if name.startswith("risk-"))
    return tuple(sorted(f"{RISK}{name}" for name in found))
