"""Several endpoints of one chain: down, behind, forked, lying."""

import contextlib
import json
import socket
import time

import pytest

from anchoring.chain.agreement import MAX_ENDPOINTS, Endpoints
from anchoring.chain.client import AnchorClient
from anchoring.errors import AnchoringError, Malformed, Refuted, Unreachable
from anchoring.merkle import root
from tests.anchoring.chain.conftest import Payer, found
from tests.support.anvil import anvil

DEPTH = 3


@pytest.fixture
def down():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def through(rpc_url, playing, forward):
    """A node that answers as the chain does once `lie(request, answer)` has looked at it; each at its own address."""

    def make(lie=lambda _request, answer: answer, refused=""):
        def act(request):
            if request["method"] == refused:
                error = {"code": -32000, "message": "not today"}
                return json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).encode()
            said = lie(request, forward(rpc_url, request))
            return said if said is None else json.dumps(said).encode()

        return playing(act)

    return make


@pytest.fixture
def of(authorities):
    with contextlib.ExitStack() as stack:
        yield lambda *urls: stack.enter_context(AnchorClient(urls, authorities.contract, final_depth=DEPTH))


def altered(method, change):
    def lie(request, answer):
        return answer | {"result": change(answer["result"])} if request["method"] == method else answer

    return lie


def behind(blocks):
    """A node that does not have the last blocks yet."""

    def lie(request, answer):
        if request["method"] == "eth_blockNumber":
            lie.height = int(answer["result"], 16) - blocks
            return answer | {"result": hex(lie.height)}
        if request["method"] == "eth_getBlockByNumber" and int(request["params"][0], 16) > lie.height:
            return answer | {"result": None}
        return answer

    lie.height = 0
    return lie


def test_three_that_agree_are_as_one(of, through, authorities, shared_chain):
    client = of(through(), through(), through())
    receipt = client.anchor(*authorities.checkpoint(0, 7), shared_chain.payer.signer)
    assert client.root_at(7) == root(authorities.leaves[:7])
    assert client.mined_in(receipt.tx_hash) == receipt.block_number
    assert [one.size for one in client.anchored()] == [7]
    assert client.head().size == 7
    with pytest.raises(Refuted, match="SizeNotGrown"):
        client.anchor(*authorities.checkpoint(0, 5), shared_chain.payer.signer)


def test_one_of_three_may_be_down(of, through, down, authorities, shared_chain):
    client = of(down, through(), through())
    client.anchor(*authorities.checkpoint(0, 7), shared_chain.payer.signer)
    assert client.head().size == 7


def test_two_of_three_down_are_named(of, through, down):
    client = of(down, through(), through(lambda _request, _answer: None))
    with pytest.raises(Unreachable, match="1 of 3 endpoints") as caught:
        client.head()
    assert down in str(caught.value)
    assert "broke off" in str(caught.value)


def test_one_that_is_behind_is_waited_for(of, through, authorities, shared_chain):
    """Of two, the one that is behind says how far both are; of three, the other two do."""
    late = through(behind(2))
    pair, three = of(through(), late), of(through(), through(), late)
    of(through()).anchor(*authorities.checkpoint(0, 7), shared_chain.payer.signer)
    assert three.head().size == 7
    assert pair.head().size == 0
    assert [one.size for one in three.anchored()] == [7]


