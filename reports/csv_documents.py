"""rejected.csv: the rejected records as received, to correct and drop again. rejections.csv: one line per finding.
changes.csv: one line per number that a revision of a program changed.
"""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from schemas.model.judgment import REJECTION_COLUMNS, Judgment
from schemas.model.purposes import PURPOSES
from schemas.model.revision import NumberChanges
from schemas.rows.rule_codes import count_row_findings

if TYPE_CHECKING:  # the functions import pyarrow, because it saves start-up time
    import numpy as np
    import pyarrow as pa

#: Columns in which many lines have the same value.
_REPETITIVE_COLUMNS = frozenset(("file", "call_purpose", "rule", "severity", "message", "fix"))

CHANGE_COLUMNS = ("change", "phone_number", "call_purpose_before", "call_purpose")

BOM = b"\xef\xbb\xbf"
BLOCK_BYTES = 1 << 18  # yielded at once

#: Where a spreadsheet starts to read a formula: at the start of a cell, after leading white space and invisible
#: characters, and after a line end, a tab or a semicolon, which an import with another separator takes for the start of
#: a cell (OWASP, "CSV Injection"). Includes the full-width forms that some locales convert.
_FORMULA_START = r"(^|[\t\r\n;])([\s\x{00a0}\x{200b}-\x{200f}\x{2060}\x{feff}]*[=+\-@＝＋－﹣−＠])"
_LEADING_CONTROL = r"^([\t\r\n])"
#: A + followed only by digits is a number to any spreadsheet, never a formula. Phone numbers stay as received.
_PLAIN_NUMBER = r"^\+[0-9]{1,15}$"
#: Common spreadsheets cut a cell at about this length. rejected.csv has the full value.
_MAX_CELL = 32_000


def rejected_csv(judgment: Judgment) -> Iterator[bytes]:
    """The bytes of rejected.csv: the rejected records as received, in UTF-8, without a header.

    Formulas are not neutralized, so that the records come back unchanged.
    """
    buffer, size = [], 0
    for record in judgment.numbers.rejected_records():
        buffer.append(record)
        size += len(record)
        if size >= BLOCK_BYTES:
            yield b"".join(buffer)
            buffer, size = [], 0
    if buffer:
        yield b"".join(buffer)


def rejections_csv(judgment: Judgment) -> Iterator[bytes]:
    """The bytes of rejections.csv: one line per finding on a record, UTF-8 with BOM, safe to open in a spreadsheet.

    The last `judgment.rows.unlisted` findings are left out.
    """
    yield BOM + ",".join(REJECTION_COLUMNS).encode() + b"\n"
    left = count_row_findings(judgment.totals) - judgment.rows.unlisted if judgment.rows.unlisted else sys.maxsize
    for batch in judgment.numbers.rejections():
        if left and batch.num_rows:
            yield _write_lines(batch.slice(0, left))
        left = max(0, left - batch.num_rows)


def changes_csv(changes: Iterable[NumberChanges]) -> Iterator[bytes]:
    """The bytes of changes.csv: one line per number that a revision changed. Nothing in it comes from a drop's text."""
    yield ",".join(CHANGE_COLUMNS).encode() + b"\n"
    for each in changes:
        yield _write_changes(each)


def _write_changes(changes: NumberChanges) -> bytes:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    number = pc.binary_join_element_wise("+1", pc.cast(pa.array(changes.numbers), pa.string()), "")
    before, after = (_name_purposes(purposes) for purposes in (changes.before, changes.after))
    columns = [pa.repeat(changes.kind, len(number)), number, before, after]
    out = pa.BufferOutputStream()
    options = csv.WriteOptions(include_header=False, quoting_style="none")
    csv.write_csv(pa.RecordBatch.from_arrays(columns, names=list(CHANGE_COLUMNS)), out, options)
    return out.getvalue().to_pybytes()  # type: ignore[no-any-return]  # pyarrow publishes no types


def _name_purposes(purposes: "np.ndarray") -> "pa.Array":
    import pyarrow as pa

    names = pa.array([*PURPOSES, None])
    return names.take(pa.array(purposes.astype("i8").clip(max=len(PURPOSES))))


def _write_lines(batch: "pa.RecordBatch") -> bytes:
    import pyarrow as pa
    from pyarrow import csv

    columns = [_make_safe(_column(batch, name)) for name in REJECTION_COLUMNS]
    out = pa.BufferOutputStream()
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    csv.write_csv(pa.RecordBatch.from_arrays(columns, names=list(REJECTION_COLUMNS)), out, options)
    return out.getvalue().to_pybytes()  # type: ignore[no-any-return]  # pyarrow publishes no types


def _column(batch: "pa.RecordBatch", name: str) -> "pa.Array":
    """A column. A repetitive one is dictionary-encoded, so that each distinct value is checked once."""
    cells = batch.column(name)
    return cells.dictionary_encode() if name in _REPETITIVE_COLUMNS else cells


def _make_safe(cells: "pa.Array") -> "pa.Array":
    """The cells with an apostrophe before anything a spreadsheet would run. Numbers stay unchanged."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(cells.type):
        return _make_safe(cells.dictionary).take(cells.indices)
    if pa.types.is_integer(cells.type):
        return cells
    risky = pc.match_substring_regex(cells, _FORMULA_START + "|" + _LEADING_CONTROL + r"|\x00")
    risky = pc.and_not(risky, pc.match_substring_regex(cells, _PLAIN_NUMBER))
    if pc.max(pc.utf8_length(cells)).as_py() is not None and pc.max(pc.binary_length(cells)).as_py() > _MAX_CELL:
        cells = pc.utf8_slice_codeunits(cells, 0, _MAX_CELL)
    if not pc.any(risky).as_py():
        return cells
    return pc.if_else(risky, _neutralize(cells), cells)


def _neutralize(cells: "pa.Array") -> "pa.Array":
    import pyarrow.compute as pc

    cells = pc.replace_substring(cells, "\x00", "␀")
    cells = pc.replace_substring_regex(cells, _LEADING_CONTROL, r"'\1")
    return pc.replace_substring_regex(cells, _FORMULA_START, r"\1'\2")
