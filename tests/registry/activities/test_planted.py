"""Every kind of file that a profile ships for, with faults planted in known numbers: each is found, and told."""

import gzip
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction

import pytest

from registry.activities.profiles.profile import Double, Gap
from registry.activities.profiles.shelf import find
from tests.support.activity_files import helsinki, norway, pv, sgsc
from tests.support.judging import judge, reasons, terms_for

HOME = {"tariff": "time-of-use", "in_a_persons_name": "true", "rooftop_pv": "false", "readings_a_day": "48"}


def _written(folder, text, *, packed=False):
    path = folder / "file.csv"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return path


def test_trips_that_name_nobody_are_issued_to_nobody_and_their_faults_are_told(tmp_path):
    text, rows, noticed = helsinki(1)
    judged = judge(_written(tmp_path, text), "helsinki-trips", {})
    assert (judged.rows, judged.rows_accepted, judged.quantity_g) == (rows, 0, 0)
    assert judged.noticed == noticed
    assert judged.refused_by_reason() == {"nobody-named": rows - 3, "missing": 3}


def test_sessions_with_commas_shared_users_overlaps_and_the_two_odd_hours(tmp_path):
    text, rows, refused = norway(2)
    path = _written(tmp_path, text)
    people = {f"{letter}-{number}": ord(letter) * 10 + number for letter in "ABC" for number in range(10)}
    people["Share-1"] = 1
    judged = judge(path, "norway-charging", people)
    assert judged.refused_by_reason() == refused
    assert judged.rows_accepted == rows - sum(refused.values())
    # 12.5 kWh / 0.15 kWh/km x 0.210 kg/km - 12.5 kWh x (0.42 + 0.02) kg/kWh
    assert {one.quantity_g for one in judged.activities} == {12_000}
    assert {one.subjects[0].kind for one in judged.activities} == {"pole"}
    assert not any(one.in_person for one in judged.activities)
    odd = replace(find("norway-charging"), gap=Gap.AS_BEFORE, double=Double.SECOND)
    answered = judge(path, "norway-charging", people, profiled=odd)
    assert answered.refused_by_reason() == {"missing": 4, "overlapping": 3, "shared-user": 9}
    minutes = [(one.ends_ms - one.starts_ms) // 60_000 for one in answered.activities if one.account_id >= 670]
    # From 01:10 and 01:11 to 02:30, which never was, and to 02:30 the second time.
    assert sorted(minutes) == [79, 80, 139, 140]


def test_readings_become_a_homes_months_by_its_own_past(tmp_path):
    text, rows, noticed = sgsc(3)
    attributes = {"household": [{"meter": meter, "from": "2012-01-01", **HOME} for meter in ("0010", "0020")]}
    path, people = _written(tmp_path, text, packed=True), {"0010": 1, "0020": 2}
    judged = judge(path, "sgsc-meters", people, attributes=attributes)
    assert (judged.rows, judged.noticed) == (rows, noticed)
    assert judged.quarantined_by_reason() == {"standing-still": 30}
    assert set(judged.refused_by_reason()) == {"not-enough-days", "no-reduction"}
    (month,) = judged.activities
    assert (month.reference, month.account_id, month.quantity_g) == ("0010/2013-03", 1, _saved(text))
    # Days are Shanghai's, two hours later: the last of the month has four half-hours less, and is not complete.
    assert judged.rows_accepted == 31 * 48 - 4
    again = judge(path, "sgsc-meters", people, attributes=attributes, reported=[month.reference])
    assert (len(again.activities), again.refused_by_reason()["already-issued"]) == (0, judged.rows_accepted)
    busy = ((), [(0, "0010", month.ends_ms - 1, month.ends_ms)])
    overlapped = judge(path, "sgsc-meters", people, attributes=attributes, busy=busy)
    assert len(overlapped.activities) == 0, "whoever reports a meter's time a second time"
    early = terms_for("residential-electricity", issued=date(2013, 12, 31))
    running = judge(path, "sgsc-meters", people, attributes=attributes, terms=early)
    assert (len(running.activities), running.refused_by_reason()["not-settled"]) == (0, judged.rows_accepted)
    assert (judged.provisional, running.provisional) == ((0, 0), (1, month.quantity_g)), "told, and issued to nobody"


def _saved(text):
    """What 30 complete days of March 2013 saved against the daily mean of March 2012, by hand."""
    used = {2012: Fraction(0), 2013: Fraction(0)}
    for line in text.splitlines()[1:]:
        meter, at, kwh = line.split(",")
        day = datetime.fromisoformat(at) - timedelta(hours=2)
        if meter == "0010" and day.month == 3 and (day.year, day.day) != (2013, 31):
            used[day.year] += Fraction(kwh)
    return int((used[2012] * 30 / 31 - used[2013]) * 420)


def test_power_becomes_energy_and_what_is_below_zero_at_night_counts_as_none(tmp_path):
    text, rows, below, milliwatts = pv(4)
    plant = {"plant": [{"meter": "serf-east", "from": "2010-01-01", "capacity": "0.01", "connected": "2010-01-01"}]}
    judged = judge(_written(tmp_path, text), "pv-power", {"serf-east": 5}, attributes=plant)
    assert (judged.rows, judged.rows_accepted, judged.noticed) == (rows, rows, {"negatives": below})
    (july,) = judged.activities
    # A quarter of an hour of each, down to the millionth of a kWh, x 0.42 kg/kWh.
    assert abs(july.quantity_g - milliwatts * 420 // 4_000_000) <= 1
    assert july.reference == "serf-east/2016-07"


@pytest.mark.parametrize("flag", ["True", "False", "stale"])
def test_flags_of_the_platform_keep_a_reading_from_counting(tmp_path, flag):
    lines = ["timestamp,value_normalized,stale_data_mask"]
    lines += [f"2016-07-01 {hour:02}:00:00+00:00,0.{hour + 10},{flag if hour == 4 else 'False'}" for hour in range(8)]
    plant = {"plant": [{"meter": "inverter-2173", "from": "2010-01-01", "capacity": "0.01", "connected": "2010-01-01"}]}
    judged = judge(_written(tmp_path, "\n".join(lines)), "pv-flagged", {"inverter-2173": 5}, attributes=plant)
    assert reasons(judged) == {"True": {6: "flagged"}, "False": {}, "stale": {6: "wrong-type"}}[flag]
    assert judged.quantity_g == sum(10 + hour for hour in range(8) if flag == "False" or hour != 4) * 420 // 400
