"""Migrations: their result is what `schema.py` says, and doing them again or at once does no harm."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from threading import Barrier

import psycopg
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from registry.database import engine
from registry.database.engine import Database, migrate, require_schema
from registry.database.schema import metadata
from registry.errors import Unavailable

_COLUMNS = sa.text("""
    SELECT table_name, column_name, udt_name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'alembic_version'
""")
UDT = {
    "BIGINT": "int8", "INTEGER": "int4", "SMALLINT": "int2", "TEXT": "text", "BYTEA": "bytea", "BOOLEAN": "bool",
    "JSONB": "jsonb", "TEXT[]": "_text", "INT8RANGE[]": "_int8range",
}  # fmt: skip


@pytest.fixture
def empty_url(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE emptied")
    yield postgres_url.replace("/postgres?", "/emptied?")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE emptied WITH (FORCE)")


def columns(database):
    with database.transaction() as tx:
        return {tuple(row) for row in tx.execute(_COLUMNS)}


def test_the_schema_is_what_the_migrations_made(database):
    declared = {
        (table.name, column.name, UDT[column.type.compile(database.engine.dialect)])
        for table in metadata.tables.values()
        for column in table.columns
    }
    assert columns(database) == declared


def test_the_first_migration_stays_as_databases_were_made_by_it():
    """What comes after it is added as a migration of its own, which says what it follows."""
    scripts = ScriptDirectory(str(files("registry.database") / "migrations"))
    assert scripts.get_base() == "ground_b46bf3179c72"


def test_migrating_again_changes_nothing(scheme):
    before = columns(scheme.database)
    migrate(scheme.database)
    scheme.issue({scheme.person(): 5})
    migrate(scheme.database)
    assert columns(scheme.database) == before


def test_two_that_migrate_an_empty_database_at_once_both_succeed(empty_url):
    databases = [Database(empty_url, pool_size=1) for _ in range(2)]
    at_once = Barrier(len(databases))

    def one(database):
        at_once.wait()
        migrate(database)
        return columns(database)

    with ThreadPoolExecutor(len(databases)) as pool:
        first, second = pool.map(one, databases)
    for database in databases:
        database.close()
    assert first == second
    assert ("movements", "to_tag", "bytea") in first


@pytest.mark.parametrize(
    "url",
    ["postgresql://127.0.0.1:1/nothing", "postgresql:///postgres?host=/nonexistent"],
    ids=["no server", "no socket"],
)
def test_a_database_that_is_down_is_unavailable(url):
    database = Database(url, pool_size=1)
    with pytest.raises(Unavailable), database.transaction():
        pass
    with pytest.raises(Unavailable):
        migrate(database)


def test_a_database_that_goes_away_in_the_middle_is_unavailable(database):
    with pytest.raises(Unavailable), database.transaction() as tx:
        tx.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with database.transaction() as tx:
        assert tx.execute(sa.text("SELECT 1")).scalar_one() == 1


def test_no_connection_left_is_unavailable(postgres_url, monkeypatch):
    monkeypatch.setattr("registry.database.engine.CONNECT_TIMEOUT_S", 0.05)
    database = Database(postgres_url, pool_size=1)
    with database.transaction(), pytest.raises(Unavailable), database.transaction():
        pass
    database.close()


@pytest.mark.parametrize("revision", ["0001", "ground_0123456789ab"])
def test_tables_that_another_text_made_are_not_taken_for_these(empty_url, revision):
    database = Database(empty_url, pool_size=1)
    try:
        migrate(database)
        with database.transaction() as tx:
            tx.execute(sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        with pytest.raises(Unavailable, match="does not have this version's schema"):
            require_schema(database)
        with pytest.raises(Unavailable, match="another version of this program"):
            migrate(database)
    finally:
        database.close()


def test_a_checkout_may_have_a_percent_sign_in_its_path(tmp_path):
    ours = Path(engine.__file__).with_name("migrations")
    theirs = tmp_path / "50% %(here)s"
    shutil.copytree(ours, theirs)
    heads = [ScriptDirectory.from_config(engine._config(folder)).get_current_head() for folder in (ours, theirs)]
    assert heads[0] == heads[1] is not None
