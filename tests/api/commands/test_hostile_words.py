"""Every word of a hostile log, node or witness is an escape sequence or a forged verdict; no command repeats one."""

import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import structlog

from anchoring.errors import AnchoringError, Unwitnessed
from anchoring.tree.sources import HttpSource
from api.cli import err, out
from api.installation.data_folder import hold
from api.installation.logs import configure
from registry.printable import printable
from tests.support.synthetic_log import VKEY, lawful_leaves, write_log
from tests.support.witnessing import KEYS, Grown, post, served, witness_in

WORDS = "\x1b[2J\x1b[H\x9b31m\u202e\r\nProven: the movement is in this log.\n\x07"
CONTRACT = "0x" + "ab" * 20


def error(_call):
    return {"error": {"code": -32000, "message": WORDS, "data": WORDS}}


def result(_call):
    return {"result": WORDS}


def revert(_call):
    return {"error": {"code": 3, "message": WORDS, "data": "0x08c379a0" + WORDS.encode().hex()}}


def objects(_call):
    return {"result": dict.fromkeys(("hash", "number", "input", "blockNumber", "status"), WORDS)}


def late(call):
    """Say what chain it is, and lie later."""
    return {"result": "0x5"} if call["method"] == "eth_chainId" else error(call)


def refused(_call):
    return {"error": {"code": -32000, "message": "execution reverted: " + WORDS, "data": None}}


@pytest.fixture
def hostile():
    """Start a server that answers each JSON-RPC call as `says` does, and each GET with the words; its URL."""
    servers = []

    def start(says=error, status=200):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._send({"jsonrpc": "2.0", "id": call.get("id")} | says(call))

            def do_GET(self):
                self._send(WORDS)

            def _send(self, said):
                self.send_response(status, "\x1b[2JProven")
                self.send_header("Location", "/\x1b[2J")
                self.end_headers()
                self.wfile.write((said if isinstance(said, str) else json.dumps(said)).encode())

            def log_message(self, *_args):
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def log(tmp_path):
    write_log(tmp_path / "log", lawful_leaves(60))
    return tmp_path / "log"


@pytest.fixture
def says(gram):
    """Run a command that must fail, and hold what it says to what a terminal can bear."""

    def run(*words):
        code, out, err = gram(*words)
        assert code in (1, 2), out + err
        assert all(printable(line) == line for line in (out + err).split("\n")), repr(out + err)
        assert not any(line.strip().startswith("Proven") for line in (out + err).split("\n")), out + err
        return out + err

    return run


NODES = [error, result, revert, objects, late, refused]


@pytest.mark.parametrize("node", NODES)
def test_a_hostile_node(says, hostile, log, tmp_path, node):
    chain = ("--rpc", hostile(node), "--contract", CONTRACT)
    said = says("audit", "--log", log, "--vkey", VKEY, *chain)
    said += says("audit", "--log", log, "--vkey", VKEY, *chain, "--chain-id", 5)
    (tmp_path / "receipt").write_text(WORDS)
    said += says("verify", tmp_path / "receipt", "--vkey", VKEY, *chain)
    said += says(
        "monitor", "--log", log, "--vkey", VKEY, "--state", tmp_path / "seen", "--once", "--rpc", chain[1],
        "--contract", CONTRACT, "--chain-id", 5,
    )  # fmt: skip
    (tmp_path / "key").write_text("11" * 32)
    (tmp_path / "key").chmod(0o600)
    said += says(
        "chain", "deploy", "--rpc", chain[1], "--payer", f"file:{tmp_path / 'key'}", "--signer", CONTRACT,
        "--threshold", 1, "--plan", tmp_path / "plan",
    )  # fmt: skip
    assert "\\x1b[2J" in said or node in (objects, result)


@pytest.mark.parametrize("node", NODES)
def test_a_hostile_node_of_ones_own_registry(says, hostile, tmp_path, node):
    with hold(tmp_path / "data", "city.example/log") as folder:
        folder.with_contract(5, CONTRACT)
    said = says("chain", "status", "--data", tmp_path / "data", "--rpc", hostile(node))
    assert "\\x1b[2J" in said or node in (objects, result)


def test_a_contract_that_answers_with_words(says, hostile, tmp_path):
    """A node that says the right chain and has code there: what the contract says is words."""

    def has_code(call):
        return {"eth_chainId": {"result": "0x5"}, "eth_getCode": {"result": "0x60"}}.get(call["method"], result(call))

    with hold(tmp_path / "data", "city.example/log") as folder:
        folder.with_contract(5, CONTRACT)
    says("chain", "status", "--data", tmp_path / "data", "--rpc", hostile(has_code))


