"""The chain's JSON-RPC passed through: any web3 client works, and nothing passes that is nobody's business."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import httpx2
import pytest
from web3 import HTTPProvider, Web3

from api.chain.calls import MAX_CALL_GAS, METHODS
from api.chain.routes import MAX_ANSWER_BYTES, MAX_CALLS, MAX_WAITING_OF_ONE, TIMEOUT_S
from api.door.edge import MAX_BODY_BYTES
from api.installation.site import Site
from api.serving.app import create
from tests.support.loops import run
from tests.support.rest import Caller, is_problem
from tests.support.running import served
from tests.support.serving import WAIT_S


def rpc(live, *calls: object) -> dict:
    answer = Caller(live.url).post("/chain", json.dumps(calls[0] if len(calls) == 1 else calls).encode())
    assert answer.status_code == 200
    return answer.json()


@contextmanager
def chain_of(live, answering: type[BaseHTTPRequestHandler]) -> Iterator[Site]:
    """Give the site as it is with another chain."""
    with ThreadingHTTPServer(("127.0.0.1", 0), answering) as chain:
        threading.Thread(target=chain.serve_forever, args=(0.01,), daemon=True).start()
        yield replace(live.site, where=replace(live.site.where, rpc_urls=(f"http://127.0.0.1:{chain.server_port}",)))
        chain.shutdown()


def call(method: str, *params: object, number: object = 1) -> dict:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


def test_a_web3_client_works(live):
    live.publish()
    about = Caller(live.url).get("/v1/about").json()["chain"]
    w3 = Web3(HTTPProvider(about["rpc"]))
    assert w3.is_connected()
    assert w3.eth.chain_id == about["id"]
    assert len(w3.eth.get_code(about["contract"])) > 100
    assert w3.eth.get_block("latest")["number"] > 0
    assert w3.eth.get_logs({"address": about["contract"], "fromBlock": 0})


def test_pages_of_others_may_ask(live):
    allowed = Caller(live.url).ask("OPTIONS", "/chain", headers={"Origin": "https://other.example"})
    answered = Caller(live.url).post("/chain", json.dumps(call("eth_chainId")).encode())
    assert [allowed.status_code, answered.status_code] == [204, 200]
    for answer in (allowed, answered):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_batches_pass(live):
    answers = rpc(live, call("eth_chainId", number=1), call("eth_blockNumber", number="b"))
    assert {answer["id"] for answer in answers} == {1, "b"}


@pytest.mark.parametrize(
    "method",
    [
        "admin_peers",
        "debug_setHead",
        "personal_unlockAccount",
        "evm_revert",
        "anvil_setBalance",
        "miner_stop",
        "txpool_content",
        "eth_sendTransaction",
        "eth_sign",
        "eth_signTransaction",
        "eth_signTypedData_v4",
        "eth_newFilter",
        "eth_createAccessList",
        "eth_getProof",
        "eth_chainId\n",
        "ETH_chainId",
        "eth_",
        "",
    ],
)
def test_methods_that_are_nobodys_business_do_not_pass(live, method):
    assert method not in METHODS
    assert rpc(live, call(method))["error"]["code"] == -32601
    chain_id, refused = rpc(live, call("eth_chainId"), call(method, number="b"))
    assert chain_id["result"] == hex(live.site.where.chain_id)
    assert (refused["id"], refused["error"]["code"]) == ("b", -32601)


def test_two_methods_in_one_call_are_none(live):
    """Readers differ on names given twice; here there is one reading, or none."""
    sent = b'{"jsonrpc":"2.0","id":1,"method":"admin_peers","method":"eth_chainId","params":[]}'
    assert Caller(live.url).post("/chain", sent).json()["error"]["code"] == -32700


def test_each_call_of_a_batch_is_answered_by_itself(live):
    """JSON-RPC 2.0, section 6: a list for a list, whatever is refused; nothing for what has no id."""
    notification = {"jsonrpc": "2.0", "method": "eth_chainId", "params": []}
    answers = rpc(
        live, call("eth_chainId"), notification, call("eth_accounts", number=2), 7, call("eth_blockNumber", 5)
    )
    assert [answer["id"] for answer in answers] == [1, 2, None, 1]
    assert ["result" if "result" in one else one["error"]["code"] for one in answers] == [
        "result",
        -32601,
        -32600,
        -32602,
    ]
    (only,) = Caller(live.url).post("/chain", json.dumps([call("eth_chainId")]).encode()).json()
    assert only["result"] == hex(live.site.where.chain_id)
    for silent in (notification, [notification, notification]):
        answer = Caller(live.url).post("/chain", json.dumps(silent).encode())
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("depth", [33, 958, 990])
def test_what_is_nested_deep_is_refused_and_no_fault(live, depth):
    sent = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":' + b"[" * depth + b"]" * depth + b"}"
    answer = Caller(live.url).post("/chain", sent)
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, -32700)


def test_input_that_is_null_is_not_there(live):
    """As geth has it: both may be given when they are the same."""
    contract = {"to": live.site.where.contract}
    size = "0x949d225d"
    asked = [contract | data for data in ({"data": size}, {"input": None, "data": size}, {"input": size, "data": size})]
    assert len({rpc(live, call("eth_call", message, "latest"))["result"] for message in asked}) == 1
    differing = contract | {"input": "0x", "data": size}
    assert rpc(live, call("eth_call", differing, "latest"))["error"]["code"] == -32602


def test_whoever_goes_away_leaves_no_work_behind(live, capfd):
    """The chain never answers; what it sees is that the connection of the caller's call is closed. It is not blamed."""
    came, left = threading.Event(), threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            came.set()
            if self.connection.recv(1) == b"":
                left.set()

        def log_message(self, *_args):
            pass

    with chain_of(live, Silent) as site, served(site) as url:
        with contextlib.suppress(httpx2.TimeoutException):
            httpx2.post(f"{url}/chain", content=json.dumps(call("eth_chainId")).encode(), timeout=2)
        assert came.is_set()
        assert left.wait(TIMEOUT_S / 2)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[" * 50_000, -32700),
        (b"9" * 5000, -32700),
        (b"[]", -32600),
        (b"1", -32600),
        (json.dumps([call("eth_chainId")] * (MAX_CALLS + 1)).encode(), -32600),
        (b'{"method":1}', -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"2.0","method":"eth_chainId","id":{}}', -32600),
    ],
    ids=[
        "empty",
        "cut",
        "bytes",
        "deep",
        "endless",
        "no call",
        "number",
        "too many",
        "method 1",
        "no method",
        "id",
    ],
)
def test_what_is_no_call(live, body, code):
    answer = Caller(live.url).post("/chain", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, code)


