"""Who of others read what is a person's, when, and what for (R5): written first, and shown to the person."""

from dataclasses import dataclass

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.database.personal import rows_go
from registry.database.schema import reads
from registry.ledger.queries import Page
from registry.words import checked_words

MAX_PURPOSE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Read:
    """One reading, by an officer or a platform."""

    id: int
    reader: str
    what: str
    purpose: str
    at_ms: int


def note_read(
    tx: sa.Connection, vault: Vault, accounts: frozenset[int], reader: str, what: str, purpose: str, at: int
) -> None:
    """Note that somebody reads what is of some accounts; of those that are people's. Raises `Invalid`."""
    checked_words(purpose, "A purpose", MAX_PURPOSE_CHARS)
    values = {
        "reader": reader,
        "what": what,
        "purpose": vault.seal_text(_SEALED, purpose),
        "at": at,
        "accounts": sorted(accounts),
    }
    tx.execute(_NOTE, values)


def list_reads(tx: sa.Connection, vault: Vault, account: int, *, before: int | None, limit: int) -> Page[Read]:
    """Give who read what is an account's, newest first."""
    rows = tx.execute(_LIST, {"account": account, "before": before, "limit": limit + 1}).all()
    items = [
        Read(row.id, row.reader, row.what, vault.open_words(_SEALED, bytes(row.purpose)).decode(), row.at_ms)
        for row in rows[:limit]
    ]
    return Page(items, str(items[-1].id) if len(rows) > limit else None)


_SEALED = "read"
_NOTE = sa.text("""
    INSERT INTO reads (account_id, reader, what, purpose, at_ms)
    SELECT id, :reader, :what, :purpose, :at FROM accounts
    WHERE id = ANY (:accounts) AND kind = 'individual' AND erased_ms IS NULL
""")
_LIST = sa.text("""
    SELECT id, reader, what, purpose, at_ms FROM reads
    WHERE account_id = :account AND (CAST(:before AS bigint) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
""")
ERASING = (rows_go(reads),)
