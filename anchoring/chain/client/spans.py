"""Reads events from the last block backwards, as many blocks at a time as the endpoint answers for.

How many that is differs by endpoint and by the hour, so it is found by asking: fewer after a refusal, more again after
answers. Backwards, because the contract's first event says that none came before it: its first block need not be known.
"""

import time
from collections.abc import Callable
from typing import Final

from anchoring.chain.client.answers import AnchoredCheckpoint
from anchoring.chain.endpoint import Lost
from anchoring.errors import Unreachable

AGAIN_SECONDS: Final = 1.0
"""Before the same is asked again of an endpoint that broke off."""
FORGIVEN_AFTER: Final = 16
"""Answers after which a span that was refused is tried again."""
MAX_QUESTIONS: Final = 20_000

Ask = Callable[[int, int], list[AnchoredCheckpoint]]


class Span:
    """How many blocks are asked for at once, at most `most`."""

    def __init__(self, most: int) -> None:
        """Begin with all of them."""
        self.blocks = self._most = max(1, most)
        self._refused = self._most + 1
        self._answers = 0

    def answered(self) -> None:
        """Grow towards the smallest span that was refused; after many answers, beyond it."""
        self._answers += 1
        if self._answers % FORGIVEN_AFTER == 0:
            self._refused = self._most + 1
        self.blocks = min(2 * self.blocks, max(self.blocks, (self.blocks + self._refused) // 2), self._most)

    def refused(self) -> None:
        """Ask for a quarter."""
        self._answers, self._refused = 0, self.blocks
        self.blocks = max(1, self.blocks // 4)


def read_back(ask: Ask, first: int, last: int, pause: Callable[[float], None] = time.sleep) -> list[AnchoredCheckpoint]:
    """All anchors in the blocks `first` to `last`, in the chain's order. `ask` is given the first and last block.

    Raises Unreachable when not even one block is answered for, or it would take more than MAX_QUESTIONS.
    """
    found: list[AnchoredCheckpoint] = []
    span = Span(last - first + 1)
    broken_off = False
    for _ in range(MAX_QUESTIONS):
        if last < first or (found and found[0].previous == 0):
            return found
        begin = max(first, last - span.blocks + 1)
        try:
            found = [*ask(begin, last), *found]
        except Unreachable as error:
            if isinstance(error, Lost) and not broken_off:
                broken_off = True
                pause(AGAIN_SECONDS)
            elif begin == last:
                raise
            else:
                broken_off = False
                span.refused()
        else:
            broken_off = False
            last = begin - 1
            span.answered()
    raise Unreachable(
        "The chain answers for so few blocks at a time that its anchors cannot be read; use another node."
    )
