"""The golden vectors: fresh, true to this implementation, and a lawful log by the rules."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from anchoring import leaf, merkle
from anchoring.errors import Malformed
from registry.ledger.movement import Kind, Movement
from registry.ledger.rules import broken_rule

ROOT = Path(__file__).parents[2]
MERKLE = json.loads((ROOT / "tests/vectors/merkle.json").read_text())
LEAF = json.loads((ROOT / "tests/vectors/leaf.json").read_text())


def from_hex(texts):
    return [bytes.fromhex(text) for text in texts]


def is_included(vector):
    (leaf_hash, root), path = from_hex([vector["leaf_hash"], vector["root"]]), from_hex(vector["path"])
    return merkle.verify_inclusion(vector["index"], vector["size"], leaf_hash, path, root)


def is_consistent(vector):
    (root1, root2), proof = from_hex([vector["root1"], vector["root2"]]), from_hex(vector["proof"])
    return merkle.verify_consistency(vector["size1"], vector["size2"], root1, root2, proof)


def as_movement(fields):
    wide = {name: None if fields[name] is None else int(fields[name]) for name in ("first", "last", "parent")}
    raw = {name: bytes.fromhex(fields[name]) for name in ("from_tag", "to_tag", "evidence")}
    return Movement(**(fields | wide | raw))


def test_the_committed_vectors_are_fresh():
    check = [sys.executable, str(ROOT / "scripts/make-vectors"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_roots_are_those_of_the_rfcs_definition():
    def tree_hash(data):
        if len(data) < 2:
            return sha256(b"\x00" + data[0]).digest() if data else sha256(b"").digest()
        split = 1 << (len(data) - 1).bit_length() - 1
        return sha256(b"\x01" + tree_hash(data[:split]) + tree_hash(data[split:])).digest()

    leaves = from_hex(MERKLE["leaves"])
    assert [vector["size"] for vector in MERKLE["roots"]] == list(range(len(leaves) + 1))
    for vector in MERKLE["roots"]:
        assert tree_hash(leaves[: vector["size"]]).hex() == vector["root"]


@pytest.mark.parametrize(("name", "check"), [("inclusion", is_included), ("consistency", is_consistent)])
def test_good_proofs_hold_and_bad_ones_do_not(name, check):
    assert [vector for vector in MERKLE[name] if not check(vector)] == []
    assert [vector for vector in MERKLE[f"bad_{name}"] if check(vector)] == []


@pytest.mark.parametrize("vector", LEAF["lawful_log"] + LEAF["extremes"])
def test_leaves_encode_and_decode_to_the_byte(vector):
    movement, data = as_movement(vector["movement"]), bytes.fromhex(vector["hex"])
    assert leaf.encode(movement) == data
    assert leaf.decode(data) == movement
    assert merkle.leaf_hash(data).hex() == vector["leaf_hash"]


@pytest.mark.parametrize("text", LEAF["malformed"])
def test_malformed_leaves_are_malformed(text):
    with pytest.raises(Malformed):
        leaf.decode(bytes.fromhex(text))


def test_the_lawful_log_is_lawful_and_shows_every_kind():
    log = [as_movement(vector["movement"]) for vector in LEAF["lawful_log"]]
    assert {movement.kind for movement in log} == {int(kind) for kind in Kind}
    for index, movement in enumerate(log):
        parent = None if movement.parent is None else log[movement.parent]
        assert broken_rule(movement, parent) is None, index
        assert movement.parent is None or movement.parent < index
