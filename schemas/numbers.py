"""The numbers of one submission: what is handed in to judge them, and what comes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, Protocol

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A number that this program may not have: another business's (NUM-022, unnamed) or another program's (NUM-023)."""

    rule: Literal["NUM-022", "NUM-023"]
    program: str | None


class Claims(Protocol):
    """Whose the numbers already are; asked in bulk, and only for numbers that are valid themselves."""

    def conflicts(self, numbers: np.ndarray) -> Mapping[int, Conflict]:
        """Those of the numbers (sorted unique int64 of ten digits) that the program may not have."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
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
class Terms:
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
