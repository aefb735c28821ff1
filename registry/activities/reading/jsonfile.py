"""JSON lines to rows of text: one object a line, whose members are strings, numbers, true, false or null.

Numbers are taken as they are written, never through a float.
"""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NoReturn

from registry.activities.profiles.profile import Profile
from registry.activities.reading.batches import Batch, Row, in_batches
from registry.activities.reading.records import Bounds
from registry.errors import Invalid

_MARK: Final = b"\xef\xbb\xbf"
MAX_MEMBERS: Final = 200


class _Refused(ValueError):
    """What is wrong with a line."""


def rows_of_json(stream: BinaryIO, profile: Profile, bounds: Bounds, _name: str) -> Iterator[Batch]:
    """Give the rows of JSON lines; empty lines are passed over. Raises `Invalid` for a file that is too large."""
    return in_batches(_rows(stream, profile, bounds), len(profile.in_file))


def _rows(stream: BinaryIO, profile: Profile, bounds: Bounds) -> Iterator[Row]:
    wanted = list(profile.in_file)
    nothing = (None,) * len(wanted)
    reader = json.JSONDecoder(
        object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=_no_number, strict=True
    )
    for number, line in _lines(stream, bounds):
        if line is None:
            yield (number, "is longer than a line may be", *nothing)
            continue
        try:
            found = reader.decode(line.decode().strip(" \t\r\n"))
            if not isinstance(found, dict):
                raise _Refused("is no JSON object")  # noqa: TRY301 - told as the others are
            values = [_text(found.get(name)) for name in wanted]
            if not "".join(value for value in values if value).isprintable():
                raise _Refused("holds characters that do not print")  # noqa: TRY301
        except UnicodeDecodeError:
            yield (number, "is not UTF-8 text", *nothing)
        except _Refused as refused:
            yield (number, str(refused), *nothing)
        except (ValueError, RecursionError):
            yield (number, "is no JSON", *nothing)
        else:
            yield (number, None, *values)


def _lines(stream: BinaryIO, bounds: Bounds) -> Iterator[tuple[int, bytes | None]]:
    number = size = 0
    while line := stream.readline(bounds.record_bytes + 2):
        number += 1
        is_long = len(line.rstrip(b"\r\n")) > bounds.record_bytes
        part = line
        while True:
            size += len(part)
            if size > bounds.file_bytes:
                raise Invalid(f"The file is larger than {bounds.file_bytes} bytes; send it in parts.")
            if part.endswith(b"\n") or not is_long or not (part := stream.readline(bounds.record_bytes)):
                break
        content = line.removeprefix(_MARK) if number == 1 else line
        if is_long:
            yield number, None
        elif content.strip(b" \t\r\n"):
            yield number, content


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("names a member twice")
    if len(pairs) > MAX_MEMBERS:
        raise _Refused(f"has more than {MAX_MEMBERS} members")
    return found


def _no_number(_word: str) -> NoReturn:
    raise _Refused("has a number that is none")


def _text(value: Any) -> str | None:
    """Give a member as text: what is written, or nothing. Raises `_Refused` for a list or an object."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    raise _Refused("has a list or an object where a value belongs")
