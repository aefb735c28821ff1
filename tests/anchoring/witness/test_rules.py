"""No unlawful leaf is cosigned, wherever it stands: named by index and rule, kept as evidence, and nothing changes."""

import json

import numpy as np
import pytest

from anchoring.auditing.audit import audit
from anchoring.merkle import leaf_hash, verify_inclusion
from anchoring.replaying.history import rows_of
from anchoring.replaying.overlaps import find_overlaps
from anchoring.replaying.takings import Takings
from anchoring.signing import signer_of
from anchoring.tree.tiles import DirectorySource
from anchoring.witness.protocol import Request
from registry.ledger.rules import Rule
from tests.support.synthetic_log import FIRST_LIFE, LIFE, VKEY, anchor_of, is_whole, lawful_leaves, sign_log
from tests.support.unlawful import COHORT, UNLAWFUL, UNLAWFUL_IDS, VOID, leaf_of, what_its_sibling_took
from tests.support.witnessing import CONTRACT, KEYS, Grown, signed, witness_in

SIZE = FIRST_LIFE + LIFE * COHORT


@pytest.mark.parametrize("in_one_go", [True, False], ids=["one batch", "across batches"])
@pytest.mark.parametrize(("rule", "apply"), UNLAWFUL, ids=UNLAWFUL_IDS)
def test_one_unlawful_leaf_is_refused(tmp_path, rule, apply, in_one_go):
    leaves = lawful_leaves(SIZE, cohort=COHORT)
    index = apply(leaves)
    log = Grown(tmp_path / "log")
    before = 0 if in_one_go else next(size for size in range(index, -1, -1) if is_whole(leaves, size))
    if rule == Rule.CLASS_I:
        before = 0  # its ISSUE, alone, is refused already: it bears not the marks of its issuance
    with witness_in(tmp_path / "state", log.folder) as witness:
        if before:
            assert witness.add_checkpoint(log.request(0, log.grow(leaves[:before]))).status == 200
        answer = witness.add_checkpoint(log.request(before, log.grow(leaves[before:])))
        assert answer.status == 422
        assert answer.body.decode().startswith(f"leaf {index}: {rule.name}: ")
        assert (
            witness.add_checkpoint(Request(before + 1, (), signed(SIZE, bytes(32))).encode()).body == b"%d\n" % before
        )
    (kept,) = (tmp_path / "state" / "evidence").iterdir()
    assert json.loads(kept.read_text())["rule"] == rule.name


def test_the_evidence_of_an_overlap_is_what_convict_takes(tmp_path):
    leaves = lawful_leaves(SIZE, cohort=COHORT)
    index = what_its_sibling_took(leaves)
    log = Grown(tmp_path / "log")
    with witness_in(tmp_path / "state", log.folder) as witness:
        witness.add_checkpoint(log.request(0, log.grow(leaves[:index])))
        witness.add_checkpoint(log.request(index, log.grow(leaves[index:])))
    (kept,) = (tmp_path / "state" / "evidence").iterdir()
    said = json.loads(kept.read_text())
    assert [one["index"] for one in said["leaves"]] == [index, leaf_of(VOID)]
    for one in said["leaves"]:
        proof = [bytes.fromhex(node) for node in one["proof"]]
        assert one["proven"]
        assert verify_inclusion(one["index"], SIZE, leaf_hash(bytes.fromhex(one["leaf"])), proof, log.builder.root())


def test_what_is_signed_for_the_contract_is_what_was_counted(tmp_path):
    leaves = lawful_leaves(SIZE, cohort=COHORT)
    log = Grown(tmp_path / "log")
    with witness_in(tmp_path / "state", log.folder) as witness:
        for first, last in ((0, 100), (100, 101), (101, SIZE)):
            assert witness.add_checkpoint(log.request(first, log.grow(leaves[first:last]))).status == 200
            anchor = anchor_of(leaves, last)
            said = json.loads(witness.chain_signature(last).body)
            figures = (said["size"], bytes.fromhex(said["root"]), said["frontier_g"], said["ended_g"])
            assert figures == (anchor.size, anchor.root, anchor.frontier, anchor.ended)
            signer = signer_of(bytes.fromhex(said["signature"]), CONTRACT.chain_id, CONTRACT.address, *figures)
            assert signer == said["address"] == KEYS.chain.address
        assert json.loads(witness.chain_signature(100).body)["size"] == 100
        assert [witness.chain_signature(size).status for size in (0, 99, 102, 2**64 - 1)] == [404] * 4
    sign_log(log.folder, SIZE, log.builder.root())
    assert audit(DirectorySource(log.folder), VKEY).holds


@pytest.mark.parametrize("seed", range(20))
def test_overlaps_are_found_in_any_batches(seed):
    """Movements drawn over few parents and few grams: the batch of the first that overlaps is refused."""
    draw = np.random.default_rng(seed)
    leaves = lawful_leaves(200, cohort=COHORT)
    leaves["first"] = draw.integers(0, 20000, 200)
    leaves["last"] = leaves["first"] + draw.integers(0, 30, 200).astype(np.uint64)
    leaves["parent"] = draw.integers(0, 3, 200)
    leaves["kind"] = draw.choice([1, 2, 12, 64], 200, p=[0.2, 0.5, 0.2, 0.1])
    leaves["parent"][np.isin(leaves["kind"], [1, 12])] = 2**64 - 1
    rows = rows_of(leaves)
    batch, first = _refused_batch(rows, draw), _first_overlap(rows)
    assert first is None if batch is None else first in batch


def _refused_batch(rows, draw) -> range | None:
    takings, start = Takings(), 0
    while start < len(rows):
        end = min(len(rows), start + int(draw.integers(1, 30)))
        found = [start + later for _, (later, _) in find_overlaps(rows[start:end])]
        found += [later for _, (later, _) in takings.overlaps(rows[:end], start)]
        if found:
            return range(start, end)
        takings, start = takings.extended(rows[start:end], start), end
    return None


def _first_overlap(rows) -> int | None:
    """Leaf by leaf against all before it."""
    taken = []
    for index, row in enumerate(rows):
        if row["first"] >= row["last"] or row["codes"] >> 14 > 12:
            continue
        for parent, first, last in taken:
            if parent == row["parent"] and first < row["last"] and row["first"] < last:
                return index
        taken.append((row["parent"], row["first"], row["last"]))
    return None
