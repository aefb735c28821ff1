"""What `gram serve` does again and again: each work by name, when it was last done, and how often it failed."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from anchoring.errors import AnchoringError, Behind
from registry.clock import Clock
from registry.errors import RegistryError

log = structlog.get_logger()

LEAVE_S = 2
"""For a thread to end what it is doing."""


@dataclass
class Work:
    """A work, when it was last done as a whole (Unix milliseconds; None before the first time), and its failures."""

    name: str
    done_ms: int | None = None
    failures: int = 0


class Works:
    """The works of one supervisor: some in threads of their own, some done by whoever calls."""

    def __init__(self, clock: Clock) -> None:
        """Begin with none."""
        self._clock = clock
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._works: dict[str, Work] = {}

    @property
    def standing(self) -> Sequence[Work]:
        """Give them all, in the order in which they were begun."""
        return tuple(self._works.values())

    @property
    def over(self) -> threading.Event:
        """Set when they are to end: a work that takes long looks at it."""
        return self._stop

    def repeat(self, name: str, every_s: float, *parts: Callable[[], object]) -> None:
        """Repeat a work in a thread of its own until `leave`, so long after it was done the last time."""
        work = self._works.setdefault(name, Work(name))
        thread = threading.Thread(target=self._repeat, args=(work, every_s, parts), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def attempt(self, name: str, *parts: Callable[[], object]) -> None:
        """Do a work now, in parts of which each is tried. Raises `Behind`, after which no attempt succeeds."""
        failed = False
        for part in parts:
            try:
                part()
            except Behind:
                raise
            except (AnchoringError, RegistryError, OSError) as error:
                failed = True
                log.error("will be tried again", work=name, detail=str(error))  # noqa: TRY400  (the sentence says it all)
        self.note(name, done=not failed)

    def note(self, name: str, *, done: bool) -> None:
        """Note that a work was done, or failed."""
        work = self._works.setdefault(name, Work(name))
        if done:
            work.done_ms = self._clock()
        else:
            work.failures += 1

    def leave(self) -> None:
        """End them, and wait a little for what is under way; a chain that does not answer is not waited for."""
        self._stop.set()
        for thread in self._threads:
            thread.join(LEAVE_S)

    def _repeat(self, work: Work, every_s: float, parts: Sequence[Callable[[], object]]) -> None:
        while True:
            try:
                self.attempt(work.name, *parts)
            except Exception:
                if self._stop.is_set():
                    return  # what it was using has been closed; all it does can be repeated
                self.note(work.name, done=False)
                log.exception("a defect; will be tried again", work=work.name)
            if self._stop.wait(every_s):
                return
