"""The chain as a process: killed, restarted, in use, and asked by web3 and by hostile clients over real sockets."""

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractCustomError, Web3RPCError

from anchoring.chain.client import AnchorClient
from anchoring.chain.embedded import CHAIN_ID
from anchoring.chain.embedded_process import EmbeddedChainProcess
from anchoring.chain.embedded_server import MAX_BODY_BYTES
from anchoring.errors import Malformed, Unreachable
from anchoring.merkle import root


@pytest.fixture
def web3(start_chain):
    connected = Web3(HTTPProvider(start_chain().rpc_url))
    yield connected
    connected.provider._request_session_manager.session_cache.clear()


def post(url, body, **headers):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def call(url, method, *params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    return json.loads(post(url, body)[2])


@pytest.mark.parametrize("start", [b"", b"POST / HTT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"])
def test_a_crowd_keeps_no_caller_from_the_chain(rpc_url, start):
    parts = urlsplit(rpc_url)
    crowd = []
    for _ in range(200):
        crowd.append(socket.create_connection((parts.hostname, parts.port), 10))
        with contextlib.suppress(ConnectionError):
            crowd[-1].sendall(start)
    began = time.monotonic()
    assert call(rpc_url, "eth_chainId")["result"] == hex(CHAIN_ID)
    assert time.monotonic() - began < 1
    for connection in crowd:
        connection.close()


def test_web3_speaks_to_it(web3, payer, init_code, revert_data):
    eth = web3.eth
    assert web3.is_connected(show_traceback=True)
    assert (eth.chain_id, web3.net.version, eth.accounts, eth.syncing) == (CHAIN_ID, str(CHAIN_ID), [], False)
    assert web3.client_version.startswith("gramledger")
    assert eth.gas_price == eth.max_priority_fee + eth.fee_history(1, "latest")["baseFeePerGas"][-1]

    receipt = eth.wait_for_transaction_receipt(eth.send_raw_transaction(payer.sign(None, init_code)))
    address = receipt["contractAddress"]
    payer.nonce = eth.get_transaction_count(payer.address)
    word = bytes(31) + b"\x2a"
    called = eth.send_raw_transaction(payer.sign(address, word))
    assert eth.get_transaction(called)["from"] == payer.address
    assert eth.get_storage_at(address, 0) == eth.call({"to": address, "data": word}) == word
    assert (
        eth.get_block("latest")["number"]
        == eth.block_number
        == eth.get_block(eth.get_block("latest")["hash"])["number"]
    )
    assert [log["data"] for log in eth.get_logs({"fromBlock": 0, "address": address})] == [word]
    assert eth.estimate_gas({"to": address, "data": word}) > 21_000
    assert eth.get_balance(payer.address) < 10**24
    assert len(eth.get_code(address)) == len(init_code) - 12
    with pytest.raises(ContractCustomError, match=revert_data):
        eth.call({"to": address})
    with pytest.raises(Web3RPCError, match="nonce too low"):
        eth.send_raw_transaction(payer.sign(address, word, gas=299_999))


def test_killed_in_the_middle_it_comes_back_whole(start_chain, payer, init_code):
    """After each kill -9: what was acknowledged is there, and no step is there by half."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    acknowledged = []
    for round_ in range(5):
        chain = start_chain()
        assert_whole(chain.rpc_url, payer, acknowledged, seed)
        if round_ == 0:
            acknowledged.append(
                call(chain.rpc_url, "eth_sendRawTransaction", "0x" + payer.sign(None, init_code).hex())["result"]
            )
        # Not after a while, in which a busy machine acknowledges nothing.
        for _ in range(chance.randint(1, 3)):
            acknowledged.append(set_next(chain.rpc_url, payer, acknowledged[0]))
        killer = threading.Timer(chance.uniform(0, 0.1), os.kill, (chain.pid, signal.SIGKILL))
        killer.start()
        send_until_it_dies(chain.rpc_url, payer, acknowledged)
        killer.join()
        chain.stop()
    assert_whole(start_chain().rpc_url, payer, acknowledged, seed)


def send_until_it_dies(url, payer, acknowledged):
    with contextlib.suppress(OSError, http.client.HTTPException):
        while True:
            acknowledged.append(set_next(url, payer, acknowledged[0]))


def set_next(url, payer, creation):
    """Store the transaction's own nonce in the contract, so that the last nonce tells the state."""
    address = call(url, "eth_getTransactionReceipt", creation)["result"]["contractAddress"]
    payer.nonce = int(call(url, "eth_getTransactionCount", payer.address, "latest")["result"], 16)
    return call(url, "eth_sendRawTransaction", "0x" + payer.sign(address, payer.nonce.to_bytes(32)).hex())["result"]


def assert_whole(url, payer, acknowledged, seed):
    height = int(call(url, "eth_blockNumber")["result"], 16)
    sent = int(call(url, "eth_getTransactionCount", payer.address, "latest")["result"], 16)
    assert height == 2 * sent, seed  # each transaction with the block that makes it final, or without
    assert len(acknowledged) <= sent, seed
    receipts = [call(url, "eth_getTransactionReceipt", tx_hash)["result"] for tx_hash in acknowledged]
    assert all(receipt["status"] == "0x1" for receipt in receipts), seed
    parent = None
    for number in range(height + 1):
        block = call(url, "eth_getBlockByNumber", hex(number), True)["result"]
        assert parent is None or block["parentHash"] == parent, seed
        assert len(block["transactions"]) == number % 2, seed
        parent = block["hash"]
    if sent > 1:
        address = receipts[0]["contractAddress"]
        assert int(call(url, "eth_getStorageAt", address, "0x0", "latest")["result"], 16) == sent - 1, seed


def test_anchors_survive_kill_9(own_authorities, payer, start_chain, tmp_path):
    running = json.loads((tmp_path / "chain" / "rpc.json").read_text())
    with AnchorClient(running["rpc"], own_authorities.contract, chain_id=CHAIN_ID) as client:
        sent = client.anchor(*own_authorities.checkpoint(0, 7), payer.signer)
        os.kill(running["pid"], signal.SIGKILL)
        with pytest.raises(Unreachable, match=r"cannot be reached|broke off"):
            client.head()
    with AnchorClient(start_chain().rpc_url, own_authorities.contract, chain_id=CHAIN_ID) as client:
        assert client.head().root == root(own_authorities.leaves[:7])
        assert client.depth(sent.block_number) == 1
        assert client.anchor(*own_authorities.checkpoint(7, 8), payer.signer).tx_hash


def test_a_folder_has_one_process(start_chain):
    first = start_chain()
    with pytest.raises(Unreachable, match="in use by another process"):
        start_chain()
    first.stop()
    assert start_chain().chain_id == CHAIN_ID


def test_it_says_where_it_is_and_that_it_is_a_stand_in(start_chain, tmp_path):
    chain = start_chain()
    announced = json.loads((tmp_path / "chain" / "rpc.json").read_text())
    assert announced == {"rpc": chain.rpc_url, "chain_id": CHAIN_ID, "pid": chain.pid}
    assert chain.warning.startswith("Warning: the embedded chain is a stand-in")


def test_it_refuses_production(start_chain, monkeypatch):
    monkeypatch.setenv("GRAMLEDGER_ENVIRONMENT", "production")
    with pytest.raises(Unreachable, match="does not run with environment=production"):
        start_chain()


def test_a_damaged_state_is_one_sentence(start_chain, tmp_path):
    (tmp_path / "chain").mkdir()
    (tmp_path / "chain" / "state.db").write_bytes(b"junk" * 1000)
    with pytest.raises((Unreachable, Malformed), match=r"did not start: .*is not the state of an embedded chain"):
        start_chain()


def test_a_taken_port_is_one_sentence(start_chain):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Unreachable, match=r"Port .* cannot be used"):
            start_chain(port=taken.getsockname()[1])


