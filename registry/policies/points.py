"""Policies about the points that people hold: when they are told of an expiry, how historical points are honoured.

Shipped as `expiry-notices.json` and `honours.json`, both illustrative: the points guide names a reward in article 3 and
leaves its form open.
"""

from dataclasses import dataclass
from typing import Any, Final

from registry.errors import Invalid
from registry.words import checked_words

EXPIRY_NOTICES: Final = "expiry-notices"
HONOURS: Final = "honours"
MOST_NOTICES: Final = 10
MOST_LEVELS: Final = 20
MOST_DAYS: Final = 366
MAX_TITLE_CHARS: Final = 40
MOST_GRAMS: Final = 10**12
"""A million tonnes: no person comes near."""


@dataclass(frozen=True, slots=True)
class Honour:
    """A title (荣誉) for whoever has so many historical points, in grams."""

    from_g: int
    zh: str
    en: str


def days_before(value: dict[str, Any]) -> tuple[int, ...]:
    """Read how many days before an expiry people are told, the fewest first. Raises `Invalid`."""
    days: Any = value.get("days_before")
    are_days = isinstance(days, list) and all(type(one) is int and 1 <= one <= MOST_DAYS for one in days)
    if not are_days or len(set(days)) != len(days) or len(days) > MOST_NOTICES:
        raise Invalid(
            f"days_before of {EXPIRY_NOTICES!r} is a list of whole numbers from 1 to {MOST_DAYS}, each once, at most "
            f"{MOST_NOTICES} of them."
        )
    return tuple(sorted(days))


def levels(value: dict[str, Any]) -> tuple[Honour, ...]:
    """Read the titles, the lowest first. Raises `Invalid`."""
    said = value.get("levels")
    if not isinstance(said, list) or len(said) > MOST_LEVELS:
        raise Invalid(f"levels of {HONOURS!r} is a list of at most {MOST_LEVELS} titles.")
    found = [_level(one) for one in said]
    bounds = [one.from_g for one in found]
    if bounds != sorted(set(bounds)):
        raise Invalid(f"levels of {HONOURS!r} rise: each has a greater from_g than the one before.")
    return tuple(found)


def _level(said: Any) -> Honour:
    if not isinstance(said, dict) or said.keys() != {"from_g", "zh", "en"}:
        raise Invalid(f"A level of {HONOURS!r} has from_g, zh and en, and nothing else.")
    from_g, names = said["from_g"], (said["zh"], said["en"])
    if type(from_g) is not int or not 1 <= from_g <= MOST_GRAMS:
        raise Invalid(f"from_g of {HONOURS!r} is a whole number of grams from 1 to {MOST_GRAMS}.")
    if not all(isinstance(name, str) for name in names):
        raise Invalid(f"A level of {HONOURS!r} has a name in Chinese and one in English.")
    return Honour(from_g, *(checked_words(name, "A title", MAX_TITLE_CHARS) for name in names))
