"""What is said about times in other forms than the one that is read, and which time is suggested."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.manifest.times.other_times import explain_time
from schemas.manifest.times.time_zones import load_zone, zone_names
from schemas.manifest.times.written_times import read_time

CHICAGO = load_zone("America/Chicago")
UNDER_TIMEZONE = "write the time zone under schedule.timezone, or its UTC offset after the time"


@pytest.mark.parametrize(
    ("written", "reason", "suggestion"),
    [
        ("2030-02-30T09:00", "February 2030 has 28 days", None),
        ("2030-13-01T09:00", "there is no month 13", None),
        ("2030-01-07T25:00", "hours go from 00 to 23", None),
        ("2030-01-07T24:01", "hours go from 00 to 23", None),
        ("2030-01-07T09:60", "minutes and seconds go from 00 to 59", None),
        ("2030-01-07T23:59:60", "minutes and seconds go from 00 to 59", None),
        ("1999-12-31T09:00", "years go from 2000 to 2199", None),
        ("2200-01-01T00:00", "years go from 2000 to 2199", None),
        ("2030-12-31T24:00", "24:00 is 00:00 of the next day", "2031-01-01T00:00"),
        ("2030-01-07T24:00:00", "24:00 is 00:00 of the next day", "2030-01-08T00:00"),
        ("2199-12-31T24:00", "24:00 is 00:00 of the next day", None),
        ("2030-01-07 9:00 AM", "write 09:00, on the 24-hour clock", "2030-01-07T09:00"),
        ("2030-01-07 09:00:30 p.m.", "write 21:00, on the 24-hour clock", "2030-01-07T21:00:30"),
        ("2030-01-07T9pm", "write 21:00, on the 24-hour clock", "2030-01-07T21:00"),
        ("2030-01-07 12:00 AM", "write 00:00, on the 24-hour clock", "2030-01-07T00:00"),
        ("2030-01-07 12:00 PM", "write 12:00, on the 24-hour clock", "2030-01-07T12:00"),
        ("2030-01-07 15:00 PM", "write 15:00, on the 24-hour clock", "2030-01-07T15:00"),
        ("2030-01-07 15:00 AM", "the hour does not fit AM or PM", None),
        ("01/25/2030 9:00 PM", "write 21:00, on the 24-hour clock", "2030-01-25T21:00"),
        ("25.01.2030 09:00", "write 2030-01-25T09:00", "2030-01-25T09:00"),
        ("01/01/2030 09:00", "write 2030-01-01T09:00", "2030-01-01T09:00"),
        ("01/07/2030 9:00 AM", "01/07/2030 can be 2030-01-07 or 2030-07-01", None),
        ("13/13/2030 09:00", "there is no month 13", None),
        ("01/25/30 09:00", "the year must have four digits", None),
        ("January 7, 2030 9:00 AM", "write 09:00, on the 24-hour clock", "2030-01-07T09:00"),
        ("7 Jan 2030 at 09:00", "write 2030-01-07T09:00", "2030-01-07T09:00"),
        ("Mon, 07 Jan 2030 09:00:00 -0600", "write 2030-01-07T09:00-06:00", "2030-01-07T09:00-06:00"),
        ("Tuesday, January 7, 2030 09:00", "2030-01-07 is a Monday", None),
        ("7 Foo 2030 09:00", 'there is no month "foo"', None),
        ("2030-01-07", "a time must follow the date, as in 2030-01-07T09:00", None),
        ("01/25/2030", "a time must follow the date, as in 2030-01-25T09:00", None),
        ("09:00", "the date is missing, as in 2027-01-04T09:00", None),
        ("9:00 AM", "the date is missing, as in 2027-01-04T09:00", None),
        ("20300107T0900", "write 2030-01-07T09:00", "2030-01-07T09:00"),
        ("20300107090000", "write 2030-01-07T09:00", "2030-01-07T09:00"),
        ("2030-1-7T9:00", "write 2030-01-07T09:00", "2030-01-07T09:00"),
        ("2030/01/07 09:00", "write 2030-01-07T09:00", "2030-01-07T09:00"),
        ("2030-01-07t09:00", "write 2030-01-07T09:00", "2030-01-07T09:00"),
        ("2030-W02-1T09:00", "write 2030-01-07T09:00", "2030-01-07T09:00"),
        ("2030-W60-1T09:00", "the year has no such day", None),
        ("2030-007T09:00", "write 2030-01-07T09:00", "2030-01-07T09:00"),
        ("2030-01-07T09:00:00,000", "write 2030-01-07T09:00", "2030-01-07T09:00"),
        ("2030-01-07T09:00:00.5", "leave out the fraction of a second", "2030-01-07T09:00"),
        ("2030-01-07T09:00-6", "write 2030-01-07T09:00-06:00", "2030-01-07T09:00-06:00"),
        (
            "2030-01-07T09:00−06:00",
            'it has a minus sign (U+2212) instead of "-" at position 17',
            "2030-01-07T09:00-06:00",
        ),
        ("2030-01-07T09:00 GMT-6", "write 2030-01-07T09:00-06:00", "2030-01-07T09:00-06:00"),
        ("2030-01-07T09:00 GMT-5", "write 2030-01-07T09:00-05:00", None),  # not the offset in Chicago
        ("2030-01-07T09:00+15:00", "it does not end in a UTC offset such as -06:00", None),
        ("2030-01-07T09:00 America/Chicago", UNDER_TIMEZONE, "2030-01-07T09:00-06:00"),
        ("2030-01-07T09:00-06:00[America/Chicago]", UNDER_TIMEZONE, "2030-01-07T09:00-06:00"),
        ("2030-01-07T09:00-05:00[America/Chicago]", UNDER_TIMEZONE, None),
        ("2030-01-07T09:00+00:00[America/Chicago]", UNDER_TIMEZONE, None),
        ("2030-01-07T09:00 CST", UNDER_TIMEZONE, "2030-01-07T09:00-06:00"),
        ("2030-07-08T09:00 CST", UNDER_TIMEZONE, None),  # literally 10:00 in Chicago
        ("Mon Jan 07 2030 09:00:00 GMT-0600 (Central Standard Time)", UNDER_TIMEZONE, "2030-01-07T09:00-06:00"),
        ("2030-01-07T09:00 sharp", UNDER_TIMEZONE, None),
        ("1893456000", "it is a Unix timestamp; write a date and a time", "2029-12-31T18:00-06:00"),
        ("1893456000000", "it is a Unix timestamp; write a date and a time", "2029-12-31T18:00-06:00"),
        (
            "2030\u201101-07T09:00",
            'it has a non-breaking hyphen (U+2011) instead of "-" at position 5',
            "2030-01-07T09:00",
        ),
        ("2030-01-07\u00a009:00", "it has a no-break space (U+00A0) at position 11", "2030-01-07T09:00"),
        ("٢٠٣٠-٠١-٠٧T٠٩:٠٠", "use the digits 0 to 9", "2030-01-07T09:00"),
        ("03/14/2027 2:30 AM", "write 02:30, on the 24-hour clock", None),  # the clocks skip it in Chicago
    ],
)
def test_a_time_in_another_form(written, reason, suggestion):
    assert read_time(written) is None
    found = explain_time(written, CHICAGO)
    assert (found.reason, found.suggestion) == (reason, suggestion)


@pytest.mark.parametrize(
    ("written", "suggestion"),
    [
        ("2030-01-07T09:00z", "2030-01-07T09:00Z"),
        ("2030-01-07 09:00 UTC", "2030-01-07T09:00Z"),
        ("1893456000", "2030-01-01T00:00Z"),
        ("2030-07-08T09:00 EDT", "2030-07-08T09:00-04:00"),
        ("03/14/2027 2:30 AM", "2027-03-14T02:30"),
    ],
)
def test_without_a_zone_any_offset_is_possible(written, suggestion):
    assert explain_time(written, None).suggestion == suggestion


@pytest.mark.parametrize("written", ["tomorrow", "noon", "", "-", "2027", "12345", "x" * 200, "2" * 101, "1st of May"])
def test_a_text_that_does_not_look_like_a_time(written):
    assert explain_time(written, CHICAGO) is None


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
FIRST, LAST = datetime.fromisoformat("2000-01-02"), datetime.fromisoformat("2199-12-30")
TIMES = st.datetimes(FIRST, LAST, timezones=st.none() | st.just(UTC) | OFFSETS)
FORMS = (
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %I:%M:%S %p %z",
    "%Y%m%dT%H%M%S%z",
    "%B %d, %Y %H:%M:%S %z",
    "%d %b %Y %H:%M:%S%z",
)


@given(TIMES.map(lambda time: time.replace(microsecond=0)), st.sampled_from(FORMS))
def test_a_suggestion_is_the_time_that_was_written(time, form):
    written = time.strftime(form)
    read = read_time(written)
    if read is None:
        read = read_time(explain_time(written, None).suggestion)
    assert (read, read.utcoffset()) == (time, time.utcoffset())


@given(
    st.text("0123456789-/:. TtZzAPMapm+,WJan", max_size=30) | TIMES.map(lambda time: f"{time:%m/%d/%Y %I:%M %p}"),
    st.none() | st.sampled_from(sorted(zone_names())).map(load_zone),
)
def test_a_suggestion_can_always_be_read_in_its_zone(written, zone):
    found = explain_time(written, zone)
    if found and found.suggestion:
        time = read_time(found.suggestion)
        assert time is not None
        offsets = {time.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)} if zone else set()
        assert zone is None or (time.utcoffset() in offsets if time.tzinfo else len(offsets) == 1)
