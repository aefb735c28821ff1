"""The audit holds each record's time against the blocks of the anchors around it."""

from dataclasses import replace

import pytest

from anchoring.auditing.audit import audit
from anchoring.tree.sources import DirectorySource
from registry.procedure.clock import AHEAD_MS, BEHIND_MS, Bounds
from tests.support.decided import leaves_in, write_book
from tests.support.decisions import to_issued
from tests.support.synthetic_log import VKEY, FakeChain, anchor_of

BOOK = to_issued()
TIMES = [entry.movement.at for entry in BOOK.entries]
RECORDS = [entry.leaf for entry in BOOK.entries if entry.document]
LAST = RECORDS[-1]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    write_book(folder, BOOK)
    return DirectorySource(folder)


def found(log, anchors, bounds=None):
    chain = FakeChain([replace(anchor_of(leaves_in(BOOK), size), at=at) for size, at in anchors.items()])
    report = audit(log, VKEY, chain, **({} if bounds is None else {"bounds": bounds}))
    return [(one.leaf, one.code) for one in report.faults], [(one.leaf, str(one.name)) for one in report.findings]


def test_records_that_were_anchored_soon_after_are_of_their_time(log):
    assert found(log, {size: TIMES[size - 1] for size in range(1, len(TIMES) + 1)}) == ([], [])


@pytest.mark.parametrize(("off", "faults"), [(AHEAD_MS, []), (AHEAD_MS + 1, [(LAST, "CLOCK")])])
def test_none_is_of_a_later_time_than_the_block_that_has_it(log, off, faults):
    assert found(log, {LAST: TIMES[LAST - 1], LAST + 1: TIMES[LAST] - off}) == (faults, [])


@pytest.mark.parametrize(("off", "findings"), [(BEHIND_MS, []), (BEHIND_MS + 1, [(LAST, "BEFORE_ANCHOR")])])
def test_one_of_a_time_before_the_anchor_before_it_is_told(log, off, findings):
    assert found(log, {LAST: TIMES[LAST] + off}) == ([], findings)


def test_an_auditor_may_set_other_bounds(log):
    assert found(log, {LAST: TIMES[LAST] + 9}, Bounds(0, 8)) == ([], [(LAST, "BEFORE_ANCHOR")])
    assert found(log, {LAST + 1: TIMES[LAST] - AHEAD_MS - 9}, Bounds(AHEAD_MS + 9, 0)) == ([], [])


def test_of_very_many_anchors_those_around_records_alone_are_asked(log):
    asked = []

    class Counting(FakeChain):
        def made_at(self, anchor):
            asked.append(anchor.size)
            return anchor.at

    leaves = leaves_in(BOOK)
    audit(log, VKEY, Counting([anchor_of(leaves, LAST), anchor_of(leaves, len(leaves))]))
    assert len(asked) == len(set(asked)) <= 2
