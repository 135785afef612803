"""Parses one CSV record with quotes as RFC 4180 defines it, in time linear in its length."""

import re
from dataclasses import dataclass
from enum import IntEnum

from schemas.rows.reading.long_lines import MAX_LINE_BYTES

# Possessive quantifiers: a quote that never closes costs one look at each byte.
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
    """One record.

    `end` is the offset after its line end, `cell_count` the number of its cells, and `first_two` the first two cells,
    unquoted. A broken record has no cells; it ends at the first line end after the quote that breaks it.
    """

    end: int
    cell_count: int
    first_two: tuple[bytes, bytes] = (b"", b"")
    fault: RecordFault = RecordFault.NONE


def parse_record(data: bytes, start: int, *, final: bool) -> ParsedRecord | None:
    """Parse the record at `start`. Returns None if more data is needed; never if `final` is true.

    `data` ends in LF. A quoted cell that does not close within `MAX_LINE_BYTES` counts as never closed.
    """
    first_two: list[bytes] = []
    count, at = 0, start
    while True:
        if count >= 2 and (run := _UNQUOTED_RUN.match(data, at)):
            count += data.count(b",", at, run.end())
            at = run.end()
        parsed = _parse_cell(data, at)
        if isinstance(parsed, RecordFault):
            if parsed is RecordFault.UNCLOSED and not final and at + MAX_LINE_BYTES > len(data):
                return None
            return ParsedRecord(end=_line_end(data, at), cell_count=0, fault=parsed)
        cell, after = parsed
        count += 1
        if count <= 2:
            first_two.append(cell)
        if data[after] != ord(","):
            return _complete(data, start, data.index(b"\n", after) + 1, count, first_two)
        at = after + 1


def _complete(data: bytes, start: int, end: int, count: int, first_two: list[bytes]) -> ParsedRecord:
    if data.find(b"\0", start, end) >= 0:
        return ParsedRecord(end=end, cell_count=0, fault=RecordFault.NUL)
    return ParsedRecord(end=end, cell_count=count, first_two=(first_two[0], first_two[1] if count > 1 else b""))


def _parse_cell(data: bytes, at: int) -> tuple[bytes, int] | RecordFault:
    """A cell's content, and the offset of the comma or line end after it."""
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
