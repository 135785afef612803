"""When a program starts and ends: SCH-001 to SCH-009."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.manifest.section import Section, SectionReporter, excerpt
from schemas.manifest.times.fixed_offset_zones import explain_fixed_offset
from schemas.manifest.times.other_times import explain_time
from schemas.manifest.times.time_zones import EXAMPLE_TIME, format_iso_time, load_zone
from schemas.manifest.times.written_times import read_time
from schemas.manifest.times.zone_suggestions import explain_unknown_zone
from schemas.model.judging_context import ExistingProgram
from schemas.model.manifest import Schedule
from schemas.model.policy import Policy

SCHEDULE_KEYS = ("start", "end", "timezone")

_EXPECTED = f"a date and time such as {EXAMPLE_TIME}"
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
    """Parse the section `schedule`: SCH-001, SCH-002, SCH-006, SCH-007, SCH-009."""
    name = section.plain_text("timezone", max_length=100)
    zone = _parse_zone(section, name)
    written = {key: _parse_time(section, key, zone) for key in ("start", "end")}
    without_offset = {key: time for key, time in written.items() if time and time.tzinfo is None}
    if without_offset and not section.is_filled("timezone"):
        _report_missing_zone(section, [section.path(key) for key in without_offset])
    if zone:
        _report_fixed_offset(section, zone, list(without_offset.values()))
    start, end = (_to_instant(section, key, time, zone) for key, time in written.items())
    if _ends_too_early(start, end) or (not (start and end) and _ends_too_early(written["start"], written["end"])):
        section.report("SCH-002", "end", f"{section.path('end')} must be after {section.path('start')}.")
    return ParsedSchedule(start=start, end=end, timezone=zone.key if zone else "UTC")


def _ends_too_early(start: datetime | None, end: datetime | None) -> bool:
    """Whether the end is not after the start. Local times without a known zone can be compared, too."""
    if start is None or end is None or (start.tzinfo is None) != (end.tzinfo is None):
        return False
    return end <= start


def _parse_zone(section: Section, name: str | None) -> ZoneInfo | None:
    zone = load_zone(name) if name else None
    if name and zone is None:
        unknown = explain_unknown_zone(name)
        section.report("SCH-001", "timezone", unknown.message, value=name, suggestion=unknown.suggestion)
    return zone


def _report_fixed_offset(section: Section, zone: ZoneInfo, local_times: list[datetime]) -> None:
    fixed = explain_fixed_offset(zone.key, local_times)
    if fixed:
        section.report("SCH-009", "timezone", fixed.message, value=zone.key, suggestion=fixed.suggestion)


def _report_missing_zone(section: Section, without_offset: list[str]) -> None:
    have = "have" if len(without_offset) > 1 else "has"
    message = f"{' and '.join(without_offset)} {have} no UTC offset, and {section.path('timezone')} is not set."
    section.report("SCH-001", "timezone", message)


def _parse_time(section: Section, key: str, zone: ZoneInfo | None) -> datetime | None:
    """The time as written: aware if it has an offset, else naive. MAN-004 if it is not a time."""
    text = section.raw_text(key, required=True)
    if text is None:
        return None
    time = read_time(text)
    if time is None:
        _report_wrong_time(section, key, text, zone)
    return time


def _report_wrong_time(section: Section, key: str, text: str, zone: ZoneInfo | None) -> None:
    wrong = explain_time(text, zone)
    if wrong is None:
        section.report_wrong(key, _EXPECTED)
        return
    message = f'{section.path(key)} cannot be "{excerpt(text)}": {wrong.reason}.'
    section.report("MAN-004", key, message, value=text, suggestion=wrong.suggestion)


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
    written = format_iso_time(time)
    message = (
        f"{written} {problem} in {zone.key}: the clocks change that day. "
        f"Write {format_iso_time(first)} or {format_iso_time(second)}."
    )
    section.report("SCH-006", key, message, value=written)
    return None


def _report_wrong_offset(section: Section, key: str, time: datetime, zone: ZoneInfo) -> None:
    same_local_time, same_instant = time.replace(tzinfo=zone), time.astimezone(zone)
    written, offset = format_iso_time(time), same_local_time.isoformat()[-6:]
    message = (
        f"{written} does not match {zone.key}, where the offset is {offset} at that time. "
        f"Write {format_iso_time(same_local_time)} or {format_iso_time(same_instant)}."
    )
    section.report("SCH-007", key, message, value=written)


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
