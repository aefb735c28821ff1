"""A whole log against the contract on a real EVM: every event is read, and every anchored size is recomputed."""

import json

import pytest

from anchoring.auditing.audit import audit
from anchoring.chain.client import AnchorClient
from anchoring.errors import Unreachable
from anchoring.signing import sign_checkpoint
from anchoring.tree.tiles import DirectorySource, TileReader, consistency_proof
from tests.support.synthetic_log import VKEY, anchor_of, lawful_leaves, write_log

SIZES = (3, 256, 400)


@pytest.fixture
def leaves():
    return lawful_leaves(SIZES[-1], cohort=15)


@pytest.fixture
def source(tmp_path, leaves):
    write_log(tmp_path / "log", leaves)
    return DirectorySource(tmp_path / "log")


@pytest.fixture
def anchor(client, authorities, shared_chain, source):
    """Anchor a checkpoint that two authorities signed, whatever its figures."""

    def do(one, last: int) -> None:
        proof = consistency_proof(TileReader(source), last, one.size) if last else []
        values = (one.size, one.root, one.frontier, one.ended)
        signatures = [
            sign_checkpoint(key, authorities.chain_id, authorities.contract, *values) for key in authorities.keys[:2]
        ]
        client.anchor(*values, proof, signatures, shared_chain.payer.signer)

    return do


def made_at(client, block):
    return client._chain.web3.eth.get_block(block)["timestamp"] * 1000


@pytest.fixture
def anchored_log(anchor, leaves):
    anchors = [anchor_of(leaves, size) for size in SIZES]
    for one, last in zip(anchors, (0, *SIZES), strict=False):
        anchor(one, last)
    return anchors


def test_every_anchor_is_read_and_recomputed(client, source, anchored_log):
    read = client.anchored()
    assert [(one.size, one.root, one.frontier, one.ended) for one in read] == [
        (one.size, one.root, one.frontier, one.ended) for one in anchored_log
    ]
    assert [one.block_number for one in read] == sorted({one.block_number for one in read})
    assert [client.made_at(one) for one in read] == [made_at(client, one.block_number) for one in read]
    report = audit(source, VKEY, client)
    assert report.holds
    assert report.anchors == report.anchors_compared == len(SIZES)


def test_nothing_is_anchored_yet(client, source):
    assert client.anchored() == []
    assert audit(source, VKEY, client).anchors == 0


def test_figures_on_the_chain_that_the_leaves_do_not_make(client, source, anchor, leaves):
    one = anchor_of(leaves, 256)
    one.ended += 1
    anchor(one, 0)
    report = audit(source, VKEY, client)
    assert [(fault.size, fault.code) for fault in report.faults] == [(256, "anchor-ended")]


def test_another_log_than_the_anchored_one(client, anchored_log, leaves, tmp_path):
    leaves["evidence"][299] = 0  # of a movement
    write_log(tmp_path / "other", leaves)
    report = audit(DirectorySource(tmp_path / "other"), VKEY, client)
    assert [(fault.size, fault.code) for fault in report.faults] == [(400, "anchor-root")]
    assert report.root != anchored_log[-1].root


def test_an_endpoint_that_gives_few_blocks_at_a_time(client, authorities, anchored_log, playing, forward, rpc_url):
    asked = []

    def act(request):
        if request["method"] == "eth_getLogs":
            blocks = range(*(int(request["params"][0][name], 16) for name in ("fromBlock", "toBlock")))
            asked.append(blocks)
            if len(blocks) >= 3:
                refusal = {"code": -32005, "message": "range too large"}
                return json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": refusal}).encode()
        return json.dumps(forward(rpc_url, request)).encode()

    with AnchorClient(playing(act), authorities.contract) as narrow:
        read = narrow.anchored()
        assert read == client.anchored()
    assert len(read) == len(anchored_log)
    assert len(asked) > 3


def test_an_endpoint_that_gives_no_events(authorities, anchored_log, source, playing, forward, rpc_url):
    def act(request):
        answer = forward(rpc_url, request)
        return json.dumps(answer | {"result": []} if request["method"] == "eth_getLogs" else answer).encode()

    kept_back = pytest.raises(Unreachable, match=f"size {anchored_log[-1].size}, is not among them")
    with AnchorClient(playing(act), authorities.contract) as forgetful, kept_back:
        audit(source, VKEY, forgetful)


@pytest.mark.usefixtures("anchored_log")
def test_an_endpoint_that_refuses_all_events(authorities, playing, forward, rpc_url):
    def act(request):
        if request["method"] == "eth_getLogs":
            refusal = {"code": -32601, "message": "no such method"}
            return json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": refusal}).encode()
        return json.dumps(forward(rpc_url, request)).encode()

    with AnchorClient(playing(act), authorities.contract) as closed, pytest.raises(Unreachable, match="no such method"):
        closed.anchored()
