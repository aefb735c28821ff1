"""A witness, as the command runs it, cosigns a true record of the state, and none that is false in anything."""

import json
import subprocess

import numpy as np
import pytest

from anchoring.errors import Malformed
from tests.support.serving import GRAM, WAIT_S
from tests.support.states import leaves_of, with_record
from tests.support.synthetic_log import VKEY, lawful_leaves, sign_log
from tests.support.witnessing import Grown, post, served, witness_in

SIZE = 150
LIES = [
    {"root": bytes(32)},
    {"entries": 3},
    {"frontier_g": 2**64 - 1},
    {"size": SIZE - 1},
    {"size": SIZE + 1},
    {"size": 2**64 - 1},
]


@pytest.fixture
def log(tmp_path) -> Grown:
    return Grown(tmp_path / "log")


@pytest.mark.parametrize("lie", LIES, ids=str)
@pytest.mark.parametrize("before", [0, SIZE], ids=["one batch", "across batches"])
def test_a_false_state_is_not_cosigned(tmp_path, log, lie, before):
    leaves = with_record(lawful_leaves(SIZE, cohort=7), **lie)
    with witness_in(tmp_path / "state", log.folder) as witness, served(witness) as url:
        if before:
            assert post(url, log.request(0, log.grow(leaves[:before]))).status_code == 200
        answer = post(url, log.request(before, log.grow(leaves[before:])))
    assert answer.status_code == 422
    assert answer.text.startswith(f"leaf {SIZE}: STATE: ")
    (kept,) = (tmp_path / "state" / "evidence").iterdir()
    assert json.loads(kept.read_text())["rule"] == "STATE"


def test_true_states_are_cosigned_one_after_another(tmp_path, log):
    early = with_record(leaves_of([]))
    whole = lawful_leaves(SIZE, cohort=7, before=1)
    leaves = np.concatenate((early, whole)).astype(whole.dtype)
    later = with_record(with_record(leaves))
    with witness_in(tmp_path / "state", log.folder) as witness:
        assert witness.add_checkpoint(log.request(0, log.grow(later[:1]))).status == 200
        assert witness.add_checkpoint(log.request(1, log.grow(later[1:100]))).status == 200
    with witness_in(tmp_path / "state", log.folder) as witness:
        assert witness.add_checkpoint(log.request(100, log.grow(later[100:]))).status == 200


def test_a_state_that_omits_what_happened_is_not_cosigned(tmp_path, log):
    leaves = lawful_leaves(SIZE, cohort=7)
    earlier = with_record(leaves[: SIZE - 20])[-1:]
    with witness_in(tmp_path / "state", log.folder) as witness:
        answer = witness.add_checkpoint(
            log.request(0, log.grow(np.concatenate((leaves, earlier)).astype(leaves.dtype)))
        )
    assert answer.status == 422
    assert answer.body.startswith(b"leaf 150: STATE: ")


def test_a_witness_that_lost_its_hashes_does_not_go_on(tmp_path, log):
    with witness_in(tmp_path / "state", log.folder) as witness:
        assert witness.add_checkpoint(log.request(0, log.grow(lawful_leaves(50, cohort=7)))).status == 200
    (tmp_path / "state" / "hashes").write_bytes(bytes(49 * 32))
    with pytest.raises(Malformed), witness_in(tmp_path / "state", log.folder):
        pass


def test_the_commands_refuse_and_name_a_false_state(tmp_path, log):
    """`gram witness` does not cosign it, `gram audit` exits 1: both say which leaf, and STATE."""
    leaves = with_record(lawful_leaves(SIZE, cohort=7), root=bytes(32))
    body = log.request(0, log.grow(leaves))
    sign_log(log.folder, len(leaves), log.builder.root())
    words = ["--log", str(log.folder), "--vkey", VKEY]
    begin = ["--state", str(tmp_path / "state"), "--key", str(tmp_path / "key"), "--new-key", "w.example/one"]
    command = [GRAM, "witness", *words, *begin, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = next(line for line in process.stdout if line.startswith("Listening on ")).split()[-1]
        answer = post(url, body)
        process.terminate()
        assert process.wait(WAIT_S) == 0
    assert (answer.status_code, answer.text.split(": ")[:2]) == (422, [f"leaf {SIZE}", "STATE"])
    done = subprocess.run([GRAM, "audit", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"leaf {SIZE}: STATE: " in done.stdout
