"""The one form in which a time is read: ISO 8601, as in 2027-01-04T09:00 or 2027-01-04T09:00:00-06:00."""

import re
from datetime import UTC, datetime, timedelta, timezone

from schemas.manifest.times.time_zones import MAX_OFFSET

FIRST_YEAR, LAST_YEAR = 2000, 2199

_TIME = re.compile(
    r"(?P<local>[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)"
    r"(?:(?<=:[0-9]{2}:[0-9]{2})\.0{1,9})? ?"  # programs add the fraction of a second, even if it is zero
    r"(?:(?P<utc>Z)|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-5][0-9]))?"
)


def read_time(text: str) -> datetime | None:
    """The time: aware if it has an offset, else naive. None if it is not written in the expected form."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    try:
        local = datetime.fromisoformat(found["local"])
    except ValueError:
        return None
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        return None
    if found["utc"]:
        return local.replace(tzinfo=UTC)
    if not found["sign"]:
        return local
    offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    if offset > MAX_OFFSET:
        return None
    return local.replace(tzinfo=timezone(-offset if found["sign"] == "-" else offset))
