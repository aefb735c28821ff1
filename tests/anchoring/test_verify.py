"""The numbered steps of verification: each holds, each fails at its own number, and none needs a network."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.errors import Malformed, Unreachable
from anchoring.note import COSIGNATURE, Signer
from anchoring.trust.policy import k_of
from anchoring.verify import STOPS, Anchors, Outcome, verify_receipt
from registry.ledger.movement import Kind

ROOT = Path(__file__).parents[2]
FILE = ROOT / "tests/vectors/receipt.json"
VECTORS = json.loads(FILE.read_text())
VKEY, COSIGNERS = VECTORS["keys"][0]["vkey"], VECTORS["keys"][0]["cosigners"]
GOOD = VECTORS["receipts"][1]["receipt"].encode()
SIZE, HEAD = VECTORS["receipts"][1]["size"], bytes.fromhex(VECTORS["receipts"][1]["root"])
HOLDS, REFUTED, UNCHECKED = Outcome.HOLDS, Outcome.REFUTED, Outcome.UNCHECKED
NOT_ASKED, NOT_REACHED = Outcome.NOT_ASKED, Outcome.NOT_REACHED


def outcomes(found):
    assert [step.number for step in found.steps] == [1, 2, 3, 4, 5, 6]
    assert all(step.title_en and step.title_zh and step.detail for step in found.steps)
    return [step.outcome for step in found.steps]


def test_without_cosigners_and_chain_four_steps_are_taken():
    found = verify_receipt(GOOD, VKEY)
    assert outcomes(found) == [HOLDS, HOLDS, NOT_ASKED, HOLDS, HOLDS, NOT_ASKED]
    assert found.outcome == HOLDS
    assert (found.movement.kind, found.receipt.index, found.checkpoint.checkpoint.size) == (Kind.ISSUE, 6, SIZE)


@pytest.mark.parametrize("vector", VECTORS["receipts"])
def test_with_cosigners_and_chain_all_steps_hold(vector):
    anchors = Anchors(vector["size"], {vector["size"]: bytes.fromhex(vector["root"])}.get)
    found = verify_receipt(vector["receipt"].encode(), VKEY, k_of(COSIGNERS, 2), anchors)
    assert outcomes(found) == [HOLDS] * 6
    assert found.outcome == HOLDS
    assert [one.verifier.name.partition(".")[0] for one in found.cosignatures] == ["centre", "exchange"]


@pytest.mark.parametrize("vector", VECTORS["bad"])
def test_each_fault_stops_at_its_own_step(vector):
    found = verify_receipt(vector["receipt"].encode(), VKEY)
    at = vector["step"]
    before, failed, after = outcomes(found)[: at - 1], outcomes(found)[at - 1], outcomes(found)[at:]
    assert set(before) <= {HOLDS, NOT_ASKED}
    assert failed in STOPS
    assert after == [NOT_REACHED] * (6 - at)
    assert found.outcome == failed


def test_another_key_than_the_logs_refutes_step_2():
    stranger = Signer("log.vectors.example", 1, bytes(32)).verifier.vkey
    assert outcomes(verify_receipt(GOOD, stranger))[1:] == [REFUTED, *[NOT_REACHED] * 4]


def test_too_few_cosigners_or_a_false_cosignature_refute_step_3():
    assert outcomes(verify_receipt(GOOD, VKEY, k_of(COSIGNERS, 3)))[2] == REFUTED
    assert outcomes(verify_receipt(GOOD, VKEY, k_of(COSIGNERS[2:])))[2] == REFUTED
    # More than half of those named, when nobody says how many: two of three, and two of two.
    assert outcomes(verify_receipt(GOOD, VKEY, k_of(COSIGNERS)))[2] == HOLDS
    assert outcomes(verify_receipt(GOOD, VKEY, k_of(COSIGNERS[1:])))[2] == REFUTED
    # One key written twice is one cosigner.
    assert outcomes(verify_receipt(GOOD, VKEY, k_of([COSIGNERS[0]] * 2)))[2] == HOLDS
    lines = GOOD.splitlines(keepends=True)
    mark = -30
    forged = b"".join(
        [*lines[:-1], lines[-1][:mark] + (b"B" if lines[-1][mark] == ord("A") else b"A") + lines[-1][mark + 1 :]]
    )
    assert outcomes(verify_receipt(forged, VKEY, k_of(COSIGNERS, 1)))[2] == REFUTED
    assert outcomes(verify_receipt(forged, VKEY, k_of(COSIGNERS[:1])))[2] == HOLDS


def unreachable(size):
    raise Unreachable(f"no answer about {size}")


@pytest.mark.parametrize(
    ("anchors", "outcome", "sentence"),
    [
        (Anchors(SIZE, {SIZE: HEAD}.get), HOLDS, "the same root"),
        (Anchors(SIZE + 9, {SIZE: HEAD}.get), HOLDS, "the same root"),
        (Anchors(SIZE, {SIZE: bytes(31) + b"x"}.get), REFUTED, "two histories"),
        (Anchors(SIZE + 9, {}.get), UNCHECKED, f"ask for a receipt at {SIZE + 9}"),
        (Anchors(SIZE - 1, {}.get), UNCHECKED, "not anchored yet"),
        (Anchors(0, {}.get), UNCHECKED, "not anchored yet"),
        (Anchors(SIZE, {SIZE: HEAD}.get, broken=True), REFUTED, "the registry broke a rule"),
        (Anchors(0, {}.get, broken=True), REFUTED, "the registry broke a rule"),
        (Anchors(SIZE, unreachable), UNCHECKED, f"no answer about {SIZE}"),
    ],
    ids=range(9),
)
def test_what_the_chain_says_decides_step_6(anchors, outcome, sentence):
    found = verify_receipt(GOOD, VKEY, anchors=anchors)
    assert outcomes(found)[:5] == [HOLDS, HOLDS, NOT_ASKED, HOLDS, HOLDS]
    assert found.steps[5].outcome == found.outcome == outcome
    assert sentence in found.steps[5].detail


@given(st.binary(max_size=300) | st.integers(0, len(GOOD)).map(lambda cut: GOOD[:cut]))
def test_bad_evidence_is_an_outcome_and_never_an_exception(data):
    found = verify_receipt(data, VKEY, k_of(COSIGNERS, 1))
    assert len(outcomes(found)) == 6
    # Without the last line, one cosigner is left, and one is asked for.
    assert (found.outcome == HOLDS) is (data in {GOOD, b"".join(GOOD.splitlines(keepends=True)[:-1])})


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_changed_byte_does_not_pass(at, change):
    data = bytearray(GOOD)
    data[at] ^= change
    found = verify_receipt(bytes(data), VKEY, k_of(COSIGNERS, 2))
    assert found.outcome != HOLDS


@pytest.mark.parametrize(
    ("vkey", "cosigners"),
    [("", []), (VKEY[:-1], []), (COSIGNERS[0], []), (VKEY, ["x"]), (VKEY, [VKEY])],
    ids=range(5),
)
def test_the_verifiers_own_wrong_key_is_malformed(vkey, cosigners):
    with pytest.raises(Malformed):
        verify_receipt(GOOD, vkey, k_of(cosigners))


@pytest.mark.parametrize("quorum", [-1, 0, 4])
def test_the_verifiers_own_wrong_quorum_is_refused(quorum):
    with pytest.raises(Malformed, match="no quorum"):
        k_of(COSIGNERS, quorum)
    with pytest.raises(Malformed, match="no quorum"):
        k_of([COSIGNERS[0]] * 2, 2)


OFFLINE = """
import json, sys

def refuse(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError("verify opened a socket")

sys.addaudithook(refuse)
from anchoring.trust.policy import k_of
from anchoring.verify import verify_receipt

vectors = json.load(open(sys.argv[1]))
keys = vectors["keys"][0]
found = verify_receipt(vectors["receipts"][0]["receipt"].encode(), keys["vkey"], k_of(keys["cosigners"], 2))
assert not {"httpx2", "web3", "sqlalchemy", "fastapi"} & sys.modules.keys()
print(found.outcome)
"""


def test_no_network_is_touched_nor_any_library_for_one_loaded():
    command = [sys.executable, "-c", OFFLINE, str(FILE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("holds\n", "")


def test_a_cosigners_type_is_not_a_logs():
    cosigner = Signer("log.vectors.example", COSIGNATURE, bytes(range(32))).verifier.vkey
    with pytest.raises(Malformed, match=r"of type Ed25519 .*0x04"):
        verify_receipt(GOOD, cosigner)
