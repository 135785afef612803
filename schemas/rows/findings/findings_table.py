"""From rule codes to the lines of rejections.csv, and the rejected records as received."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.model.findings import MAX_VALUE_LENGTH, Column, Finding
from schemas.model.judgment import REJECTION_COLUMNS
from schemas.rows.findings.messages import FindingFacts, MessageWriter, texts_by_code
from schemas.rows.findings.repair_groups import repair_patterns
from schemas.rows.findings.suggestions import Suggester
from schemas.rows.judging.cross_row_checks import CROSS_ROW_DTYPE
from schemas.rows.judging.row_schema import IS_ERROR, JudgedBlock
from schemas.rows.numbers.columns import block_cells, block_records
from schemas.rows.reading.csv_quotes import RecordFault
from schemas.rows.reading.csv_records import RecordBlock
from schemas.rows.reading.long_lines import CUT_LINE_END, CutTail
from schemas.rows.rule_codes import ROW_RULES
from schemas.rows.types import BoolArray, Integers
from schemas.rules import RULES, make_finding

REJECTION_SCHEMA = pa.schema(
    [(name, pa.int64() if name in ("row", "line") else pa.string()) for name in REJECTION_COLUMNS]
)

_RULES = [RULES[rule] for rule in ROW_RULES]
_TEXTS = {name: pa.array([getattr(rule, name) for rule in _RULES]) for name in ("id", "severity", "fix")}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFindings:
    """All findings of a block: rule `code[k]` in its row `row[k]`, sorted. `related` is as in `CROSS_ROW_DTYPE`."""

    row: Integers
    code: NDArray[np.uint8]
    related: Integers

    @property
    def rejected(self) -> Integers:
        """The distinct rejected rows, sorted."""
        return distinct_rows(self.row[IS_ERROR[self.code]])[0]


def distinct_rows(row: Integers) -> tuple[Integers, Integers]:
    """The distinct values of a sorted array, and for each of its values the index among them."""
    new = np.ones(len(row), dtype=np.bool_)
    new[1:] = row[1:] != row[:-1]
    return row[new], np.cumsum(new) - 1


def merge_findings(judged: JudgedBlock, cross_row: NDArray[np.void], first_ordinal: int) -> RowFindings:
    """Merge a block's own findings with those of the checks across rows (dtype `CROSS_ROW_DTYPE`)."""
    if not len(cross_row):
        return RowFindings(row=judged.row, code=judged.code, related=np.full(len(judged.row), -1))
    assert cross_row.dtype == CROSS_ROW_DTYPE
    row = np.concatenate([judged.row, cross_row["ordinal"] - first_ordinal])
    code = np.concatenate([judged.code, cross_row["code"]])
    related = np.concatenate([np.full(len(judged.row), -1), cross_row["related"]])
    order = np.lexsort((code, row))
    return RowFindings(row=row[order], code=code[order], related=related[order])


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedFindings:
    """A block's findings as lines of rejections.csv, with the rule code and the repair pattern of each."""

    batch: pa.RecordBatch
    codes: NDArray[np.uint8]
    patterns: pa.Array


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsDescriber:
    """Describes the findings of one file's blocks. `tails` are the cut lines of the file so far."""

    file: str
    messages: MessageWriter
    suggester: Suggester
    tails: Mapping[int, CutTail] = field(default_factory=dict)

    def describe(self, block: RecordBlock, found: RowFindings) -> DescribedFindings:
        """A block's findings as lines of rejections.csv."""
        rows, index = distinct_rows(found.row)
        cells = block_cells(block, rows)
        numbers, purposes = (
            pc.cast(column, pa.string()).take(pa.array(index)) for column in (cells.number, cells.purpose)
        )
        facts = FindingFacts(
            code=found.code,
            number=numbers,
            cell_counts=block.cell_counts[found.row],
            fault=self._faults(block, found.row),
            related=found.related,
        )
        code = pa.array(found.code)
        columns = [
            pa.repeat(self.file, len(found.row)),
            pa.array(found.row + block.first_row),
            _known_lines(block.lines[found.row]),
            _shorten(numbers),
            _shorten(purposes),
            _TEXTS["id"].take(code),
            _TEXTS["severity"].take(code),
            self.messages.messages(facts),
            _TEXTS["fix"].take(code),
            self._suggest(block, found, numbers, purposes),
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=REJECTION_SCHEMA)
        patterns = repair_patterns(facts, purposes, batch["message"])
        return DescribedFindings(batch=batch, codes=found.code, patterns=patterns)

    def _faults(self, block: RecordBlock, row: Integers) -> Integers:
        faults = block.faults[row].astype(np.int64)
        faults[self._is_cut(block, row) & (faults > 0)] = RecordFault.TOO_LONG
        return faults

    def _is_cut(self, block: RecordBlock, row: Integers) -> BoolArray:
        """Which of these rows begin with a line that was cut."""
        if not self.tails:
            return np.zeros(len(row), dtype=np.bool_)
        return np.isin(block.starts[row] + block.text_offset, list(self.tails))

    def _suggest(self, block: RecordBlock, found: RowFindings, number: pa.Array, purpose: pa.Array) -> pa.Array:
        def suggest_for_rule(code: int, place: Integers) -> pa.Array:
            at, read_records = pa.array(place), _record_reader(block, found.row[place])
            suggestions = self.suggester.suggest(ROW_RULES[code], number.take(at), purpose.take(at), read_records)
            return pa.nulls(len(place), pa.string()) if suggestions is None else suggestions

        return texts_by_code(found.code, suggest_for_rule)

    def records(
        self, block: RecordBlock, rows: Integers, read_tail: Callable[[CutTail], Iterator[bytes]]
    ) -> Iterator[bytes]:
        """The records of these rows as received, each with its line end, in pieces of bounded size."""
        begin = 0
        for place in np.flatnonzero(self._is_cut(block, rows)).tolist():
            row = int(rows[place])
            yield _contents(block_records(block, rows[begin:place]))
            yield block.data[int(block.starts[row]) : int(block.starts[row + 1])].removesuffix(CUT_LINE_END)
            yield from read_tail(self.tails[int(block.starts[row]) + block.text_offset])
            yield b"\n"
            begin = place + 1
        yield _contents(block_records(block, rows[begin:]))


