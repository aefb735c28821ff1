"""Events are written where they happen, and numbered once they are committed.

A number that was drawn in the transaction itself could be read before a lower one, whose transaction is still under
way, and that one would be missed. So events wait without a number until a work of `gram serve` gives those that are
committed theirs, one after another: of two acts of which one began after the other had ended, the later is behind.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from registry.database.personal import columns_go, rows_go
from registry.database.schema import events, feeds
from registry.database.statement import Statement
from registry.events.types import REGISTRY_RECOVERED, EventType

MOST: Final = 10_000
"""Events that are numbered, or deleted, in one transaction."""
Data = Mapping[str, str | int]
PLATFORM_USER: Final = "platform-user"
"""What binds a platform's name for a person, wherever it is sealed."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an event is about: the account's number, which nobody is told, and what the platform calls them, sealed."""

    account: int
    external_id: bytes


def tell(tx: sa.Connection, of: EventType, account: int, at: int, data: Data, person: Person | None = None) -> None:
    """Write an event for an institution, in the transaction in which it happens; a person's account has no events.

    Raises `ValueError` for other data than its type has: that is a defect.
    """
    if set(data) != set(of.fields) or (person is None) == of.is_of_person:
        raise ValueError(f"{of.name} says {of.fields}, not {sorted(data)}")
    values = {"account": account, "type": of.name, "at": at, "data": json.dumps(dict(data))}
    about = (None, None) if person is None else (person.account, person.external_id)
    _TELL(tx, values | dict(zip(("person", "external_id"), about, strict=True)))


def number_events(tx: sa.Connection) -> int:
    """Give the events that are committed and wait their numbers, some at a time; tell how many they were."""
    tx.execute(_ONE_NUMBERS)
    return tx.execute(_NUMBER, {"most": MOST}).rowcount


def delete_older(tx: sa.Connection, before_ms: int) -> int:
    """Delete events of before a time (Unix milliseconds), some at a time; tell how many they were."""
    return int(tx.execute(_DELETE, {"before": before_ms, "most": MOST}).scalar_one())


def begin_anew(tx: sa.Connection, gap: int, at: int) -> None:
    """Move every feed on by `gap` after a recovery: no number that was told before it comes to mean another event."""
    tx.execute(sa.update(feeds).values(last=feeds.c.last + gap))
    tx.execute(_TELL_ALL, {"type": REGISTRY_RECOVERED.name, "at": at})


_TELL = Statement("""
    INSERT INTO events (account_id, type, at_ms, data, person_id, external_id)
    SELECT id, :type, :at, CAST(:data AS jsonb), CAST(:person AS bigint), CAST(:external_id AS bytea)
    FROM accounts WHERE id = :account AND kind = 'institution' AND erased_ms IS NULL FOR KEY SHARE
""")
_TELL_ALL = sa.text("INSERT INTO events (account_id, type, at_ms, data) SELECT account_id, :type, :at, '{}' FROM feeds")
_ONE_NUMBERS = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/events', 0))")
_NUMBER = sa.text("""
    WITH waiting AS (
        SELECT id, account_id, row_number() OVER mine AS place, count(*) OVER (PARTITION BY account_id) AS new
        FROM (SELECT id, account_id FROM events WHERE number IS NULL ORDER BY id LIMIT :most) w
        WINDOW mine AS (PARTITION BY account_id ORDER BY id)
    ), counted AS (
        INSERT INTO feeds (account_id, last) SELECT account_id, count(*) FROM waiting GROUP BY account_id
        ON CONFLICT (account_id) DO UPDATE SET last = feeds.last + excluded.last RETURNING account_id, last
    )
    UPDATE events e SET number = c.last - w.new + w.place
    FROM waiting w JOIN counted c ON c.account_id = w.account_id WHERE e.id = w.id
""")
_DELETE = sa.text("""
    WITH deleted AS (
        DELETE FROM events WHERE id IN (
            SELECT id FROM events WHERE at_ms < :before AND number IS NOT NULL LIMIT :most
        ) RETURNING account_id, number
    ), noted AS (
        UPDATE feeds f SET gone = greatest(f.gone, d.number)
        FROM (SELECT account_id, max(number) AS number FROM deleted GROUP BY account_id) d
        WHERE f.account_id = d.account_id
    )
    SELECT count(*) FROM deleted
""")
ERASING = (rows_go(events), rows_go(feeds), columns_go(events, "person_id", "external_id", account="person_id"))
