"""The log in bulk: from committed movements to a published checkpoint, and inclusion proofs from its tiles."""

import hashlib
import io
import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from anchoring.checkpoint import open_checkpoint
from anchoring.leaf import LEAF_SIZE
from anchoring.log.sequencer import MAX_BATCH, read_staged
from anchoring.log.sources import DirectorySource
from anchoring.log.tiles import TileReader, inclusion_proof, tile_path
from anchoring.merkle import leaf_hash, verify_inclusion
from api.bench.figures import Figure, percentile
from api.bench.publishing import MASTER_KEY, publisher
from registry.accounts.vault import Vault
from registry.database.embedded import EmbeddedPostgres
from registry.database.engine import Database, migrate
from registry.errors import Unavailable
from registry.ledger.sealing import MAX_RUN

LEAVES_PER_SECOND = 100_000
PROOF_P99_MS = 5
PROOFS = 5_000
GROWTH = 1.1
"""Peak memory at N over that at N/4 must stay under this: four times the log, and a tenth for chance."""
GUARDED = 10
"""Per cent of the time to publish that sealing movements and judging whom to admit may take."""
FAMILY = 10
"""Movements of one holder: an ISSUE of 90 g, and nine CONVERTs of 10 g each."""
CHECKPOINT_BYTES = 64 * 1024

# As a registry would have written them, but in bulk: foreign keys and triggers are off for this session only. Each has
# a document of one field, which is withheld, and an erased holder, whose key would not be looked for.
_DOCUMENT = "'{\"n\":\"' || encode(sha256(int8send(n)), 'hex') || '\"}'"
_DIGEST = f"sha256(convert_to({_DOCUMENT}, 'UTF8'))"
_HOLDER = """
    INSERT INTO accounts (id, kind, opened_ms, erased_ms) OVERRIDING SYSTEM VALUE
    VALUES (1, 'individual', 0, 0) ON CONFLICT DO NOTHING
"""
_EVIDENCE = f"""
    INSERT INTO evidence (digest, fields) SELECT {_DIGEST}, CAST({_DOCUMENT} AS jsonb)
    FROM generate_series(%(start)s::bigint, %(end)s::bigint - 1) AS n
"""  # noqa: S608  (constants)
_FILL = f"""
    INSERT INTO movements (id, act_id, giver_id, account_id, kind, form, flags, purpose, first_g, last_g, parent_id,
        at_ms, until_ms, from_tag, to_tag, evidence) OVERRIDING SYSTEM VALUE
    SELECT n + 1, 1, CASE WHEN place > 0 THEN 1 END, 1,
        CASE place WHEN 0 THEN 1 ELSE 3 END, CASE place WHEN 0 THEN 1 ELSE 2 END, CASE place WHEN 0 THEN 10 ELSE 14 END,
        0, family * 100 + greatest(place - 1, 0) * 10, family * 100 + CASE place WHEN 0 THEN 90 ELSE place * 10 END,
        CASE WHEN place > 0 THEN family * {FAMILY} + 1 END,
        (1760000000000 + n) / 60000 * 60000, CASE WHEN place > 0 THEN 1860000000000 ELSE 0 END,
        CASE place WHEN 0 THEN decode(repeat('00', 20), 'hex') ELSE tag END, tag, {_DIGEST}
    FROM (
        SELECT n, n / {FAMILY} AS family, mod(n, {FAMILY}) AS place,
            substr(sha256(int8send(n / {FAMILY})), 1, 20) AS tag
        FROM generate_series(%(start)s::bigint, %(end)s::bigint - 1) AS n
    ) numbers
"""  # noqa: S608  (constants)
_SEALED = """
    SELECT id, act_id AS act, giver_id AS giver, account_id AS account, kind, form, flags, purpose, first_g AS first,
        last_g AS last, parent_id AS parent, at_ms AS at, until_ms AS until, from_tag, to_tag, evidence
    FROM movements WHERE id > %(start)s AND id <= %(end)s ORDER BY id
"""
_QUEUE = "INSERT INTO unsequenced SELECT id FROM movements WHERE id > %(start)s AND id <= %(end)s"


@dataclass(frozen=True, slots=True)
class Published:
    """What one publishing process did."""

    leaves: int
    seconds: float
    guarded_s: float
    """To seal the movements and to judge whom to admit; the judging is part of `seconds`, the sealing is not."""
    peak_bytes: int


def measure(folder: Path, leaves: int, proofs: int = PROOFS) -> list[Figure]:
    """Publish a scratch log in two steps, a quarter and the rest, and prove random leaves of it."""
    folder.joinpath("data").mkdir()
    server = EmbeddedPostgres(folder / "data" / "postgres")
    url, log = server.start(), folder / "log"
    try:
        database = Database(url, pool_size=2)
        migrate(database)
        quarter = max(FAMILY, leaves // 4)
        first = _publish_step(url, log, 0, quarter)
        second = _publish_step(url, log, quarter, leaves)
        copied_s = _copy_alone(url, leaves)
        hashed_s = _hash_alone(database, leaves)
        database.close()
    finally:
        server.stop()
    latencies, reads = _prove(log, leaves, proofs)
    return [*_speed(first, second, leaves, copied_s, hashed_s), *_proofs(latencies, reads, leaves)]


def _publish_step(url: str, log: Path, start: int, end: int) -> Published:
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(_HOLDER)
        connection.execute(_EVIDENCE, {"start": start, "end": end})
        connection.execute(_FILL, {"start": start, "end": end})
        connection.execute(_QUEUE, {"start": start, "end": end})
    sealed_s = _seal(url, start, end)
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
    return Published(end - start, said["seconds"], said["judged_seconds"] + sealed_s, said["peak_bytes"])


def _seal(url: str, start: int, end: int) -> float:
    """Seal the movements as their writer does; say what the sealing took, in seconds."""
    sealer, seconds = Vault(MASTER_KEY).sealer, 0.0
    with psycopg.connect(url) as connection, connection.cursor(row_factory=dict_row) as cursor:
        for first in range(start, end, MAX_RUN):
            rows = cursor.execute(_SEALED, {"start": first, "end": min(end, first + MAX_RUN)}).fetchall()
            started = time.monotonic()
            seals = [(seal.first_id, seal.count, seal.mac) for seal in sealer.seals(rows)]
            cursor.executemany("INSERT INTO seals (first_id, count, mac) VALUES (%s, %s, %s)", seals)
            seconds += time.monotonic() - started
    return seconds


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
    guarded = 100 * (first.guarded_s + second.guarded_s) / (first.seconds + second.seconds)
    mb = 1_000_000
    return [
        Figure("leaves published", rate, "/s", LEAVES_PER_SECOND, False, "bare SHA-256 of them", leaves / hashed_s),
        Figure(
            "the same, beside the database alone",
            rate,
            "/s",
            None,
            False,
            "binary COPY of them, bare table",
            leaves / copied_s,
        ),
        Figure("sealing and judging, of all that it takes", guarded, "%", GUARDED, True),
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
