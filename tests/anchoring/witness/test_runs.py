"""A witness and runs: none is cosigned in part, wherever batches end, and what was replayed before still counts."""

import json

import numpy as np
import pytest

from anchoring.tree.fetching import Batch
from anchoring.witness.protocol import Request
from registry.ledger.movement import Kind
from tests.support.dying import SMALL, At, asked_in_a_process, die
from tests.support.synthetic_log import FIRST_LIFE, is_whole, lawful_leaves
from tests.support.witnessing import Grown, signed, witness_in

LEAVES = lawful_leaves(FIRST_LIFE + 24 * 100, cohort=100)
"""Runs fill leaves 400 to 699 of it, over the borders of the batches at 512."""
BORDER = 512
CUT = next(size for size in range(500, 504) if not is_whole(LEAVES, size))
WHOLE = next(size for size in range(CUT, CUT + 3) if is_whole(LEAVES, size))


@pytest.fixture
def log(tmp_path):
    return Grown(tmp_path / "log")


def test_a_checkpoint_that_ends_in_a_run_is_not_cosigned(tmp_path, log):
    state = tmp_path / "state"
    with witness_in(state, log.folder) as witness:
        answer = witness.add_checkpoint(log.request(0, log.grow(LEAVES[:CUT])))
        assert answer.status == 422
        assert answer.body.decode().startswith(f"leaf {CUT - 1}: GATHERED: ")
        assert witness.chain_signature(CUT).status == 404
        assert witness.add_checkpoint(Request(1, (), signed(CUT, bytes(32))).encode()).body == b"0\n"
    (kept,) = (state / "evidence").iterdir()
    said = json.loads(kept.read_text())
    assert (said["rule"], [one["index"] for one in said["leaves"]]) == ("GATHERED", [CUT - 1])
    assert said["leaves"][0]["proven"]
    for opened in range(2):  # what was replayed of it is lawful as far as it goes, also after a restart
        with witness_in(state, log.folder) as witness:
            if not opened:
                assert witness.add_checkpoint(log.request(0, signed(CUT, log.builder.root()))).status == 422
            else:
                assert witness.add_checkpoint(log.request(0, log.grow(LEAVES[CUT:WHOLE]))).status == 200


def test_the_run_must_go_on_as_it_began_when_the_log_goes_on(tmp_path, log):
    """The GATHER that a refused checkpoint ended with is judged beside what came behind it."""
    leaves = LEAVES.copy()
    leaves["at"][CUT] += 1
    with witness_in(tmp_path / "state", log.folder) as witness:
        assert witness.add_checkpoint(log.request(0, log.grow(leaves[:CUT]))).status == 422
        answer = witness.add_checkpoint(log.request(0, log.grow(leaves[CUT:])))
        assert answer.body.decode().startswith(f"leaf {CUT}: GATHERED: ")
    kept = [json.loads(path.read_text()) for path in (tmp_path / "state" / "evidence").iterdir()]
    assert [CUT, CUT - 1] in [[one["index"] for one in said["leaves"]] for said in kept], (
        "both neighbours, for `convict`"
    )


@pytest.mark.parametrize("place", [BORDER - 1, BORDER])
def test_a_run_that_is_broken_at_the_border_of_a_batch(tmp_path, log, place):
    leaves = LEAVES.copy()
    assert Kind.GATHER in leaves["kind"][BORDER - 2 : BORDER]
    leaves["at"][place] += 1
    with witness_in(tmp_path / "state", log.folder, batch=Batch(256)) as witness:
        answer = witness.add_checkpoint(log.request(0, log.grow(leaves)))
    assert answer.status == 422
    assert "GATHERED" in answer.body.decode()


def test_killed_at_the_border_of_a_batch_in_a_run_it_goes_on_in_the_run(tmp_path, log):
    state = tmp_path / "state"
    request = log.request(0, log.grow(LEAVES))
    asked_in_a_process(state, log.folder, [request], At("fetched", 2, die))
    assert json.loads((state / "replayed.json").read_text())["size"] == BORDER
    assert not is_whole(LEAVES, BORDER)
    with witness_in(state, log.folder, batch=SMALL) as witness:
        assert witness.add_checkpoint(request).status == 200


def test_the_row_before_a_batch_is_checked_before_it_is_believed(tmp_path, log):
    """The GATHER at the end of what was replayed rots: what stands behind it is not judged by it."""
    state = tmp_path / "state"
    request = log.request(0, log.grow(LEAVES))
    asked_in_a_process(state, log.folder, [request], At("fetched", 2, die))
    with witness_in(state, log.folder, batch=SMALL) as witness:
        rows = np.memmap(state / "rows", np.uint8, "r+")
        width = len(rows) // (len(rows) // 88)
        rows[(BORDER - 1) * width] ^= 1
        rows.flush()
        answer = witness.add_checkpoint(request)
    assert answer.status == 503
    assert f"leaf {BORDER - 1}, " in answer.body.decode()
