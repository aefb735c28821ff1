"""What time it is for those who cosign: no witness takes a leaf that is further ahead of its clock than its bounds.

A leaf, once signed, is never taken back: one of a clock that is ahead would keep the log waiting until that time comes.
A cosignature says when it was made, and a second later it is a second later. So the clock of this machine is held
against the cosignatures that were seen, by a clock that nobody sets (`monotonic`).
"""

from collections.abc import Callable, Iterable

from anchoring.note import Verified
from registry.procedure.clock import USUAL, Bounds


class WitnessedTime:
    """The time, Unix milliseconds, at `threshold` cosigners at least, as far as their cosignatures tell."""

    def __init__(
        self,
        threshold: int,
        clock: Callable[[], int],
        monotonic: Callable[[], float],
        bounds: Bounds = USUAL,
    ) -> None:
        """Begin without having seen one; `clock` is this machine's, Unix milliseconds, `monotonic` gives seconds."""
        self._threshold, self._clock, self._monotonic, self._bounds = threshold, clock, monotonic, bounds
        self._began: dict[str, float] = {}

    def see(self, cosignatures: Iterable[Verified]) -> None:
        """Know cosignatures that hold."""
        for one in cosignatures:
            if one.timestamp is not None:
                at = one.timestamp * 1000 - self._monotonic() * 1000
                self._began[one.verifier.name] = max(at, self._began.get(one.verifier.name, at))

    @property
    def now(self) -> int | None:
        """The earliest that it can be now for so many of them; None where too few were seen, or nobody is to cosign."""
        latest_first = sorted(self._began.values(), reverse=True)
        if not 0 < self._threshold <= len(latest_first):
            return None
        return int(latest_first[self._threshold - 1] + self._monotonic() * 1000)

    @property
    def is_doubtful(self) -> bool:
        """Whether our clock is so far ahead of what was seen, half of what they take, that they are to be asked."""
        now = self.now
        return now is not None and self._clock() > now + self._bounds.ahead_ms // 2

    @property
    def is_ahead(self) -> bool:
        """Whether our clock gives leaves a time that they would not take."""
        return self._clock() > self.latest

    @property
    def latest(self) -> int:
        """The latest time that a leaf may have now, so that enough of them take it."""
        now = self.now
        return self._bounds.ahead_ms + (self._clock() if now is None else min(now, self._clock()))
