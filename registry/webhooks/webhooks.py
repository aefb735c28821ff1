"""Webhooks as their owners see and change them. What is sent, and when again, is in `sending`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from registry.accounts.accounts import INDIVIDUAL, open_row
from registry.accounts.vault import Vault
from registry.database.personal import rows_go
from registry.database.schema import webhooks
from registry.errors import Conflict, Invalid, NotFound
from registry.events.outbox import tell
from registry.events.types import TYPES, WEBHOOK_TEST
from registry.ledger.ledger import Ledger
from registry.webhooks.signing import new_secret, written

MOST_OF_ACCOUNT: Final = 8
MAX_OVERLAP_MS: Final = 7 * 86_400_000
SEALED_AS: Final = "webhook"
"""What a secret is sealed as (`Vault.seal_words`)."""
BY_OWNER: Final = "owner"
"""Why a webhook is disabled, when its owner wanted it so."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as it stands; times are Unix milliseconds."""

    id: int
    account_id: int
    subject_digest: bytes
    url: str
    types: Sequence[str] | None
    made_ms: int
    delivered: int
    tries: int
    next_ms: int
    failing_ms: int | None
    failure: str | None
    disabled_ms: int | None
    disabled_for: str | None


def make_webhook(
    tx: sa.Connection, ledger: Ledger, account: int, owner: bytes, url: str, types: Sequence[str] | None
) -> tuple[int, str]:
    """Have events sent to a URL that was checked, from now on; gives the webhook's number and its secret.

    `owner` is the digest of who has it. Raises `Invalid` for a person's account, unknown types, or too many webhooks.
    """
    if open_row(tx, account).kind == INDIVIDUAL:
        raise Invalid("A person's account has no events, so there is nothing to send.")
    unknown = sorted(set(types or ()) - set(TYPES))
    if unknown or types == []:
        raise Invalid(f"There are these types of events: {', '.join(TYPES)}; leave `types` out for all you may read.")
    tx.execute(_ONE_MAKES, {"account": account})
    if tx.execute(_COUNT, {"account": account}).scalar_one() >= MOST_OF_ACCOUNT:
        raise Invalid(f"An account has at most {MOST_OF_ACCOUNT} webhooks. End one first.")
    secret = new_secret()
    values = {
        "account": account,
        "owner": owner,
        "url": url,
        "types": None if types is None else sorted(set(types)),
        "secret": ledger.vault.seal_words(SEALED_AS, secret),
        "at": ledger.clock(),
    }
    return int(tx.execute(_MAKE, values).scalar_one()), written(secret)


def list_webhooks(tx: sa.Connection, account: int, owner: bytes | None) -> list[Webhook]:
    """Give an account's webhooks, oldest first; with `owner`, theirs alone."""
    rows = tx.execute(_LIST, {"account": account, "owner": owner, "number": None}).mappings()
    return [Webhook(**row) for row in rows]


def get_webhook(tx: sa.Connection, account: int, owner: bytes | None, number: int) -> Webhook:
    """Read one of an account's webhooks; with `owner`, only theirs. Raises `NotFound`."""
    row = tx.execute(_LIST, {"account": account, "owner": owner, "number": number}).mappings().one_or_none()
    if row is None:
        raise NotFound(f"Account {account} has no webhook {number} of yours.")
    return Webhook(**row)


def rotate_secret(tx: sa.Connection, vault: Vault, number: int, overlap_ms: int, at: int) -> str:
    """Give a webhook a new secret; until `at` + `overlap_ms` what is sent is signed under the one before, too."""
    if not 0 <= overlap_ms <= MAX_OVERLAP_MS:
        raise Invalid("Both secrets are signed with for at most seven days.")
    secret = new_secret()
    tx.execute(_ROTATE, {"number": number, "secret": vault.seal_words(SEALED_AS, secret), "until": at + overlap_ms})
    return written(secret)


def disable(tx: sa.Connection, number: int, at: int) -> None:
    """Send nothing more until it is enabled again."""
    tx.execute(_DISABLE, {"number": number, "at": at, "why": BY_OWNER})


def enable(tx: sa.Connection, number: int) -> None:
    """Send again, from where it was."""
    values = {"disabled_ms": None, "disabled_for": None, "tries": 0, "next_ms": 0, "failing_ms": None, "failure": None}
    tx.execute(sa.update(webhooks).where(webhooks.c.id == number).values(values))


def send_test(tx: sa.Connection, of: Webhook, at: int) -> None:
    """Send it an event that says nothing, behind what waits; where that failed it is tried again now.

    Raises `Conflict` for one that is disabled.
    """
    if of.disabled_ms is not None:
        raise Conflict("This webhook is disabled, and is sent nothing. Enable it first.")
    tell(tx, WEBHOOK_TEST, of.account_id, at, {"webhook": of.id})
    tx.execute(sa.update(webhooks).where(webhooks.c.id == of.id).values(next_ms=0))


def replay(tx: sa.Connection, of: Webhook, after: int | None, since_ms: int | None) -> int:
    """Send again what came after an event's number, or since a time; gives the number behind which it begins.

    Raises `Invalid` for neither or both, or a number that is not reached yet.
    """
    if (after is None) == (since_ms is None):
        raise Invalid("Say from where: after (an event's id) or since (a time), and not both.")
    behind = tx.execute(_BEHIND, {"account": of.account_id, "since": since_ms}).one()
    begin = behind.at_since if after is None else after
    if begin > behind.last:
        raise Invalid(f"The account's last event is {behind.last}.")
    values = {"delivered": begin, "tries": 0, "next_ms": 0, "failing_ms": None, "failure": None}
    tx.execute(sa.update(webhooks).where(webhooks.c.id == of.id).values(values))
    return int(begin)


def end(tx: sa.Connection, number: int) -> None:
    """Forget a webhook, and its secrets."""
    tx.execute(sa.delete(webhooks).where(webhooks.c.id == number))


_ONE_MAKES = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/webhooks/' || :account, 0))")
_COUNT = sa.text("SELECT count(*) FROM webhooks WHERE account_id = :account")
_MAKE = sa.text("""
    INSERT INTO webhooks (account_id, subject_digest, url, types, secret, made_ms, delivered)
    SELECT :account, :owner, :url, CAST(:types AS text[]), :secret, :at,
        coalesce((SELECT last FROM feeds WHERE account_id = :account), 0)
    RETURNING id
""")
_LIST = sa.text("""
    SELECT id, account_id, subject_digest, url, types, made_ms, delivered, tries, next_ms, failing_ms, failure,
        disabled_ms, disabled_for
    FROM webhooks WHERE account_id = :account AND (CAST(:owner AS bytea) IS NULL OR subject_digest = :owner)
        AND (CAST(:number AS bigint) IS NULL OR id = :number) ORDER BY id
""")
_ROTATE = sa.text("""
    UPDATE webhooks SET old_secret = secret, old_until_ms = :until, secret = :secret WHERE id = :number
""")
_DISABLE = sa.text("""
    UPDATE webhooks SET disabled_ms = :at, disabled_for = :why WHERE id = :number AND disabled_ms IS NULL
""")
_BEHIND = sa.text("""
    SELECT f.last, coalesce((SELECT min(number) - 1 FROM events e
        WHERE e.account_id = f.account_id AND e.at_ms >= CAST(:since AS bigint)), f.last) AS at_since
    FROM (SELECT CAST(:account AS bigint) AS account_id,
        coalesce((SELECT last FROM feeds WHERE account_id = :account), 0) AS last) f
""")
ERASING = (rows_go(webhooks),)
