"""What was or may have been sent to a chain: written down first, so that a restart neither doubles nor loses it.

| we crash | what is there | after a restart |
|---|---|---|
| before it is written down | nothing was sent | it is sent |
| before it is sent | an entry that no node knows | the same bytes are sent again |
| after it | the entry, and the transaction | it is waited for; or replaced, under its own nonce |
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Sent:
    """One signed transaction of `payer` (checksummed). `purpose`, 32 bytes, is what attempts at one thing share."""

    chain_id: int
    payer: str
    nonce: int
    hash: bytes
    purpose: bytes
    raw: bytes
    sent_ms: int


class Journal(Protocol):
    """Where it is written."""

    def write(self, sent: Sent) -> None:
        """Durable when it returns; the same hash again only moves its time."""
        ...

    def read(self, chain_id: int, payer: str) -> Sequence[Sent]:
        """All of an account's, the last sent last."""
        ...

    def forget(self, chain_id: int, payer: str, below: int) -> None:
        """Those whose nonce is below `below`, whose end is known."""
        ...


class MemoryJournal:
    """For a process that, when it ends, has nothing to take up again."""

    def __init__(self) -> None:
        self._entries: dict[bytes, Sent] = {}
        self._lock = threading.Lock()

    def write(self, sent: Sent) -> None:
        with self._lock:
            self._entries.pop(sent.hash, None)
            self._entries[sent.hash] = sent

    def read(self, chain_id: int, payer: str) -> Sequence[Sent]:
        with self._lock:
            return [one for one in self._entries.values() if (one.chain_id, one.payer) == (chain_id, payer)]

    def forget(self, chain_id: int, payer: str, below: int) -> None:
        with self._lock:
            gone = [
                one.hash
                for one in self._entries.values()
                if (one.chain_id, one.payer) == (chain_id, payer) and one.nonce < below
            ]
            for tx_hash in gone:
                del self._entries[tx_hash]


class DatabaseJournal:
    """In the registry's database, table `chain_transactions`."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        """`transaction` opens a database transaction that commits when its block ends."""
        self._transaction = transaction

    def write(self, sent: Sent) -> None:
        values = {name: getattr(sent, name) for name in Sent.__slots__}
        with self._transaction() as tx:
            tx.execute(_WRITE, values)

    def read(self, chain_id: int, payer: str) -> Sequence[Sent]:
        with self._transaction() as tx:
            rows = tx.execute(_READ, {"chain_id": chain_id, "payer": payer}).all()
        return [
            Sent(chain_id, payer, row.nonce, bytes(row.hash), bytes(row.purpose), bytes(row.raw), row.sent_ms)
            for row in rows
        ]

    def forget(self, chain_id: int, payer: str, below: int) -> None:
        with self._transaction() as tx:
            tx.execute(_FORGET, {"chain_id": chain_id, "payer": payer, "below": below})


_WRITE = sa.text("""
    INSERT INTO chain_transactions (chain_id, payer, nonce, hash, purpose, raw, sent_ms)
    VALUES (:chain_id, :payer, :nonce, :hash, :purpose, :raw, :sent_ms)
    ON CONFLICT (hash) DO UPDATE SET sent_ms = excluded.sent_ms
""")
_READ = sa.text("""
    SELECT nonce, hash, purpose, raw, sent_ms FROM chain_transactions
    WHERE chain_id = :chain_id AND payer = :payer ORDER BY sent_ms, nonce
""")
_FORGET = sa.text("DELETE FROM chain_transactions WHERE chain_id = :chain_id AND payer = :payer AND nonce < :below")
