"""Files that are kept from one day to the next name what they mean, and what means something else is refused."""

import json
from hashlib import sha256

import numpy as np
import pytest

from anchoring.auditing import statefile
from anchoring.auditing.audit import Means, audit
from anchoring.errors import Malformed
from anchoring.monitor.memory import Memory
from anchoring.replaying import history
from anchoring.replaying.history import ROW, UNREAD, pack_codes
from anchoring.tree.tiles import DirectorySource
from anchoring.witness.position import read_said, write_said
from anchoring.witness.state import WitnessState
from registry.keyfile import no_step
from tests.support.synthetic_log import VKEY, lawful_leaves, write_log
from tests.support.witnessing import Grown, witness_in

MEANING = {"gramledger/rows/v2": "3290dd77200f6579e6500c15ea152ef225d6698c11adeb62a67faaf32a947efe"}
"""Format of rows -> a digest over what their fields and codes are."""
LEAVES = lawful_leaves(300, cohort=8)


def test_rows_that_mean_something_else_have_another_format():
    every, none = np.arange(256), np.zeros(256, np.int64)
    codes = [
        pack_codes(every, none, none, none),
        pack_codes(none + 1, every, none, none),
        pack_codes(none + 1, none, every, none),
        pack_codes(np.ones(65_536, np.int64), *np.zeros((2, 65_536), np.int64), np.arange(65_536)),
    ]
    said = repr((ROW.descr, UNREAD, [column.tolist() for column in codes]))
    assert MEANING[history.ROW_FORMAT] == sha256(said.encode()).hexdigest()


def kept_audit(folder, change):
    write_log(folder / "log", LEAVES)
    log, means = DirectorySource(folder / "log"), Means(state=folder / "state")
    audit(log, VKEY, means=means)
    said = json.loads((folder / "state").read_bytes())
    said.pop("digest")
    said = change(said)
    (folder / "state").write_bytes(statefile._encode(said | {"digest": sha256(statefile._encode(said)).hexdigest()}))
    audit(log, VKEY, means=means)


def test_an_audit_goes_on_from_its_own_format_alone(tmp_path):
    kept_audit(tmp_path / "own", lambda said: said)
    for other in ("gramledger/audit-state/v1", statefile.FORMAT.replace("rows/v2", "rows/v1")):
        with pytest.raises(Malformed, match=f"of the format '{other}', .*audit from the beginning"):
            kept_audit(
                tmp_path / sha256(other.encode()).hexdigest()[:8], lambda said, other=other: said | {"format": other}
            )


def rewrite(path, **fields):
    said = read_said(path) | fields
    write_said(path, {name: value for name, value in said.items() if value is not None}, no_step)


@pytest.mark.parametrize("other", [None, "gramledger/witness-state/v1"])
def test_a_witness_of_another_format_does_not_start(tmp_path, other):
    with WitnessState(tmp_path, VKEY, is_new=True):
        pass
    rewrite(tmp_path / "head.json", format=other)
    with pytest.raises(Malformed, match=f"of the format {other}, and this program's is .*new key"):
        WitnessState(tmp_path, VKEY, is_new=False)


@pytest.mark.parametrize("file", ["head.json", "replayed.json"])
@pytest.mark.parametrize("other", [None, "gramledger/rows/v1"])
def test_rows_of_another_format_judge_nothing_and_are_replayed(tmp_path, file, other):
    log, state = Grown(tmp_path / "log"), tmp_path / "state"
    with witness_in(state, log.folder) as witness:
        assert witness.add_checkpoint(log.request(0, log.grow(LEAVES[:200]))).status == 200
    if file == "replayed.json":
        with WitnessState(state, VKEY, is_new=False) as opened:
            opened.keep_progress(no_step)
    rewrite(state / file, row_format=other)
    with pytest.raises(Malformed, match=f"are of the format {other}, .*remove `rows`"):
        WitnessState(state, VKEY, is_new=False)
    (state / "rows").unlink()
    with witness_in(state, log.folder) as witness:
        assert witness.add_checkpoint(log.request(200, log.grow(LEAVES[200:]))).status == 200
    with witness_in(state, log.folder) as witness:
        assert witness.chain_signature(300).status == 200


def test_rows_that_were_replayed_again_are_of_this_format_whatever_the_head_says(tmp_path):
    log, state = Grown(tmp_path / "log"), tmp_path / "state"
    with witness_in(state, log.folder) as witness:
        assert witness.add_checkpoint(log.request(0, log.grow(LEAVES[:200]))).status == 200
    rewrite(state / "head.json", row_format="gramledger/rows/v1")
    (state / "rows").unlink()
    with WitnessState(state, VKEY, is_new=False) as opened:
        opened.write_rows(0, np.zeros(300, ROW), [bytes(32)] * 300)
        opened.reach(opened.head.position)
        opened.go_back()
    with WitnessState(state, VKEY, is_new=False) as opened:
        assert opened.position.tree.size in {0, 200}


@pytest.mark.parametrize("other", [None, "gramledger/monitor-memory/v1"])
def test_a_monitor_remembers_nothing_of_another_format(tmp_path, other):
    path = tmp_path / "memory.json"
    Memory(vkey=VKEY).save(path)
    assert Memory.load(path, VKEY).tree.size == 0
    said = json.loads(path.read_bytes()) | {"format": other}
    path.write_text(json.dumps({name: value for name, value in said.items() if value is not None}))
    with pytest.raises(Malformed, match=f"of the format {other}, .*begin anew"):
        Memory.load(path, VKEY)
