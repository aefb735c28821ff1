"""How the values of a document are written, and read: strings, and lists of strings, each in one way only."""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from registry.clock import rfc3339
from registry.evidence.canonical import canonical as canonical_form
from registry.evidence.document import Fields

NONE: Final = "none"
"""What a field says that has no value yet: the state before the first, the decision before the first."""
END_OF_NUMBERS: Final = 2**63
"""No range of grams ends after it (docs/design.md, section 2)."""
END_OF_YEARS: Final = 253_402_300_800_000
"""The year 10,000 in Unix milliseconds: leaves can have later times, and documents cannot."""
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", re.ASCII)
_WORD: Final = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*", re.ASCII)
_NAME: Final = re.compile(r"[a-z][a-z0-9-]*(?:/[a-z0-9-]+)*", re.ASCII)
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*", re.ASCII)
MAX_WORD: Final = 64
"""Of a state, a decision, a reason, a code or a policy's name: people read them side by side."""

HASHED: Final = "_sha256"
"""At the end of a field's name: it is the SHA-256 of what is kept elsewhere."""

T = TypeVar("T")
Range = tuple[int, int]
"""Half open: grams, or Unix milliseconds."""


class Unreadable(ValueError):
    """A value is not written as it must be; the message says what is wrong."""


def number(text: str, least: int = 0) -> int:
    """Read a whole number below 2^63 in decimal, without sign or leading zeroes."""
    if _NUMBER.fullmatch(text) is None or not least <= int(text) < END_OF_NUMBERS:
        raise Unreadable(f"is no whole number from {least} on, in decimal and below 2^63")
    return int(text)


def count(text: str) -> int:
    """Read a number from 1 on."""
    return number(text, 1)


def digest(text: str) -> str:
    """Read a SHA-256 in lower-case hex."""
    if _DIGEST.fullmatch(text) is None:
        raise Unreadable("is no SHA-256 in lower-case hex")
    return text


def is_digest(value: object) -> bool:
    """Whether a value is a SHA-256 in lower-case hex."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def moment(text: str) -> int:
    """Read a time, `YYYY-MM-DDThh:mm:ss.sssZ`, as Unix milliseconds from 0 on."""
    if _MOMENT.fullmatch(text) is not None:
        try:
            seconds = int(datetime.fromisoformat(text[:19]).replace(tzinfo=UTC).timestamp())
        except ValueError:
            seconds = -1  # no such day or hour
        if seconds >= 0:
            return seconds * 1000 + int(text[20:23])
    raise Unreadable("is no time from 1970 on as YYYY-MM-DDThh:mm:ss.sssZ")


def word(text: str) -> str:
    """Read a state, a decision or a reason: letters in lower case, digits, `_` and `-` between them."""
    return _matching(_WORD, text, "is no word of lower-case letters and digits")


def name(text: str) -> str:
    """Read a policy's name: `points`, `calendar/2026`."""
    return _matching(_NAME, text, "is no policy's name such as points or calendar/2026")


def code(text: str) -> str:
    """Read a methodology's code, or its own id where no code is known."""
    return _matching(_CODE, text, "is no code of letters, digits and hyphens")


def choice(*known: str) -> Callable[[str], str]:
    """Make the reader of a field that says one of some words."""

    def read(text: str) -> str:
        if text not in known:
            raise Unreadable(f"is none of {', '.join(known)}")
        return text

    return read


def unless_none(read: Callable[[str], T]) -> Callable[[str], T | None]:
    """Make the reader of a field that may say `none`."""
    return lambda text: None if text == NONE else read(text)


def span(text: str) -> Range:
    """Read a range of grams, `first end`, half open and not empty."""
    first, _, end = text.partition(" ")
    if not (found := (number(first), number(end)))[0] < found[1]:
        raise Unreadable("is no range: it ends where it begins, or before")
    return found


def canonical(name_: str, text: str) -> Any:
    """Read a field's JSON, which is written in RFC 8785 form."""
    try:
        value = json.loads(text)
        if canonical_form(value) == text.encode():
            return value
    except (ValueError, RecursionError):  # numbers that it has not, lone surrogates, endless depth
        pass
    raise Unreadable(f"{name_} is not in RFC 8785 form")


def shown(at: int) -> str:
    """Write a time as the documents have it; one that they cannot have, by its number."""
    return rfc3339(at) if at < END_OF_YEARS else f"{at} ms"


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads a document's fields; whatever is wrong is said with the field's name."""

    fields: Fields

    def check(self, known: Collection[str], barred: Collection[str]) -> None:
        """Hold all fields to the form: those `known` are shown, none is `barred`, all shown are strings or lists."""
        for name_, field in self.fields.items():
            if name_ in barred:
                raise Unreadable(f"{name_[:MAX_WORD]!r} has no place in this decision")
            if isinstance(field, str):
                if name_ in known:
                    raise Unreadable(f"{name_} is withheld")
            elif type(field[1]) is not str and not _is_texts(field[1]):
                raise Unreadable(f"{name_[:MAX_WORD]!r} is neither a string nor a list of strings")

    def text(self, name_: str, read: Callable[[str], T]) -> T:
        """Read a field that must be there, a string."""
        value = self._value(name_)
        if not isinstance(value, str):
            raise Unreadable(f"{name_} is a list")
        try:
            return read(value)
        except Unreadable as error:
            raise Unreadable(f"{name_} {error}") from None

    def maybe(self, name_: str, read: Callable[[str], T]) -> T | None:
        """Read a field that may be there, a string."""
        return self.text(name_, read) if name_ in self.fields else None

    def texts(self, name_: str, read: Callable[[str], T]) -> tuple[T, ...]:
        """Read a field that must be there, a list of strings, none of them twice."""
        values = self._value(name_)
        if not isinstance(values, list):
            raise Unreadable(f"{name_} is no list")
        if len(set(values)) != len(values):
            raise Unreadable(f"{name_} has one thing twice")
        return tuple(_read(name_, read, value) for value in values)

    def _value(self, name_: str) -> Any:
        field = self.fields.get(name_)
        if field is None:
            raise Unreadable(f"there is no {name_}")
        if isinstance(field, str):
            raise Unreadable(f"{name_} is withheld")
        return field[1]


def _read(name_: str, read: Callable[[str], T], value: str) -> T:
    try:
        return read(value)
    except Unreadable as error:
        raise Unreadable(f"{name_} {error}") from None


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _matching(pattern: re.Pattern[str], text: str, otherwise: str) -> str:
    if pattern.fullmatch(text) is None or len(text) > MAX_WORD:
        raise Unreadable(otherwise)
    return text
