"""A monitor copies the documents of records with the leaves, and tells of a log that serves others, or none."""

import pytest

from registry.evidence.document import disclose
from registry.evidence.public import Flaw, line_of, parse_line, text_of
from tests.support.monitoring import publish, watching
from tests.support.synthetic_log import lawful_leaves
from tests.support.witnessing import Grown

LEAVES = lawful_leaves(930, cohort=10)
"""Leaves 0 to 25 are records, ten in the life of each cohort, and four before it."""
FILE = "document/000.p/205"


@pytest.fixture
def log(tmp_path):
    return Grown(tmp_path / "log")


def test_documents_are_copied_as_they_grow_and_kept_when_they_are_gone(tmp_path, log):
    with watching(tmp_path / "state", log.folder) as watch:
        for end in (200, 205, 206, 450, 930):
            publish(log, LEAVES[log.builder.size : end])
            standing = watch.round()
            assert (standing.size, standing.judged, standing.alerts) == (end, end, ())
    copied = {str(path.relative_to(tmp_path / "state")) for path in (tmp_path / "state").rglob("document/*")}
    assert {path.rpartition("/document/")[2] for path in copied} == {"000", "001", "002"}
    for path in sorted((log.folder / "document").rglob("00?")):
        (copy,) = (tmp_path / "state").rglob(f"document/{path.name}")
        assert copy.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("change", "leaf", "flaw"),
    [
        (lambda data: data.replace(b"proposed", b"proposee", 1), 0, Flaw.DIGEST),
        (lambda data: data.partition(b"\n")[2], 0, Flaw.MISSING),
        (lambda data: data + data.splitlines(keepends=True)[-1].replace(b":25}", b":900}"), 900, Flaw.EXCESS),
    ],
    ids=["altered", "withheld", "too many"],
)
def test_what_is_served_falsely_is_told_until_it_is_right(tmp_path, log, change, leaf, flaw):
    publish(log, LEAVES[:205])
    path = log.folder / FILE
    whole = path.read_bytes()
    path.write_bytes(change(whole))
    with watching(tmp_path / "state", log.folder) as watch:
        (alert,) = watch.round().alerts
        assert alert.code == "files"
        assert f"leaf {leaf}: DOCUMENT: " in alert.sentence
        assert f"({flaw})" in alert.sentence
        path.write_bytes(whole)
        standing = watch.round()
        assert (standing.size, standing.alerts) == (205, ())


def test_a_file_that_is_gone_is_told(tmp_path, log):
    publish(log, LEAVES[:205])
    (log.folder / FILE).unlink()
    with watching(tmp_path / "state", log.folder) as watch:
        assert watch.codes() == ["log-unreachable"]
        publish(log, LEAVES[205:900])
        assert watch.codes() == []


def test_a_document_that_is_shown_otherwise_than_before_is_told(tmp_path, log):
    """The same evidence: a field that was disclosed is withheld, so that nobody else is to see what was."""
    publish(log, LEAVES[:205])
    with watching(tmp_path / "state", log.folder) as watch:
        assert watch.codes() == []
        publish(log, LEAVES[205:206])
        path = log.folder / "document/000.p/206"
        first, *rest = path.read_bytes().splitlines(keepends=True)
        index, fields = parse_line(first, 64)
        hidden = line_of(index, text_of(disclose(fields, []), [], 64))
        path.write_bytes(b"".join([hidden, *rest]))
        (alert,) = watch.round().alerts
        assert (alert.code, "served otherwise than it was before" in alert.sentence) == ("files", True)
