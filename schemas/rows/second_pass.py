"""The second pass over a submission's numbers: describes all findings, and copies the rejected records."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from schemas.model.callbacks import OpenSpillFile
from schemas.model.findings import Finding
from schemas.model.judgment import CHUNK_ROWS, Counts, FileResult, RepairGroup
from schemas.model.policy import FindingCaps
from schemas.model.purposes import PURPOSES
from schemas.rows.findings.findings_table import FindingsDescriber, pack_findings, to_findings
from schemas.rows.findings.listing_limit import ListingLimit
from schemas.rows.findings.messages import MessageWriter, distinct_codes
from schemas.rows.findings.rejected_records import RejectedRecords, select_rejected_records
from schemas.rows.findings.repair_groups import RepairGroupCounter
from schemas.rows.findings.row_findings import RowFindings, distinct_rows, merge_findings, split_by_size
from schemas.rows.findings.row_places import RowPlaces
from schemas.rows.findings.suggestions import Suggester
from schemas.rows.first_pass import FirstPassResult, ReadFile
from schemas.rows.judging.cross_row_checks import CrossRowFindings
from schemas.rows.judging.file_checks import check_accepted_purposes
from schemas.rows.judging.row_schema import JudgedBlock
from schemas.rows.reading.csv_records import RecordBlock
from schemas.rows.reading.encoding import PIECE_BYTES, read_pieces
from schemas.rows.reading.long_lines import CutTail, LineSplitter
from schemas.rows.rule_codes import ROW_RULES
from schemas.rows.spill import SpillFile
from schemas.rows.types import Integers, NumberTerms

#: How many bytes of records are described at once. Only blocks with very long rows have more.
_BYTES_AT_ONCE = 4 << 20


#: Findings up to this size are spilled as they are: compressing them would take longer than it saves.
UNCOMPRESSED_BYTES = 64_000_000


@dataclass(slots=True)
class SecondPassResult:
    """The results of the second pass, which grow block by block.

    The three spill files hold what is streamed to the reports. `purposes` counts the accepted rows by purpose.
    """

    open_spill: OpenSpillFile
    caps: FindingCaps
    listing: ListingLimit
    accepted: SpillFile = field(init=False)
    rejections: SpillFile = field(init=False)
    rejected_records: SpillFile = field(init=False)
    files: list[FileResult] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)
    groups: list[RepairGroup] = field(default_factory=list)
    purposes: Integers = field(default_factory=lambda: np.zeros(len(PURPOSES), dtype=np.int64))
    rows_with_findings: int = 0
    rows_in_rejected_csv: int = 0
    rejected_bytes: int = 0
    emptied_rows: int = 0
    _shown: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.accepted, self.rejections, self.rejected_records = (SpillFile(self.open_spill) for _ in range(3))

    def add_file(self, file: "_FilePass", groups: RepairGroupCounter, terms: NumberTerms) -> None:
        """Add a file's results, after all of its blocks."""
        file_findings = [*file.file.findings, *check_accepted_purposes(file.file.name, file.purposes, terms)]
        self.totals.update(each.rule for each in file_findings)
        self.findings += [*file_findings, *file.shown]
        self.purposes += file.purposes
        self.groups += groups.largest()
        self.files.append(file.result())

    def count_rows(self, found: RowFindings, rejected: RejectedRecords) -> None:
        """Count a block's rows with findings, and those of rejected.csv."""
        self.rows_with_findings += len(distinct_rows(found.row)[0])
        self.rows_in_rejected_csv += len(rejected.rows)
        self.emptied_rows += int(np.count_nonzero(rejected.emptied))

    def select_shown(self, found: RowFindings, batch: pa.RecordBatch) -> list[Finding]:
        """Count a block's findings; return those that are among the first of their rule."""
        first = [self._first_of_rule(found, code) for code in distinct_codes(found.code)]
        place = np.sort(np.concatenate(first))[: self.caps.shown]
        return to_findings(batch.take(pa.array(place)))

    def _first_of_rule(self, found: RowFindings, code: int) -> Integers:
        place = np.flatnonzero(found.code == code)
        self.totals[ROW_RULES[code]] += len(place)
        place = place[: max(0, self.caps.per_rule - self._shown[code])]
        self._shown[code] += len(place)
        return place


