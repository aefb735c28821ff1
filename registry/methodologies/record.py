"""A methodology version as plain values, and its digest (requirements R7 to R9).

A revision is a new version beside the old one; what was issued under an old version stays tied to it by `digest`.
Numbers are decimal strings, so that every program reads the same value.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

import rfc8785
from pydantic import ConfigDict, TypeAdapter

from registry.clock import SHANGHAI
from registry.errors import Invalid
from registry.methodologies.code import MethodologyClass, SourceKind, parse_code
from registry.methodologies.formula import Formula, grams_per_unit

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")
_STRICT = ConfigDict(extra="forbid", strict=True, str_max_length=4096)


class Status(StrEnum):
    """Whether the centre published the record, or it is made from what is publicly known."""

    OFFICIAL = "official"
    ILLUSTRATIVE = "illustrative"


class Certainty(StrEnum):
    """How sure a parameter's value is."""

    OFFICIAL_TEXT = "official-text"
    UNCONFIRMED = "unconfirmed"
    """One third party says so."""
    DERIVED = "derived"
    """Computed from a standard; the parameter's source says how."""
    CHOSEN = "chosen"
    """This registry's own conservative choice."""


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in Chinese and English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number of the methodology: a decimal string, its unit, where it is from and how sure that is."""

    name: str
    value: str
    unit: str
    source: str
    certainty: Certainty

    def __post_init__(self) -> None:
        if _DECIMAL.fullmatch(self.value) is None:
            raise ValueError(f"parameter {self.name}: {self.value!r} is not a plain decimal number")

    @property
    def decimal(self) -> Decimal:
        """The exact value."""
        return Decimal(self.value)


@dataclass(frozen=True, slots=True)
class Monitored:
    """A datum that the applicant monitors and reports."""

    name: str
    unit: str
    text: Text


@dataclass(frozen=True, slots=True)
class ActivityRule:
    """How the activity (a distance, a generation) is taken from what was monitored. `name` is implemented in code."""

    name: str
    text: Text


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time in Unix milliseconds, `until_ms` exclusive, None when it has no known end."""

    from_ms: int
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class Methodology:
    """One version of one methodology.

    `valid_until` is the last day, inclusive. `code` and `methodology_class` are None when they are not known;
    nothing may be issued without a class. `formula` and the `parameters` it names give grams (`grams_per_unit`).
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    id: str
    version: int
    code: str | None
    kind: SourceKind
    methodology_class: MethodologyClass | None
    name: Text
    status: Status
    status_note: Text
    published: str
    valid_from: date
    valid_until: date | None
    validity_note: Text
    formula: Formula
    activity_rule: ActivityRule | None
    parameters: tuple[Parameter, ...]
    monitoring: tuple[Monitored, ...]
    conditions: tuple[Text, ...]

    def __post_init__(self) -> None:
        if self.version < 1 or re.fullmatch(r"[a-z]+(-[a-z]+)*", self.id) is None:
            raise ValueError("a record has a version from 1 up and an id such as shared-bicycle")
        names = [parameter.name for parameter in self.parameters]
        missing = set(self.formula.terms) - set(names)
        if len(set(names)) != len(names) or missing:
            raise ValueError(f"parameters are named twice, or the formula's {sorted(missing)} are not given")
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        if self.code is not None:
            self._match_code(self.code)

    def _match_code(self, text: str) -> None:
        try:
            code = parse_code(text)
        except Invalid as error:
            raise ValueError(str(error)) from error
        if (code.kind, code.methodology_class) != (self.kind, self.methodology_class):
            raise ValueError(f"the code {code} disagrees with the record's kind or class")

    @property
    def key(self) -> str:
        """The published code, or the record's own id where no code is known."""
        return self.code or self.id

    @property
    def validity(self) -> Window:
        """The days of validity as a window of time."""
        until = None if self.valid_until is None else _midnight_ms(self.valid_until + timedelta(days=1))
        return Window(_midnight_ms(self.valid_from), until)

    def parameter(self, name: str) -> Parameter:
        """Find a parameter. Raises `Invalid` when the record has none of that name."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise Invalid(f"Methodology {self.key} version {self.version} has no parameter {name!r}.")

    def grams_per_unit(self) -> Decimal:
        """Give the grams of CO2e that one unit of activity (`formula.activity_unit`) reduces; exact.

        Raises `Invalid` when the formula is not public, or its units do not fit.
        """
        return grams_per_unit(self.formula, [self.parameter(name) for name in self.formula.terms])


_RECORD: TypeAdapter[Methodology] = TypeAdapter(Methodology)


def parse(document: bytes) -> Methodology:
    """Read a record from JSON, strictly: no unknown, missing or mistyped field. Raises `Invalid`."""
    try:
        return _RECORD.validate_json(document)
    except ValueError as error:
        raise Invalid(f"This is no methodology record: {_first(error)}.") from error


def to_document(methodology: Methodology) -> dict[str, Any]:
    """Give the record as a JSON object, the one whose RFC 8785 form is hashed."""
    document: dict[str, Any] = _RECORD.dump_python(methodology, mode="json")
    return document


def digest(methodology: Methodology) -> bytes:
    """SHA-256 of the record's RFC 8785 form: 32 bytes that name this version for good."""
    return hashlib.sha256(rfc8785.dumps(to_document(methodology))).digest()


def _midnight_ms(day: date) -> int:
    moment = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _first(error: ValueError) -> str:
    first = getattr(error, "errors", lambda: [{"loc": (), "msg": str(error)}])()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'record'}: {first['msg']}"
