"""Runs seeds: a stage that all of them share, one run, and what came of many."""

import random
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import sqlalchemy as sa

from anchoring.chain.client import deploy
from anchoring.chain.embedded import EmbeddedChain
from anchoring.chain.embedded_server import RpcServer
from anchoring.publishing.epochs import Epochs, path_of
from anchoring.signing import address_bytes
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TileReader
from anchoring.trust.policy import k_of
from anchoring.verify import Anchors, verify_receipt
from api.ledger.receipts import make_receipt, receipt_note
from contracts import artifact
from registry.database.embedded import EmbeddedPostgres
from registry.database.engine import Database, migrate
from registry.database.roles import as_registry, establish
from registry.errors import Unavailable
from registry.ledger.ledger import Ledger
from registry.ledger.logged import leaf_at
from registry.ledger.totals import fold
from tests.simulation.chance import Chance
from tests.simulation.events import EVENTS, Events
from tests.simulation.node import DEEPEST
from tests.simulation.oracle import facts, replay
from tests.simulation.world import AUTHORITIES, COSIGNERS, LOG, PAYER, THRESHOLD, Parts, keys_of
from tests.support.acts import Acts
from tests.support.hasty import MOMENTARY, hasten
from tests.support.scheme import Scheme, TestClock

STEPS = 70
ROUNDS = 3
"""In how many rounds of publishing, cosigning, anchoring and mining all that was accepted is final."""
GLANCE = 10
"""After how many steps the database is held against the model, in the middle of everything."""
RECEIPTS = 3


@dataclass
class Outcome:
    """What came of one seed; `failure` is what did not hold."""

    seed: int
    digest: str
    counts: Counter[str]
    failure: BaseException | None = None
    trace: list[str] = field(default_factory=list)


@dataclass
class Stage:
    """What every seed begins with: a database with a scheme in it, and a chain with the contract."""

    url: str
    admin: psycopg.Connection
    scheme: Scheme
    acts: Acts
    folder: Path
    contract: str
    _numbers: count = field(default_factory=count)

    def play(self, seed: int, parts: Parts = Parts(), steps: int = STEPS) -> Outcome:  # noqa: B008
        """Run one seed to its end, or to what does not hold."""
        chance = Chance(seed)
        failure = None
        with self._world(chance, parts) as world:
            try:
                for step in range(steps):
                    world.wires.is_rough = chance.happens(0.35)
                    world.happen({**EVENTS, **parts.weights})
                    chance.count("steps")
                    if step % GLANCE == 0:
                        _glance(world)
                _come_to_rest(world)
                _judge(world)
            except Exception as error:  # noqa: BLE001  (whatever it is, this seed found it)
                failure = error
        return Outcome(seed, chance.digest(), chance.counts, failure, chance.trace)

    @contextmanager
    def _world(self, chance: Chance, parts: Parts) -> Iterator[Events]:
        name = f"simulated_{next(self._numbers)}"
        self.admin.execute(f"CREATE DATABASE {name} TEMPLATE staged STRATEGY file_copy")
        database = Database(as_registry(self.url.replace("/postgres?", f"/{name}?")), pool_size=4)
        clock = TestClock(self.scheme.clock.now)
        ledger = Ledger(clock, self.scheme.ledger.vault, chance.random.shuffle)
        scheme = replace(self.scheme, database=database, clock=clock, ledger=ledger, references=count())
        acts = Acts(scheme, chance.random, self.acts.people, self.acts.institutions)
        with tempfile.TemporaryDirectory(prefix="seed-", dir=self.folder) as folder:
            shutil.copy(self.folder / "state.db", folder)
            (Path(folder) / "state.db-wal").touch()
            try:
                with closing(Events(acts, self.admin, Path(folder), self.contract, chance, parts)) as world:
                    yield world
            finally:
                database.close()
                self.admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def stage() -> Iterator[Stage]:
    """Start PostgreSQL and lay out what all seeds share."""
    with tempfile.TemporaryDirectory(prefix="gl-stage-", dir=MOMENTARY) as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        url = server.start()
        try:
            with psycopg.connect(url, autocommit=True) as admin:
                yield _laid_out(url, admin, Path(folder))
        finally:
            server.stop()


def _laid_out(url: str, admin: psycopg.Connection, folder: Path) -> Stage:
    hasten(admin)  # no seed asks what a power cut would leave
    admin.execute("CREATE DATABASE staged")
    database = Database(url.replace("/postgres?", "/staged?"), pool_size=1)
    migrate(database)
    with database.transaction() as tx:
        establish(tx)
    scheme = Scheme.found(database)
    acts = Acts.found(scheme, random.Random(0))
    database.close()
    chain = EmbeddedChain(folder / "state.db", scheme.clock, prefund=[address_bytes(PAYER.address)])
    signers = [keys_of(number).chain.address for number in range(len(AUTHORITIES))]
    with closing(RpcServer(chain, 0)) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        contract = deploy(server.url, PAYER, signers, THRESHOLD, artifact())
        server.shutdown()
        serving.join()
    return Stage(url, admin, scheme, acts, folder, contract)


