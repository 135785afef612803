"""Splits whole lines into blocks of records: where each record and its two cells begin and end, and on which line.

Why not `pyarrow.csv`: it returns neither a record's bytes nor its line, which rejected.csv and the findings need, and
one quote that never closes would swallow the rest of the file.

Almost all of the work is numpy on whole blocks. Lines whose quotes do not simply enclose two cells are parsed in a
second step (`quoted_lines`), and one at a time only if they have many cells (`csv_quotes`). A record with quotes may
extend over the following lines.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from schemas.model.judgment import CHUNK_ROWS
from schemas.model.manifest import TypedNumber
from schemas.rows.reading.csv_quotes import RecordFault, parse_record
from schemas.rows.reading.quoted_lines import QuotedRecords, parse_quoted_records
from schemas.rows.types import BoolArray, Integers

#: Rows of a block. Any multiple of `CHUNK_ROWS` gives the same results.
BLOCK_ROWS = 128 * CHUNK_ROWS

_COMMA, _QUOTE, _LF, _CR = b',"\n\r'


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPosition:
    """A position between two blocks of a file: the next row, its physical line, and its offset in the whole lines.

    `has_records`: a record that is not blank comes before it.
    """

    row: int = 1
    line: int = 1
    offset: int = 0
    has_records: bool = False


START = ReadPosition()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBlock:
    """Consecutive records of one file. The first is row `first_row` (counted from 1) and begins a chunk.

    Record i is `data[starts[i]:starts[i + 1]]`, including its line end, and begins on physical line `lines[i]` (counted
    from 1). `cell_counts[i]` is the number of its cells: 0 if it is broken, and `faults[i]` says why.

    `piece_offsets` are Arrow offsets that cut `data` into pieces. Each record has four: its number cell, the separator,
    its purpose cell, and its line end. Cells have no quotes around them; in `escaped_rows`, those inside are doubled.

    `text_offset` is the offset of the block in the file's whole lines, `next_position` the position after it.
    `first_record` is the row of the file's first record that is not blank, if it is in this block.
    """

    data: bytes
    text_offset: int
    first_row: int
    next_position: ReadPosition
    starts: Integers
    lines: Integers
    cell_counts: Integers
    faults: NDArray[np.uint8]
    piece_offsets: NDArray[np.int32]
    escaped_rows: Integers
    first_record: int | None = None

    @property
    def row_count(self) -> int:
        return len(self.cell_counts)

    @property
    def text(self) -> memoryview:
        """The bytes of the records, each with its line end."""
        return memoryview(self.data)


def typed_numbers_block(typed: Sequence[TypedNumber]) -> RecordBlock:
    """The numbers typed into the manifest, as if they were the records of a file.

    A row is a position in the list; a line is the manifest's (0 if unknown).
    """
    data, starts, bounds = bytearray(), [0], list[int]()
    for each in typed:
        for cell, separator in ((each.number, b","), (each.call_purpose, b"\n")):
            written = _quoted(cell).encode(errors="replace")
            quote = int(written.startswith(b'"'))
            bounds += [len(data) + quote, len(data) + len(written) - quote]
            data += written + separator
        starts.append(len(data))
    return RecordBlock(
        data=bytes(data),
        text_offset=0,
        first_row=1,
        next_position=START,
        starts=np.array(starts, dtype=np.int64),
        lines=np.array([each.line or 0 for each in typed], dtype=np.int64),
        cell_counts=np.full(len(typed), 2),
        faults=np.zeros(len(typed), dtype=np.uint8),
        piece_offsets=np.array([*bounds, len(data)], dtype=np.int32),
        escaped_rows=np.arange(len(typed)),
    )


def _quoted(cell: str) -> str:
    if any(letter in cell for letter in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def split_records(
    buffers: Iterable[bytes], *, block_rows: int = BLOCK_ROWS, start: ReadPosition = START
) -> Iterator[RecordBlock]:
    """Yield the records of whole lines (each ending in LF) as blocks of at most `block_rows` rows.

    Every block except the last consists of whole chunks. Memory: a block and the buffer it comes from, which grows only
    until it contains a chunk; the size of its records is bounded. `start` is where the buffers begin, between two
    blocks: the result is then the same as if the file had been split from its beginning.
    """
    splitter = _RecordSplitter(
        block_rows=block_rows, row=start.row, line=start.line, offset=start.offset, has_records=start.has_records
    )
    waiting: list[bytes] = []
    size = wanted = 0
    for buffer in buffers:
        waiting.append(buffer)
        size += len(buffer)
        if size >= wanted:
            data, waiting = b"".join(waiting), []
            yield from splitter.blocks(data, final=False)
            data, waiting = b"", [splitter.rest]
            wanted = size + size // 2 if len(splitter.rest) == size else 0  # less than a chunk: read more at once
            size = len(splitter.rest)
    yield from splitter.blocks(b"".join(waiting), final=True)


@dataclass(slots=True)
class _RecordSplitter:
    block_rows: int
    rest: bytes = b""
    row: int = 1
    line: int = 1
    offset: int = 0
    has_records: bool = False

    def blocks(self, data: bytes, *, final: bool) -> Iterator[RecordBlock]:
        """Yield blocks of the records in data. An incomplete last chunk becomes `rest`, unless the data is final."""
        newlines = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == _LF)
        at, span = 0, self.block_rows
        while at < len(newlines):
            records = _find_records(data, newlines, at, min(at + span, len(newlines)), final=final)
            rows = min(len(records.line), self.block_rows)
            if not (final and records.next_line == len(newlines) and rows == len(records.line)):
                rows -= rows % CHUNK_ROWS
            if rows:
                following = int(records.line[rows]) if rows < len(records.line) else records.next_line
                begin, end = _line_start(newlines, at), _line_start(newlines, following)
                yield self._block(data, begin, end, records, at, rows, following - at)
                at, span = following, self.block_rows
            elif at + span < len(newlines):
                span *= 2  # records of very many lines
            else:
                break
        self.rest = data[_line_start(newlines, at) :]

    def _block(
        self, data: bytes, begin: int, end: int, records: "_Records", at: int, rows: int, lines: int
    ) -> RecordBlock:
        text = data[begin:end]
        row, line, offset = self.row, self.line, self.offset
        first_record = self._find_first_record(text, records.start[:rows] - begin)
        self.row, self.line, self.offset = row + rows, line + lines, offset + len(text)
        return RecordBlock(
            data=text,
            text_offset=offset,
            first_row=row,
            next_position=ReadPosition(row=self.row, line=self.line, offset=self.offset, has_records=self.has_records),
            starts=np.append(records.start[:rows] - begin, len(text)),
            lines=records.line[:rows] + (line - at),
            cell_counts=records.cell_counts[:rows],
            faults=records.faults[:rows],
            piece_offsets=np.append(records.bounds[:rows] - begin, len(text)).astype(np.int32),
            escaped_rows=records.escaped[records.escaped < rows],
            first_record=first_record,
        )

    def _find_first_record(self, text: bytes, starts: Integers) -> int | None:
        """The file's first record that is not blank, if it is in this block."""
        if self.has_records:
            return None
        blank = _BLANK.match(text)
        assert blank is not None
        if blank.end() == len(text):
            return None
        self.has_records = True
        return int(np.searchsorted(starts, blank.end(), side="right")) - 1


