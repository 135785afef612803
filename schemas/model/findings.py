"""A finding: one rule broken at one place."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]
Column = Literal["phone_number", "call_purpose"]

#: The file name in findings about numbers that are typed into the manifest.
TYPED_NUMBERS_FILE = "(manifest)"

#: How many characters of a received value a finding keeps. All of it is in rejected.csv and in the archive.
MAX_VALUE_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule broken at one place.

    `row` is the spreadsheet's row and `line` the physical line of the file; both count from 1, and blank rows count.
    `path` is the place in the manifest (`schedule.start`). `value` is what was received, cut to `MAX_VALUE_LENGTH`
    characters. `suggestion` is what was probably meant. It is never applied.
    """

    rule: str
    severity: Severity
    message: str
    file: str | None = None
    row: int | None = None
    line: int | None = None
    column: Column | None = None
    path: str | None = None
    value: str | None = None
    suggestion: str | None = None
