"""A second CSV reader to compare with. It reads character by character: slow, but simple enough to be plainly right."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class ReferenceRecord:
    """`cells` is None if the record is broken."""

    raw: bytes
    line: int
    cells: list[bytes] | None


def read_reference_records(data: bytes) -> list[ReferenceRecord]:
    """The records of UTF-8 data, whose lines are all too short to be cut."""
    data = re.sub(rb"\r(?!\r?\n)", b"\n", data).replace(b"\r\r\n", b"\r\n")
    if data and not data.endswith(b"\n"):
        data += b"\n"
    records, at, line = [], 0, 1
    while at < len(data):
        cells, end = _read_record(data, at)
        raw = data[at:end]
        records.append(ReferenceRecord(raw, line, None if cells is None or b"\0" in raw else cells))
        line += raw.count(b"\n")
        at = end
    return records


def _read_record(data: bytes, at: int) -> tuple[list[bytes] | None, int]:  # noqa: C901  kept in one piece, so that it can be checked by eye
    cells = []
    while True:
        if data[at : at + 1] == b'"':
            opened, at, cell = at, at + 1, b""
            while True:
                if at >= len(data):
                    return None, _line_end(data, opened)
                if data[at : at + 2] == b'""':
                    cell, at = cell + b'"', at + 2
                elif data[at : at + 1] == b'"':
                    at += 1
                    break
                else:
                    cell, at = cell + data[at : at + 1], at + 1
            if not (data[at : at + 1] in (b",", b"\n") or data[at : at + 2] == b"\r\n"):
                return None, _line_end(data, opened)
            if data[at : at + 2] == b"\r\n":
                at += 1
        else:
            stop = at
            while data[stop : stop + 1] not in (b",", b"\n", b'"'):
                stop += 1
            if data[stop : stop + 1] == b'"':
                return None, _line_end(data, at)
            cell = data[at:stop]
            if data[stop : stop + 1] == b"\n":
                cell = cell.removesuffix(b"\r")
            at = stop
        cells.append(cell)
        if data[at : at + 1] == b"\n":
            return cells, at + 1
        at += 1


def _line_end(data: bytes, at: int) -> int:
    return data.index(b"\n", at) + 1
