"""One world: the real components on one database, one folder and one chain, each a process that can die."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import numpy as np
import psycopg
import sqlalchemy as sa
from numpy.typing import NDArray

from anchoring.chain.anchorer import Anchorer
from anchoring.chain.client import AnchorClient
from anchoring.chain.client.sending import Patience
from anchoring.chain.embedded import CHAIN_ID
from anchoring.chain.journal import DatabaseJournal
from anchoring.chain.signers import LocalKey
from anchoring.checkpoint import parse_number
from anchoring.cosigning import quorum
from anchoring.errors import AnchoringError, Unreachable
from anchoring.note import COSIGNATURE, ED25519, Signer
from anchoring.publishing.publisher import Publisher
from anchoring.signing import address_bytes
from anchoring.tree.folder import LogFolder
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TileReader
from anchoring.witness.client import WitnessClient
from anchoring.witness.state import WitnessState
from anchoring.witness.witness import Contract, Witness, WitnessKeys
from api.door.write import Write
from registry.errors import Unavailable
from tests.simulation.chance import Chance, Crash
from tests.simulation.node import DEEPEST, Node
from tests.simulation.oracle import Oracle
from tests.simulation.users import PAUSE_S, Users
from tests.simulation.wires import Leaves, Wires, response, rpc
from tests.support.acts import Acts
from tests.support.publishing import GATE

T = TypeVar("T")
LOG = Signer("simulation.test/log", ED25519, b"l" * 32)
AUTHORITIES = ("centre", "exchange", "bureau")
THRESHOLD = 2
PAYER = LocalKey(b"p" * 32)
CRASHES, NESTED = 0.02, 0.06
"""How probably a component dies, or something else happens, at one of its steps; a witness has few of them."""
LOG_EVENTS = {"publish": 8.0, "publish_too": 1.0, "anchor": 4.0, "settle": 3.0, "mine": 3.0}
"""What never waits for a user's transaction."""
NESTED_EVENTS = LOG_EVENTS | {"ask": 8.0, "reorganise": 1.5, "deliver_late": 1.0, "restart": 5.0}


def keys_of(number: int) -> WitnessKeys:
    signer = Signer(f"simulation.test/{AUTHORITIES[number]}", COSIGNATURE, bytes([number + 1]) * 32)
    return WitnessKeys(signer, LocalKey(bytes([number + 101]) * 32))


COSIGNERS = tuple(keys_of(number).signer.verifier.vkey for number in range(len(AUTHORITIES)))


@dataclass(frozen=True)
class Parts:
    """What the components are made of; planted faults put others in their place."""

    publisher: type[Publisher] = Publisher
    anchorer: type[Anchorer] = Anchorer
    witness: type[Witness] = Witness
    witness_state: type[WitnessState] = WitnessState
    write: type[Write] = Write
    weights: Mapping[str, float] = field(default_factory=dict)
    """Of events that happen otherwise than usual: what a fault needs to be seen, more often."""


@dataclass
class Process:
    """A component: `begin` makes it from what it left behind; `running` is None while it is dead."""

    name: str
    begin: Callable[[], Any]
    running: Any = None

    def restart(self) -> None:
        self.running = self.begin()

    def die(self) -> None:
        if self.running is not None:
            self.running.close()
        self.running = None


