"""The embedded chain's key-value store: one SQLite file under py-evm's database interface.

What py-evm writes for one block (state, transactions, receipts, header, head) becomes durable together or not at
all, because the chain wraps each step in one batch, and a batch is one SQLite transaction: write-ahead log,
`synchronous=FULL`, so a committed block survives a killed process and a lost power supply.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from eth.db.backends.base import BaseAtomicDB

from anchoring.errors import Malformed, Unreachable

FORMAT = 1
_SCHEMA = "CREATE TABLE IF NOT EXISTS entry (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"


class SqliteStore(BaseAtomicDB):  # type: ignore[misc]  # py-evm's base class has no types
    """Bytes to bytes, on disk. Not safe for two threads at once: the chain's lock is what guards it.

    Raises Malformed for a file that is no such store or of another format, Unreachable for one that cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2)
            self._prepare()
        except sqlite3.OperationalError as error:
            raise Unreachable(f"The embedded chain's state {path} cannot be opened: {error}.") from error
        except sqlite3.DatabaseError as error:
            raise Malformed(f"{path} is not the state of an embedded chain: {error}.") from error

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        (found,) = self._connection.execute("PRAGMA user_version").fetchone()
        if found not in (0, FORMAT):
            self._connection.close()
            raise Malformed(f"{self._path} is of format {found}; this program reads format {FORMAT}.")
        with self.atomic_batch():
            self._connection.execute(_SCHEMA)
            self._connection.execute(f"PRAGMA user_version={FORMAT}")

    def __getitem__(self, key: bytes) -> bytes:
        row = self._connection.execute("SELECT value FROM entry WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        value: bytes = row[0]
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._connection.execute("INSERT OR REPLACE INTO entry VALUES (?, ?)", (key, value))

    def __delitem__(self, key: bytes) -> None:
        if self._connection.execute("DELETE FROM entry WHERE key = ?", (key,)).rowcount == 0:
            raise KeyError(key)

    def _exists(self, key: bytes) -> bool:
        row = self._connection.execute("SELECT 1 FROM entry WHERE key = ?", (key,)).fetchone()
        return row is not None

    @contextlib.contextmanager
    def atomic_batch(self) -> Iterator[Self]:
        """All writes inside become durable together when the outermost batch ends, or none of them does.

        Savepoints of one name nest, and releasing the outermost commits. A full disk may have ended the whole
        transaction already when the error gets here: then there is nothing left to roll back.
        """
        self._connection.execute("SAVEPOINT batch")
        try:
            yield self
            self._connection.execute("RELEASE batch")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO batch")
                self._connection.execute("RELEASE batch")
            raise

    def close(self) -> None:
        self._connection.close()
