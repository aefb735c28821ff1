"""Fixtures shared by all tests: a real PostgreSQL, a fresh database for each test, a small scheme with people in it."""

import itertools
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from api.gram import main
from registry.database.embedded import EmbeddedPostgres
from registry.database.engine import Database, migrate
from registry.database.roles import as_registry, establish
from tests.support.hasty import MOMENTARY, hasten
from tests.support.running import Live, live_site
from tests.support.scheme import Scheme

_numbers = itertools.count()

# How long an example takes is the machine's business.
settings.register_profile("gramledger", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gramledger")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is slow begins first, so that nobody waits for it alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this test process's own, with a migrated template database."""
    with tempfile.TemporaryDirectory(prefix="gl-pg-", dir=MOMENTARY) as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        url = server.start()
        with psycopg.connect(url, autocommit=True) as connection:
            hasten(connection)
            connection.execute("CREATE DATABASE migrated")
        template = Database(_named(url, "migrated"), pool_size=1)
        migrate(template)
        with template.transaction() as tx:
            establish(tx)
        template.close()
        yield url
        server.stop()


@pytest.fixture(scope="session")
def founded(postgres_url: str) -> Scheme:
    """A scheme as it is when nobody has acted yet, in a template database: its some thirty decisions are taken once."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE founded TEMPLATE migrated STRATEGY file_copy")
    database = Database(as_registry(_named(postgres_url, "founded")))
    scheme = Scheme.found(database)
    database.close()
    return scheme


@pytest.fixture
def owner(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database of the test's own, under the role that owns it: empty, or founded for a test that has a scheme."""
    name, template = f"test_{next(_numbers)}", "migrated"
    if "scheme" in request.fixturenames:
        request.getfixturevalue("founded")
        template = "founded"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    fresh = Database(_named(postgres_url, name))
    yield fresh
    fresh.close()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(owner: Database) -> Iterator[Database]:
    """The same database under the registry's role, which owns nothing, as in life."""
    fresh = Database(as_registry(owner.url.render_as_string(hide_password=False)))
    yield fresh
    fresh.close()


@pytest.fixture
def scheme(database: Database, founded: Scheme) -> Scheme:
    """A scheme with a clock of its own, policies, a methodology and a scenario."""
    return founded.copied(database)


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """A whole installation that runs, served over HTTP; shared, so tests count only what is theirs."""
    with tempfile.TemporaryDirectory(prefix="gl-live-") as folder, live_site(Path(folder)) as site:
        yield site


@pytest.fixture
def gram(monkeypatch, capsys):
    """Run the command in this process; gives exit code, stdout and stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gram", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        code = ended.value.code
        return (0 if code is None else code), said.out, said.err

    return run


def _named(url: str, database: str) -> str:
    return url.replace("/postgres?", f"/{database}?")
