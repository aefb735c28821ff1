"""A long way to catch up: gone once, whatever interrupts it, and never taken for another log's."""

import json

import pytest

from anchoring.tree.tiles import DirectorySource
from anchoring.witness.protocol import Request
from tests.support.dying import SMALL, At, asked_in_a_process, die
from tests.support.synthetic_log import lawful_leaves
from tests.support.witnessing import Grown, signed, witness_in

LEAVES = lawful_leaves(2000, cohort=8)
OTHERS = lawful_leaves(2000, seed=1, cohort=8)


class Recording:
    """A log in a folder, and what was read of it."""

    def __init__(self, folder) -> None:
        self._source = DirectorySource(folder)
        self.bundles: list[str] = []

    def read(self, path: str, limit: int) -> bytes:
        if path.startswith("tile/entries/"):
            self.bundles.append(path)
        return self._source.read(path, limit)


OF_RECORDS = {
    f"tile/entries/{tile:03}" for tile in range(3) if (LEAVES["kind"][256 * tile : 256 * tile + 256] >= 64).any()
}


@pytest.fixture
def interrupted(tmp_path):
    """A witness of no leaf was killed in the fourth batch of a log of 1500, when it had kept 768."""
    log, state = Grown(tmp_path / "log"), tmp_path / "state"
    request = log.request(0, log.grow(LEAVES[:1500]))
    asked_in_a_process(state, log.folder, [request], At("fetched", 3, die))
    assert json.loads((state / "replayed.json").read_text())["size"] == 768
    return log, state


def root_of(witness, size: int) -> str:
    return json.loads(witness.chain_signature(size).body)["root"]


def test_it_goes_on_where_it_was(interrupted):
    log, state = interrupted
    source = Recording(log.folder)
    with witness_in(state, source, batch=SMALL) as witness:
        assert witness.chain_signature(768).status == 404
        assert witness.last_checkpoint().status == 404
        assert witness.add_checkpoint(log.request(0, log.grow(LEAVES[1500:]))).status == 200
        # Of what it replayed it reads the records again, to know what was decided.
        assert {path for path in source.bundles if path < "tile/entries/003"} == OF_RECORDS
        assert "tile/entries/003" in source.bundles
        assert root_of(witness, 2000) == log.builder.root().hex()
    assert not (state / "replayed.json").exists()


def test_it_goes_back_for_a_smaller_tree(interrupted):
    log, state = interrupted
    small = Grown(log.folder)
    request = small.request(0, small.grow(LEAVES[:500]))
    with witness_in(state, log.folder, batch=SMALL) as witness:
        assert witness.add_checkpoint(request).status == 200
        assert root_of(witness, 500) == small.builder.root().hex()
        assert witness.add_checkpoint(log.request(500, log.grow(LEAVES[1500:]))).status == 200


def test_what_was_kept_of_another_tree_is_forgotten(interrupted, tmp_path):
    """The log signed two trees; nothing was cosigned of the first, so the second may be, by its own leaves."""
    _, state = interrupted
    fork = Grown(tmp_path / "fork")
    request = fork.request(0, fork.grow(OTHERS))
    with witness_in(state, fork.folder, batch=SMALL) as witness:
        assert witness.add_checkpoint(request).status == 200
        assert root_of(witness, 2000) == fork.builder.root().hex()
    with witness_in(state, fork.folder) as witness:
        assert witness.add_checkpoint(fork.request(2000, fork.grow(OTHERS[:0]))).status == 200


def test_killed_on_the_new_way_it_does_not_mix_the_two(interrupted, tmp_path):
    _, state = interrupted
    fork = Grown(tmp_path / "fork")
    request = fork.request(0, fork.grow(OTHERS))
    for step, nth in (("rows written", 0), ("progress rows", 1), ("rows written", 4)):
        asked_in_a_process(state, fork.folder, [request], At(step, nth, die))
    with witness_in(state, fork.folder, batch=SMALL) as witness:
        assert witness.add_checkpoint(request).status == 200
        assert root_of(witness, 2000) == fork.builder.root().hex()


def test_a_batch_that_does_not_lead_to_the_signed_tree_is_not_kept(tmp_path):
    """Leaves and tiles of one log under the signature of another: found at the first batch, not at the last."""
    log, fork, state = Grown(tmp_path / "log"), Grown(tmp_path / "fork"), tmp_path / "state"
    log.grow(LEAVES)
    note = fork.grow(OTHERS)
    source = Recording(log.folder)
    with witness_in(state, source, batch=SMALL) as witness:
        answer = witness.add_checkpoint(Request(0, (), note).encode())
        assert (answer.status, answer.body[:23]) == (422, b"the leaves up to 256 ar")
    assert source.bundles == ["tile/entries/000"]
    assert not (state / "replayed.json").exists()


def test_a_tree_of_more_leaves_than_there_are(tmp_path):
    """Time and memory follow what the log serves, not what it signs."""
    log = Grown(tmp_path / "log")
    log.grow(LEAVES)
    source = Recording(log.folder)
    with witness_in(tmp_path / "state", source, batch=SMALL) as witness:
        for size in (2001, 2**32, 2**44):
            assert witness.add_checkpoint(Request(0, (), signed(size, bytes(32))).encode()).status in (422, 503)
        for size in (2**44 + 1, 2**63, 2**64 - 1):
            assert witness.add_checkpoint(Request(0, (), signed(size, bytes(32))).encode()).status == 422
    assert len(source.bundles) <= 3 * 8
