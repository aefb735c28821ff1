"""Times that are sent: as RFC 3339 has them, whichever of its ways a client's library writes."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.door.times import read_time, shown_time
from registry.errors import Invalid

OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
FROM, UNTIL = datetime(1970, 1, 3), datetime(9998, 1, 1)  # noqa: DTZ001  (the zone is given beside)


@given(st.datetimes(FROM, UNTIL, timezones=OFFSETS))
def test_a_time_is_read_at_any_offset_with_its_milliseconds(moment):
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    milliseconds = (whole - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert read_time(whole.isoformat()) == milliseconds
    assert read_time(shown_time(milliseconds)) == milliseconds


@pytest.mark.parametrize("text", [
    "2027-01-01", "2027-01-01T00:00:00", "2027-01-01 00:00:00Z", "2027-02-30T00:00:00Z", "2027-01-01T24:00:00Z",
    "2027-01-01T00:00:00.1234Z", "2027-01-01T00:00:00.Z", "2027-01-01T00:00:00+24:00", "1969-12-31T23:59:59.999Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-00:01", "٢٠٢٧-01-01T00:00:00Z", "2027-01-01T00:00:00Z\n", "",
])  # fmt: skip
def test_what_is_no_time_is_refused_in_a_sentence(text):
    with pytest.raises(Invalid, match="A time is from 1970 on"):
        read_time(text)
