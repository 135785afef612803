"""From a block of records to the integer columns that the row schema judges."""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.model.purposes import parse_purpose
from schemas.rows.numbers.phone_cells import CellFlag, parse_phone_cells
from schemas.rows.reading.csv_records import RecordBlock
from schemas.rows.types import Integers

#: The columns, all int64. `cell_count` is the record's number of cells, `BROKEN_RECORD` or `HEADER_RECORD`; `flags` to
#: `number` describe the number cell (see `schemas.rows.numbers.phone_cells.PhoneCells`); `purpose` is an index into
#: `PURPOSES` or one of the three negative values below.
COLUMNS = ("cell_count", "flags", "digits", "area", "exchange", "local", "number", "purpose")

BROKEN_RECORD, HEADER_RECORD = 0, -1
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
    number = np.arange(0, 4 * block.row_count, 4)
    purpose = number + 2
    number[block.unquoted_rows] = 4 * block.row_count + 2 * np.arange(len(block.unquoted_rows))
    purpose[block.unquoted_rows] = number[block.unquoted_rows] + 1
    if rows is not None:
        number, purpose = number[rows], purpose[rows]
    return CellPair(number=pieces.take(pa.array(number)), purpose=pieces.take(pa.array(purpose)))


def parse_columns(block: RecordBlock) -> ParsedColumns:
    """Parse the block's cells. The first two cells are parsed even if the record has more."""
    cells = block_cells(block)
    phones = parse_phone_cells(cells.number)
    purpose = _parse_purposes(cells.purpose)
    has_blank_cells = (phones.flags & CellFlag.BLANK != 0) & (purpose == BLANK_PURPOSE)
    blank = has_blank_cells & ((block.cell_counts == 1) | (block.cell_counts == 2))
    values = np.stack([block.cell_counts, *phones, purpose])
    no_cells = np.flatnonzero((block.cell_counts < 2) | blank)
    values[1:, no_cells] = _NEUTRAL[1:, None]
    values[0, blank] = _NEUTRAL[0]
    header = block.header_row
    if header is not None and block.cell_counts[header] != BROKEN_RECORD and _is_header(cells, header):
        values[:, header] = _NEUTRAL
        values[0, header] = HEADER_RECORD
    return ParsedColumns(values=values, blank=blank)


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


_NUMBER_WORDS = frozenset(
    (
        *("phone", "phones", "telephone", "telephones", "tel", "telno", "number", "numbers", "num", "mobile", "cell"),
        *("cellphone", "phonenumber", "phonenumbers", "phonenum", "mobilenumber", "msisdn", "ani", "cli", "callerid"),
        *("tn", "tns", "did", "dids", "e164"),
    )
)
_PURPOSE_WORDS = frozenset(
    ("purpose", "purposes", "callpurpose", "reason", "reasons", "callreason", "use", "usage", "category")
)
_WORDS = re.compile(r"[^\W_]+")


def _is_header(cells: CellPair, row: int) -> bool:
    """Whether a row names columns: a cell with header words that is neither a number nor one of the ten purposes."""
    number = cells.number[row].as_py().decode()
    purpose = cells.purpose[row].as_py().decode()
    if sum(letter.isdigit() for letter in number) >= 7:
        return False
    if _has_any_word(number, _NUMBER_WORDS) and not any(letter.isdigit() for letter in number):
        return True
    return parse_purpose(purpose) is None and _has_any_word(purpose, _NUMBER_WORDS | _PURPOSE_WORDS)


def _has_any_word(text: str, words: frozenset[str]) -> bool:
    return not words.isdisjoint(_WORDS.findall(text[:200].casefold()))
