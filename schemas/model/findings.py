"""A finding: one rule broken at one place."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]
Column = Literal["phone_number", "call_purpose"]

#: The name under which numbers typed into the manifest appear, as if they were rows of a file.
TYPED_IN = "(manifest)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule broken at one place.

    `row` is the spreadsheet's row (from 1, blank rows count), `line` the physical line of the file (from 1), `path` the
    place in the manifest (`schedule.start`). `value` is what was received, cut to `VALUE_SHOWN` characters. A
    `suggestion` is what was probably meant; it is never applied.
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


#: Characters of a received value that a finding keeps; the whole is in rejected.csv and in the archive.
VALUE_SHOWN = 200
