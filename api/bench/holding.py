"""Those who hold a registry's connections, silent or slow, and those who keep its chain busy; a process of its own.

It reads its plan as JSON on standard input, says `ready` when all were opened, and says what it saw, as JSON, when it
is terminated or its time is up. It asks and opens at a rate of its own, because it shares the processors with the
server it besieges: what is to be seen is what the server does, not what is left of it.
"""

import contextlib
import http.client
import itertools
import json
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

TRICKLE_S = 1.0
"""Between two bytes of the slow ones."""
REOPENED_A_SECOND = 100
"""Of those that were let go."""
CALLERS = 4
"""Of the chain, at once."""
BATCHES_A_SECOND = 20
"""That they send together, ten calls in each: many times what a verifier asks."""
CALLS_IN_A_BATCH = 10
STARTS = (b"", b"GET / HTTP/1.1\r\nHost: x\r\nA: ", b"POST /chain HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
"""Silent, slow in the head, slow in the body."""


@dataclass(frozen=True, slots=True)
class Siege:
    """Whom, with how many connections, for how long at most; each kind from an address of its own."""

    url: str
    held: int
    seconds: float
    holder: str = "127.0.0.2"
    caller: str = "127.0.0.3"


@dataclass
class Besieged:
    """What was tried, and what came of it."""

    opened: int = 0
    """Connections, with those that took the place of others."""
    held: list[int] = field(default_factory=list)
    """How many of them were there at each look, a second apart."""
    batches: dict[str, int] = field(default_factory=dict)
    """Batches of calls by the status of their answer."""
    processor_s: float = 0.0
    """Of this process."""


class Crowd:
    """The connections of one address."""

    def __init__(self, siege: Siege, seen: Besieged) -> None:
        """Open them all, in turn silent and slow."""
        self._siege, self._seen = siege, seen
        self._number = itertools.count()
        self._held: list[tuple[int, socket.socket]] = []
        self._open(siege.held)

    def look(self) -> None:
        """Trickle, see who is left, and open some anew."""
        self._held = [one for one in self._held if not _is_gone(*one)]
        self._seen.held.append(len(self._held))
        self._open(min(REOPENED_A_SECOND, self._siege.held - len(self._held)))

    def _open(self, count: int) -> None:
        where = urlsplit(self._siege.url)
        for number in itertools.islice(self._number, count):
            self._seen.opened += 1
            with contextlib.suppress(OSError):
                source = (self._siege.holder, 0)
                connection = socket.create_connection((where.hostname or "", where.port or 80), 5, source)
                connection.setblocking(False)
                self._held.append((number, connection))
                connection.send(STARTS[number % len(STARTS)])


def _is_gone(number: int, connection: socket.socket) -> bool:
    """Send the next byte of a slow one; close one whose other end has gone."""
    try:
        if number % len(STARTS):
            connection.send(b"a")
        if connection.recv(4096):
            return False
    except BlockingIOError:
        return False
    except OSError:
        pass
    connection.close()
    return True


def run(siege: Siege, stop: threading.Event) -> Besieged:
    """Hold and call until it is stopped or the time is up."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    seen = Besieged()
    body, turns, end = _batch(siege.url), itertools.count(), time.monotonic() + siege.seconds
    crowd = Crowd(siege, seen)
    for _ in range(CALLERS):
        threading.Thread(target=_call, args=(siege, body, turns, time.monotonic(), seen), daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while time.monotonic() < end and not stop.wait(TRICKLE_S):
        crowd.look()
    seen.processor_s = time.process_time()
    return seen


def _batch(url: str) -> bytes:
    """Ask for the logs of all blocks that may be asked for, several times at once."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request("GET", "/v1/about")
    contract = json.loads(connection.getresponse().read())["chain"]["contract"]
    connection.close()
    params = [{"address": contract, "fromBlock": "0x0", "toBlock": "latest"}]
    calls = range(CALLS_IN_A_BATCH)
    batch = [{"jsonrpc": "2.0", "id": number, "method": "eth_getLogs", "params": params} for number in calls]
    return json.dumps(batch).encode()


def _call(siege: Siege, body: bytes, turns: Iterator[int], began: float, seen: Besieged) -> None:
    """Send the batch again and again, each on a connection of its own, at the times that the callers share."""
    where, headers = urlsplit(siege.url), {"Content-Type": "application/json"}
    for turn in turns:
        time.sleep(max(0.0, began + turn / BATCHES_A_SECOND - time.monotonic()))
        connection, status = http.client.HTTPConnection(where.netloc, None, 10, (siege.caller, 0)), "none"
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("POST", "/chain", body, headers)
            answer = connection.getresponse()
            answer.read()
            status = str(answer.status)
        connection.close()
        seen.batches[status] = seen.batches.get(status, 0) + 1


def main() -> None:
    """Besiege as standard input says."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    json.dump(asdict(run(Siege(**json.load(sys.stdin)), stop)), sys.stdout)


if __name__ == "__main__":
    main()
