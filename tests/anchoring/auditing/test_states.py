"""The audit holds records of the state against the leaves, and says which of them it looked at."""

import numpy as np
import pytest

from anchoring.auditing.audit import Means, audit
from anchoring.errors import Malformed, Unreachable
from anchoring.tree.sources import DirectorySource
from tests.support.states import leaves_of, with_record, write_states
from tests.support.synthetic_log import VKEY, lawful_leaves

SIZE = 150


class Turning(DirectorySource):
    """A server that shows another log when a file is asked for the second time."""

    def __init__(self, path, other) -> None:
        super().__init__(path)
        self.other, self.asked = DirectorySource(other), set()

    def read(self, path: str, limit: int) -> bytes:
        again = path in self.asked and "entries" in path
        self.asked.add(path)
        return self.other.read(path, limit) if again else super().read(path, limit)


def three_states(**lies):
    """A lawful log with three records of its state, the first of which lies; and their indices."""
    leaves = with_record(leaves_of([]), **lies)
    whole = lawful_leaves(SIZE, cohort=7, before=1)
    leaves = with_record(np.concatenate((leaves, whole)).astype(whole.dtype))
    return with_record(leaves), (0, SIZE + 1, SIZE + 2)


def test_the_last_state_is_checked_or_every_one(tmp_path):
    leaves, indices = three_states()
    write_states(tmp_path, leaves)
    last, every = (audit(DirectorySource(tmp_path), VKEY, every_state=choice) for choice in (False, True))
    assert last.holds
    assert last.states_checked == indices[-1:]
    assert "1 of 3 records of the state, at leaf 152" in last.verdict
    assert every.holds
    assert every.states_checked == indices
    assert every.to_json()["states_checked"] == list(indices)


@pytest.mark.parametrize("lie", [{"root": bytes(32)}, {"entries": 3}, {"frontier_g": 7}, {"size": 9}], ids=str)
def test_a_false_state_is_named_by_its_leaf(tmp_path, lie):
    write_states(tmp_path, with_record(lawful_leaves(SIZE, cohort=7), **lie))
    report = audit(DirectorySource(tmp_path), VKEY)
    assert not report.holds
    assert (report.first.leaf, report.first.code) == (SIZE, "STATE")
    assert dict(report.fault_counts) == {"STATE": 1}


def test_an_earlier_false_state_is_found_when_every_one_is_checked(tmp_path):
    leaves, _ = three_states(root=bytes(32))
    write_states(tmp_path, leaves)
    assert audit(DirectorySource(tmp_path), VKEY).states_checked == (SIZE + 2,)
    assert audit(DirectorySource(tmp_path), VKEY, every_state=True).first.leaf == 0


def test_a_server_that_shows_other_leaves_the_second_time_is_caught(tmp_path):
    write_states(tmp_path / "one", with_record(lawful_leaves(SIZE, cohort=7)))
    write_states(tmp_path / "other", with_record(lawful_leaves(SIZE, cohort=7, seed=1)))
    report = audit(Turning(tmp_path / "one", tmp_path / "other"), VKEY)
    assert dict(report.fault_counts) == {"changed": 1}
    assert report.states_checked == ()


@pytest.mark.parametrize("error", [Unreachable, Malformed])
def test_a_server_that_has_its_leaves_once_is_no_better_than_one_without(tmp_path, error):
    class Once(Turning):
        def read(self, path: str, limit: int) -> bytes:
            if path in self.asked and "entries" in path:
                raise error("it is not there")
            return super().read(path, limit)

    write_states(tmp_path, with_record(lawful_leaves(SIZE, cohort=7)))
    report = audit(Once(tmp_path, tmp_path), VKEY)
    assert dict(report.fault_counts) == {"changed": 1}
    assert "not a second time" in report.first.sentence


class Counting(DirectorySource):
    """A log that counts how often its leaves are asked for."""

    asked = 0

    def read(self, path: str, limit: int) -> bytes:
        self.asked += "entries" in path
        return super().read(path, limit)


def audited(log, state, **how):
    """An audit with a state, and how many bundles it read."""
    source = Counting(log)
    report = audit(source, VKEY, means=Means(state=state), **how)
    return report, source.asked


def test_a_state_that_an_earlier_audit_checked_costs_nothing(tmp_path):
    """Three bundles, of which the last is not full; a record in it is remembered too."""
    leaves = with_record(lawful_leaves(600, cohort=20))
    write_states(tmp_path / "log", leaves)
    for asked in (6, 1):
        report, bundles = audited(tmp_path / "log", tmp_path / "state")
        assert (report.states_checked, report.holds, bundles) == ((600,), True, asked)
    write_states(tmp_path / "grown", with_record(leaves))
    for every, checked, asked in ((False, (601,), 4), (True, (600, 601), 1)):
        report, bundles = audited(tmp_path / "grown", tmp_path / "state", every_state=every)
        assert (report.states_checked, report.holds, bundles) == (checked, True, asked)


def test_a_false_state_is_named_by_every_audit(tmp_path):
    write_states(tmp_path / "log", with_record(lawful_leaves(600, cohort=20), root=bytes(32)))
    for _ in range(2):
        report, _ = audited(tmp_path / "log", tmp_path / "state")
        assert (report.first.leaf, dict(report.fault_counts)) == (600, {"STATE": 1})


def test_a_state_of_another_history_was_not_checked(tmp_path):
    write_states(tmp_path / "log", with_record(lawful_leaves(600, cohort=20)))
    write_states(tmp_path / "other", with_record(lawful_leaves(600, cohort=20, seed=1), root=bytes(32)))
    audited(tmp_path / "log", tmp_path / "state")
    report, _ = audited(tmp_path / "other", tmp_path / "state")
    assert (report.first.code, report.fault_counts["prefix"]) == ("prefix", 1)
    assert report.states_checked == ()


def test_a_missing_document_says_nothing_against_the_state(tmp_path):
    write_states(tmp_path / "log", with_record(lawful_leaves(600, cohort=20), root=bytes(32)))
    (tmp_path / "log/document/001").unlink()
    report, _ = audited(tmp_path / "log", None)
    assert dict(report.fault_counts) == {"DOCUMENT": 24, "STATE": 1}
