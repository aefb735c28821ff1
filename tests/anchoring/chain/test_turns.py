"""The embedded chain is one: who is next at it, and that nobody holds it for somebody who went away."""

import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from anchoring.chain.embedded_server import RpcServer
from anchoring.chain.turns import BACKGROUND, Gone, Turns

WAIT_S = 10


def never() -> bool:
    return False


def wait_for(turns, count):
    deadline = time.monotonic() + WAIT_S
    while len(turns._waiting) < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def hold(turns, name, order, *, urgent=False, gone=never):
    with turns.turn(urgent=urgent, gone=gone):
        order.append(name)


def test_urgent_callers_come_first_and_the_others_in_their_order():
    turns, order, threads = Turns(), [], []
    with turns.turn(urgent=False, gone=never):
        for name, urgent in (("a", False), ("b", False), ("ours", True), ("c", False)):
            threads.append(threading.Thread(target=hold, args=(turns, name, order), kwargs={"urgent": urgent}))
            threads[-1].start()
            wait_for(turns, len(threads))
    for thread in threads:
        thread.join(WAIT_S)
    assert order == ["ours", "a", "b", "c"]


def test_who_went_away_gets_no_turn():
    turns = Turns()
    with turns.turn(urgent=True, gone=never), pytest.raises(Gone), turns.turn(urgent=False, gone=lambda: True):
        pytest.fail("nobody waits for this")
    hold(turns, "next", [])


def post(server, body, priority=None):
    """Send a call and leave the connection open."""
    parts = urlsplit(server.url)
    connection = socket.create_connection((parts.hostname, parts.port), WAIT_S)
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    head += f"Priority: {priority}\r\n" if priority else ""
    connection.sendall(f"{head}\r\n".encode() + body)
    return connection


def test_calls_of_strangers_wait_and_end_with_their_callers(chain):
    """Ten strangers ask for much and go; what the registry asks for next is answered, and nothing is left over."""
    server = RpcServer(chain, 0)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    many = json.dumps([{"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [{"fromBlock": "0x0"}]}] * 90)
    one = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}).encode()
    with server._turns.turn(urgent=True, gone=never):
        strangers = [post(server, many.encode(), BACKGROUND) for _ in range(10)]
        wait_for(server._turns, 10)
        for stranger in strangers[1:]:
            stranger.close()
        ours = post(server, one)
        deadline = time.monotonic() + WAIT_S
        while len(server._turns._waiting) > 2:
            assert time.monotonic() < deadline, "they left and are waited for"
            time.sleep(0.01)
    assert b'"result"' in ours.recv(1 << 16)
    assert strangers[0].recv(1 << 16).startswith(b"HTTP/1.1 200")
    for connection in (ours, strangers[0]):
        connection.close()
    server.shutdown()
    server.server_close()
