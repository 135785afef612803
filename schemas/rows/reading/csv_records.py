"""From whole lines to blocks of records: where each record and its two cells begin and end, and on which line.

Nearly all of it is done with numpy on whole blocks. Only a line with quotes that are not simply around its cells is
read on its own (`quoting`), and may take the lines after it along.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from schemas.rows.reading.csv_quotes import ParsedRecord, RecordFault, parse_record

#: Rows of one file that are judged together and uploaded together: the portal's limit for one upload.
CHUNK_ROWS = 500

#: Rows of a block; any multiple of `CHUNK_ROWS` gives the same results.
BLOCK_ROWS = 128 * CHUNK_ROWS

_COMMA, _QUOTE, _LF, _CR = b',"\n\r'

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPosition:
    """Where framing is between two blocks of a file: at which row and physical line, how far into its whole lines."""

    row: int = 1
    line: int = 1
    offset: int = 0
    header_found: bool = False


START = ReadPosition()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBlock:
    """Some records of one file, in order; the first is row `first_row` (from 1) and begins a chunk.

    Record i is `data[starts[i]:starts[i + 1]]`, with its line end, and begins on physical line `lines[i]` (from 1).
    `cells[i]` is how many cells it has; 0 where it is broken, for the reason `faults[i]`.

    `bounds` are Arrow offsets of pieces of data. Four pieces belong to a record: its number cell, what separates it,
    its purpose cell, and its line end. After those come two for each row of `respelt`, whose cells had to be unquoted.
    `offset` is where the block begins in the file's whole lines, `after` the place where it ends. `header` is the row
    that may be a header, if any.
    """

    data: bytes
    offset: int
    first_row: int
    after: ReadPosition
    starts: Integers
    lines: Integers
    cells: Integers
    faults: NDArray[np.uint8]
    bounds: NDArray[np.int32]
    respelt: Integers
    header: int | None = None

    @property
    def rows(self) -> int:
        return len(self.cells)

    @property
    def text(self) -> memoryview:
        """The block's records alone, each with its line end."""
        return memoryview(self.data)[: int(self.starts[-1])]


def split_records(
    buffers: Iterable[bytes], *, block_rows: int = BLOCK_ROWS, at: ReadPosition = START
) -> Iterator[RecordBlock]:
    """The records of whole lines (each ending in LF) as blocks of at most `block_rows`, whole chunks but for the last.

    Memory: a block and the buffer it comes from, which grows only until it holds a chunk, whose records are bounded.
    With `at`, the buffers begin there, between two blocks; what is given is what framing from the start would give.
    """
    framer = _RecordSplitter(
        block_rows=block_rows, row=at.row, line=at.line, offset=at.offset, header_found=at.header_found
    )
    waiting: list[bytes] = []
    size = wanted = 0
    for buffer in buffers:
        waiting.append(buffer)
        size += len(buffer)
        if size >= wanted:
            yield from framer.blocks(b"".join(waiting), final=False)
            waiting = [framer.left]
            wanted = 2 * size if len(framer.left) == size else 0  # not even a chunk: read twice as much
            size = len(framer.left)
    yield from framer.blocks(b"".join(waiting), final=True)


@dataclass(slots=True)
class _RecordSplitter:
    block_rows: int
    left: bytes = b""
    row: int = 1
    line: int = 1
    offset: int = 0
    header_found: bool = False

    def blocks(self, data: bytes, *, final: bool) -> Iterator[RecordBlock]:
        """Blocks of the records in data; what does not make a whole chunk yet is `left`, unless the data is final."""
        newlines = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == _LF)
        at, span = 0, self.block_rows
        while at < len(newlines):
            records = _read_lines(data, newlines, at, min(at + span, len(newlines)), final=final)
            rows = min(len(records.line), self.block_rows)
            if not (final and records.next_line == len(newlines) and rows == len(records.line)):
                rows -= rows % CHUNK_ROWS
            if rows:
                following = int(records.line[rows]) if rows < len(records.line) else records.next_line
                begin, end = _start(newlines, at), _start(newlines, following)
                yield self._block(data, begin, end, records, at, rows, following - at)
                at, span = following, self.block_rows
            elif at + span < len(newlines):
                span *= 2  # records of very many lines
            else:
                break
        self.left = data[_start(newlines, at) :]

    def _block(
        self, data: bytes, begin: int, end: int, records: "_Records", at: int, rows: int, lines: int
    ) -> RecordBlock:
        kept, pieces = data[begin:end], records.respelt_pieces(rows)
        row, line, offset = self.row, self.line, self.offset
        header = self._header(kept, records.start[:rows] - begin)
        self.row, self.line, self.offset = row + rows, line + lines, offset + len(kept)
        return RecordBlock(
            data=b"".join([kept, *pieces]),
            offset=offset,
            first_row=row,
            after=ReadPosition(row=self.row, line=self.line, offset=self.offset, header_found=self.header_found),
            starts=np.append(records.start[:rows] - begin, len(kept)),
            lines=records.line[:rows] + (line - at),
            cells=records.cells[:rows],
            faults=records.faults[:rows],
            bounds=_bounds(records.bounds[:rows] - begin, len(kept), pieces),
            respelt=np.array([row for row in records.respelt if row < rows], dtype=np.int64),
            header=header,
        )

    def _header(self, kept: bytes, starts: Integers) -> int | None:
        """The file's first record with anything in it, if it is in this block."""
        if self.header_found:
            return None
        blank = _BLANK.match(kept)
        assert blank is not None
        if blank.end() == len(kept):
            return None
        self.header_found = True
        return int(np.searchsorted(starts, blank.end(), side="right")) - 1


