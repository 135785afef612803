"""What was probably meant by a text that is not an IANA time zone name.

A suggestion always has the clock of what was meant: a wrong one would launch a program at the wrong hour, and nobody
would notice. So nothing is suggested where a name could stand for zones with different clocks.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from schemas.manifest.section import describe_hidden, excerpt
from schemas.manifest.times.fixed_offset_zones import LEGACY_ZONES, offset_of_reversed_zone
from schemas.manifest.times.places import ZONE_OF_PLACE
from schemas.manifest.times.time_zones import (
    EXAMPLE_TIME,
    MAX_OFFSET,
    format_offset,
    have_same_clock,
    offsets_of,
    zone_names,
)
from schemas.model.characters import plain_word

_OFFSET = re.compile(
    r"\(?(?:etc/)?(?:utc|gmt)? ?(?P<sign>[+-]) ?(?P<hours>[0-9]{1,2})(?::?(?P<minutes>[0-5][0-9]))?(?![0-9])\)? ?"
)
_COUNTRY = re.compile(r"(?P<name>america|canada|usa?|united states)[/ ]")
_COUNTRIES_AT_THE_END = re.compile(r" \((?:us ?(?:&|and) ?)?canada\)")

#: Abbreviations and names of times, by the zone that they stand for in the US and its territories.
_TIMES = {
    "America/New_York": "et, est, edt, est/edt",
    "America/Chicago": "ct, cst, cdt, cst/cdt",
    "America/Denver": "mt, mdt, mst/mdt",
    "America/Los_Angeles": "pt, pst, pdt, pst/pdt",
    "America/Phoenix": "arizona time",
    "America/Anchorage": "akt, akst, akdt, akst/akdt, alaska time, alaska standard time, alaska daylight time",
    "America/Adak": "hdt",
    "Pacific/Honolulu": "hst, hast, hawaii time, hawaii standard time, hawaii-aleutian standard time",
    "America/Puerto_Rico": "ast",
    "America/Halifax": "adt",
    "America/St_Johns": "nst, ndt",
    "Pacific/Guam": "chst, chamorro standard time",
    "Pacific/Pago_Pago": "sst",
    "UTC": "z, zulu time, utc time, coordinated universal time",
}
#: "Eastern", "Eastern Time", "Eastern Standard Time" and so on.
_REGIONS = {
    "eastern": "America/New_York",
    "central": "America/Chicago",
    "mountain": "America/Denver",
    "pacific": "America/Los_Angeles",
}
_AFTER_REGION = ("", " time", " time zone", " standard", " daylight", " standard time", " daylight time")
#: What the message adds for names that stand for more than one zone.
_NOTES = {
    "ast": "For Atlantic Canada, write America/Halifax.",
    "atlantic standard time": "For Puerto Rico, write America/Puerto_Rico.",
    "cst": "In the US it is Central Time; China and Cuba use these letters, too.",
    "mst": "Write America/Denver, or America/Phoenix for Arizona.",
    "samoa standard time": "Write Pacific/Pago_Pago for American Samoa, or Pacific/Apia for Samoa.",
    "sst": "In the US it is the time of American Samoa; Singapore uses these letters, too.",
}
#: Windows means Samoa, the US means American Samoa, which is a day behind.
_AMBIGUOUS = frozenset({"samoa standard time"})
#: Zones that are known by their city alone. Misspellings are corrected for these only, because near other names there
#: are other places: Monterey in California is one letter from America/Monterrey.
_FAMILIAR_ZONES = (
    *("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix"),
    *("America/Anchorage", "America/Boise", "America/Detroit", "America/Indiana/Indianapolis", "America/Juneau"),
    *("America/Kentucky/Louisville", "America/Puerto_Rico", "America/St_Thomas", "Pacific/Guam", "Pacific/Honolulu"),
    *("Pacific/Pago_Pago", "Pacific/Saipan", "America/Edmonton", "America/Halifax", "America/Moncton"),
    *("America/Montreal", "America/Regina", "America/Toronto", "America/Vancouver", "America/Winnipeg"),
)
_US_LINKS = ("US/Alaska", "US/Arizona", "US/Central", "US/Eastern", "US/Hawaii", "US/Mountain", "US/Pacific")


@dataclass(frozen=True, slots=True)
class UnknownZone:
    """What to say about a name that is not a time zone, and the zone that was meant; None if that is not certain."""

    message: str
    suggestion: str | None


def explain_unknown_zone(name: str) -> UnknownZone:
    """What to say about a name that is not an IANA time zone."""
    offset, rest = split_offset(_plain_words(name))
    if offset is not None and not rest:
        return UnknownZone(_explain_offset(name, offset), None if offset else "UTC")
    message = f'"{excerpt(name)}" is not an IANA time zone name such as America/Chicago{describe_hidden(name)}.'
    note = f" {_NOTES[rest]}" if rest in _NOTES else ""
    zone = find_zone(rest)
    is_certain = zone and (offset is None or offset in offsets_of(zone))
    return UnknownZone(message + note, zone if is_certain else None)


def find_zone(name: str) -> str | None:
    """The IANA zone that was meant by a name. None if it is unknown, or could stand for different clocks."""
    words = _COUNTRIES_AT_THE_END.sub("", _plain_words(name))
    if words in _AMBIGUOUS:
        return None
    for zones in (_zones_by_words(), _windows_zones(), _times(), _places()):
        if words in zones:
            return zones[words]
    country = _COUNTRY.match(words)
    place = words[country.end() :] if country else ""
    # A province of Canada does not always have the same clock as the states south of it.
    is_canada = country is not None and country["name"] == "canada"
    found = _places().get(place) or (None if is_canada else _times().get(place))
    return found or _correct_spelling(words)


def _explain_offset(name: str, offset: timedelta) -> str:
    example = f"{EXAMPLE_TIME}{format_offset(offset)}"
    return (
        f'"{excerpt(name)}" is a UTC offset, not a time zone. Delete timezone and write the offset with each time, as '
        f"in {example}, or use an IANA name such as America/Chicago."
    )


def _plain_words(name: str) -> str:
    """The name in plain letters and lower case, with single spaces for underscores, and without dots and commas."""
    return plain_word(name.replace("_", " ").replace(".", "").replace(",", "")).casefold()


def split_offset(words: str) -> tuple[timedelta | None, str]:
    """A UTC offset at the start, and the rest: "(utc-06:00) central time" has both. None if there is no offset."""
    found = _OFFSET.match(words)
    if found is None:
        return None, words
    offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
    if offset > MAX_OFFSET:
        return None, words
    rest = words[found.end() :]
    if rest.startswith("(") and rest.endswith(")"):
        rest = rest[1:-1]
    return -offset if found["sign"] == "-" else offset, rest


@cache
def _zones_by_words() -> dict[str, str]:
    """Every zone by its name in plain words. Those that are often misunderstood must be written exactly."""
    names = sorted(zone_names() - LEGACY_ZONES.keys())
    return {_plain_words(name): name for name in names if offset_of_reversed_zone(name) is None}


@cache
def _windows_zones() -> dict[str, str]:
    """The zone of each name that Windows uses, from CLDR. Its zones without a place are offsets."""
    from tzlocal.windows_tz import win_tz  # only here: it takes 30 ms, and few drops need it

    return {_plain_words(name): zone for name, zone in win_tz.items() if not zone.startswith("Etc/")}


@cache
def _times() -> dict[str, str]:
    times = {time: zone for zone, written in _TIMES.items() for time in written.split(", ")}
    return times | {region + after: zone for region, zone in _REGIONS.items() for after in _AFTER_REGION}


@cache
def _places() -> dict[str, str]:
    return ZONE_OF_PLACE | {_plain_words(zone.rpartition("/")[2]): zone for zone in _FAMILIAR_ZONES}


def _correct_spelling(words: str) -> str | None:
    """The familiar zone that these words misspell by one slip, if no zone with another clock is as near."""
    near = {zone for known, zone in _zones_by_words().items() if _is_one_slip(words, known)}
    zone = next((zone for zone in (*_FAMILIAR_ZONES, *_US_LINKS) if zone in near), None)
    return zone if zone and all(have_same_clock(zone, other) for other in near) else None


def _is_one_slip(written: str, known: str) -> bool:
    """Whether the texts differ by one letter too many, too few or wrong, or by two letters that changed places."""
    longer, shorter = (written, known) if len(written) > len(known) else (known, written)
    if len(longer) - len(shorter) == 1:
        place = next((i for i, (a, b) in enumerate(zip(longer, shorter, strict=False)) if a != b), len(shorter))
        return longer[place + 1 :] == shorter[place:]
    if len(longer) != len(shorter):
        return False
    different = [(a, b) for a, b in zip(written, known, strict=True) if a != b]
    return len(different) == 1 or (len(different) == 2 and different[0] == different[1][::-1])
