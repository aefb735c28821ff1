"""The registry's role owns nothing and cannot pass the database's own rules; every table says what the role may do."""

import psycopg
import pytest
import sqlalchemy as sa

from registry.database.engine import Database, migrate, require_schema
from registry.database.roles import PRIVILEGES, REGISTRY_ROLE, as_registry, grant, powers
from registry.errors import Unavailable
from tests.support.simulation import Simulation

TABLES = sa.text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")


def test_every_table_says_what_the_registry_may_do_with_it(owner):
    with owner.reading() as tx:
        assert set(tx.execute(TABLES).scalars()) == PRIVILEGES.keys()


def test_the_registrys_role_has_no_power_and_its_owner_has(database, owner):
    with database.reading() as tx:
        assert powers(tx) == []
    with owner.reading() as tx:
        assert len(powers(tx)) == 5


@pytest.mark.parametrize(
    "deed",
    [
        "SET session_replication_role = replica",
        "ALTER TABLE movements DISABLE TRIGGER ALL",
        "ALTER TABLE movements DISABLE TRIGGER apply",
        "DROP TRIGGER apply ON movements",
        "CREATE OR REPLACE FUNCTION apply_movements() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER mine BEFORE INSERT ON movements EXECUTE FUNCTION refuse_change()",
        "CREATE RULE mine AS ON INSERT TO movements DO INSTEAD NOTHING",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "TRUNCATE movements",
        "UPDATE movements SET to_tag = to_tag",
        "DELETE FROM movements",
        "UPDATE log_entries SET leaf = leaf",
        "UPDATE blocks SET account_id = 1",
        "DELETE FROM blocks",
        "DELETE FROM totals_counted",
        "DELETE FROM evidence",
        "DELETE FROM acts",
        "UPDATE frontier SET next_g = 0",
        "UPDATE alembic_version SET version_num = '0'",
        "CREATE ROLE mine SUPERUSER",
        f"ALTER ROLE {REGISTRY_ROLE} SUPERUSER",
        "SET ROLE postgres",
        "COPY movements TO PROGRAM 'true'",
    ],
)
def test_what_the_registrys_role_cannot_do(scheme, deed):
    scheme.issue({scheme.person(): 5})
    with pytest.raises(sa.exc.DBAPIError) as refused, scheme.database.transaction() as tx:
        tx.exec_driver_sql(deed)
    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege | psycopg.errors.IntegrityError)


def test_everything_the_program_does_it_can_do_under_its_role(scheme):
    Simulation(scheme, 3).run(80)


def test_rights_that_a_role_had_beside_are_taken_away(owner, database):
    with owner.transaction() as tx:
        tx.exec_driver_sql(f"GRANT INSERT, DELETE, TRUNCATE ON blocks TO {REGISTRY_ROLE}")
    with database.reading() as tx:
        assert powers(tx) == ["may empty tables", "may write blocks by hand"]
    with owner.transaction() as tx:
        grant(tx, REGISTRY_ROLE)
    with database.reading() as tx:
        assert powers(tx) == []


def test_a_role_that_is_not_there_is_told(owner):
    with pytest.raises(Unavailable, match="no role nobody_here"):
        migrate(owner, "nobody_here")


def test_a_database_without_the_schema_is_told_what_brings_it(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE without_schema")
    bare = Database(as_registry(postgres_url.replace("/postgres?", "/without_schema?")))
    try:
        with pytest.raises(Unavailable, match="gram migrate --database OWNER_URL --role ROLE"):
            require_schema(bare)
    finally:
        bare.close()
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP DATABASE without_schema WITH (FORCE)")
