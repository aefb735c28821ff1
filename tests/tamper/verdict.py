"""What became of one alteration."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """`MISSED` includes what was found in the wrong place."""

    REFUSED = "refused"
    FOUND = "found"
    MISSED = "missed"


@dataclass(frozen=True)
class Tried:
    """One alteration of a `kind`, what it was, and what was said of it."""

    kind: str
    what: str
    verdict: Verdict
    said: str


def judged(kind: str, what: str, named: Collection[object], expected: Collection[object]) -> Tried:
    """Found when one of the places `expected` is among those that were named."""
    verdict = Verdict.FOUND if set(named) & set(expected) else Verdict.MISSED
    return Tried(kind, what, verdict, f"named {sorted(map(str, named))[:5]}, expected {sorted(map(str, expected))[:5]}")


def refused(kind: str, what: str, said: object) -> Tried:
    return Tried(kind, what, Verdict.REFUSED, str(said))


def missed(kind: str, what: str, said: object) -> Tried:
    return Tried(kind, what, Verdict.MISSED, str(said))
