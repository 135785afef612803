"""Parsing times and time zones, and the rules about them."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.manifest import schedule, time_zones, yaml_tree
from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.section import Section
from schemas.manifest.yaml_tree import YamlMapping


def parse(start: str = "2027-01-04T09:00", end: str = "2199-12-31T23:59", timezone: str | None = "America/Chicago"):
    """The parsed schedule, and its findings."""
    yaml = f"start: '{start}'\nend: '{end}'\n" + (f"timezone: '{timezone}'\n" if timezone else "")
    tree, findings = yaml_tree.parse_yaml(yaml.encode(), max_bytes=1000), FindingCollector(per_rule=10)
    assert isinstance(tree, YamlMapping)
    parsed = schedule.parse_schedule(Section(tree, "schedule", findings, schedule.SCHEDULE_KEYS))
    return parsed, [(finding.rule, finding.path, finding.suggestion) for finding in findings.kept_findings]


@pytest.mark.parametrize(
    ("written", "timezone", "utc"),
    [
        ("2027-01-04T09:00", "America/Chicago", "2027-01-04T15:00"),
        ("2027-07-04T09:00", "America/Chicago", "2027-07-04T14:00"),
        ("2027-01-04 09:00", "America/Chicago", "2027-01-04T15:00"),
        (" 2027-01-04T09:00 ", "America/Chicago", "2027-01-04T15:00"),
        ("2027-01-04T09:00:30", "Pacific/Guam", "2027-01-03T23:00:30"),
        ("2027-01-04T09:00Z", None, "2027-01-04T09:00"),
        ("2027-01-04T09:00:00 Z", None, "2027-01-04T09:00"),
        ("2027-01-04T09:00-06:00", "America/Chicago", "2027-01-04T15:00"),
        ("2027-01-04T09:00-0600", None, "2027-01-04T15:00"),
        ("2027-01-04T09:00+05:45", "Asia/Kathmandu", "2027-01-04T03:15"),
        ("2027-01-04T09:00+14:00", None, "2027-01-03T19:00"),
        ("2028-02-29T00:00", "UTC", "2028-02-29T00:00"),
        ("2100-07-01T09:00", "America/New_York", "2100-07-01T13:00"),
        ("2000-01-01T00:00+14:00", None, "1999-12-31T10:00"),
        # With an offset, an hour that the clocks skip or repeat is a definite instant.
        ("2027-03-14T02:30-06:00", "America/Chicago", "2027-03-14T08:30"),
        ("2027-03-14T02:30-05:00", "America/Chicago", "2027-03-14T07:30"),
        ("2027-11-07T01:30-05:00", "America/Chicago", "2027-11-07T06:30"),
        ("2027-11-07T01:30-06:00", "America/Chicago", "2027-11-07T07:30"),
        # Arizona has no daylight saving time, and Lord Howe moves its clocks by half an hour.
        ("2027-03-14T02:30", "America/Phoenix", "2027-03-14T09:30"),
        ("2027-07-04T09:00", "Australia/Lord_Howe", "2027-07-03T22:30"),
    ],
)
def test_a_time_is_parsed_to_an_instant(written, timezone, utc):
    parsed, found = parse(start=written, end="2199-12-31T23:59" + ("" if timezone else "Z"), timezone=timezone)
    assert (parsed.start, found) == (datetime.fromisoformat(utc).replace(tzinfo=UTC), [])


@pytest.mark.parametrize(
    "written",
    [
        *(
            "2027-01-04",
            "09:00",
            "2027-1-4T9:00",
            "2027-01-04T9:00",
            "04.01.2027 09:00",
            "01/04/2027 09:00",
            "tomorrow",
        ),
        *("2027-02-29T09:00", "2027-13-01T09:00", "2027-01-04T24:00", "2027-01-04T09:60", "2027-01-04T09:00:60"),
        *("2027-01-04T09:00.5", "2027-01-04T09:00:00.5", "2027-01-04t09:00", "2027-01-04T09:00z", "20270104T0900"),
        *("2027-01-04T09:00+15:00", "2027-01-04T09:00-06", "2027-01-04T09:00 CST", "2027-W01-1T09:00", "1803895200"),
        *("1999-12-31T09:00", "2200-01-01T00:00", "9999-12-31T23:59-12:00", "٢٠٢٧-01-04T09:00"),
    ],
)
def test_a_text_that_is_not_a_time(written):
    parsed, found = parse(start=written)
    assert parsed.start is None
    assert found == [("MAN-004", "schedule.start", None)]


@pytest.mark.parametrize(
    ("timezone", "suggestion"),
    [
        ("CST", "America/Chicago"),
        ("pt", "America/Los_Angeles"),
        ("Eastern Time", "America/New_York"),
        ("america/chicago", "America/Chicago"),
        ("America/New York", "America/New_York"),
        ("chicago", "America/Chicago"),
        ("../../etc/passwd", None),
        ("/etc/localtime", None),
        ("Factory", None),
        ("localtime", None),
    ],
)
def test_an_unknown_time_zone(timezone, suggestion):
    parsed, found = parse(timezone=timezone)
    assert (parsed.start, parsed.timezone) == (None, "UTC")
    assert found == [("SCH-001", "schedule.timezone", suggestion)]


def test_every_zone_can_be_used():
    now = datetime(2027, 1, 4, tzinfo=UTC)
    assert all(
        abs(now.astimezone(time_zones.load_zone(name)).utcoffset()) <= timedelta(hours=14)
        for name in time_zones.zone_names()
    )


def test_local_times_without_a_zone_are_one_finding():
    assert parse(end="2027-03-31T18:00Z", timezone=None)[1] == [("SCH-001", "schedule.timezone", None)]
    assert parse(timezone=None)[1] == [("SCH-001", "schedule.timezone", None)]


@pytest.mark.parametrize(
    ("written", "suggestion"),
    [
        ("2027-03-14T02:00", "2027-03-14T02:00-06:00 or 2027-03-14T02:00-05:00"),
        ("2027-03-14T02:59:59", "2027-03-14T02:59:59-06:00 or 2027-03-14T02:59:59-05:00"),
        ("2027-11-07T01:00", "2027-11-07T01:00-05:00 or 2027-11-07T01:00-06:00"),
        ("2027-11-07T01:59:59", "2027-11-07T01:59:59-05:00 or 2027-11-07T01:59:59-06:00"),
    ],
)
def test_a_time_that_the_clocks_skip_or_repeat(written, suggestion):
    parsed, found = parse(start=written)
    assert (parsed.start, found) == (None, [("SCH-006", "schedule.start", suggestion)])


@pytest.mark.parametrize(
    "written", ["2027-03-14T01:59:59", "2027-03-14T03:00", "2027-11-07T00:59:59", "2027-11-07T02:00"]
)
def test_just_before_and_after_the_clocks_change(written):
    assert parse(start=written)[1] == []


def test_an_offset_that_does_not_match_the_zone():
    parsed, found = parse(start="2027-03-14T01:30-05:00")
    assert parsed.start is None
    assert found == [("SCH-007", "schedule.start", "2027-03-14T01:30-06:00 or 2027-03-14T00:30-06:00")]