class World:
    """Everything of one run. The registry's users are in `users`, what must hold in `oracle`."""

    def __init__(
        self, acts: Acts, admin: psycopg.Connection, folder: Path, contract: str, chance: Chance, parts: Parts
    ) -> None:
        self.acts, self.chance, self.parts, self.contract = acts, chance, parts, contract
        self.database, self.clock, self._admin = acts.scheme.database, acts.scheme.clock, admin
        self.log, self.states, self._witnessed = folder / "log", folder / "states", folder / "witnesses"
        self.wires = Wires(chance)
        self.oracle = Oracle(self.log, LOG.verifier.vkey, COSIGNERS, THRESHOLD)
        self.node = Node(folder / "state.db", self.clock, chance, address_bytes(PAYER.address))
        self.wires.hosts["chain"] = rpc(self.node.answer)
        self.users = Users(chance, acts, parts.write, self.kill, self._is_waiting, self._between)
        self.sources = [Leaves(DirectorySource(self.log)) for _ in AUTHORITIES]
        self.witnesses = [Process(name, lambda n=n: self._witness(n)) for n, name in enumerate(AUTHORITIES)]
        self.publishers = [Process(name, lambda name=name: self._publisher(name)) for name in ("publisher", "second")]
        self.anchorer = Process("anchorer", self._anchorer)
        for number, name in enumerate(AUTHORITIES):
            self.wires.hosts[name] = lambda *asked, n=number: self._answer(n, *asked)
        for process in self.processes:
            process.restart()

    @property
    def processes(self) -> list[Process]:
        return [*self.publishers, self.anchorer, *self.witnesses]

    def close(self) -> None:
        for process in self.processes:
            process.die()
        self.node.close()

    # How components are made

    def _publisher(self, name: str) -> "_Closing[Publisher]":
        asked = self._asked_witnesses()
        cosigners = quorum(asked, THRESHOLD, self.clock, self._in_turn)
        folder, step = LogFolder(self.log), partial(self.point, name)
        made = self.parts.publisher(
            self.transactions(name),
            folder,
            LOG,
            cosigners,
            self.clock,
            GATE,
            step,
            draw=self._draw,
            monotonic=lambda: self.clock.now / 1000,
        )
        return _Closing(made, *(one.close for one in asked))

    def _draw(self, count: int) -> NDArray[np.float64]:
        return np.array([self.chance.random.random() for _ in range(count)])

    def _anchorer(self) -> "_Closing[Anchorer]":
        client = AnchorClient(
            "http://chain",
            self.contract,
            chain_id=CHAIN_ID,
            journal=DatabaseJournal(self.transactions("anchorer")),
            # In here nothing happens while one waits.
            patience=Patience(wait_seconds=0),
            clock=self.clock,
            transport=self.wires,
        )
        reader = TileReader(DirectorySource(self.log))
        transaction = self.transactions("anchorer")
        signers = self._asked_witnesses()
        made = self.parts.anchorer(
            transaction, reader, client, signers, THRESHOLD, PAYER, self.clock, DEEPEST, self._in_turn
        )
        return _Closing(made, client.close, *(one.close for one in signers))

    def _witness(self, number: int) -> "_Closing[Witness]":
        folder = self._witnessed / AUTHORITIES[number]
        state = self.parts.witness_state(folder, LOG.verifier.vkey, is_new=not folder.exists())
        self.oracle.remembers(AUTHORITIES[number], state.head.tree.size)
        step, contract = partial(self.point, AUTHORITIES[number]), Contract(CHAIN_ID, self.contract)
        made = self.parts.witness(
            state, self.sources[number], LOG.verifier, keys_of(number), self.clock, contract, step
        )
        return _Closing(made, made.close, state.close)

    def _asked_witnesses(self) -> list[WitnessClient]:
        """The witnesses as one process asks them."""
        keys = [keys_of(number) for number in range(len(AUTHORITIES))]
        named = zip(AUTHORITIES, keys, strict=True)
        return [
            WitnessClient(f"http://{name}", of.signer.verifier.vkey, of.chain.address, 10, self.wires)
            for name, of in named
        ]

    def _in_turn(
        self, asks: Sequence[Callable[[], T]], enough: int, _timeout_s: float, _linger_s: float = 0.0
    ) -> list[T | AnchoringError]:
        """Ask one after the other, in any order, and perhaps no more once enough have answered."""
        heard: list[T | AnchoringError] = [Unreachable("it was not heard in time") for _ in asks]
        answered = 0
        for number in self.chance.random.sample(range(len(asks)), len(asks)):
            try:
                heard[number] = asks[number]()
                answered += 1
            except AnchoringError as error:
                heard[number] = error
            if answered >= enough and self.chance.happens(0.5):
                break
        return heard

    # What can go wrong at a step

    def point(self, name: str, place: str) -> None:
        """Be between two steps of a component: it may die here, and others may act."""
        self.oracle.look()
        if self.chance.happens(CRASHES if name not in AUTHORITIES else 3 * CRASHES):
            raise Crash(name, place.split(maxsplit=1)[0])
        if self.chance.happens(NESTED):
            self.meanwhile(NESTED_EVENTS)

    def transactions(self, name: str) -> Callable[[], Any]:
        """Transactions of a component that can die before or after the commit, or lose the database's answer."""

        @contextmanager
        def transaction() -> Iterator[sa.Connection]:
            with self.database.transaction() as tx:
                yield tx
                if self.chance.happens(CRASHES / 2):
                    raise Crash(name, "committing")
                if self.chance.happens(CRASHES / 2):
                    self.chance.count("connections killed")
                    self.kill(tx)
            self.point(name, "committed")
            if self.chance.happens(CRASHES / 2):
                raise Unavailable("the answer to the commit was lost")

        return transaction

    def kill(self, tx: sa.Connection) -> None:
        """End a connection from the database's side, as its restart would."""
        driver: Any = tx.connection.driver_connection
        self._end_connections("pid = %s", driver.info.backend_pid)

    def _end_connections(self, which: str, value: object) -> None:
        of_these = f"FROM pg_stat_activity WHERE {which}"
        self._admin.execute(f"SELECT pg_terminate_backend(pid) {of_these}", (value,))
        # PostgreSQL would wait for the end itself, and look for it ten times a second.
        while self._admin.execute(f"SELECT {of_these}", (value,)).fetchone() is not None:
            time.sleep(PAUSE_S)

    def _is_waiting(self) -> bool:
        name = self.database.url.database
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
        row = self._admin.execute(query, (name,)).fetchone()
        return row is not None and row[0] > 0

    def _between(self) -> None:
        if self.chance.happens(0.3):
            self.meanwhile(LOG_EVENTS)

    def _answer(self, number: int, method: str, path: str, body: bytes) -> httpx2.Response | None:
        process = self.witnesses[number]
        if process.running is None:
            return None
        try:
            if method == "POST":
                answer = process.running.it.add_checkpoint(body)
            elif path.startswith("/signature/"):
                answer = process.running.it.chain_signature(parse_number(path.removeprefix("/signature/")))
            else:
                answer = process.running.it.last_checkpoint()
        except Crash as crash:
            self.chance.note("crash", crash)
            self.chance.count(f"crashes: {crash}")
            process.die()
            return None
        self.chance.note(process.name, method, path[:12], int(answer.status))
        self.oracle.answered(process.name, path, body, answer)
        return response(answer.status, answer.content_type, answer.body)

    def meanwhile(self, weights: dict[str, float]) -> None:
        """Let something else happen, if anything does."""


@dataclass
class _Closing:
    """A component with what it gives back when it ends; the system would, after a kill."""

    it: Any
    givers: tuple[Callable[[], None], ...] = ()

    def __init__(self, it: Any = None, *givers: Callable[[], None]) -> None:
        self.it, self.givers = it, givers

    def close(self) -> None:
        for give_back in self.givers:
            give_back()