LOOP = "0x5b600056"
"""Code that jumps back to its begin until its gas is gone."""


@pytest.mark.parametrize("method", ["eth_call", "eth_estimateGas"])
@pytest.mark.parametrize(
    "message",
    [
        {"data": LOOP},
        {"to": None, "data": LOOP},
        {"to": "", "data": LOOP},
        {"to": "0x" + "00" * 19 + "08", "data": "0x"},
        {"to": 8},
        {"to": "0x" + "11" * 20, "data": "0x949d225d"},
        "0x",
        None,
    ],
)
def test_code_of_strangers_and_what_is_built_in_is_not_run(live, method, message):
    """On the embedded chain a second of work costs a stranger nothing, and the anchorer waits for it."""
    assert rpc(live, call(method, message, "latest"))["error"]["code"] == -32602
    assert rpc(live, {"jsonrpc": "2.0", "id": 1, "method": method})["error"]["code"] == -32602


def test_calls_of_a_contract_are_answered_with_a_cap_on_gas(live):
    message = {"to": live.site.where.contract, "data": "0x949d225d", "gas": hex(10**9)}
    assert int(rpc(live, call("eth_call", message, "latest"))["result"], 16) >= 0
    assert int(rpc(live, call("eth_estimateGas", message))["result"], 16) < MAX_CALL_GAS


def node_that_waits(release: threading.Event) -> type[BaseHTTPRequestHandler]:
    """A chain that takes its time: it answers once `release` is set."""

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self):
            release.wait(WAIT_S)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"jsonrpc":"2.0","id":1,"result":"0x1"}')

        def log_message(self, *_args):
            pass

    return Slow


