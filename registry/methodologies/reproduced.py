"""Before a methodology is published its worked examples come out, to the gram: by fractions, DuckDB and PostgreSQL.

The engines are imported when they are run: an HTTP worker and most commands never do.
"""

# mypy: disable-error-code="import-untyped"
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import rfc8785
import sqlalchemy as sa

from registry.engine.lines import read_located
from registry.errors import MethodologyUnsound, Unavailable
from registry.methodologies.record import Methodology, program, to_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibis.backends import BaseBackend

_TIMEOUT_MS = 30_000
"""For one statement of an example, as for an act's."""


def must_reproduce(tx: sa.Connection, methodology: Methodology) -> None:
    """Run the examples of a methodology everywhere. Raises `MethodologyUnsound` with what differs."""
    from registry.engine.examples import failing

    located = read_located(rfc8785.dumps(to_document(methodology)))
    with _beside(tx) as postgres:
        findings = failing(program(methodology), located, ("computation",), (postgres,))
    if findings:
        raise MethodologyUnsound(findings)


def must_reproduce_in_turn(tx: sa.Connection, methodology: Methodology) -> None:
    """Run them for somebody who is no officer: of all such, in every process, one at a time.

    A text within all limits can keep a processor busy for a minute. Raises `Unavailable` while another's are run.
    """
    if not tx.execute(_TURN).scalar_one():
        raise Unavailable("The examples of another text are being run. Hand yours in again in a minute.")
    must_reproduce(tx, methodology)


@contextmanager
def _beside(tx: sa.Connection) -> "Iterator[BaseBackend]":
    """Lend the database's own server as an engine, by a connection of its own: temporary tables, and no act's locks."""
    import ibis

    url = tx.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, options=f"-c statement_timeout={_TIMEOUT_MS}") as connection:
        yield ibis.postgres.from_connection(connection)


_TURN = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended('gramledger/examples', 0))")
