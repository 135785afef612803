"""Dates, times, shares and untrusted text as the pages show them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reports.formatting import (
    format_date_time,
    format_long_date_time,
    format_percent,
    format_time,
    join_words,
    time_left,
    visible_text,
)
from tests.reports import samples

WINTER = datetime(2027, 1, 4, 15, 5, tzinfo=UTC)


def test_dates_and_times_are_american():
    chicago = ZoneInfo("America/Chicago")
    assert format_date_time(WINTER, chicago) == "Jan 4, 2027, 9:05 AM CST"
    assert format_long_date_time(WINTER, chicago) == "Monday, January 4, 2027, 9:05 AM CST"
    assert format_time(WINTER + timedelta(days=180), chicago) == "10:05 AM CDT"


@pytest.mark.parametrize(
    ("hour", "text"), [(0, "12:00 AM UTC"), (11, "11:00 AM UTC"), (12, "12:00 PM UTC"), (23, "11:00 PM UTC")]
)
def test_midnight_and_noon_are_twelve(hour, text):
    assert format_time(datetime(2027, 1, 4, hour, tzinfo=UTC), ZoneInfo("UTC")) == text


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Pacific/Honolulu", "5:05 AM HST"),
        ("America/Sao_Paulo", "12:05 PM UTC-03"),
        ("Asia/Shanghai", "11:05 PM Shanghai time"),
        ("Europe/London", "3:05 PM London time"),
        ("Etc/GMT-6", "9:05 PM UTC+06"),
    ],
)
def test_an_abbreviation_that_could_mean_another_time_is_not_shown(zone, text):
    assert format_time(WINTER, ZoneInfo(zone)) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(days=42), "in 42 days"),
        (timedelta(hours=47), "in 47 hours"),
        (timedelta(hours=1), "in 1 hour"),
        (timedelta(minutes=59), "within the hour"),
        (timedelta(), "already past"),
    ],
)
def test_time_left(span, text):
    assert time_left(samples.NOW + span, samples.NOW) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "0%"),
        (0, 9, "0%"),
        (9, 9, "100%"),
        (1, 10_000, "<0.1%"),
        (9999, 10_000, ">99.9%"),
        (46, 1200, "3.8%"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(part, whole, text):
    assert format_percent(part, whole) == text


@pytest.mark.parametrize(("words", "text"), [("a", "a"), ("ab", "a and b"), ("abc", "a, b, and c")])
def test_words_are_joined_with_a_serial_comma(words, text):
    assert join_words(words) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("nul\x00", "nul␀"),
        ("\u202eabc", "[U+202E]abc"),
        ("a\u200bb", "a[U+200B]b"),
        ("x" * 21, "x" * 19 + "…"),
        ("ümlaut 中", "ümlaut 中"),
        ("\U000e0041", "[U+E0041]"),
    ],
)
def test_untrusted_text_is_made_visible_and_cut(text, shown):
    assert visible_text(text, 20) == shown
