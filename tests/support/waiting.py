"""Two at once, one of whom waits for a lock of the other's."""

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
