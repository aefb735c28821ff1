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
class Bounds:
    """How far times may be apart, in milliseconds."""

    ahead_ms: int = AHEAD_MS
    behind_ms: int = BEHIND_MS


@dataclass(frozen=True, slots=True)
class Watch:
    """The time of a witness, and the newest `at` of the leaves that it cosigned before (None before the first).

    Unix milliseconds. It is not the time of the cosignature: a log that waited for its witnesses must go on.
    """

    now: int
    newest: int | None
    bounds: Bounds = Bounds()

    def fault(self, leaf: int, at: int) -> Fault | None:
        """Hold a leaf's time against both."""
        if at > self.now + self.bounds.ahead_ms:
            return Fault(leaf, Rule.CLOCK, f"it is of {shown(at)}, and it is {shown(self.now)}")
        if self.newest is not None and at < self.newest - self.bounds.behind_ms:
            return Fault(leaf, Rule.CLOCK, f"it is of {shown(at)}, and leaves of {shown(self.newest)} came before")
        return None


@dataclass(frozen=True, slots=True)
class Anchored:
    """The block times of the anchors around a record, Unix milliseconds: of the last one without it, the first with it.

    None where there is no such anchor.
    """

    before: int | None
    after: int | None
    bounds: Bounds = Bounds()

    def fault(self, leaf: int, at: int) -> Fault | None:
        """Hold a record's time against both."""
        if self.after is not None and at > self.after + self.bounds.ahead_ms:
            return Fault(leaf, Rule.CLOCK, f"it is of {shown(at)}, and was anchored at {shown(self.after)}")
        if self.before is not None and at < self.before - self.bounds.behind_ms:
            return Fault(leaf, Rule.CLOCK, f"it is of {shown(at)}, and was not anchored yet at {shown(self.before)}")
        return None
