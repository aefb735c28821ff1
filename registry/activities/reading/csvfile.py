"""CSV to rows of text: RFC 4180 with a profile's separator and encoding. One record is one row.

Nothing is converted here: every value stays text, and what is wrong with a row is said in its fault. Columns that are
not used are not even decoded, so they spoil no row. Most records of a file look alike: one regular expression finds the
stretches of records that are dressed as the first one was, in which nothing can be read two ways: those are split as
columns. `records.py` takes every other.
"""

# mypy: disable-error-code="import-untyped"
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from registry.activities.profiles.profile import Encoding, Profile
from registry.activities.reading.batches import BATCH_ROWS, Batch, batch_of
from registry.activities.reading.records import Alike, Bounds, Record, Records, value_of
from registry.errors import Invalid

MAX_COLUMNS: Final = 100
"""A header of more is not of this kind of file."""
_WHOLE: Final = 1 << 30
"""More than a batch has: it is split in one piece."""
_SHOWN_NAMES: Final = 12
_CALLED: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SAID: Final = {Encoding.UTF_8: "UTF-8", Encoding.GBK: "GBK"}
_UNPRINTABLE: Final = "holds characters that do not print"

Taken = tuple[int, str | None, Sequence[bytes | None]]
"""Line number (the header is 1), fault or None, and the used values, all None on a fault."""


def rows_of_csv(stream: BinaryIO, profile: Profile, bounds: Bounds, name: str) -> Iterator[Batch]:
    """Give the rows of a CSV file; its first line names the columns, empty lines are passed over. Raises `Invalid`."""
    records = Records(stream, bounds, profile.separator.encode())
    header = _header(next(iter(records), Record(1, ())), profile, name)
    places = [header.index(column) for column in profile.in_file]
    some = _Some(places, len(header), profile)
    for record in records.alike():
        if isinstance(record, Alike):
            some.add(record)
        elif (taken := _taken(record, len(header), places)) is not None:
            some.others.append(taken)
            if records.dress is None and taken[1] is None:
                records.dress = _dress(record.fields, profile.separator.encode())
        if len(some) >= BATCH_ROWS:
            yield some.batch()
            some = _Some(places, len(header), profile)
    if len(some):
        yield some.batch()


def _taken(record: Record, width: int, places: Sequence[int]) -> Taken | None:
    nothing = (None,) * len(places)
    if record.fault is not None:
        return record.line, record.fault, nothing
    if not record.fields:
        return None
    if len(record.fields) != width:
        return record.line, f"has {len(record.fields)} values where the header names {width}", nothing
    return record.line, None, [value_of(record.fields[place]) for place in places]


def _dress(fields: Sequence[bytes], separator: bytes) -> re.Pattern[bytes]:
    """Make an expression for neighbouring records with quotation marks where these fields have some.

    It takes whole lines, and nothing that the RFC would read otherwise, or that begins as a byte order mark does.
    """
    mark = re.escape(separator)
    parts = [rb'"[^"\r\n]*+"' if field.startswith(b'"') else rb'[^"\r\n%b]*+' % mark for field in fields]
    # Of a group, "*+" is read wrongly by Python before 3.11.5 (python/cpython#106052): part of a line was taken too.
    return re.compile(rb"(?:(?!\xef\xbb\xbf)%b\r?\n)*" % mark.join(parts))


class _Some:
    """Rows that become a batch: stretches that are alike are read as columns, all others one by one."""

    def __init__(self, places: Sequence[int], width: int, profile: Profile) -> None:
        self._places, self._width, self._profile = places, width, profile
        self._alike: list[Alike] = []
        self._count = 0
        self.others: list[Taken] = []

    def __len__(self) -> int:
        return self._count + len(self.others)

    def add(self, alike: Alike) -> None:
        """Take a stretch."""
        self._alike.append(alike)
        self._count += alike.lines

    def batch(self) -> Batch:
        """Give them in the order of the file."""
        lines, columns = self._columns()
        if self.others:
            numbers, faults, values = zip(*self.others, strict=True)
            apart = [pa.array(column, pa.binary()) for column in zip(*values, strict=True)]
            lines = np.concatenate([lines, np.array(numbers, np.int64)])
            said = pa.concat_arrays([pa.nulls(self._count, pa.string()), pa.array(faults, pa.string())])
            columns = [pa.concat_arrays([one, other]) for one, other in zip(columns, apart, strict=True)]
            order = pa.array(np.argsort(lines, kind="stable"))
            return _texts(
                pa.array(lines).take(order), said.take(order), [one.take(order) for one in columns], self._profile
            )
        return _texts(pa.array(lines), pa.nulls(self._count, pa.string()), columns, self._profile)

    def _columns(self) -> tuple["np.ndarray[Any, Any]", list[pa.Array]]:
        if not self._alike:
            return np.empty(0, np.int64), [pa.array([], pa.binary()) for _ in self._places]
        lines = np.concatenate([np.arange(one.line, one.line + one.lines) for one in self._alike])
        names = [str(place) for place in range(self._width)]
        table = pyarrow.csv.read_csv(
            pa.BufferReader(b"".join(one.content for one in self._alike)),
            pyarrow.csv.ReadOptions(column_names=names, use_threads=False, block_size=_WHOLE),
            pyarrow.csv.ParseOptions(
                delimiter=self._profile.separator, double_quote=False, ignore_empty_lines=False
            ),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()), include_columns=[names[at] for at in self._places],
                strings_can_be_null=False,
            ),
        )  # fmt: skip
        if table.num_rows != self._count:
            raise AssertionError("lines that are alike were read as another number of rows")
        return lines, [column.combine_chunks() for column in table.columns]