_BLANK = re.compile(rb'(?:[\s,"]|\xc2\xa0)*+')


def _line_start(newlines: Integers, line: int) -> int:
    return int(newlines[line - 1]) + 1 if line else 0


@dataclass(slots=True)
class _Records:
    """Records that begin in a range of lines.

    `line` is the index of each record's first line, `next_line` the line after the last record. `bounds` has four
    offsets per record: where the number cell begins and ends, then the purpose cell. `escaped` are the records with
    doubled quotes in these cells.
    """

    line: Integers
    start: Integers
    cell_counts: Integers
    faults: NDArray[np.uint8]
    bounds: Integers
    next_line: int
    escaped: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def _find_records(data: bytes, newlines: Integers, low: int, high: int, *, final: bool) -> _Records:
    """The records that begin on lines low to high - 1, except those that may go on after the data."""
    lines = _Lines(data, newlines, low, high)
    records = _Records(
        line=np.arange(low, high),
        start=lines.start,
        cell_counts=lines.cell_counts,
        faults=np.zeros(high - low, dtype=np.uint8),
        bounds=lines.bounds,
        next_line=high,
    )
    has_quotes = data.find(b'"', lines.begin, lines.end) >= 0
    difficult = lines.split_simple_quotes() if has_quotes else np.zeros(0, dtype=np.int64)
    if data.find(b"\0", lines.begin, lines.end) >= 0:
        _mark_nul_records(lines, records)
    return _parse_difficult(data, newlines, records, difficult, low, final=final) if difficult.size else records


