"""Records of a CSV file as RFC 4180 has them, from bytes that are not decoded: which columns are text is the reader's.

Another byte than the comma may stand between fields; all else is the RFC's.

A record ends at a line break (LF or CRLF) that stands outside quotes. What the RFC does not allow is never guessed at:
after a quotation mark in a wrong place nobody can say what is data and what is quoted text, so the file is refused.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, NoReturn

from registry.errors import Invalid

_QUOTE = b'"'
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
COMMA = b","
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many bytes a file and one of its records may have, the line break not counted."""

    file_bytes: int
    record_bytes: int


class Record(NamedTuple):
    """One record: the number of the line that it begins in (from 1), its fields, and what is wrong with it if anything.

    The fields are as they are written, in their quotation marks if they have any: `value_of` takes them off. An empty
    line is a record without fields. One with a `fault` has none either.
    """

    line: int
    fields: Sequence[bytes]
    fault: str | None = None


class Alike(NamedTuple):
    """Neighbouring records that are dressed alike, as they stand in the file: the line of the first, and how many."""

    line: int
    lines: int
    content: bytes


def value_of(field: bytes) -> bytes:
    """Take a field out of its quotation marks."""
    return field[1:-1].replace(b'""', b'"') if field.startswith(_QUOTE) else field


class Records:
    """The records of a stream, in order. Memory stays within one record.

    Iterating raises `Invalid` when the file is larger than its bound, when a quotation mark stands where RFC 4180 has
    none or is never closed, and when a record with quotation marks is too long to be read.
    """

    def __init__(self, stream: BinaryIO, bounds: Bounds, separator: bytes = COMMA) -> None:
        """`separator` is one byte that stands between two fields."""
        self._stream = stream
        self._bounds = bounds
        self._separator = separator
        mark = re.escape(separator)
        self._field = re.compile(rb'("[^"]*+(?:""[^"]*+)*"|[^"%b]*+)%b' % (mark, mark))
        self._bytes = 0
        self._line = 0
        self._block, self._at = b"", 0
        self.dress: re.Pattern[bytes] | None = None

    def __iter__(self) -> Iterator[Record]:
        while (record := self._next()) is not None:
            yield record

    def alike(self) -> Iterator["Record | Alike"]:
        """Give records; neighbours that the expression in `dress` takes whole, together.

        The expression must take whole lines, as many as it can, and no quotation mark in a wrong place; there may be
        one from any record on.
        """
        while True:
            if self.dress is not None:
                yield from self._alike(self.dress)
            record = self._next()
            if record is None:
                return
            yield record

    def _alike(self, dress: re.Pattern[bytes]) -> Iterator[Alike]:
        """Take records for as long as they are dressed alike; what follows them is still to be read."""
        while True:
            block, at = self._block, self._at
            found = dress.match(block, at)
            end = at if found is None else self._bounded(block, at, found.end())
            if end > at:
                count = block.count(b"\n", at, end)
                self._at = end
                self._line += count
                yield Alike(self._line - count + 1, count, block[at:end])
            if block.find(b"\n", end) >= 0 or not self._refill():
                return

    def _bounded(self, block: bytes, at: int, end: int) -> int:
        """Give where the lines from `at` end before the first that is too long, if one is."""
        most = self._bounds.record_bytes
        if end - at <= most:
            return end
        for line in block[at:end].splitlines(keepends=True):
            if len(line) > most:
                return at
            at += len(line)
        return at

    def _refill(self) -> bool:
        """Read on, behind what is left of the block; says whether there was anything."""
        more = self._stream.read(_BLOCK)
        self._count(len(more))
        self._block, self._at = self._block[self._at :] + more, 0
        return bool(more)

    def _next(self) -> Record | None:
        first = self._next_line()
        if not first:
            return None
        begun = self._line
        record = self._whole(first.removeprefix(_BYTE_ORDER_MARK) if begun == 1 else first)
        content = _without_break(record)
        if len(content) > self._bounds.record_bytes:
            self._pass_over(record, begun)
            return Record(begun, (), "is longer than a line may be")
        return self._record(begun, content) if content else Record(begun, ())

    def _whole(self, record: bytes) -> bytes:
        """Add lines for as long as a quotation mark is open and the bound holds."""
        open_at = self._line
        parts, size, marks = [record], len(record), record.count(_QUOTE)
        while marks % 2 and size <= self._bounds.record_bytes:
            line = self._next_line()
            if not line:
                raise Invalid(f"The quotation mark that is opened in the record at line {open_at} is never closed.")
            parts.append(line)
            size += len(line)
            marks += line.count(_QUOTE)
        if marks % 2:
            self._refuse_long(open_at)
        return b"".join(parts)

    def _pass_over(self, begun_with: bytes, line: int) -> None:
        """Read to the end of a line that is too long. With quotation marks in it, no one could say where it ends."""
        part, quoted = begun_with, _QUOTE in begun_with
        while not part.endswith(b"\n") and not quoted and (part := self._read()):
            quoted = _QUOTE in part
        if quoted:
            self._refuse_long(line)

    def _refuse_long(self, line: int) -> NoReturn:
        raise Invalid(
            f"The record at line {line} has quotation marks and is longer than {self._bounds.record_bytes} bytes."
        )

    def _next_line(self) -> bytes:
        self._line += 1
        return self._read()

    def _read(self) -> bytes:
        """Give the rest of a line, up to the bound on one and its break."""
        most = self._bounds.record_bytes + 2
        end = self._block.find(b"\n", self._at, self._at + most) + 1
        while not end and len(self._block) - self._at < most and self._refill():
            end = self._block.find(b"\n", self._at, self._at + most) + 1
        end = end or min(len(self._block), self._at + most)
        line = self._block[self._at : end]
        self._at = end
        return line

    def _count(self, more: int) -> None:
        self._bytes += more
        if self._bytes > self._bounds.file_bytes:
            raise Invalid(f"The file is larger than {self._bounds.file_bytes} bytes; send it in parts.")

    def _record(self, line: int, content: bytes) -> Record:
        fields = self._quoted(line, content) if _QUOTE in content else content.split(self._separator)
        if b"\r" in content and any(b"\r" in field and not field.startswith(_QUOTE) for field in fields):
            return Record(line, (), "has a carriage return that ends no line")
        return Record(line, fields)

    def _quoted(self, line: int, content: bytes) -> list[bytes]:
        """Split a record that has quotation marks, and leave the fields in them."""
        fields = self._field.findall(content + self._separator)
        # What a search passed over is what the grammar does not have.
        if sum(map(len, fields)) + len(fields) != len(content) + 1:
            raise Invalid(f"The record at line {line} has {_misplaced(content)}.")
        return fields


def _without_break(record: bytes) -> bytes:
    return record.removesuffix(b"\n").removesuffix(b"\r")


def _misplaced(content: bytes) -> str:
    if b"\r" in content:
        return "a quotation mark where none may stand, or lines that end with a carriage return alone"
    return "a quotation mark where none may stand; inside a quoted value each is written twice"
