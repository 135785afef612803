"""What is handed in to judge a submission's numbers."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

import numpy as np

from schemas.model.drop import Claims

#: Told how many bytes of how many were read, as reading goes on.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersSource:
    """A numbers file as taken. `bytes` and `sha256` are what arrived; what the manifest expects may be None.

    `open` gives the bytes from the start, every time it is called.
    """

    name: str
    bytes: int
    sha256: str
    open: Callable[[], BinaryIO]
    expected_sha256: str | None = None
    expected_rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberTerms:
    """What the program and the operator say about its numbers.

    `call_purpose` is the program's (PUR-003; None: not compared). `regions` are ISO codes (NUM-014). `toll_free` is
    NUM-013's policy. `do_not_originate` is sorted int64 (NUM-024; None: no list).
    """

    call_purpose: str | None
    regions: tuple[str, ...]
    toll_free: Literal["allow", "reject"] = "allow"
    brands: bool = True
    do_not_originate: np.ndarray | None = field(default=None)
    claims: Claims | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWorkers:
    """Other processes that judge the rows of a large submission.

    `executor` runs `count` pieces of work at a time. With `opens_files` they open the submission's files themselves,
    on whatever machine they are: they are sent ranges of a file instead of its rows, and `Source.open` is pickled.
    """

    executor: Executor
    count: int
    opens_files: bool = False
