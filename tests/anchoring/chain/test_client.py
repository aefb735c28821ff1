"""The contract's client against the real contract on a real EVM, and against chains that misbehave."""

import contextlib
import json
import socket
import threading
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anchoring.chain.client import AnchorClient, AnchoredHead, Verdict, deploy
from anchoring.chain.signers import LocalKey
from anchoring.conviction import Entry
from anchoring.errors import AnchoringError, Malformed, Refuted, Unreachable
from anchoring.leaf import encode
from anchoring.merkle import inclusion_proof, leaf_hash, root
from anchoring.signing import generate_key
from contracts import artifact
from registry.ledger.movement import NO_TAG, Movement
from registry.ledger.rules import Rule
from tests.support.pairs import ANN, BOB, ISSUE, REDUCTION, SCENARIO, TRANSFER

ADDRESS = "0x" + "11" * 20


@pytest.fixture
def payer(shared_chain):
    """The one who has ether on the shared chain."""
    return shared_chain.payer


def answering(result):
    return lambda request: json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode()


def test_anchors_and_reads_back(client, authorities, payer):
    start = client.head().block_number
    assert client.head() == AnchoredHead(0, bytes(32), 0, 0, broken=False, block_number=start)
    first = client.anchor(*authorities.checkpoint(0, 7), payer.signer)
    second = client.anchor(*authorities.checkpoint(7, 40, frontier=2_000, ended=20), payer.signer)
    head = client.head()
    assert (head.size, head.root, head.frontier, head.ended) == (40, root(authorities.leaves[:40]), 2_000, 20)
    assert client.root_at(7) == root(authorities.leaves[:7])
    assert client.root_at(8) is None
    assert (first.block_number, second.block_number, head.block_number) == (start + 1, start + 3, start + 4)
    assert [client.depth(start + later) for later in (1, 3, 7)] == [3, 1, -3]
    assert len(first.tx_hash) == 32
    assert 21_000 < second.gas_used <= 120_000


def test_leaves_are_included_or_not(client, authorities, payer):
    client.anchor(*authorities.checkpoint(0, 50), payer.signer)
    path = inclusion_proof(20, authorities.leaves[:50])
    assert client.included(bytes([20]), 20, 50, path)
    assert not client.included(bytes([21]), 20, 50, path)
    assert not client.included(bytes([20]), 20, 50, path[:-1])
    with pytest.raises(Refuted, match=r"The contract refuses: NotAnchored\(49\)"):
        client.included(bytes([20]), 20, 49, path)


def test_the_same_again_sends_nothing(client, authorities, payer):
    sent = client.anchor(*authorities.checkpoint(0, 7), payer.signer)
    again = client.anchor(*authorities.checkpoint(0, 7), payer.signer)
    client.anchor(*authorities.checkpoint(7, 9), payer.signer)
    earlier = client.anchor(*authorities.checkpoint(0, 7), payer.signer)
    assert again == sent
    assert (earlier.tx_hash, earlier.gas_used) == (None, 0), "its nonce was passed, and with it our note of it"
    assert client.head().block_number == sent.block_number + 3  # two anchors, each with the block that makes it final


@pytest.mark.parametrize(
    ("last", "size", "changes", "error"),
    [
        (0, 9, {"signing": 1}, r"TooFewSignatures\(1, 2\)"),
        (7, 9, {"frontier": 999}, r"FrontierShrunk\(1000, 999\)"),
        (7, 9, {"ended": 9}, r"EndedShrunk\(10, 9\)"),
        (7, 9, {"ended": 1_001}, r"EndedPassesFrontier\(1001, 1000\)"),
        (6, 9, {}, r"Inconsistent\(7, 9\)"),
        (0, 5, {}, r"SizeNotGrown\(7, 5\)"),
    ],
)
def test_what_the_contract_refuses_is_named(client, authorities, payer, last, size, changes, error):
    client.anchor(*authorities.checkpoint(0, 7), payer.signer)
    with pytest.raises(Refuted, match=error):
        client.anchor(*authorities.checkpoint(last, size, **changes), payer.signer)
    assert client.head().size == 7


