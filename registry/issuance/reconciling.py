"""Each day's counts of a source, as its platform has them and as the registry has them, held against each other (R53).

They are of a day in Shanghai that is over, and of nobody. What differs stays open until the platform counts again and
agrees, or an officer of the centre settles it with a note.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from registry.clock import SHANGHAI, in_shanghai
from registry.database.schema import reconciliations
from registry.decisions.worklist import Reminder
from registry.errors import Conflict, Invalid, NotFound
from registry.ledger.ledger import Ledger
from registry.procedure.table import Words
from registry.words import checked_words

COUNTED: Final = ("batches", "rows", "accepted", "refused", "held", "issued", "issued_g", "converted_g")
"""Batches begun on the day, as they were judged; activities and grams that were issued; grams that were converted."""
MAX_NOTE_CHARS: Final = 500
MOST: Final = 100
"""Listed at once, the newest, or of those that wait the oldest."""
DAY_MS: Final = 86_400_000
Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What both sides counted of a day; `settled_by` an officer, once one settled what differs. Unix milliseconds."""

    id: int
    source_id: int
    day: str
    """Such as 2026-11-27."""
    platform: Counts
    registry: Counts
    agrees: bool
    at_ms: int
    settled_ms: int | None
    settled_by: str | None
    note: str | None


def reconcile(tx: sa.Connection, ledger: Ledger, source_id: int, day: date, platform: Counts) -> Reconciliation:
    """Take what a platform counted of a day, and hold it against what is here; a later count of it is beside it.

    Raises `Invalid` for a day that is not over.
    """
    at = ledger.clock()
    if day >= in_shanghai(at).date():
        raise Invalid(f"{day} is not over in Shanghai. A day is compared when it is.")
    said = {name: platform[name] for name in COUNTED}
    here = count_day(tx, source_id, day)
    row = {
        "source_id": source_id,
        "day": str(day),
        "platform": said,
        "registry": here,
        "agrees": said == here,
        "at_ms": at,
    }
    number = tx.execute(sa.insert(reconciliations).values(row).returning(reconciliations.c.id)).scalar_one()
    return get_reconciliation(tx, number)


def count_day(tx: sa.Connection, source_id: int, day: date) -> dict[str, int]:
    """Count what a source reported, was issued and its grams were converted on a day."""
    begin = int(datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).timestamp()) * 1000
    asked = {"source": source_id, "begin": begin, "end": begin + DAY_MS}
    row = tx.execute(_COUNT, asked).one()
    return {name: int(getattr(row, name)) for name in COUNTED}


def settle(tx: sa.Connection, ledger: Ledger, number: int, officer: str, note: str) -> Reconciliation:
    """Settle what differs, with a note. Raises `NotFound`, `Conflict` where nothing differs or it is settled."""
    words = checked_words(note, "The note", MAX_NOTE_CHARS)
    is_open = reconciliations.c.id == number, ~reconciliations.c.agrees, reconciliations.c.settled_ms.is_(None)
    at = sa.func.greatest(ledger.clock(), reconciliations.c.at_ms)
    values = {"settled_ms": at, "settled_by": officer, "note": words}
    done = tx.execute(sa.update(reconciliations).where(*is_open).values(values)).rowcount
    found = get_reconciliation(tx, number)
    if not done:
        raise Conflict(f"Reconciliation {number} is settled, or nothing in it differs.")
    return found


def get_reconciliation(tx: sa.Connection, number: int) -> Reconciliation:
    """Read one. Raises `NotFound`."""
    row = tx.execute(sa.select(reconciliations).where(reconciliations.c.id == number)).one_or_none()
    if row is None:
        raise NotFound(f"There is no reconciliation {number}.")
    return _of(row)


def list_reconciliations(tx: sa.Connection, source_id: int) -> list[Reconciliation]:
    """Give a source's reconciliations, newest first."""
    query = sa.select(reconciliations).where(reconciliations.c.source_id == source_id)
    return [_of(row) for row in tx.execute(query.order_by(reconciliations.c.id.desc()).limit(MOST))]


def open_differences(tx: sa.Connection) -> Iterator[Reminder]:
    """Remind the centre of each day whose last count differs and is not settled, the oldest first."""
    for row in tx.execute(_OPEN, {"most": MOST}):
        told = [name for name in COUNTED if row.platform[name] != row.registry[name]]
        about = f"reconciliation {row.id}"
        zh = f"减排场景 {row.source_id} {row.day} 的日对账不一致：{'、'.join(told)}。请核对并说明处理结果。"
        names = ", ".join(told)
        en = f"Source {row.source_id}, {row.day}: the platform counts otherwise: {names}. Look, and settle it."
        yield Reminder(about, Words(zh, en), frozenset({"centre"}), row.at_ms + DAY_MS)


def _of(row: sa.Row[Any]) -> Reconciliation:
    return Reconciliation(**row._mapping)  # noqa: SLF001 (SQLAlchemy's documented way to read a row by names)


_COUNT = sa.text("""
    SELECT b.*, l.*, c.* FROM (
        SELECT count(*) AS batches,
            coalesce(sum(CAST(summary ->> 'rows' AS bigint)), 0) AS rows,
            coalesce(sum(CAST(summary ->> 'accepted' AS bigint)), 0) AS accepted,
            coalesce(sum((SELECT sum(CAST(value AS bigint)) FROM jsonb_each_text(summary -> 'refused'))), 0) AS refused,
            coalesce(sum((SELECT sum(CAST(value AS bigint)) FROM jsonb_each_text(summary -> 'held'))), 0) AS held
        FROM batches WHERE source_id = :source AND begun_ms >= :begin AND begun_ms < :end AND state <> 'withdrawn'
    ) b, (
        SELECT coalesce(sum(activities), 0) AS issued, coalesce(sum(last_g - first_g), 0) AS issued_g FROM lots
        WHERE source_id = :source AND issued_ms >= :begin AND issued_ms < :end
    ) l, (
        SELECT coalesce(sum(m.last_g - m.first_g), 0) AS converted_g FROM movements m
        JOIN lots o ON m.first_g >= o.first_g AND m.last_g <= o.last_g
        WHERE m.kind = 3 AND m.at_ms >= :begin AND m.at_ms < :end AND o.source_id = :source
    ) c
""")
_OPEN = sa.text("""
    SELECT * FROM reconciliations r WHERE NOT agrees AND settled_ms IS NULL AND NOT EXISTS (
        SELECT FROM reconciliations o WHERE o.source_id = r.source_id AND o.day = r.day AND o.id > r.id
    ) ORDER BY id LIMIT :most
""")
