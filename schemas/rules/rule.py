"""What a rule is."""

from dataclasses import dataclass
from typing import Literal

from schemas.model.findings import Severity

Scope = Literal["manifest", "schedule", "display_name", "call_reason", "logo", "file", "row", "number", "purpose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One entry of the catalogue.

    `name` is a headline, `meaning` says what is wrong and why it matters, `fix` tells an analyst what to do in the
    spreadsheet or the manifest. An error rejects its row, or the whole submission where it is about the manifest, the
    program or a whole file; a warning rejects nothing.
    """

    id: str
    severity: Severity
    scope: Scope
    name: str
    meaning: str
    fix: str
