"""For each rule, a log in which one leaf breaks it: found at its index, by its name."""

import pytest

from anchoring.auditing.audit import audit
from anchoring.tree.tiles import DirectorySource
from registry.ledger.rules import Rule
from tests.support import synthetic_log
from tests.support.synthetic_log import FIRST_LIFE, LIFE, STEPS, VKEY, write_log
from tests.support.unlawful import COHORT, LOCK, UNLAWFUL, UNLAWFUL_IDS, VOID, leaf_of, what_its_sibling_took


def test_every_rule_is_here():
    assert {rule for rule, _ in UNLAWFUL} == set(Rule) - {Rule.LEAF}  # bytes that are no leaf are faults of the file


@pytest.mark.parametrize(("rule", "apply"), UNLAWFUL, ids=UNLAWFUL_IDS)
def test_one_unlawful_leaf(tmp_path, rule, apply):
    leaves = synthetic_log.lawful_leaves(FIRST_LIFE + LIFE * COHORT, cohort=COHORT)
    index = apply(leaves)
    write_log(tmp_path, leaves)
    report = audit(DirectorySource(tmp_path), VKEY)
    assert not report.holds
    assert (report.first.code, report.first.leaf) == (rule.name, index), report.faults
    assert f"leaf {index}: {rule.name}: " in report.verdict
    assert set(report.fault_counts) <= {*(rule.name for rule in Rule), "DOCUMENT"}


def test_the_other_leaf_of_an_overlap_is_named(tmp_path):
    leaves = synthetic_log.lawful_leaves(FIRST_LIFE + LIFE * COHORT, cohort=COHORT)
    what_its_sibling_took(leaves)
    write_log(tmp_path, leaves)
    report = audit(DirectorySource(tmp_path), VKEY)
    (fault,) = [fault for fault in report.faults if fault.code == "OVERLAP"]
    assert fault.leaf == leaf_of(LOCK)
    assert f"leaf {leaf_of(VOID)}" in fault.sentence


def test_every_kind_is_in_a_lawful_life():
    assert {step.kind for step in STEPS} == {*range(1, 13), 66}