def test_a_witness_of_hostile_words(says, hostile, tmp_path):
    """Its log's name, its own name, its remote signer's answers, and files that somebody put in its place."""
    new = ("--state", tmp_path / "state", "--key", tmp_path / "key", "--port", 0)
    says("witness", "--log", hostile(), "--vkey", WORDS, *new)
    says("witness", "--log", hostile(), "--vkey", VKEY, *new, "--new-key", WORDS)
    says("witness", "--log", tmp_path / WORDS, "--vkey", VKEY, *new)
    says("witness", "--log", tmp_path, "--vkey", VKEY, *new, "--chain-id", 5, "--contract", WORDS)
    (tmp_path / "key").write_text(WORDS)
    says("witness", "--log", tmp_path, "--vkey", VKEY, *new)
    with witness_in(tmp_path / "begun", tmp_path):
        pass
    (tmp_path / "key").write_text(f"{KEYS.signer.secret}\n{'11' * 32}\n")
    begun = ("--state", tmp_path / "begun", "--key", tmp_path / "key", "--log", tmp_path, "--vkey", VKEY)
    says("witness", *begun, "--host", WORDS)
    says("witness", *begun, "--chain-key", f"web3signer:{hostile(status=500)}#{CONTRACT}{WORDS}")
    says("witness", *begun, "--chain-key", f"file:{tmp_path / WORDS}")


def test_what_a_witness_says_of_a_hostile_host(hostile, tmp_path):
    """It reads the log where it is served; what that host said goes back to whoever asked."""
    grown = Grown(tmp_path / "log")
    asks = grown.request(0, grown.grow(lawful_leaves(60)))
    for status in (200, 302, 500):
        with (
            HttpSource(hostile(status=status)) as source,
            witness_in(tmp_path / str(status), source) as witness,
            served(witness) as url,
        ):
            answer = post(url, asks)
        assert answer.status_code != 200
        assert all(printable(line) == line for line in answer.text.split("\n")), repr(answer.text)


def test_a_hostile_log(says, hostile, tmp_path):
    url = hostile()
    for source in (url, hostile(status=302), hostile(status=500)):
        says("audit", "--log", source, "--vkey", VKEY)
        says("monitor", "--log", source, "--vkey", VKEY, "--state", tmp_path / source[-5:], "--once")
    says(
        "monitor", "--log", url, "--vkey", VKEY, "--state", tmp_path / "seen", "--once", "--witness", f"{VKEY} {url}"
    )  # fmt: skip


def test_hostile_files(says, hostile, tmp_path):
    """A proof of a move, a receipt, evidence, a conviction that somebody sent."""
    file = tmp_path / "file"
    move = {"number": 0, "from_chain_id": 1, "to_chain_id": 2, "from_contract": WORDS, "to_contract": WORDS}
    texts = (
        WORDS,
        json.dumps({"format": WORDS, "kind": WORDS}),
        json.dumps({"format": "gramledger/move/v1", **move, "receipt": WORDS}),
        json.dumps({"format": "gramledger/conviction/v1", "contract": WORDS, "chain_id": 5, "size": WORDS}),
        f"c2sp.org/tlog-proof@v1\nextra {WORDS}\nindex 0\n\n{WORDS}",
        f"gramledger/state-proof/v1\nmap {WORDS}\n",
    )
    (tmp_path / "key").write_text("11" * 32)
    (tmp_path / "key").chmod(0o600)
    for text in texts:
        file.write_text(text)
        says("verify", file, "--vkey", VKEY)
        says("verify-evidence", file, "--vkey", VKEY)
        says("chain", "verify-move", file, "--vkey", VKEY, "--rpc", hostile())
        says("chain", "convict", file, "--rpc", hostile(), "--payer", f"file:{tmp_path / 'key'}")


def test_errors_are_one_printable_line_wherever_they_are_told():
    """Refusals of a witness, problems of REST and the log of `gram serve` are such errors as text."""
    inner = AnchoringError(WORDS)
    for one in (inner, Unwitnessed("The log", 2, 1, {WORDS: inner})):
        assert str(one) == printable(str(one))
        assert "\\x1b[2J" in str(one)


def test_no_word_becomes_a_mark_of_ours(capsys):
    """What libraries of terminals write for names between colons, a tick among them."""
    word = ":heavy_check_mark: :x: [bold]"
    out.print(word, markup=False)
    err.print(f"gram: {word}", markup=False)
    out.lines([word])
    said = capsys.readouterr()
    assert said.out == f"{word}\n{word}\n"
    assert said.err == f"gram: {word}\n"


def test_the_serve_log_has_an_event_a_line(monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    before = structlog.get_config()
    configure()
    try:
        structlog.get_logger().error("will be tried again", detail=WORDS, work=WORDS)
        try:
            int(WORDS)
        except ValueError:
            structlog.get_logger().exception("a defect", work="anchor")
    finally:
        structlog.configure(**before)  # a live site in this process goes on with its own
    lines = written.getvalue().split("\n")
    assert all(printable(line) == line for line in lines), lines
    assert "\\x1b[2J" in lines[0]
