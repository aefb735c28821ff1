"""What the contract holds is compared with the log; an unlawful leaf becomes a transaction that convicts."""

import json

import pytest

from anchoring.chain.client import AnchorClient
from anchoring.errors import Refuted, Unreachable
from anchoring.monitor.evidence import verify_evidence
from anchoring.monitor.keeping import read_conviction
from registry.ledger.rules import Rule
from tests.anchoring.auditing.test_unlawful_leaf import UNLAWFUL, what_its_sibling_took
from tests.support.monitoring import Clock, evidence, publish, watching
from tests.support.synthetic_log import FIRST_LIFE, LIFE, VKEY, anchor_of, lawful_leaves
from tests.support.unlawful import GATHER, leaf_of
from tests.support.witnessing import Grown

LEAVES = lawful_leaves(600, cohort=10)
OTHERS = lawful_leaves(600, seed=1, cohort=10)
COHORT = 10
SIZE = FIRST_LIFE + LIFE * COHORT
BY_RULE = {
    rule: apply
    for rule, apply in UNLAWFUL
    if rule.name in {"KIND", "ORDER", "WITHIN", "OVERLAP", "ISSUE_OVERLAP", "GATHERED"}
}
"""Broken by itself, by its place, against its parent, a sibling, another that numbers grams, and its neighbour."""


@pytest.fixture
def log(tmp_path):
    return Grown(tmp_path / "log")


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def test_every_anchor_is_compared(state, log, anchoring):
    clock = Clock()
    with watching(state, log.folder, clock, **anchoring.settings, anchored_within_s=60) as watch:
        last = 0
        for size in (3, 256, 400):
            publish(log, LEAVES[last:size])
            anchoring.anchor(log, LEAVES, size, last)
            standing = watch.round()
            assert (standing.anchored, standing.alerts) == (size, ())
            last = size
        publish(log, LEAVES[400:])
        assert watch.codes() == []
        clock.now_ms += 61_000
        assert watch.codes() == ["anchor-late"]
        anchoring.anchor(log, LEAVES, 600, 400)
        assert watch.codes() == []
    assert all(anchor.is_same and anchor.is_counted for anchor in watch.follower._case.memory.anchors)


def test_blocks_that_were_read_are_not_read_again(state, log, anchoring, monkeypatch):
    """Each new anchor made it ask for all blocks; now for those that a reorganisation can reach."""
    asked = []
    monkeypatch.setattr("anchoring.monitor.contract.REORG_BLOCKS", 1)
    read = AnchorClient.anchored
    monkeypatch.setattr(AnchorClient, "anchored", lambda client, first=0: asked.append(first) or read(client, first))
    for last, size in ((0, 3), (3, 256), (256, 400)):
        publish(log, LEAVES[last:size])
        anchoring.anchor(log, LEAVES, size, last)
        with watching(state, log.folder, **anchoring.settings) as watch:
            assert watch.codes() == []
            kept = watch.follower._case.memory
            assert [anchor.size for anchor in kept.anchors][-1] == size
    assert asked[0] == 0 < asked[1] < asked[2]
    assert [anchor.size for anchor in kept.anchors] == [3, 256, 400]
    assert all(anchor.is_same and anchor.is_counted for anchor in kept.anchors)


@pytest.mark.parametrize("size", [256, 400])
def test_another_log_than_the_anchored_one_is_proven(state, log, anchoring, tmp_path, size):
    other = Grown(tmp_path / "other")
    publish(other, OTHERS[:size])
    anchoring.anchor(other, OTHERS, size)
    publish(log, LEAVES[:400])
    with watching(state, log.folder, **anchoring.settings) as watch:
        assert watch.codes() == ["anchor"]
    (kept,) = evidence(state, "anchor")
    assert verify_evidence(kept.read_bytes(), VKEY).startswith("Proven: the log has")


def test_figures_on_the_chain_that_the_leaves_do_not_make(state, log, anchoring):
    publish(log, LEAVES)
    anchoring.anchor(log, LEAVES, 300)
    anchoring.anchor(log, LEAVES, 600, 300, frontier=anchor_of(LEAVES, 600).frontier + 1)
    with watching(state, log.folder, **anchoring.settings) as watch:
        assert watch.codes() == ["figures"]
    (kept,) = evidence(state, "figures-600")
    with pytest.raises(Unreachable, match="gram audit"):
        verify_evidence(kept.read_bytes(), VKEY)
    with watching(state, log.folder, **anchoring.settings) as watch:
        (told,) = watch.round().alerts
        assert "600 leaves" in told.sentence


def test_a_log_that_was_set_back_behind_the_chain(state, log, anchoring):
    publish(log, LEAVES)
    anchoring.anchor(log, LEAVES, 600)
    behind = Grown(log.folder.with_name("behind"))
    publish(behind, LEAVES[:300])
    with watching(state, behind.folder, **anchoring.settings) as watch:
        assert watch.codes() == ["anchor-ahead"]


