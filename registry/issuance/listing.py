"""The abnormal rows of a batch: written sealed when it is judged, a JSON line each, read page by page or as a whole.

A page's cursor is the byte at which the next row begins, so that none is looked for.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry.accounts.vault import Vault
from registry.errors import Invalid, NotFound
from registry.issuance.atrest import reader, writer
from registry.ledger.queries import Page, bounded

MAX_LINE_BYTES: Final = 16 * 1024
"""Of a row here: a reference of at most 64 characters and sentences of ours."""
COLUMNS: Final = ("row", "reference", "reason", "zh", "en", "held")
_PIECE: Final = 256 * 1024
_RUNS: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Abnormal:
    """A row that does not stand: its line in the file, its reference as far as it was read, why, and what to do.

    `held` says that it is not refused but waits in quarantine, by a rule against abuse.
    """

    row: int
    reference: str | None
    reason: str
    zh: str
    en: str
    held: bool = False


def write_listing(vault: Vault, file: Path, rows: Iterable[Abnormal]) -> None:
    """Write the rows, whole or not at all, for nobody but the registry's user."""
    beside = file.with_name(f".{file.name}.tmp")
    with (
        open(beside, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as out,
        writer(vault, out, file) as lines,
    ):
        for row in rows:
            said = {column: getattr(row, column) for column in COLUMNS}
            lines.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")
    beside.rename(file)


def read_page(vault: Vault, file: Path, cursor: str | None, limit: int) -> Page[Abnormal]:
    """Read a page. Raises `NotFound` when nothing is listed any more, `Invalid` for a cursor that is none."""
    at, limit = _place(cursor), bounded(limit)
    with _opened(vault, file) as lines:
        if at:
            lines.seek(at - 1)
            if lines.read(1) != b"\n":
                raise Invalid("The cursor is none that this list gave.")
        items: list[Abnormal] = []
        while len(items) < limit and (line := lines.readline(MAX_LINE_BYTES)):
            items.append(Abnormal(**json.loads(line)))
        place = lines.tell()
        return Page(items, str(place) if lines.read(1) else None)


def json_lines(vault: Vault, file: Path) -> Iterator[bytes]:
    """Give the whole list as it is."""
    lines = _opened(vault, file)

    def pieces() -> Iterator[bytes]:
        with lines:
            while piece := lines.read(_PIECE):
                yield piece

    return pieces()


def as_csv(vault: Vault, file: Path) -> Iterator[bytes]:
    """Give the whole list as CSV (RFC 4180), every value quoted, with nothing in it that a spreadsheet would run."""
    lines = _opened(vault, file)

    def pieces() -> Iterator[bytes]:
        with lines:
            yield _line(COLUMNS)
            for line in lines:
                row = json.loads(line)
                yield _line([_inert(row[column]) for column in COLUMNS])

    return pieces()


def _line(values: Iterable[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(values)
    return text.getvalue().encode()


def _inert(value: object) -> object:
    """Keep a spreadsheet from running a value that a hostile file brought (`=cmd|...`)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_RUNS) else "" if value is None else value


def _opened(vault: Vault, file: Path) -> io.BufferedReader:
    try:
        return reader(vault, file)
    except OSError:
        raise NotFound("Of this batch no rows are listed: it was not judged yet, or it is settled.") from None


def _place(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise Invalid("The cursor is none that this list gave.")
    return int(cursor)
