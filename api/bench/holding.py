"""Those who hold a registry's connections, silent or slow, and those who keep its chain busy; a process of its own.

It reads its plan as JSON on standard input, says `ready` when all are there, and ends by itself.
"""

import contextlib
import http.client
import json
import resource
import socket
import sys
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

TRICKLE_S = 1.0
"""Between two bytes of the slow ones."""
REOPENED_A_SECOND = 500
"""Of those that were let go."""
CALLERS = 4
"""Of the chain, at once."""
STARTS = (b"", b"GET / HTTP/1.1\r\nHost: x\r\nA: ", b"POST /chain HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
"""Silent, slow in the head, slow in the body."""


@dataclass(frozen=True, slots=True)
class Siege:
    """Whom, with how many connections, for how long; each kind from an address of its own."""

    url: str
    held: int
    seconds: float
    holder: str = "127.0.0.2"
    caller: str = "127.0.0.3"


def run(siege: Siege) -> None:
    """Hold and call until the time is up."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    held = [_open(siege, number) for number in range(siege.held)]
    end = time.monotonic() + siege.seconds
    for _ in range(CALLERS):
        threading.Thread(target=_call, args=(siege, end), daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while time.monotonic() < end:
        time.sleep(TRICKLE_S)
        gone = [number for number, connection in enumerate(held) if _is_gone(connection, number)]
        for number in gone[: int(REOPENED_A_SECOND * TRICKLE_S)]:
            held[number] = _open(siege, number)


def _open(siege: Siege, number: int) -> socket.socket | None:
    where = urlsplit(siege.url)
    with contextlib.suppress(OSError):
        connection = socket.create_connection((where.hostname or "", where.port or 80), 5, (siege.holder, 0))
        connection.setblocking(False)
        with contextlib.suppress(OSError):
            connection.send(STARTS[number % len(STARTS)])
        return connection
    return None


def _is_gone(connection: socket.socket | None, number: int) -> bool:
    """Send the next byte of a slow one; close one whose other end has gone."""
    if connection is None:
        return True
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


def _call(siege: Siege, end: float) -> None:
    """Ask the chain for the logs of all blocks, ten times in a batch, again and again."""
    where = urlsplit(siege.url)
    params = [{"fromBlock": "0x0", "toBlock": "latest"}]
    batch = [{"jsonrpc": "2.0", "id": number, "method": "eth_getLogs", "params": params} for number in range(10)]
    body, headers = json.dumps(batch).encode(), {"Content-Type": "application/json"}
    while time.monotonic() < end:
        connection = http.client.HTTPConnection(where.hostname or "", where.port, 10, (siege.caller, 0))
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("POST", "/chain", body, headers)
            connection.getresponse().read()
        connection.close()


if __name__ == "__main__":
    run(Siege(**json.load(sys.stdin)))
