"""IANA names that stand for one UTC offset all year, and mean something else to most people (SCH-009)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.manifest.times.time_zones import EXAMPLE_TIME, format_iso_time, format_offset, load_zone

#: Abbreviations that are IANA names, each with the places whose local time people mean by it, the likeliest first.
LEGACY_ZONES = {
    "EST": ("America/New_York",),
    "MST": ("America/Denver", "America/Phoenix"),
    "HST": ("Pacific/Honolulu",),
}
#: Zones with the sign that POSIX uses: Etc/GMT-6 is UTC+6.
_REVERSED_SIGN = re.compile(r"(?:Etc/)?GMT(?P<sign>[+-])(?P<hours>[0-9]{1,2})")
_FIRST_OF_JANUARY = datetime(2027, 1, 1)  # noqa: DTZ001 (the zone is added)


@dataclass(frozen=True, slots=True)
class FixedOffset:
    """What to say about a zone with a fixed offset, and the zone to use instead.

    The suggestion is None unless it is certain and leaves the program's times as they are.
    """

    message: str
    suggestion: str | None


def explain_fixed_offset(name: str, local_times: Sequence[datetime]) -> FixedOffset | None:
    """What to say about this zone, when these naive times are in it. None if it is a place, or UTC itself."""
    if name in LEGACY_ZONES:
        return _explain_legacy_zone(name, local_times)
    offset = offset_of_reversed_zone(name)
    if offset is None:
        return None
    example = format_iso_time(local_times[0]) if local_times else EXAMPLE_TIME
    message = (
        f"{name} is UTC{_short(offset)}, because the sign in such names is reversed. If you mean UTC{_short(-offset)}, "
        f"delete timezone and write the offset with each time, as in {example}{format_offset(-offset)}."
    )
    return FixedOffset(message, None)


def offset_of_reversed_zone(name: str) -> timedelta | None:
    """The UTC offset of a zone such as Etc/GMT-6 (six hours). None for all other zones, and for UTC itself."""
    found = _REVERSED_SIGN.fullmatch(name)
    if found is None or int(found["hours"]) == 0:
        return None
    offset = timedelta(hours=int(found["hours"]))
    return offset if found["sign"] == "-" else -offset


def _explain_legacy_zone(name: str, local_times: Sequence[datetime]) -> FixedOffset:
    zone, place = load_zone(name), load_zone(LEGACY_ZONES[name][0])
    assert zone is not None
    assert place is not None
    offset = _short(_FIRST_OF_JANUARY.replace(tzinfo=zone).utcoffset() or timedelta())
    sentences = [f"{name} is UTC{offset} all year, without daylight saving time."]
    there = {time: time.replace(tzinfo=zone).astimezone(place) for time in local_times}
    moved = [time for time in local_times if there[time].replace(tzinfo=None) != time]
    if moved:
        city = place.key.rpartition("/")[2].replace("_", " ")
        sentences.append(f"{format_iso_time(moved[0])} {name} is {there[moved[0]]:%H:%M} in {city}.")
    sentences.append(f"If you mean the local time, write {' or '.join(LEGACY_ZONES[name])}.")
    is_certain = len(LEGACY_ZONES[name]) == 1 and not moved
    return FixedOffset(" ".join(sentences), place.key if is_certain else None)


def _short(offset: timedelta) -> str:
    """An offset of whole hours, as after "UTC": -5."""
    return f"{round(offset.total_seconds() / 3600):+d}"
