"""The rule CLOCK: no leaf is of another time than the one at which it comes, so that no waiting time is backdated."""

from dataclasses import dataclass
from typing import Final

from registry.procedure.fields import shown
from registry.procedure.rule import Fault, Rule

AHEAD_MS: Final = 60_000
"""How much later than the clock a leaf may be: clocks differ, and leaves have whole minutes."""
BEHIND_MS: Final = 3_600_000
"""How much earlier a leaf may be than the newest one before: a batch waits for its witnesses, not longer."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The time of a witness, and the newest `at` of the leaves that it cosigned before (None before the first).

    Unix milliseconds. It is not the time of the cosignature: a log that waited for its witnesses must go on.
    """

    now: int
    newest: int | None

    @property
    def latest(self) -> int:
        """The latest time that a leaf may have."""
        return self.now + AHEAD_MS

    @property
    def earliest(self) -> int:
        """The earliest time that a leaf may have."""
        return 0 if self.newest is None else self.newest - BEHIND_MS

    def fault(self, leaf: int, at: int) -> Fault | None:
        """Hold a leaf's time against both."""
        if at > self.latest:
            return Fault(leaf, Rule.CLOCK, f"it is of {shown(at)}, and it is {shown(self.now)}")
        if self.newest is not None and at < self.earliest:
            return Fault(leaf, Rule.CLOCK, f"it is of {shown(at)}, and leaves of {shown(self.newest)} came before")
        return None
