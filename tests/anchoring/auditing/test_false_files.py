"""Tampered, truncated, oversized and missing files: each is a fault with its place, and the audit goes on."""

import shutil
import tracemalloc

import pytest

from anchoring.auditing.audit import MAX_AUDITED, audit
from anchoring.errors import Malformed, Unreachable
from anchoring.note import ED25519, Signer
from anchoring.replaying.faults import KEPT_PER_CODE
from anchoring.replaying.reading import MAX_UNREAD_FILES
from anchoring.tree.tiles import DirectorySource, entries_path
from tests.support.synthetic_log import ORIGIN, SIGNER, VKEY, lawful_leaves, sign_log, write_log

SIZE = 600
TILES = ("tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2")
READS = 14
"""Of all: the checkpoint, four tiles, three bundles, and twice three files of documents."""
BUNDLES = ("tile/entries/000", "tile/entries/001", "tile/entries/002.p/88")


@pytest.fixture(scope="module")
def whole_log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "log"
    write_log(folder, lawful_leaves(SIZE, cohort=20))
    return folder


@pytest.fixture
def log(whole_log, tmp_path):
    """A copy to spoil."""
    shutil.copytree(whole_log, tmp_path / "log")
    return tmp_path / "log"


def audited(folder):
    return audit(DirectorySource(folder), VKEY)


def spoil(path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def places(report) -> set[tuple[str, str]]:
    return {(fault.place, fault.code) for fault in report.faults}


@pytest.mark.parametrize(("number", "path"), list(enumerate(TILES[:3])))
def test_a_false_hash_in_a_tile_of_leaves(log, number, path):
    spoil(log / path, 32 * 7 + 5)
    report = audited(log)
    assert places(report) == {(f"leaf {number * 256 + 7}", "leaf-hash")}
    assert report.first.path == path


def test_a_false_hash_in_an_upper_tile(log):
    spoil(log / TILES[3], 32)
    report = audited(log)
    assert places(report) == {("tile/1/000.p/2", "tile-hash")}
    assert "tile/0/001" in report.first.sentence


@pytest.mark.parametrize(("number", "path"), list(enumerate(BUNDLES)))
def test_a_false_byte_in_a_leaf(log, number, path):
    spoil(log / path, 116 * 9 + 2 + 113)
    report = audited(log)
    assert (report.first.leaf, report.first.code) == (number * 256 + 9, "leaf-hash")
    assert ("checkpoint", "root") in places(report)
    assert (("tile/1/000.p/2", "tile-hash") in places(report)) == (number < 2)


def test_no_byte_of_any_file_can_change(whole_log, tmp_path):
    for path in (*TILES, *BUNDLES, "checkpoint"):
        target = tmp_path / "log"
        shutil.copytree(whole_log, target, dirs_exist_ok=True)
        length = len((target / path).read_bytes())
        for at in range(0, length, 1 if path == "checkpoint" else length // 9):
            shutil.copy(whole_log / path, target / path)
            spoil(target / path, at)
            assert not audited(target).holds, (path, at)


@pytest.mark.parametrize("path", TILES + BUNDLES)
@pytest.mark.parametrize(
    ("code", "cut"),
    [
        ("file-malformed", lambda data: data[:-1]),
        ("file-malformed", lambda _: b""),
        ("file-malformed", lambda data: data + data[-116:]),
        ("file-malformed", lambda data: data + bytes(10**6)),
        ("file-missing", None),
    ],
    ids=["short", "empty", "long", "huge", "missing"],
)
def test_a_file_of_another_length_or_none(log, path, code, cut):
    target = log / path
    if cut is None:
        target.unlink()
    else:
        target.write_bytes(cut(target.read_bytes()))
    report = audited(log)
    assert places(report) == {(path, code)}, "the rest is still known, from the tile or from the leaves"
    width = {BUNDLES[0]: 256, BUNDLES[1]: 256, BUNDLES[2]: 88}.get(path, 0)
    assert report.leaves_read == SIZE - width


def test_entries_of_another_length(log):
    path = log / BUNDLES[1]
    data = path.read_bytes()
    path.write_bytes(b"\x00\x73" + data[2:118] + data[119:])
    assert places(audited(log)) == {(BUNDLES[1], "file-malformed")}


def test_leaves_and_hashes_both_missing(log):
    for path in (BUNDLES[1], TILES[1]):
        (log / path).unlink()
    report = audited(log)
    assert places(report) == {(BUNDLES[1], "file-missing"), (TILES[1], "file-missing")}
    assert report.leaves_read == SIZE - 256


def test_faults_are_counted_beyond_those_kept(tmp_path):
    leaves = lawful_leaves(SIZE, cohort=20)
    leaves["version"] = 2
    write_log(tmp_path, leaves)
    report = audited(tmp_path)
    assert report.fault_counts == {"leaf-version": SIZE}
    assert [fault.leaf for fault in report.faults] == list(range(KEPT_PER_CODE))
    assert report.leaves_read == 0


def test_the_children_of_an_unknown_leaf_are_not_blamed(tmp_path):
    leaves = lawful_leaves(SIZE, cohort=20)
    leaves["version"][1] = 7
    write_log(tmp_path, leaves)
    assert places(audited(tmp_path)) == {("leaf 1", "leaf-version")}


def test_another_root_under_a_good_signature(log):
    sign_log(log, SIZE, b"r" * 32)
    assert places(audited(log)) == {("checkpoint", "root")}


def test_another_key_or_origin(log):
    stranger = Signer(ORIGIN, ED25519, b"s" * 32).verifier.vkey
    renamed = Signer("other.example/log", ED25519, SIGNER.seed).verifier.vkey
    for vkey in (stranger, renamed):
        report = audit(DirectorySource(log), vkey)
        assert places(report) == {("checkpoint", "signature")}
        assert (report.size, report.root, report.leaves_read) == (None, None, 0)


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 100, b"a\n1\n", b"x" * (1 << 20)], ids=["empty", "no text", "cut", "huge"]
)
def test_a_checkpoint_that_is_none(log, data):
    (log / "checkpoint").write_bytes(data)
    assert places(audited(log)) == {("checkpoint", "checkpoint")}


