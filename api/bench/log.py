"""The log in bulk: from committed movements to a published checkpoint, and inclusion proofs from its tiles."""

import hashlib
import io
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from anchoring.checkpoint import open_checkpoint
from anchoring.leaf import LEAF_SIZE
from anchoring.merkle import leaf_hash, verify_inclusion
from anchoring.publishing.sequencer import MAX_BATCH, read_staged
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TileReader, inclusion_proof, tile_path
from api.bench.figures import Figure, percentile
from api.bench.log_lines import DECIDED, FAMILY, Lines
from api.bench.publishing import MASTER_KEY, publisher
from registry.accounts.vault import Vault
from registry.database.embedded import EmbeddedPostgres
from registry.database.engine import Database, migrate
from registry.errors import Unavailable
from registry.ledger.posting import Act, write_lines
from registry.ledger.sealing import Seal, Sealer

PUBLISHED = 0.08
"""Leaves published for each that is hashed, twice, in the same time."""
PROOF_P99_MS = 5
PROOFS = 5_000
GROWTH = 1.1
"""Peak memory at N over that at N/4 must stay under this: four times the log, and a tenth for chance."""
GUARDED = 10
"""Per cent of the time from the first movement to the checkpoint that sealing and judging may take."""
CHECKPOINT_BYTES = 64 * 1024

# An erased holder, whose key would not be looked for. Foreign keys and triggers are off for what fills the tables.
_HOLDER = """
    INSERT INTO accounts (id, kind, opened_ms, erased_ms) OVERRIDING SYSTEM VALUE
    VALUES (1, 'individual', 0, 0) ON CONFLICT DO NOTHING
"""
_UNCHECKED = "SET LOCAL session_replication_role = replica"
ACT = 10_000
"""Movements that are written in one transaction."""
_QUEUE = "INSERT INTO unsequenced SELECT id FROM movements WHERE id > %(start)s AND id <= %(end)s"


@dataclass(frozen=True, slots=True)
class Published:
    """What one publishing process did."""

    leaves: int
    seconds: float
    judged_s: float
    """Of these, to judge whom to admit."""
    written_s: float
    """To write the movements with their documents before."""
    sealed_s: float
    """Of these, to seal them."""
    peak_bytes: int


