"""Who is next at something that one caller at a time may use: addresses take turns, whatever one of them asks for.

An address that asks often waits behind itself. When too many wait, the last of the address that has most waiting is
sent away, so that nobody can keep the others out.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Full(Exception):
    """Too many wait, and this caller is one too many."""


class Turns:
    """One slot, for the callers of one event loop."""

    def __init__(self, of_one: int, in_all: int) -> None:
        """At most `of_one` callers of an address wait, and at most `in_all` callers."""
        self._of_one, self._in_all = of_one, in_all
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._taken = False

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Hold the slot while inside. Raises Full, also while waiting."""
        if self._taken:
            await self._await(address)
        self._taken = True
        try:
            yield
        finally:
            self._hand_on()

    async def _await(self, address: str) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue(address, mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled() and mine.exception() is None:
                self._hand_on()
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

    def _hand_on(self) -> None:
        """Give the slot to the first of the next address, which then comes last."""
        self._taken = False
        for address in [*self._waiting]:
            queue = self._waiting.pop(address)
            while queue:
                first = queue.popleft()
                if queue:
                    self._waiting[address] = queue
                if not first.done():
                    self._taken = True
                    first.set_result(None)
                    return
