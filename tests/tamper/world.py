"""What is tampered with: a real ledger on PostgreSQL, its published log, and the contract that anchors it."""

import contextlib
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import psycopg

from anchoring.chain.anchorer import Anchorer
from anchoring.chain.client import AnchorClient, deploy
from anchoring.chain.embedded import CHAIN_ID
from anchoring.chain.embedded_process import EmbeddedChainProcess
from anchoring.chain.signers import LocalKey
from anchoring.leaf import LEAF_DTYPE
from anchoring.note import COSIGNATURE, ED25519, Signer
from anchoring.publishing.epochs import Epochs, open_map
from anchoring.publishing.publisher import Publisher
from anchoring.receipt import Receipt
from anchoring.state.store import StateMap
from anchoring.tree.folder import LogFolder
from anchoring.tree.tiles import DirectorySource, TileReader, consistency_proof, inclusion_proof
from contracts import artifact
from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.database.engine import Database, migrate
from registry.ledger.ledger import Amount
from registry.points.points import convert, redeem, refund, return_points
from tests.support.publishing import GATE, cosigning
from tests.support.scheme import Scheme

LOG = Signer("tamper.test/log", ED25519, b"l" * 32)
COSIGNERS = [Signer(f"tamper.test/{name}", COSIGNATURE, name.encode() * 8) for name in ("aaaa", "bbbb")]
VKEY, COSIGNER_VKEYS = LOG.verifier.vkey, tuple(one.verifier.vkey for one in COSIGNERS)
AUTHORITIES = [LocalKey(bytes([number]) * 32) for number in (1, 2, 3)]
PAYER = LocalKey(b"p" * 32)
PARTS = 3
"""Of `Ledger.live`; the state is recorded after the last."""
_numbers = itertools.count()


@dataclass
class Ledger:
    """A scheme, its publisher, and where it publishes."""

    scheme: Scheme
    publisher: Publisher

    @classmethod
    def found(cls, database: Database, folder: Path) -> "Ledger":
        scheme = Scheme.found(database)
        return cls(
            scheme,
            Publisher(
                database.transaction,
                LogFolder(folder),
                LOG,
                cosigning(COSIGNERS, scheme.clock),
                scheme.clock,
                GATE,
                draw=np.random.default_rng(0).random,
            ),
        )

    @property
    def folder(self) -> Path:
        return self.publisher.folder.path

    @property
    def epochs(self) -> Epochs:
        return Epochs(self.publisher, self.folder.with_name(f"{self.folder.name}-state"))

    def live(self, riders: int) -> Iterator[None]:
        """Let people act, with a pause to publish after each part of their lives."""
        scheme, people = self.scheme, [self.scheme.person() for _ in range(riders)]
        shop, firm = scheme.institution(), scheme.institution()
        scheme.issue(dict.fromkeys(people, 1_000))
        yield
        for person in people:
            with scheme.database.transaction() as tx:
                convert(tx, scheme.ledger, person, Amount(600))
        yield
        for person in people[: riders // 2]:
            with scheme.database.transaction() as tx:
                spent = redeem(tx, scheme.ledger, person, shop, 500, "order")
                refund(tx, scheme.ledger, shop, spent.act_id, Amount(100))
        with scheme.database.transaction() as tx:
            return_points(tx, scheme.ledger, shop, Amount(riders * 100))
            transfer(tx, scheme.ledger, shop, firm, Amount(riders * 50), "agreement", "agreement-1")
            cancel(tx, scheme.ledger, firm, Amount(riders * 20), Intent("reduction", "voluntary-offset", "A", "B"))
        yield


@dataclass
class World:
    """A log of three anchored sizes, its state recorded in the last leaf.

    A second contract of the same signers holds the first size only.
    """

    ledger: Ledger
    sizes: Sequence[int]
    client: AnchorClient
    behind: AnchorClient
    rpc_url: str

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The published files, by path."""
        folder = self.ledger.folder
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    @cached_property
    def reader(self) -> TileReader:
        return TileReader(DirectorySource(self.ledger.folder))

    @cached_property
    def leaves(self):
        """All leaves (`LEAF_DTYPE`)."""
        size = self.sizes[-1]
        return np.frombuffer(b"".join(self.reader.leaf(index, size) for index in range(size)), LEAF_DTYPE)

    @cached_property
    def anchors(self):
        """What the contract holds, as it says."""
        return self.client.anchored()

    @cached_property
    def state(self) -> StateMap:
        """The map whose record is the last leaf."""
        found = open_map(self.ledger.epochs.folder, self.sizes[-1])
        assert found is not None
        return found

    def receipt(self, index: int) -> bytes:
        size = self.sizes[-1]
        path = tuple(inclusion_proof(self.reader, index, size))
        return Receipt(self.reader.leaf(index, size), index, path, self.files["checkpoint"]).encode()

    def growth(self) -> list[bytes]:
        """The proof that the last size continues the first."""
        return consistency_proof(self.reader, self.sizes[0], self.sizes[-1])


@contextlib.contextmanager
def fresh_database(server_url: str) -> Iterator[Database]:
    name = f"tamper_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    database = Database(server_url.replace("/postgres?", f"/{name}?"))
    migrate(database)
    try:
        yield database
    finally:
        database.close()
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def worlds(server_url: str) -> Iterator[tuple[World, Ledger]]:
    """A world with an anchored log of more than two tiles, and a small ledger whose rows are altered."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gl-tamper-")))
        chain = stack.enter_context(EmbeddedChainProcess(folder / "chain", prefund=[PAYER.address]))
        ledger = Ledger.found(stack.enter_context(fresh_database(server_url)), folder / "log")
        small = Ledger.found(stack.enter_context(fresh_database(server_url)), folder / "small")
        for _ in small.live(4):
            small.publisher.publish()
        signers = [one.address for one in AUTHORITIES]
        clients = [
            stack.enter_context(
                AnchorClient(
                    chain.rpc_url,
                    deploy(chain.rpc_url, PAYER, signers, 2, artifact()),
                    chain_id=CHAIN_ID,
                    read_seconds=2,
                )
            )
            for _ in range(2)
        ]
        yield World(ledger, _publish(ledger, clients), *clients, chain.rpc_url), small


def _publish(ledger: Ledger, clients: Sequence[AnchorClient]) -> list[int]:
    """Publish three times; the first contract takes all of it, the second the first only."""
    sizes: list[int] = []
    transaction = ledger.scheme.database.transaction
    for part, _ in enumerate(ledger.live(190), start=1):
        if part == PARTS:
            ledger.epochs.make()
        sizes.append(ledger.publisher.publish())
        for client in reversed(clients) if len(sizes) == 1 else clients[:1]:
            with transaction() as tx:  # the database knows one contract only
                tx.exec_driver_sql("DELETE FROM anchors")
            reader = TileReader(DirectorySource(ledger.folder))
            Anchorer(transaction, reader, client, AUTHORITIES, 2, PAYER, ledger.scheme.clock, 1).anchor()
    return sizes
