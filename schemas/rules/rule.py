"""The type of a rule in the catalog."""

import re
from dataclasses import dataclass
from typing import Literal

from schemas.model.findings import Severity

Scope = Literal["manifest", "schedule", "display_name", "call_reason", "logo", "file", "row", "number", "purpose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the catalog.

    `name` is a headline. `meaning` says what is wrong and why it matters. `fix` says what an analyst does in the
    spreadsheet or in the manifest. An error rejects its row, or the whole submission if the scope is the manifest, the
    program or a file. A warning rejects nothing.
    """

    id: str
    severity: Severity
    scope: Scope
    name: str
    meaning: str
    fix: str

    @property
    def first_step(self) -> str:
        """The first sentence of `fix`, for a line that is repeated many times."""
        return re.split(r"(?<=[.!?]) ", self.fix, maxsplit=1)[0]
