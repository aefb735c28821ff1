"""A seeded run of all acts on a real ledger, each asked of the model first; after every step the two must agree."""

import random
from dataclasses import dataclass, field

import pytest

from registry.ledger.movement import Kind
from tests.support.acts import Acts, Drawn
from tests.support.gram_model import Failure
from tests.support.scheme import Scheme


@dataclass
class Simulation:
    """A seeded run of acts, one by one; after every step ledger and model must agree."""

    scheme: Scheme
    seed: int
    done: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.acts = Acts.found(self.scheme, self.random)

    def run(self, steps: int) -> None:
        for step in range(steps):
            drawn = self.acts.draw() if step >= 4 else self.acts.issue()
            if drawn is None:
                continue
            try:
                self.agree(drawn)
                self.acts.compare()
            except BaseException as error:
                error.add_note(f"seed {self.seed}, step {step}: {drawn.name}")
                raise

    def agree(self, drawn: Drawn) -> None:
        """Do an act, which takes what the model says, or fails as it says."""
        at = self.scheme.clock.now + self.scheme.clock.step
        try:
            taken = drawn.takes(at)
        except Failure as failure:
            self.failed[drawn.name] = self.failed.get(drawn.name, 0) + 1
            with pytest.raises(failure.of), self.scheme.database.transaction() as tx:
                drawn.act(tx, self.scheme.ledger)
            return
        with self.scheme.database.transaction() as tx:
            posted = drawn.act(tx, self.scheme.ledger)
        self.done[drawn.name] = self.done.get(drawn.name, 0) + 1
        assert at <= posted.at <= at + drawn.decisions * self.scheme.clock.step
        assert posted.quantity_g == len(taken)
        took = [written.movement for written in posted.movements if written.movement.kind != Kind.BUNDLE]
        numbers = [n for movement in took for n in range(movement.first, movement.last)]
        assert sorted(numbers) == sorted(gram.number for gram in taken)
        drawn.change(taken, posted.act_id, at)
