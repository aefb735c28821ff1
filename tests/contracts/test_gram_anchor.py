"""The committed build on py-evm, called as any web3 client would call it."""

import json
from pathlib import Path

import pytest

from anchoring.merkle import consistency_proof, inclusion_proof, leaf_hash, root

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "merkle.json").read_text())
LEAVES = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]
HASHES = [leaf_hash(leaf) for leaf in LEAVES]


def checkpoint(leaves, **changes):
    return {"size": leaves, "root": root(HASHES[:leaves]), "frontier": leaves * 10, "ended": leaves} | changes


def proof(first, second):
    return consistency_proof(first, HASHES[:second])


def test_two_checkpoints(anchoring):
    anchoring.anchor(checkpoint(13), [])
    anchoring.anchor(checkpoint(40), proof(13, 40), signers=(1, 0, 2))
    views = anchoring.contract.functions
    assert (views.size().call(), views.root().call()) == (40, root(HASHES))
    assert (views.frontier().call(), views.ended().call(), views.broken().call()) == (400, 40, False)
    assert [views.rootAt(size).call() for size in (13, 39, 40)] == [root(HASHES[:13]), bytes(32), root(HASHES)]
    events = anchoring.contract.events.Anchored().get_logs(from_block=0)
    assert [dict(event["args"]) for event in events] == [
        {**checkpoint(13), "previous": 0},
        {**checkpoint(40), "previous": 13},
    ]


def test_every_leaf_is_included(anchoring):
    anchoring.anchor(checkpoint(13), [])
    included = anchoring.contract.functions.included
    for index, leaf in enumerate(LEAVES[:13]):
        path = inclusion_proof(index, HASHES[:13])
        assert included(leaf, index, 13, path).call()
        assert not included(leaf + b"\0", index, 13, path).call()
        assert not included(leaf, index + 1, 13, path).call()


REFUSALS = [
    (("SizeNotGrown", 13, 13), checkpoint(13), [], (0, 1)),
    (("SizeTooLarge", 2**44 + 1), checkpoint(40, size=2**44 + 1), [], (0, 1)),
    (("ZeroRoot",), checkpoint(40, root=bytes(32)), proof(13, 40), (0, 1)),
    (("FrontierShrunk", 130, 129), checkpoint(40, frontier=129), proof(13, 40), (0, 1)),
    (("EndedShrunk", 13, 12), checkpoint(40, ended=12), proof(13, 40), (0, 1)),
    (("EndedPassesFrontier", 401, 400), checkpoint(40, ended=401), proof(13, 40), (0, 1)),
    (("Inconsistent", 13, 40), checkpoint(40, root=root(HASHES[1:])), proof(13, 40), (0, 1)),
    (("Inconsistent", 13, 40), checkpoint(40), proof(13, 40)[:-1], (0, 1)),
    (("TooFewSignatures", 1, 2), checkpoint(40), proof(13, 40), (1,)),
]


@pytest.mark.parametrize(("refusal", "refused", "path", "signers"), REFUSALS)
def test_refusals_by_name(anchoring, refusal, refused, path, signers):
    anchoring.anchor(checkpoint(13), [])
    assert anchoring.refusal(anchoring.prepare(refused, path, signers)) == refusal


def test_one_signer_twice_is_one(anchoring):
    signer = anchoring.keys[1].address.lower()
    assert anchoring.refusal(anchoring.prepare(checkpoint(13), [], (1, 1))) == ("RepeatedSigner", signer)


def test_unanchored_size_reverts(anchoring):
    assert anchoring.refusal(anchoring.contract.functions.included(LEAVES[0], 0, 1, [])) == ("NotAnchored", 1)


def growth(kind):
    """The file's vectors of growth, by the (size, root) they start from; forge tries all of them, here the last two."""
    starts = {}
    for vector in VECTORS[kind]:
        if vector["size1"] < vector["size2"]:
            starts.setdefault((vector["size1"], vector["root1"]), []).append(vector)
    assert len(starts) > 10
    return starts.items()


@pytest.mark.parametrize("kind", ["consistency", "bad_consistency"])
def test_golden_consistency(anchoring, kind):
    tester = anchoring.web3.provider.ethereum_tester
    for (size, text), vectors in growth(kind):
        before = tester.take_snapshot()
        anchoring.anchor({"size": size, "root": bytes.fromhex(text), "frontier": 0, "ended": 0}, [])
        for vector in vectors[-2:]:
            new = {"size": vector["size2"], "root": bytes.fromhex(vector["root2"]), "frontier": 0, "ended": 0}
            call = anchoring.prepare(new, [bytes.fromhex(node) for node in vector["proof"]])
            if kind == "consistency":
                call.call()
            else:
                assert anchoring.refusal(call) == ("Inconsistent", size, vector["size2"])
        tester.revert_to_snapshot(before)