def _known_lines(lines: Integers) -> pa.Array:
    return pa.array(lines, mask=lines < 1)


def _shorten(text: pa.Array) -> pa.Array:
    longest = pc.max(pc.binary_length(text)).as_py() or 0
    return text if longest <= MAX_VALUE_LENGTH else pc.utf8_slice_codeunits(text, 0, MAX_VALUE_LENGTH)


def _record_reader(block: RecordBlock, row: Integers) -> Callable[[], pa.Array]:
    return lambda: pc.cast(block_records(block, row), pa.string())


def _contents(pieces: pa.Array) -> bytes:
    data = pieces.buffers()[2]
    return data.to_pybytes() if data is not None else b""


#: The cell that a rule is about, by the start of its id. All other rules are about the whole row.
_COLUMN_OF: dict[str, Column] = {"NUM": "phone_number", "PUR": "call_purpose"}


def to_findings(batch: pa.RecordBatch) -> list[Finding]:
    """Lines of rejections.csv as findings."""
    return [_to_finding(line) for line in batch.to_pylist()]


def _to_finding(line: dict[str, Any]) -> Finding:
    rule = str(line["rule"])
    column = _COLUMN_OF.get(rule[:3])
    value = line[column] if column else line["phone_number"]
    return make_finding(
        rule,
        str(line["message"]),
        file=line["file"],
        row=line["row"],
        line=line["line"],
        column=column,
        value=value,
        suggestion=line["suggestion"],
    )
