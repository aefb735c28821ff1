"""A methodology version as plain values, and its digest (requirements R7 to R9).

A revision is a new version beside the old one; what was issued under an old version stays tied to it by `digest`.
What is computed, and from what, is data in `computation`, which `registry/engine/` runs.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

import rfc8785
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from registry.clock import SHANGHAI
from registry.engine.check import check
from registry.engine.definition import Definition, Text
from registry.engine.finding import MAX_FINDINGS, Finding, Flaw
from registry.engine.lines import Located, read_located
from registry.engine.typed import Program
from registry.errors import Invalid, MethodologyUnsound
from registry.methodologies.code import MethodologyClass, SourceKind, parse_code

_STRICT = ConfigDict(extra="forbid", strict=True, str_max_length=8192)


class Status(StrEnum):
    """Whether the centre published the record, or it is made from what is publicly known."""

    OFFICIAL = "official"
    ILLUSTRATIVE = "illustrative"


@dataclass(frozen=True, slots=True)
class Monitored:
    """A datum that the applicant monitors and reports beside the computation's own inputs."""

    name: str
    unit: str
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
    nothing may be issued without a class. `formula` says in words what `computation` says to the engine.
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
    formula: Text
    computation: Definition
    monitoring: tuple[Monitored, ...]
    conditions: tuple[Text, ...]

    def __post_init__(self) -> None:
        if self.version < 1 or re.fullmatch(r"[a-z]+(-[a-z]+)*", self.id) is None:
            raise ValueError("a record has a version from 1 up and an id such as shared-bicycle")
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


_RECORD: TypeAdapter[Methodology] = TypeAdapter(Methodology)


def parse(document: bytes) -> Methodology:
    """Read a record from JSON, strictly: no unknown, missing or mistyped field, and a computation that can run.

    Raises `MethodologyUnsound` with all that is wrong.
    """
    located = read_located(document)
    try:
        methodology = _RECORD.validate_json(document)
    except ValidationError as error:
        raise MethodologyUnsound([_finding(located, said) for said in error.errors()][:MAX_FINDINGS]) from error
    check(methodology.computation, located, ("computation",))
    return methodology


def program(methodology: Methodology) -> Program:
    """Give a record's computation, ready to run."""
    return check(methodology.computation, Located(None, {}), ("computation",))


def to_document(methodology: Methodology) -> dict[str, Any]:
    """Give the record as a JSON object, the one whose RFC 8785 form is hashed: what it says, without the defaults."""
    document: dict[str, Any] = _RECORD.dump_python(methodology, mode="json", exclude_defaults=True)
    return document


def digest(methodology: Methodology) -> bytes:
    """SHA-256 of the record's RFC 8785 form: 32 bytes that name this version for good."""
    return hashlib.sha256(rfc8785.dumps(to_document(methodology))).digest()


def _midnight_ms(day: date) -> int:
    moment = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _finding(located: Located, said: ErrorDetails) -> Finding:
    """Say where the reader stumbled; its own words are English, and name what it wanted."""
    return located.finding(said["loc"], Flaw("form", what=said["msg"].removeprefix("Value error, ")))
