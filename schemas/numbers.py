"""The numbers of one submission: what is handed in to judge them, and what comes out.

Importing this costs little; pandas, pandera and pyarrow come with the first `judge_numbers`.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

import numpy as np

from schemas.findings import Finding
from schemas.judgement import FileResult, RepairGroup
from schemas.manifest import TypedNumber
from schemas.policy import Caps, Policy
from schemas.purposes import DO_NOT_ORIGINATE
from schemas.rules import RULES
from schemas.shelf import Shelf, Spool

if TYPE_CHECKING:
    import pyarrow as pa

#: Told how many bytes of how many were read, as reading goes on.
Progress = Callable[[int, int], None]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersResult:
    """The judged numbers. `findings` are capped by rule and in all, in file and row order, a file's own first.

    `totals` are true counts by rule, `findings_total` their sum. `has_file_errors`: a whole file is at fault, so the
    submission is rejected. The three streams can be read many times.
    """

    files: tuple[FileResult, ...]
    findings: tuple[Finding, ...]
    findings_total: int
    totals: Mapping[str, int]
    groups: tuple[RepairGroup, ...]
    has_file_errors: bool
    all_do_not_originate: bool
    _accepted: Shelf
    _rejections: Shelf
    _records: Shelf

    def accepted(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Blocks of (ten-digit number as int64, call purpose as uint8 index into `PURPOSES`), in file and row order."""
        pieces = iter(self._accepted)
        for numbers in pieces:
            yield np.frombuffer(numbers, dtype=np.int64), np.frombuffer(next(pieces), dtype=np.uint8)

    def rejections(self) -> "Iterator[pa.RecordBatch]":
        """One row a finding on a record, in file and row order; columns as in `schemas.rows.REJECTION_COLUMNS`."""
        import pyarrow as pa

        from schemas.telling import SCHEMA

        for piece in self._rejections:
            yield pa.ipc.read_record_batch(pa.py_buffer(piece), SCHEMA)

    def rejected_records(self) -> Iterator[bytes]:
        """The rejected records as received, as UTF-8 without a BOM, each with its line end, in file and row order."""
        yield from self._records


def judge_numbers(
    sources: Sequence[Source],
    typed: Sequence[TypedNumber],
    terms: Terms,
    *,
    policy: Policy,
    caps: Caps,
    spool: Spool = io.BytesIO,
    workers: int = 1,
    elsewhere: Executor | None = None,
    progress: Progress | None = None,
) -> NumbersResult:
    """Judge every row of the files, then of the typed-in numbers. Any bytes give a result.

    Rows are judged by themselves first, then duplicates and conflicts are sorted out, then all findings are told.
    Temporary files come from `spool`; the caller closes those that the result still reads. With `workers` above 1,
    large submissions are judged by as many forked processes: the caller must then have no other threads. Workers
    `elsewhere` judge ranges of the files, which they open themselves: `Source.open` is pickled. The result depends on
    neither.
    """
    from schemas.duplicates import find_late
    from schemas.first_pass import read_all
    from schemas.second_pass import tell_all

    first = read_all(
        sources, typed, terms, policy=policy, spool=spool, workers=workers, elsewhere=elsewhere, progress=progress
    )
    late = find_late(
        first.judged,
        rows=first.rows,
        candidates=first.candidates,
        claims=terms.claims,
        do_not_originate=terms.do_not_originate,
        spool=spool,
    )
    told = tell_all(first, late, terms, caps=caps, spool=spool)
    first.judged.close()
    late.close()
    return NumbersResult(
        files=tuple(told.files),
        findings=tuple(told.findings[: caps.shown]),
        findings_total=told.totals.total(),
        totals=dict(sorted(told.totals.items())),
        groups=tuple(told.groups),
        has_file_errors=any(RULES[each.rule].severity == "error" for file in first.files for each in file.findings),
        all_do_not_originate=0 < told.purposes.sum() == told.purposes[DO_NOT_ORIGINATE],
        _accepted=told.accepted,
        _rejections=told.rejections,
        _records=told.records,
    )