def measure(folder: Path, leaves: int, proofs: int = PROOFS) -> list[Figure]:
    """Publish a scratch log in two steps, a quarter and the rest, and prove random leaves of it."""
    folder.joinpath("data").mkdir()
    server = EmbeddedPostgres(folder / "data" / "postgres")
    url, log = server.start(), folder / "log"
    try:
        database = Database(url, pool_size=2)
        migrate(database)
        quarter = max(DECIDED + FAMILY, leaves // 4)
        lines = Lines(leaves)
        first = _publish_step(url, log, lines, 0, quarter)
        second = _publish_step(url, log, lines, quarter, leaves)
        copied_s = _copy_alone(url, leaves)
        hashed_s = _hash_alone(database, leaves)
        database.close()
    finally:
        server.stop()
    latencies, reads = _prove(log, leaves, proofs)
    return [*_speed(first, second, leaves, copied_s, hashed_s), *_proofs(latencies, reads, leaves)]


def _publish_step(url: str, log: Path, lines: Lines, start: int, end: int) -> Published:
    written_s, sealed_s = _write(url, lines, start, end)
    with psycopg.connect(url, autocommit=True) as connection:
        # What autovacuum does within a minute of such a load; and the load's own dirty pages are not ours to write.
        connection.execute("VACUUM ANALYZE movements, unsequenced, seals")
        connection.execute("CHECKPOINT")
    command = [sys.executable, "-m", "api.bench.publishing", url, str(log)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"Publishing did not run: {done.stderr.strip()[-500:]}")
    said: dict[str, Any] = json.loads(done.stdout)
    if said["size"] != end:
        raise Unavailable(f"The published log has {said['size']} leaves instead of {end}.")
    return Published(end - start, said["seconds"], said["judged_seconds"], written_s, sealed_s, said["peak_bytes"])


def _write(url: str, of: Lines, start: int, end: int) -> tuple[float, float]:
    """Write movements and documents as the registry does; say what it took and what of that the sealing, in seconds."""
    vault, database, seconds = Vault(MASTER_KEY), Database(url, pool_size=1), 0.0
    vault.sealer = sealing = _TimedSealer(MASTER_KEY)
    for first in range(start, end, ACT):
        numbers = range(first + 1, min(end, first + ACT) + 1)
        lines = [of.line(number) for number in numbers]
        started = time.monotonic()
        with database.transaction() as tx:
            tx.exec_driver_sql(_UNCHECKED)
            write_lines(tx, vault, Act(1, numbers), lines)
        seconds += time.monotonic() - started
    with database.transaction() as tx:
        tx.exec_driver_sql(_UNCHECKED)
        tx.exec_driver_sql(_HOLDER)
        tx.exec_driver_sql(_QUEUE, {"start": start, "end": end})
    database.close()
    return seconds, sealing.seconds


class _TimedSealer(Sealer):
    """Seals, and keeps what it took, in seconds."""

    seconds = 0.0

    def seals(self, columns: Mapping[str, Sequence[Any]]) -> Iterator[Seal]:
        started = time.monotonic()
        made = list(super().seals(columns))
        self.seconds += time.monotonic() - started
        return iter(made)


def _copy_alone(url: str, leaves: int) -> float:
    """Time binary COPY of the same rows into a table without index or constraint, in seconds."""
    seconds = 0.0
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE bare (index bigint, movement_id bigint, leaf bytea)")
        for start in range(0, leaves, MAX_BATCH):
            rows = io.BytesIO()
            query = f"COPY (SELECT * FROM log_entries WHERE index >= {start} AND index < {start + MAX_BATCH}) TO STDOUT"  # noqa: S608
            with connection.cursor().copy(f"{query} (FORMAT BINARY)") as out:
                for part in out:
                    rows.write(part)
            started = time.monotonic()
            with connection.cursor().copy("COPY bare FROM STDIN (FORMAT BINARY)") as into:
                into.write(rows.getvalue())
            seconds += time.monotonic() - started
    return seconds


def _hash_alone(database: Database, leaves: int) -> float:
    """Time bare SHA-256 of the same bytes, in seconds: one hash for each leaf, and one for each node above."""
    seconds = 0.0
    node = bytes(65)
    for start in range(0, leaves, MAX_BATCH):
        end = min(leaves, start + MAX_BATCH)
        with database.transaction() as tx:
            data = read_staged(tx, start, end).tobytes()
        prefixed = [b"\0" + data[at : at + LEAF_SIZE] for at in range(0, len(data), LEAF_SIZE)]
        started = time.monotonic()
        for leaf in prefixed:
            hashlib.sha256(leaf).digest()
            hashlib.sha256(node).digest()
        seconds += time.monotonic() - started
    return seconds


def _prove(log: Path, leaves: int, proofs: int) -> tuple[list[float], list[float]]:
    """Prove random leaves from the tiles and verify each; time the proofs, and the reading of one tile beside them."""
    source = DirectorySource(log)
    reader = TileReader(source)
    signed = source.read("checkpoint", CHECKPOINT_BYTES)
    root = open_checkpoint(signed, publisher_vkey()).checkpoint.root
    random_ = random.Random(1)  # noqa: S311  (the same leaves every time)
    latencies, reads = [], []
    for _ in range(proofs):
        index = random_.randrange(leaves)
        started = time.perf_counter()
        path = inclusion_proof(reader, index, leaves)
        latencies.append(time.perf_counter() - started)
        if not verify_inclusion(index, leaves, leaf_hash(reader.leaf(index, leaves)), path, root):
            raise Unavailable(f"The proof of leaf {index} does not verify.")
        full_tiles = max(1, leaves // 256)
        name = tile_path(0, random_.randrange(full_tiles))
        started = time.perf_counter()
        (log / name).read_bytes()
        reads.append(time.perf_counter() - started)
    return latencies, reads


def publisher_vkey() -> str:
    """Give the scratch log's verifier key."""
    return publisher(Database("postgresql:///unused"), Path()).signer.verifier.vkey


def _speed(first: Published, second: Published, leaves: int, copied_s: float, hashed_s: float) -> list[Figure]:
    rate = leaves / (first.seconds + second.seconds)
    written_s, sealed_s = first.written_s + second.written_s, first.sealed_s + second.sealed_s
    published_s, judged_s = first.seconds + second.seconds, first.judged_s + second.judged_s
    mb = 1_000_000
    return [
        Figure(
            "leaves published",
            rate,
            "/s",
            PUBLISHED * leaves / hashed_s,
            False,
            "bare SHA-256 of them",
            leaves / hashed_s,
        ),
        Figure(
            "the same, beside the database alone",
            rate,
            "/s",
            None,
            False,
            "binary COPY of them, bare table",
            leaves / copied_s,
        ),
        Figure("movements written, sealed, with their documents", leaves / written_s, "/s"),
        Figure(
            "sealing and judging, of writing and publishing",
            100 * (sealed_s + judged_s) / (written_s + published_s),
            "%",
            GUARDED,
            True,
        ),
        Figure("  sealing, of writing", 100 * sealed_s / written_s, "%"),
        Figure("  judging, of publishing", 100 * judged_s / published_s, "%"),
        Figure("  the first quarter", first.leaves / first.seconds, "/s"),
        Figure("  the rest", second.leaves / second.seconds, "/s"),
        Figure(
            "peak memory over the last three quarters",
            second.peak_bytes / mb,
            "MB",
            GROWTH * first.peak_bytes / mb,
            True,
            "the same over the first quarter",
            first.peak_bytes / mb,
        ),
    ]


def _proofs(latencies: list[float], reads: list[float], leaves: int) -> list[Figure]:
    beside = "reading one tile's file"
    return [
        Figure(
            f"inclusion proof at {leaves:,} leaves, {name} under",
            percentile(latencies, share) * 1000,
            "ms",
            target,
            True,
            beside,
            percentile(reads, share) * 1000,
        )
        for name, share, target in (("99 %", 0.99, PROOF_P99_MS), ("half", 0.5, None))
    ]
