"""From a block of records to the columns that the row schema judges."""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.model.purposes import parse_purpose
from schemas.rows.numbers.phone_cells import CellFlag, parse_phone_cells
from schemas.rows.reading.csv_records import RecordBlock

Integers = NDArray[np.int64]

#: The columns, all int64. `record` is the number of cells, `BROKEN_RECORD` or `HEADER_RECORD`; `marks` to `number` are the number
#: cell's (see `schemas.rows.numbers.phone_cells.Spelling`); `purpose` is a place in `PURPOSES`, or one of the three below.
COLUMNS = ("record", "marks", "digits", "area", "exchange", "local", "number", "purpose")

BROKEN_RECORD, HEADER_RECORD = 0, -1
BLANK_PURPOSE, UNKNOWN_PURPOSE, NO_PURPOSE = -1, -2, -3

#: What a row has in each column where there is nothing to judge.
_NOTHING = np.array([2, 0, 10, -1, -1, -1, -1, NO_PURPOSE])


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedColumns:
    """The parsed rows: `values[c, i]` is column `COLUMNS[c]` of row i. `blank` are the records to be ignored."""

    values: NDArray[np.int64]
    blank: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPair:
    """The two cells of each record as received, unquoted (pyarrow binary, UTF-8)."""

    number: pa.Array
    purpose: pa.Array


def block_cells(block: RecordBlock, rows: Integers | None = None) -> CellPair:
    """The cells of all the block's records, or of some."""
    pieces = pa.Array.from_buffers(
        pa.binary(), len(block.bounds) - 1, [None, pa.py_buffer(block.bounds), pa.py_buffer(block.data)]
    )
    number = np.arange(0, 4 * block.rows, 4)
    purpose = number + 2
    number[block.respelt] = 4 * block.rows + 2 * np.arange(len(block.respelt))
    purpose[block.respelt] = number[block.respelt] + 1
    if rows is not None:
        number, purpose = number[rows], purpose[rows]
    return CellPair(number=pieces.take(pa.array(number)), purpose=pieces.take(pa.array(purpose)))


def parse_columns(block: RecordBlock) -> ParsedColumns:
    """The block's columns. A record that is not two cells is judged as far as its cells can be told apart."""
    received = block_cells(block)
    spelling = parse_phone_cells(received.number)
    purpose = _purposes(received.purpose)
    blank = (
        (spelling.marks & CellFlag.BLANK != 0) & (purpose == BLANK_PURPOSE) & ((block.cells == 1) | (block.cells == 2))
    )
    values = np.stack([block.cells, *spelling, purpose])
    alone = np.flatnonzero((block.cells < 2) | blank)
    values[1:, alone] = _NOTHING[1:, None]
    values[0, blank] = _NOTHING[0]
    if block.header is not None and block.cells[block.header] != BROKEN_RECORD and _is_header(received, block.header):
        values[:, block.header] = _NOTHING
        values[0, block.header] = HEADER_RECORD
    return ParsedColumns(values=values, blank=blank)


def _purposes(received: pa.Array) -> Integers:
    """Each purpose's place in `PURPOSES`; judged once a distinct spelling."""
    encoded = received.dictionary_encode()
    codes = [_purpose(value.decode()) for value in encoded.dictionary.to_pylist()]
    found: Integers = np.array(codes or [0], dtype=np.int64)[encoded.indices.to_numpy()]
    return found


def _purpose(text: str) -> int:
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


def _is_header(received: CellPair, row: int) -> bool:
    """Whether a row names columns: header words in a cell that is neither a number nor one of the ten purposes."""
    number = received.number[row].as_py().decode()
    purpose = received.purpose[row].as_py().decode()
    if sum(letter.isdigit() for letter in number) >= 7:
        return False
    if _names(number, _NUMBER_WORDS) and not any(letter.isdigit() for letter in number):
        return True
    return parse_purpose(purpose) is None and _names(purpose, _NUMBER_WORDS | _PURPOSE_WORDS)


def _names(text: str, words: frozenset[str]) -> bool:
    return not words.isdisjoint(_WORDS.findall(text[:200].casefold()))
