"""CSV to rows of text: RFC 4180 with a profile's separator and encoding. One record is one row.

Nothing is converted here: every value stays text, and what is wrong with a row is said in its fault. Columns that are
not used are not even decoded, so they spoil no row. Most records of a file look alike, so one regular expression takes
a record that is dressed as the first one was; `records.py` takes every other.
"""

# mypy: disable-error-code="import-untyped"
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc

from registry.activities.profiles.profile import Encoding, Profile
from registry.activities.reading.batches import BATCH_ROWS, Batch, batch_of
from registry.activities.reading.records import Bounds, Record, Records, value_of
from registry.errors import Invalid

MAX_COLUMNS: Final = 100
"""A header of more is not of this kind of file."""
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
    rows = _taken(records, len(header), places, profile.separator.encode())
    while batch := list(islice(rows, BATCH_ROWS)):
        yield _texts(batch, len(places), profile.encoding)


def _taken(records: Records, width: int, places: Sequence[int], separator: bytes) -> Iterator[Taken]:
    nothing = (None,) * len(places)
    for record in records.alike():
        if not isinstance(record, Record):
            yield (record[0], None, record[1])
        elif record.fault is not None:
            yield (record.line, record.fault, nothing)
        elif record.fields and len(record.fields) != width:
            yield (record.line, f"has {len(record.fields)} values where the header names {width}", nothing)
        elif record.fields:
            records.dress = records.dress or _dress(record.fields, places, separator)
            yield (record.line, None, [value_of(record.fields[place]) for place in places])


def _dress(fields: Sequence[bytes], places: Sequence[int], separator: bytes) -> tuple[re.Pattern[bytes], list[int]]:
    """Make an expression for records with quotation marks where these have some, and give in which order it captures.

    It takes one whole line, and nothing that the RFC would read otherwise.
    """
    mark = re.escape(separator)
    used = set(places)
    parts = []
    for place, field in enumerate(fields):
        inner = rb'"%b"' if field.startswith(b'"') else b"%b"
        content = rb'[^"\r\n]*+' if field.startswith(b'"') else rb'[^"\r\n%b]*+' % mark
        parts.append(inner % (b"(%b)" % content if place in used else content))
    order = sorted(places)
    return re.compile(mark.join(parts) + rb"\r?\n"), [order.index(place) for place in places]


def _texts(taken: list[Taken], width: int, encoding: Encoding) -> Batch:
    """Decode a batch: all at once where everything is printable ASCII, one by one where it is not."""
    lines, faults, values = zip(*taken, strict=True)
    columns = [pa.array(column, pa.binary()) for column in zip(*values, strict=True)]
    with suppress(pa.ArrowInvalid):  # not UTF-8
        texts = [column.cast(pa.string()) for column in columns]
        if all(pc.all(pc.ascii_is_printable(column)).as_py() is not False for column in texts):
            return Batch(pa.array(lines, pa.int64()), pa.array(faults, pa.string()), texts)
    return batch_of([(line, *_decoded(fault, fields, width, encoding)) for line, fault, fields in taken], width)


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