def test_a_rewritten_log_is_refused(client, authorities, payer):
    client.anchor(*authorities.checkpoint(0, 7), payer.signer)
    authorities.leaves[3] = bytes(32)
    with pytest.raises(Refuted, match="Inconsistent"):
        client.anchor(*authorities.checkpoint(7, 9), payer.signer)
    with pytest.raises(Refuted, match="SizeNotGrown"):
        client.anchor(*authorities.checkpoint(0, 7), payer.signer)


def test_an_answer_lost_after_the_transaction_was_taken_is_found(authorities, rpc_url, payer, playing, forward):
    """The node takes the transaction and the connection breaks: the client finds it in a block and sends nothing."""

    def act(request):
        answered = forward(rpc_url, request)
        return None if request["method"] == "eth_sendRawTransaction" else json.dumps(answered).encode()

    before = nonce_of(payer, rpc_url, forward)
    with AnchorClient(playing(act), authorities.contract) as client:
        receipt = client.anchor(*authorities.checkpoint(0, 7), payer.signer)
    assert len(receipt.tx_hash) == 32
    assert nonce_of(payer, rpc_url, forward) == before + 1


def test_a_transaction_that_no_block_takes_is_not_sent_under_another_nonce(
    authorities, rpc_url, payer, playing, forward
):
    """The node swallows what is sent: each attempt gives up in time, and repeats the same nonce."""
    sent = []

    def act(request):
        if request["method"] == "eth_sendRawTransaction":
            sent.append(request["params"][0])
            return answering("0x" + "00" * 32)(request)
        return json.dumps(forward(rpc_url, request)).encode()

    before = nonce_of(payer, rpc_url, forward)
    with AnchorClient(playing(act), authorities.contract) as client:
        for _ in range(2):
            with pytest.raises(Unreachable, match=r"in no block after 0\.5 seconds"):
                client.anchor(*authorities.checkpoint(0, 7), payer.signer, wait_seconds=0.5)
    assert sent[0] == sent[1]
    for raw in sent:
        forward(rpc_url, {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw]})
    assert nonce_of(payer, rpc_url, forward) == before + 1


def nonce_of(payer, url, forward):
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionCount", "params": [payer.address, "latest"]}
    return int(forward(url, asked)["result"], 16)


def test_a_chain_that_asks_a_fortune_is_not_paid(authorities, rpc_url, payer, playing, forward):
    def act(request):
        if request["method"] == "eth_gasPrice":
            return answering(hex(10**18))(request)
        return json.dumps(forward(rpc_url, request)).encode()

    with (
        AnchorClient(playing(act), authorities.contract) as client,
        pytest.raises(Unreachable, match="asks for more than"),
    ):
        client.anchor(*authorities.checkpoint(0, 7), payer.signer)


def test_a_payer_without_ether_is_told(client, authorities):
    with pytest.raises(Unreachable, match="insufficient funds"):
        client.anchor(*authorities.checkpoint(0, 7), LocalKey(generate_key()))


def test_a_constructor_that_refuses_is_named(rpc_url, payer):
    with pytest.raises(Refuted, match=r"BadThreshold\(3, 1\)"):
        deploy(rpc_url, payer.signer, [payer.address], 3, artifact())


def test_another_chain_and_an_empty_address_are_told(authorities, rpc_url):
    other = f"is chain {authorities.chain_id}, not chain 1"
    with AnchorClient(rpc_url, authorities.contract, chain_id=1) as client, pytest.raises(Unreachable, match=other):
        client.head()
    with AnchorClient(rpc_url, ADDRESS) as client:
        assert not client.code_present()
        for ask in (client.head, lambda: client.root_at(1), lambda: client.included(b"", 0, 1, [])):
            with pytest.raises(Unreachable, match=f"no contract at {ADDRESS}"):
                ask()


@pytest.mark.parametrize("url", ["", "x", "ftp://127.0.0.1/", "http://", "http://[::1", "http://h:port", "file:///etc"])
def test_what_is_no_url_is_malformed(url):
    with pytest.raises(Malformed, match="The chain's address"):
        AnchorClient(url, ADDRESS)


def test_arguments_that_do_not_fit_are_malformed(client):
    for leaf, index, size, path in ((b"", -1, 1, []), (b"", 0, 2**64, []), (b"", 0, 1, [b"x" * 33])):
        with pytest.raises(Malformed, match="do not fit the types of the contract's included"):
            client.included(leaf, index, size, path)


