"""The catalogue's texts with their values put in: plurals, numbers, moments, and what a stranger wrote made visible."""

import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from reports import texts

if TYPE_CHECKING:
    from markupsafe import Markup

ELLIPSIS = "…"


def plain_text(key: str, **values: Any) -> str:
    """The text of this key as plain text."""
    return _chosen(key, values).format(**values)


def markup_text(key: str, **values: Any) -> "Markup":
    """The text of this key as markup; values that are no markup are escaped."""
    from markupsafe import Markup

    return Markup(_chosen(key, values)).format(**values)  # noqa: S704  # our own text; format escapes the values


def _chosen(key: str, values: dict[str, Any]) -> str:
    text = texts.TEXTS[key]
    if isinstance(text, str):
        return text
    return text[0] if values.get("n") == 1 else text[1]


def _invisible() -> dict[int, str]:
    """Marks that hide or reorder text, each with something that shows: NUL as ␀, U+202E as [U+202E]."""
    shown = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}
    for code in (*range(0x80, 0x2FFF), *range(0xFE00, 0x10000), *range(0xE0000, 0xE01F0)):
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp") or 0xFE00 <= code <= 0xFE0D:
            shown[code] = f"[U+{code:04X}]"
    return shown


_VISIBLE = _invisible()


def visible_text(text: str, width: int) -> str:
    """What was received, with invisible marks made visible, cut to `width` characters with an ellipsis."""
    if len(text) <= width and text.isascii() and text.isprintable():
        return text
    shown = text[:width].translate(_VISIBLE)
    return shown if len(shown) <= width and len(text) <= width else shown[: width - 1] + ELLIPSIS


def format_day(instant: datetime, zone: ZoneInfo) -> str:
    """Monday 4 January 2027."""
    return _moment(instant, zone, texts.DAY)


def format_short_day(instant: datetime, zone: ZoneInfo) -> str:
    """4 Jan."""
    return _moment(instant, zone, texts.DAY_OF_YEAR)


def format_time(instant: datetime, zone: ZoneInfo) -> str:
    """09:00."""
    return f"{instant.astimezone(zone):%H:%M}"


def format_long_moment(instant: datetime, zone: ZoneInfo) -> str:
    """Monday 4 January 2027, 09:00."""
    return texts.DAY_TIME.format(day=format_day(instant, zone), time=format_time(instant, zone))


def format_moment(instant: datetime, zone: ZoneInfo) -> str:
    """4 Jan 2027, 09:00."""
    return texts.DAY_TIME.format(day=_moment(instant, zone, texts.DAY_SHORT), time=format_time(instant, zone))


def _moment(instant: datetime, zone: ZoneInfo, form: str) -> str:
    local = instant.astimezone(zone)
    weekday, month = texts.WEEKDAYS[local.weekday()], texts.MONTHS[local.month - 1]
    return form.format(weekday=weekday, day=local.day, month=month, year=local.year)


def zone_city(timezone: str) -> str:
    """The city of an IANA time zone: "America/New_York" is "New York"."""
    return timezone.rpartition("/")[2].replace("_", " ")


def time_left(until: datetime, now: datetime) -> str:
    """The time left in one unit: days from two days on, hours below."""
    span = until - now
    if span <= timedelta():
        return plain_text("left_past")
    if span >= timedelta(days=2):
        return plain_text("left_days", n=span.days)
    hours = span // timedelta(hours=1)
    return plain_text("left_hours", n=hours) if hours else plain_text("left_soon")


def format_percent(part: int, whole: int) -> str:
    """A share for reading: 0 %, below 0.1 %, 3.8 %, 100 %; never rounded to all or to none."""
    share = 100 * part / whole if whole else 0.0
    if part and share < 0.1:
        return "< 0.1 %"
    if part < whole and share > 99.9:
        return "> 99.9 %"
    return f"{share:.0f} %" if share in (0, 100) else f"{share:.1f} %"


def join_words(words: Iterable[str]) -> str:
    """a, b and c."""
    *first, last = words
    return plain_text("and", first=", ".join(first), last=last) if first else last


UTC_ZONE = ZoneInfo("UTC")
