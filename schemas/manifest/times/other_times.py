"""What was meant by a time in another form than the one that is read: 01/25/2030 9:00 PM is 2030-01-25T21:00.

The text is read from left to right: date, time of day, then UTC offset or time zone. A time is suggested only if there
is no doubt about any of them.
"""

import re
import unicodedata
from calendar import day_name, month_name, monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from schemas.manifest.times.time_zones import EXAMPLE_TIME, format_iso_time, load_zone
from schemas.manifest.times.written_times import FIRST_YEAR, LAST_YEAR, read_time
from schemas.manifest.times.zone_suggestions import find_zone, split_offset
from schemas.model.characters import find_hidden_character, plain_word

#: Longer texts are not times.
_MAX_LENGTH = 100
_MONTHS = [name.lower() for name in month_name]

_WEEKDAY = re.compile(r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,? ")
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?P<year>[0-9]{4})(?P<dash>[-/.])(?P<month>[0-9]{1,2})(?P=dash)(?P<day>[0-9]{1,2})(?![0-9])",
        r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})(?=$|[^0-9]|(?:[0-9]{2}){2,3}(?![0-9]))",
        r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?[ -](?P<month>[a-z]{3,9})\.?,?[ -](?P<year>[0-9]{4})(?![0-9])",
        r"(?P<month>[a-z]{3,9})\.? (?P<day>[0-9]{1,2})(?:st|nd|rd|th)?,? (?P<year>[0-9]{4})(?![0-9])",
    )
)
_WEEK_DATE = re.compile(r"(?P<year>[0-9]{4})-?w(?P<week>[0-9]{2})-?(?P<day>[1-7])(?![0-9])")
_DAY_OF_YEAR = re.compile(r"(?P<year>[0-9]{4})-(?P<day>[0-9]{3})(?![0-9])")
_YEAR_LAST = re.compile(
    r"(?P<first>[0-9]{1,2})(?P<dash>[-/.])(?P<second>[0-9]{1,2})(?P=dash)(?P<year>[0-9]{4}|[0-9]{2})(?![0-9])"
)
_SEPARATOR = re.compile(r" ?t ?|,? at |[ ,_]*")
_CLOCKS = tuple(
    re.compile(pattern + r"(?![0-9:.]) ?(?P<half>[ap]\.?m\.?(?![a-z]))? ?")
    for pattern in (
        r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2})(?::(?P<second>[0-9]{1,2})(?P<fraction>[.,][0-9]+)?)?",
        r"(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})?(?P<fraction>)",
        r"(?P<hour>[0-9]{1,2})(?=$|[ z+-]|[ap]\.?m)(?P<minute>)(?P<second>)(?P<fraction>)",
    )
)
#: Seconds since 1970, or milliseconds, from 2001 to 2033. Other numbers of these lengths could be dates.
_UNIX_TIME = re.compile(r"(?P<seconds>1[0-9]{9})(?P<milliseconds>[0-9]{3})?")
#: "CST", "CDT", "Central Standard Time": names that also say whether daylight saving time is meant.
_SEASON = re.compile(r"[a-z]{1,3}(?P<letter>[sd])t|.* (?:standard|daylight)(?: time)?")
_NAME_AFTER_TIME = "write the time zone under schedule.timezone, or its UTC offset after the time"


@dataclass(frozen=True, slots=True)
class OtherTime:
    """Why a text is not read as a time, to end a sentence, and the time that was meant; None if that is not certain."""

    reason: str
    suggestion: str | None


class _Doubt(Exception):
    """It is not certain what was meant, or it is not a time at all. The message ends a sentence."""


def explain_time(text: str, zone: ZoneInfo | None) -> OtherTime | None:
    """Why a text that is not read as a time is wrong. None if it does not look like a time.

    `zone` is the zone of local times, if it is known.
    """
    if len(text) > _MAX_LENGTH:
        return None
    reader = _Reader(text.strip(), zone)
    try:
        meant = reader.read()
    except _Doubt as doubt:
        return OtherTime(str(doubt), None)
    if meant is None:
        return None
    written = format_iso_time(meant).replace("+00:00", "Z")
    reason = reader.notes[0] if reader.notes else f"write {written}"
    return OtherTime(reason, written if _is_valid(meant, zone) else None)


