"""Acts that two platforms report: refused the second time, counted, a finding where the contract does not say so (R51).

A source's contract names the sources of other platforms that get the same acts, so that whoever consents knows. What a
batch has that was issued to a source that is not named waits for the centre, which settles it with a note: a finding of
the integrity record, a contract that is mended, or a mistake.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.accounts.vault import Vault
from registry.activities.activities import Activity, subjects_of
from registry.database.schema import duplicates, sharings, sources
from registry.errors import Conflict, Invalid, NotFound
from registry.ledger.queries import MAX_BIGINT, Page, bounded, read_cursor
from registry.procedure.decision import Officer
from registry.sources.sources import Source, get_source
from registry.words import checked_words

MAX_NOTE_CHARS: Final = 1000
MOST_LISTED: Final = 1000
MOST_LOOKED_AT: Final = 100_000
"""Of one batch: so many are finding enough."""
_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Sharing:
    """That a source's contract names another; times are Unix milliseconds."""

    id: int
    source_id: int
    other_id: int
    named_ms: int
    named_by: str
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Acts of one batch that were issued before to the source of another platform."""

    id: int
    source_id: int
    other_id: int
    batch_id: int
    activities: int
    is_named: bool
    at_ms: int
    settled_ms: int | None
    settled_by: str | None
    note: str | None


def name_other(tx: sa.Connection, source_id: int, other_id: int, by: Officer, at: int) -> Sharing:
    """Record that a source's contract names another. Raises `NotFound`, `Invalid`, `Conflict`."""
    source, other = get_source(tx, source_id), get_source(tx, other_id)
    if source.applicant_id == other.applicant_id:
        raise Invalid("Both sources are of one platform: its own reports are held against each other anyway.")
    row = {"source_id": source.id, "other_id": other.id, "named_ms": at, "named_by": str(by)}
    made = insert(sharings).values(row).on_conflict_do_nothing().returning(sharings)
    found = tx.execute(made).one_or_none()
    if found is None:
        raise Conflict(f"The contract of source {source_id} names source {other_id} already.")
    return Sharing(*tuple(found))


def end_sharing(tx: sa.Connection, number: int, at: int) -> Sharing:
    """Record that a contract names another no more. Raises `NotFound`."""
    mine = (sharings.c.id == number, sharings.c.ended_ms.is_(None))
    ended = sa.update(sharings).where(*mine).values(ended_ms=sa.func.greatest(at, sharings.c.named_ms))
    found = tx.execute(ended.returning(sharings)).one_or_none()
    if found is None:
        raise NotFound(f"There is no sharing {number}, or it was ended.")
    return Sharing(*tuple(found))


def list_sharings(tx: sa.Connection, source_id: int) -> list[Sharing]:
    """List which others a source's contract names, or named, newest first, a thousand at most."""
    query = sa.select(sharings).where(sharings.c.source_id == source_id).order_by(sharings.c.id.desc())
    return [Sharing(*tuple(row)) for row in tx.execute(query.limit(MOST_LISTED))]


def issued_to(tx: sa.Connection, vault: Vault, met: Sequence[Activity], longest_ms: int) -> dict[str, int]:
    """Count, of activities that something issued was in the way of, to which sources that was: source -> how many.

    Of a batch with more than `MOST_LOOKED_AT` of them, of the first so many.
    """
    found: Counter[str] = Counter()
    some = met[:MOST_LOOKED_AT]
    for start in range(0, len(some), _AT_ONCE):
        asked = [
            (place, who.digest(vault), one.starts_ms, one.ends_ms)
            for place, one in enumerate(some[start : start + _AT_ONCE])
            for who in subjects_of(one)
        ]
        places, subjects, starts, ends = (list(column) for column in zip(*asked, strict=True)) if asked else ([],) * 4
        values = {"places": places, "subjects": subjects, "starts": starts, "ends": ends, "longest": longest_ms}
        found.update({str(row.source_id): row.activities for row in tx.execute(_ISSUED_TO, values)})
    return dict(found)


