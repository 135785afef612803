"""The operator's do-not-originate list: a file with one number per line."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from flows.errors import LaunchdropError
from flows.settings import PREFIX, Settings

if TYPE_CHECKING:
    import numpy as np

SETTING_NAME = f"{PREFIX}DO_NOT_ORIGINATE"


def load_do_not_originate(settings: Settings) -> "np.ndarray | None":
    """The listed numbers as a sorted array of int64; None if no list is set. An unchanged file is not read again.

    Raises LaunchdropError if the file cannot be read or has an invalid line.
    """
    path = settings.do_not_originate
    if path is None:
        return None
    try:
        status = path.stat()
        return _read_list(path, status.st_mtime_ns, status.st_size)
    except (OSError, UnicodeDecodeError) as e:
        raise LaunchdropError(
            f"{SETTING_NAME}: {path} cannot be read: {e}. Expected a text file with one number per line."
        ) from None


def do_not_originate_fingerprint(settings: Settings) -> str | None:
    """A hash of the listed numbers, to check that two processes have the same list; None if no list is set."""
    numbers = load_do_not_originate(settings)
    return None if numbers is None else hashlib.sha256(numbers.tobytes()).hexdigest()


@lru_cache(maxsize=1)
def _read_list(path: Path, _mtime: int, _size: int) -> "np.ndarray":
    import numpy as np  # saves start-up time of commands that only parse a number

    lines = path.read_text("utf-8-sig").splitlines()
    numbers = [
        _parse_line(path, row, text) for row, line in enumerate(lines, 1) if (text := line.partition("#")[0].strip())
    ]
    return np.unique(np.array(numbers, dtype=np.int64))


def _parse_line(path: Path, row: int, text: str) -> int:
    try:
        return parse_ten_digits(text)
    except LaunchdropError as e:
        raise LaunchdropError(f"{SETTING_NAME}: {path} line {row}: {e}") from None


def parse_ten_digits(text: str) -> int:
    """The ten digits of a phone number that the operator typed, with an optional leading 1. Raises LaunchdropError."""
    digits = "".join(c for c in text if c in "0123456789")
    if len(digits) == 11 and digits[0] == "1":
        digits = digits[1:]
    if len(digits) != 10 or not set(text) <= set("0123456789+-.() \t"):
        raise LaunchdropError("expected a phone number with ten digits, area code first")
    return int(digits)
