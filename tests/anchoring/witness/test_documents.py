"""A witness cosigns no log in which a record has not exactly its one document, and goes on when it has."""

import json

import pytest

from anchoring.errors import Unreachable
from anchoring.tree.documents import TileRecords, read_by_tile
from anchoring.tree.sources import DirectorySource
from registry.evidence.public import MAX_BYTES, Flaw, RecordLeaf
from registry.ledger.movement import Kind
from tests.support.synthetic_log import lawful_leaves
from tests.support.witnessing import Grown, witness_in

SIZE, COHORT = 476, 20
FILE = "document/001.p/220"
"""Of leaves 256 to 475, of which 426 to 445 are records."""


@pytest.fixture
def log(tmp_path) -> Grown:
    return Grown(tmp_path / "log")


def lines_of(path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


SPOILED = {
    "altered": (lambda lines: [lines[0].replace(b"applied", b"applief"), *lines[1:]], 426, Flaw.DIGEST),
    "withheld": (lambda lines: lines[:7] + lines[8:], 433, Flaw.MISSING),
    "too many": (lambda lines: [*lines, lines[-1].replace(b":445}", b":446}")], 446, Flaw.EXCESS),
    "of no leaf": (
        lambda lines: [*lines, lines[-1].replace(b":445}", b":9007199254740991}")], SIZE - 1, Flaw.EXCESS
    ),
    "too large": (lambda lines: [lines[0].replace(b"applied", b"x" * MAX_BYTES), *lines[1:]], 426, Flaw.SIZE),
    "cut": (lambda lines: [*lines[:-1], lines[-1][:-1]], 445, Flaw.CUT),
}  # fmt: skip


@pytest.mark.parametrize(("change", "leaf", "flaw"), SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize("before", [0, 436], ids=["at once", "grown"])
def test_a_false_document_is_not_cosigned_and_cosigned_when_it_is_right(tmp_path, log, change, leaf, flaw, before):
    leaves = lawful_leaves(SIZE, cohort=COHORT)
    with witness_in(tmp_path / "state", log.folder) as witness:
        if before:
            assert witness.add_checkpoint(log.request(0, log.grow(leaves[:before]))).status == 200
        body = log.request(before, log.grow(leaves[before:]))
        path = log.folder / FILE
        whole = path.read_bytes()
        path.write_bytes(b"".join(change(lines_of(path))))
        answer = witness.add_checkpoint(body)
        assert answer.status == 422
        assert answer.body.decode().startswith(f"leaf {leaf}: DOCUMENT: ")
        assert f"({flaw})" in answer.body.decode()
        assert witness.last_checkpoint().status == (200 if before else 404)
        (kept,) = (tmp_path / "state" / "evidence").iterdir()
        assert json.loads(kept.read_text())["rule"] == "DOCUMENT"
        path.write_bytes(whole)
        assert witness.add_checkpoint(body).status == 200


def test_a_withheld_file_is_a_log_that_does_not_give_it(tmp_path, log):
    body = log.request(0, log.grow(lawful_leaves(SIZE, cohort=COHORT)))
    path = log.folder / FILE
    path.rename(log.folder / "aside")
    with witness_in(tmp_path / "state", log.folder) as witness:
        answer = witness.add_checkpoint(body)
        assert (answer.status, b"document/001" in answer.body) == (503, True)
        assert witness.last_checkpoint().status == 404
        (log.folder / "aside").rename(path)
        assert witness.add_checkpoint(body).status == 200


def test_a_file_that_is_longer_than_its_records_can_make_it_is_not_read(tmp_path, log):
    body = log.request(0, log.grow(lawful_leaves(SIZE, cohort=COHORT)))
    with (log.folder / FILE).open("ab") as file:
        file.truncate(10**9)
    with witness_in(tmp_path / "state", log.folder) as witness:
        answer = witness.add_checkpoint(body)
        assert (answer.status, b"longer than" in answer.body) == (503, True)


def test_a_witness_that_began_before_goes_on_with_the_documents_of_its_tile(tmp_path, log):
    leaves = lawful_leaves(SIZE, cohort=COHORT)
    sizes = [425, 426, 427, 445, 446, SIZE]
    for old, new in zip([0, *sizes], sizes, strict=False):
        body = log.request(old, log.grow(leaves[old:new]))
        with witness_in(tmp_path / "state", log.folder) as witness:
            assert witness.add_checkpoint(body).status == 200
    files = [log.folder / f"document/001.p/{size - 256}" for size in sizes]
    assert [len(lines_of(path)) if path.exists() else 0 for path in files] == [0, 0, 1, 19, 20, 20]


class Turns:
    """A pool that says how many files are asked for side by side."""

    def __init__(self) -> None:
        self.turns: list[int] = []

    def map(self, read, tiles):
        self.turns.append(len(tiles))
        return map(read, tiles)


@pytest.mark.parametrize(
    ("kind", "records", "turns"),
    [(Kind.SOURCE, 1, [4, 4, 2]), (Kind.SOURCE, 200, [2] * 5), (Kind.POLICY, 200, [1] * 10)],
    ids=["few", "many", "long"],
)
def test_the_longer_files_may_be_the_fewer_are_read_at_a_time(tmp_path, kind, records, turns):
    tiles = [TileRecords(n, 256, [RecordLeaf(n, kind, bytes(32))] * records) for n in range(10)]
    pool = Turns()
    found = list(read_by_tile(DirectorySource(tmp_path), tiles, pool))
    assert [tile.n for tile, _ in found] == [*range(10)]
    assert all(isinstance(outcome, Unreachable) for _, outcome in found)
    assert pool.turns == turns
