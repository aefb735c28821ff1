"""A small city with fraud in it; `python -m tests.fraud` measures a larger one."""

import pytest

from tests.fraud.measure import measure


@pytest.mark.slow
def test_fraud_of_which_the_data_tell_is_found_and_no_honest_act_is_refused_for_it(tmp_path):
    rows = measure(tmp_path, seed=7, count=1500, each=25)
    assert [str(row) for row in rows if not row.holds] == []
    assert {row.kind for row in rows if row.planted} == {
        "honest", "honest readings", "rider in two places", "shifted copy", "split copy", "staff", "two platforms",
        "meter stands still",
    }  # fmt: skip
    found = {reason for row in rows for reason in row.reasons}
    assert found >= {
        "elsewhere",
        "copied",
        "overlapping",
        "excluded-area",
        "too-fast",
        "already-issued",
        "standing-still",
    }
