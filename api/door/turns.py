"""Who is next at something that so many callers at a time may use: addresses take turns, whatever one of them asks for.

An address that asks often waits behind itself. When too many wait, the last of the address that has most waiting is
sent away, so that nobody can keep the others out.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Full(Exception):
    """Too many wait, and this caller is one too many."""


class Turns:
    """Slots, for the callers of one event loop."""

    def __init__(self, of_one: int, in_all: int, *, slots: int = 1, share: int = 1) -> None:
        """At most `of_one` callers of an address wait, and at most `in_all`; an address has `share` of the `slots`."""
        self._of_one, self._in_all = of_one, in_all
        self._free, self._share = slots, share
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Hold a slot while inside. Raises Full, also while waiting."""
        if self._has_room(address):
            self._take(address)
        else:
            await self._await(address)
        try:
            yield
        finally:
            self._give_back(address)

    def _has_room(self, address: str) -> bool:
        return self._free > 0 and self._held[address] < self._share

    def _take(self, address: str) -> None:
        self._free -= 1
        self._held[address] += 1

    async def _await(self, address: str) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue(address, mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled() and mine.exception() is None:
                self._give_back(address)
            raise
        finally:
            self._leave(address, mine)

    def _queue(self, address: str, mine: asyncio.Future[None]) -> None:
        if len(self._waiting.get(address, ())) >= self._of_one:
            raise Full
        self._waiting.setdefault(address, deque()).append(mine)
        if sum(map(len, self._waiting.values())) > self._in_all:
            longest = max(self._waiting, key=lambda one: len(self._waiting[one]))
            self._waiting[longest].pop().set_exception(Full())

    def _leave(self, address: str, mine: asyncio.Future[None]) -> None:
        queue = self._waiting.get(address, deque())
        if mine in queue:
            queue.remove(mine)
        if not queue:
            self._waiting.pop(address, None)

    def _give_back(self, address: str) -> None:
        self._free += 1
        self._held[address] -= 1
        self._held += Counter()  # leaves out who holds none
        self._hand_on()

    def _hand_on(self) -> None:
        """Give the slot to the first of the next address that may have it, which then comes last."""
        for address in filter(self._has_room, [*self._waiting]):
            queue = self._waiting.pop(address)
            while queue:
                first = queue.popleft()
                if queue:
                    self._waiting[address] = queue
                if not first.done():
                    self._take(address)
                    first.set_result(None)
                    return