def _texts(lines: pa.Array, faults: pa.Array, columns: list[pa.Array], profile: Profile) -> Batch:
    """Decode a batch: all at once where everything is printable ASCII, one by one where it is not."""
    with suppress(pa.ArrowInvalid):  # not UTF-8
        texts = [column.cast(pa.string()) for column in columns]
        if all(pc.all(pc.ascii_is_printable(column)).as_py() is not False for column in texts):
            return Batch(lines, faults, texts)
    width = len(columns)
    values = zip(*(column.to_pylist() for column in columns), strict=True)
    rows = zip(lines.to_pylist(), faults.to_pylist(), values, strict=True)
    return batch_of([(line, *_decoded(fault, fields, width, profile.encoding)) for line, fault, fields in rows], width)


def _decoded(
    fault: str | None, values: Sequence[bytes | None], width: int, encoding: Encoding
) -> tuple[str | None, *tuple[str | None, ...]]:
    nothing = (None,) * width
    if fault is not None:
        return (fault, *nothing)
    try:
        found = [(value or b"").decode(str(encoding)) for value in values]
    except UnicodeDecodeError:
        return (f"is not {_SAID[encoding]} text", *nothing)
    if not "".join(found).isprintable():
        return (_UNPRINTABLE, *nothing)
    return (None, *found)


def _header(record: Record, profile: Profile, name: str) -> list[str]:
    if not record.fields and record.fault is None:
        raise Invalid(f"The file {name} is empty, or begins with an empty line instead of the names of its columns.")
    raw = [value_of(field) for field in record.fields]
    if record.fault or len(raw) > MAX_COLUMNS:
        fault = record.fault or "has too many columns"
        raise Invalid(f"The first line of {name} is not a header of a CSV file: it {fault}.")
    _refuse_other_dress(raw, profile, name)
    try:
        header = [column.decode(str(profile.encoding)) for column in raw]
    except UnicodeDecodeError:
        said = _SAID[profile.encoding]
        raise Invalid(f"The first line of {name} is not {said} text, which this profile says the file is.") from None
    missing = [column for column in profile.in_file if column not in header]
    if missing:
        raise Invalid(
            f"missing-column: the file {name} lacks {', '.join(missing)}. Its first line must name"
            f" {', '.join(profile.in_file)}, in any order, others beside them; it names {_shown(header)}."
        )
    twice = [column for column in profile.in_file if header.count(column) > 1]
    if twice:
        raise Invalid(f"The file {name} names {', '.join(twice)} more than once.")
    return header


def _refuse_other_dress(header: list[bytes], profile: Profile, name: str) -> None:
    """Say what a spreadsheet did to the file, where that shows."""
    if header[0].startswith((b"\xff\xfe", b"\xfe\xff")) or any(b"\0" in column for column in header):
        raise Invalid(
            f"The first line of {name} is not a header of a CSV file in {_SAID[profile.encoding]}; save UTF-16 as that."
        )
    if header[0].lower().startswith(b"sep="):
        raise Invalid(f"The file {name} begins with a spreadsheet's line sep=; take that line away.")
    for mark, called in _CALLED.items():
        if len(header) == 1 and mark.encode() in header[0] and len(profile.in_file) > 1:
            wanted = _CALLED[profile.separator]
            raise Invalid(f"The values of {name} are separated by {called}; its profile says {wanted}: save it so.")


def _shown(header: list[str]) -> str:
    """The names that a file has, so that a blank or a capital letter shows; no more of them than one can read."""
    names = [ascii(column[:24]) for column in header[:_SHOWN_NAMES]]
    return ", ".join(names) + (", …" if len(header) > _SHOWN_NAMES else "")
