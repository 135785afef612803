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
from schemas.model.purposes import PURPOSES
from schemas.rows.findings.messages import FindingFacts, MessageWriter, texts_by_code
from schemas.rows.findings.rejected_records import RejectedRecords
from schemas.rows.findings.repair_groups import repair_patterns
from schemas.rows.findings.row_findings import RowFindings, distinct_rows
from schemas.rows.findings.row_places import RowPlaces
from schemas.rows.findings.suggestions import Suggester
from schemas.rows.numbers.columns import block_cells, block_records
from schemas.rows.reading.csv_quotes import RecordFault
from schemas.rows.reading.csv_records import RecordBlock
from schemas.rows.reading.long_lines import CUT_LINE_END, CutTail
from schemas.rows.rule_codes import ROW_RULES
from schemas.rows.types import BoolArray, Integers
from schemas.rules import RULES, make_finding

#: What the report needs besides: the row that a repeated number is already in, with its purpose; and whether
#: rejected.csv has the row without its number.
_HIDDEN_COLUMNS = ("kept_file", "kept_row", "kept_purpose", "emptied")
_TYPES = dict.fromkeys(("row", "line", "rejected_row", "kept_row"), pa.int64()) | {"emptied": pa.bool_()}
REJECTION_SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in (*REJECTION_COLUMNS, *_HIDDEN_COLUMNS)])

_RULES = [RULES[rule] for rule in ROW_RULES]
_TEXTS = {name: pa.array([getattr(rule, name) for rule in _RULES]) for name in ("id", "severity", "first_step")}


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
    places: RowPlaces
    tails: Mapping[int, CutTail] = field(default_factory=dict)

    def describe(
        self, block: RecordBlock, found: RowFindings, rejected: RejectedRecords, first_rejected: int
    ) -> DescribedFindings:
        """A block's findings as lines of rejections.csv. `first_rejected` is the row of its first rejected record."""
        rows, index = distinct_rows(found.row)
        cells = block_cells(block, rows)
        numbers, purposes = (
            pc.cast(column, pa.string()).take(pa.array(index)) for column in (cells.number, cells.purpose)
        )
        facts = FindingFacts(
            code=found.code,
            number=numbers,
            purpose=purposes,
            read_records=lambda place: _record_reader(block, found.row[place])(),
            cell_counts=block.cell_counts[found.row],
            fault=self._faults(block, found.row),
            related=found.related,
            kept_purpose=found.kept_purpose,
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
            _TEXTS["first_step"].take(code),
            self._suggest(block, found, numbers, purposes),
            rejected.numbers_of(found.row, first_rejected),
            *self._kept_rows(found),
            pa.array(rejected.is_emptied(found.row)),
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=REJECTION_SCHEMA)
        patterns = repair_patterns(facts, purposes, batch["message"])
        return DescribedFindings(batch=batch, codes=found.code, patterns=patterns)

    def _kept_rows(self, found: RowFindings) -> list[pa.Array]:
        """The file, the row and the purpose of the earlier row with the number; null where there is none."""
        place = np.flatnonzero(found.repeats)
        if not place.size:
            return [pa.nulls(len(found.row), REJECTION_SCHEMA.field(name).type) for name in _HIDDEN_COLUMNS[:3]]
        files, rows = self.places.locate(found.related[place])
        purposes = pa.array(PURPOSES).take(pa.array(found.kept_purpose[place]))
        at = np.full(len(found.row), -1)
        at[place] = np.arange(len(place))
        index = pa.array(at, mask=at < 0)
        return [column.take(index) for column in (files, pa.array(rows), purposes)]

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
        self, block: RecordBlock, rejected: RejectedRecords, read_tail: Callable[[CutTail], Iterator[bytes]]
    ) -> Iterator[bytes]:
        """The rejected records with their line ends, and what was cut off them, in pieces of bounded size."""
        begin = 0
        for place in np.flatnonzero(self._is_cut(block, rejected.rows)).tolist():
            row = int(rejected.rows[place])
            yield _contents(rejected.records[begin:place])
            yield rejected.records[place].as_py().encode().removesuffix(CUT_LINE_END)
            yield from read_tail(self.tails[int(block.starts[row]) + block.text_offset])
            yield b"\n"
            begin = place + 1
        yield _contents(rejected.records[begin:])


def _known_lines(lines: Integers) -> pa.Array:
    return pa.array(lines, mask=lines < 1)


def _shorten(text: pa.Array) -> pa.Array:
    longest = pc.max(pc.binary_length(text)).as_py() or 0
    return text if longest <= MAX_VALUE_LENGTH else pc.utf8_slice_codeunits(text, 0, MAX_VALUE_LENGTH)


def _record_reader(block: RecordBlock, row: Integers) -> Callable[[], pa.Array]:
    return lambda: pc.cast(block_records(block, row), pa.string())


def _contents(pieces: pa.Array) -> bytes:
    _, offsets, data = pieces.buffers()
    if data is None or not len(pieces):
        return b""
    ends = np.frombuffer(offsets, dtype=np.int32)
    begin, end = ends[pieces.offset], ends[pieces.offset + len(pieces)]
    return bytes(memoryview(data)[begin:end])


#: The cell that a rule is about, by the start of its id. All other rules are about the whole row.
_COLUMN_OF: dict[str, Column] = {"NUM": "phone_number", "PUR": "call_purpose"}


def pack_findings(batch: pa.RecordBatch, *, compress: bool) -> memoryview:
    """Lines of rejections.csv as bytes. Most of their texts repeat, so they compress well."""
    if not compress:
        return memoryview(batch.serialize())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_batch(batch)
    return memoryview(sink.getvalue())


def unpack_findings(packed: bytes) -> pa.RecordBatch:
    """What `pack_findings` packed."""
    buffer = pa.py_buffer(packed)
    if pa.ipc.read_message(buffer).type == "record batch":
        return pa.ipc.read_record_batch(buffer, REJECTION_SCHEMA)
    with pa.ipc.open_stream(buffer) as reader:
        return reader.read_next_batch()


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
