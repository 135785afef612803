"""The operator's list of area codes: a file with a line `code,region,from,until` for each area code.

It adds area codes that neither phonenumbers nor the shipped list has, and closes others from a day on.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

from flows.errors import LaunchdropError
from flows.settings import PREFIX, Settings
from schemas.model.area_codes import AreaCodeList
from schemas.rows.numbers.area_codes import AreaCodesError, parse_area_codes

AREA_CODES_SETTING = f"{PREFIX}AREA_CODES"
#: The version of the list is this many digits of the file's sha256.
_VERSION_DIGITS = 12


def load_area_codes(settings: Settings) -> AreaCodeList | None:
    """The operator's list; None if none is set. An unchanged file is not read again.

    Raises LaunchdropError, in one line, if the file cannot be read or has an invalid line.
    """
    path = settings.area_codes
    if path is None:
        return None
    try:
        status = path.stat()
        return _read_list(path, status.st_mtime_ns, status.st_size)
    except (OSError, UnicodeDecodeError) as e:
        raise LaunchdropError(
            f"{AREA_CODES_SETTING}: {path} cannot be read: {e}. Expected a text file with an area code on each line."
        ) from None


def area_codes_version(settings: Settings) -> str | None:
    """The version of the operator's list, to check that two processes have the same one; None if none is set."""
    area_codes = load_area_codes(settings)
    return area_codes.version if area_codes else None


@lru_cache(maxsize=1)
def _read_list(path: Path, _mtime: int, _size: int) -> AreaCodeList:
    content = path.read_bytes()
    try:
        codes = parse_area_codes(content.decode("utf-8-sig"))
    except AreaCodesError as e:
        raise LaunchdropError(f"{AREA_CODES_SETTING}: {path} {e}") from None
    return AreaCodeList(version=hashlib.sha256(content).hexdigest()[:_VERSION_DIGITS], codes=codes)
