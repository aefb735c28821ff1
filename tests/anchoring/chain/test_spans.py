"""Events are read by any endpoint that answers at all: one that takes few blocks, is asked too often, or breaks off."""

import json
import time

import httpx2
import pytest

from anchoring.chain.agreement import BUSY_TURNS, Endpoints
from anchoring.chain.client.answers import AnchoredCheckpoint
from anchoring.chain.client.spans import FORGIVEN_AFTER, read_back
from anchoring.chain.endpoint import Busy, Lost
from anchoring.errors import Unreachable

CONTRACT_BLOCK = 200_000
HEAD = 300_000
ANCHORS = [AnchoredCheckpoint(size, bytes(32), 0, 0, size - 1, CONTRACT_BLOCK + 900 * size) for size in range(1, 100)]


class Chain:
    """100,000 blocks with an anchor in each 900th, after 200,000 of others; it takes `most` blocks at a time."""

    def __init__(self, most):
        self.most, self.asked, self.failing = most, [], {}

    def ask(self, first, last):
        self.asked.append((first, last))
        error = self.failing.pop(len(self.asked), None)
        if error is not None:
            raise error
        if last - first + 1 > self.most:
            raise Unreachable(f"at most {self.most} blocks")
        return [one for one in ANCHORS if first <= one.block_number <= last]


@pytest.mark.parametrize("most", [10_000, 2_000, 1_000])
def test_every_anchor_is_read_and_nothing_before_the_contract_asked_for(most):
    chain = Chain(most)
    assert read_back(chain.ask, 0, HEAD) == ANCHORS
    assert len(chain.asked) < 2 * 100_000 // most + 20
    assert min(first for first, _ in chain.asked[1:] if first) > 0
    assert min(last for _, last in chain.asked) > CONTRACT_BLOCK


def test_a_span_that_was_refused_once_grows_again():
    """A refusal that passes quartered the span for good: in the end each block was a question of its own."""
    chain = Chain(2_000)
    chain.failing = {at: Unreachable("the node is being restarted") for at in (8, 9, 10, 11)}
    assert read_back(chain.ask, 0, HEAD) == ANCHORS
    assert len(chain.asked) < 150
    assert max(last - first + 1 for first, last in chain.asked[FORGIVEN_AFTER:]) > 1_500


def test_an_endpoint_that_breaks_off_is_asked_the_same_again():
    chain, pauses = Chain(HEAD + 1), []
    chain.failing = {1: Lost("broke off")}
    assert read_back(chain.ask, 0, HEAD, pauses.append) == ANCHORS
    assert chain.asked == [(0, HEAD)] * 2
    assert pauses == [1.0]


def test_an_endpoint_that_answers_for_no_block():
    with pytest.raises(Unreachable, match="at most 0 blocks"):
        read_back(Chain(0).ask, 0, HEAD)


def test_one_that_would_take_for_ever_is_given_up():
    """A node can name any height, and answer for one block at a time."""
    with pytest.raises(Unreachable, match="use another node"):
        read_back(
            lambda first, last: Chain(1).ask(first, last) if first == last else Chain(0).ask(first, last), 10**6, 10**17
        )


def busy(count, **headers):
    """A wire to a node that is busy `count` times."""
    asked = []

    def act(request):
        asked.append(request)
        if len(asked) <= count:
            said = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "Too Many Requests"}}
            return httpx2.Response(int(headers.get("status", 429)), json=said, headers=headers)
        return httpx2.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": "0x1"})

    return httpx2.MockTransport(act), asked


CALL = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [{}]}


@pytest.mark.parametrize("status", ["429", "503", "200"])
def test_a_node_that_is_asked_too_often_is_waited_for_and_asked_the_same(status):
    pauses = []
    transport, asked = busy(3, status=status)
    endpoints = Endpoints("http://node", transport=transport, pause=pauses.append)
    assert endpoints.ask(CALL)["result"] == "0x1"
    assert [json.loads(request.content) for request in asked] == [CALL] * 4
    assert pauses == [0.5, 1.0, 2.0]


def test_it_is_left_alone_as_long_as_it_says():
    pauses = []
    transport, _ = busy(2, **{"Retry-After": "7"})
    Endpoints("http://node", transport=transport, pause=pauses.append).ask(CALL)
    assert pauses == [7.0, 7.0]
    transport, asked = busy(99, **{"Retry-After": "99999"})
    with pytest.raises(Busy):
        Endpoints("http://node", transport=transport, pause=pauses.append).ask(CALL)
    assert (len(asked), max(pauses)) == (BUSY_TURNS + 1, 30.0)


def test_among_several_a_busy_one_holds_up_nobody():
    transport, _ = busy(1, **{"Retry-After": "30"})
    before = time.monotonic()
    endpoints = Endpoints(["http://a", "http://b", "http://c"], transport=transport)
    assert endpoints.ask({**CALL, "method": "eth_blockNumber", "params": []})["result"] == "0x1"
    assert time.monotonic() - before < 5
