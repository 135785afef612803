"""The numbers of one submission: what is handed in to judge them, and what comes out.

Importing this costs little; pandas, pandera and pyarrow come with the first `judge_numbers`.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas.model.findings import Finding
from schemas.model.judgment import FileResult, RepairGroup
from schemas.model.manifest import TypedNumber
from schemas.model.policy import Caps, Policy
from schemas.model.purposes import DO_NOT_ORIGINATE
from schemas.rows.spill import OpenSpillFile, SpillFile
from schemas.rows.types import NumbersSource, NumberTerms, Progress, RowWorkers
from schemas.rules import RULES

if TYPE_CHECKING:
    import pyarrow as pa


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
    _accepted: SpillFile
    _rejections: SpillFile
    _records: SpillFile

    def accepted(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Blocks of (ten-digit number as int64, call purpose as uint8 index into `PURPOSES`), in file and row order."""
        pieces = iter(self._accepted)
        for numbers in pieces:
            yield np.frombuffer(numbers, dtype=np.int64), np.frombuffer(next(pieces), dtype=np.uint8)

    def rejections(self) -> "Iterator[pa.RecordBatch]":
        """One row a finding on a record, in file and row order; columns as in `schemas.rows.judging.row_schema.REJECTION_COLUMNS`."""
        import pyarrow as pa

        from schemas.rows.findings.findings_table import REJECTION_SCHEMA

        for piece in self._rejections:
            yield pa.ipc.read_record_batch(pa.py_buffer(piece), REJECTION_SCHEMA)

    def rejected_records(self) -> Iterator[bytes]:
        """The rejected records as received, as UTF-8 without a BOM, each with its line end, in file and row order."""
        yield from self._records


def judge_numbers(
    sources: Sequence[NumbersSource],
    typed: Sequence[TypedNumber],
    terms: NumberTerms,
    *,
    policy: Policy,
    caps: Caps,
    spool: OpenSpillFile = io.BytesIO,
    workers: RowWorkers | None = None,
    progress: Progress | None = None,
) -> NumbersResult:
    """Judge every row of the files, then of the typed-in numbers. Any bytes give a result.

    Rows are judged by themselves first, then duplicates and conflicts are sorted out, then all findings are told.
    Temporary files come from `spool`; the caller closes those that the result still reads. `workers` judge the rows of
    large submissions; the result does not depend on them.
    """
    from schemas.rows.first_pass import run_first_pass
    from schemas.rows.judging.cross_row_checks import check_across_rows
    from schemas.rows.second_pass import run_second_pass

    first = run_first_pass(sources, typed, terms, policy=policy, spool=spool, workers=workers, progress=progress)
    late = check_across_rows(
        first.judged,
        rows=first.rows,
        candidates=first.candidates,
        claims=terms.claims,
        do_not_originate=terms.do_not_originate,
        spool=spool,
    )
    told = run_second_pass(first, late, terms, caps=caps, spool=spool)
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
