"""A witness never signs two histories: not in a split view, not after a lost state."""

import json
import os

import pytest

from anchoring.errors import Malformed, Unreachable
from anchoring.witness.protocol import Request
from anchoring.witness.state import WitnessState
from tests.support.synthetic_log import VKEY, lawful_leaves
from tests.support.witnessing import Grown, signed, witness_in

LEAVES = lawful_leaves(600, cohort=8)
OTHERS = lawful_leaves(600, seed=1, cohort=8)


def test_a_split_view_is_refused_and_kept(tmp_path):
    log, fork = Grown(tmp_path / "log"), Grown(tmp_path / "fork")
    first = log.grow(LEAVES[:300])
    with witness_in(tmp_path / "state", log.folder) as witness:
        assert witness.add_checkpoint(log.request(0, first)).status == 200
        other = fork.grow(OTHERS[:300])
        assert witness.add_checkpoint(Request(300, (), other).encode()).status == 422
    (kept,) = (tmp_path / "state" / "evidence").iterdir()
    said = json.loads(kept.read_text())
    assert said["checkpoint"].encode() == other
    assert said["cosigned_before"].encode().startswith(first)


def test_a_split_view_of_an_earlier_size_is_kept(tmp_path):
    log, fork = Grown(tmp_path / "log"), Grown(tmp_path / "fork")
    with witness_in(tmp_path / "state", log.folder) as witness:
        witness.add_checkpoint(log.request(0, log.grow(LEAVES[:300])))
        witness.add_checkpoint(log.request(300, log.grow(LEAVES[300:])))
        assert witness.add_checkpoint(Request(0, (), fork.grow(OTHERS[:300])).encode()).body == b"600\n"
    assert [kept.name[:15] for kept in (tmp_path / "state" / "evidence").iterdir()] == ["split-view-300-"]


def test_a_fork_with_a_proof_of_its_own_is_refused(tmp_path):
    log, fork = Grown(tmp_path / "log"), Grown(tmp_path / "fork")
    with witness_in(tmp_path / "state", log.folder) as witness:
        witness.add_checkpoint(log.request(0, log.grow(LEAVES[:300])))
        fork.grow(OTHERS[:300])
        assert witness.add_checkpoint(fork.request(300, fork.grow(OTHERS[300:]))).status == 422
        assert witness.add_checkpoint(log.request(300, log.grow(LEAVES[300:]))).status == 200


def test_leaves_that_do_not_make_the_signed_root_are_refused(tmp_path):
    """The log signs one tree, with a proof that holds, and its server gives the leaves of another."""
    log, fork = Grown(tmp_path / "log"), Grown(tmp_path / "fork")
    with witness_in(tmp_path / "state", log.folder) as witness:
        log.grow(LEAVES)
        answer = witness.add_checkpoint(Request(0, (), fork.grow(OTHERS)).encode())
    assert answer.status == 422
    assert b"not the signed one" in answer.body


def test_a_lost_state_is_not_begun_again_by_itself(tmp_path):
    with pytest.raises(Unreachable, match="cannot be used"):
        WitnessState(tmp_path / "gone", VKEY, is_new=False)
    with WitnessState(tmp_path / "state", VKEY, is_new=True):
        pass
    with pytest.raises(Unreachable, match="not begun again"):
        WitnessState(tmp_path / "state", VKEY, is_new=True)
    (tmp_path / "state" / "head.json").unlink()
    with pytest.raises(Unreachable, match="cannot be used"):
        WitnessState(tmp_path / "state", VKEY, is_new=False)


def test_one_process_has_the_state(tmp_path):
    with WitnessState(tmp_path, VKEY, is_new=True), pytest.raises(Unreachable, match="in use"):
        WitnessState(tmp_path, VKEY, is_new=False)


@pytest.mark.parametrize(
    ("file", "remedy"),
    [("rows", "remove `rows`"), ("hashes", "remove `rows`"), ("cosigned", "new key"), ("head.json", "new key")],
)
def test_a_truncated_state_is_refused(tmp_path, file, remedy):
    log, state = Grown(tmp_path / "log"), tmp_path / "state"
    with witness_in(state, log.folder) as witness:
        witness.add_checkpoint(log.request(0, log.grow(LEAVES)))
    os.truncate(state / file, (state / file).stat().st_size - 1)
    with pytest.raises(Malformed, match=remedy):
        WitnessState(state, VKEY, is_new=False)


def test_a_state_is_that_of_one_log(tmp_path):
    with WitnessState(tmp_path, VKEY, is_new=True):
        pass
    with pytest.raises(Malformed, match="another log"):
        WitnessState(tmp_path, VKEY[:-4] + "AAA=", is_new=False)


def test_a_log_that_is_away_is_503_and_asked_again(tmp_path):
    log = Grown(tmp_path / "log")
    first = log.grow(LEAVES)
    with witness_in(tmp_path / "state", tmp_path / "nowhere") as witness:
        assert witness.add_checkpoint(log.request(0, first)).status == 503
        log.folder.rename(tmp_path / "nowhere")
        assert witness.add_checkpoint(Request(0, (), first).encode()).status == 200


def test_more_leaves_than_any_contract_takes(tmp_path):
    with witness_in(tmp_path / "state", tmp_path) as witness:
        assert witness.add_checkpoint(Request(0, (), signed(2**64 - 1, bytes(32))).encode()).status == 422
        assert witness.add_checkpoint(Request(0, (), signed(2**44, bytes(32))).encode()).status == 503
