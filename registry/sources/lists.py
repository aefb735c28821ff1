"""Lists that applications are held against: of other registries' assets (R12), and of the quota boundary (R11).

Each keeps its own date, where it is from, and the SHA-256 of the file as it came. Of one name the newest counts; the
decisions that rest on a list name it with its date and hash, so that whoever has the file can repeat the check.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from registry.database.schema import list_entries, lists
from registry.errors import Conflict, Invalid
from registry.procedure import fields
from registry.procedure.decision import Officer
from registry.sources.entries import Entry
from registry.sources.matching import identifier_in, name_in
from registry.words import checked_words

MAX_ORIGIN_CHARS: Final = 500
MOST_LISTED: Final = 1000


class Purpose(StrEnum):
    """What a list is held against for."""

    REGISTRY = "registry"
    """Assets that are registered under another mechanism, or sold as green power (第二十三条)."""
    QUOTA = "quota"
    """Who and what lies within the quota boundary of the emissions trading system (第十七条)."""


@dataclass(frozen=True, slots=True)
class NewList:
    """A list as it is imported: its name, what it is for, its own date, and who published it where."""

    name: str
    purpose: Purpose
    dated: dt.date
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class List(NewList):
    """A list, by its number; `counts` is false once a newer one of its name is there."""

    id: int
    sha256: bytes
    entries: int
    imported_by: str
    imported_ms: int
    counts: bool

    def __str__(self) -> str:
        """Write it as decisions name it: `ccer 2026-10-01` and the SHA-256 of its file."""
        return f"{self.name} {self.dated.isoformat()} {self.sha256.hex()}"


def checked_list(name: str, purpose: str, dated: str, origin: str) -> NewList:
    """Read what is said of a list. Raises `Invalid`."""
    try:
        fields.word(name)
    except fields.Unreadable as error:
        raise Invalid(f"A list's name {error}; such as ccer, or shanghai-ets-2026.") from None
    if purpose not in {*Purpose}:
        raise Invalid(f"A list is for one of: {', '.join(Purpose)}.")
    try:
        day = dt.date.fromisoformat(dated) if len(dated) == len("2026-01-01") else None
    except ValueError:
        day = None
    if day is None:
        raise Invalid("A list has the date that it says of itself, such as 2026-10-01.")
    return NewList(name, Purpose(purpose), day, checked_words(origin, "A list's origin", MAX_ORIGIN_CHARS))


def import_list(
    tx: sa.Connection, new: NewList, content: bytes, entries: Sequence[Entry], by: Officer, at: int
) -> List:
    """Keep a list, or give the one that is there when the newest of its name has the same bytes.

    Raises `Conflict` for one older than the newest of its name, or for another purpose.
    """
    tx.execute(_ONE, {"name": new.name})
    before = next((one for one in all_lists(tx) if one.name == new.name and one.counts), None)
    sha256 = hashlib.sha256(content).digest()
    if before is not None:
        if (before.sha256, before.dated) == (sha256, new.dated):
            return before
        if before.purpose is not new.purpose:
            raise Conflict(f"The list {new.name} is for {before.purpose}; import this one under another name.")
        if before.dated > new.dated:
            raise Conflict(f"A list {new.name} of {before.dated.isoformat()} is there, newer than this one.")
    row = {
        "name": new.name, "purpose": str(new.purpose), "dated": new.dated, "origin": new.origin, "sha256": sha256,
        "entries": len(entries), "imported_by": str(by), "imported_ms": at,
    }  # fmt: skip
    number = int(tx.execute(sa.insert(lists).values(row).returning(lists.c.id)).scalar_one())
    tx.execute(sa.insert(list_entries), [_row(number, place, entry) for place, entry in enumerate(entries, 1)])
    return next(one for one in all_lists(tx) if one.id == number)


def all_lists(tx: sa.Connection) -> list[List]:
    """Give the lists that were imported, the newest import first."""
    return [_list(row) for row in tx.execute(_ALL, {"most": MOST_LISTED})]


def counting(tx: sa.Connection) -> list[List]:
    """Give the lists that count, by name."""
    return sorted((one for one in all_lists(tx) if one.counts), key=lambda one: one.name)


def _row(number: int, place: int, entry: Entry) -> dict[str, Any]:
    return {
        "list_id": number, "place": place, "kind": entry.kind, "identifier": entry.identifier, "entity": entry.entity,
        "identifier_normal": None if entry.identifier is None else identifier_in(entry.identifier),
        "entity_normal": None if entry.entity is None else name_in(entry.entity),
    }  # fmt: skip


def _list(row: sa.Row[Any]) -> List:
    return List(
        row.name, Purpose(row.purpose), row.dated, row.origin, id=row.id, sha256=bytes(row.sha256),
        entries=row.entries, imported_by=row.imported_by, imported_ms=row.imported_ms, counts=row.counts,
    )  # fmt: skip


_ONE = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/list/' || :name, 0))")
_ALL = sa.text("""
    SELECT l.*, l.id = first_value(l.id) OVER (PARTITION BY l.name ORDER BY l.dated DESC, l.id DESC) AS counts
    FROM lists l ORDER BY l.id DESC LIMIT :most
""")
