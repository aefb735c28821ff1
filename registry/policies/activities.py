"""What is taken of activities: bounds on the files that bring them, and by kind of activity the rules against abuse.

Shipped as `activities.json` and `risk-<methodology>.json`, with the reason of each number; those in force are bound
into the evidence of an issuance. A kind of activity without rules of its own is not taken (R50).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import Any, ClassVar, Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from registry.errors import Invalid

ACTIVITIES: Final = "activities"
RISK: Final = "risk/"
_STRICT = ConfigDict(extra="forbid", strict=True)


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
class Risk:
    """The rules of a kind of activity. What is longer than `longest_s` is refused; the rest put a row in quarantine.

    `clock_resolution_s`: how much longer than its two times say an activity may have lasted. `most_a_day`: of one
    person, on one day of Shanghai. `beside_within_s`: how far two statements of one duration may be apart.
    `round_trips`: what ends where it began is caught. `places`: so is what begins or ends at one of these. The rest
    says where the numbers are from.
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
    status: str | None = None
    source: str | None = None
    reasons: dict[str, str] | None = None

    def __post_init__(self) -> None:
        numbers = (self.longest_s, self.most_a_day, None if self.speed is None else self.speed.most_m_per_h)
        if any(number is not None and number <= 0 for number in numbers) or (self.still and self.still.readings < 2):
            raise ValueError("limits are above zero, and one reading stands beside no other")
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
