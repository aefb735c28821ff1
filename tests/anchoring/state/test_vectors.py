"""The golden state proofs, which the browser's verifier is held to as well, and the record as its definition says."""

import hashlib
import json
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from anchoring.state.verify import verify_state
from anchoring.trust.policy import k_of
from anchoring.verify import Outcome
from registry.evidence import document

STATE = json.loads((Path(__file__).parents[2] / "vectors/state.json").read_text())
(KEYS,) = STATE["keys"]


def check(text: str, asked=None):
    return verify_state(text.encode(), KEYS["vkey"], k_of(KEYS["cosigners"], 2), asked=asked)


@pytest.mark.parametrize("vector", STATE["proofs"])
def test_golden_proofs_hold(vector):
    found = check(vector["proof"], tuple(map(int, vector["asked"])))
    assert found.outcome is Outcome.HOLDS
    parts = [
        {"first": str(one.first), "last": str(one.last), "state": one.state, "into": one.into and [*map(str, one.into)]}
        for one in found.parts
    ]
    assert parts == [{name: part[name] for name in ("first", "last", "state", "into")} for part in vector["parts"]]


@pytest.mark.parametrize("vector", STATE["bad"])
def test_golden_bad_proofs_fail_at_their_step(vector):
    steps = check(vector["proof"]).steps
    stopped = next(step for step in steps if step.outcome in (Outcome.REFUTED, Outcome.UNCHECKED))
    assert stopped.number == vector["step"], stopped.detail


def test_the_record_is_evidence_that_anybody_can_make():
    (record,) = STATE["records"]
    for name, (salt, _) in record["fields"].items():
        made = hashlib.sha256(f"gramledger/state/v1\n{record['fields']['size'][1]}\n{name}".encode()).digest()[:16]
        assert salt == urlsafe_b64encode(made).rstrip(b"=").decode()
    assert document.verify(record["fields"], bytes.fromhex(record["evidence"]))
