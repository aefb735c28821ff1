"""Which log, master key and contract a database belongs to: written down once, compared at every start.

Another folder on the same database, another master key, or another contract would fork the log or lock accounts out.
"""

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from registry.database.engine import Database
from registry.errors import Unavailable

TAKEOVER_S = 5
"""A killed process's connection lasts until the server notices; after that somebody else really is there."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What belongs together. `master_check` tells master keys apart and says nothing else of them."""

    origin: str
    vkey: str
    master_check: bytes
    chain_id: int
    contract: str


_CLAIM = sa.text("""
    INSERT INTO installation (origin, vkey, master_check, chain_id, contract)
    VALUES (:origin, :vkey, :master_check, :chain_id, :contract) ON CONFLICT DO NOTHING
""")
_KEPT = sa.text("SELECT origin, vkey, master_check, chain_id, contract FROM installation")
_WORDS = {
    "origin": "the database belongs to another log",
    "vkey": "the log's key is not the one this database's log is signed by",
    "master_check": "the master key is not the one this database's account keys are sealed under",
    "chain_id": "this database's log is anchored on another chain",
    "contract": "this database's log is anchored in another contract",
}


def bind(tx: sa.Connection, installation: Installation) -> None:
    """Write down what a new database belongs to, or compare. Raises `Unavailable` when it belongs elsewhere."""
    tx.execute(_CLAIM, asdict(installation))
    for words in differences(tx, installation):
        raise Unavailable(f"Nothing was started: {words}. Name the data folder and database that belong together.")


def differences(tx: sa.Connection, installation: Installation) -> Iterator[str]:
    """Say in what the database belongs to something else than `installation`."""
    said = asdict(installation)
    row = tx.execute(_KEPT).one_or_none()
    if row is None:
        yield "the database was never started with any data folder"
        return
    for name, words in _WORDS.items():
        kept = getattr(row, name)
        if (bytes(kept) if name == "master_check" else kept) != said[name]:
            yield words


@contextmanager
def alone(database_url: str) -> Iterator[None]:
    """Be the only process that publishes from this database, until the block ends. Raises `Unavailable` otherwise.

    The lock lives as long as its connection, so it has one of its own, and closing that gives it back. A database that
    is restarted forgets the lock; publication is still safe then, by its compare-and-swap.
    """
    database = Database(database_url, pool_size=1)
    with contextlib.closing(database), database.reading() as connection:
        deadline = time.monotonic() + TAKEOVER_S
        while not connection.execute(sa.text("SELECT pg_try_advisory_lock(hashtext('gramledger/alone'))")).scalar_one():
            if time.monotonic() > deadline:
                raise Unavailable("The database is in use by another data folder's process. Stop that one first.")
            time.sleep(0.1)
        yield
