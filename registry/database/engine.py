"""The one place that opens transactions, commits them, and turns the driver's failures into our errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import QueuePool

from registry.database.roles import grant
from registry.errors import AlreadyIssued, Behind, Conflict, Invalid, JobUnderWay, MovedOn, RegistryError, Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

CONNECT_TIMEOUT_S = 5
"""A database that does not answer is reported, not waited for."""
_MIGRATIONS = Path(__file__).with_name("migrations")
STATEMENT_TIMEOUT_MS = 30_000
"""An act that takes longer is stuck on a lock or on a mistake; a caller has long gone."""
IDLE_TIMEOUT_MS = 60_000
"""A transaction that asks nothing for so long has lost its client; the locks it holds would stop the log."""
# A machine that vanished says no goodbye. The kernel's own patience, on either side, is hours.
_LIVELINESS = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
_SESSION = {
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": IDLE_TIMEOUT_MS,
    "timezone": "UTC",
}
PATIENT = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
"""For what compares or replays millions of rows, with other work between its statements."""
SNAPSHOT_ROWS = 10_000
"""Rows in memory at a time, of an answer that may have millions."""
_MOVED_ON = "The grams have moved on in the meantime. Read the account again and repeat the act."
BESIDE_JOB = (
    "A job of this account is under way, and takes grams step by step. The account's jobs show how far it is; repeat "
    "the act when it has ended."
)
# An answer lost while committing leaves it open whether the act is there, so nothing is said of that.
_UNAVAILABLE = "The database does not answer now. Try again shortly; an act with the same Idempotency-Key."
BEHIND = (
    "This registry was restored from a backup and does not know the whole of its own public log yet. Nothing was "
    "written; reading works. When the recovery has ended, read the account before the act is repeated: it may be "
    "there, and Idempotency-Keys of the time that was lost are gone."
)
REFUSALS: dict[str, tuple[type[RegistryError], str]] = {
    "movements_taken_once": (MovedOn, _MOVED_ON),
    "movements_lawful": (MovedOn, _MOVED_ON),
    "blocks_first": (MovedOn, _MOVED_ON),
    "jobs_of_account": (JobUnderWay, BESIDE_JOB),
    "acts_beside_job": (JobUnderWay, BESIDE_JOB),
    "corrected_once": (Conflict, "Some of these grams were corrected meanwhile; propose the others alone."),
    "activities_pkey": (AlreadyIssued, "An activity of the report was issued before; one physical act is issued once."),
}
"""Name of a constraint -> what to tell whoever was too late."""


class Database:
    """A PostgreSQL database, reached by SQLAlchemy Core on psycopg 3."""

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        """Take `postgresql://...`; nothing is opened yet. Raises `Invalid` for anything else."""
        self.url = _url(url)
        self.engine = sa.create_engine(
            self.url,
            poolclass=QueuePool,
            pool_size=pool_size,
            max_overflow=0,
            hide_parameters=True,  # an error's text goes to the log, and values are names and keys
            pool_timeout=CONNECT_TIMEOUT_S,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "options": " ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
                "prepare_threshold": 1,
                **_LIVELINESS,
            },
        )
        self._single = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises `Unavailable` when the database does not answer, one of `REFUSALS` when it refuses what the code
        let through, `Invalid` for a value that it cannot hold.
        """
        with _translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Statements that only read, each by itself, without BEGIN and COMMIT: two round trips fewer for a look-up.

        Each sees what is committed when it runs, as it would in a `transaction`. Raises what that one raises.
        """
        with _translated(), self._single.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """One state of everything, only to be read, for as long as it takes; large answers come in pieces.

        Whatever is written meanwhile goes on and is not seen. Raises what `transaction` raises.
        """
        with _translated(), self.engine.connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            connection.execute(sa.text(PATIENT + "; SET LOCAL cursor_tuple_fraction = 1"))
            yield connection.execution_options(yield_per=SNAPSHOT_ROWS)

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise _refused(error) from error
    except DataError as error:
        raise Invalid("A value is out of range: numbers have 64 bits, and text has no NUL character.") from error
    except (OperationalError, sa.exc.TimeoutError, psycopg.OperationalError) as error:
        # psycopg's own comes out of COPY, which SQLAlchemy does not see.
        raise Unavailable(_UNAVAILABLE) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable(_UNAVAILABLE) from error
        raise


def _url(text: str) -> sa.URL:
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        url = sa.URL.create("none")
    if url.drivername not in {"postgresql", "postgresql+psycopg"}:
        # What was given may hold a password, so it is not repeated.
        raise Invalid("The database is named by a URL such as postgresql://USER@HOST/DATABASE.")
    return url.set(drivername="postgresql+psycopg")


def _refused(error: IntegrityError) -> Exception:
    """Name a refusal of the database's own constraints; one we do not know stays a defect."""
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if name == "log_behind":
        return Behind(BEHIND)
    if name not in REFUSALS:
        return error
    kind, sentence = REFUSALS[name]
    return kind(sentence)


def _config(migrations: Path = _MIGRATIONS) -> "Config":
    from alembic.config import Config

    config = Config()
    # The option is read with interpolation, and a path may have a percent sign in it.
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return config


def require_schema(database: Database) -> None:
    """Raise `Unavailable` when the database has not this version's schema, and say what brings it there."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with database.reading() as connection:
        version = MigrationContext.configure(connection).get_current_revision()
    if version != ScriptDirectory.from_config(_config()).get_current_head():
        raise Unavailable(
            "The database does not have this version's schema. Bring it there as its owner: "
            "gram migrate --database OWNER_URL --role ROLE, with the role that the registry works under; "
            "of the embedded one: gram migrate --data FOLDER."
        )


def migrate(database: Database, role: str | None = None, vault: object = None) -> None:
    """Bring the schema to the newest version as its owner; does nothing when it is there already.

    `role` is given what the registry needs; `vault` seals what an earlier version kept in clear.
    Two processes that migrate at once wait for each other on an advisory lock.
    """
    from alembic import command
    from alembic.util.exc import CommandError

    config = _config()
    config.attributes["vault"] = vault
    with database.transaction() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('gramledger/migrate'))"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise Unavailable(
                "The database has the schema of another version of this program. Use that version, or another database."
            ) from error
        if role is not None:
            grant(connection, role)
