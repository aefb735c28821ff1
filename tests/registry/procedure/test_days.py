"""Working days and dates in Shanghai."""

from datetime import UTC, date, datetime, timedelta

import pytest
from chinese_calendar import is_workday
from hypothesis import given
from hypothesis import strategies as st

from registry.clock import SHANGHAI, rfc3339
from registry.policies.first import YEARS
from registry.policies.policies import shipped_policy
from registry.procedure.days import end_of_working_days, valid_until
from registry.procedure.fields import Unreadable
from registry.procedure.values import Calendar, Points, Publicity, parse
from tests.support.decisions import CALENDAR, canonical, moment

YEAR = parse("calendar/2026", canonical(CALENDAR))


def calendar_of(year):
    return {2026: YEAR}.get(year)


@pytest.mark.parametrize(
    ("opened", "days", "end"),
    [
        ("2026-01-05 00:00", 5, "2026-01-13 00:00"),  # Monday to the Monday after
        ("2026-01-05 23:59", 5, "2026-01-13 00:00"),
        ("2026-01-10 12:00", 1, "2026-01-13 00:00"),  # a Saturday
        ("2026-02-12 09:00", 2, "2026-02-15 00:00"),  # Friday, and the Saturday that works
        ("2026-02-13 09:00", 2, "2026-02-25 00:00"),  # that Saturday, and the Tuesday after the holidays
        ("2026-02-14 09:00", 0, "2026-02-15 00:00"),
    ],
)
def test_the_day_that_opens_does_not_count_and_the_last_counts_whole(opened, days, end):
    assert end_of_working_days(moment(opened), days, calendar_of) == moment(end)


def test_a_year_without_a_calendar_is_told():
    with pytest.raises(Unreadable, match="the year 2027 has no calendar"):
        end_of_working_days(moment("2026-12-30 09:00"), 5, calendar_of)


DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@given(st.sets(DAYS, max_size=40), st.sets(DAYS, max_size=40), st.integers(0, 250 * 86_400), st.integers(0, 40))
def test_as_counted_on_fingers(holidays, workdays, seconds, number):
    calendar = Calendar(2026, frozenset(holidays - workdays), frozenset(workdays))
    at = moment("2026-01-01 00:00") + seconds * 1000
    first = datetime.fromtimestamp(at // 1000, UTC).astimezone(SHANGHAI).date()
    every = [first + timedelta(days=ahead) for ahead in range(1, (date(2026, 12, 31) - first).days + 1)]
    working = [day for day in every if day in workdays or (day.weekday() not in {5, 6} and day not in holidays)]
    last = [first, *working][number] if number <= len(working) else None
    if last is None:
        with pytest.raises(Unreadable):
            end_of_working_days(at, number, {2026: calendar}.get)
    else:
        assert end_of_working_days(at, number, {2026: calendar}.get) == moment(f"{last} 00:00") + 86_400_000


@pytest.mark.parametrize(
    ("at", "years", "end"),
    [
        ("2026-01-05 00:00", 2, "2028-01-05T15:59:59.999Z"),
        ("2026-01-04 23:59", 2, "2028-01-04T15:59:59.999Z"),
        ("2028-02-29 09:00", 1, "2029-02-28T15:59:59.999Z"),
        ("2028-02-29 09:00", 4, "2032-02-29T15:59:59.999Z"),
        ("2027-02-28 09:00", 1, "2028-02-28T15:59:59.999Z"),
        ("2096-02-29 09:00", 4, "2100-02-28T15:59:59.999Z"),
    ],
)
def test_points_end_with_the_same_date(at, years, end):
    assert rfc3339(valid_until(moment(at), years)) == end


@pytest.mark.parametrize("at", [moment("9998-06-01 00:00"), 253402300800000, 2**48 - 1])
def test_points_that_outlive_the_calendar_are_refused(at):
    with pytest.raises(Unreadable, match="beyond the year 9999"):
        valid_until(at, 2)


def test_values_that_rules_read():
    assert parse("points", '{"status":"illustrative","validity_years":2}') == Points(2)
    assert parse("publicity", '{"source":5}') == Publicity({"source": 5})
    assert parse("rides", "[1]") is None
    assert YEAR.works(date(2026, 2, 14))
    assert not YEAR.works(date(2026, 2, 16))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("points", [], "points is no object"),
        ("points", {"validity_years": 0}, "points lacks validity_years"),
        ("points", {"validity_years": True}, "points lacks validity_years"),
        ("points", {"validity_years": 2.5}, "points lacks validity_years"),
        ("publicity", {"sources": 5}, "publicity names 'sources', which is no record"),
        ("publicity", {"source": -1}, "publicity of source is no number of working days from 0 to 250"),
        ("calendar/26", CALENDAR, "calendar/26 is of no year"),
        ("calendar/2027", CALENDAR, "which is no day of 2027"),
        ("calendar/2026", {"holidays": []}, "workdays is no list of days"),
        ("calendar/2026", {"holidays": ["2026-02-30"], "workdays": []}, "holidays has '2026-02-30', which is no day"),
        ("calendar/2026", {"holidays": ["20260216"], "workdays": []}, "holidays has '20260216', which is no day"),
        ("calendar/2026", {"holidays": [1], "workdays": []}, "holidays has '1', which is no day"),
        (
            "calendar/2026",
            {"holidays": ["2026-02-16"], "workdays": ["2026-02-16"]},
            "2026-02-16 is a holiday and a working day",
        ),
        ("procedure/state", {}, "procedure/state names no record that has cases"),
        ("procedure/policy", {}, "the table lacks record"),
    ],
)
def test_a_value_that_a_rule_cannot_read_is_told(name, value, sentence):
    with pytest.raises(Unreadable, match=sentence):
        parse(name, canonical(value))


def test_every_calendar_that_others_keep_ships():
    """A year is announced in the November before it: whoever takes a newer library is told to ship it."""
    known = [year for year in range(YEARS[0], YEARS[0] + 10) if is_announced(year)]
    assert known == list(YEARS), "scripts/make-calendar YEAR writes the next one"


def is_announced(year):
    try:
        return is_workday(date(year, 1, 4)) in {True, False}
    except NotImplementedError:
        return False


@pytest.mark.parametrize("year", YEARS)
def test_the_calendars_that_ship_are_those_that_others_keep(year):
    shipped = parse(f"calendar/{year}", canonical(shipped_policy(f"calendar-{year}")))
    every = [date(year, 1, 1) + timedelta(days=ahead) for ahead in range(365)]
    assert [day for day in every if shipped.works(day) != is_workday(day)] == []
    assert every[-1] == date(year, 12, 31), "a leap year has a day more"
