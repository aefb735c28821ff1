"""A profile as typed data: how a platform's file is read, and which of its columns says what. Nothing is guessed.

Columns have names of our own; everything else in a profile goes by those names. `fitting.py` holds a profile against
the methodology that it feeds.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from registry.activities.profiles.moments import check_pattern, check_zone
from registry.activities.subjects import KINDS
from registry.engine.definition import Text
from registry.engine.finding import Flaw
from registry.engine.units import factor, unit
from registry.errors import Invalid
from registry.policies.activities import Evidence

_STRICT = ConfigDict(extra="forbid", strict=True, str_max_length=400)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
MAX_COLUMNS: Final = 40
MAX_DECIMALS: Final = 20


class Format(StrEnum):
    """What kind of file it is."""

    CSV = "csv"
    """RFC 4180, with the separator that the profile names; the first line names the columns."""
    JSON_LINES = "json-lines"
    PARQUET = "parquet"


class Encoding(StrEnum):
    """How text is encoded; JSON lines and Parquet are UTF-8."""

    UTF_8 = "utf-8"
    GBK = "gbk"


class Compression(StrEnum):
    """How a file may be packed. Which of those that a profile takes it is, its first bytes say."""

    NONE = "none"
    GZIP = "gzip"


class ColumnType(StrEnum):
    """What a column holds."""

    NAME = "name"
    """An identifier, 1 to 64 of `0-9 A-Z a-z . _ : -`; leading zeros are part of it."""
    TEXT = "text"
    """1 to 80 characters that print."""
    TIME = "time"
    DAY = "day"
    NUMBER = "number"
    CHOICE = "choice"
    """One of a few words, each with a meaning."""


class Rounding(StrEnum):
    """What becomes of decimals that the methodology has no room for."""

    EXACT = "exact"
    """Such a value is refused."""
    DOWN = "down"
    NEAREST = "nearest"


class Gap(StrEnum):
    """What a local time is that the clock jumped over."""

    REFUSE = "refuse"
    AS_BEFORE = "as-before"
    """Read by the offset that held before the jump."""


class Double(StrEnum):
    """Which of two a local time is that the clock showed twice."""

    REFUSE = "refuse"
    FIRST = "first"
    SECOND = "second"
    IN_ORDER = "in-order"
    """The first of two rows of one subject is the first of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: `column` is its name in the file; one with a `constant` stands in no file and is the same in each row.

    `pattern` is of times and days, made of YYYY MM DD HH mm ss, `[:ss]` where seconds may be missing, and ZZ for an
    offset; `unit`, `decimals` and `rounding` of numbers; `values` of choices: as in the file -> what it means.
    """

    name: str
    type: ColumnType
    column: str | None = None
    constant: str | None = None
    optional: bool = False
    pattern: str | None = None
    unit: str | None = None
    decimals: int = 0
    rounding: Rounding = Rounding.EXACT
    values: dict[str, str] | None = None


class By(StrEnum):
    """How a file names people."""

    USER = "user"
    """By the platform's name for them, which they linked by consent (R4)."""
    CARD = "card"
    PLATE = "plate"
    METER = "meter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whose an activity is."""

    by: By
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A vehicle, pole, meter or card that can do one thing at a time (R19); `kind` as in `subjects.py`.

    `everywhere`: the name is the same whatever platform uses it, as a number plate is; otherwise it is the platform's.
    """

    kind: str
    column: str
    everywhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When an activity was: from `begins` until `ends`, or for a `duration`, or for an interval of seconds.

    `beside` is a second statement of the end, or of the duration, that is held against the first.
    """

    begins: str
    ends: str | None = None
    duration: str | None = None
    interval_s: int | None = None
    beside: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taps:
    """Rows are taps at a gate: an entry and the next exit of one card are a journey."""

    gate: str
    card: str
    entry: str
    exit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where it began and where it ended, by name."""

    begins: str
    ends: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """A choice that says how good a reading is: one that is not `good` makes no reductions by itself (R63)."""

    column: str
    good: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A choice that says of each row what it is known by, in the words of `Evidence` (R49)."""

    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """A choice that tells private users from shared ones: only what means `private` is somebody's."""

    column: str
    private: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Where a methodology's input comes from: a column, or `begins`, `ends` and, of taps, `journey`.

    `held`: a number that held for the whole interval of the reading, such as a power, times that interval.
    """

    input: str
    of: str
    held: bool = False


BEGINS: Final = "begins"
ENDS: Final = "ends"
JOURNEY: Final = "journey"
DERIVED: Final = frozenset({BEGINS, ENDS, JOURNEY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How the files of one platform and kind of activity are read. Raises `ValueError` where it contradicts itself."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    id: str
    version: int
    name: Text
    note: Text
    methodology: str
    """Code or id of the methodology that computes from it."""
    format: Format
    zone: str
    """Of times without offset: an IANA name, or an offset such as +08:00."""
    columns: tuple[Column, ...]
    reference: tuple[str, ...]
    """The columns by which a row is told from all others."""
    span: Span
    feeds: tuple[Feed, ...]
    who: Who | None
    """None where nobody is named: nothing can be issued then."""
    evidence: Evidence | Known
    """What all its rows are known by, or the column that says it of each (R49)."""
    encoding: Encoding = Encoding.UTF_8
    compression: tuple[Compression, ...] = (Compression.NONE,)
    separator: str = ","
    decimal_mark: str = "."
    missing: tuple[str, ...] = ("",)
    """How a file writes that there is no value."""
    gap: Gap = Gap.REFUSE
    double: Double = Double.REFUSE
    in_person: bool = True
    """Whether the person is there, and so can do nothing else at the time: a rider is, whose car charges is not."""
    things: tuple[Thing, ...] = ()
    taps: Taps | None = None
    places: Places | None = None
    quality: Quality | None = None
    personal: Personal | None = None

    def __post_init__(self) -> None:
        _must(_ID.fullmatch(self.id) is not None and self.version >= 1, "an id such as city-rides and a version from 1")
        _must(0 < len(self.columns) <= MAX_COLUMNS, f"1 to {MAX_COLUMNS} columns")
        names = [column.name for column in self.columns]
        _must(len(set(names)) == len(names) and not DERIVED & set(names), "each column's name once")
        in_file = [column.column for column in self.columns if column.column is not None]
        _must(len(set(in_file)) == len(in_file) > 0, "each column of the file once, and one at least")
        for column in self.columns:
            _check_column(column)
        check_zone(self.zone)
        self._check_form()
        self._check_roles()

    def _check_form(self) -> None:
        _must(self.separator in {",", ";", "\t", "|"}, "a separator that is a comma, semicolon, tab or bar")
        _must(self.decimal_mark in {".", ","}, "a decimal mark that is a point or a comma")
        _must(len(self.compression) > 0 and len(self.reference) > 0, "a compression, or `none`, and a reference")
        if self.encoding is Encoding.GBK:
            # A bar can be the second byte of a character.
            _must(self.format is Format.CSV and self.separator != "|", "GBK in CSV only, and no bars between values")
        if self.format is not Format.CSV:
            _must(self.separator == "," and self.decimal_mark == ".", "separator and decimal mark in CSV only")

    def _check_roles(self) -> None:
        for name in self.reference:
            wrong = self.of(name).type is ColumnType.TEXT
            _must(not wrong, "a reference of names, times, numbers and choices: texts could be read two ways")
        self._check_span()
        named = [self.who.column] if self.who else []
        for name in (*named, *(thing.column for thing in self.things)):
            self._typed(name, ColumnType.NAME, ColumnType.TEXT)
        for thing in self.things:
            _must(thing.kind in KINDS, f"a thing that is one of {', '.join(sorted(KINDS))}")
        for choice, word in self._choices():
            self._typed(choice, ColumnType.CHOICE)
            _must(word in (self.of(choice).values or {}).values(), f"{choice} to mean {word} somewhere")
        if isinstance(self.evidence, Known):
            self._typed(self.evidence.column, ColumnType.CHOICE)
            means = set((self.of(self.evidence.column).values or {}).values())
            _must(means <= set(Evidence), f"evidence that is one of {', '.join(Evidence)}")
        for place in (self.places.begins, self.places.ends) if self.places else ():
            self._typed(place, ColumnType.NAME, ColumnType.TEXT)
        for feed in self.feeds:
            if feed.of not in DERIVED:
                self.of(feed.of)
            _must(not feed.held or self.span.interval_s is not None, "an interval where something held for it")

    def _check_span(self) -> None:
        span = self.span
        self._typed(span.begins, ColumnType.TIME, ColumnType.DAY)
        ways = [way for way in (span.ends, span.duration, span.interval_s) if way is not None]
        needs_none = self.of(span.begins).type is ColumnType.DAY or self.taps is not None
        _must(len(ways) == (0 if needs_none else 1), "one of ends, duration and interval_s; none of days and taps")
        if span.ends is not None:
            self._typed(span.ends, ColumnType.TIME)
        _must(span.interval_s is None or 0 < span.interval_s <= 86_400, "an interval of a day at most")
        durations = [span.duration, span.beside if span.duration is None else None]
        for name in (name for name in durations if name is not None):
            self._typed(name, ColumnType.NUMBER)
            _must(factor(unit(self.of(name).unit or "1"), unit("ms")) is not None, f"{name} in a unit of time")
        if span.beside is not None and span.duration is not None:
            self._typed(span.beside, ColumnType.TIME)
        if self.taps is not None:
            self._typed(self.taps.card, ColumnType.NAME)

    def _choices(self) -> list[tuple[str, str]]:
        found = []
        if self.quality is not None:
            found.append((self.quality.column, self.quality.good))
        if self.personal is not None:
            found.append((self.personal.column, self.personal.private))
        if self.taps is not None:
            found += [(self.taps.gate, self.taps.entry), (self.taps.gate, self.taps.exit)]
        return found

    def of(self, name: str) -> Column:
        """Give a column by our name for it. Raises `ValueError`."""
        for column in self.columns:
            if column.name == name:
                return column
        raise ValueError(f"there is no column {name!r} among those that the profile declares")

    def _typed(self, name: str, *types: ColumnType) -> None:
        _must(self.of(name).type in types, f"{name} to be a {' or '.join(types)}")

    @property
    def in_file(self) -> dict[str, str]:
        """Column in the file -> our name for it."""
        return {column.column: column.name for column in self.columns if column.column is not None}


def _check_column(column: Column) -> None:
    called = column.name
    _must(_NAME.fullmatch(called) is not None, f"a name of small letters, digits and underscores, not {called!r}")
    _must((column.column is None) != (column.constant is None), f"{called} to be a column or a constant")
    is_time = column.type in {ColumnType.TIME, ColumnType.DAY}
    _must(is_time == (column.pattern is not None), f"a pattern of times and days, and of nothing else: {called}")
    if column.pattern is not None:
        check_pattern(column.pattern, is_day=column.type is ColumnType.DAY)
    is_number = column.type is ColumnType.NUMBER
    _must(is_number == (column.unit is not None), f"a unit of numbers, and of nothing else: {called}")
    _must(0 <= column.decimals <= MAX_DECIMALS, f"0 to {MAX_DECIMALS} decimals of {called}")
    if column.unit is not None:
        try:
            unit(column.unit)
        except Flaw as flaw:
            raise ValueError(flaw.en) from None
    _must(
        (column.type is ColumnType.CHOICE) == bool(column.values), f"values of a choice, and of nothing else: {called}"
    )


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"a profile has {what}")


_PROFILE: TypeAdapter[Profile] = TypeAdapter(Profile)


def parse(document: bytes) -> Profile:
    """Read a profile from JSON, strictly. Raises `Invalid` with what is wrong first."""
    try:
        return _PROFILE.validate_json(document)
    except ValidationError as error:
        said = error.errors()[0]
        place = ".".join(str(part) for part in said["loc"])
        raise Invalid(f"The profile is refused at {place or 'its top'}: {said['msg']}.") from None
