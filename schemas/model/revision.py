"""The difference between what a program is and what its next revision says it should be."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.model.business import DisplayName
from schemas.model.manifest import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersDifference:
    """Which numbers a revision adds, removes and re-purposes.

    `added` and `changed` are positions in the incoming arrays, `removed` positions in the present ones.
    """

    added: np.ndarray
    removed: np.ndarray
    changed: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionDiff:
    """What a revision changes, for the report and for whoever decides on it; counts of numbers, moved instants."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    start_moved: bool = False
    end_moved: bool = False
    branding_changed: bool = False


NO_DIFFERENCE = RevisionDiff()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramFacts:
    """What a revision says of a program besides its numbers, as far as a difference is told."""

    schedule: Schedule
    display_name: DisplayName | None
    logo_sha256: str | None


def numbers_difference(
    present: np.ndarray,
    present_purposes: np.ndarray,
    incoming: np.ndarray,
    incoming_purposes: np.ndarray,
    *,
    mode: Literal["add", "replace"],
) -> NumbersDifference:
    """Compare a program's numbers with a revision's; both are sorted, unique int64 with their call purposes beside.

    With mode "add" nothing is removed, whatever is present.
    """
    place = np.searchsorted(present, incoming)
    found = np.zeros(len(incoming), dtype=bool)
    inside = place < len(present)
    found[inside] = present[place[inside]] == incoming[inside]
    changed = found.copy()
    changed[found] = present_purposes[place[found]] != incoming_purposes[found]
    gone = np.ones(len(present), dtype=bool) if mode == "replace" else np.zeros(len(present), dtype=bool)
    gone[place[found]] = False
    return NumbersDifference(
        added=np.flatnonzero(~found), removed=np.flatnonzero(gone), changed=np.flatnonzero(changed)
    )


def difference(numbers: NumbersDifference, before: ProgramFacts | None, after: ProgramFacts) -> RevisionDiff:
    """Put the numbers' difference together with what moved besides them; a first revision moves nothing."""
    return RevisionDiff(
        added=len(numbers.added),
        removed=len(numbers.removed),
        changed=len(numbers.changed),
        start_moved=before is not None and before.schedule.start != after.schedule.start,
        end_moved=before is not None and before.schedule.end != after.schedule.end,
        branding_changed=before is not None
        and (before.display_name, before.logo_sha256) != (after.display_name, after.logo_sha256),
    )
