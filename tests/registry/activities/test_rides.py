"""A file of rides as a whole: against a naive model, its digests, its sums, its rejects file, and the sample."""

import csv
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from registry.activities.judged import write_rejects
from registry.activities.judgement.reasons import Reason
from registry.errors import Invalid
from tests.support.judging import accepted_rows, judge, reasons
from tests.support.rides import GOOD, SCENARIO, write_rides

GENERATOR = Path(__file__).parents[3] / "scripts" / "make-sample-rides"
START = datetime(2016, 8, 19, 8, tzinfo=UTC)
"""In Beijing's clock; the file has no offset."""

_rides = st.lists(
    st.tuples(
        st.integers(1, 25), st.sampled_from("abc"), st.integers(0, 120), st.integers(-5, 40), st.sampled_from("xyz")
    ),
    max_size=30,
)
_known = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 120), st.integers(1, 30)), max_size=4)


def _read(path, riders, known=()):
    spans = [(account, _ms(start), _ms(start + length)) for account, start, length in known]
    return judge(path, "shanghai-rides", riders, SCENARIO, reported=["25"], busy=(spans,))


def _ms(minute):
    return int((START + timedelta(hours=-8, minutes=minute)).timestamp() * 1000)


def _naively(rides, riders, known):
    """One ride after the other, every rule in words."""
    reasons, orders, standing = {}, set(), []
    for row, (order, user, start, length, bike) in enumerate(rides, start=2):
        account, end = riders.get(user), start + length
        if account is None:
            reasons[row] = "not-consented"
        elif order in orders:
            reasons[row] = "repeated"
        elif order == 25 or any(a == account and s < end and start < s + n for a, s, n in known):
            reasons[row] = "already-issued"
        elif length <= 0:
            reasons[row] = "ends-before-start"
        elif length < 3:  # 1990 m at 30 km/h take 239 s, and a minute may be hidden
            reasons[row] = "too-fast"
        else:
            standing.append((start, row, account, end, bike))
        orders.add(order)
    kept = []
    for start, row, account, end, bike in sorted(standing):
        if any((a == account or b == bike) and s < end and start < e for s, _, a, e, b in kept):
            reasons[row] = "overlapping"
        else:
            kept.append((start, row, account, end, bike))
    return reasons


@settings(
    max_examples=8,
    phases=[Phase.reuse, Phase.generate],  # an example takes a second: shrinking would take minutes
)
@given(_rides, _known)
def test_judges_as_a_naive_model_does(rides, known):
    riders = {"a": 1, "b": 2}
    lines = [
        {
            "orderid": str(order),
            "userid": user,
            "bikeid": bike,
            "start_time": f"{START + timedelta(minutes=start):%Y-%m-%d %H:%M}",
            "end_time": f"{START + timedelta(minutes=start + length):%Y-%m-%d %H:%M}",
        }
        for order, user, start, length, bike in rides
    ]
    with tempfile.TemporaryDirectory() as folder:
        judged = _read(write_rides(Path(folder) / "rides.csv", lines), riders, known)
    assert reasons(judged) == _naively(rides, riders, known)
    for row, ride in zip(accepted_rows(judged), judged.activities, strict=True):
        _, user, start, length, _ = rides[row - 2]
        assert (ride.account_id, ride.starts_ms, ride.ends_ms) == (riders[user], _ms(start), _ms(start + length))
        assert ride.quantity_g == 193


def test_sums_and_digests_can_be_had_again_by_hand(tmp_path):
    rides = [
        {},
        {"orderid": "2", "start_time": "2016-08-20 08:00", "end_time": "2016-08-20 08:30"},
        {"orderid": "3", "userid": "8", "bikeid": "10", "end_location_y": "31.300"},
    ]
    path = write_rides(tmp_path / "rides.csv", rides)
    judged = _read(path, {"7": 70, "8": 80})
    assert [(ride.starts_ms, ride.ends_ms, ride.quantity_g) for ride in judged.activities] == [
        (1471614060000, 1471615260000, 193),
        (1471651200000, 1471653000000, 193),
        (1471614060000, 1471615260000, 124),
    ]
    assert judged.input_sha256 == sha256(path.read_bytes()).digest()
    assert judged.quantity_g == 510
    assert [one.reference for one in judged.activities[1:]] == ["2", "3"]


def test_rejects_are_quoted_and_run_nothing_in_a_spreadsheet(tmp_path):
    rides = [{"orderid": order} for order in ("=cmd|' /C calc'!A0", '@x"y', "-1+1", "订单,一")]
    rides.append({"orderid": "fast", "end_location_x": "121.814"})
    judged = _read(write_rides(tmp_path / "rides.csv", rides), {"7": 70})
    target = tmp_path / "rejects.csv"
    write_rejects(judged, target)
    with target.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["row", "reference", "outcome", "reason", "en", "zh"]
    assert [row[:4] for row in rows[1:]] == [
        ["2", "'=cmd|' /C calc'!A0", "refused", "wrong-type"],
        ["3", "'@x\"y", "refused", "wrong-type"],
        ["4", "'-1+1", "refused", "wrong-type"],
        ["5", "订单,一", "refused", "wrong-type"],
        ["6", "fast", "quarantined", "too-fast"],
    ]
    with pytest.raises(Invalid, match="cannot be written"):
        write_rejects(judged, tmp_path / "absent" / "rejects.csv")
    held = next(judged.quarantined())
    assert (held.activity.account_id, held.activity.reference, held.activity.quantity_g) == (70, "fast", 2665)


def test_the_sample_says_it_is_synthetic_and_has_each_bad_kind_in_its_stated_share(tmp_path):
    def generate(*options):
        return subprocess.run([sys.executable, GENERATOR, *options], check=True, capture_output=True).stdout

    sample = generate("--rows", "1000", "--seed", "5")
    assert sample == generate("--rows", "1000", "--seed", "5") != generate("--rows", "1000")
    path = tmp_path / "sample.csv"
    path.write_bytes(sample)
    rows = list(csv.DictReader(sample.decode().splitlines()))
    assert list(rows[0]) == list(GOOD)
    assert all(row[name].startswith("SYNTHETIC-") for row in rows for name in ("orderid", "bikeid", "userid"))
    riders = {row["userid"]: number for number, row in enumerate(rows)}
    judged = _read(path, riders)
    made = ("malformed", "wrong-type", "repeated", "ends-before-start", "too-long", "outside-validity", "not-in-area")
    assert judged.refused_by_reason() == Counter(dict.fromkeys((*made, "no-reduction", "overlapping"), 5))
    assert judged.quarantined_by_reason() == {Reason.TOO_FAST: 5}
