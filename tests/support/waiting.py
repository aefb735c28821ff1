"""Two at once: one who waits for a lock of the other's, or for what the other does."""

import time
from collections.abc import Callable

import sqlalchemy as sa

from registry.database.engine import Database

_WAITING = sa.text(
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database "
    "WHERE datname = current_database()) OR NOT granted AND locktype = 'transactionid'"
)


def wait_until_somebody_waits(database: Database) -> None:
    """Return when somebody waits for a lock."""
    while True:
        with database.transaction() as tx:
            if tx.execute(_WAITING).scalar_one():
                return


def until(holds: Callable[[], object], at_most_s: float = 60) -> None:
    """Return when something holds; it is a failure when that takes very long."""
    end = time.monotonic() + at_most_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