def record(tx: sa.Connection, batch_id: int, source: Source, met: Mapping[str, int], at: int) -> None:
    """Count what of a batch was issued before: source -> how many; of other platforms alone."""
    values = {"batch": batch_id, "source": source.id, "applicant": source.applicant_id, "at": at}
    counted = {"others": [int(other) for other in met], "counts": list(met.values())}
    tx.execute(_RECORD, values | counted)


def list_duplicates(
    tx: sa.Connection, of: Collection[int] | None, *, cursor: str | None = None, limit: int = 50
) -> Page[Duplicate]:
    """List them, newest first: of platforms (by their accounts), or of all where `of` is None."""
    limit = bounded(limit)
    query = sa.select(duplicates).where(duplicates.c.id < (MAX_BIGINT if cursor is None else read_cursor(cursor)))
    if of is not None:
        own = sa.select(sources.c.id).where(sources.c.applicant_id.in_(sorted(of)))
        query = query.where(duplicates.c.source_id.in_(own))
    rows = tx.execute(query.order_by(duplicates.c.id.desc()).limit(limit + 1)).all()
    items = [_duplicate(row) for row in rows[:limit]]
    return Page(items, str(items[-1].id) if len(rows) > limit else None)


def list_open(tx: sa.Connection) -> list[Duplicate]:
    """Give those of sources that no contract names, which wait for the centre, oldest first, a thousand at most."""
    waits = (~duplicates.c.is_named, duplicates.c.settled_ms.is_(None))
    query = sa.select(duplicates).where(*waits).order_by(duplicates.c.id).limit(MOST_LISTED)
    return [_duplicate(row) for row in tx.execute(query)]


def settle(tx: sa.Connection, number: int, by: Officer, note: str, at: int) -> Duplicate:
    """Settle one with a note, which its platform reads. Raises `NotFound`, `Conflict`, `Invalid`."""
    said = checked_words(note, "A note", MAX_NOTE_CHARS)
    found = tx.execute(sa.select(duplicates).where(duplicates.c.id == number).with_for_update()).one_or_none()
    if found is None:
        raise NotFound(f"There is no duplicate {number}.")
    if found.is_named or found.settled_ms is not None:
        raise Conflict(f"Duplicate {number} waits for nobody: its source is named, or it was settled.")
    values = {"settled_ms": max(at, found.at_ms), "settled_by": str(by), "note": said}
    query = sa.update(duplicates).where(duplicates.c.id == number).values(values).returning(duplicates)
    return _duplicate(tx.execute(query).one())


def _duplicate(row: sa.Row[Any]) -> Duplicate:
    return Duplicate(*tuple(row))


_ISSUED_TO = sa.text("""
    SELECT l.source_id, count(DISTINCT a.place) AS activities FROM unnest(
        CAST(:places AS bigint[]), CAST(:subjects AS bytea[]), CAST(:starts AS bigint[]), CAST(:ends AS bigint[])
    ) a (place, subject, starts, ends)
    JOIN occupied o ON o.subject = a.subject AND o.starts_ms BETWEEN a.starts - :longest AND a.ends
        AND (o.starts_ms < a.ends AND a.starts < o.ends_ms OR o.starts_ms = a.starts)
    JOIN lots l ON l.id = o.lot_id GROUP BY l.source_id
""")
_RECORD = sa.text("""
    INSERT INTO duplicates (source_id, other_id, batch_id, activities, is_named, at_ms)
    SELECT :source, o.id, :batch, m.activities, EXISTS (
        SELECT FROM sharings s WHERE s.source_id = :source AND s.other_id = o.id AND s.ended_ms IS NULL
    ), :at
    FROM unnest(CAST(:others AS bigint[]), CAST(:counts AS bigint[])) m (other, activities)
    JOIN sources o ON o.id = m.other AND o.applicant_id <> :applicant
    ON CONFLICT (batch_id, other_id) DO NOTHING
""")