def run_second_pass(
    first: FirstPassResult,
    cross_row: CrossRowFindings,
    terms: NumberTerms,
    *,
    caps: FindingCaps,
    open_spill: OpenSpillFile,
) -> SecondPassResult:
    """Describe the findings of every file, in order."""
    result = SecondPassResult(open_spill, caps, ListingLimit.for_bytes(sum(file.bytes for file in first.files)))
    suggester = Suggester(terms.area_codes.in_force())
    ends = np.cumsum([file.rows for file in first.files]).tolist()
    places = RowPlaces(files=[file.name for file in first.files], sizes=[file.rows for file in first.files])
    messages = MessageWriter(places=places, programs=cross_row.programs, area_codes=terms.area_codes)
    judged = iter(first.judged)
    for file, end in zip(first.files, ends, strict=True):
        tail_file = open_spill()
        lines = LineSplitter(tail_file)
        describer = FindingsDescriber(
            file=file.name, messages=messages, suggester=suggester, places=places, tails=lines.tails
        )
        file_pass = _FilePass(file, end - file.rows, result, describer, cross_row, tail_file)
        result.add_file(file_pass, file_pass.run(judged, file.split(lines)), terms)
        tail_file.close()
    return result


@dataclass(slots=True)
class _FilePass:
    """The second pass over one file. `ordinal` is that of the next row."""

    file: ReadFile
    ordinal: int
    results: SecondPassResult
    describer: FindingsDescriber
    cross_row: CrossRowFindings
    tail_file: BinaryIO
    accepted: int = 0
    shown: list[Finding] = field(default_factory=list)
    rejected: list[Integers] = field(default_factory=list)
    purposes: Integers = field(default_factory=lambda: np.zeros(len(PURPOSES), dtype=np.int64))

    def run(self, judged: Iterator[JudgedBlock], blocks: Iterator[RecordBlock]) -> RepairGroupCounter:
        """Process this file's blocks, the next ones of `judged`. `blocks` reads them again, as far as needed."""
        groups = RepairGroupCounter(self.file.name)
        numbered = enumerate(blocks)
        for index in range(self.file.blocks):
            judged_block = next(judged)
            rows = len(judged_block.number)
            cross_row = self.cross_row.in_range(self.ordinal, self.ordinal + rows)
            found = merge_findings(judged_block, cross_row, self.ordinal)
            self._count(judged_block, found.rejected)
            if len(found.row):
                block = next(block for place, block in numbered if place == index)
                for part in split_by_size(found, block.starts, _BYTES_AT_ONCE):
                    self._write(block, part, groups)
            self.ordinal += rows
        return groups

    def _count(self, judged: JudgedBlock, rejected: Integers) -> None:
        accepted = judged.passed.copy()
        accepted[rejected] = False
        number, purpose = judged.number[accepted], judged.purpose[accepted]
        self.results.accepted.put_arrays(number, purpose)
        self.accepted += len(number)
        self.purposes += np.bincount(purpose, minlength=len(PURPOSES))
        self.rejected.append(np.bincount(rejected // CHUNK_ROWS, minlength=-(-len(accepted) // CHUNK_ROWS)))

    def _write(self, block: RecordBlock, found: RowFindings, groups: RepairGroupCounter) -> None:
        results, rejected = self.results, select_rejected_records(block, found)
        described = self.describer.describe(block, found, rejected, results.rows_in_rejected_csv + 1)
        results.count_rows(found, rejected)
        groups.add(described.batch, described.codes, described.patterns)
        self.shown += results.select_shown(found, described.batch)
        results.listing.add(described.batch)
        results.rejections.put(pack_findings(described.batch, compress=results.rejections.size > UNCOMPRESSED_BYTES))
        for piece in self.describer.records(block, rejected, self._read_tail):
            results.rejected_records.put(piece)
            results.rejected_bytes += len(piece)

    def _read_tail(self, tail: CutTail) -> Iterator[bytes]:
        self.tail_file.seek(tail.offset)
        return read_pieces(self.tail_file, PIECE_BYTES, tail.length)

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
