"""A witness's own disk is not believed either: what rots is found before it judges anything, and what to do is said."""

import json
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.errors import Malformed
from anchoring.replaying.history import rows_of
from anchoring.replaying.reading import leaf_hashes
from anchoring.witness.rows import ROW_BYTES, RowFiles
from anchoring.witness.state import WitnessState
from tests.support.synthetic_log import FIRST_LIFE, LIFE, VKEY, lawful_leaves
from tests.support.witnessing import Grown, witness_in

MORE = lawful_leaves(700, cohort=8)
LEAVES, MORE = MORE[:600], MORE[600:]
ALL = np.arange(600)


@pytest.fixture(scope="module")
def row_file(tmp_path_factory):
    with ExitStack() as opening:
        folder = tmp_path_factory.mktemp("rows")
        files = RowFiles(folder, opening)
        files.write(0, rows_of(LEAVES), leaf_hashes(LEAVES))
        yield folder / "rows", files


@pytest.mark.parametrize(("name", "stride"), [("rows", ROW_BYTES), ("hashes", 32)])
@given(leaf=st.integers(0, 599), data=st.data())
def test_every_flipped_bit_is_found(row_file, name, stride, leaf, data):
    path, file = row_file
    file.check(ALL, 600)
    bit = data.draw(st.integers(0, 8 * stride - 1))
    at = leaf * stride + bit // 8
    flipped = changed(path.with_name(name), at, lambda old: bytes([old[0] ^ 1 << bit % 8]), 1)
    with flipped, pytest.raises(Malformed, match=f"byte {leaf * ROW_BYTES}, leaf {leaf}, "):
        file.check(ALL, 600)


@given(one=st.integers(0, 599), other=st.integers(0, 599))
def test_a_row_in_anothers_place_is_found(row_file, one, other):
    path, file = row_file
    data = path.read_bytes()[other * ROW_BYTES : (other + 1) * ROW_BYTES]
    with changed(path, one * ROW_BYTES, lambda _: data, ROW_BYTES):
        if one == other:
            file.check(ALL, 600)
        else:
            with pytest.raises(Malformed):
                file.check(ALL, 600)


@pytest.mark.parametrize("fill", [b"\x00", b"\xff"])
def test_a_row_that_was_lost_is_found(row_file, fill):
    path, file = row_file
    with changed(path, 0, lambda _: fill * ROW_BYTES, ROW_BYTES), pytest.raises(Malformed, match="leaf 0, "):
        file.check(ALL, 600)


@contextmanager
def changed(path: Path, at: int, change, length: int):
    """A stretch of a file changed for a while, as a disk would do it."""
    old = path.read_bytes()[at : at + length]
    overwrite(path, at, change(old))
    try:
        yield
    finally:
        overwrite(path, at, old)


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


@pytest.fixture
def grown(tmp_path):
    """A log of 600 leaves, cosigned at 300 and at 600."""
    log = Grown(tmp_path / "log")
    with witness_in(tmp_path / "state", log.folder) as witness:
        assert witness.add_checkpoint(log.request(0, log.grow(LEAVES[:300]))).status == 200
        assert witness.add_checkpoint(log.request(300, log.grow(LEAVES[300:]))).status == 200
    return log, tmp_path / "state"


FILES = ["rows", "hashes", "cosigned", "head.json"]


@pytest.mark.parametrize("file", FILES)
def test_no_flipped_bit_is_lived_with(grown, file):
    """At the start, or when it is used: refused, with the file's name."""
    log, state = grown
    path = state / file
    for place in np.linspace(0, path.stat().st_size - 1, 40).astype(int).tolist():
        with changed(path, place, lambda old: bytes([old[0] ^ 4]), 1):
            try:
                with witness_in(state, log.folder) as witness:
                    body = witness.chain_signature(300).body
                    assert b"is damaged at byte" in body
            except Malformed as error:
                body = str(error).encode()
            assert file.encode() in body
            assert b"remove" in body or b"restore" in body
    with witness_in(state, log.folder) as witness:
        assert witness.chain_signature(300).status == witness.chain_signature(600).status == 200


def test_a_row_that_rots_while_the_witness_runs_judges_nothing(tmp_path):
    """The parent's holder rots into the one that the child names: without the check the child would be lawful."""
    leaves = lawful_leaves(FIRST_LIFE + LIFE * 10, cohort=10)
    log, state = Grown(tmp_path / "log"), tmp_path / "state"
    with witness_in(state, log.folder) as witness:
        size = FIRST_LIFE + 30
        assert witness.add_checkpoint(log.request(0, log.grow(leaves[:size]))).status == 200
        request = log.request(size, log.grow(leaves[size:]))
        rival = ROW_BYTES * (FIRST_LIFE + 25)  # a REDEEM, whose children are a REFUND and two GATHERs
        with changed(state / "rows", rival, lambda old: bytes([old[0] ^ 1]), 1):
            answer = witness.add_checkpoint(request)
            assert (answer.status, b"damaged at byte %d, leaf %d, " % (rival, FIRST_LIFE + 25) in answer.body) == (
                503,
                True,
            )
        assert witness.add_checkpoint(request).status == 200


def test_without_its_rows_a_witness_replays_the_log_and_says_the_same(grown):
    log, state = grown
    before = (state / "rows").read_bytes()
    (state / "rows").unlink()
    with witness_in(state, log.folder) as witness:
        assert witness.chain_signature(600).status == 200
        assert witness.add_checkpoint(log.request(600, log.grow(MORE))).status == 200
        assert witness.chain_signature(700).status == 200
    assert (state / "rows").read_bytes()[: len(before)] == before
    assert not (state / "replayed.json").exists()


def test_without_its_rows_a_witness_takes_no_other_log(grown, tmp_path):
    log, state = grown
    (state / "rows").unlink()
    fork = Grown(tmp_path / "fork")
    fork.grow(lawful_leaves(600, seed=1, cohort=8))
    with witness_in(state, fork.folder) as witness:
        answer = witness.add_checkpoint(log.request(600, log.grow(LEAVES[:0])))
        assert (answer.status, b"not the signed one" in answer.body) == (422, True)
    with witness_in(state, log.folder) as witness:
        assert witness.add_checkpoint(log.request(600, log.grow(LEAVES[:0]))).status == 200


def test_how_far_the_rows_are_good_is_checked_too(grown):
    log, state = grown
    (state / "rows").unlink()
    with WitnessState(state, VKEY, is_new=False) as opened:
        assert opened.position.tree.size == 0
    path = state / "replayed.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"size": 1}))
    (state / "rows").write_bytes(bytes(ROW_BYTES))
    (state / "hashes").write_bytes(bytes(32))
    with pytest.raises(Malformed, match=r"replayed\.json is damaged; remove it and `rows`"):
        WitnessState(state, VKEY, is_new=False)
    path.unlink()
    with pytest.raises(Malformed, match="have 1 leaves, not 600; "):
        WitnessState(state, VKEY, is_new=False)
    (state / "rows").unlink()
    with witness_in(state, log.folder) as witness:
        assert witness.add_checkpoint(log.request(600, log.grow(LEAVES[:0]))).status == 200
