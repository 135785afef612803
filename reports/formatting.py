"""Puts values into the texts: plurals, numbers, dates and times, shares, and untrusted values made visible."""

import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from reports import texts

if TYPE_CHECKING:
    from markupsafe import Markup

ELLIPSIS = "…"
UTC_ZONE = ZoneInfo("UTC")

#: Zones whose abbreviation is shown, such as CST. Elsewhere the same letters can mean another time (CST in Shanghai).
_ABBREVIATED_ZONES = (
    "America/", "US/", "Canada/", "Pacific/Honolulu", "Pacific/Guam", "Etc/", "UTC", "EST", "CST", "MST", "PST", "HST",
)  # fmt: skip


def plain_text(key: str, **values: Any) -> str:
    """The text of this key as plain text."""
    return _choose_form(key, values).format(**values)


def markup_text(key: str, **values: Any) -> "Markup":
    """The text of this key as markup. Values that are not markup are escaped."""
    from markupsafe import Markup  # here because it saves start-up time

    return Markup(_choose_form(key, values)).format(**values)  # noqa: S704  # our own text; format escapes the values


def _choose_form(key: str, values: dict[str, Any]) -> str:
    text = texts.TEXTS[key]
    if isinstance(text, str):
        return text
    return text[0] if values.get("n") == 1 else text[1]


def _map_invisible_characters() -> dict[int, str]:
    """Characters that hide, reorder or look like others, each with a visible replacement: NUL as ␀, U+202E as [U+202E].

    A space that is not the plain one is among them: a purpose with it is unknown, and looks right.
    """
    visible = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}
    for code in (*range(0x80, 0x2FFF), *range(0xFE00, 0x10000), *range(0xE0000, 0xE01F0)):
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp", "Zs") or 0xFE00 <= code <= 0xFE0D:
            visible[code] = f"[U+{code:04X}]"
    return visible


_VISIBLE = _map_invisible_characters()


def visible_text(text: str, width: int) -> str:
    """The received text with invisible characters made visible, cut to `width` characters with an ellipsis."""
    if len(text) <= width and text.isascii() and text.isprintable():
        return text
    visible = text[:width].translate(_VISIBLE)
    return visible if len(visible) <= width and len(text) <= width else visible[: width - 1] + ELLIPSIS


def format_day(instant: datetime, zone: ZoneInfo) -> str:
    """Monday, January 4, 2027."""
    return _format_day(instant.astimezone(zone), texts.DAY)


def format_short_day(instant: datetime, zone: ZoneInfo) -> str:
    """Jan 4."""
    return _format_day(instant.astimezone(zone), texts.DAY_OF_YEAR)


def format_time(instant: datetime, zone: ZoneInfo) -> str:
    """9:00 AM CST."""
    local = instant.astimezone(zone)
    half = texts.TIME_HALVES[local.hour // 12]
    return texts.TIME.format(
        hour=local.hour % 12 or 12, minute=local.minute, half=half, zone=_name_of_time(local, zone.key)
    )


def format_date_time(instant: datetime, zone: ZoneInfo) -> str:
    """Jan 4, 2027, 9:00 AM CST."""
    day = _format_day(instant.astimezone(zone), texts.DAY_SHORT)
    return texts.DAY_AND_TIME.format(day=day, time=format_time(instant, zone))


def format_long_date_time(instant: datetime, zone: ZoneInfo) -> str:
    """Monday, January 4, 2027, 9:00 AM CST."""
    return texts.DAY_AND_TIME.format(day=format_day(instant, zone), time=format_time(instant, zone))


def _format_day(local: datetime, form: str) -> str:
    weekday, month = texts.WEEKDAYS[local.weekday()], texts.MONTHS[local.month - 1]
    return form.format(weekday=weekday, day=local.day, month=month, year=local.year)


def _name_of_time(local: datetime, zone: str) -> str:
    """The zone's abbreviation in North America, its offset where it has no abbreviation, its city elsewhere."""
    abbreviation = local.tzname() or ""
    if not abbreviation.isalpha():
        return f"UTC{abbreviation}"
    if zone.startswith(_ABBREVIATED_ZONES):
        return abbreviation
    return texts.CITY_TIME.format(city=zone.rpartition("/")[2].replace("_", " "))


def time_left(until: datetime, now: datetime) -> str:
    """The time left in one unit: days from two days up, hours below that."""
    span = until - now
    if span <= timedelta():
        return plain_text("left_past")
    if span >= timedelta(days=2):
        return plain_text("left_days", n=span.days)
    hours = span // timedelta(hours=1)
    return plain_text("left_hours", n=hours) if hours else plain_text("left_soon")


def format_percent(part: int, whole: int) -> str:
    """A share of the whole: 0%, <0.1%, 3.8%, 100%. Never rounded to all or to nothing."""
    share = 100 * part / whole if whole else 0.0
    if part and share < 0.1:
        number = "<0.1"
    elif part < whole and share > 99.9:
        number = ">99.9"
    else:
        number = f"{share:.0f}" if share in (0, 100) else f"{share:.1f}"
    return texts.PERCENT.format(share=number)


def join_words(words: Iterable[str]) -> str:
    """a, b, and c."""
    *first, last = words
    return plain_text("and", n=len(first), first=", ".join(first), last=last) if first else last
