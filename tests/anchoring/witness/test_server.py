"""The witness's server against hostile requests; and the command, as a process."""

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import time

import httpx2
import pytest

from anchoring.checkpoint import open_checkpoint
from anchoring.witness import server as witness_server
from anchoring.witness.protocol import MAX_REQUEST
from tests.support.serving import GRAM, WAIT_S
from tests.support.synthetic_log import VKEY, lawful_leaves
from tests.support.witnessing import ORIGIN_HASH, Grown, post, served, witness_in

NOTHING = b"GET / HTTP/1.1\r\n\r\n"


@pytest.fixture
def url(tmp_path):
    with witness_in(tmp_path / "state", tmp_path / "log") as witness, served(witness) as url:
        yield url


def raw(url: str, data: bytes) -> bytes:
    address = httpx2.URL(url)
    with socket.create_connection((address.host, address.port), timeout=30) as connection:
        connection.sendall(data)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


HEAD = b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (HEAD + b"\r\n", 411),
        (HEAD + b"Content-Length: -1\r\n\r\n", 411),
        (HEAD + "Content-Length: ١\r\n\r\n".encode(), 411),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 411),
        (HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_REQUEST + 1), 413),
        (HEAD + b"Content-Length: " + b"9" * 1000 + b"\r\n\r\n", 413),
        (b"GET /add-checkpoint HTTP/1.1\r\nHost: w\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nHost: w\r\nContent-Length: 0\r\n\r\n", 404),
        (b"GET /signature/-1 HTTP/1.1\r\nHost: w\r\n\r\n", 400),
        (b"GET /signature/" + b"9" * 5000 + b" HTTP/1.1\r\nHost: w\r\n\r\n", 400),
        (b"GET /signature/0 HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n", 404),
        (b"GET /../head.json HTTP/1.1\r\nHost: w\r\n\r\n", 404),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
    ],
)
def test_hostile_requests_get_a_status(url, request_bytes, status):
    answer = raw(url, request_bytes)
    assert re.match(rb"HTTP/1\.[01] (\d+) |(?s:.*)Error code: (\d+)", answer), answer[:200]
    assert str(status).encode() in answer[:600]


@pytest.mark.parametrize("start", [b"POST /add-ch", HEAD, HEAD + b"Content-Length: 1000\r\n\r\nold 0\n"])
def test_a_request_that_trickles_is_cut_off(tmp_path, start):
    with witness_in(tmp_path / "state", tmp_path / "log") as witness, served(witness, request_s=0.3) as url:
        address = httpx2.URL(url)
        with socket.create_connection((address.host, address.port), timeout=30) as connection:
            connection.sendall(start)
            with pytest.raises(ConnectionError):
                trickle(connection)


def trickle(connection: socket.socket) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        connection.sendall(b"a")
        time.sleep(0.05)


@pytest.mark.parametrize("start", [b"", b"POST /add-ch", HEAD + b"Content-Length: 1000\r\n\r\nold 0\n", NOTHING])
def test_a_crowd_keeps_nobody_out(url, start):
    """More than there are places, silent, slow or idle after an answer, from one address and from many."""
    address = httpx2.URL(url)
    crowd = []
    for source in ["127.0.0.1"] * 100 + [f"127.0.1.{1 + number}" for number in range(100)]:
        crowd.append(socket.create_connection((address.host, address.port), 30, (source, 0)))
        with contextlib.suppress(ConnectionError):
            crowd[-1].sendall(start)
    began = time.monotonic()
    for _ in range(5):
        assert b" 404 " in raw(url, NOTHING)
    assert time.monotonic() - began < 1
    for connection in crowd:
        connection.close()


def test_places_are_kept_for_the_log():
    assert witness_server.addresses_of("http://127.0.0.9:8000/log") == {"127.0.0.9"}
    assert "127.0.0.1" in witness_server.addresses_of("https://localhost/log")
    assert witness_server.addresses_of("/a/folder") == witness_server.addresses_of("http://no.such.invalid/") == set()


def test_keep_alive(url):
    with httpx2.Client() as client:
        answers = [client.get(f"{url}/{ORIGIN_HASH}/checkpoint") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [404] * 3
        assert all("close" not in answer.headers.get("Connection", "") for answer in answers)


def test_the_command(tmp_path):
    """It makes its key, says who it is, cosigns, and after SIGTERM goes on where it was; its key is not replaced."""
    log = Grown(tmp_path / "log")
    first = log.grow(lawful_leaves(600, cohort=8))
    words = ["--log", log.folder, "--vkey", VKEY, "--state", tmp_path / "state", "--key", tmp_path / "w.key"]
    vkey = run_once([*words, "--new-key", "w.example/one"], log.request(0, first), first)
    assert (tmp_path / "w.key").stat().st_mode & 0o777 == 0o600
    assert run_once(words, log.request(600, first), first) == vkey
    refused = subprocess.run([GRAM, "witness", *words, "--new-key", "x"], capture_output=True, text=True, check=False)
    assert (refused.returncode, "never replaced" in refused.stderr) == (2, True)


def run_once(words, body: bytes, first: bytes) -> str:
    command = [GRAM, "witness", *words, "--port", "0", "--chain-id", "1", "--contract", "0x" + "11" * 20]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0, env=os.environ) as process:
        said = {}
        while "Listening" not in said:
            assert select.select([process.stdout], [], [], WAIT_S)[0], "it did not say where it is"
            word, _, rest = process.stdout.readline().decode().partition(" ")
            assert word, "it ended before it served"
            said[word] = rest.strip()
        url, vkey = said["Listening"].removeprefix("on "), said["vkey"]
        answer = post(url, body)
        assert answer.status_code == 200, answer.text
        assert len(open_checkpoint(first + answer.content, VKEY, [vkey]).cosignatures) == 1
        assert httpx2.get(f"{url}/signature/600").json()["address"] == said["address"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    return vkey
