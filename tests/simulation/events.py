"""What can happen: one step of one component, or one fault. The weights say how often."""

from collections.abc import Callable
from typing import Any

from anchoring.checkpoint import Checkpoint, sign
from anchoring.errors import AnchoringError
from anchoring.publishing.epochs import Epochs
from anchoring.publishing.publisher import Publisher
from anchoring.witness.protocol import Request
from registry.errors import RegistryError
from tests.simulation.chance import Crash
from tests.simulation.world import AUTHORITIES, LOG, NESTED_EVENTS, Process, World

DEEPEST_NESTING = 2
EVENTS = NESTED_EVENTS | {
    "tend": 8.0, "ask": 24.0, "ask_again": 5.0, "ask_at_once": 4.0, "restart": 8.0, "drop_connections": 0.5,
    "forge": 1.0, "go_away": 1.0, "record_state": 2.5,
}  # fmt: skip


class Events(World):
    """A world in which things happen, one at a time; or one in the middle of another, between two of its steps."""

    _depth = 0

    def meanwhile(self, weights: dict[str, float]) -> None:
        if self._depth < DEEPEST_NESTING:
            self.happen(weights)

    def happen(self, weights: dict[str, float]) -> None:
        event = self.chance.weighted(weights)
        self.clock.now += self.chance.random.randrange(1500)
        self._depth += 1
        try:
            getattr(self, event)()
        finally:
            self._depth -= 1
        self.oracle.look()

    def attempt(self, process: Process, work: Callable[[Any], object]) -> None:
        """Let a component work until it is through, fails, or dies."""
        if process.running is None or process.name in self.wires.busy:
            return
        self.wires.busy.add(process.name)
        try:
            self.chance.note(process.name, work(process.running.it))
        except Crash as crash:
            self.chance.note("crash", crash)
            self.chance.count(f"crashes: {crash}")
            process.die()
        except (AnchoringError, RegistryError) as error:
            self.chance.note(process.name, type(error).__name__)
            if self.chance.is_calm:
                raise
        finally:
            self.wires.busy.discard(process.name)

    def ask(self) -> None:
        self.users.ask()

    def ask_again(self) -> None:
        self.users.ask_again()

    def ask_at_once(self) -> None:
        self.users.ask_at_once()

    def publish(self) -> None:
        self.attempt(self.publishers[0], lambda one: one.publish())

    def record_state(self) -> None:
        """An epoch ends: the state of all grams goes into the log as a record of its own."""

        def work(publisher: Publisher) -> int | None:
            epoch = Epochs(publisher, self.states, lambda place: self.point("publisher", f"epoch-{place}")).make()
            return None if epoch is None else epoch.size

        self.attempt(self.publishers[0], work)

    def publish_too(self) -> None:
        """A second publisher runs, as after a restart of the database that let go of the first one's lock."""
        self.attempt(self.publishers[1], lambda one: one.publish())

    def anchor(self) -> None:
        self.attempt(self.anchorer, lambda one: one.anchor())

    def settle(self) -> None:
        self.attempt(self.anchorer, lambda one: one.settle())

    def tend(self) -> None:
        """What the supervisor does again and again."""
        for event in (self.publish, self.anchor, self.settle):
            event()

    def mine(self) -> None:
        self.node.mine()

    def reorganise(self) -> None:
        self.node.reorganise()

    def deliver_late(self) -> None:
        self.wires.deliver_late()

    def restart(self) -> None:
        dead = [process for process in self.processes if process.running is None]
        if dead:
            process = self.chance.choice(dead)
            self.chance.note("restart", process.name)
            process.restart()

    def drop_connections(self) -> None:
        """The database ends every connection that it has."""
        self._end_connections("datname = %s", self.database.url.database)
        self.users.is_shaken = True
        self.chance.note("connections dropped")
        self.chance.count("connections killed")

    def forge(self) -> None:
        """The log's key signs another tree; no witness may cosign it."""
        number = self.chance.random.randrange(len(AUTHORITIES))
        size = self.chance.random.randint(1, self.oracle.public_size + 2)
        signed = sign(Checkpoint(LOG.name, size, self.chance.random.randbytes(32)), LOG)
        old = self.oracle.cosigned_size(AUTHORITIES[number])
        self.wires.deliver(AUTHORITIES[number], "POST", "/add-checkpoint", Request(old, (), signed).encode())

    def go_away(self) -> None:
        """The log's server is out of a witness's reach, or comes back."""
        source = self.chance.choice(self.sources)
        source.is_away = not source.is_away
