"""CSV to rows of text: RFC 4180 with a profile's separator and encoding. One record is one row.

Nothing is converted here: every value stays text, and what is wrong with a row is said in its fault. Columns that are
not used are not even decoded, so they spoil no row.
"""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

from registry.activities.profiles.profile import Encoding, Profile
from registry.activities.reading.records import Bounds, Record, Records, value_of
from registry.errors import Invalid

MAX_COLUMNS: Final = 100
"""A header of more is not of this kind of file."""
_SHOWN_NAMES: Final = 12
_CALLED: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SAID: Final = {Encoding.UTF_8: "UTF-8", Encoding.GBK: "GBK"}

Row = tuple[Any, ...]
"""Line number (the header is 1), fault or None, then the values of the profile's columns, all None on a fault."""


def rows_of_csv(stream: BinaryIO, profile: Profile, bounds: Bounds, name: str) -> Iterator[Row]:
    """Give the rows of a CSV file; its first line names the columns, empty lines are passed over. Raises `Invalid`."""
    records = iter(Records(stream, bounds, profile.separator.encode()))
    header = _header(next(records, Record(1, ())), profile, name)
    wanted = list(profile.in_file)
    places = [header.index(column) for column in wanted]
    decode = _decoder(profile, len(header), places)
    nothing = (None,) * len(places)
    for record in records:
        if record.fields:
            values, fault = decode(record.fields)
            yield (record.line, fault, *(nothing if fault else values))
        elif record.fault is not None:
            yield (record.line, record.fault, *nothing)


def _decoder(profile: Profile, width: int, places: Sequence[int]) -> Any:
    separator, encoding = profile.separator, str(profile.encoding)
    mark = separator.encode()

    def decode(fields: Sequence[bytes]) -> tuple[Sequence[str], str | None]:
        if len(fields) != width:
            return (), f"has {len(fields)} values where the header names {width}"
        # All at once when none is in quotation marks, for then no separator is in them. Files have millions.
        joined = mark.join([fields[place] for place in places])
        try:
            if b'"' in joined:
                values = [value_of(fields[place]).decode(encoding) for place in places]
                text = "".join(values)
            else:
                text = joined.decode(encoding)
                values = text.split(separator)
        except UnicodeDecodeError:
            return (), f"is not {_SAID[profile.encoding]} text"
        if not (text.isprintable() or "".join(values).isprintable()):
            return (), "holds characters that do not print"
        return values, None

    return decode


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
