"""One CSV record with quotes, read as in RFC 4180, in time linear in its length."""

import re
from dataclasses import dataclass
from enum import IntEnum

from schemas.rows.reading.long_lines import MAX_LINE_BYTES

# Possessive, so that a quote which is never closed costs one look at each byte.
_QUOTED = re.compile(rb'"((?:[^"]++|"")*+)"')
_UNQUOTED = re.compile(rb'[^",\n]*+')
_UNQUOTED_RUN = re.compile(rb'(?:[^",\n]*+,)*+')
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
    """One record: `end` is the offset after its line end, `cells` how many it has, `first` the first two, unquoted.

    A broken record has no cells; it ends at the first line end after the quote that breaks it.
    """

    end: int
    cells: int
    first: tuple[bytes, bytes] = (b"", b"")
    fault: RecordFault = RecordFault.NONE


def parse_record(data: bytes, start: int, *, final: bool) -> ParsedRecord | None:
    """The record at `start`. None where more data is needed to tell and `final` says that there is more.

    `data` ends in LF. A quoted cell that is not closed within `MAX_LINE_BYTES` bytes is never closed.
    """
    first: list[bytes] = []
    cells, at = 0, start
    while True:
        if cells >= 2 and (run := _UNQUOTED_RUN.match(data, at)):
            cells += data.count(b",", at, run.end())
            at = run.end()
        read = _read_cell(data, at)
        if isinstance(read, RecordFault):
            if read is RecordFault.UNCLOSED and not final and at + MAX_LINE_BYTES > len(data):
                return None
            return ParsedRecord(end=_line_end(data, at), cells=0, fault=read)
        cell, after = read
        cells += 1
        if cells <= 2:
            first.append(cell)
        if data[after] != ord(","):
            return _whole(data, start, data.index(b"\n", after) + 1, cells, first)
        at = after + 1


def _whole(data: bytes, start: int, end: int, cells: int, first: list[bytes]) -> ParsedRecord:
    if data.find(b"\0", start, end) >= 0:
        return ParsedRecord(end=end, cells=0, fault=RecordFault.NUL)
    return ParsedRecord(end=end, cells=cells, first=(first[0], first[1] if cells > 1 else b""))


def _read_cell(data: bytes, at: int) -> tuple[bytes, int] | RecordFault:
    """A cell's content and the offset of the comma or line end after it."""
    if data[at] != ord('"'):
        after = _unquoted_end(data, at)
        if data[after] == ord('"'):
            return RecordFault.STRAY_QUOTE
        cell = data[at:after]
        return (cell.removesuffix(b"\r") if data[after] == ord("\n") else cell), after
    quoted = _QUOTED.match(data, at, at + MAX_LINE_BYTES)
    if quoted is None:
        return RecordFault.UNCLOSED
    if _CELL_END.match(data, quoted.end()) is None:
        return RecordFault.TEXT_AFTER_QUOTE
    return quoted[1].replace(b'""', b'"'), quoted.end()


def _unquoted_end(data: bytes, at: int) -> int:
    found = _UNQUOTED.match(data, at)
    assert found is not None
    return found.end()


def _line_end(data: bytes, at: int) -> int:
    return data.index(b"\n", at) + 1