def _is_valid(meant: datetime, zone: ZoneInfo | None) -> bool:
    """Whether the time can be read, and is one instant in its zone."""
    if read_time(format_iso_time(meant)) is None:
        return False
    if zone is None:
        return True
    offsets = {meant.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
    return meant.utcoffset() in offsets if meant.tzinfo else len(offsets) == 1


class _Reader:
    """Reads a text from left to right. `notes` says what is unusual in it but has only one meaning."""

    def __init__(self, text: str, zone: ZoneInfo | None) -> None:
        self._zone = zone
        self._rest = plain_word(text).lower()
        self.notes: list[str] = []
        if hidden := find_hidden_character(text):
            self.notes.append(f"it has {hidden.description} at position {hidden.position}")
        if any(c.isdecimal() and not c.isascii() for c in self._rest):
            self._rest = "".join(str(unicodedata.decimal(c, c)) for c in self._rest)
            self.notes.append("use the digits 0 to 9")

    def read(self) -> datetime | None:
        """The time that was meant; None if the text does not begin like one. Raises _Doubt."""
        if found := _UNIX_TIME.fullmatch(self._rest):
            self.notes.append("it is a Unix timestamp; write a date and a time")
            return datetime.fromtimestamp(int(found["seconds"]), self._zone or UTC)
        if _CLOCKS[0].fullmatch(self._rest):
            raise _Doubt(f"the date is missing, as in {EXAMPLE_TIME}")
        weekday = self._take(_WEEKDAY)
        day = self._read_date()
        if day is None:
            return None
        if weekday and not day_name[day.weekday()].lower().startswith(weekday[0][:3]):
            raise _Doubt(f"{day} is a {day_name[day.weekday()]}")
        self._take(_SEPARATOR)
        local = datetime.combine(day, time()) + self._read_clock(day)  # 24:00 is on the next day
        return local.replace(tzinfo=self._read_offset(local))

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Match the pattern where the rest begins, and go on after it."""
        found = pattern.match(self._rest)
        if found:
            self._rest = self._rest[found.end() :]
        return found

    def _read_date(self) -> date | None:
        for pattern in _DATES:
            if found := self._take(pattern):
                return _make_date(int(found["year"]), _month_number(found["month"]), int(found["day"]))
        if found := self._take(_WEEK_DATE):
            return _parse_date(f"{found['year']}-W{found['week']}-{found['day']}", "%G-W%V-%u")
        if found := self._take(_DAY_OF_YEAR):
            return _parse_date(f"{found['year']}-{found['day']}", "%Y-%j")
        found = self._take(_YEAR_LAST)
        return _order_date(found) if found else None

    def _read_clock(self, day: date) -> timedelta:
        found = next((found for pattern in _CLOCKS if (found := self._take(pattern))), None)
        if found is None:
            raise _Doubt(f"a time must follow the date, as in {day}T09:00")
        hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
        if found["half"]:
            hour = _hour_of_day(hour, found["half"][0])
            self.notes.append(f"write {hour:02}:{minute:02}, on the 24-hour clock")
        if minute >= 60 or second >= 60:
            raise _Doubt("minutes and seconds go from 00 to 59")
        if (hour, minute, second) == (24, 0, 0):
            self.notes.append("24:00 is 00:00 of the next day")
        elif hour >= 24:
            raise _Doubt("hours go from 00 to 23")
        if (found["fraction"] or "").strip(".,0"):
            self.notes.append("leave out the fraction of a second")
        return timedelta(hours=hour, minutes=minute, seconds=second)

    def _read_offset(self, local: datetime) -> tzinfo | None:
        words = self._rest.strip()
        if not words:
            return None
        if words in ("z", "utc", "gmt"):
            return UTC
        offset, name = split_offset(words)
        if name:
            self.notes.append(_NAME_AFTER_TIME)
            offset = _offset_by_name(local, name.strip("[]"), offset)
        assert offset is not None
        return timezone(offset)


def _month_number(month: str) -> int:
    """The number of a month that is written as a number or as a name. Raises _Doubt."""
    if month.isdecimal():
        return int(month)
    number = next((n for n, name in enumerate(_MONTHS) if name and name.startswith(month)), None)
    if number is None and month == "sept":
        return 9
    if number is None:
        raise _Doubt(f'there is no month "{month}"')
    return number


def _make_date(year: int, month: int, day: int) -> date:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise _Doubt(f"years go from {FIRST_YEAR} to {LAST_YEAR}")
    if not 1 <= month <= 12:
        raise _Doubt(f"there is no month {month}")
    days = monthrange(year, month)[1]
    if not 1 <= day <= days:
        raise _Doubt(f"{month_name[month]} {year} has {days} days")
    return date(year, month, day)


def _parse_date(text: str, form: str) -> date:
    """A date by its week or by its day of the year."""
    try:
        day = datetime.strptime(text, form).date()  # noqa: DTZ007 (a date has no zone)
    except ValueError:
        raise _Doubt("the year has no such day") from None
    return _make_date(day.year, day.month, day.day)


def _order_date(found: re.Match[str]) -> date:
    """A date with the year at its end, if it is certain which number is the month: 01/25/2030, but not 01/07/2030."""
    first, second, year = int(found["first"]), int(found["second"]), int(found["year"])
    if len(found["year"]) == 2:
        raise _Doubt("the year must have four digits")
    if first > 12 >= second:
        return _make_date(year, second, first)
    if second > 12 or first == second:
        return _make_date(year, first, second)
    month_first, day_first = _make_date(year, first, second), _make_date(year, second, first)
    raise _Doubt(f"{found[0]} can be {month_first} or {day_first}")


def _hour_of_day(hour: int, half: str) -> int:
    """The hour on the 24-hour clock: 12 AM is 0, 12 PM is 12. People also write 15:00 PM and 00:30 AM."""
    if hour > 12 if half == "a" else hour == 0:
        raise _Doubt("the hour does not fit AM or PM")
    if hour == 12:
        return 0 if half == "a" else 12
    return hour + 12 if half == "p" and hour < 12 else hour


def _offset_by_name(local: datetime, name: str, offset: timedelta | None) -> timedelta:
    """The offset that a zone by this name has at a local time. It must be the one that is given, if any."""
    if name.startswith(("+", "-")):
        raise _Doubt("it does not end in a UTC offset such as -06:00")
    known = find_zone(name)
    there = local.replace(tzinfo=load_zone(known)) if known else local
    first, second = (there.replace(fold=fold).utcoffset() for fold in (0, 1))
    expected = second if offset is None else offset
    if first is None or first != expected or _says_summer(name) not in (None, bool(there.dst())):
        raise _Doubt(_NAME_AFTER_TIME)
    return first


def _says_summer(name: str) -> bool | None:
    """Whether the name of a zone is for the part of the year with daylight saving time. None if it is for all of it."""
    found = _SEASON.fullmatch(name)
    return None if found is None else "daylight" in name or found["letter"] == "d"
