"""What is read of all grams together, the first page and the totals, beside millions of live blocks."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from api.bench.figures import Figure, percentile
from api.bench.http import run_load, served, silent, tokens_of
from api.bench.load import Plan
from api.bench.scratch import found_scheme
from api.installation.data_folder import POSTGRES
from api.installation.services import running
from api.installation.settings import Settings
from registry.database.embedded import running_url
from registry.database.engine import PATIENT, Database

PEOPLE = 10
PER_SECOND = 20.0
"""Offered: what is to be seen is how long they take."""
CONNECTIONS = 8
PAGE_P99_MS = 20
BLOCK_G = 10
"""Grams of a made-up block."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many blocks, for how long, by how many HTTP processes."""

    blocks: int
    seconds: int
    workers: int | None = None


def measure(folder: Path, wanted: Wanted) -> list[Figure]:
    """Measure in a new data folder, filled up with blocks that nobody was issued."""
    settings = Settings(data=folder / "data")
    with running(settings, silent, create=True) as site:
        people = found_scheme(site, PEOPLE)
        site.publisher.publish()
        tokens = tokens_of(site, people)
        with closing(Database(running_url(settings.data / POSTGRES), pool_size=1)) as owner:
            held = _fill(owner, wanted.blocks)
    with served(settings.data, wanted.workers) as url:
        seen = run_load(Plan(url, "pages", wanted.seconds, CONNECTIONS, PER_SECOND, tokens, people.provider, leaves=0))
    return [
        Figure("live blocks", held, "", wanted.blocks),
        *(figure for name, latencies in sorted(seen.latencies.items()) for figure in _figures(name, latencies)),
        Figure("that failed", sum(seen.failures.values()), "", 0, True),
    ]


def _figures(name: str, latencies: list[float]) -> Iterator[Figure]:
    yield Figure(f"{name}, 99 % under", percentile(latencies, 0.99) * 1000, "ms", PAGE_P99_MS, True)
    yield Figure("  half under", percentile(latencies, 0.5) * 1000, "ms")
    yield Figure("  all under", max(latencies) * 1000, "ms")


def _fill(owner: Database, blocks: int) -> int:
    """Fill up to so many live blocks, past the triggers; give how many there are."""
    with owner.transaction() as tx:
        tx.exec_driver_sql(PATIENT)
        tx.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for statement in _FILL:
            tx.execute(sa.text(statement), {"blocks": blocks, "grams": BLOCK_G} if ":blocks" in statement else {})
    with owner.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE blocks")
        connection.exec_driver_sql("CHECKPOINT")  # what filling left to be written is not the readers' to wait for
        return int(connection.exec_driver_sql("SELECT count(*) FROM blocks").scalar_one())


_FILL = (
    """
    INSERT INTO blocks
        (movement_id, account_id, lot_id, lot_first_g, lot_last_g, first_g, last_g, form, flags, until_ms)
    SELECT b.movement_id, b.account_id, b.lot_id, from_g, from_g + :blocks * :grams, from_g + n * :grams,
        from_g + (n + 1) * :grams, b.form, b.flags, b.until_ms
    FROM (SELECT * FROM blocks ORDER BY id LIMIT 1) b, (SELECT max(last_g) AS from_g FROM blocks) f,
        generate_series(CAST(0 AS bigint), CAST(:blocks AS bigint) - 1) n
    """,
)
