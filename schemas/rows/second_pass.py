"""The second pass: with everything known, each finding put into words and each rejected record copied, once."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.model.findings import Finding
from schemas.model.judgment import Counts, FileResult, RepairGroup
from schemas.model.policy import Caps
from schemas.model.purposes import PURPOSES
from schemas.rows.findings.findings_table import FindingsDescriber, RowFindings, merge_findings, to_findings
from schemas.rows.findings.messages import MessageWriter, distinct_codes
from schemas.rows.findings.repair_groups import RepairGroupCounter
from schemas.rows.findings.suggestions import Suggester
from schemas.rows.first_pass import FirstPassResult, ReadFile
from schemas.rows.judging.cross_row_checks import CrossRowFindings
from schemas.rows.judging.file_checks import check_accepted_purposes
from schemas.rows.judging.row_schema import JudgedBlock
from schemas.rows.reading.csv_records import CHUNK_ROWS, RecordBlock
from schemas.rows.reading.long_lines import CutTail, LineSplitter
from schemas.rows.rule_codes import ROW_RULES
from schemas.rows.spill import OpenSpillFile, SpillFile
from schemas.rows.types import NumberTerms

Integers = NDArray[np.int64]


@dataclass(slots=True)
class SecondPassResult:
    """What the second pass gives, growing block by block. The three shelves hold what is streamed to the reports."""

    spool: OpenSpillFile
    caps: Caps
    accepted: SpillFile = field(init=False)
    rejections: SpillFile = field(init=False)
    records: SpillFile = field(init=False)
    files: list[FileResult] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)
    groups: list[RepairGroup] = field(default_factory=list)
    purposes: Integers = field(default_factory=lambda: np.zeros(len(PURPOSES), dtype=np.int64))
    _shown: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.accepted, self.rejections, self.records = (SpillFile(self.spool) for _ in range(3))

    def take(self, file: "_FilePass", groups: RepairGroupCounter, terms: NumberTerms) -> None:
        """Take in a file that was told."""
        of_file = [*file.file.findings, *check_accepted_purposes(file.file.name, file.purposes, terms)]
        self.totals.update(each.rule for each in of_file)
        self.findings += [*of_file, *file.shown]
        self.purposes += file.purposes
        self.groups += groups.largest()
        self.files.append(file.result())

    def show(self, found: RowFindings, batch: pa.RecordBatch) -> list[Finding]:
        """The findings of this block that are among the first of their rule."""
        first = [self._first(found, code) for code in distinct_codes(found.code)]
        place = np.sort(np.concatenate(first))[: self.caps.shown]
        return to_findings(batch.take(pa.array(place)))

    def _first(self, found: RowFindings, code: int) -> Integers:
        place = np.flatnonzero(found.code == code)
        self.totals[ROW_RULES[code]] += len(place)
        place = place[: max(0, self.caps.per_rule - self._shown[code])]
        self._shown[code] += len(place)
        return place


def run_second_pass(
    first: FirstPassResult, late: CrossRowFindings, terms: NumberTerms, *, caps: Caps, spool: OpenSpillFile
) -> SecondPassResult:
    """Tell every file's findings, in order."""
    telling = SecondPassResult(spool, caps)
    suggestions = Suggester()
    ends = np.cumsum([file.rows for file in first.files]).tolist()

    def where(ordinal: int) -> tuple[str, int]:
        file = bisect_right(ends, ordinal)
        return first.files[file].name, ordinal - (ends[file - 1] if file else 0) + 1

    wording = MessageWriter(where=where, programs=late.programs)
    judged = iter(first.judged)
    for file, end in zip(first.files, ends, strict=True):
        tails = spool()
        lines = LineSplitter(tails)
        teller = FindingsDescriber(file=file.name, wording=wording, suggestions=suggestions, cuts=lines.cuts)
        each = _FilePass(file, end - file.rows, telling, teller, late, tails)
        telling.take(each, each.tell(judged, file.frame(lines)), terms)
        tails.close()
    return telling


@dataclass(slots=True)
class _FilePass:
    """The second pass over one file, whose first row has this ordinal."""

    file: ReadFile
    ordinal: int
    telling: SecondPassResult
    teller: FindingsDescriber
    late: CrossRowFindings
    tails: BinaryIO
    accepted: int = 0
    shown: list[Finding] = field(default_factory=list)
    rejected: list[Integers] = field(default_factory=list)
    purposes: Integers = field(default_factory=lambda: np.zeros(len(PURPOSES), dtype=np.int64))

    def tell(self, judged: Iterator[JudgedBlock], blocks: Iterator[RecordBlock]) -> RepairGroupCounter:
        """Tell the next blocks of `judged`, which are this file's; `blocks` are the same framed again, if need be."""
        groups = RepairGroupCounter(self.file.name)
        numbered = enumerate(blocks)
        for number in range(self.file.blocks):
            block = next(judged)
            rows = len(block.number)
            found = merge_findings(block, self.late.between(self.ordinal, self.ordinal + rows), self.ordinal)
            self._count(block, found.rejected)
            if len(found.row):
                framed = next(framed for place, framed in numbered if place == number)
                self._put(framed, found, groups)
            self.ordinal += rows
        return groups

    def _count(self, block: JudgedBlock, rejected: Integers) -> None:
        stands = block.stands.copy()
        stands[rejected] = False
        number, purpose = block.number[stands], block.purpose[stands]
        self.telling.accepted.put_arrays(number, purpose)
        self.accepted += len(number)
        self.purposes += np.bincount(purpose, minlength=len(PURPOSES))
        self.rejected.append(np.bincount(rejected // CHUNK_ROWS, minlength=-(-len(stands) // CHUNK_ROWS)))

    def _put(self, block: RecordBlock, found: RowFindings, groups: RepairGroupCounter) -> None:
        told = self.teller.tell(block, found)
        groups.add(told)
        self.shown += self.telling.show(found, told.batch)
        self.telling.rejections.put(memoryview(told.batch.serialize()))
        self.telling.records.put(self.teller.records(block, found.rejected, self._tail))

    def _tail(self, cut: CutTail) -> bytes:
        self.tails.seek(cut.offset)
        return self.tails.read(cut.length)

    def result(self) -> FileResult:
        rejected = np.concatenate([np.zeros(0, dtype=np.int64), *self.rejected])
        counts = Counts(
            read=self.file.rows, accepted=self.accepted, rejected=int(rejected.sum()), ignored=self.file.ignored
        )
        return FileResult(
            name=self.file.name,
            sha256=self.file.sha256,
            bytes=self.file.bytes,
            chunks=len(rejected),
            counts=counts,
            rejected_by_chunk=tuple(rejected.tolist()),
        )
