"""What a drop is judged against: the facts in businesses.yaml, in the operator's lists and in the ledger.

They are passed in as values and functions, so that the rules open no file and no database.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from schemas.model.area_codes import AreaCodeList
from schemas.model.business import Business
from schemas.model.judgment import JudgedNumbers, OpenRejections
from schemas.model.lifecycle import RevisionState

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingProgram:
    """What the ledger has for the manifest's reference.

    `start` and `end` are aware instants, as now in force. `numbers` counts the pending and live ones. `calls` says that
    some of them are not Do Not Originate. `held` says that the only revision is held for the operator: `state` is then
    None, and the next revision still counts as the first.
    """

    state: RevisionState | None
    revision: int
    start: datetime | None
    end: datetime | None
    live: bool = False
    numbers: int = 0
    calls: bool = False
    held: bool = False

    @property
    def start_is_fixed(self) -> bool:
        """The program is live or being launched. (A new revision waits until the launch is over.)"""
        return self.live or self.state == "launching"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberConflict:
    """Why this program cannot have a number: another business (NUM-022) or another program (NUM-023) has it.

    `program` names the other program of the same business. It is None for another business, which is never named.
    """

    rule: Literal["NUM-022", "NUM-023"]
    program: str | None


class NumberClaims(Protocol):
    """Looks up who already has a number."""

    def find_conflicts(self, numbers: "np.ndarray") -> Mapping[int, NumberConflict]:
        """The conflicts by number. `numbers` are valid ten-digit numbers: sorted, unique, int64."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousSubmission:
    """The newest submission for the same program, whatever became of it.

    - `open`: what was still open after it; None if that was not kept.
    - `suspects`: the numbers that a spreadsheet would make of its damaged ones, without those that the program has.
      Sorted int64.
    """

    id: str
    open: OpenRejections | None
    suspects: "np.ndarray"


ReadPurposes = Callable[["np.ndarray"], tuple["np.ndarray", "np.ndarray"]]


def _no_gallery(_name: str) -> bytes | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingContext:
    """Everything outside the drop that the rules look at. If a field is None, the rules that need it are not checked.

    `is_registered` is None where there is no list of businesses to look in. `has_ledger` is False in a dry run.
    `previous` is None for the first submission of a program.
    `do_not_originate` is sorted int64. `area_codes` is the operator's list; without one, the shipped list still counts.
    `gallery` returns the bytes of a gallery logo by its name. `count_removed_by_replace` counts the program's numbers
    that are not among the accepted ones, which `numbers_mode: replace` would remove. `read_purposes` takes numbers
    (sorted, unique, int64), and returns those that the program has and the call purpose of each, an index into
    `PURPOSES`. Both are None if there is no such program.
    """

    business: Business | None = None
    is_registered: bool | None = None
    has_ledger: bool = False
    program: ExistingProgram | None = None
    previous: PreviousSubmission | None = None
    claims: NumberClaims | None = None
    do_not_originate: "np.ndarray | None" = None
    area_codes: AreaCodeList | None = None
    gallery: Callable[[str], bytes | None] = _no_gallery
    count_removed_by_replace: Callable[[JudgedNumbers], int] | None = None
    read_purposes: ReadPurposes | None = None
