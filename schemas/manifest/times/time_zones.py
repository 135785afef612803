"""Time zones by their IANA names, from the pinned tzdata package only, so that every machine has the same zones."""

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

#: For messages that say how a time is written.
EXAMPLE_TIME = "2027-01-04T09:00"
#: No place on earth is further from UTC.
MAX_OFFSET = timedelta(hours=14)
#: Clocks are compared week by week for 12 years. The first week is a constant, so that results do not depend on today.
_FIRST_WEEK, _WEEKS = datetime(2026, 12, 1, 12, tzinfo=UTC), 12 * 52


@cache
def zone_names() -> frozenset[str]:
    """Every IANA name, except "Factory", which means that no zone is set."""
    return frozenset((files("tzdata") / "zones").read_text("ascii").split()) - {"Factory"}


@cache
def load_zone(name: str) -> ZoneInfo | None:
    """The zone with this name; None if there is none. Case matters."""
    if name not in zone_names():
        return None
    with (files("tzdata") / "zoneinfo").joinpath(*name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def have_same_clock(name: str, other: str) -> bool:
    """Whether the clocks of two zones show the same time, in winter and in summer."""
    return _weekly_offsets(name) == _weekly_offsets(other)


def offsets_of(name: str) -> frozenset[timedelta | None]:
    """The UTC offsets that a zone has in the course of the year."""
    return frozenset(_weekly_offsets(name))


def format_offset(offset: timedelta) -> str:
    """An offset as it is written after a time: -06:00."""
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def format_iso_time(time: datetime) -> str:
    """A time as it is written in a manifest, without seconds if they are zero: 2027-01-04T09:00-06:00."""
    return time.isoformat(timespec="seconds" if time.second else "minutes")


@cache
def _weekly_offsets(name: str) -> tuple[timedelta | None, ...]:
    zone = load_zone(name)
    return tuple((_FIRST_WEEK + timedelta(weeks=week)).astimezone(zone).utcoffset() for week in range(_WEEKS))
