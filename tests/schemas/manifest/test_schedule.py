"""Parsing times and time zones, and the rules about them."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.manifest import schedule, yaml_tree
from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.section import Section
from schemas.manifest.times.time_zones import load_zone, zone_names
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
        ("2027-01-04T09:00:00.000Z", None, "2027-01-04T09:00"),
        ("2027-01-04T09:00:00.0000000", "America/Chicago", "2027-01-04T15:00"),
        ("2027-01-04T09:00:30.0-06:00", None, "2027-01-04T15:00:30"),
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
    "written", ["tomorrow", "2027-01-04", "2027-01-04T9:00", "2027-02-29T09:00", "01/04/2027 09:00"]
)
def test_a_text_that_is_not_a_time(written):
    """What each one gets is in times/test_other_times.py."""
    parsed, found = parse(start=written)
    assert parsed.start is None
    assert [(rule, path) for rule, path, _ in found] == [("MAN-004", "schedule.start")]


@pytest.mark.parametrize(
    ("timezone", "suggestion"),
    [
        ("CST", "America/Chicago"),
        ("pt", "America/Los_Angeles"),
        ("Eastern Time", "America/New_York"),
        ("america/chicago", "America/Chicago"),
        ("America/New York", "America/New_York"),
        ("chicago", "America/Chicago"),
        ("America/Houston", "America/Chicago"),
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
    assert all(abs(now.astimezone(load_zone(name)).utcoffset()) <= timedelta(hours=14) for name in zone_names())


def test_local_times_without_a_zone_are_one_finding():
    assert parse(end="2027-03-31T18:00Z", timezone=None)[1] == [("SCH-001", "schedule.timezone", None)]
    assert parse(timezone=None)[1] == [("SCH-001", "schedule.timezone", None)]


@pytest.mark.parametrize(
    "written", ["2027-03-14T02:00", "2027-03-14T02:59:59", "2027-11-07T01:00", "2027-11-07T01:59:59"]
)
def test_a_time_that_the_clocks_skip_or_repeat(written):
    """The message has both offsets, so neither is suggested."""
    parsed, found = parse(start=written)
    assert (parsed.start, found) == (None, [("SCH-006", "schedule.start", None)])


@pytest.mark.parametrize(
    "written", ["2027-03-14T01:59:59", "2027-03-14T03:00", "2027-11-07T00:59:59", "2027-11-07T02:00"]
)
def test_just_before_and_after_the_clocks_change(written):
    assert parse(start=written)[1] == []


def test_an_offset_that_does_not_match_the_zone():
    parsed, found = parse(start="2027-03-14T01:30-05:00")
    assert parsed.start is None
    assert found == [("SCH-007", "schedule.start", None)]


@pytest.mark.parametrize(
    ("start", "end", "rules"),
    [
        ("2027-01-04T09:00", "2027-01-04T09:00", ["SCH-002", "SCH-001"]),
        ("2027-01-04T09:00", "2027-01-04T09:01", ["SCH-001"]),
        ("2027-01-04T09:00-06:00", "2027-01-04T16:00+01:00", ["SCH-002", "SCH-001"]),
        ("2027-01-04T09:00", "2027-01-04T08:00Z", ["SCH-001"]),
        ("2027-01-04T09:00", "2027-01-03", ["SCH-001", "MAN-004"]),
    ],
)
def test_an_unknown_zone_does_not_hide_that_the_end_is_before_the_start(start, end, rules):
    assert sorted(rule for rule, _, _ in parse(start=start, end=end, timezone="Nowhere")[1]) == sorted(rules)


@pytest.mark.parametrize(
    "timezone", ["UTC", "GMT", "Zulu", "Etc/UTC", "Etc/GMT+0", "GMT0", "EST5EDT", "America/Phoenix"]
)
def test_a_zone_that_means_what_it_says_has_no_finding(timezone):
    assert parse(timezone=timezone)[1] == []


@pytest.mark.parametrize("timezone", ["EST", "MST", "HST", "Etc/GMT-6", "Etc/GMT+12"])
@pytest.mark.parametrize("start", ["2027-01-04T09:00", "2027-07-04T09:00", "nonsense"])
def test_a_zone_with_a_fixed_offset_has_a_finding(timezone, start):
    assert ("SCH-009", "schedule.timezone") in [(rule, path) for rule, path, _ in parse(start, timezone=timezone)[1]]