_BLANK = re.compile(rb'(?:[\s,"]|\xc2\xa0)*+')


def _start(newlines: Integers, line: int) -> int:
    return int(newlines[line - 1]) + 1 if line else 0


def _bounds(bounds: Integers, end: int, pieces: list[bytes]) -> NDArray[np.int32]:
    """Four offsets a record, the end of the records, and the ends of the pieces after them."""
    ends = end + np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
    return np.concatenate([bounds.ravel(), [end], ends]).astype(np.int32)


@dataclass(slots=True)
class _Records:
    """Records that begin in a range of lines. `line` is the index of their first, `next_line` where reading goes on.

    `bounds` has the begin and end of the number cell, then of the purpose cell, in the data.
    """

    line: Integers
    start: Integers
    cells: Integers
    faults: NDArray[np.uint8]
    bounds: Integers
    next_line: int
    respelt: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)

    def respelt_pieces(self, rows: int) -> list[bytes]:
        return [cell for row, cells in self.respelt.items() if row < rows for cell in cells]


def _read_lines(data: bytes, newlines: Integers, low: int, high: int, *, final: bool) -> _Records:
    """The records that begin on lines low to high - 1 of data, as far as they can be told."""
    lines = _Lines(data, newlines, low, high)
    records = _Records(
        line=np.arange(low, high),
        start=lines.start,
        cells=lines.cells,
        faults=np.zeros(high - low, dtype=np.uint8),
        bounds=lines.bounds,
        next_line=high,
    )
    odd = lines.find_quoted() if data.find(b'"', lines.begin, lines.end) >= 0 else np.zeros(0, dtype=np.int64)
    if data.find(b"\0", lines.begin, lines.end) >= 0:
        _break_at_nul(lines, records)
    return _read_odd(data, newlines, records, odd, low, final=final) if odd.size else records