def test_a_chain_that_is_down():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://user:password@127.0.0.1:{free.getsockname()[1]}/secret"
        with AnchorClient(url, ADDRESS) as client, pytest.raises(Unreachable, match="cannot be reached") as caught:
            client.head()
    assert not any(secret in str(caught.value) for secret in ("secret", "password"))


def test_a_chain_that_is_slow(playing):
    def trickle(_request):
        time.sleep(0.6)
        return b"{"

    started = time.monotonic()
    sentence = r"does not answer within 0\.2 seconds"
    with (
        AnchorClient(playing(trickle), ADDRESS, read_seconds=0.2) as client,
        pytest.raises(Unreachable, match=sentence),
    ):
        client.head()
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 200 OK\r\nX-Endless: "], ids=["line", "headers"])
def test_a_chain_that_trickles_its_headers(greeting):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=trickle, args=(listener, greeting), daemon=True).start()
        started = time.monotonic()
        with (
            AnchorClient(f"http://127.0.0.1:{listener.getsockname()[1]}", ADDRESS, read_seconds=0.5) as client,
            pytest.raises(Unreachable, match=r"does not answer within 0\.5 seconds"),
        ):
            client.head()
        assert time.monotonic() - started < 5


def trickle(listener, greeting):
    """Answer who connects with the greeting, and then one byte after another, each in time."""
    connection, _ = listener.accept()
    with connection, contextlib.suppress(OSError):
        connection.sendall(greeting)
        while True:
            connection.sendall(b"H")
            time.sleep(0.05)


@pytest.mark.parametrize("word", ["unknown account", "Unknown error: knownhosts"])
def test_what_a_chain_does_not_know_is_not_waited_for(authorities, payer, playing, forward, rpc_url, word):
    def act(request):
        if request["method"] != "eth_sendRawTransaction":
            return json.dumps(forward(rpc_url, request)).encode()
        refusal = {"code": -32000, "message": word}
        return json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": refusal}).encode()

    started = time.monotonic()
    with (
        AnchorClient(playing(act), authorities.contract) as client,
        pytest.raises(Unreachable, match=word),
    ):
        client.anchor(*authorities.checkpoint(0, 7), payer.signer, wait_seconds=20)
    assert time.monotonic() - started < 10


def test_a_chain_that_talks_without_end(playing):
    endless = b"[" + b"0," * (5 << 20)
    with AnchorClient(playing(lambda _: endless), ADDRESS) as client, pytest.raises(Unreachable, match="more than"):
        client.head()


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 200, "no JSON"),
        (b"<html>Bad Gateway</html>", 502, r"no JSON \(HTTP 502\)"),
        (b"[" * 100_000, 200, "no JSON"),
        (b"[]", 200, "no JSON-RPC"),
        (b"7", 200, "no JSON-RPC"),
        (b"{}", 200, "no JSON-RPC"),
        (b'{"jsonrpc":"2.0","id":0,"error":"boom"}', 200, "no JSON-RPC"),
        (b'{"jsonrpc":"2.0","id":0,"error":{"code":"x","message":[]}}', 200, "no JSON-RPC"),
        (b'{"jsonrpc":"2.0","id":0,"error":{"code":-32601,"message":"no such thing"}}', 200, "refuses: no such thing"),
        (None, 200, "broke off"),
    ],
)  # fmt: skip
def test_a_chain_that_answers_nonsense(playing, body, status, sentence):
    with AnchorClient(playing(lambda _: body, status), ADDRESS) as client:
        for ask in (client.head, client.chain_id, client.code_present, client.block_number):
            with pytest.raises(Unreachable, match=sentence):
                ask()


