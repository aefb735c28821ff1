"""The movement: one step in the life of a range of grams, as plain values (docs/design.md, sections 2 and 3).

Pure: no database, no clock, no network.
"""

import re
from dataclasses import dataclass
from enum import IntEnum, IntFlag

NO_TAG = bytes(20)
RECORDS_FROM = 64
"""Kinds from here up are records of decisions; they move no gram."""
GRAMS_END = 1 << 63
"""Every range of grams ends below this number, so that it is a signed 64-bit integer everywhere."""


class Kind(IntEnum):
    """What a leaf does. Below 64 it moves grams, from 64 up it records a decision."""

    ISSUE = 1
    TRANSFER = 2
    CONVERT = 3
    REDEEM = 4
    REFUND = 5
    GATHER = 6
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
    HOLDER = 74
    PROVIDER = 76
    FINDING = 75


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
    """Why: of a TRANSFER (1-4), a CANCEL (16-21), a LOCK (32-34) or a VOID (48); 0 for every other kind."""

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
    OTHER_REGISTRY = 21
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


ORIGINS = frozenset({Kind.ISSUE, Kind.BUNDLE})
"""Kinds that give grams new numbers, taken from the frontier; they have no parent."""
ENDS = frozenset({Kind.EXPIRE, Kind.CANCEL, Kind.VOID, Kind.GATHER})
"""Kinds after which the numbers have no form. A GATHER's grams go on under their bundle's numbers."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a GATHER's grams go: the first number of their bundle, and the number that its own first gram gets."""

    bundle: int
    first: int

    @property
    def tag(self) -> bytes:
        """The 20 bytes that stand as the GATHER's to tag: 4 zero bytes, then both numbers, big-endian."""
        return bytes(4) + self.bundle.to_bytes(8, "big") + self.first.to_bytes(8, "big")

    @property
    def begins_run(self) -> bool:
        """Whether this is the first GATHER of its bundle."""
        return self.first == self.bundle


def target_of(gather: Movement) -> Target | None:
    """Read a GATHER's to tag; None when it has not the form of a target, or its range is none or leads too far."""
    tag = gather.to_tag
    target = Target(int.from_bytes(tag[4:12], "big"), int.from_bytes(tag[12:20], "big"))
    is_target = tag[:4] == bytes(4) and target.bundle <= target.first < GRAMS_END - gather.quantity_g
    return target if is_target and gather.first < gather.last < GRAMS_END else None


_SERIAL = re.compile(r"SHCER-(0|[1-9][0-9]{0,18})-(0|[1-9][0-9]{0,18})")


def read_serial(text: str) -> tuple[int, int] | None:
    """Read a block's name as its grams `[first, last)`; None for what is no name."""
    match = _SERIAL.fullmatch(text)
    if match is None or int(match[2]) < int(match[1]):
        return None
    return int(match[1]), int(match[2]) + 1


def serial(first: int, last: int) -> str:
    """Name a block for people: `SHCER-<first>-<last-1>`, for the grams `[first, last)`."""
    return f"SHCER-{first}-{last - 1}"
