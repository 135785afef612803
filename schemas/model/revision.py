"""The diff between a program's numbers and those of its next revision."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.model.manifest import NumbersMode


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersDiff:
    """The numbers that a revision adds, removes, or gives another purpose.

    `added` and `changed` are indexes into the incoming arrays, `removed` are indexes into the current ones.
    """

    added: np.ndarray
    removed: np.ndarray
    changed: np.ndarray


ChangeKind = Literal["changed", "removed", "added"]

#: Instead of a call purpose, where the program does not have the number.
ABSENT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChanges:
    """Numbers that a revision changes in one way. `before` and `after` are indexes into `PURPOSES`, or `ABSENT`."""

    kind: ChangeKind
    numbers: np.ndarray
    before: np.ndarray
    after: np.ndarray


def diff_numbers(
    current: np.ndarray,
    current_purposes: np.ndarray,
    incoming: np.ndarray,
    incoming_purposes: np.ndarray,
    *,
    mode: NumbersMode,
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
