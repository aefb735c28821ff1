"""What is to be sent to which webhook now, and what becomes of it: in order for each, until it was taken.

Nothing is noted before an answer is there, so what is killed half-way is sent again: at least once. An event that was
not taken is tried again by the schedule of the Standard Webhooks text, over three days; those behind it wait. Then the
webhook is disabled, and the account's feed says so.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.events.feed import Event, event_of
from registry.events.outbox import tell
from registry.events.types import WEBHOOK_DISABLED, WEBHOOK_TEST, readable
from registry.identity.grants import roles_of, standing
from registry.webhooks.webhooks import SEALED_AS

_S, _M, _H = 1_000, 60_000, 3_600_000
SCHEDULE: Final = (5 * _S, 5 * _M, 30 * _M, 2 * _H, 5 * _H, 10 * _H, 14 * _H, 20 * _H, 24 * _H)
"""Milliseconds from each try that failed to the next; after the tenth there is none. Source: the text's example."""
MOST_DUE: Final = 1_000
MAX_WAIT_MS: Final = 24 * _H
"""Of what an answer asks for by Retry-After."""
FAILED, GONE, NOBODY = "failed", "gone", "nobody"
"""Why a webhook was disabled: by days of failure, by its answer 410, because its owner has no role here any more."""


@dataclass(frozen=True, slots=True)
class Due:
    """A webhook that has something to be sent."""

    id: int
    account_id: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event for a webhook: where to, under which secrets, and behind which number it is."""

    webhook: int
    account_id: int
    url: str
    keys: Sequence[bytes]
    event: Event
    delivered: int
    tries: int


def list_due(tx: sa.Connection, at: int, but: Collection[int]) -> list[Due]:
    """Give the webhooks that may be sent something now, `MOST_DUE` at most; of more, some and then others."""
    return [Due(**row) for row in tx.execute(_DUE, {"at": at, "but": list(but), "most": MOST_DUE}).mappings()]


def next_delivery(tx: sa.Connection, vault: Vault, number: int, at: int) -> Delivery | None:
    """Give what is to be sent to a webhook next; None when there is nothing (any more).

    Its owner's roles are asked anew each time: whoever lost them is sent nothing, and the webhook is disabled.
    """
    row = tx.execute(_WEBHOOK, {"number": number, "at": at}).one_or_none()
    if row is None:
        return None
    roles = roles_of(standing(tx, bytes(row.subject_digest), at), row.account_id)
    types = readable(roles)
    if not types:
        _disable(tx, number, row.account_id, at, NOBODY)
        return None
    wanted = types if row.types is None else [one for one in types if one in row.types or one == WEBHOOK_TEST.name]
    values = {"number": number, "account": row.account_id, "after": row.delivered, "types": wanted}
    found = tx.execute(_NEXT, values | {"test": WEBHOOK_TEST.name}).one_or_none()
    if found is None:
        tx.execute(_NOTHING, values | {"last": row.last})
        return None
    sealed = [row.secret] if row.old_secret is None or row.old_until_ms <= at else [row.secret, row.old_secret]
    keys = [vault.open_words(SEALED_AS, bytes(one)) for one in sealed]
    return Delivery(number, row.account_id, row.url, keys, event_of(vault, found), row.delivered, row.tries)


def was_taken(tx: sa.Connection, of: Delivery) -> bool:
    """Note that an event was taken; False when the webhook was set to another place meanwhile."""
    values = {"number": of.webhook, "before": of.delivered, "to": of.event.number}
    return tx.execute(_TAKEN, values).rowcount == 1


def was_not_taken(tx: sa.Connection, of: Delivery, at: int, failure: str, wait_ms: int | None, jitter: float) -> None:
    """Note that a try failed, and when the next one is: after `wait_ms` at least, where the answer asked for it.

    `jitter` is from 0 to 1; up to a tenth of the time is added, so that many do not come back at once.
    """
    if of.tries >= len(SCHEDULE):
        _disable(tx, of.webhook, of.account_id, at, FAILED, failure)
        return
    pause = SCHEDULE[of.tries]
    pause += int(pause * jitter) // 10
    pause = max(pause, min(wait_ms or 0, MAX_WAIT_MS))
    values = {"number": of.webhook, "before": of.delivered, "at": at, "next": at + pause, "failure": failure}
    tx.execute(_FAILED, values)


def is_gone(tx: sa.Connection, of: Delivery, at: int) -> None:
    """Note that the receiver wants nothing more (410)."""
    _disable(tx, of.webhook, of.account_id, at, GONE)


def _disable(tx: sa.Connection, number: int, account: int, at: int, why: str, failure: str | None = None) -> None:
    values = {"number": number, "at": at, "why": why, "failure": failure}
    if tx.execute(_DISABLE, values).rowcount:
        tell(tx, WEBHOOK_DISABLED, account, at, {"webhook": number, "reason": why})


_DUE = sa.text("""
    SELECT w.id, w.account_id FROM webhooks w JOIN feeds f ON f.account_id = w.account_id
    WHERE w.disabled_ms IS NULL AND w.next_ms <= :at AND f.last > w.delivered AND w.id <> ALL (:but)
    ORDER BY random() LIMIT :most
""")
_WEBHOOK = sa.text("""
    SELECT w.*, f.last FROM webhooks w JOIN feeds f ON f.account_id = w.account_id
    WHERE w.id = :number AND w.disabled_ms IS NULL AND w.next_ms <= :at
""")
_NEXT = sa.text("""
    SELECT number, type, at_ms, data, external_id FROM events
    WHERE account_id = :account AND number > :after AND type = ANY (:types)
        AND (type <> :test OR data ->> 'webhook' = CAST(:number AS text)) ORDER BY number LIMIT 1
""")
_NOTHING = sa.text("UPDATE webhooks SET delivered = :last WHERE id = :number AND delivered = :after")
_TAKEN = sa.text("""
    UPDATE webhooks SET delivered = :to, tries = 0, next_ms = 0, failing_ms = NULL, failure = NULL
    WHERE id = :number AND delivered = :before
""")
_FAILED = sa.text("""
    UPDATE webhooks SET tries = tries + 1, next_ms = :next, failing_ms = coalesce(failing_ms, :at), failure = :failure
    WHERE id = :number AND delivered = :before AND disabled_ms IS NULL
""")
_DISABLE = sa.text("""
    UPDATE webhooks SET disabled_ms = :at, disabled_for = :why, failure = coalesce(:failure, failure)
    WHERE id = :number AND disabled_ms IS NULL
""")
