"""The diff between a program and its next revision."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.model.business import DisplayName
from schemas.model.manifest import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersDiff:
    """The numbers that a revision adds, removes, or gives another purpose.

    `added` and `changed` are indexes into the incoming arrays, `removed` are indexes into the current ones.
    """

    added: np.ndarray
    removed: np.ndarray
    changed: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionDiff:
    """What a revision changes: how many numbers, and whether its times or its branding are different."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    start_moved: bool = False
    end_moved: bool = False
    branding_changed: bool = False


EMPTY_DIFF = RevisionDiff()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramDetails:
    """The parts of a program, other than its numbers, that a diff compares."""

    schedule: Schedule
    display_name: DisplayName | None
    logo_sha256: str | None


def diff_numbers(
    current: np.ndarray,
    current_purposes: np.ndarray,
    incoming: np.ndarray,
    incoming_purposes: np.ndarray,
    *,
    mode: Literal["add", "replace"],
) -> NumbersDiff:
    """Compare a program's current numbers with a revision's incoming ones.

    The numbers are sorted, unique int64; the purposes are parallel arrays. Mode "add" never removes a number.
    """
    index = np.searchsorted(current, incoming)
    found = np.zeros(len(incoming), dtype=bool)
    in_range = index < len(current)
    found[in_range] = current[index[in_range]] == incoming[in_range]
    changed = found.copy()
    changed[found] = current_purposes[index[found]] != incoming_purposes[found]
    removed = np.ones(len(current), dtype=bool) if mode == "replace" else np.zeros(len(current), dtype=bool)
    removed[index[found]] = False
    return NumbersDiff(added=np.flatnonzero(~found), removed=np.flatnonzero(removed), changed=np.flatnonzero(changed))


def diff_revision(numbers: NumbersDiff, before: ProgramDetails | None, after: ProgramDetails) -> RevisionDiff:
    """The diff of a revision. `before` is None for a first revision, which moves nothing."""
    return RevisionDiff(
        added=len(numbers.added),
        removed=len(numbers.removed),
        changed=len(numbers.changed),
        start_moved=before is not None and before.schedule.start != after.schedule.start,
        end_moved=before is not None and before.schedule.end != after.schedule.end,
        branding_changed=before is not None
        and (before.display_name, before.logo_sha256) != (after.display_name, after.logo_sha256),
    )