class _Lines:
    """What numpy can tell of physical lines: cells of lines without quotes, or with quotes simply around cells."""

    def __init__(self, data: bytes, newlines: Integers, low: int, high: int) -> None:
        self.begin, self.end = _start(newlines, low), _start(newlines, high)
        self.bytes = np.frombuffer(data, dtype=np.uint8)
        self.newline = newlines[low:high]
        self.start = np.empty(high - low, dtype=np.int64)
        self.start[0] = self.begin
        self.start[1:] = self.newline[:-1] + 1
        self.stop = self.newline - ((self.bytes[self.newline - 1] == _CR) & (self.newline > self.start))
        self.comma = self._places(_COMMA)
        self.bounds = np.empty((high - low, 4), dtype=np.int64)
        self.bounds[:, 0] = self.start
        self.cells = self._split()

    def _places(self, byte: int) -> Integers:
        return np.flatnonzero(self.bytes[self.begin : self.end] == byte) + self.begin

    def _split(self) -> Integers:
        """Cells at commas alone; sets the bounds of the first two."""
        comma = self.comma
        if len(comma) == len(self.newline) and bool(((comma >= self.start) & (comma < self.newline)).all()):
            self._bound(slice(None), comma, comma + 1, self.stop)
            return np.full(len(comma), 2)
        upto = np.searchsorted(comma, self.newline)
        before = np.concatenate([[0], upto[:-1]])
        count: Integers = upto - before
        comma = np.append(comma, [0, 0])
        first = np.where(count > 0, comma[before], self.stop)
        self._bound(
            slice(None),
            first,
            np.where(count > 0, first + 1, self.stop),
            np.where(count > 1, comma[np.minimum(before + 1, len(comma) - 1)], self.stop),
        )
        return count + 1

    def _bound(self, lines: Integers | slice, number_end: Integers, purpose: Integers, purpose_end: Integers) -> None:
        self.bounds[lines, 1] = number_end
        self.bounds[lines, 2] = purpose
        self.bounds[lines, 3] = purpose_end

    def find_quoted(self) -> Integers:
        """Cells of lines with quotes simply around one or both of two cells; the other lines with quotes are given."""
        quote = self._places(_QUOTE)
        upto = np.searchsorted(quote, self.newline)
        before = np.concatenate([[0], upto[:-1]])
        count = upto - before
        simple = np.zeros(len(count), dtype=np.bool_)
        four, two = np.flatnonzero(count == 4), np.flatnonzero(count == 2)
        self._both(four, quote[before[four, None] + np.arange(4)], simple)
        self._one(two, quote[before[two, None] + np.arange(2)], simple)
        return np.flatnonzero((count > 0) & ~simple)

    def _both(self, line: Integers, at: Integers, simple: NDArray[np.bool_]) -> None:
        """Lines such as "a","b"; there may be commas in the cells."""
        good = (at[:, 0] == self.start[line]) & (at[:, 3] == self.stop[line] - 1)
        good &= (at[:, 2] == at[:, 1] + 2) & (self.bytes[at[:, 1] + 1] == _COMMA)
        line, at = line[good], at[good]
        self.bounds[line, 0] = at[:, 0] + 1
        self._bound(line, at[:, 1], at[:, 2] + 1, at[:, 3])
        self.cells[line], simple[line] = 2, True

    def _one(self, line: Integers, at: Integers, simple: NDArray[np.bool_]) -> None:
        """Lines such as "a",b or a,"b", with no comma elsewhere than in the quoted cell."""
        first, last = at[:, 0], at[:, 1]
        start, stop = self.start[line], self.stop[line]
        inside = np.searchsorted(self.comma, last) - np.searchsorted(self.comma, first)
        alone = self.cells[line] - 1 - inside == 1
        left = alone & (first == start) & (self.bytes[last + 1] == _COMMA)
        right = alone & ~left & (last == stop - 1) & (first > start) & (self.bytes[first - 1] == _COMMA)
        self.bounds[line[left], 0] = first[left] + 1
        self._bound(line[left], last[left], last[left] + 2, stop[left])
        self._bound(line[right], first[right] - 1, first[right] + 1, last[right])
        found = line[left | right]
        self.cells[found], simple[found] = 2, True


def _break_at_nul(lines: _Lines, records: _Records) -> None:
    nul = np.flatnonzero(lines.bytes[lines.begin : lines.end] == 0) + lines.begin
    _break(records, np.unique(np.searchsorted(lines.newline, nul)), lines.stop)


def _break(records: _Records, line: Integers, stop: Integers, fault: RecordFault = RecordFault.NUL) -> None:
    """A broken record shows its text where the number would be."""
    records.cells[line], records.faults[line] = 0, fault
    records.bounds[line, 0] = records.start[line]
    records.bounds[line, 1:] = stop[line, None]


def _read_odd(data: bytes, newlines: Integers, records: _Records, odd: Integers, low: int, *, final: bool) -> _Records:
    """Read the records that begin on odd lines, which may take the lines after them along."""
    keep = np.ones(len(records.line), dtype=np.bool_)
    starts, ends = records.start.tolist(), newlines[low : low + len(keep)].tolist()
    read: dict[int, ParsedRecord] = {}
    following = 0
    for line in odd.tolist():
        if line < following:
            continue
        record = parse_record(data, starts[line], final=final)
        if record is None:
            keep[line:] = False
            records.next_line = low + line
            break
        read[line], following = record, line + 1
        if record.end - 1 != ends[line]:
            following = int(np.searchsorted(newlines, record.end - 1)) + 1 - low
            keep[line + 1 : following] = False
            records.next_line = max(records.next_line, low + following)
    _take_in(records, read)
    shown = {line: _shown(data, starts[line], record) for line, record in read.items()}
    return _kept(records, keep, shown)


def _take_in(records: _Records, read: dict[int, ParsedRecord]) -> None:
    line = np.array(list(read), dtype=np.int64)
    records.cells[line] = [record.cells for record in read.values()]
    records.faults[line] = [record.fault for record in read.values()]
    records.bounds[line] = records.start[line, None]


def _shown(data: bytes, start: int, record: ParsedRecord) -> tuple[bytes, bytes]:
    return (data[start : record.end].rstrip(b"\r\n"), b"") if record.fault else record.first


def _kept(records: _Records, keep: NDArray[np.bool_], respelt: dict[int, tuple[bytes, bytes]]) -> _Records:
    place = np.cumsum(keep) - 1
    return _Records(
        line=records.line[keep],
        start=records.start[keep],
        cells=records.cells[keep],
        faults=records.faults[keep],
        bounds=records.bounds[keep],
        next_line=records.next_line,
        respelt={int(place[line]): cells for line, cells in respelt.items()},
    )
