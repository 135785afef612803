"""Parses many CSV records with quotes at the same time: one cell of every record per step, with numpy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.rows.reading.csv_quotes import RecordFault
from schemas.rows.reading.long_lines import MAX_LINE_BYTES
from schemas.rows.types import BoolArray, Bytes, Integers

#: A record with more cells is left to `schemas.rows.reading.csv_quotes`.
MAX_CELLS = 16

_COMMA, _QUOTE, _LF, _CR = b',"\n\r'
_NOWHERE = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedRecords:
    """Records parsed as `csv_quotes.parse_record` does, one entry each.

    `needs_more`: its last quote closes only in data that is not there yet, if at all. `has_more_cells`: it has more
    than `MAX_CELLS` cells, and the rest of its values is not set. `escaped`: a quote is doubled in its first two cells.
    """

    end: Integers
    cell_counts: Integers
    bounds: Integers
    fault: NDArray[np.uint8]
    escaped: BoolArray
    needs_more: BoolArray
    has_more_cells: BoolArray


def parse_quoted_records(data: Bytes, newlines: Integers, starts: Integers, *, final: bool) -> QuotedRecords:
    """Parse the records at these offsets of the data, which ends in LF. `newlines` are the offsets of all LFs."""
    places, count = _Places(data, newlines, int(starts[0]), int(starts[-1])), len(starts)
    records = QuotedRecords(
        end=np.zeros(count, dtype=np.int64),
        cell_counts=np.zeros(count, dtype=np.int64),
        bounds=np.zeros((count, 4), dtype=np.int64),
        fault=np.zeros(count, dtype=np.uint8),
        escaped=np.zeros(count, dtype=np.bool_),
        needs_more=np.zeros(count, dtype=np.bool_),
        has_more_cells=np.zeros(count, dtype=np.bool_),
    )
    at, active = starts.copy(), np.arange(count)
    for cell in range(MAX_CELLS):
        found = places.next_cells(at[active], starts[active] + MAX_LINE_BYTES)
        records.fault[active] = found.fault
        broken = found.fault > 0
        last = ~broken & (data[found.after] != _COMMA)
        if cell < 2:
            records.bounds[active, 2 * cell :] = np.stack([found.begin, *[found.end] * (3 - 2 * cell)], axis=1)
            records.escaped[active] |= found.escaped & ~broken
        records.cell_counts[active[last]] = cell + 1
        at[active[~broken]] = found.after[~broken]
        done = broken | last
        records.end[active[done]] = places.line_end(at[active[done]]) + 1
        active = active[~done]
        if not active.size:
            break
        at[active] += 1
    records.has_more_cells[active] = True
    if not final:
        records.needs_more[:] = (records.fault == RecordFault.UNCLOSED) & (starts + MAX_LINE_BYTES > len(data))
    _mark_broken(data, places, starts, records)
    return records


def _mark_broken(data: Bytes, places: "_Places", starts: Integers, records: QuotedRecords) -> None:
    nul = places.offsets_of(0)
    if nul.size:
        has_nul = np.searchsorted(nul, records.end) > np.searchsorted(nul, starts)
        records.fault[has_nul & (records.fault == 0)] = RecordFault.NUL
    broken = np.flatnonzero(records.fault)
    stop = records.end[broken] - 1
    stop -= (data[stop - 1] == _CR) & (stop > starts[broken])
    records.cell_counts[broken], records.escaped[broken] = 0, False
    records.bounds[broken, 0] = starts[broken]
    records.bounds[broken, 1:] = stop[:, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cells:
    """Where each cell's content begins and ends, the comma or line end after it, and what is wrong with it."""

    begin: Integers
    end: Integers
    after: Integers
    fault: NDArray[np.uint8]
    escaped: BoolArray


class _Places:
    """Where the quotes, commas and line ends are, from the first record to the furthest end of the last one."""

    def __init__(self, data: Bytes, newlines: Integers, begin: int, last_start: int) -> None:
        self.data, self.newlines, self.begin = data, newlines, begin
        furthest = min(last_start + MAX_LINE_BYTES, len(data) - 1)
        self.end = int(newlines[np.searchsorted(newlines, furthest)]) + 1
        self.quotes, self.commas = self.offsets_of(_QUOTE), self.offsets_of(_COMMA)
        self.closing = _closing_quotes(self.quotes)

    def offsets_of(self, byte: int) -> Integers:
        return np.flatnonzero(self.data[self.begin : self.end] == byte) + self.begin

    def line_end(self, at: Integers) -> Integers:
        return self.newlines[np.searchsorted(self.newlines, at)]

    def next_cells(self, at: Integers, limit: Integers) -> _Cells:
        """The cells that begin at these offsets. A quote must close before the limit."""
        quote = np.searchsorted(self.quotes, at)
        comma, newline = _next(self.commas, at), self.line_end(at)
        after = np.minimum(comma, newline)
        end = after - ((newline < comma) & (newline > at) & (self.data[after - 1] == _CR))
        fault = np.where(_value(self.quotes, quote) < after, RecordFault.STRAY_QUOTE, RecordFault.NONE).astype(np.uint8)
        begin, escaped = at.copy(), np.zeros(len(at), dtype=np.bool_)
        quoted = np.flatnonzero(self.data[at] == _QUOTE)
        if quoted.size:
            closing = self.closing[quote[quoted]]
            is_closed = closing < len(self.quotes)
            close = _value(self.quotes, closing)
            is_closed &= close < limit[quoted]
            close[~is_closed] = at[quoted[~is_closed]]
            begin[quoted], end[quoted], after[quoted] = at[quoted] + 1, close, close + 1
            fault[quoted] = np.where(is_closed, self._fault_after(close + 1), RecordFault.UNCLOSED)
            escaped[quoted] = closing - quote[quoted] > 1
        return _Cells(begin=begin, end=end, after=after, fault=fault, escaped=escaped)

    def _fault_after(self, at: Integers) -> NDArray[np.uint8]:
        byte, following = self.data[at], self.data[np.minimum(at + 1, len(self.data) - 1)]
        ends = (byte == _COMMA) | (byte == _LF) | ((byte == _CR) & (following == _LF))
        return np.where(ends, RecordFault.NONE, RecordFault.TEXT_AFTER_QUOTE).astype(np.uint8)


def _next(places: Integers, at: Integers) -> Integers:
    return _value(places, np.searchsorted(places, at))


def _value(places: Integers, index: Integers) -> Integers:
    """The places at these indexes; beyond the last one, `_NOWHERE`."""
    return np.append(places, _NOWHERE)[np.minimum(index, len(places))]


def _closing_quotes(quotes: Integers) -> Integers:
    """For each quote, if it opens a cell: the index of the quote that closes it; the number of quotes if none does.

    Quotes in a row are doubled ones, in pairs. One is left over if their number is odd, and closes the cell.
    """
    count = len(quotes)
    is_last = np.ones(count, dtype=np.bool_)
    is_last[:-1] = np.diff(quotes) != 1
    last = np.flatnonzero(is_last)
    length = np.diff(last, prepend=-1)
    closes = np.where(length % 2 == 1, last, count)
    next_closing = np.append(np.minimum.accumulate(closes[::-1])[::-1], count)
    run: Integers = np.cumsum(is_last) - is_last
    in_own_run = (last[run] - np.arange(count)) % 2 == 1
    closing: Integers = np.where(in_own_run, last[run], next_closing[run + 1])
    return closing
