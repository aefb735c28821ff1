"""Numbers of rows, said in SQL and looked up: exactly those that were meant."""

import numpy as np
import pytest

from anchoring.publishing.waiting import among, numbers, places

SERIES = "SELECT n::bigint FROM generate_series(-3, 9) n WHERE {} ORDER BY n"


@pytest.mark.parametrize("wanted", [[], [0], [-1, 0, 1, 2], [1, 3], [-3, 9], [2, 3, 5, 6]], ids=str)
def test_exactly_these_numbers_are_among_them(owner, wanted):
    with owner.transaction() as tx:
        assert numbers(tx, SERIES.format(among("n", np.array(wanted, np.int64)))).tolist() == wanted


def test_numbers_at_both_ends_are_no_range(owner):
    ends = np.array([-(2**63), 2**63 - 1])
    with owner.transaction() as tx:
        assert not len(numbers(tx, SERIES.format(among("n", ends))))


def test_a_number_is_found_at_its_place_or_not_at_all():
    place, is_found = places(np.array([2, 4, 4, 9]), np.array([9, 1, 4, 10, 5]))
    assert is_found.tolist() == [True, False, True, False, False]
    assert place[is_found].tolist() == [3, 1]
    assert not places(np.array([], np.int64), np.array([1]))[1].any()