class _Lines:
    """Physical lines split with numpy: lines without quotes, and lines with quotes that simply enclose cells."""

    def __init__(self, data: bytes, newlines: Integers, low: int, high: int) -> None:
        self.begin, self.end = _line_start(newlines, low), _line_start(newlines, high)
        self.bytes = np.frombuffer(data, dtype=np.uint8)
        self.newline = newlines[low:high]
        self.start = np.empty(high - low, dtype=np.int64)
        self.start[0] = self.begin
        self.start[1:] = self.newline[:-1] + 1
        self.stop = self.newline - ((self.bytes[self.newline - 1] == _CR) & (self.newline > self.start))
        self.comma = self._offsets_of(_COMMA)
        self.bounds = np.empty((high - low, 4), dtype=np.int64)
        self.bounds[:, 0] = self.start
        self.cell_counts = self._split_at_commas()

    def _offsets_of(self, byte: int) -> Integers:
        return np.flatnonzero(self.bytes[self.begin : self.end] == byte) + self.begin

    def _split_at_commas(self) -> Integers:
        """Set the bounds of the first two cells, ignoring quotes; the number of cells per line."""
        comma = self.comma
        if len(comma) == len(self.newline) and bool(((comma >= self.start) & (comma < self.newline)).all()):
            self._set_bounds(slice(None), comma, comma + 1, self.stop)
            return np.full(len(comma), 2)
        upto = np.searchsorted(comma, self.newline)
        before = np.concatenate([[0], upto[:-1]])
        count: Integers = upto - before
        comma = np.append(comma, [0, 0])
        first = np.where(count > 0, comma[before], self.stop)
        self._set_bounds(
            slice(None),
            first,
            np.where(count > 0, first + 1, self.stop),
            np.where(count > 1, comma[np.minimum(before + 1, len(comma) - 1)], self.stop),
        )
        return count + 1

    def _set_bounds(
        self, lines: Integers | slice, number_end: Integers, purpose: Integers, purpose_end: Integers
    ) -> None:
        self.bounds[lines, 1] = number_end
        self.bounds[lines, 2] = purpose
        self.bounds[lines, 3] = purpose_end

    def split_simple_quotes(self) -> Integers:
        """Split lines of two cells where quotes simply enclose one or both; the indexes of all other quoted lines."""
        quote = self._offsets_of(_QUOTE)
        upto = np.searchsorted(quote, self.newline)
        before = np.concatenate([[0], upto[:-1]])
        count = upto - before
        simple = np.zeros(len(count), dtype=np.bool_)
        four, two = np.flatnonzero(count == 4), np.flatnonzero(count == 2)
        self._split_both_quoted(four, quote[before[four, None] + np.arange(4)], simple)
        self._split_one_quoted(two, quote[before[two, None] + np.arange(2)], simple)
        return np.flatnonzero((count > 0) & ~simple)

    def _split_both_quoted(self, line: Integers, quotes: Integers, simple: BoolArray) -> None:
        """Lines such as "a","b". The cells may contain commas."""
        good = (quotes[:, 0] == self.start[line]) & (quotes[:, 3] == self.stop[line] - 1)
        good &= (quotes[:, 2] == quotes[:, 1] + 2) & (self.bytes[quotes[:, 1] + 1] == _COMMA)
        line, quotes = line[good], quotes[good]
        self.bounds[line, 0] = quotes[:, 0] + 1
        self._set_bounds(line, quotes[:, 1], quotes[:, 2] + 1, quotes[:, 3])
        self.cell_counts[line], simple[line] = 2, True

    def _split_one_quoted(self, line: Integers, quotes: Integers, simple: BoolArray) -> None:
        """Lines such as "a",b or a,"b", with no comma outside the quoted cell except the separator."""
        first, last = quotes[:, 0], quotes[:, 1]
        start, stop = self.start[line], self.stop[line]
        inside = np.searchsorted(self.comma, last) - np.searchsorted(self.comma, first)
        one_separator = self.cell_counts[line] - 1 - inside == 1
        left = one_separator & (first == start) & (self.bytes[last + 1] == _COMMA)
        right = one_separator & ~left & (last == stop - 1) & (first > start) & (self.bytes[first - 1] == _COMMA)
        self.bounds[line[left], 0] = first[left] + 1
        self._set_bounds(line[left], last[left], last[left] + 2, stop[left])
        self._set_bounds(line[right], first[right] - 1, first[right] + 1, last[right])
        found = line[left | right]
        self.cell_counts[found], simple[found] = 2, True


