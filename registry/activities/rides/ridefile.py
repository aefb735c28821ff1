"""The edge at which a file of rides comes in: hostile bytes to bounded rows of text, each with its line number.

One record is one ride, as RFC 4180 has records (`records.py`). Nothing is converted here: every value stays text, and
what is wrong with a row is said in `fault`. Columns that are not used are not even decoded, so they spoil no ride.
The rows go to a Parquet file, which any engine reads, in batches: memory does not grow with the file.
"""

# mypy: disable-error-code="import-untyped"
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from registry.activities.records import Bounds, Record, Records, value_of
from registry.errors import Invalid
from registry.policies.rides import RidePolicy

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
_SHOWN_NAMES = 12

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
    Raises `Invalid` when it cannot be read, is empty, lacks columns, is larger than the policy allows, or has a
    quotation mark where RFC 4180 allows none.
    """
    try:
        with source.open("rb") as stream:
            records = Records(stream, Bounds(policy.max_file_bytes, policy.max_line_bytes))
            rows = _rows(iter(records), source.name)
            with pq.ParquetWriter(target, _SCHEMA) as writer:
                count = _copy(rows, writer, policy.max_rows)
    except OSError as error:
        raise Invalid(f"The file {source.name} cannot be read: {error.strerror or error}.") from error
    return RideFile(target, count, records.sha256.digest())


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


def _rows(records: Iterator[Record], name: str) -> Iterator[Row]:
    header = _header(next(records, Record(1, ())), name)
    places = [header.index(column.encode()) for column in COLUMNS]
    for record in records:
        if not record.fields and record.fault is None:
            continue
        values, fault = _values(record, len(header), places)
        yield (record.line, fault, *(_NO_VALUES if fault else values))


def _values(record: Record, width: int, places: list[int]) -> tuple[list[str], str | None]:
    """Take the used values of one record; the second value says what is wrong with it."""
    if record.fault is not None:
        return [], record.fault
    if len(record.fields) != width:
        return [], f"has {len(record.fields)} values where the header names {width}"
    try:
        values = _texts([record.fields[place] for place in places])
    except UnicodeDecodeError:
        return [], "is not UTF-8 text"
    if not "".join(values).isprintable():
        return [], "holds characters that do not print"
    return values, None


def _texts(fields: list[bytes]) -> list[str]:
    """Decode fields: all at once when none is in quotation marks, for then no comma is in them. Files have millions."""
    joined = b",".join(fields)
    if b'"' not in joined:
        return joined.decode().split(",")
    return [value_of(field).decode() for field in fields]


def _header(record: Record, name: str) -> list[bytes]:
    if not record.fields and record.fault is None:
        raise Invalid(f"The file {name} is empty, or begins with an empty line instead of the names of its columns.")
    header = [value_of(field) for field in record.fields]
    if record.fault or len(header) > MAX_COLUMNS:
        fault = record.fault or "has too many columns"
        raise Invalid(f"The first line of {name} is not a header of a CSV file: it {fault}.")
    _refuse_other_dress(header, name)
    missing = [column for column in COLUMNS if column.encode() not in header]
    if missing:
        raise Invalid(
            f"missing-column: the file {name} lacks {', '.join(missing)}. Its first line must name"
            f" {', '.join(COLUMNS)}, in any order, others beside them; it names {_shown(header)}."
        )
    twice = [column for column in COLUMNS if header.count(column.encode()) > 1]
    if twice:
        raise Invalid(f"The file {name} names {', '.join(twice)} more than once.")
    return header


def _refuse_other_dress(header: list[bytes], name: str) -> None:
    """Say what a spreadsheet did to the file, where that shows."""
    if header[0].startswith((b"\xff\xfe", b"\xfe\xff")) or any(b"\0" in column for column in header):
        raise Invalid(
            f"The first line of {name} is not a header of a CSV file in UTF-8; UTF-16 must be saved as UTF-8."
        )
    if header[0].lower().startswith(b"sep="):
        raise Invalid(f"The file {name} begins with a spreadsheet's line sep=; take that line away.")
    for mark, called in ((b";", "semicolons"), (b"\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            raise Invalid(f"The values of {name} are separated by {called}; save it with commas.")


def _shown(header: list[bytes]) -> str:
    """The names that a file has, so that a blank or a capital letter shows; no more of them than one can read."""
    names = [ascii(column.decode(errors="replace")[:24]) for column in header[:_SHOWN_NAMES]]
    return ", ".join(names) + (", …" if len(header) > _SHOWN_NAMES else "")
