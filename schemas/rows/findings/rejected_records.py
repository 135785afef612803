"""The records of rejected.csv: what is worth sending again, with nothing that a spreadsheet would change."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.rows.findings.row_findings import RowFindings
from schemas.rows.numbers.columns import block_cells, block_records
from schemas.rows.numbers.spreadsheets import empty_changing_cells, empty_first_cells, find_changing_cells
from schemas.rows.reading.csv_records import RecordBlock
from schemas.rows.types import BoolArray, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRecords:
    """The records of a block that rejected.csv has, as pyarrow strings, each with its line end.

    `rows` are their rows in the block, sorted. `emptied` marks those in which a cell was left out.
    """

    rows: Integers
    records: pa.Array
    emptied: BoolArray

    def numbers_of(self, row: Integers, first: int) -> pa.Array:
        """The row in rejected.csv of each row of the block, or null. `first` is that of the first record."""
        place, is_there = self._find(row)
        return pa.array(place + first, mask=~is_there)

    def is_emptied(self, row: Integers) -> BoolArray:
        """For each row of the block, whether rejected.csv has it without a cell."""
        place, is_there = self._find(row)
        found = np.zeros(len(row), dtype=np.bool_)
        found[is_there] = self.emptied[place[is_there]]
        return found

    def _find(self, row: Integers) -> tuple[Integers, BoolArray]:
        place = np.searchsorted(self.rows, row)
        is_there: BoolArray = np.append(self.rows, -1)[place] == row
        return place, is_there


#: A number with one of these is always left out: a spreadsheet has changed it, or may have made it up.
_DAMAGED = ("NUM-003", "NUM-025")
#: A number with one of these can come out of a spreadsheet as another one. One of exactly ten digits cannot, unless it
#: begins like a formula.
_NOT_TEN_DIGITS = ("NUM-002", "NUM-005", "NUM-006")
_IS_SIGN = np.isin(np.arange(256), [*b" +-"])


def select_rejected_records(block: RecordBlock, found: RowFindings) -> RejectedRecords:
    """Take the records that can be corrected, without the cells that a spreadsheet would turn into another number."""
    rows = found.to_correct
    records = pc.cast(block_records(block, rows), pa.string())
    has_bounds = block.cell_counts == 2
    has_bounds[block.escaped_rows] = False
    has_bounds, damaged = has_bounds[rows], found.has_rule(block.row_count, *_DAMAGED)[rows]
    emptied = damaged | (has_bounds & _find_changing_numbers(block, rows, found))
    records = _empty_number_cells(block, rows, records, emptied & has_bounds)
    records = empty_first_cells(records, damaged & ~has_bounds)
    # A number may be anywhere in the other records: columns are missing or swapped, or quotes are wrong.
    others = np.flatnonzero(~has_bounds | _find_changing_purposes(block, rows, found))
    if others.size:
        changed, is_changed = empty_changing_cells(records.take(pa.array(others)))
        emptied[others] |= is_changed
        mask = np.zeros(len(rows), dtype=np.bool_)
        mask[others] = True
        records = pc.replace_with_mask(records, pa.array(mask), changed)
    return RejectedRecords(rows=rows, records=records, emptied=emptied)


def _find_changing_numbers(block: RecordBlock, rows: Integers, found: RowFindings) -> BoolArray:
    maybe = found.has_rule(block.row_count, *_NOT_TEN_DIGITS)[rows]
    maybe |= _IS_SIGN[np.frombuffer(block.data, dtype=np.uint8)[block.piece_offsets[4 * rows]]]
    maybe[maybe] = find_changing_cells(pc.cast(block_cells(block, rows[maybe]).number, pa.string()))
    return maybe


def _find_changing_purposes(block: RecordBlock, rows: Integers, found: RowFindings) -> BoolArray:
    maybe = found.has_rule(block.row_count, "PUR-002")[rows]
    maybe[maybe] = find_changing_cells(pc.cast(block_cells(block, rows[maybe]).purpose, pa.string()))
    return maybe


def _empty_number_cells(block: RecordBlock, rows: Integers, records: pa.Array, wanted: BoolArray) -> pa.Array:
    """The records, the wanted ones without their number. The bounds of that cell must be in the block."""
    if not wanted.any():
        return records
    row = rows[wanted]
    bounds = block.piece_offsets[4 * row[:, None] + [0, 1]]
    offsets = np.column_stack([block.starts[row], bounds, block.starts[row + 1]]).astype(np.int32).ravel()
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(block.data)]
    pieces = pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)
    before, after = (pieces.take(pa.array(np.arange(first, len(pieces), 4))) for first in (0, 2))
    return pc.replace_with_mask(records, pa.array(wanted), pc.binary_join_element_wise(before, after, ""))
