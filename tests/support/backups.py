"""Backups of a test's database, and what was lost since."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa

from anchoring.note import COSIGNATURE, ED25519, Signer
from anchoring.publishing.publisher import Publisher
from anchoring.publishing.verified import Trust
from anchoring.tree.folder import LogFolder
from anchoring.tree.sources import DirectorySource
from api.operating.recover import Recovery
from registry.accounts.vault import Vault
from registry.database.engine import Database
from registry.ledger.ledger import Ledger
from tests.support.publishing import GATE, cosigning

LOG = Signer("example.com/log", ED25519, b"l" * 32)
COSIGNERS = [Signer(f"example.com/{name}", COSIGNATURE, name.encode() * 8) for name in ("aaaa", "bbbb")]
TRUST = Trust(LOG.verifier.vkey, [one.verifier.vkey for one in COSIGNERS], 2)
MASTER = b"m" * 32


@contextmanager
def backup_of(database: Database, server_url: str) -> Iterator[Database]:
    """A copy of a database as it is now."""
    database.close()
    name = f"{database.url.database}_backup"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {database.url.database} STRATEGY file_copy")
    copy = Database(server_url.replace("/postgres?", f"/{name}?"))
    try:
        yield copy
    finally:
        copy.close()
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def publisher_of(database: Database, folder, clock) -> Publisher:
    return Publisher(database.transaction, LogFolder(folder), LOG, cosigning(COSIGNERS, clock), clock, GATE)


def checked(database: Database, folder):
    """What `gram fsck` says of a database and its log's folder."""
    from api.operating.fsck import (  # brings web3, which a process that only recovers does not need
        Parts,
        Report,
        examine,
    )

    report = Report()
    with database.snapshot() as tx:
        examine(tx, Parts(Vault(MASTER), LOG.verifier.vkey, {"log": DirectorySource(folder)}), report)
    return report


def rows(database: Database, sql: str) -> list:
    with database.transaction() as tx:
        return tx.execute(sa.text(sql)).all()


def live_on(life) -> None:
    """Act on after the backup, with publications between."""
    simulation, publisher = life
    for _ in range(3):
        simulation.run(15)
        publisher.publish()


def recovery_of(copy: Database, scheme, folder, **how) -> Recovery:
    return Recovery(copy, Ledger(scheme.clock, scheme.ledger.vault), publisher_of(copy, folder, scheme.clock), **how)