def test_more_callers_than_may_wait_are_told_to_come_back(live):
    """The chain is one that takes its time."""
    release = threading.Event()

    with (
        chain_of(live, node_that_waits(release)) as site,
        served(site) as url,
        ThreadPoolExecutor(MAX_WAITING_OF_ONE + 5) as pool,
    ):
        body = json.dumps(call("eth_chainId")).encode()
        answers = [pool.submit(httpx2.post, f"{url}/chain", content=body, timeout=WAIT_S) for _ in range(21)]
        for refused in islice(as_completed(answers), 4):
            assert is_problem(refused.result(), 503, "unavailable")
        release.set()
        assert sorted(answer.result().status_code for answer in answers) == [200] * 17 + [503] * 4


@pytest.mark.parametrize("length", [MAX_ANSWER_BYTES, MAX_ANSWER_BYTES // 2])
def test_an_answer_has_a_limit(live, length):
    class Endless(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))  # what is left unread would reset the connection
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(b'{"result":"' + b"0" * length + b'"}')

        def log_message(self, *_args):
            pass

    with chain_of(live, Endless) as site, served(site) as url:
        answer = Caller(url).post("/chain", json.dumps(call("eth_chainId")).encode()).json()
        assert answer.get("error", {}).get("code") == (-32005 if length == MAX_ANSWER_BYTES else None)


def test_a_batch_has_the_limit_of_one_call(live):
    """Each call takes a third; the chain is not asked for more once all is taken."""
    asked = []

    class Talkative(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(b'{"result":"' + b"0" * (MAX_ANSWER_BYTES // 3) + b'"}')

        def log_message(self, *_args):
            pass

    with chain_of(live, Talkative) as site, served(site) as url:
        answers = Caller(url).post("/chain", json.dumps([call("eth_chainId")] * MAX_CALLS).encode()).json()
    assert [one.get("error", {}).get("code") for one in answers] == [None] * 2 + [-32005] * (MAX_CALLS - 2)
    assert len(asked) == 3


def test_a_network_of_version_6_is_one_caller(live):
    """A subscriber has 2 ** 64 addresses; one of another network has a turn all the same."""
    release = threading.Event()

    async def ask(app, address: str) -> int:
        transport = httpx2.ASGITransport(app, client=(address, 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
            return (await client.post("/chain", content=json.dumps(call("eth_chainId")).encode())).status_code

    async def scene(app) -> list[int]:
        async with httpx2.AsyncClient(trust_env=False) as app.state.chain_client:
            count = MAX_WAITING_OF_ONE + 5
            every = [asyncio.ensure_future(ask(app, f"2001:db8::{number:x}")) for number in range(1, count + 1)]
            every.append(asyncio.ensure_future(ask(app, "2001:db8:0:1::1")))
            done, waiting = set(), set(every)
            while len(done) < 4:
                fresh, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                done |= fresh
            release.set()
            return await asyncio.gather(*every)

    with chain_of(live, node_that_waits(release)) as site, contextlib.closing(site):
        statuses = run(scene(create(site)))
    assert sorted(statuses[:-1]) == [200] * (MAX_WAITING_OF_ONE + 1) + [503] * 4
    assert statuses[-1] == 200


def test_a_large_call_is_refused(live):
    filler = b" " * MAX_BODY_BYTES
    assert is_problem(Caller(live.url).post("/chain", b"[1]" + filler), 413, "too-large")
    nearly = json.dumps(call("eth_chainId")).encode().rjust(MAX_BODY_BYTES)
    assert "result" in Caller(live.url).post("/chain", nearly).json()


def test_other_methods_of_http_say_which_there_are(live):
    answer = Caller(live.url).get("/chain")
    assert is_problem(answer, 405, "method-not-allowed")
    assert {method.strip() for method in answer.headers["Allow"].split(",")} == {"POST", "OPTIONS"}


def test_a_chain_that_is_down_is_a_problem_of_its_own(live):
    """Nothing listens on the discard port; the rest of the registry goes on."""
    site = replace(live.site, where=replace(live.site.where, rpc_urls=("http://127.0.0.1:9",)))
    with served(site) as url:
        answer = Caller(url).post("/chain", json.dumps(call("eth_chainId")).encode())
        assert is_problem(answer, 503, "unreachable")
        assert int(answer.headers["Retry-After"]) > 0
        assert Caller(url).get("/v1/totals").status_code == 200
