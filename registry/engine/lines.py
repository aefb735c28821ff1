"""JSON with the line of each value: strictly one reading of it, and in bounded depth.

Refused: a member that stands twice, numbers with a point or an exponent (quantities are strings), lone surrogates.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from registry.engine.finding import Finding, Flaw, Path
from registry.errors import MethodologyUnsound

MAX_BYTES: Final = 1_048_576
"""What a published definition may have (design, section 4)."""
MAX_DEPTH: Final = 12
"""Levels of lists and objects. A definition has seven."""

_TOKEN = re.compile(
    r'[ \t\r\n]*(?:(?P<string>"(?:[^"\\\x00-\x1f]|\\.)*")|(?P<mark>[\[\]{}:,])'
    r"|(?P<number>-?[0-9][0-9.eE+-]*)|(?P<word>true|false|null)|(?P<end>$))"
)


@dataclass(frozen=True, slots=True)
class Located:
    """A JSON value, and on which line each part of it begins."""

    value: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """Give the line of what stands at a path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def finding(self, path: Path, flaw: Flaw) -> Finding:
        """Say where a flaw stands."""
        return Finding(self.line(path), ".".join(map(str, path)), flaw.code, flaw.zh, flaw.en)


def read_located(data: bytes) -> Located:
    """Read one JSON text. Raises `MethodologyUnsound` with the first thing that is wrong, and its line."""
    if len(data) > MAX_BYTES:
        flaw = Flaw("size", size=len(data), most=MAX_BYTES)
        raise MethodologyUnsound([Finding(1, "", flaw.code, flaw.zh, flaw.en)])
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        flaw = Flaw("utf-8")
        line = data.count(b"\n", 0, error.start) + 1
        raise MethodologyUnsound([Finding(line, "", flaw.code, flaw.zh, flaw.en)]) from None
    reader = _Reader(text)
    try:
        value = reader.read()
    except Flaw as flaw:
        raise MethodologyUnsound([Finding(reader.line, "", flaw.code, flaw.zh, flaw.en)]) from None
    return Located(value, reader.lines)


class _Reader:
    """Reads tokens one after another; `line` is that of the last one."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.line = text, 0, 1
        self.lines: dict[Path, int] = {}
        self.kind, self.word, self.next_line = "", "", 1

    def read(self) -> Any:
        self._next()
        value = self.value((), 0)
        self.take("end")
        return value

    def _next(self) -> None:
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            blank = re.compile(r"[ \t\r\n]*").match(self.text, self.at)
            at = self.at if blank is None else blank.end()
            self.line += self.text.count("\n", self.at, at)
            raise Flaw("json", found=self.text[at : at + 12])
        self.kind = str(match.lastgroup)
        self.word = match[self.kind]
        begin = match.start(self.kind)
        self.next_line = self.line + self.text.count("\n", self.at, begin)
        self.at = match.end()

    def take(self, kind: str, mark: str | None = None) -> str:
        self.line = self.next_line
        if self.kind != kind or mark not in {None, self.word}:
            raise Flaw("json-missing", wanted=mark or kind, found=self.word[:12] or "∅")
        word = self.word
        if kind != "end":
            self._next()
        return word

    def value(self, path: Path, depth: int) -> Any:
        self.lines[path] = self.line = self.next_line
        if depth > MAX_DEPTH:
            raise Flaw("deep", most=MAX_DEPTH)
        match self.kind, self.word:
            case "mark", "{":
                return self._object(path, depth)
            case "mark", "[":
                return self._list(path, depth)
            case "string", _:
                return self._string()
            case "number", _:
                return _whole(self.take("number"))
            case "word", word:
                self.take("word")
                return {"true": True, "false": False, "null": None}[word]
        raise Flaw("json-value", found=self.word[:12] or "∅")

    def _string(self) -> str:
        try:
            text = str(json.loads(self.take("string")))
            text.encode()
        except (ValueError, UnicodeEncodeError):
            raise Flaw("json-escape") from None
        return text

    def _object(self, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.take("mark", "{")
        while self.word != "}" or self.kind != "mark":
            if found:
                self.take("mark", ",")
            self.line = self.next_line
            name = self._string()
            if name in found:
                raise Flaw("member-twice", name=name)
            self.take("mark", ":")
            found[name] = self.value((*path, name), depth + 1)
        self.take("mark", "}")
        return found

    def _list(self, path: Path, depth: int) -> list[Any]:
        found: list[Any] = []
        self.take("mark", "[")
        while self.word != "]" or self.kind != "mark":
            if found:
                self.take("mark", ",")
            found.append(self.value((*path, len(found)), depth + 1))
        self.take("mark", "]")
        return found


def _whole(digits: str) -> int:
    if not re.fullmatch(r"-?(0|[1-9][0-9]{0,8})", digits):
        raise Flaw("float", number=digits)
    return int(digits)
