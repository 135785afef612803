"""The inputs of judging a submission's numbers, and the array types of the row engine."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from schemas.model.area_codes import METADATA_ONLY, NO_AREA_CODE_LISTS, AreaCodesInForce, AreaCodesOnDay
from schemas.model.judging_context import NumberClaims, ReadPurposes

Integers = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersSource:
    """A numbers file as it arrived, and what the manifest expects of it (None: nothing).

    Every call of `open` returns the bytes from the start.
    """

    name: str
    bytes: int
    sha256: str
    open: Callable[[], BinaryIO]
    expected_sha256: str | None = None
    expected_rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTerms:
    """What a row by itself is judged by. It can be hashed, and is sent to workers.

    - `regions`: ISO codes of the served regions (NUM-014).
    - `toll_free`: the policy of NUM-013.
    - `area_codes`: what goes before the metadata (NUM-008, NUM-014, NUM-015).
    """

    regions: tuple[str, ...]
    toll_free: Literal["allow", "reject"] = "allow"
    area_codes: AreaCodesInForce = METADATA_ONLY


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberTerms:
    """What the program and the operator require of the numbers.

    - `call_purpose`: the program's, which rows are compared with (PUR-003; None: no comparison).
    - `regions`, `toll_free`: as in `RowTerms`.
    - `area_codes`: the listed area codes, and the day for which they count.
    - `do_not_originate`: the operator's list, sorted int64 (NUM-024; None: no list).
    - `claims`: who already has which numbers (NUM-022 and NUM-023; None: not checked).
    - `suspects`: numbers that a spreadsheet would make of damaged ones, sorted int64 (NUM-025; None: not checked).
    - `read_purposes`: which numbers the program has, with which purposes (PUR-006; None: not checked).
    """

    call_purpose: str | None
    regions: tuple[str, ...]
    toll_free: Literal["allow", "reject"] = "allow"
    area_codes: AreaCodesOnDay = NO_AREA_CODE_LISTS
    do_not_originate: np.ndarray | None = None
    claims: NumberClaims | None = None
    suspects: np.ndarray | None = None
    read_purposes: ReadPurposes | None = None

    def of_rows(self) -> RowTerms:
        """The terms for a row by itself."""
        return RowTerms(regions=self.regions, toll_free=self.toll_free, area_codes=self.area_codes.in_force())


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWorkers:
    """Processes that judge the rows of a large submission.

    `executor` runs `count` tasks at a time. If `opens_files` is true, the workers open the submission's files
    themselves, possibly on other machines: they are sent byte ranges instead of rows, and `NumbersSource.open` is
    pickled.
    """

    executor: Executor
    count: int
    opens_files: bool = False
