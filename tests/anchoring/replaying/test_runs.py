"""Runs, judged many rows at once as the rules judge two neighbours; and whole audits of logs whose runs are cut."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.auditing.audit import Means, audit
from anchoring.conviction import Entry, convicting_rule
from anchoring.leaf import LEAF_DTYPE, decode
from anchoring.replaying import judging
from anchoring.replaying.history import rows_of, unread_rows
from anchoring.replaying.runs import are_targets, broken_runs, ends_in_run
from anchoring.tree.tiles import DirectorySource
from registry.ledger.movement import Kind, target_of
from registry.ledger.rules import broken_run
from tests.support.rule_tables import tables
from tests.support.synthetic_log import FIRST_LIFE, VKEY, FakeChain, anchor_of, is_whole, lawful_leaves, write_log
from tests.support.unlawful import BUNDLE, COHORT, GATHER, leaf_of

PIECES = next(table for table in tables() if table.name == "runs: neighbours").accused
MOVEMENTS = [decode(leaf) for leaf in PIECES]


def rows_from(leaves):
    return rows_of(np.frombuffer(b"".join(leaves), LEAF_DTYPE))


def test_targets_are_those_of_the_rules():
    expected = [movement.kind == Kind.GATHER and target_of(movement) is not None for movement in MOVEMENTS]
    assert are_targets(rows_from(PIECES)).tolist() == expected
    assert 5 < sum(expected) < len(expected)


def test_all_neighbours_are_judged_as_the_rules_judge_them():
    """Each piece before each piece, with a record before the two, so that nothing else is broken there."""
    pairs = list(product(range(len(PIECES)), repeat=2))
    rows = rows_from([PIECES[at] for pair in pairs for at in pair])
    found = set(broken_runs(rows, 0).tolist())
    expected = [broken_run(MOVEMENTS[one], MOVEMENTS[other]) is not None for one, other in pairs]
    assert [2 * number + 1 in found for number in range(len(pairs))] == expected
    assert 100 < sum(expected) < len(pairs) - 100


@given(st.lists(st.integers(0, len(PIECES) - 1), max_size=12), st.sets(st.integers(0, 11)), st.data())
def test_a_log_judged_in_parts_is_judged_as_a_whole(places, unread, data):
    """Wherever a part begins, the leaf before it counts; beside a leaf that was not read nothing is known."""
    rows = rows_from([PIECES[at] for at in places]).copy()
    unread = {at for at in unread if at < len(rows)}
    rows[sorted(unread)] = unread_rows(1)
    log = [MOVEMENTS[at] for at in places]
    expected = [
        at
        for at, after in enumerate(log)
        if broken_run(log[at - 1] if at else None, after) and not unread & {at - 1, at}
    ]
    assert broken_runs(rows, 0).tolist() == expected
    cut = data.draw(st.integers(0, len(rows)))
    assert [*broken_runs(rows[:cut], 0), *broken_runs(rows, cut)] == expected
    assert ends_in_run(rows) is bool(log and len(log) - 1 not in unread and log[-1].kind == Kind.GATHER)


@pytest.fixture(scope="module")
def leaves():
    """Runs fill leaves 800 to 1,399 of it, over the border of tiles and segments at 1,024 and at 1,280."""
    return lawful_leaves(FIRST_LIFE + 24 * 199, cohort=199)


def audited(folder, leaves, size=None, **means):
    write_log(folder, leaves[: size or len(leaves)])
    return audit(DirectorySource(folder), VKEY, means=Means(**means))


def test_a_checkpoint_that_ends_in_a_run_is_not_lawful(tmp_path, leaves):
    for size in range(1_023, 1_029):
        report = audited(tmp_path / str(size), leaves, size)
        cut = [] if is_whole(leaves, size) else [("run-cut", "checkpoint")]
        assert [(fault.code, fault.path) for fault in report.faults] == cut
        assert report.holds is not bool(cut)


@pytest.mark.parametrize("border", [1_024, 1_280])
@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_that_is_broken_at_the_border_of_a_segment(tmp_path, leaves, border, processes):
    broken = leaves.copy()
    assert Kind.GATHER in leaves["kind"][border - 2 : border]
    broken["at"][border - 1] = broken["at"][0]
    report = audited(tmp_path, broken, processes=processes, segment=256, share=256)
    named = [fault.leaf for fault in report.faults if fault.code == "GATHERED"]
    assert named == [border - 1, border] or named == [border - 1] or named == [border]
    assert set(named) == {leaf for leaf in (border - 1, border) if broken_run(*neighbours(broken, leaf))}


def neighbours(leaves, leaf):
    return tuple(decode(leaves[at].tobytes()) for at in (leaf - 1, leaf))


def test_a_later_audit_goes_on_in_the_middle_of_a_run(tmp_path, leaves):
    """The first ends with a whole tile, and that in a run; the second sees what the run became."""
    state = tmp_path / "state"
    old = next(size for size in (1_025, 1_026, 1_027) if is_whole(leaves, size))
    assert audited(tmp_path / "old", leaves, old, state=state).holds
    assert not is_whole(leaves, 1_024)
    assert audited(tmp_path / "new", leaves, state=state).holds
    broken = leaves.copy()
    broken["at"][1_024] += 1
    audited(tmp_path / "before", leaves, old, state=tmp_path / "other")
    write_log(tmp_path / "broken", broken)
    assert not audit(DirectorySource(tmp_path / "broken"), VKEY, means=Means(state=tmp_path / "other")).holds


def test_an_anchored_size_in_a_run_is_named_by_a_later_audit_too(tmp_path, leaves):
    cut = next(size for size in range(900, 905) if not is_whole(leaves, size))
    chain = FakeChain([anchor_of(leaves, cut)])
    assert audited(tmp_path / "log", leaves, state=tmp_path / "state").holds
    for means in (Means(), Means(state=tmp_path / "state")):
        report = audit(DirectorySource(tmp_path / "log"), VKEY, chain, means=means)
        assert [(fault.size, fault.code) for fault in report.faults] == [(cut, "anchor-run")]


def test_grams_from_nowhere_are_seen_even_where_no_rule_is(tmp_path, monkeypatch):
    """The sums stand for themselves: an audit that forgot to judge runs would not find these lawful."""
    made = lawful_leaves(FIRST_LIFE + 24 * COHORT, cohort=COHORT)
    made["last"][leaf_of(BUNDLE, life=COHORT - 1)] += 1
    assert audited(tmp_path / "seen", made).first.code == "GATHERED"
    monkeypatch.setattr(judging, "broken_runs", lambda *_: np.empty(0, np.intp))
    report = audited(tmp_path / "unseen", made)
    assert [(fault.code, fault.path) for fault in report.faults] == [("balance", "checkpoint")]
    assert not report.totals.is_balanced


def test_where_the_pieces_of_a_life_stand():
    made = lawful_leaves(FIRST_LIFE + 24 * COHORT, cohort=COHORT)
    run = made["kind"][leaf_of(GATHER) : leaf_of(BUNDLE) + 1].tolist()
    assert run == [Kind.GATHER, Kind.GATHER, Kind.BUNDLE]


def test_a_leaf_that_breaks_several_rules_is_named_by_the_first_as_the_contract_names_it(tmp_path):
    """A piece that leads nowhere takes a gram that another took; a bundle takes another's number, and is too long."""
    made = lawful_leaves(FIRST_LIFE + 24 * COHORT, cohort=COHORT)
    piece, whole = leaf_of(GATHER + 1), leaf_of(BUNDLE)
    made["to_tag"][piece] = 1
    made["last"][piece] += 1
    made["first"][whole] -= 1
    report = audited(tmp_path, made)
    first = {}
    for fault in report.faults:
        first.setdefault(fault.leaf, []).append(fault.code)
    entries = {at: Entry(made[at].tobytes(), at) for at in (piece - 1, piece, whole)}
    assert first[piece][0] == convicting_rule(entries[piece], entries[piece - 1]).name == "GATHERED"
    assert set(first[piece]) == {"GATHERED", "OVERLAP"}
    assert first[whole] == ["ISSUE_OVERLAP", "GATHERED"]
