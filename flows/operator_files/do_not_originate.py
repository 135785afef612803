"""The operator's do-not-originate list: a file of numbers, one a line."""

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
    """The listed numbers, sorted, as ten-digit int64; None where no list is set. Raises LaunchdropError at an unreadable line.

    A file that has not changed is not read again.
    """
    path = settings.do_not_originate
    if path is None:
        return None
    try:
        state = path.stat()
        return _read(path, state.st_mtime_ns, state.st_size)
    except (OSError, UnicodeDecodeError) as e:
        raise LaunchdropError(
            f"{SETTING_NAME}: {path} cannot be read: {e}. Expected a text file of numbers, one a line."
        ) from None


def do_not_originate_fingerprint(settings: Settings) -> str | None:
    """A print of the listed numbers, by which two processes know that they have the same."""
    listed = load_do_not_originate(settings)
    return None if listed is None else hashlib.sha256(listed.tobytes()).hexdigest()


@lru_cache(maxsize=1)
def _read(path: Path, _mtime: int, _size: int) -> "np.ndarray":
    import numpy as np

    lines = path.read_text("utf-8-sig").splitlines()
    numbers = [
        _number(path, row, text) for row, line in enumerate(lines, 1) if (text := line.partition("#")[0].strip())
    ]
    return np.unique(np.array(numbers, dtype=np.int64))


def _number(path: Path, row: int, text: str) -> int:
    try:
        return parse_ten_digits(text)
    except LaunchdropError as e:
        raise LaunchdropError(f"{SETTING_NAME}: {path} line {row}: {e}") from None


def parse_ten_digits(text: str) -> int:
    """A number that an operator wrote, as its ten digits. Raises LaunchdropError when it has not so many."""
    digits = "".join(c for c in text if c in "0123456789")
    if len(digits) == 11 and digits[0] == "1":
        digits = digits[1:]
    if len(digits) != 10 or not set(text) <= set("0123456789+-.() \t"):
        raise LaunchdropError("expected a number of ten digits, area code first")
    return int(digits)