@pytest.mark.parametrize("rule", sorted(BY_RULE, key=int), ids=lambda rule: rule.name)
def test_an_unlawful_leaf_becomes_a_transaction_that_convicts(state, log, anchoring, rule):
    leaves = lawful_leaves(SIZE, cohort=COHORT)
    index = BY_RULE[rule](leaves)
    publish(log, leaves[: index + 1])
    with watching(state, log.folder, **anchoring.settings) as watch:
        assert set(watch.codes()) == {"rule"}
        assert evidence(state, "convict") == []
        publish(log, leaves[index + 1 :])
        anchoring.anchor(log, leaves, SIZE)
        assert set(watch.codes()) == {"rule"}
        (proof,), (ready,) = evidence(state, "rule"), evidence(state, "convict")
        assert verify_evidence(proof.read_bytes(), VKEY).startswith(f"Proven: leaf {index} of the log breaks")
        said = json.loads(ready.read_text())
        assert said["gas"] > 21_000
        with anchoring.client() as client:
            chain_id, contract, size, accused, other = read_conviction(ready.read_bytes())
            assert (chain_id, contract) == (anchoring.authorities.chain_id, anchoring.authorities.contract)
            client.convict(size, accused, other, anchoring.payer.signer)
            assert client.verdict().rule is rule
        assert set(watch.codes()) == {"contract-broken", "rule"}


def test_the_data_itself_can_be_sent(state, log, anvil):
    """As `cast send` would: to, data, nothing else of ours."""
    anchoring, ask = anvil
    leaves = lawful_leaves(SIZE, cohort=COHORT)
    index = what_its_sibling_took(leaves)
    publish(log, leaves)
    anchoring.anchor(log, leaves, SIZE)
    with watching(state, log.folder, **anchoring.settings) as watch:
        watch.round()
        said = json.loads(evidence(state, "convict")[0].read_text())
        (account, *_) = ask("eth_accounts")
        call = {"from": account, "to": said["to"], "data": said["data"], "gas": hex(said["gas"])}
        ask("eth_sendTransaction", call)
        with anchoring.client() as client:
            assert (client.verdict().index, client.verdict().rule) == (index, Rule.OVERLAP)
        assert "contract-broken" in watch.codes()


def test_leaves_that_break_no_rule_are_not_sent(state, log, anchoring):
    leaves = lawful_leaves(SIZE, cohort=COHORT)
    what_its_sibling_took(leaves)
    publish(log, leaves)
    anchoring.anchor(log, leaves, SIZE)
    with watching(state, log.folder, **anchoring.settings) as watch:
        watch.round()
    said = json.loads(evidence(state, "convict")[0].read_text())
    said["accused"]["leaf"] = leaves[0].tobytes().hex()
    with pytest.raises(Refuted, match="no rule"):
        read_conviction(json.dumps(said).encode())


def test_a_reorganisation_that_takes_an_anchor_back(state, log, anvil):
    anchoring, ask = anvil
    publish(log, LEAVES)
    anchoring.anchor(log, LEAVES, 300)
    with watching(state, log.folder, **anchoring.settings) as watch:
        before = ask("evm_snapshot")
        anchoring.anchor(log, LEAVES, 600, 300)
        assert watch.codes() == []
        ask("evm_revert", before)
        assert watch.codes() == ["chain-behind", "taken-back"]
    with watching(state, log.folder, **anchoring.settings) as watch:
        assert "taken-back" in watch.codes()
        anchoring.anchor(log, LEAVES, 600, 300)
        ask("anvil_mine", hex(3))
        assert watch.codes() == []


def test_nodes_that_do_not_tell_the_same(state, log, anvil, anchoring):
    """The second node is of the same chain id and has a contract of the same address, with another history."""
    on_anvil, ask = anvil
    code = None
    publish(log, LEAVES)
    anchoring.anchor(log, LEAVES, 300)
    with anchoring.client() as client:
        code = "0x" + client._code_at("latest").hex()
    ask("anvil_setCode", anchoring.authorities.contract, code)
    rpcs = [anchoring.rpc_url, on_anvil.rpc_url]
    with watching(state, log.folder, **(anchoring.settings | {"rpcs": rpcs})) as watch:
        assert watch.codes() == []
        ask("anvil_mine", hex(80))
        assert "endpoints-disagree" in watch.codes()
    settings = anchoring.settings | {"rpcs": [anchoring.rpc_url, "http://127.0.0.1:9"]}
    with watching(state, log.folder, **settings) as watch:
        assert watch.codes() == ["chain-unreachable"]
    settings = anchoring.settings | {"chain_id": 1}
    with watching(state, log.folder, **settings) as watch:
        assert watch.codes() == ["chain-unreachable"]


def test_a_signed_tree_that_ends_in_a_run_is_told_and_convicts_once_the_log_goes_on_otherwise(state, log, anchoring):
    leaves = lawful_leaves(SIZE, cohort=COHORT)
    cut = leaf_of(GATHER) + 1
    publish(log, leaves[:cut])
    with watching(state, log.folder, **anchoring.settings) as watch:
        assert set(watch.codes()) == {"replay", "rule"}
        assert f"leaf {cut - 1}: GATHERED" in next(one.sentence for one in watch.round().alerts if one.code == "rule")
        leaves["at"][cut] += 1
        publish(log, leaves[cut:])
        anchoring.anchor(log, leaves, SIZE)
        watch.round()
        (ready,) = evidence(state, "convict")
        with anchoring.client() as client:
            _, _, size, accused, other = read_conviction(ready.read_bytes())
            client.convict(size, accused, other, anchoring.payer.signer)
            assert (client.verdict().rule, {accused.index, other.index}) == (Rule.GATHERED, {cut - 1, cut})
