"""The rule CLOCK: no leaf is of another time than the one at which it comes, so that no waiting time is backdated."""

from dataclasses import dataclass
from typing import Final

from registry.procedure.fields import shown
from registry.procedure.rule import Fault, Rule

AHEAD_MS: Final = 60_000
"""How much later than the clock a leaf may be, unless a witness is told otherwise: clocks differ."""
BEHIND_MS: Final = 3_600_000
"""How much earlier a leaf may be than the newest one before, unless a witness is told otherwise."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a leaf's time may be, in milliseconds: so much later than the clock, so much earlier than the newest."""

    ahead_ms: int = AHEAD_MS
    behind_ms: int = BEHIND_MS


USUAL: Final = Bounds()


@dataclass(frozen=True, slots=True)
class Watch:
    """The time of a witness, and the newest `at` of the leaves that it cosigned before (None before the first).

    Unix milliseconds. It is not the time of the cosignature: a log that waited for its witnesses must go on.
    """

    now: int
    newest: int | None
    bounds: Bounds = USUAL

    @property
    def latest(self) -> int:
        """The latest time that a leaf may have."""
        return self.now + self.bounds.ahead_ms

    @property
    def earliest(self) -> int:
        """The earliest time that a leaf may have."""
        return 0 if self.newest is None else self.newest - self.bounds.behind_ms

    def fault(self, leaf: int, at: int) -> Fault | None:
        """Hold a leaf's time against both."""
        if at > self.latest:
            return Fault(leaf, Rule.CLOCK, f"it is of {shown(at)}, and it is {shown(self.now)}")
        if self.newest is not None and at < self.earliest:
            return Fault(leaf, Rule.CLOCK, f"it is of {shown(at)}, and leaves of {shown(self.newest)} came before")
        return None
