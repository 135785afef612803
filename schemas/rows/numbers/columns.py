"""From a block of records to the integer columns that the row schema judges."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.model.judgment import CHUNK_ROWS
from schemas.model.purposes import parse_purpose
from schemas.rows.numbers.leading_lines import MAX_LEADING_LINES, LeadingLine, LeadingRecord, find_leading_lines
from schemas.rows.numbers.phone_cells import CellFlag, parse_phone_cells
from schemas.rows.reading.csv_records import RecordBlock
from schemas.rows.types import BoolArray, Integers

#: The columns, all int64. `cell_count` is the record's number of cells, `BROKEN_RECORD` or a `LeadingLine`; `flags` to
#: `number` describe the number cell (see `schemas.rows.numbers.phone_cells.PhoneCells`); `purpose` is an index into
#: `PURPOSES` or one of the three negative values below.
COLUMNS = ("cell_count", "flags", "digits", "area", "exchange", "local", "number", "purpose")

BROKEN_RECORD = 0
BLANK_PURPOSE, UNKNOWN_PURPOSE, NO_PURPOSE = -1, -2, -3

#: The values of a row where there is nothing to judge: they break no rule.
_NEUTRAL = np.array([2, 0, 10, -1, -1, -1, -1, NO_PURPOSE])


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedColumns:
    """The parsed rows: `values[c, i]` is column `COLUMNS[c]` of row i. `blank` marks the rows to ignore."""

    values: NDArray[np.int64]
    blank: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPair:
    """The two cells of each record as received, without their quotes (pyarrow binary, UTF-8)."""

    number: pa.Array
    purpose: pa.Array


def block_cells(block: RecordBlock, rows: Integers | None = None) -> CellPair:
    """The cells of the given rows of the block, or of all its records."""
    pieces = pa.Array.from_buffers(
        pa.binary(), len(block.piece_offsets) - 1, [None, pa.py_buffer(block.piece_offsets), pa.py_buffer(block.data)]
    )
    row = np.arange(block.row_count) if rows is None else rows
    number, purpose = pieces.take(pa.array(4 * row)), pieces.take(pa.array(4 * row + 2))
    if len(block.escaped_rows):
        escaped = pa.array(np.isin(row, block.escaped_rows))
        number, purpose = _unescape(number, escaped), _unescape(purpose, escaped)
    return CellPair(number=number, purpose=purpose)


def _unescape(cells: pa.Array, escaped: pa.Array) -> pa.Array:
    return pc.if_else(escaped, pc.replace_substring(cells, b'""', b'"'), cells)


def block_records(block: RecordBlock, rows: Integers) -> pa.Array:
    """The given records of the block as received, each with its line end (pyarrow binary, UTF-8)."""
    starts = block.starts.astype(np.int32)
    records = pa.Array.from_buffers(
        pa.binary(), block.row_count, [None, pa.py_buffer(starts), pa.py_buffer(block.data)]
    )
    return records.take(pa.array(rows))


def parse_columns(block: RecordBlock) -> ParsedColumns:
    """Parse the block's cells. The first two cells are parsed even if the record has more."""
    cells = block_cells(block)
    phones = parse_phone_cells(cells.number)
    purpose = _parse_purposes(cells.purpose)
    blank = _blank_records(block, phones.flags, purpose)
    values = np.stack([block.cell_counts, *phones, purpose])
    no_cells = np.flatnonzero((block.cell_counts < 2) | blank)
    values[1:, no_cells] = _NEUTRAL[1:, None]
    values[0, blank] = _NEUTRAL[0]
    for row, kind in _leading_lines(block, cells, blank):
        values[:, row] = _NEUTRAL
        values[0, row] = kind
    return ParsedColumns(values=values, blank=blank)


#: A record of blank cells, some of them in quotes.
_BLANK = r"[\s\x0b\x1c-\x1f\x85\p{Z}]*"
_OTHER_SEPARATORS = r"^[;|\s\p{Z}]*$"
_BLANK_RECORD = rf'^(?:{_BLANK}|"{_BLANK}")(?:,(?:{_BLANK}|"{_BLANK}"))*(?:\r?\n)?$'


def _blank_records(block: RecordBlock, flags: Integers, purpose: Integers) -> BoolArray:
    """Which records have only blank cells, however many, and whatever separates them."""
    blank: BoolArray = (flags & CellFlag.BLANK != 0) & (purpose == BLANK_PURPOSE) & (block.cell_counts != BROKEN_RECORD)
    wide = np.flatnonzero(blank & (block.cell_counts > 2))
    if wide.size:
        records = pc.cast(block_records(block, wide), pa.string())
        blank[wide] = pc.match_substring_regex(records, _BLANK_RECORD).to_numpy(zero_copy_only=False)
    narrow = np.flatnonzero(~blank & (block.cell_counts == 1))
    if narrow.size:
        records = pc.cast(block_cells(block, narrow).number, pa.string())
        blank[narrow] = pc.match_substring_regex(records, _OTHER_SEPARATORS).to_numpy(zero_copy_only=False)
    return blank


def _leading_lines(block: RecordBlock, cells: CellPair, blank: BoolArray) -> Iterator[tuple[int, LeadingLine]]:
    """The lines above the numbers, with their rows. All are in the chunk of the file's first record."""
    first = block.first_record
    if first is None:
        return
    chunk_end = first - first % CHUNK_ROWS + CHUNK_ROWS
    rows = first + np.flatnonzero(~blank[first:chunk_end])[:MAX_LEADING_LINES]
    texts = block_records(block, rows)
    records = [
        LeadingRecord(text=texts[place].as_py().decode(), **_decoded(cells, row)) for place, row in enumerate(rows)
    ]
    yield from zip(rows.tolist(), find_leading_lines(records), strict=False)


def _decoded(cells: CellPair, row: int) -> dict[str, str]:
    return {"number": cells.number[row].as_py().decode(), "purpose": cells.purpose[row].as_py().decode()}


def _parse_purposes(received: pa.Array) -> Integers:
    """Each purpose's index in `PURPOSES`. Parses each distinct text once."""
    encoded = received.dictionary_encode()
    codes = [_purpose_code(value.decode()) for value in encoded.dictionary.to_pylist()]
    found: Integers = np.array(codes or [0], dtype=np.int64)[encoded.indices.to_numpy()]
    return found


def _purpose_code(text: str) -> int:
    found = parse_purpose(text)
    if found is not None:
        return found
    return UNKNOWN_PURPOSE if text.strip() else BLANK_PURPOSE
