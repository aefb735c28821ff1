"""A statement that every act sends: written once, and handed to the driver as it stands.

What SQLAlchemy does for each execution (keys of its cache, a context, a result with its columns) takes as long as the
database needs for a short statement; an act sends ten.
"""

from collections.abc import Mapping
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from psycopg.rows import namedtuple_row
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

_DIALECT: Final = PGDialect_psycopg()  # type: ignore[no-untyped-call]


class Statement:
    """SQL whose parameters are named; a row that it gives has its columns by name and by place."""

    def __init__(self, sql: str | sa.ClauseElement) -> None:
        """Take text with `:name`, or what SQLAlchemy made, whose every parameter is to be given a value."""
        made = sa.text(sql) if isinstance(sql, str) else sql
        self._sql = str(made.compile(dialect=_DIALECT))

    def __call__(self, tx: sa.Connection, values: Mapping[str, Any]) -> psycopg.Cursor[Any]:
        """Send it in this transaction. Raises what SQLAlchemy would."""
        if not tx.in_transaction():
            tx.begin()  # as for any statement: or its commit would be none
        driver: psycopg.Connection[Any] = tx.connection.driver_connection  # type: ignore[assignment]
        try:
            return driver.cursor(row_factory=namedtuple_row).execute(self._sql, values)
        except psycopg.Error as error:
            raise as_sqlalchemy(error, self._sql, driver) from error


def as_sqlalchemy(error: psycopg.Error, sql: str, driver: psycopg.Connection[Any]) -> BaseException:
    """Give what SQLAlchemy would raise where the driver raised this: one place tells people of it."""
    return sa.exc.DBAPIError.instance(
        sql, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=driver.closed, dialect=_DIALECT
    )
