"""The proof of a move, true and altered, of a log in memory."""

import json
import random
from dataclasses import replace

import pytest

from anchoring import checkpoint
from anchoring.checkpoint import Checkpoint
from anchoring.errors import AnchoringError, Malformed, Refuted
from anchoring.leaf import encode
from anchoring.merkle import consistency_proof, inclusion_proof, leaf_hash, root
from anchoring.moves.proof import MAX_BYTES, MoveProof, chain_of, check_contract, parse_proof, verify_move
from anchoring.moves.record import Move, move_of_evidence, read_move
from anchoring.receipt import Receipt
from tests.support.synthetic_log import SIGNER, VKEY

OLD, NEW = "0x" + "11" * 20, "0x" + "22" * 20
MOVE = Move(0, 31337, OLD, 1, NEW)
INDEX, FROM, TO = 5, 9, 14


def leaves_with(move, index=INDEX, count=20):
    return [
        encode(move.movement(1_000 + number) if number == index else MOVE.movement(number)) for number in range(count)
    ]


def proof_of(move=MOVE, leaves=None, sizes=(FROM, TO)):
    leaves = leaves_with(move) if leaves is None else leaves
    hashes = [leaf_hash(leaf) for leaf in leaves]
    old, new = sizes
    note = checkpoint.sign(Checkpoint(SIGNER.name, new, root(hashes[:new])), SIGNER)
    receipt = Receipt(leaves[INDEX], INDEX, tuple(inclusion_proof(INDEX, hashes[:new])), note).encode()
    consistency = tuple(consistency_proof(old, hashes[:new])) if old < new else ()
    return MoveProof(move, receipt, old, root(hashes[:old]), tuple(inclusion_proof(INDEX, hashes[:old])), consistency)


@pytest.mark.parametrize("sizes", [(FROM, TO), (FROM, FROM), (6, 20)])
def test_a_true_proof(sizes):
    data = proof_of(sizes=sizes).encode()
    proven = verify_move(data, VKEY)
    assert (proven.move, proven.index, proven.from_size, proven.to_size) == (MOVE, INDEX, *sizes)
    assert parse_proof(data).encode() == data


def test_the_evidence_is_read_back():
    assert move_of_evidence(MOVE.fields()) == MOVE
    assert replace(MOVE, number=1).digest() != MOVE.digest()


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"move": replace(MOVE, to_contract="0x" + "33" * 20)}, 2),
        ({"move": replace(MOVE, to_chain_id=2)}, 2),
        ({"move": replace(MOVE, number=1)}, 2),
        ({"from_root": bytes(32)}, 3),
        ({"from_size": INDEX}, 3),
        ({"path": ()}, 3),
        ({"consistency": ()}, 4),
    ],
)
def test_what_does_not_hold_is_named_by_its_step(changes, step):
    with pytest.raises(Refuted, match=f"Step {step}"):
        verify_move(replace(proof_of(), **changes).encode(), VKEY)


def test_another_log_that_has_the_same_record_is_refuted():
    """The old contract held another history before the record: the same leaf at the same place proves nothing."""
    other = proof_of(leaves=[encode(MOVE.movement(999)), *leaves_with(MOVE)[1:]])
    mixed = replace(proof_of(), from_root=other.from_root, path=other.path, consistency=other.consistency)
    with pytest.raises(Refuted, match="Step 4"):
        verify_move(mixed.encode(), VKEY)


def test_every_flipped_bit_is_refused():
    data, draw = proof_of().encode(), random.Random(1)
    for _ in range(300):
        changed = bytearray(data)
        changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        try:
            proven = verify_move(bytes(changed), VKEY)
        except AnchoringError:
            continue
        assert proven == verify_move(data, VKEY), "white space, or the case of a digit"


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b"7", b"[" * 10_000, b" " * (MAX_BYTES + 1), b'{"format": "gramledger/move/v1"}', b"\xff"],
)  # fmt: skip
def test_what_is_no_proof(data):
    with pytest.raises(Malformed):
        parse_proof(data)


@pytest.mark.parametrize(
    "changes",
    [{"from_size": 2**63}, {"from_size": "9"}, {"from_size": True}, {"path": "00"}, {"path": ["00" * 32] * 200},
     {"number": -1}, {"number": 1.0}, {"to_chain_id": 2**64}, {"to_contract": "0x12"}, {"receipt": 7}, {"path": [None]},
     {"to_contract": OLD, "to_chain_id": 31337}, {"receipt": "\ud800"}],
)  # fmt: skip
def test_fields_that_are_none(changes):
    said = json.loads(proof_of().encode()) | changes
    with pytest.raises(AnchoringError):
        verify_move(json.dumps(said).encode(), VKEY)


class Held:
    def __init__(self, roots, broken=False):
        self.roots, self.broken = roots, broken

    def root_at(self, size):
        return self.roots.get(size)

    def head(self):
        return self


def test_each_contract_is_held_to_its_root():
    proven = verify_move(proof_of().encode(), VKEY)
    check_contract(proven, Held({FROM: proven.from_root}), is_old=True)
    check_contract(proven, Held({TO: proven.to_root}), is_old=False)
    for contract, is_old in (
        (Held({FROM: proven.to_root}), True), (Held({}), False), (Held({FROM: proven.from_root}, broken=True), True),
    ):  # fmt: skip
        with pytest.raises(Refuted, match="Step 5"):
            check_contract(proven, contract, is_old=is_old)


def test_moves_follow_each_other():
    first = verify_move(proof_of().encode(), VKEY)
    second = replace(first, move=Move(1, 1, NEW, 1, OLD), index=8)
    assert chain_of([second, first]) == [first, second]
    for other in (Move(2, 1, NEW, 1, OLD), Move(1, 2, NEW, 1, OLD), Move(1, 1, "0x" + "33" * 20, 1, OLD)):
        with pytest.raises(Refuted, match="does not begin where"):
            chain_of([first, replace(second, move=other)])


def test_what_is_no_move():
    for said in (None, [], {}, 7, {"number": 0}):
        with pytest.raises(Malformed):
            read_move(said)
