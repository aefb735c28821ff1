"""The batch as a whole: against a naive model, its digests, its sums, its rejects file, and the synthetic sample."""

import csv
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from registry.activities.rides.reasons import Reason
from registry.activities.rides.rides import Batch, Issued, Reject, Spans, read_rides, write_rejects
from registry.errors import Invalid
from registry.methodologies.shelf import find
from registry.policies.rides import RidePolicy
from tests.support.rides import GOOD, SCENARIO, only, write_rides

GENERATOR = Path(__file__).parents[4] / "scripts" / "make-sample-rides"
START = datetime(2016, 8, 19, 8, tzinfo=UTC)
"""In Beijing's clock; the file has no offset."""

_rides = st.lists(
    st.tuples(
        st.integers(1, 25), st.sampled_from("abc"), st.integers(0, 120), st.integers(-5, 40), st.sampled_from("xyz")
    ),
    max_size=30,
)
_known = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 120), st.integers(1, 30)), max_size=4)


def _read(path, backend, riders, known=()):
    issued = Issued(find_orders=only("25"), find_spans=lambda _: Spans([(a, _ms(s), _ms(s + n)) for a, s, n in known]))
    return read_rides(
        path,
        find("shared-bicycle"),
        SCENARIO,
        RidePolicy.shipped(),
        consented=riders,
        issued=date(2016, 9, 1),
        known=issued,
        backend=backend,
    )


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
            reasons[row] = "repeated-order"
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
    max_examples=12,
    phases=[Phase.reuse, Phase.generate],  # an example takes half a second: shrinking would take minutes
)
@given(_rides, _known)
def test_judges_as_a_naive_model_does(backend, rides, known):
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
        batch = _read(write_rides(Path(folder) / "rides.csv", lines), backend, riders, known)
    assert {reject.row: reject.reason.value for reject in batch.rejects} == _naively(rides, riders, known)
    for ride in batch.accepted:
        _, user, start, length, _ = rides[ride.row - 2]
        assert (ride.account_id, ride.starts_at_ms, ride.ends_at_ms) == (riders[user], _ms(start), _ms(start + length))
        assert (ride.distance_m, ride.quantity_g) == (1990, 193)


def test_sums_and_digests_can_be_had_again_by_hand(tmp_path, backend):
    rides = [
        {},
        {"orderid": "2", "start_time": "2016-08-20 08:00", "end_time": "2016-08-20 08:30"},
        {"orderid": "3", "userid": "8", "bikeid": "10", "end_location_y": "31.300"},
    ]
    path = write_rides(tmp_path / "rides.csv", rides)
    batch = _read(path, backend, {"7": 70, "8": 80})
    assert [ride[5:] for ride in batch.accepted] == [
        (1471614060000, 1471615260000, 1990, 193),
        (1471651200000, 1471653000000, 1990, 193),
        (1471614060000, 1471615260000, 1286, 124),
    ]
    assert batch.input_sha256 == sha256(path.read_bytes()).digest()
    assert batch.quantity_g == 510


def test_the_batch_does_not_depend_on_which_engine_was_lent(tmp_path, backend):
    path = write_rides(tmp_path / "rides.csv", [{}, {"orderid": "2"}])
    assert _read(path, None, {"7": 70}) == _read(path, backend, {"7": 70})


def test_rejects_are_quoted_and_run_nothing_in_a_spreadsheet(tmp_path, backend):
    rides = [{"orderid": order} for order in ("=cmd|' /C calc'!A0", '@x"y', "-1+1", "订单,一")]
    batch = _read(write_rides(tmp_path / "rides.csv", rides), backend, {"7": 70})
    target = tmp_path / "rejects.csv"
    write_rejects(batch, target)
    with target.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["row", "orderid", "reason", "sentence"]
    assert [row[:3] for row in rows[1:]] == [
        ["2", "'=cmd|' /C calc'!A0", "wrong-type"],
        ["3", "'@x\"y", "wrong-type"],
        ["4", "'-1+1", "wrong-type"],
        ["5", "订单,一", "wrong-type"],
    ]


def test_rejects_that_cannot_be_written_are_an_error_with_a_sentence(tmp_path):
    batch = Batch((), (Reject(2, "1", Reason.OVERLAPPING, "It overlaps."),), b"")
    with pytest.raises(Invalid, match="cannot be written"):
        write_rejects(batch, tmp_path / "absent" / "rejects.csv")


def test_a_methodology_that_cannot_be_computed_is_refused_before_the_file_is_read(tmp_path, backend):
    for key in ("bus", "distributed-pv", "residential-electricity"):
        with pytest.raises(Invalid, match="is not computed from start_x"):
            read_rides(
                tmp_path / "absent.csv",
                find(key),
                SCENARIO,
                RidePolicy.shipped(),
                consented={},
                issued=date(2016, 9, 1),
                backend=backend,
            )


def test_the_sample_says_it_is_synthetic_and_has_each_bad_kind_in_its_stated_share(tmp_path, backend):
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
    found = _read(path, backend, riders).rejected_by_reason()
    made = set(Reason) - {Reason.NOT_CONSENTED, Reason.ALREADY_ISSUED}
    assert found == Counter(dict.fromkeys(made, 5))
