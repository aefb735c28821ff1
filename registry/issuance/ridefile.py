"""The edge at which a file of rides comes in: hostile bytes to bounded rows of text, each with its line number.

One line is one ride; a line break inside quotes is not allowed, so that a quote left open spoils its own line and
no other. Nothing is converted here: every value stays text, and what is wrong with a line is said in `fault`.
The rows go to a Parquet file, which any engine reads, in batches: memory does not grow with the file.
"""

# mypy: disable-error-code="import-untyped"
import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from registry.errors import Invalid
from registry.issuance.policy import RidePolicy

COLUMNS = {
    "orderid": "order_id",
    "bikeid": "bike_id",
    "userid": "user_id",
    "start_time": "start_time",
    "end_time": "end_time",
    "start_location_x": "start_x",
    "start_location_y": "start_y",
    "end_location_x": "end_x",
    "end_location_y": "end_y",
}
"""Column in the file -> column in the rows. Others, such as `track`, are allowed and not used."""

MAX_COLUMNS = 100
"""A header of more is not of this kind of file."""

_SCHEMA = pa.schema([("row", pa.int64()), ("fault", pa.string()), *((name, pa.string()) for name in COLUMNS.values())])
_BATCH_ROWS = 50_000
_NO_VALUES = (None,) * len(COLUMNS)

Row = tuple[Any, ...]
"""Line number (the header is 1), fault or None, then the values in the order of `COLUMNS`, all None on a fault."""


@dataclass(frozen=True, slots=True)
class RideFile:
    """What was read: rows of text in the Parquet file at `path`, and the SHA-256 of the original bytes."""

    path: Path
    rows: int
    sha256: bytes


def read_ride_file(source: Path, target: Path, policy: RidePolicy) -> RideFile:
    """Read the CSV at `source` into the Parquet file `target`.

    The file is UTF-8 with or without a byte order mark, lines end with LF or CRLF, empty lines are passed over.
    Raises `Invalid` when it cannot be read, is empty, lacks columns, or is larger than the policy allows.
    """
    try:
        with source.open("rb") as stream:
            lines = _Lines(stream, policy)
            rows = _rows(lines, source.name)
            with pq.ParquetWriter(target, _SCHEMA) as writer:
                count = _copy(rows, writer, policy.max_rows)
    except OSError as error:
        raise Invalid(f"The file {source.name} cannot be read: {error.strerror or error}.") from error
    return RideFile(target, count, lines.sha256.digest())


def _copy(rows: Iterator[Row], writer: pq.ParquetWriter, max_rows: int) -> int:
    count = 0
    while batch := list(islice(rows, _BATCH_ROWS)):
        count += len(batch)
        if count > max_rows:
            raise Invalid(f"The file has more than {max_rows} rides; send it in parts.")
        columns = [
            pa.array(values, field.type) for field, values in zip(_SCHEMA, zip(*batch, strict=True), strict=True)
        ]
        writer.write_batch(pa.record_batch(columns, schema=_SCHEMA))
    return count


class _Lines:
    """The lines of a stream as bytes without their end, None for one that is too long; hashes and counts as it goes."""

    def __init__(self, stream: BinaryIO, policy: RidePolicy) -> None:
        self._stream = stream
        self._policy = policy
        self._bytes = 0
        self.sha256 = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes | None]:
        while line := self._read():
            text = line.removesuffix(b"\n").removesuffix(b"\r")
            if len(text) <= self._policy.max_line_bytes:
                yield text
                continue
            while line and not line.endswith(b"\n"):
                line = self._read()
            yield None

    def _read(self) -> bytes:
        line = self._stream.readline(self._policy.max_line_bytes + 2)
        self._bytes += len(line)
        if self._bytes > self._policy.max_file_bytes:
            raise Invalid(f"The file is larger than {self._policy.max_file_bytes} bytes; send it in parts.")
        self.sha256.update(line)
        return line


def _rows(lines: _Lines, name: str) -> Iterator[Row]:
    numbered = enumerate(lines, start=1)
    header = _header(next(numbered, (1, b""))[1], name)
    places = [header.index(column) for column in COLUMNS]
    for row, line in numbered:
        if line == b"":
            continue
        values, fault = _fields(line)
        if fault is None and len(values) != len(header):
            fault = f"has {len(values)} values where the header names {len(header)}"
        yield (row, fault, *(_NO_VALUES if fault else [values[place] for place in places]))


def _header(line: bytes | None, name: str) -> list[str]:
    if line == b"":
        raise Invalid(f"The file {name} is empty, or begins with an empty line instead of the names of its columns.")
    if line is not None and line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Invalid(f"The file {name} is in UTF-16; save it as UTF-8.")
    header, fault = _fields(None if line is None else line.removeprefix(b"\xef\xbb\xbf"))
    if fault or len(header) > MAX_COLUMNS:
        raise Invalid(f"The first line of {name} is not a header of a CSV file: it {fault or 'has too many columns'}.")
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise Invalid(f"missing-column: the file {name} lacks {', '.join(missing)}.")
    twice = [column for column in COLUMNS if header.count(column) > 1]
    if twice:
        raise Invalid(f"The file {name} names {', '.join(twice)} more than once.")
    return header


def _fields(line: bytes | None) -> tuple[list[str], str | None]:
    """Split one line; the second value says what is wrong with it."""
    if line is None:
        return [], "is longer than a line may be"
    try:
        text = line.decode()
        if not text.isprintable():
            return [], "holds characters that do not print"
        return next(csv.reader((text,), strict=True)), None
    except UnicodeDecodeError:
        return [], "is not UTF-8 text"
    except csv.Error:
        return [], "has a quotation mark that is not closed, or a value of excessive size"
