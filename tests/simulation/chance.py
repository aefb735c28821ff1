"""What is drawn in one run, what it led to, and what a component dies of."""

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


class Crash(BaseException):
    """The process of a component ends here. No `Exception` handler may outlive one's own death."""

    def __init__(self, component: str, place: str) -> None:
        super().__init__(f"{component} at {place}")
        self.component, self.place = component, place


@dataclass
class Chance:
    """One generator for everything, the trace of what happened, and how often what happened."""

    seed: int
    trace: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    is_calm: bool = False
    """Faults have stopped: nothing unlikely happens any more."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def happens(self, probability: float) -> bool:
        return not self.is_calm and self.random.random() < probability

    def choice(self, of: Sequence[T]) -> T:
        return self.random.choice(of)

    def weighted(self, weights: dict[str, float]) -> str:
        return self.random.choices(list(weights), list(weights.values()))[0]

    def note(self, what: str, *facts: object) -> None:
        """Write down what happened; facts are numbers and words that the seed alone decides."""
        self.trace.append(" ".join([what, *map(str, facts)]))

    def count(self, what: str, times: int = 1) -> None:
        self.counts[what] += times

    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()