def ours(run):
    """What our error says, if there is one; any other error comes through."""
    try:
        run()
    except AnchoringError as error:
        return str(error)
    return None


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["0x", "0x0", "0x1", "0xzz", "0x" + "f" * 64, "0x" + "ff" * 1_000, "0x" + "00" * 31 + "01"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["status", "blockNumber", "transactionHash", "gasUsed", "baseFeePerGas", "code", "data"]),
        inner, max_size=3,
    ),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(results=st.dictionaries(
    st.sampled_from(["eth_chainId", "eth_getCode", "eth_blockNumber", "eth_call", "eth_estimateGas",
                     "eth_getTransactionCount", "eth_getBlockByNumber", "eth_gasPrice", "eth_sendRawTransaction",
                     "eth_getTransactionReceipt"]), NONSENSE, min_size=1, max_size=2))  # fmt: skip
def test_no_answer_brings_out_another_error_than_ours(client, authorities, payer, playing, forward, rpc_url, results):
    def act(request):
        if request["method"] in results:
            return answering(results[request["method"]])(request)
        if request["method"] == "eth_sendRawTransaction":
            return answering("0x" + "00" * 32)(request)
        return json.dumps(forward(rpc_url, request)).encode()

    with AnchorClient(playing(act), authorities.contract) as fooled:
        for run in (fooled.head, lambda: fooled.anchor(*authorities.checkpoint(0, 7), payer.signer, wait_seconds=0)):
            assert len(ours(run) or "") < 400
    assert client.head().size == 0


@pytest.fixture
def three_leaves(authorities, client, payer):
    """Anchor a log of three leaves, the last of which takes a gram again that the second took."""
    issue = Movement(ISSUE, REDUCTION, SCENARIO, 0, 10, 20, None, 1_000, 0, NO_TAG, ANN, bytes(32))
    sale = Movement(TRANSFER, REDUCTION, SCENARIO, 1, 10, 15, 0, 2_000, 0, ANN, BOB, bytes(32))
    leaves = [encode(movement) for movement in (issue, sale, replace(sale, first=14, last=20))]
    authorities.leaves = [leaf_hash(leaf) for leaf in leaves]
    client.anchor(*authorities.checkpoint(0, 3), payer.signer)
    return [Entry(leaf, index, inclusion_proof(index, authorities.leaves)) for index, leaf in enumerate(leaves)]


def test_two_leaves_convict_and_the_same_again_sends_nothing(client, authorities, payer, three_leaves):
    _, sale, again = three_leaves
    assert client.verdict() is None
    receipt = client.convict(3, again, sale, payer.signer)
    assert 21_000 < receipt.gas_used < 160_000
    assert client.verdict() == Verdict(3, 2, 1, Rule.OVERLAP)
    assert client.head().broken
    repeated = client.convict(3, again, sale, payer.signer)
    assert repeated == receipt
    with pytest.raises(Refuted, match="ContractBroken"):
        client.convict(3, sale, again, payer.signer)
    authorities.leaves.append(bytes(32))
    with pytest.raises(Refuted, match="ContractBroken"):
        client.anchor(*authorities.checkpoint(3, 4), payer.signer)


def test_what_convicts_nobody_is_named(client, payer, three_leaves):
    issue, sale, again = three_leaves
    for accused, other, error in (
        (sale, issue, r"Lawful\(1, 0\)"),
        (issue, sale, r"Unrelated\(0, 1\)"),
        (sale, sale, r"SameLeaf\(1\)"),
        (replace(again, path=sale.path), sale, r"NotIncluded\(3, 2\)"),
        (again, replace(sale, index=0), r"NotIncluded\(3, 0\)"),
    ):
        with pytest.raises(Refuted, match=f"The contract refuses: {error}"):
            client.convict(3, accused, other, payer.signer)
    with pytest.raises(Refuted, match=r"NotAnchored\(2\)"):
        client.convict(2, again, sale, payer.signer)
    with pytest.raises(Malformed, match="do not fit the types of the contract's convict"):
        client.convict(3, replace(again, index=-1), sale, payer.signer)
    assert client.verdict() is None


def test_a_verdict_by_no_rule_is_nonsense(authorities, rpc_url, playing, forward):
    def act(request):
        if request["method"] == "eth_call":
            return answering("0x" + "00" * 31 + "07" + "00" * 32 + "00" * 31 + "01" + "00" * 31 + "c8")(request)
        return json.dumps(forward(rpc_url, request)).encode()

    with AnchorClient(playing(act), authorities.contract) as fooled, pytest.raises(Unreachable, match="nonsense"):
        fooled.verdict()
