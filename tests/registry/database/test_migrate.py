"""Migrations: their result is what `schema.py` says, and doing them again or at once does no harm."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from threading import Barrier

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from registry.accounts.vault import Vault
from registry.database import engine
from registry.database.engine import Database, migrate, require_schema
from registry.database.schema import metadata
from registry.errors import Unavailable
from registry.evidence.document import digest, seal
from registry.ledger.documents import whole
from registry.sources.sources import open_user, user_digest

_COLUMNS = sa.text("""
    SELECT table_name, column_name, udt_name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'alembic_version'
""")
UDT = {
    "BIGINT": "int8", "INTEGER": "int4", "SMALLINT": "int2", "TEXT": "text", "BYTEA": "bytea", "BOOLEAN": "bool",
    "DATE": "date", "JSONB": "jsonb", "TEXT[]": "_text", "BIGINT[]": "_int8", "INT8RANGE[]": "_int8range",
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


def test_what_was_kept_in_clear_is_sealed_when_the_key_is_there_and_else_nothing_is_done(empty_url):
    database, vault = Database(empty_url, pool_size=1), Vault(bytes(32))
    fields = seal({"act": "cancel", "holder": "Li Lei"}).fields
    number = digest(fields)
    try:
        with database.transaction() as tx:
            config = engine._config()
            config.attributes["connection"] = tx
            command.upgrade(config, "corrections")
            for statement in _IN_CLEAR:
                tx.execute(sa.text(statement), {"fields": json.dumps(fields), "digest": number})
        with pytest.raises(Unavailable, match="needs the master key"):
            migrate(database)
        migrate(database, vault=vault)
        with database.transaction() as tx:
            (consent,) = tx.execute(sa.text("SELECT user_digest, sealed_user FROM consents")).all()
            (document,) = tx.execute(sa.text("SELECT * FROM evidence WHERE digest = :digest"), {"digest": number})
            (job,) = tx.execute(sa.text("SELECT asked FROM jobs")).scalars()
            tables = (metadata.tables[name] for name in ("consents", "evidence", "jobs"))
            kept = repr([tx.execute(sa.select(table)).all() for table in tables])
    finally:
        database.close()
    assert "Li Lei" not in kept
    assert bytes(consent.user_digest) == user_digest(vault, "Li Lei")
    assert open_user(vault, consent.sealed_user) == "Li Lei"
    assert whole(vault, document) == fields
    assert vault.open_json("job", job) == {"to": "Li Lei"}


_IN_CLEAR = (
    "INSERT INTO accounts (kind, opened_ms) VALUES ('individual', 1), ('institution', 1)",
    "INSERT INTO methodologies VALUES ('m', 1, 'I', 'illustrative', '{}', :digest, :digest)",
    """INSERT INTO sources (kind, name_zh, name_en, applicant_id, methodology_code, methodology_version, valid_from_ms,
        valid_until_ms) VALUES ('scenario', 'a', 'b', 2, 'm', 1, 1, 2)""",
    "INSERT INTO consents (source_id, platform_user, account_id, given_ms) VALUES (1, 'Li Lei', 1, 1)",
    "INSERT INTO evidence VALUES (:digest, 1, '{holder}', CAST(:fields AS jsonb), NULL)",
    """INSERT INTO jobs (account_id, kind, asked, asked_ms, total_g) VALUES (1, 'x', '{"to": "Li Lei"}', 1, 1)""",
)


def test_a_checkout_may_have_a_percent_sign_in_its_path(tmp_path):
    ours = Path(engine.__file__).with_name("migrations")
    theirs = tmp_path / "50% %(here)s"
    shutil.copytree(ours, theirs)
    heads = [ScriptDirectory.from_config(engine._config(folder)).get_current_head() for folder in (ours, theirs)]
    assert heads[0] == heads[1] is not None
