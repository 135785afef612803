"""When a program starts and ends: SCH-001 to SCH-008, through the IANA time zones."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from schemas.manifest import time_zones
from schemas.manifest.section import Section, SectionReporter
from schemas.model.drop import Program
from schemas.model.manifest import Schedule
from schemas.model.policy import Policy

KEYS = ("start", "end", "timezone")

_TIME = re.compile(
    r"(?P<local>[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?) ?"
    r"(?:(?P<utc>Z)|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-5][0-9]))?"
)
_EXPECTED = "a date and time such as 2027-01-04T09:00, of the years 2000 to 2199"
#: No place on earth is further from UTC.
_FURTHEST = timedelta(hours=14)
#: A review takes at least this long.
REVIEW = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Start and end as aware instants in UTC; None where they could not be understood."""

    start: datetime | None
    end: datetime | None
    timezone: str

    def schedule(self) -> Schedule | None:
        if self.start is None or self.end is None:
            return None
        return Schedule(start=self.start, end=self.end, timezone=self.timezone)


def parse_schedule(section: Section) -> Times:
    """Start and end of the `schedule` section: SCH-001, SCH-002, SCH-006, SCH-007."""
    name = section.text("timezone", at_most=100)
    zone = _zone(section, name)
    written = {key: _written(section, key) for key in ("start", "end")}
    floating = [section.path(key) for key, time in written.items() if time and time.tzinfo is None]
    if floating and not section.has("timezone"):
        _report_floating(section, floating)
    start, end = (_instant(section, key, time, zone) for key, time in written.items())
    if start and end and end <= start:
        section.note("SCH-002", "end", f"{section.path('end')} is not after {section.path('start')}.")
    return Times(start=start, end=end, timezone=zone.key if zone else "UTC")


def _zone(section: Section, name: str | None) -> ZoneInfo | None:
    zone = time_zones.zone(name) if name else None
    if name and zone is None:
        message = f'"{name}" is not the name of a time zone; IANA names look like America/Chicago.'
        section.note("SCH-001", "timezone", message, value=name, suggestion=time_zones.meant(name))
    return zone


def _report_floating(section: Section, floating: list[str]) -> None:
    are = "are local times" if len(floating) > 1 else "is a local time"
    message = f"{' and '.join(floating)} {are}, but neither a time zone nor an offset says where."
    section.note("SCH-001", "timezone", message)


def _written(section: Section, key: str) -> datetime | None:
    """The time as written: aware where it has an offset, else naive."""
    text = section.raw(key, required=True)
    if text is None:
        return None
    match = _TIME.fullmatch(text.strip())
    time = _time(match) if match else None
    if time is None:
        section.wrong(key, _EXPECTED)
    return time


def _time(match: re.Match[str]) -> datetime | None:
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
    if offset > _FURTHEST:
        return None
    return local.replace(tzinfo=timezone(-offset if match["sign"] == "-" else offset))


def _instant(section: Section, key: str, time: datetime | None, zone: ZoneInfo | None) -> datetime | None:
    if time is None or (time.tzinfo is None and zone is None):
        return None
    if time.tzinfo is None:
        assert zone is not None
        return _local(section, key, time, zone)
    if zone is not None and time.utcoffset() not in _offsets(time, zone):
        _report_disagreement(section, key, time, zone)
        return None
    return time.astimezone(UTC)


def _offsets(time: datetime, zone: ZoneInfo) -> tuple[timedelta | None, timedelta | None]:
    """The offsets this local time can have in the zone: two different ones where the clocks change, else the same."""
    first, second = (time.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first, second


def _local(section: Section, key: str, time: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant of a local time; None, and SCH-006, where the clocks skip it or show it twice."""
    first, second = (time.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    twice = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == time
    what = "comes twice" if twice else "does not exist"
    message = f"{_show(time)} {what} in {zone.key}: the clocks change that day."
    suggestion = " or ".join(_show(each) for each in (first, second))
    section.note("SCH-006", key, message, value=_show(time), suggestion=suggestion)
    return None


def _report_disagreement(section: Section, key: str, time: datetime, zone: ZoneInfo) -> None:
    local, same_instant = time.replace(tzinfo=zone), time.astimezone(zone)
    message = f"{_show(time)} is not in the time of {zone.key}, which has the offset {local.isoformat()[-6:]} then."
    section.note("SCH-007", key, message, value=_show(time), suggestion=f"{_show(local)} or {_show(same_instant)}")


def _show(time: datetime) -> str:
    return time.isoformat(timespec="seconds" if time.second else "minutes")


def check_schedule(
    section: SectionReporter, times: Times, *, program: Program | None, policy: Policy, now: datetime
) -> Times:
    """The times as they will be: SCH-003, SCH-004, SCH-008. The start of a live program stays what it was."""
    if times.end and times.end <= now:
        section.note("SCH-003", "end", f"The end, {_utc(times.end)}, is in the past.")
    if program and program.start_is_fixed and program.start:
        return _with_start_kept(section, times, program.start)
    is_new = program is None or program.start != times.start
    if times.start and times.start < now and is_new:
        _report_past_start(section, times.start, policy)
    return times


def _with_start_kept(section: SectionReporter, times: Times, start: datetime) -> Times:
    if times.start and times.start != start:
        message = (
            f"The program went live with its start at {_utc(start)}; it stays, and {_utc(times.start)} is not used."
        )
        section.note("SCH-008", "start", message)
    return Times(start=start, end=times.end, timezone=times.timezone)


def _report_past_start(section: SectionReporter, start: datetime, policy: Policy) -> None:
    if policy.past_start == "reject":
        message = f"The start, {_utc(start)}, is in the past, and the operator takes no past start."
        section.note("SCH-004", "start", message, severity="error")
    else:
        message = f"The start, {_utc(start)}, is in the past; the program launches at once."
        section.note("SCH-004", "start", message)


def check_review(section: SectionReporter, times: Times, *, program: Program | None, now: datetime) -> None:
    """SCH-005, for a program whose display name needs a review."""
    if times.start and times.start - now < REVIEW and not (program and program.live):
        message = f"The display name needs a review of a day or more, and the start is {_utc(times.start)}."
        section.note("SCH-005", "start", message)


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
