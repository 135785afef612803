"""Findings about rows, told: from rules' codes to the lines of rejections.csv, and the rejected records as received."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.model.findings import VALUE_SHOWN, Column, Finding
from schemas.rows.findings.messages import FindingFacts, MessageWriter, texts_by_code
from schemas.rows.findings.suggestions import Suggester
from schemas.rows.judging.cross_row_checks import CROSS_ROW_DTYPE
from schemas.rows.judging.row_schema import IS_ERROR, JudgedBlock
from schemas.rows.numbers.columns import block_cells
from schemas.rows.reading.csv_quotes import RecordFault
from schemas.rows.reading.csv_records import RecordBlock
from schemas.rows.reading.long_lines import CutTail
from schemas.rows.rule_codes import REJECTION_COLUMNS, ROW_RULES
from schemas.rules import RULES, finding

Integers = NDArray[np.int64]

REJECTION_SCHEMA = pa.schema(
    [(name, pa.int64() if name in ("row", "line") else pa.string()) for name in REJECTION_COLUMNS]
)

_RULES = [RULES[rule] for rule in ROW_RULES]
_TEXTS = {name: pa.array([getattr(rule, name) for rule in _RULES]) for name in ("id", "severity", "fix")}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFindings:
    """All findings of a block, early and late: rule `code[k]` in its row `row[k]`, in order; `other` as in LATE."""

    row: Integers
    code: NDArray[np.uint8]
    other: Integers

    @property
    def rejected(self) -> Integers:
        """The rejected rows, once each, in order."""
        return distinct_rows(self.row[IS_ERROR[self.code]])[0]

    def take(self, which: NDArray[np.bool_] | Integers) -> "RowFindings":
        return RowFindings(row=self.row[which], code=self.code[which], other=self.other[which])


def distinct_rows(row: Integers) -> tuple[Integers, Integers]:
    """The distinct values of a sorted array, and for each of its places which of them it is."""
    new = np.ones(len(row), dtype=np.bool_)
    new[1:] = row[1:] != row[:-1]
    return row[new], np.cumsum(new) - 1


def merge_findings(judged: JudgedBlock, late: NDArray[np.void], first_ordinal: int) -> RowFindings:
    """A block's own findings and those that only the whole submission shows."""
    if not len(late):
        return RowFindings(row=judged.row, code=judged.code, other=np.full(len(judged.row), -1))
    assert late.dtype == CROSS_ROW_DTYPE
    row = np.concatenate([judged.row, late["ordinal"] - first_ordinal])
    code = np.concatenate([judged.code, late["code"]])
    other = np.concatenate([np.full(len(judged.row), -1), late["other"]])
    order = np.lexsort((code, row))
    return RowFindings(row=row[order], code=code[order], other=other[order])


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedFindings:
    """A block's findings in words. `patterns` says for each what findings of one repair group have in common."""

    batch: pa.RecordBatch
    codes: NDArray[np.uint8]
    patterns: pa.Array


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsDescriber:
    """Tells the findings of one file's blocks."""

    file: str
    wording: MessageWriter
    suggestions: Suggester
    cuts: Mapping[int, CutTail] = field(default_factory=dict)

    def tell(self, block: RecordBlock, found: RowFindings) -> DescribedFindings:
        """The findings as lines of rejections.csv."""
        rows, place = distinct_rows(found.row)
        received = block_cells(block, rows)
        number, purpose = (pc.cast(part, pa.string()) for part in (received.number, received.purpose))
        facts = FindingFacts(
            code=found.code,
            number=number.take(pa.array(place)),
            cells=block.cells[found.row],
            fault=self._faults(block, found.row),
            other=found.other,
        )
        purposes = purpose.take(pa.array(place))
        code = pa.array(found.code)
        columns = [
            pa.repeat(self.file, len(found.row)),
            pa.array(found.row + block.first_row),
            _lines(block.lines[found.row]),
            _shown(facts.number),
            _shown(purposes),
            _TEXTS["id"].take(code),
            _TEXTS["severity"].take(code),
            self.wording.messages(facts),
            _TEXTS["fix"].take(code),
            self._suggest(block, found, facts.number, purposes),
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=REJECTION_SCHEMA)
        return DescribedFindings(batch=batch, codes=found.code, patterns=_patterns(facts, purposes, batch["message"]))

    def _faults(self, block: RecordBlock, row: Integers) -> Integers:
        faults = block.faults[row].astype(np.int64)
        if self.cuts:
            cut = np.isin(block.starts[row] + block.offset, list(self.cuts))
            faults[cut & (faults > 0)] = RecordFault.TOO_LONG
        return faults

    def _suggest(self, block: RecordBlock, found: RowFindings, number: pa.Array, purpose: pa.Array) -> pa.Array:
        def of_rule(code: int, place: Integers) -> pa.Array:
            at, record = pa.array(place), _record_reader(block, found.row[place])
            meant = self.suggestions.of(ROW_RULES[code], number.take(at), purpose.take(at), record)
            return pa.nulls(len(place), pa.string()) if meant is None else meant

        return texts_by_code(found.code, of_rule)

    def records(self, block: RecordBlock, rows: Integers, tail: Callable[[CutTail], bytes]) -> bytes:
        """These records as received, each with its line end."""
        if not self.cuts:
            return _contents(_records(block).take(pa.array(rows)))
        return b"".join(self._whole(block, row, tail) for row in rows.tolist())

    def _whole(self, block: RecordBlock, row: int, tail: Callable[[CutTail], bytes]) -> bytes:
        start = int(block.starts[row])
        record = block.data[start : int(block.starts[row + 1])]
        cut = self.cuts.get(start + block.offset)
        if cut is None:
            return record
        return record.removesuffix(b"\0\n" if cut.marked else b"\n") + tail(cut) + b"\n"