def test_it_ends_with_its_parent(tmp_path):
    code = (
        "import pathlib, sys, os, signal\n"
        "from anchoring.chain.embedded_process import EmbeddedChainProcess\n"
        "chain = EmbeddedChainProcess(pathlib.Path(sys.argv[1]))\n"
        "print(chain.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.run([sys.executable, "-c", code, str(tmp_path / "chain")], capture_output=True, check=False)
    assert parent.returncode == -signal.SIGKILL
    pid = int(parent.stdout)
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as status:  # noqa: PTH123
            return status.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_hostile_http(rpc_url):
    assert json.loads(post(rpc_url, b"{")[2])["error"]["code"] == -32700
    assert json.loads(post(rpc_url, b"\xff\xfe")[2])["error"]["code"] == -32700
    assert json.loads(post(rpc_url, b"[" * 100_000)[2])["error"]["code"] == -32700
    assert json.loads(post(rpc_url, b'{"a":' * 100_000)[2])["error"]["code"] == -32700
    assert json.loads(post(rpc_url, b'{"id":' + b"9" * 100_000 + b"}")[2])["error"]["code"] == -32700
    assert json.loads(post(rpc_url, b"[]")[2])["error"]["code"] == -32600
    assert post(rpc_url, b"", **{"Content-Length": str(MAX_BODY_BYTES + 1)})[0] == 413
    assert post(rpc_url, b"", **{"Content-Length": "9" * 30})[0] == 413
    assert post(rpc_url, b"", **{"Content-Length": "-1"})[0] == 411
    assert post(rpc_url, iter([b"{}"]), **{"Transfer-Encoding": "chunked"})[0] == 411
    assert call(rpc_url, "eth_chainId")["result"] == hex(CHAIN_ID)


def test_calls_nested_as_deep_as_gas_allows(start_chain, payer):
    url = start_chain().rpc_url
    calls_itself = bytes.fromhex("60006000600060006000305af100")
    creation = bytes.fromhex(f"60{len(calls_itself):02x}600c60003960{len(calls_itself):02x}6000f3") + calls_itself
    created = call(url, "eth_sendRawTransaction", "0x" + payer.sign(None, creation).hex())["result"]
    address = call(url, "eth_getTransactionReceipt", created)["result"]["contractAddress"]
    assert call(url, "eth_call", {"to": address})["result"] == "0x"


def test_silent_connections_do_not_keep_others_out(rpc_url):
    parts = urlsplit(rpc_url)
    silent = [socket.create_connection((parts.hostname, parts.port)) for _ in range(40)]
    try:
        assert call(rpc_url, "eth_chainId")["result"] == hex(CHAIN_ID)
    finally:
        for connection in silent:
            connection.close()


def test_a_page_of_another_origin_may_ask(rpc_url):
    parts = urlsplit(rpc_url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request(
        "OPTIONS", "/", headers={"Origin": "http://example.org", "Access-Control-Request-Method": "POST"}
    )
    response = connection.getresponse()
    assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert response.headers["Access-Control-Allow-Headers"] == "content-type"
    connection.close()
    assert post(rpc_url, b"{}")[1]["Access-Control-Allow-Origin"] == "*"


def test_many_at_once(start_chain):
    url = start_chain().rpc_url
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(call(url, "eth_blockNumber"))) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answered["result"] for answered in answers] == ["0x0"] * 30


def test_stopping_twice_is_harmless(tmp_path):
    chain = EmbeddedChainProcess(tmp_path / "chain")
    chain.stop()
    chain.stop()
    with pytest.raises(ConnectionRefusedError):
        call(chain.rpc_url, "eth_chainId")


def test_the_chain_is_told_nothing_of_our_environment_that_it_does_not_need(start_chain, monkeypatch):
    for name in (
        "GRAMLEDGER_MASTER_KEY",
        "GRAMLEDGER_KEYSTORE_PASSPHRASE",
        "GRAMLEDGER_DATABASE",
        "AWS_SECRET_ACCESS_KEY",
    ):
        monkeypatch.setenv(name, "5ec2e7")
    chain = start_chain()
    told = Path(f"/proc/{chain.pid}/environ").read_text()
    assert "PATH=" in told
    assert "5ec2e7" not in told