def _come_to_rest(world: Events) -> None:
    """Faults stop; within ROUNDS, whatever was accepted is logged, cosigned by all, anchored and final."""
    world.chance.is_calm = True
    world.chance.note("calm")
    world.database.close()  # connections that were dropped are found dead once, and not again
    for source in world.sources:
        source.is_away = False
    for process in world.processes:
        if process.running is None:
            process.restart()
    world.node.mine(DEEPEST + 1)  # what was sent and waits gets into blocks
    # One act more, of which everybody hears: who was away may still be behind, and nothing is asked of them twice.
    world.users.ask_for(world.acts.issue())
    for _ in range(ROUNDS):
        while world.wires.late:
            world.deliver_late()
        world.users.settle_all()
        for event in ("publish", "anchor"):
            world.happen({event: 1})
        world.node.mine(DEEPEST + 1)
        world.happen({"settle": 1})


def _glance(world: Events) -> None:
    """What holds at every moment between two events."""
    with suppress(Unavailable):  # the connection was dropped, and nobody has found out yet
        world.acts.compare()
        with world.database.transaction() as tx:
            head = tx.execute(_HEAD).one()
            fold(tx, most=7)
        assert head.logged == head.next, "an index was skipped"
        assert head.published_size <= head.size <= head.next, "more is signed than logged, or published than signed"
        assert world.oracle.public_size <= head.size, "what is public was not signed"


def _judge(world: Events) -> None:
    """Everything that must hold at rest."""
    acts, oracle = world.acts, world.oracle
    acts.compare()
    leaves = oracle.leaves()
    with world.database.transaction() as tx:
        logged = tx.execute(_LOGGED).all()
        assert tx.execute(_LEFT).scalar_one() == 0, "something accepted is not logged"
        anchors = tx.execute(_ANCHORS).all()
    acts.compare_sums()
    assert [row.index for row in logged] == list(range(len(leaves))), "an index was skipped"
    assert [bytes(row.leaf) for row in logged] == leaves, "the public log is not the database's"
    accepted = {int(answer["act"]) for _, answer in world.users.kept.values()}
    assert {row.act_id for row in logged if row.kind < 64} == accepted, "other acts are logged than were accepted"
    replay(leaves, acts.cards, [row.act_id for row in logged])
    client = world.anchorer.running.it.client
    anchored = client.anchored()
    oracle.judge_trees(leaves, anchored)
    assert {witness: max(sizes) for witness, sizes in oracle.cosigned.items()} == dict.fromkeys(
        AUTHORITIES, len(leaves)
    ), "a witness is behind"
    on_chain = {one.size: one.root for one in anchored}
    for row in anchors:
        assert row.final_ms is not None, f"the anchor of {row.size} is not final"
        assert on_chain.get(row.size) == bytes(row.root), f"the anchor of {row.size} is not on the chain"
    _judge_state(world)
    _judge_receipts(world, len(leaves), Anchors(len(leaves), client.root_at))
    world.chance.trace += facts(leaves)
    world.chance.count("leaves", len(leaves))
    world.chance.count("anchors", len(anchored))


def _judge_state(world: Events) -> None:
    """The last recorded state is that of the leaves before its record, made anew from them."""
    epochs = Epochs(world.publishers[0].running.it, world.states)
    last = epochs.last()
    if last is not None:
        path_of(world.states, last.size).unlink(missing_ok=True)
        assert epochs.mend(), "the map that was lost is not missed"
        world.chance.count("epochs")


def _judge_receipts(world: Events, size: int, anchors: Anchors) -> None:
    site: Any = SimpleNamespace(database=world.database, reader=TileReader(DirectorySource(world.log)))
    for index in world.chance.random.sample(range(size), min(RECEIPTS, size)):
        with world.database.reading() as tx:
            leaf, noted = leaf_at(tx, index), receipt_note(tx, index)
        found = verify_receipt(make_receipt(site, leaf, *noted), LOG.verifier.vkey, k_of(COSIGNERS, THRESHOLD), anchors)
        assert found.outcome == "holds", f"the receipt of leaf {index} does not verify: {found.steps}"


_LOGGED = sa.text("""
    SELECT e.index, e.leaf, m.act_id, m.kind FROM log_entries e JOIN movements m ON m.id = e.movement_id ORDER BY index
""")
_HEAD = sa.text("""
    SELECT size, published_size, (SELECT count(*) FROM log_entries) AS logged,
        (SELECT coalesce(max(index) + 1, 0) FROM log_entries) AS next FROM log_head
""")
# A record of the state that a clock dated ahead of the witnesses' loses its place, and is of other leaves later: it is
# set aside for good, and the next epoch has one of its own.
_LEFT = sa.text("""
    SELECT count(*) FROM movements m WHERE NOT EXISTS (SELECT FROM log_entries e WHERE e.movement_id = m.id)
        AND NOT (m.kind = 72 AND EXISTS (SELECT FROM set_aside s WHERE s.movement_id = m.id AND s.reason = 'state'))
""")
_ANCHORS = sa.text("SELECT a.size, a.final_ms, c.root FROM anchors a JOIN checkpoints c USING (size)")