def _lines(lines: Integers) -> pa.Array:
    return pa.array(lines, mask=lines < 1)


def _shown(text: pa.Array) -> pa.Array:
    longest = pc.max(pc.binary_length(text)).as_py() or 0
    return text if longest <= VALUE_SHOWN else pc.utf8_slice_codeunits(text, 0, VALUE_SHOWN)


def _records(block: RecordBlock) -> pa.Array:
    starts = block.starts.astype(np.int32)
    return pa.Array.from_buffers(pa.binary(), block.rows, [None, pa.py_buffer(starts), pa.py_buffer(block.data)])


def _record_reader(block: RecordBlock, row: Integers) -> Callable[[], pa.Array]:
    return lambda: pc.cast(_records(block).take(pa.array(row)), pa.string())


def _contents(pieces: pa.Array) -> bytes:
    data = pieces.buffers()[2]
    return data.to_pybytes() if data is not None else b""


#: Characters of a pattern; longer ones are cut.
_PATTERN_SHOWN = 60

_IS_PURPOSE = np.array([rule.startswith("PUR") for rule in ROW_RULES])
_IS_RECORD = np.array([rule.startswith("CSV") for rule in ROW_RULES])
_SHAPE = bytes(ord("9") if byte in b"0123456789" else byte for byte in range(256))


def _patterns(facts: FindingFacts, purpose: pa.Array, message: pa.Array) -> pa.Array:
    """A received purpose, or a number's shape with each digit as 9; for a record's own faults, what is said of them."""
    purposes = purpose.dictionary_encode()
    trimmed = pc.utf8_trim_whitespace(purposes.dictionary).take(purposes.indices)
    text = pc.if_else(pa.array(_IS_PURPOSE[facts.code]), trimmed, _shape(facts.number))
    text = pc.if_else(pa.array(_IS_RECORD[facts.code]), message, text)
    return pc.utf8_slice_codeunits(text, 0, _PATTERN_SHOWN)


def _shape(number: pa.Array) -> pa.Array:
    offsets, data = number.buffers()[1:]
    shapes = pa.py_buffer((data.to_pybytes() if data is not None else b"").translate(_SHAPE))
    return pa.Array.from_buffers(pa.string(), len(number), [None, offsets, shapes], offset=number.offset)


#: Which cell a rule is about, by the start of its id; the others are about the whole row.
_COLUMN_OF: dict[str, Column] = {"NUM": "phone_number", "PUR": "call_purpose"}


def to_findings(batch: pa.RecordBatch) -> list[Finding]:
    """Lines of rejections.csv as findings."""
    return [_finding(line) for line in batch.to_pylist()]


def _finding(line: dict[str, Any]) -> Finding:
    rule = str(line["rule"])
    column = _COLUMN_OF.get(rule[:3])
    value = line[column] if column else line["phone_number"]
    return finding(
        rule,
        str(line["message"]),
        file=line["file"],
        row=line["row"],
        line=line["line"],
        column=column,
        value=value,
        suggestion=line["suggestion"],
    )