@pytest.mark.parametrize("count", [2, 3])
def test_a_root_that_one_lies_about_is_refuted_and_both_are_named(of, through, authorities, shared_chain, count):
    honest = [through() for _ in range(count - 1)]
    of(*honest).anchor(*authorities.checkpoint(0, 7), shared_chain.payer.signer)
    lie = altered("eth_call", lambda word: word if int(word, 16) < 2**200 else "0x" + "ab" * 32)
    liar = through(lie)
    with pytest.raises(Refuted, match="contradict each other") as caught:
        of(*honest, liar).root_at(7)
    assert liar in str(caught.value)
    assert any(url in str(caught.value) for url in honest)


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("eth_getLogs", lambda logs: logs[:-1]),
        ("eth_getLogs", lambda logs: [log | {"data": log["data"][:-1] + "f"} for log in logs]),
        ("eth_getCode", lambda code: code[:-2]),
        ("eth_chainId", lambda _id: "0x1"),
    ],
    ids=["event kept back", "event altered", "code", "chain"],
)
def test_every_lie_about_the_state_is_refuted(of, through, authorities, shared_chain, method, change):
    of(through()).anchor(*authorities.checkpoint(0, 7), shared_chain.payer.signer)
    client = of(through(), through(altered(method, change)), through())
    with pytest.raises(Refuted, match=r"contradict each other|not of one chain"):
        [client.chain_id(), client.check(), client.anchored()]


@pytest.mark.parametrize("wei", [0, 10**18])
def test_one_that_asks_for_much_or_nothing_does_not_set_the_fee(of, through, authorities, shared_chain, wei):
    client = of(through(altered("eth_gasPrice", lambda _price: hex(wei))), through(), through())
    assert client.anchor(*authorities.checkpoint(0, 7), shared_chain.payer.signer).tx_hash


def test_it_is_sent_when_one_takes_it(of, through, authorities, shared_chain):
    busy = [through(refused="eth_sendRawTransaction") for _ in range(2)]
    client = of(busy[0], through(), busy[1])
    assert client.anchor(*authorities.checkpoint(0, 7), shared_chain.payer.signer).tx_hash
    with pytest.raises(Unreachable, match="not today"):
        of(*busy).anchor(*authorities.checkpoint(7, 9), shared_chain.payer.signer)


def test_two_nodes_that_are_not_one_chain():
    """Two anvils: one genesis, then other blocks. A fork that is young is waited out; one that is old is refuted."""
    with anvil("--timestamp", "1700000000") as one, anvil("--timestamp", "1700000000") as other:
        payer = Payer()
        for node in (one, other):
            node.fund(payer.address)
        authorities = found(one.url, payer)
        for _ in range(2):
            other.mine()
        client = AnchorClient((one.url, other.url), authorities.contract, final_depth=DEPTH)
        with client:
            with pytest.raises(Unreachable, match="endpoints give the same usable answer"):
                client.head()
            for node in (one, other):
                node.mine(DEPTH + 2)
            with pytest.raises(Refuted, match="they do not show the same chain") as caught:
                client.head()
            assert one.url in str(caught.value)
            assert other.url in str(caught.value)


def test_one_that_does_not_answer_is_left_out_for_a_while(through):
    asked = []

    def silent(request, _answer):
        asked.append(request["method"])
        time.sleep(1)

    with AnchorClient((through(), through(), through(silent)), "0x" + "11" * 20, read_seconds=0.3) as client:
        assert all(client.block_number() >= 0 for _ in range(20))
    assert asked == ["eth_blockNumber"]


@pytest.mark.parametrize(
    "result", [None, [], {}, "0x", "0xzz", "0x" + "f" * 5_000, -1, 1.5, True, "0x-1", {"hash": "0x" + "0" * 64}, [[]]]
)
@pytest.mark.parametrize("method", ["eth_blockNumber", "eth_getBlockByNumber", "eth_call", "eth_getLogs"])
def test_one_that_answers_nonsense_brings_out_no_other_error_than_ours(of, through, method, result):
    client = of(through(altered(method, lambda _result: result)), through())
    for ask in (client.head, client.anchored):
        with contextlib.suppress(AnchoringError):
            ask()


def test_how_many_and_which():
    for urls in ([], ["http://h"] * 2 + ["x"], [f"http://h{number}" for number in range(MAX_ENDPOINTS + 1)]):
        with pytest.raises(Malformed):
            Endpoints(urls)
    twice = Endpoints(["http://h", "http://h"])
    assert twice.shown == "http://h", "one named twice is no second opinion"
