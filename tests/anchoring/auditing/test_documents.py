"""The audit holds every record to its one document, and names the leaf that has none, or another."""

import json
import shutil

import pytest

from anchoring.auditing.audit import Means, audit
from anchoring.tree.sources import DirectorySource, HttpSource
from registry.evidence.public import MAX_BYTES, SENTENCES, Flaw
from tests.support.static import serve_files
from tests.support.synthetic_log import FIRST_LIFE, VKEY, lawful_leaves, write_log

SIZE, COHORT = 1000, 20
OF_FIRST = [*range(426, 446), *range(506, 510)]
"""The records of each life of a cohort, and the decisions on the next."""
RECORDS = [*range(FIRST_LIFE), *OF_FIRST, *range(910, 930), *range(990, 994)]
FILES = ("document/001", "document/003.p/232")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documents") / "log"
    leaves = lawful_leaves(SIZE, cohort=COHORT)
    assert [*(leaves["kind"] >= 64).nonzero()[0]] == RECORDS
    write_log(folder, leaves)
    assert {str(path.relative_to(folder)) for path in folder.glob("document/**/*") if path.is_file()} == {
        "document/000", *FILES,
    }  # fmt: skip
    return folder


@pytest.fixture
def log(whole, tmp_path):
    """A copy to spoil."""
    shutil.copytree(whole, tmp_path / "log")
    return tmp_path / "log"


