"""Who holds the connections of a server: so many in all, so many for each address, and those that wait go first.

A connection costs its holder next to nothing, so a place is no right: whoever is being answered keeps it, and whoever
makes us wait (for a first byte, the rest of a request, or to take an answer) gives it up when another needs it.
"""

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Generic, Protocol, TypeVar

NETWORK_BITS: Final = 64
"""Of an IPv6 address: what follows them, one subscriber chooses at will."""

BACKLOG: Final = 4096
"""Connections the system keeps for a server that is busy; what is beyond is tried again by the caller's, after 1 s."""


class Connection(Protocol):
    """What is asked of a connection."""

    @property
    def source(self) -> str:
        """Where it comes from, as `source_of` names it."""
        ...

    @property
    def is_waiting(self) -> bool:
        """Whether we wait for its other end."""
        ...

    def shed(self) -> None:
        """End it, now; called from any thread."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections, in one process."""

    total: int
    per_source: int
    uncapped: frozenset[str] = frozenset()
    """Sources that stand for many others, like a proxy of our own: only the total holds for them."""
    kept: int = 0
    """Places that only `kept_for` may have."""
    kept_for: frozenset[str] = frozenset()


@lru_cache(maxsize=4096)
def source_of(address: str) -> str:
    """Name what an address is counted as: IPv4 as it is, IPv6 by its network; anything else as it is."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, NETWORK_BITS), strict=False))


C = TypeVar("C", bound=Connection)


class Ledger(Generic[C]):
    """The connections of one process, by source, those longest without an answer first."""

    def __init__(self, limits: Limits) -> None:
        """Begin with none."""
        self._limits = limits
        self._held: dict[str, OrderedDict[C, None]] = {}
        self._count = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def enter(self, connection: C) -> bool:
        """Give it a place, shedding another if need be; False when all others are being answered."""
        with self._lock:
            shed = None
            if self._is_full_for(connection.source):
                shed = next(self._sheddable_for(connection.source), None)
                if shed is None:
                    return False
                self._remove(shed)
            self._held.setdefault(connection.source, OrderedDict())[connection] = None
            self._count += 1
        if shed is not None:
            shed.shed()
        return True

    def answered(self, connection: C) -> None:
        """Note that it was answered just now: it is the last of its source to be shed."""
        with self._lock:
            held = self._held.get(connection.source)
            if held is not None and connection in held:
                held.move_to_end(connection)

    def leave(self, connection: C) -> None:
        """Take its place back, unless it was shed before."""
        with self._lock:
            if connection in self._held.get(connection.source, ()):
                self._remove(connection)

    def everyone(self) -> list[C]:
        """Give all of them."""
        with self._lock:
            return [connection for held in self._held.values() for connection in held]

    def _is_full_for(self, source: str) -> bool:
        if self._has_its_share(source):
            return True
        limits = self._limits
        if source in limits.kept_for:
            return self._count >= limits.total
        taken = sum(len(self._held.get(kept, ())) for kept in limits.kept_for)
        return self._count >= limits.total - max(0, limits.kept - taken)

    def _has_its_share(self, source: str) -> bool:
        return source not in self._limits.uncapped and len(self._held.get(source, ())) >= self._limits.per_source

    def _sheddable_for(self, source: str) -> Iterator[C]:
        """Give whom we wait for: of the same source when it has its share, otherwise of whoever holds most."""
        own = self._held.get(source, OrderedDict())
        crowds = [own] if self._has_its_share(source) else sorted(self._held.values(), key=len, reverse=True)
        for held in crowds:
            yield from (one for one in held if one.is_waiting and (held is own or not self._is_kept(one.source)))

    def _is_kept(self, source: str) -> bool:
        """Whether its places are kept, as many as it has: strangers shed strangers."""
        limits = self._limits
        return source in limits.kept_for and len(self._held[source]) <= limits.kept

    def _remove(self, connection: C) -> None:
        held = self._held[connection.source]
        del held[connection]
        self._count -= 1
        if not held:
            del self._held[connection.source]
