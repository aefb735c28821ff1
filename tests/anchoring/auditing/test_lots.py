"""The lots that the leaves tell of, in whatever order they come: what adjoins, of one minute and one sort."""

import random

import numpy as np
import pytest

from anchoring.auditing.tally import find_lots
from anchoring.replaying.history import ROW, pack_codes
from registry.ledger.movement import Flag, Kind
from registry.procedure.lots import Issuance

MINUTE_MS = 60_000
CLASS_II, CLASS_I = int(Flag.SCENARIO), int(Flag.SCENARIO | Flag.CLASS_I)


def rows_of(leaves):
    """Rows of (kind, flags, first, last, at)."""
    rows = np.zeros(len(leaves), ROW)
    if not leaves:
        return rows
    kind, flags, rows["first"], rows["last"], rows["at"] = (np.array(column) for column in zip(*leaves, strict=True))
    rows["codes"] = pack_codes(kind, (kind < 64).astype(int), flags, np.zeros(len(leaves), int))
    return rows


def lots_of(issuances, issues):
    leaves = [(int(Kind.ISSUE), flags, first, last, at) for flags, first, last, at in issues]
    known = [Issuance(first, end, leaf) for leaf, (first, end) in enumerate(issuances)]
    found = find_lots(rows_of(leaves), known)
    return list(zip(found.first.tolist(), found.last.tolist(), found.issuance.tolist(), strict=True))


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_lots_are_told_apart_by_minute_and_sort_in_any_order(seed, is_known):
    issuances = [(0, 30), (30, 40), (40, 51), (51, 60)]
    issues = [(CLASS_II, first, first + 10, 0) for first in (0, 10, 20)]
    issues += [(CLASS_I | Flag.INDIVIDUAL, first, first + 5, 0) for first in (30, 35)]
    issues += [(CLASS_I, 40, 50, MINUTE_MS), (CLASS_I | Flag.INDIVIDUAL, 50, 51, MINUTE_MS)]
    issues += [(CLASS_II, first, first + 1, 3 * MINUTE_MS) for first in range(51, 60)]
    random.Random(seed).shuffle(issues)
    records = range(4) if is_known else [-1] * 4
    found = [(*lot, record) for lot, record in zip(issuances, records, strict=True)]
    assert lots_of(issuances if is_known else [], issues) == found


def test_two_lots_that_look_like_one_are_told_apart_by_their_issuances():
    issues = [(CLASS_II, 0, 10, 0), (CLASS_II, 10, 20, 0), (CLASS_II, 20, 30, MINUTE_MS)]
    assert lots_of([(0, 10), (10, 20), (20, 30)], issues) == [(0, 10, 0), (10, 20, 1), (20, 30, 2)]
    assert lots_of([], issues) == [(0, 20, -1), (20, 30, -1)]


def test_issues_without_an_issuance_and_issuances_without_issues():
    assert lots_of([], [(CLASS_II, 0, 10, 0), (CLASS_II, 12, 20, 0)]) == [(0, 10, -1), (12, 20, -1)]
    assert lots_of([(5, 9), (30, 40)], [(CLASS_II, 0, 10, 0)]) == [(0, 10, -1)]
    assert lots_of([(0, 1), (1, 2)], []) == []