def lines_of(path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def found(log, **how) -> list[tuple[int | None, str | None, str]]:
    """The faults: leaf, path, and the end of the sentence; each of them is DOCUMENT."""
    report = audit(DirectorySource(log), VKEY, **how)
    assert not report.holds
    assert set(report.fault_counts) == {"DOCUMENT"}
    assert sum(report.fault_counts.values()) == len(report.faults)
    return [(fault.leaf, fault.path, fault.sentence) for fault in report.faults]


def altered(line: bytes) -> bytes:
    return line.replace(b"applied", b"applief")


def first_salt(line: bytes) -> bytes:
    return json.loads(line)["fields"]["actor"][0].encode()


SWAPPED = {
    "altered": (lambda lines: [*lines[:5], altered(lines[5]), *lines[6:]], [(431, Flaw.DIGEST)]),
    "withheld": (lambda lines: lines[:5] + lines[6:], [(431, Flaw.MISSING)]),
    "cut": (lambda lines: [*lines[:-1], lines[-1][:-1]], [(509, Flaw.CUT)]),
    "twice": (lambda lines: [*lines[:5], lines[5], *lines[5:]], [(431, Flaw.EXCESS)]),
    "of a movement": (
        lambda lines: [*lines[:5], lines[5].replace(b":431}", b":430}"), *lines[5:]], [(430, Flaw.EXCESS)]
    ),
    "swapped": (
        lambda lines: [
            lines[0].replace(b":426}", b":427}"), lines[1].replace(b":427}", b":426}"), *lines[2:]
        ], [(426, Flaw.MISSING), (426, Flaw.EXCESS), (427, Flaw.DIGEST)],
    ),
    "not RFC 8785": (lambda lines: [lines[0].replace(b":", b" :", 1), *lines[1:]], [(426, Flaw.FORM)]),
    "a field twice": (
        lambda lines: [lines[0].replace(b'"record":', b'"record":"' + b"0" * 64 + b'","record":'), *lines[1:]],
        [(426, Flaw.FIELD_TWICE)],
    ),
    "too large": (
        lambda lines: [lines[0].replace(b"applied", b"x" * MAX_BYTES), *lines[1:]], [(426, Flaw.SIZE)]
    ),
    "a salt twice": (
        lambda lines: [
            lines[0].replace(b'"fields":{', b'"fields":{"a":["%b","x"],' % first_salt(lines[0])), *lines[1:]
        ],
        [(426, Flaw.SALT_TWICE)],
    ),
    "emptied": (lambda _: [], [(index, Flaw.MISSING) for index in OF_FIRST]),
}  # fmt: skip


@pytest.mark.parametrize(("change", "faults"), SWAPPED.values(), ids=SWAPPED)
def test_a_false_file_is_named_by_leaf_and_flaw(log, change, faults):
    path = log / FILES[0]
    path.write_bytes(b"".join(change(lines_of(path))))
    expected = sorted((leaf, FILES[0], f"{SENTENCES[flaw]} ({flaw})") for leaf, flaw in faults)
    assert sorted(found(log)) == expected


def test_a_document_of_a_leaf_beyond_its_tile_is_one_too_many(log):
    path = log / FILES[0]
    path.write_bytes(path.read_bytes() + lines_of(log / FILES[1])[0])
    ((leaf, at, sentence),) = found(log)
    assert (leaf, at, sentence.endswith("(document-excess): it says leaf 910")) == (None, FILES[0], True)


def test_a_withheld_file_is_a_fault_of_each_of_its_records(log):
    (log / FILES[0]).unlink()
    told = found(log)
    assert [leaf for leaf, *_ in told] == OF_FIRST
    assert {at for _, at, _ in told} == {FILES[0]}
    assert all("(document-missing): document/001 cannot be read" in sentence for *_, sentence in told)


def test_a_file_longer_than_its_records_can_make_it_is_not_read(log):
    with (log / FILES[0]).open("ab") as file:
        file.truncate(len(OF_FIRST) * (MAX_BYTES + 1) + 1)
    told = found(log)
    assert [leaf for leaf, *_ in told] == OF_FIRST
    assert all(
        f"document/001 is longer than {len(OF_FIRST) * (MAX_BYTES + 1)} bytes" in sentence for *_, sentence in told
    )


def test_a_partial_file_that_is_gone_is_read_from_the_full_one(log, whole):
    """As a log that grew since has it: with documents of leaves that this checkpoint has not."""
    (log / FILES[1]).unlink()
    _, later = lines_of(whole / FILES[0])[:2]
    full = log / "document/003"
    full.write_bytes((whole / FILES[1]).read_bytes() + later.replace(b":427}", b":1001}"))
    assert audit(DirectorySource(log), VKEY).holds
    full.write_bytes((whole / FILES[1]).read_bytes() + later.replace(b":427}", b":999}"))
    ((leaf, at, sentence),) = found(log)
    assert (leaf, at, "document-excess" in sentence) == (999, "document/003.p/232", True)


def test_of_a_false_leaf_no_document_is_asked(log):
    bundle = log / "tile/entries/001"
    data = bytearray(bundle.read_bytes())
    data[(431 - 256 + 1) * 116 - 1] ^= 1
    bundle.write_bytes(data)
    report = audit(DirectorySource(log), VKEY)
    assert "DOCUMENT" not in report.fault_counts
    assert report.first.leaf == 431


def test_a_file_where_there_are_no_records_is_not_asked_for(log):
    (log / "document/002").write_bytes(b"anything")
    assert audit(DirectorySource(log), VKEY).holds


def test_over_http_by_several_and_on_from_an_earlier_audit_it_finds_the_same(log, tmp_path):
    means = Means(processes=2, state=tmp_path / "state", segment=256, share=256)
    with serve_files(log) as url, HttpSource(url) as source:
        assert audit(source, VKEY, means=means).holds
    path = log / FILES[1]
    lines = lines_of(path)
    path.write_bytes(b"".join([altered(lines[0]), *lines[1:]]))
    assert found(log) == found(log, means=Means(2, tmp_path / "other", 256, 256))
    # What an earlier audit found lawful it does not read again, but for the tile that was not full.
    assert [leaf for leaf, *_ in found(log, means=means)] == [910]


def test_a_hundred_files_that_are_gone_end_the_audit(tmp_path):
    """Time follows what is there: a checkpoint over a folder without documents is not asked for all of them."""
    leaves = lawful_leaves(140 * 256, cohort=1)
    write_log(tmp_path, leaves)
    shutil.rmtree(tmp_path / "document")
    report = audit(DirectorySource(tmp_path), VKEY)
    assert report.fault_counts["unread"] == 1
    assert report.leaves_read == 100 * 256
