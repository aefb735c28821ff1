"""Reading without a transaction, and the embedded server's settings."""

import tempfile
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from registry.database.embedded import SETTINGS, EmbeddedPostgres
from registry.database.engine import Database
from registry.database.statement import Statement
from registry.errors import Invalid, Unavailable

NAME = sa.text("SELECT name FROM accounts")


def test_reading_sees_what_is_committed_between_two_statements(database: Database):
    insert = sa.text("INSERT INTO accounts (kind, name, opened_ms) VALUES ('individual', 'Person', 0)")
    with database.reading() as first:
        assert first.execute(NAME).all() == []
        with database.transaction() as tx:
            tx.execute(insert)
        assert first.execute(NAME).scalar_one() == b"Person"


def test_reading_leaves_no_transaction_open(database: Database):
    with database.reading() as tx:
        tx.execute(NAME)
        assert tx.connection.driver_connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_a_connection_that_only_read_is_whole_for_a_transaction(database: Database):
    with database.reading() as tx:
        tx.execute(NAME)
    insert = sa.text("INSERT INTO accounts (kind, name, opened_ms) VALUES ('individual', 'Gone', 0)")
    with pytest.raises(sa.exc.ProgrammingError), database.transaction() as tx:  # noqa: PT012  (it must have written)
        tx.execute(insert)
        tx.execute(sa.text("SELECT FROM nowhere"))
    with database.reading() as tx:
        assert tx.execute(NAME).all() == []


def test_reading_names_failures_as_a_transaction_does(database: Database):
    with pytest.raises(Invalid, match="out of range"), database.reading() as tx:
        tx.execute(sa.text("SELECT 9223372036854775807 + 1::bigint"))
    away = Database("postgresql://127.0.0.1:1/none")
    with pytest.raises(Unavailable, match="does not answer"), away.reading():
        pass


def test_what_is_sent_as_it_stands_fails_in_the_words_of_any_statement(database: Database):
    following, end = Statement("SELECT CAST(:n AS bigint) + 1 AS n"), Statement("SELECT pg_terminate_backend(:pid)")
    with pytest.raises(Invalid, match="out of range"), database.transaction() as tx:
        following(tx, {"n": 2**63 - 1})
    with pytest.raises(Unavailable, match="does not answer"), database.transaction() as tx:
        end(tx, {"pid": tx.connection.driver_connection.info.backend_pid})
    with database.transaction() as tx:
        assert [(row.n, *row) for row in following(tx, {"n": 1})] == [(2, 2)]


def test_the_embedded_server_runs_with_its_settings_and_waits_for_the_disk():
    safe = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    with tempfile.TemporaryDirectory(prefix="gl-pg-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        with psycopg.connect(server.start()) as connection:
            found = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in (*SETTINGS, *safe)}
        server.stop()
    assert found == SETTINGS | safe


def test_a_session_whose_client_vanished_gives_its_locks_back(database: Database):
    """A lock is taken and nothing more is said; the server ends the session, and the next one has the lock."""
    lock = sa.text("SELECT size FROM log_head FOR UPDATE")
    with pytest.raises(Unavailable), database.transaction() as silent:  # noqa: PT012  (it holds the lock meanwhile)
        assert silent.execute(sa.text("SHOW idle_in_transaction_session_timeout")).scalar_one() == "1min"
        silent.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 50"))
        silent.execute(lock)
        with database.transaction() as other:
            assert other.execute(lock).scalar_one() == 0
        silent.execute(lock)
