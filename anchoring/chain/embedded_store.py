"""The embedded chain's key-value store: one SQLite file under py-evm's database interface.

What py-evm writes for one block (state, transactions, receipts, header, head) becomes durable together or not at
all, because the chain wraps each step in one batch, and a batch is one SQLite transaction: write-ahead log,
`synchronous=FULL`, so a committed block survives a killed process and a lost power supply.
"""

import contextlib
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from eth.db.backends.base import BaseAtomicDB

from anchoring.errors import Malformed, Unreachable

FORMAT = 2
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS entry (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS log (
        block_number INTEGER, log_index INTEGER, address BLOB NOT NULL, topics BLOB NOT NULL, data BLOB NOT NULL,
        block_hash BLOB NOT NULL, transaction_hash BLOB NOT NULL, transaction_index INTEGER NOT NULL,
        PRIMARY KEY (block_number, log_index)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS log_of_address ON log (address, block_number)
"""
_LOG = ("block_number", "log_index", "address", "topics", "data", "block_hash", "transaction_hash", "transaction_index")
_TOPIC_BYTES = 32


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
            for statement in _SCHEMA.split(";"):
                self._connection.execute(statement)
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

    def add_logs(self, logs: Sequence[dict[str, Any]]) -> None:
        """Keep what a transaction logged where it is found by its address, as eth-tester names its fields."""
        rows = [{**log, "topics": b"".join(log["topics"])} for log in logs]
        values = ", ".join(f":{name}" for name in _LOG)
        self._connection.executemany(f"INSERT INTO log VALUES ({values})", rows)  # noqa: S608

    def logs(self, blocks: range, addresses: Collection[bytes], limit: int) -> list[dict[str, Any]]:
        """The first `limit` logs of these blocks, of these addresses or of all; what `add_logs` was given."""
        of = f"address IN ({', '.join('?' * len(addresses))}) AND" if addresses else ""
        query = (
            f"SELECT {', '.join(_LOG)} FROM log WHERE {of} block_number >= ? AND block_number < ? "  # noqa: S608
            "ORDER BY block_number, log_index LIMIT ?"
        )
        rows = self._connection.execute(query, [*addresses, blocks.start, blocks.stop, limit])
        return [_read_log(dict(zip(_LOG, row, strict=True))) for row in rows]

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


def _read_log(fields: dict[str, Any]) -> dict[str, Any]:
    joined = fields["topics"]
    return fields | {"topics": [joined[at : at + _TOPIC_BYTES] for at in range(0, len(joined), _TOPIC_BYTES)]}
