"""Parses one CSV record with quotes as RFC 4180 defines it, in time linear in its length."""

import re
from dataclasses import dataclass
from enum import IntEnum

from schemas.rows.reading.long_lines import MAX_LINE_BYTES

# Possessive quantifiers: a quote that never closes costs one look at each byte.
_QUOTED = re.compile(rb'"(?:[^"]++|"")*+"')
_UNQUOTED = re.compile(rb'[^",\n]*+')
_CELLS = re.compile(rb'(?:(?:"(?:[^"]++|"")*+"|[^",\n]*+),)*+')
_CELL = re.compile(rb'(?:"(?:[^"]++|"")*+"|[^",\n]*+),')
_CELL_END = re.compile(rb",|\r?\n")


class RecordFault(IntEnum):
    """Why a record is broken."""

    NONE = 0
    NUL = 1
    UNCLOSED = 2
    TEXT_AFTER_QUOTE = 3
    STRAY_QUOTE = 4
    TOO_LONG = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRecord:
    """One record.

    `end` is the offset after its line end, `cell_count` the number of its cells. `bounds` has four offsets: where the
    content of the first cell begins and ends, then that of the second. A broken record has no cells; it ends at the
    first line end after the quote that breaks it, and all of its text counts as its first cell.
    """

    end: int
    cell_count: int
    bounds: tuple[int, int, int, int]
    fault: RecordFault = RecordFault.NONE


def parse_record(data: bytes, start: int, *, final: bool) -> ParsedRecord | None:
    """Parse the record at `start`. Returns None if more data is needed; never if `final` is true.

    `data` ends in LF. A quoted cell that does not close within `MAX_LINE_BYTES` of the record's start counts as never
    closed.
    """
    count, at, limit = 0, start, start + MAX_LINE_BYTES
    bounds: list[int] = []
    while True:
        if count == 2 and (cells := _CELLS.match(data, at, limit)):
            count += len(_CELL.findall(data, at, cells.end()))
            at = cells.end()
        parsed = _parse_cell(data, at, limit)
        if isinstance(parsed, RecordFault):
            if parsed is RecordFault.UNCLOSED and not final and limit > len(data):
                return None
            return _broken(data, start, data.index(b"\n", at) + 1, parsed)
        begin, stop, after = parsed
        count += 1
        if count <= 2:
            bounds += [begin, stop]
        if data[after] != ord(","):
            return _complete(data, start, data.index(b"\n", after) + 1, count, bounds)
        at = after + 1


def _complete(data: bytes, start: int, end: int, count: int, bounds: list[int]) -> ParsedRecord:
    if data.find(b"\0", start, end) >= 0:
        return _broken(data, start, end, RecordFault.NUL)
    number, number_end, purpose, purpose_end = bounds if count > 1 else [*bounds, end, end]
    return ParsedRecord(end=end, cell_count=count, bounds=(number, number_end, purpose, purpose_end))


def _broken(data: bytes, start: int, end: int, fault: RecordFault) -> ParsedRecord:
    stop = end - 1
    if stop > start and data[stop - 1] == ord("\r"):
        stop -= 1
    return ParsedRecord(end=end, cell_count=0, bounds=(start, stop, stop, stop), fault=fault)


def _parse_cell(data: bytes, at: int, limit: int) -> tuple[int, int, int] | RecordFault:
    """Where a cell's content begins and ends, and the offset of the comma or line end after it."""
    if data[at] != ord('"'):
        unquoted = _UNQUOTED.match(data, at)
        assert unquoted is not None
        after = stop = unquoted.end()
        if data[after] == ord('"'):
            return RecordFault.STRAY_QUOTE
        if data[after] == ord("\n") and stop > at and data[stop - 1] == ord("\r"):
            stop -= 1
        return at, stop, after
    quoted = _QUOTED.match(data, at, limit)
    if quoted is None:
        return RecordFault.UNCLOSED
    if _CELL_END.match(data, quoted.end()) is None:
        return RecordFault.TEXT_AFTER_QUOTE
    return at + 1, quoted.end() - 1, quoted.end()
