"""The open rejections of a program: what was rejected in its submissions and has not come right since."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRejections:
    """Rejected rows by their content, of all submissions of a program so far.

    `rows` has the dtype `schemas.rows.open_rejections.OPEN_ROW_DTYPE`. `cut` counts the rows that did not fit.
    `previous` is the submission before, whose open rejections were carried over.
    """

    rows: "np.ndarray"
    cut: int = 0
    previous: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineComparison:
    """What became of the rejections that were open after the `submission` before, by content and not by position.

    - `fixed`: the suggested number came as an accepted row, or the same digits came right.
    - `still_open`: rejected again, however it is spelled.
    - `left_out`: neither came back.
    - `new`: rejected now, and not open before.
    - `not_compared`: were open before, but were too many to be kept.
    """

    submission: str
    fixed: int
    still_open: int
    left_out: int
    new: int
    not_compared: int = 0
