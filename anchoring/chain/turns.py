"""Who is next at the one chain: urgent callers before the others, each kind in the order in which they came."""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Final

BACKGROUND: Final = "u=7"
"""The `Priority` (RFC 9218) of calls that come after all others': those that strangers make through the registry."""
LOOK_SECONDS: Final = 0.2
"""How often somebody who waits is looked after: whoever went away gets no turn."""


class Gone(Exception):
    """The caller went away while it waited."""


class Turns:
    """A lock with an order. A turn is as long as one call; nobody is interrupted in it."""

    def __init__(self) -> None:
        """Begin with nobody at work."""
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._waiting: set[tuple[bool, int]] = set()
        self._taken = False

    @contextlib.contextmanager
    def turn(self, *, urgent: bool, gone: Callable[[], bool]) -> Iterator[None]:
        """Hold the chain while inside. Raises Gone when `gone` says so before the turn comes."""
        self._await((not urgent, next(self._numbers)), gone)
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify_all()

    def _await(self, place: tuple[bool, int], gone: Callable[[], bool]) -> None:
        with self._changed:
            self._waiting.add(place)
            try:
                while self._taken or place != min(self._waiting):
                    self._changed.wait(LOOK_SECONDS)
                    if gone():
                        raise Gone
                self._taken = True
            finally:
                self._waiting.remove(place)
                self._changed.notify_all()
