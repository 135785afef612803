"""Judges all numbers of one submission: both passes, and their result.

Importing this is cheap: pandas, Pandera and pyarrow are imported by the first `judge_numbers`.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas.model.callbacks import OpenSpillFile, Progress
from schemas.model.findings import Finding
from schemas.model.judgment import FileResult, RepairGroup, RowTotals
from schemas.model.manifest import TypedNumber
from schemas.model.policy import FindingCaps, Policy
from schemas.model.purposes import DO_NOT_ORIGINATE_INDEX
from schemas.rows.spill import SpillFile
from schemas.rows.types import NumbersSource, NumberTerms, RowWorkers
from schemas.rules import RULES

if TYPE_CHECKING:
    import pyarrow as pa

    from schemas.rows.first_pass import FirstPassResult
    from schemas.rows.second_pass import SecondPassResult


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersResult:
    """The judged numbers.

    - `findings`: capped per rule and in total, in file and row order; a file's own findings come before its rows'.
    - `totals`: true counts by rule; `findings_total` is their sum.
    - `has_file_errors`: a file as a whole has an error, so the submission is rejected.

    The three methods stream their result, and can be called any number of times.
    """

    files: tuple[FileResult, ...]
    findings: tuple[Finding, ...]
    findings_total: int
    totals: Mapping[str, int]
    groups: tuple[RepairGroup, ...]
    has_file_errors: bool
    all_do_not_originate: bool
    rows: RowTotals
    _accepted: SpillFile
    _rejections: SpillFile
    _rejected_records: SpillFile

    def accepted(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Blocks of (ten-digit number as int64, call purpose as uint8 index into `PURPOSES`), in file and row order."""
        pieces = iter(self._accepted)
        for numbers in pieces:
            yield np.frombuffer(numbers, dtype=np.int64), np.frombuffer(next(pieces), dtype=np.uint8)

    def rejections(self) -> "Iterator[pa.RecordBatch]":
        """One row per finding on a record, in file and row order; the columns are `REJECTION_COLUMNS`."""
        from schemas.rows.findings.findings_table import unpack_findings  # only here, for a fast start

        for piece in self._rejections:
            yield unpack_findings(piece)

    def rejected_records(self) -> Iterator[bytes]:
        """The records of rejected.csv, as UTF-8 without a BOM, each with its line end, in file and row order.

        In pieces of bounded size: a piece has whole records, or a part of a very long one.
        """
        yield from self._rejected_records


def judge_numbers(
    sources: Sequence[NumbersSource],
    typed: Sequence[TypedNumber],
    terms: NumberTerms,
    *,
    policy: Policy,
    caps: FindingCaps,
    open_spill: OpenSpillFile = io.BytesIO,
    workers: RowWorkers | None = None,
    progress: Progress | None = None,
) -> NumbersResult:
    """Judge every row of the files, then of the typed-in numbers. Returns a result for any bytes.

    First judges each row by itself, then looks for duplicates and conflicts, then describes all findings.

    `open_spill` opens temporary files. The result still reads some of them; closing those is up to the caller.
    `workers` judge the rows of large submissions; the result is the same without them.
    """
    # These import pandas, Pandera and pyarrow: only here, for a fast start.
    from schemas.rows.first_pass import run_first_pass
    from schemas.rows.judging.cross_row_checks import check_across_rows
    from schemas.rows.second_pass import run_second_pass

    first = run_first_pass(
        sources, typed, terms, policy=policy, open_spill=open_spill, workers=workers, progress=progress
    )
    cross_row = check_across_rows(
        first.judged,
        rows=first.rows,
        candidates=first.candidates,
        terms=terms,
        open_spill=open_spill,
    )
    second = run_second_pass(first, cross_row, terms, caps=caps, open_spill=open_spill)
    first.judged.close()
    cross_row.close()
    return _result(first, second, caps)


def _result(first: "FirstPassResult", second: "SecondPassResult", caps: FindingCaps) -> NumbersResult:
    return NumbersResult(
        files=tuple(second.files),
        findings=tuple(second.findings[: caps.shown]),
        findings_total=second.totals.total(),
        totals=dict(sorted(second.totals.items())),
        groups=tuple(second.groups),
        has_file_errors=any(RULES[each.rule].severity == "error" for file in first.files for each in file.findings),
        all_do_not_originate=0 < second.purposes.sum() == second.purposes[DO_NOT_ORIGINATE_INDEX],
        rows=_row_totals(second),
        _accepted=second.accepted,
        _rejections=second.rejections,
        _rejected_records=second.rejected_records,
    )


def _row_totals(second: "SecondPassResult") -> RowTotals:
    rejected = sum(file.counts.rejected for file in second.files)
    return RowTotals(
        with_findings=second.rows_with_findings,
        repeated=rejected - second.rows_in_rejected_csv,
        emptied=second.emptied_rows,
        unlisted=second.listing.unlisted,
        csv_bytes=second.listing.listed_bytes + second.rejected_bytes,
    )