def test_a_size_that_the_log_does_not_have(log):
    sign_log(log, SIZE + 300, b"r" * 32)
    report = audited(log)
    assert ("tile/entries/003.p/132", "file-missing") in places(report)
    assert ("tile/0/002", "file-missing") in places(report)


class Counting:
    """A log that counts what is asked of it."""

    def __init__(self, folder) -> None:
        self.source, self.reads = DirectorySource(folder), 0

    def read(self, path: str, limit: int) -> bytes:
        self.reads += 1
        return self.source.read(path, limit)


@pytest.mark.parametrize("size", [2**60, MAX_AUDITED + 1])
def test_a_size_that_no_contract_takes_is_not_begun(log, size):
    sign_log(log, size, b"r" * 32)
    source = Counting(log)
    report = audit(source, VKEY)
    assert places(report) == {("checkpoint", "size")}
    assert (report.size, report.leaves_read, source.reads) == (size, 0, 1)


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_size_that_is_only_claimed_costs_little(log, is_empty):
    """A key that signs anything is in the hands of whoever has it: what is not there must not be made room for."""
    if is_empty:
        shutil.rmtree(log / "tile")
    sign_log(log, MAX_AUDITED, b"r" * 32)
    source = Counting(log)
    tracemalloc.start()
    try:
        report = audit(source, VKEY)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 50e6
    assert source.reads < 10 * MAX_UNREAD_FILES
    assert "unread" in report.fault_counts
    assert report.leaves_read == (0 if is_empty else 512)


def test_a_log_full_of_holes_is_given_up(tmp_path):
    """Each hole costs memory for its leaves, so that all of them together are bounded, wherever they are."""
    write_log(tmp_path, lawful_leaves(512 * MAX_UNREAD_FILES + 1024, cohort=1_000))
    for n in range(0, 2 * MAX_UNREAD_FILES + 2, 2):
        (tmp_path / entries_path(n)).unlink()
    report = audit(DirectorySource(tmp_path), VKEY)
    assert report.fault_counts == {"file-missing": MAX_UNREAD_FILES, "unread": 1}
    assert report.leaves_read == 256 * (MAX_UNREAD_FILES - 1)
    assert report.first.code == "unread"
    assert report.first.leaf == 512 * MAX_UNREAD_FILES - 256


def test_a_key_that_is_none(log):
    with pytest.raises(Malformed):
        audit(DirectorySource(log), "no key")


def test_a_log_that_is_not_there(tmp_path):
    with pytest.raises(Unreachable):
        audited(tmp_path)


class GoingAway:
    """A log that no longer answers after some reads."""

    def __init__(self, folder, reads: int) -> None:
        self.source, self.reads = DirectorySource(folder), reads

    def read(self, path: str, limit: int) -> bytes:
        self.reads -= 1
        if self.reads < 0:
            raise Unreachable("the line is cut")
        return self.source.read(path, limit)


@pytest.mark.parametrize("reads", range(READS))
def test_a_log_that_goes_away(whole_log, reads):
    with pytest.raises(Unreachable, match="cut"):
        audit(GoingAway(whole_log, reads), VKEY)
    assert audit(GoingAway(whole_log, READS), VKEY).holds
