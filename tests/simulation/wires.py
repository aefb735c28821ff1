"""The wires: every request between components goes through here, and arrives, or late, or twice, or never."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2

from anchoring.errors import Unreachable
from anchoring.tree.sources import DirectorySource, Source
from tests.simulation.chance import Chance

Handler = Callable[[str, str, bytes], httpx2.Response | None]
"""Answers method, path and body; None when it breaks off."""
FATES = {"arrives": 60.0, "dropped": 2.0, "unanswered": 2.0, "late": 1.5, "twice": 1.5}


@dataclass
class Wires(httpx2.BaseTransport):
    """One transport for all clients. `hosts` are who answers, by name; whoever is not there does not answer."""

    chance: Chance
    hosts: dict[str, Handler] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    """Who is in the middle of an answer, and takes no other request."""
    late: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    is_rough: bool = False

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        host, method, path, body = request.url.host, request.method, request.url.path, request.read()
        fate = self.chance.weighted(FATES) if self.is_rough and not self.chance.is_calm else "arrives"
        if fate != "arrives":
            self.chance.note(fate, host, method, path)
            self.chance.count({"late": "delays", "twice": "repeats"}.get(fate, "drops"))
        if fate == "late":
            self.late.append((host, method, path, body))
        if fate in {"dropped", "late"}:
            raise httpx2.ReadTimeout("nothing came back", request=request)
        answered = self.deliver(host, method, path, body)
        if fate == "twice":
            answered = self.deliver(host, method, path, body)
        if fate == "unanswered" or answered is None:
            raise httpx2.RemoteProtocolError("broke off", request=request)
        return answered

    def deliver(self, host: str, method: str, path: str, body: bytes) -> httpx2.Response | None:
        """Bring a request to its host; None when that is down, busy, or dies of it."""
        if host not in self.hosts or host in self.busy:
            return None
        self.busy.add(host)
        try:
            return self.hosts[host](method, path, body)
        finally:
            self.busy.discard(host)

    def deliver_late(self) -> None:
        """Bring what was held back, in any order."""
        if self.late:
            message = self.late.pop(self.chance.random.randrange(len(self.late)))
            self.chance.note("arrives late", *message[:3])
            self.deliver(*message)


def rpc(answer: Callable[[object], object]) -> Handler:
    """JSON-RPC over a wire."""
    return lambda _method, _path, body: response(200, "application/json", json.dumps(answer(json.loads(body))).encode())


def response(status: int, content_type: str, body: bytes) -> httpx2.Response:
    """An answer as it comes from a connection, to be read once."""
    return httpx2.Response(status, headers={"Content-Type": content_type}, stream=httpx2.ByteStream(body))


@dataclass
class Leaves(Source):
    """The published log as a witness reads it; away as long as `is_away` says so."""

    folder: DirectorySource
    is_away: bool = False

    def read(self, path: str, limit: int) -> bytes:
        if self.is_away:
            raise Unreachable(f"{path} does not answer")
        return self.folder.read(path, limit)
