"""Two engines for all tests of this folder: DuckDB and PostgreSQL."""

import warnings

import ibis
import psycopg
import pytest

from registry.engine.backend import engine


@pytest.fixture(scope="session")
def engines(postgres_url):
    with psycopg.connect(postgres_url) as known:
        where = {"host": known.info.host, "user": known.info.user, "database": known.info.dbname}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        postgres = ibis.postgres.connect(**where)
        with engine() as duckdb:
            yield duckdb, postgres
        postgres.disconnect()