def _mark_nul_records(lines: _Lines, records: _Records) -> None:
    """Mark lines with a NUL byte as broken. A broken record shows its text in place of the number."""
    nul = np.flatnonzero(lines.bytes[lines.begin : lines.end] == 0) + lines.begin
    line = np.unique(np.searchsorted(lines.newline, nul))
    records.cell_counts[line], records.faults[line] = 0, RecordFault.NUL
    records.bounds[line, 0] = records.start[line]
    records.bounds[line, 1:] = lines.stop[line, None]


def _parse_difficult(
    data: bytes, newlines: Integers, records: _Records, difficult: Integers, low: int, *, final: bool
) -> _Records:
    """Parse the records that begin on difficult lines. Such a record may extend over the following lines."""
    parsed = parse_quoted_records(np.frombuffer(data, np.uint8), newlines, records.start[difficult], final=final)
    last_line = np.searchsorted(newlines, parsed.end - 1) - low
    lines, following, longer = difficult.tolist(), 0, list[tuple[int, int]]()
    # A record on one line changes nothing for the lines after it.
    for index in np.flatnonzero((last_line != difficult) | parsed.needs_more | parsed.has_more_cells).tolist():
        line = lines[index]
        if line < following:
            continue
        if parsed.has_more_cells[index]:
            _parse_singly(data, records, parsed, index, line, final=final)
            last_line[index] = np.searchsorted(newlines, parsed.end[index] - 1) - low
        if parsed.needs_more[index]:
            longer.append((line - 1, len(records.line)))
            records.next_line = low + line
            break
        following = int(last_line[index]) + 1
        longer.append((line, following))
    else:
        records.next_line = max(records.next_line, low + following)
    records.cell_counts[difficult], records.faults[difficult] = parsed.cell_counts, parsed.fault
    records.bounds[difficult] = parsed.bounds
    return _select(records, _begins_record(longer, len(records.line)), difficult[parsed.escaped])


def _begins_record(longer: list[tuple[int, int]], lines: int) -> BoolArray:
    """Which lines begin a record. `longer` has the records of several lines: the first, and the one after the last."""
    first, following = np.array(longer, dtype=np.int64).reshape(-1, 2).T
    inside = np.zeros(max(lines, int(following.max(initial=0))) + 1, dtype=np.int64)
    inside[first + 1] += 1
    inside[following] -= 1
    begins: BoolArray = np.cumsum(inside)[:lines] == 0
    return begins


def _parse_singly(data: bytes, records: _Records, parsed: QuotedRecords, index: int, line: int, *, final: bool) -> None:
    record = parse_record(data, int(records.start[line]), final=final)
    if record is None:
        parsed.needs_more[index] = True
        return
    parsed.end[index], parsed.cell_counts[index], parsed.fault[index] = record.end, record.cell_count, record.fault
    parsed.bounds[index] = record.bounds
    parsed.escaped[index] &= not record.fault


def _select(records: _Records, keep: BoolArray, escaped: Integers) -> _Records:
    row = np.cumsum(keep) - 1
    return _Records(
        line=records.line[keep],
        start=records.start[keep],
        cell_counts=records.cell_counts[keep],
        faults=records.faults[keep],
        bounds=records.bounds[keep],
        next_line=records.next_line,
        escaped=row[escaped[keep[escaped]]],
    )
