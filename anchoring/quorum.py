"""k of n: several who may be slow, down, split or lying are asked side by side, and those that suffice are enough.

Each ask ends by a deadline of its own; what comes after there was enough, or after the time for all, is unheard.
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from anchoring.errors import AnchoringError, Unreachable, Unwitnessed

WHOLE_S: Final = 12.0
"""For all of an asking: a little more than each of the asked has."""
LINGER_S: Final = 0.2
"""After enough have answered: those that are nearly as quick are heard too."""
M = TypeVar("M")
T = TypeVar("T")


class Collect(Protocol):
    """A way to ask several: `collect`, or one after the other where nothing may happen at once."""

    def __call__(
        self, asks: Sequence[Callable[[], T]], enough: int, timeout_s: float, linger_s: float = 0.0
    ) -> list[T | AnchoringError]:
        """As `collect` below."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """How a member does: `failing_since_ms` is its first failure after its last good answer, None when there is none.

    `reason` is the last failure's sentence; part of it may be a stranger's words, made printable.
    """

    name: str
    failing_since_ms: int | None = None
    reason: str = ""


def collect(
    asks: Sequence[Callable[[], T]], enough: int, timeout_s: float, linger_s: float = 0.0
) -> list[T | AnchoringError]:
    """Ask all side by side and give each one's answer or failure, in the order of `asks`.

    Returns `linger_s` after `enough` have answered, or when none is left, or `timeout_s` is over; who is not heard by
    then stands as Unreachable. What is no AnchoringError is a defect, and is raised.
    """
    outcomes: queue.SimpleQueue[tuple[int, T | Exception]] = queue.SimpleQueue()

    def run(number: int, ask: Callable[[], T]) -> None:
        try:
            outcomes.put((number, ask()))
        except Exception as error:  # noqa: BLE001  (handed to the asking thread, which raises what is a defect)
            outcomes.put((number, error))

    for number, ask in enumerate(asks):
        threading.Thread(target=run, args=(number, ask), daemon=True).start()
    heard: list[T | AnchoringError] = [Unreachable("it did not answer in time") for _ in asks]
    answered, until = 0, time.monotonic() + timeout_s
    for _ in asks:
        try:
            number, outcome = outcomes.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        if isinstance(outcome, Exception) and not isinstance(outcome, AnchoringError):
            raise outcome
        heard[number] = outcome
        answered += not isinstance(outcome, AnchoringError)
        if answered == enough:
            until = min(until, time.monotonic() + linger_s)
    return heard


class Quorum(Generic[M]):
    """`threshold` of `members`, by their names. One thread asks; it remembers who fails, since when and why."""

    def __init__(
        self,
        members: Mapping[str, M],
        threshold: int,
        clock: Callable[[], int],
        whole_s: float = WHOLE_S,
        collect: Collect = collect,
    ) -> None:
        """Take `members`, each of whom answers or raises an AnchoringError in bounded time; `whole_s` is for all.

        `clock` gives Unix milliseconds. Raises ValueError when there can never be enough.
        """
        if not 0 <= threshold <= len(members):
            raise ValueError(f"{threshold} of {len(members)} is no threshold")
        self.members, self.threshold = dict(members), threshold
        self._clock, self._whole_s, self._collect = clock, whole_s, collect
        self._busy = {name: threading.Lock() for name in members}
        self._health = {name: Health(name) for name in members}

    @property
    def health(self) -> tuple[Health, ...]:
        """How each member does, as far as was heard."""
        return tuple(self._health.values())

    def ask(self, what: str, work: Callable[[M], T]) -> tuple[T, ...]:
        """Give the answers of `threshold` members or more, in the members' order.

        A member that is still at work on what it was asked before is not asked: nothing piles up. Raises Unwitnessed,
        whose sentence says that `what` lacks them and why each failed, when fewer answer in time.
        """
        asks = [self._asking(name, work) for name in self.members]
        outcomes = self._collect(asks, self.threshold, self._whole_s, LINGER_S)
        answers = tuple(one for one in outcomes if not isinstance(one, AnchoringError))
        if len(answers) < self.threshold:
            failed = {
                name: one for name, one in zip(self.members, outcomes, strict=True) if isinstance(one, AnchoringError)
            }
            raise Unwitnessed(what, self.threshold, len(answers), failed)
        return answers

    def _asking(self, name: str, work: Callable[[M], T]) -> Callable[[], T]:
        def run() -> T:
            if not self._busy[name].acquire(blocking=False):
                raise Unreachable("it is still at work on what it was asked before")
            try:
                answer = work(self.members[name])
            except AnchoringError as error:
                since = self._health[name].failing_since_ms
                self._health[name] = Health(name, self._clock() if since is None else since, str(error))
                raise
            finally:
                self._busy[name].release()
            self._health[name] = Health(name)
            return answer

        return run
