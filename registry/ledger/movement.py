"""The movement: one step in the life of a range of grams, as plain values (docs/design.md, sections 2 and 3).

Pure: no database, no clock, no network.
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

NO_TAG = bytes(20)
RECORDS_FROM = 64
"""Kinds from here up are records of decisions; they move no gram."""


class Kind(IntEnum):
    """What a leaf does. Below 64 it moves grams, from 64 up it records a decision."""

    ISSUE = 1
    TRANSFER = 2
    CONVERT = 3
    REDEEM = 4
    REFUND = 5
    RETURN = 6
    EXPIRE = 7
    CANCEL = 8
    VOID = 9
    LOCK = 10
    UNLOCK = 11
    BUNDLE = 12
    POLICY = 64
    METHODOLOGY = 65
    SOURCE = 66
    PUBLICITY = 67
    OBJECTION = 68
    ISSUANCE = 69
    CORRECTION = 70
    DUPLICATE = 71
    STATE = 72
    MOVE = 73


class Form(IntEnum):
    """What the grams are after the movement."""

    END = 0
    REDUCTION = 1
    POINTS = 2


class Flag(IntFlag):
    """Properties of the grams after the movement; INDIVIDUAL tells of their holder."""

    CLASS_I = 1
    SCENARIO = 2
    CONVERTED = 4
    INDIVIDUAL = 8
    LOCKED = 16


class Purpose(IntEnum):
    """Why: of a TRANSFER (1-4), a CANCEL (16-20), a LOCK (32-34) or a VOID (48); 0 for every other kind."""

    NONE = 0
    AGREEMENT = 1
    LISTED_TRADE = 2
    DONATION_TRANSFER = 3
    PLEDGE_EXECUTION = 4
    VOLUNTARY_CANCELLATION = 16
    VOLUNTARY_OFFSET = 17
    DONATION = 18
    ECOLOGICAL_DAMAGE_COMPENSATION = 19
    COMPLIANCE_OFFSET = 20
    LISTING = 32
    PLEDGE = 33
    FREEZE = 34
    ABNORMAL_DATA = 48


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement or record, field for field as in the leaf.

    `first` and `last` (exclusive) are gram numbers; `parent` is a log index or None; `at` and `until` are Unix
    milliseconds, `until` 0 when there is none; tags are 20 bytes, `NO_TAG` when there is none; `evidence` is
    32 bytes. Numbers are kept as plain integers, so that codes nobody knows can be held, and refused by a rule.
    """

    kind: int
    form: int
    flags: int
    purpose: int
    first: int
    last: int
    parent: int | None
    at: int
    until: int
    from_tag: bytes
    to_tag: bytes
    evidence: bytes

    @property
    def quantity_g(self) -> int:
        """Grams moved."""
        return self.last - self.first

    @property
    def is_record(self) -> bool:
        """Whether this records a decision instead of moving grams."""
        return self.kind >= RECORDS_FROM

    @property
    def is_end(self) -> bool:
        """Whether the grams end here."""
        return self.kind in ENDS


ENDS = frozenset({Kind.EXPIRE, Kind.CANCEL, Kind.VOID})


def serial(first: int, last: int) -> str:
    """Name a block for people: `SHCER-<first>-<last-1>`, for the grams `[first, last)`."""
    return f"SHCER-{first}-{last - 1}"
