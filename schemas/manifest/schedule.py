"""When a program starts and ends: SCH-001 to SCH-008."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from schemas.manifest.section import Section, SectionReporter
from schemas.manifest.time_zones import load_zone, suggest_zone
from schemas.model.judging_context import ExistingProgram
from schemas.model.manifest import Schedule
from schemas.model.policy import Policy

SCHEDULE_KEYS = ("start", "end", "timezone")

_TIME = re.compile(
    r"(?P<local>[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?) ?"
    r"(?:(?P<utc>Z)|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-5][0-9]))?"
)
_EXPECTED = "a date and time such as 2027-01-04T09:00, in the years 2000 to 2199"
#: No place on earth is further from UTC.
_MAX_OFFSET = timedelta(hours=14)
#: A review takes at least this long.
REVIEW_DURATION = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedSchedule:
    """Start and end as aware instants in UTC. One that could not be parsed is None."""

    start: datetime | None
    end: datetime | None
    timezone: str

    def to_schedule(self) -> Schedule | None:
        """The schedule; None if a time is missing."""
        if self.start is None or self.end is None:
            return None
        return Schedule(start=self.start, end=self.end, timezone=self.timezone)


def parse_schedule(section: Section) -> ParsedSchedule:
    """Parse the section `schedule`: SCH-001, SCH-002, SCH-006, SCH-007."""
    name = section.plain_text("timezone", max_length=100)
    zone = _parse_zone(section, name)
    written = {key: _parse_time(section, key) for key in ("start", "end")}
    without_offset = [section.path(key) for key, time in written.items() if time and time.tzinfo is None]
    if without_offset and not section.is_filled("timezone"):
        _report_missing_zone(section, without_offset)
    start, end = (_to_instant(section, key, time, zone) for key, time in written.items())
    if start and end and end <= start:
        section.report("SCH-002", "end", f"{section.path('end')} must be after {section.path('start')}.")
    return ParsedSchedule(start=start, end=end, timezone=zone.key if zone else "UTC")


def _parse_zone(section: Section, name: str | None) -> ZoneInfo | None:
    zone = load_zone(name) if name else None
    if name and zone is None:
        message = f'"{name}" is not an IANA time zone name such as America/Chicago.'
        section.report("SCH-001", "timezone", message, value=name, suggestion=suggest_zone(name))
    return zone


def _report_missing_zone(section: Section, without_offset: list[str]) -> None:
    have = "have" if len(without_offset) > 1 else "has"
    message = f"{' and '.join(without_offset)} {have} no UTC offset, and {section.path('timezone')} is not set."
    section.report("SCH-001", "timezone", message)


def _parse_time(section: Section, key: str) -> datetime | None:
    """The time as written: aware if it has an offset, else naive."""
    text = section.raw_text(key, required=True)
    if text is None:
        return None
    match = _TIME.fullmatch(text.strip())
    time = _read_match(match) if match else None
    if time is None:
        section.report_wrong(key, _EXPECTED)
    return time


def _read_match(match: re.Match[str]) -> datetime | None:
    try:
        local = datetime.fromisoformat(match["local"])
    except ValueError:
        return None
    if not 2000 <= local.year < 2200:
        return None
    if match["utc"]:
        return local.replace(tzinfo=UTC)
    if not match["sign"]:
        return local
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
    if offset > _MAX_OFFSET:
        return None
    return local.replace(tzinfo=timezone(-offset if match["sign"] == "-" else offset))


def _to_instant(section: Section, key: str, time: datetime | None, zone: ZoneInfo | None) -> datetime | None:
    if time is None or (time.tzinfo is None and zone is None):
        return None
    if time.tzinfo is None:
        assert zone is not None
        return _local_to_instant(section, key, time, zone)
    if zone is not None and time.utcoffset() not in _possible_offsets(time, zone):
        _report_wrong_offset(section, key, time, zone)
        return None
    return time.astimezone(UTC)


def _possible_offsets(time: datetime, zone: ZoneInfo) -> tuple[timedelta | None, timedelta | None]:
    """The two offsets of this local time in the zone. They are the same, unless the clocks change."""
    first, second = (time.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first, second


def _local_to_instant(section: Section, key: str, time: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant of a local time. None and SCH-006 if the clocks skip it or repeat it."""
    first, second = (time.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    is_repeated = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == time
    problem = "happens twice" if is_repeated else "does not exist"
    message = f"{_iso(time)} {problem} in {zone.key}: the clocks change that day."
    section.report("SCH-006", key, message, value=_iso(time), suggestion=f"{_iso(first)} or {_iso(second)}")
    return None


def _report_wrong_offset(section: Section, key: str, time: datetime, zone: ZoneInfo) -> None:
    same_local_time, same_instant = time.replace(tzinfo=zone), time.astimezone(zone)
    offset = same_local_time.isoformat()[-6:]
    message = f"{_iso(time)} does not match {zone.key}, where the offset is {offset} at that time."
    suggestion = f"{_iso(same_local_time)} or {_iso(same_instant)}"
    section.report("SCH-007", key, message, value=_iso(time), suggestion=suggestion)


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="seconds" if time.second else "minutes")


def check_schedule(
    section: SectionReporter,
    parsed: ParsedSchedule,
    *,
    program: ExistingProgram | None,
    policy: Policy,
    now: datetime,
) -> ParsedSchedule:
    """Check the times: SCH-003, SCH-004, SCH-008. Returns them with the fixed start, if the program has one."""
    if parsed.end and parsed.end <= now:
        section.report("SCH-003", "end", f"The end, {_utc(parsed.end)}, is in the past.")
    if program and program.start_is_fixed and program.start:
        return _keep_start(section, parsed, program.start)
    is_new = program is None or program.start != parsed.start
    if parsed.start and parsed.start < now and is_new:
        _report_past_start(section, parsed.start, policy)
    return parsed


def _keep_start(section: SectionReporter, parsed: ParsedSchedule, start: datetime) -> ParsedSchedule:
    if parsed.start and parsed.start != start:
        message = f"The start stays {_utc(start)} because the launch has begun; {_utc(parsed.start)} is ignored."
        section.report("SCH-008", "start", message)
    return ParsedSchedule(start=start, end=parsed.end, timezone=parsed.timezone)


def _report_past_start(section: SectionReporter, start: datetime, policy: Policy) -> None:
    if policy.past_start == "reject":
        message = f"The start, {_utc(start)}, is in the past, and the operator does not allow that."
        section.report("SCH-004", "start", message, severity="error")
    else:
        message = f"The start, {_utc(start)}, is in the past; the program launches right away."
        section.report("SCH-004", "start", message)


def check_review_time(
    section: SectionReporter, parsed: ParsedSchedule, *, program: ExistingProgram | None, now: datetime
) -> None:
    """SCH-005, for a program whose display name needs a review."""
    if parsed.start and parsed.start - now < REVIEW_DURATION and not (program and program.live):
        message = f"The display name needs a review, which takes a day or more, and the start is {_utc(parsed.start)}."
        section.report("SCH-005", "start", message)


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
