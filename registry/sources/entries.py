"""A list of another registry, or of who is in the quota boundary, as its bytes have it: CSV or JSON lines. Pure."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from registry.errors import Invalid
from registry.sources.matching import ASSET_KINDS
from registry.words import checked_words

FORMATS: Final = ("csv", "jsonl")
COLUMNS: Final = frozenset({"kind", "identifier", "entity"})
MAX_WORD_CHARS: Final = 200
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a list has: an asset by its kind and identifier, the name of whose or what it is, or both."""

    kind: str | None
    identifier: str | None
    entity: str | None


def read_entries(content: bytes, form: str) -> list[Entry]:
    """Read the entries of a list, one at least. Raises `Invalid`, with the line that is wrong."""
    try:
        text = content.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        raise Invalid(f"The list is no UTF-8: byte {error.start} is none. Save it as UTF-8.") from None
    if form not in FORMATS:
        raise Invalid(f"A list is one of: {', '.join(FORMATS)}.")
    entries = [_entry(line, found) for line, found in (_of_csv(text) if form == "csv" else _of_lines(text))]
    if not entries:
        raise Invalid("The list has no entry. A list without one says nothing; do not import it.")
    return entries


def _of_csv(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) != len(header) or not {"entity"} <= set(header) <= COLUMNS:
            raise Invalid("The first line names the columns, each once: entity, and with identifiers kind, identifier.")
        for row in reader:
            if len(row) != len(header):
                raise Invalid(f"Line {reader.line_num} has {len(row)} columns, and the first line {len(header)}.")
            yield reader.line_num, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise Invalid(f"Line {reader.line_num} is no CSV: {error}.") from None


def _of_lines(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            raise Invalid(f"Line {number} is no JSON.") from None
        if not isinstance(found, dict) or not found.keys() <= COLUMNS:
            raise Invalid(f"Line {number} is no object of {', '.join(sorted(COLUMNS))}.")
        yield number, found


def _entry(line: int, found: Mapping[str, Any]) -> Entry:
    kind, identifier, entity = (_word(line, name, found.get(name)) for name in ("kind", "identifier", "entity"))
    if identifier is None and entity is None:
        raise Invalid(f"Line {line} has neither an identifier nor an entity.")
    if identifier is not None and kind not in ASSET_KINDS:
        raise Invalid(f"Line {line}: an identifier's kind is one of {', '.join(ASSET_KINDS)}.")
    return Entry(None if identifier is None else kind, identifier, entity)


def _word(line: int, name: str, value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Invalid(f"Line {line}: {name} is no text.")
    return checked_words(value, f"Line {line}: {name}", MAX_WORD_CHARS)
