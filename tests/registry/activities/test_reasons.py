"""Every row that must be refused, for the reason it must be refused for."""

import pytest

from registry.activities.judgement.reasons import QUARANTINE, Limits, Reason, sentence, unmet
from tests.support.judging import accepted_rows, judge, reasons, terms_for
from tests.support.rides import GOOD, SCENARIO, ride_line, write_rides

FAR = {"end_location_x": "121.814"}
BACK = {"end_location_x": GOOD["start_location_x"], "end_location_y": GOOD["start_location_y"]}

CASES = {
    "a good ride": ({}, None),
    "as floats print": ({"start_location_x": "121.51899999999999", "end_location_y": "31.304000000000002"}, None),
    "trailing zeros lost": ({"start_location_x": "121.5", "end_location_y": "31.3"}, None),
    "with seconds": ({"start_time": "2016-08-19 21:41:30"}, None),
    "no track": ({"track": ""}, None),
    "a track of junk": ({"track": "=cmd|' /C calc'!A0"}, None),
    "empty order": ({"orderid": ""}, "missing"),
    "an order that is a formula": ({"orderid": "=1+1"}, "wrong-type"),
    "an order too long": ({"orderid": "1" * 65}, "wrong-type"),
    "empty rider": ({"userid": ""}, "missing"),
    "a rider with a space": ({"userid": " 7"}, "wrong-type"),
    "a bicycle in other letters": ({"bikeid": "自行车"}, "wrong-type"),
    "a place that is a word": ({"start_location_x": "east"}, "wrong-type"),
    "a place that is no number": ({"start_location_x": "nan"}, "wrong-type"),
    "an infinite place": ({"end_location_y": "inf"}, "wrong-type"),
    "a place in scientific notation": ({"end_location_y": "3.1e1"}, "wrong-type"),
    "a place with a comma": ({"end_location_y": "31,3"}, "wrong-type"),
    "a place in full-width digits": ({"end_location_y": "\uff13\uff11.3"}, "wrong-type"),
    "a time that is a word": ({"start_time": "noon"}, "wrong-type"),
    "a day that does not exist": ({"start_time": "2016-02-30 10:00"}, "wrong-type"),
    "an hour that does not exist": ({"end_time": "2016-08-19 24:00"}, "wrong-type"),
    "another format of time": ({"start_time": "19/08/2016 21:41"}, "wrong-type"),
    "a leap second": ({"end_time": "2016-12-31 23:59:60"}, "wrong-type"),
    "a time in the far future": (
        {"start_time": "2999-12-31 23:40", "end_time": "2999-12-31 23:59"},
        "outside-validity",
    ),
    "a time beyond four digits": ({"end_time": "12016-08-19 22:01"}, "wrong-type"),
    "a time in full-width digits": ({"end_time": "\uff12\uff1016-08-19 22:01"}, "wrong-type"),
    "a fraction of a second": ({"end_time": "2016-08-19 22:01:00.5"}, "wrong-type"),
    "a time with a zone": ({"end_time": "2016-08-19 22:01Z"}, "wrong-type"),
    "a month that does not exist": ({"end_time": "2016-00-19 22:01"}, "wrong-type"),
    "a time before all calendars": ({"start_time": "1000-01-01 00:00"}, "too-long"),
    "a place with a sign": ({"start_location_x": "+121.522"}, "wrong-type"),
    "a place in hexadecimal": ({"start_location_x": "0x79"}, "wrong-type"),
    "a place that is nothing but a sign": ({"start_location_x": "-"}, "wrong-type"),
    "a place that rounds beyond three digits": ({"start_location_x": "999.9999999"}, "out-of-range"),
    "a place of minus nothing": ({"start_location_x": "-0"}, "not-in-area"),
    "a place of twenty decimals": ({"start_location_x": "121.52200000000000000000"}, None),
    "a place of more": ({"start_location_x": "121.522000000000000000000"}, "wrong-type"),
    "a track with a line break and a ride": ({"track": "here\n" + ride_line({"orderid": "inside"}) + "\n"}, None),
    "a track in other spaces and letters": ({"track": "轨\u3000迹\xa0\u200d\t\U000323af"}, None),
    "a time with an offset": ({"start_time": "2016-08-19T21:41:00+08:00"}, "wrong-type"),
    "ends before it starts": ({"end_time": "2016-08-19 21:40"}, "ends-before-start"),
    "ends as it starts": ({"end_time": "2016-08-19 21:41"}, "ends-before-start"),
    "six hours": ({"end_time": "2016-08-20 03:41"}, None),
    "more than six hours": ({"end_time": "2016-08-20 03:42"}, "too-long"),
    "before the scenario": ({"start_time": "2015-12-31 23:50", "end_time": "2016-01-01 00:10"}, "outside-validity"),
    "from its first minute": ({"start_time": "2016-01-01 00:00", "end_time": "2016-01-01 00:10"}, None),
    "to its last minute": ({"start_time": "2017-12-31 23:50", "end_time": "2018-01-01 00:00"}, None),
    "beyond its end": ({"start_time": "2017-12-31 23:50", "end_time": "2018-01-01 00:01"}, "outside-validity"),
    "in Beijing": ({"end_location_x": "116.397", "end_location_y": "39.908"}, "not-in-area"),
    "where no place is": ({"start_location_x": "999.999", "start_location_y": "-999.999"}, "out-of-range"),
    "longitude and latitude swapped": ({"start_location_x": "31.289", "start_location_y": "121.522"}, "not-in-area"),
    "28 km in 20 minutes": (FAR, "too-fast"),
    "28 km in an hour": (FAR | {"end_time": "2016-08-19 22:41"}, None),
    "back where it began": (BACK, "no-reduction"),
    "one cell away": (BACK | {"end_location_x": "121.523"}, "no-reduction"),
    "not consented": ({"userid": "stranger"}, "not-consented"),
    "an order issued before": ({"orderid": "issued"}, "already-issued"),
    "a first bad reason": ({"userid": "stranger", "end_time": "2016-08-19 21:40"}, "not-consented"),
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """All cases in one file, each by another rider and under another order number; reasons by name."""
    rides = [
        {"orderid": f"order-{number}", "userid": f"rider-{number}", "bikeid": f"bike-{number}"} | changes
        for number, (changes, _) in enumerate(CASES.values())
    ]
    path = write_rides(tmp_path_factory.mktemp("cases") / "rides.csv", rides)
    riders = {f"rider-{number}": number for number in range(len(CASES))}
    judged = judge(path, "shanghai-rides", riders, SCENARIO, reported=["issued"])
    assert judged.rows == len(CASES)
    found = dict.fromkeys(accepted_rows(judged)) | reasons(judged)
    return {name: found[row] for name, row in zip(CASES, sorted(found), strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_a_row_is_judged_for_its_first_reason(judged, name):
    assert judged[name] == CASES[name][1]


def _read(path, **more):
    return judge(path, "shanghai-rides", {"7": 70, "seven": 70, "8": 80}, SCENARIO, **more)


def _at(order, start, end, user="7", bike=None):
    times = {"start_time": f"2016-08-19 {start}", "end_time": f"2016-08-19 {end}"}
    return {"orderid": order, "userid": user, "bikeid": bike or f"bike-{order}"} | times


def test_a_repeated_order_yields_to_the_row_that_had_it_first_even_a_bad_one(tmp_path):
    rides = [_at("1", "08:00", "07:00"), _at("1", "09:00", "09:30"), _at("2", "10:00", "10:30")]
    batch = _read(write_rides(tmp_path / "rides.csv", rides))
    assert reasons(batch) == {2: Reason.ENDS_BEFORE_START, 3: Reason.REPEATED}
    assert list(batch.refused())[1].said.en == "It is the same record as row 2."


def test_overlaps_are_judged_by_person_not_by_platform_user_or_order_in_the_file(tmp_path):
    rides = [
        _at("1", "09:20", "09:40"),
        _at("2", "09:00", "09:30", user="seven"),
        _at("3", "09:10", "09:20", user="8"),
        _at("4", "09:30", "09:50"),
    ]
    batch = _read(write_rides(tmp_path / "rides.csv", rides))
    assert accepted_rows(batch) == [3, 4, 5]
    assert reasons(batch) == {2: Reason.OVERLAPPING}
    assert "row 3" in next(batch.refused()).said.en


def test_two_people_on_one_bicycle_at_once_are_one_ride(tmp_path):
    rides = [
        _at("1", "09:20", "09:40", user="8", bike="b"),
        _at("2", "09:00", "09:30", bike="b"),
        _at("3", "09:40", "09:50", user="8", bike="b"),
        _at("4", "09:20", "09:30", user="8", bike="c"),
    ]
    batch = _read(write_rides(tmp_path / "rides.csv", rides))
    assert accepted_rows(batch) == [3, 4, 5], "what was refused is in nobody's way"
    assert reasons(batch) == {2: Reason.OVERLAPPING}
    assert "row 3" in next(batch.refused()).said.en


def test_a_refused_ride_is_in_nobodys_way(tmp_path):
    rides = [_at("1", "01:00", "09:00"), _at("2", "08:00", "08:20")]
    batch = _read(write_rides(tmp_path / "rides.csv", rides))
    assert accepted_rows(batch) == [3]


def test_what_was_issued_under_any_scenario_is_not_issued_again(tmp_path):
    path = write_rides(tmp_path / "rides.csv", [_at("1", "09:00", "09:30"), _at("2", "10:00", "10:30")])
    first = _read(path).activities
    spans = [(70, first[0].starts_ms + 60_000, first[0].ends_ms - 60_000)]
    assert reasons(_read(path, busy=(spans,))) == {2: Reason.ALREADY_ISSUED}
    touching = [(70, first[0].ends_ms, first[1].starts_ms)]
    assert reasons(_read(path, busy=(touching,))) == {}
    bicycles = [(0, first[0].subjects[0].name.partition("/")[2] or "bike-1", *spans[0][1:])]
    assert reasons(_read(path, busy=((), bicycles))) == {2: Reason.ALREADY_ISSUED}
    again = _read(path, reported=["1", "2"])
    assert (len(again.activities), again.refused_by_reason()) == (0, {Reason.ALREADY_ISSUED: 2})


@pytest.mark.parametrize("reason", [*Reason, unmet("in_area")])
def test_each_reason_is_told_in_both_languages_with_what_to_do(reason):
    said = sentence(reason, "start_time", Limits(360, "30", 40, 10), terms_for("shared-bicycle").program)
    assert said.en.endswith(".")
    assert said.zh.endswith("。")
    assert "{" not in said.en + said.zh
    assert ("appealed" in said.en, "申诉" in said.zh) == ((reason in QUARANTINE),) * 2


def test_a_line_that_is_no_row_is_refused_and_spoils_no_other(tmp_path):
    header, first = ride_line({}), ride_line({"orderid": "1"})
    last = ride_line({"orderid": "2", "userid": "8", "bikeid": "10"})
    junk = [
        b"1,2,3",
        b'"a line\nbreak",' + b"x" * 100,
        first.encode() + b",more",
        b"\x00" * 10,
        b"\xff\xfe,\x80",
        b"9" * 200_000,
    ]
    header = ",".join(GOOD)
    path = tmp_path / "rides.csv"
    path.write_bytes(b"\n".join([header.encode(), first.encode(), *junk, b"", last.encode()]))
    batch = _read(path)
    assert accepted_rows(batch) == [2, 11]
    assert reasons(batch) == dict.fromkeys((3, 4, 6, 7, 8, 9), "malformed")
    assert (
        next(batch.refused()).said.en == "The line has 3 values where the header names 10. Mend it and report it again."
    )
