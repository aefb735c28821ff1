"""An account's feed of events, read from a number on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.errors import EventsGone
from registry.events.outbox import PLATFORM_USER
from registry.events.types import TYPES


@dataclass(frozen=True, slots=True)
class Event:
    """An event: its number in the account's feed, its type, when it happened (Unix milliseconds), what it says."""

    number: int
    type: str
    at_ms: int
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Feed:
    """Some events in their order, and whether there are more."""

    events: Sequence[Event]
    has_more: bool


def read_feed(
    tx: sa.Connection, vault: Vault, account: int, types: Sequence[str], after: int | None, limit: int
) -> Feed:
    """Read the events of some types behind a number; None reads from the oldest that is kept.

    What is read once stands there for good, and nothing comes to stand before it. Raises `EventsGone` where events
    behind that number were deleted for their age.
    """
    if after is not None and (gone := tx.execute(_GONE, {"account": account}).scalar_one_or_none() or 0) > after:
        raise EventsGone(
            f"Events up to number {gone} were deleted for their age. Compare with what the account's own lists say, "
            f"then read on after {gone}."
        )
    values = {"account": account, "types": list(types), "after": after or 0, "limit": limit + 1}
    found = [event_of(vault, row) for row in tx.execute(_READ, values)]
    return Feed(found[:limit], len(found) > limit)


def event_of(vault: Vault, row: sa.Row[Any]) -> Event:
    """Read an event's row."""
    of = TYPES.get(row.type)
    named = (
        {"external_id": vault.open_text(PLATFORM_USER, row.external_id)} if of is not None and of.is_of_person else {}
    )
    return Event(row.number, row.type, row.at_ms, row.data | named)


_GONE = sa.text("SELECT gone FROM feeds WHERE account_id = :account")
_READ = sa.text("""
    SELECT number, type, at_ms, data, external_id FROM events
    WHERE account_id = :account AND number > :after AND type = ANY (:types) ORDER BY number LIMIT :limit
""")
