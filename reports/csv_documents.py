"""The rejected records: as received, to correct and drop again; and one line a finding, to read in a spreadsheet."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from schemas.model.judgment import Judgment

if TYPE_CHECKING:
    import pyarrow as pa

#: The columns of rejections.csv, in the contract's order.
COLUMNS = (
    "file", "row", "line", "phone_number", "call_purpose", "rule", "severity", "message", "fix", "suggestion",
)  # fmt: skip

#: What many lines have in common.
_REPEATING = frozenset(("file", "call_purpose", "rule", "severity", "message", "fix"))

BOM = b"\xef\xbb\xbf"
BLOCK = 1 << 18  # bytes handed on at once

#: Where a spreadsheet starts to read a formula: at a cell's start, past white space and invisible marks, and after a
#: line end, a tab or a semicolon, which an import with another separator takes for the start of a cell (OWASP, "CSV
#: injection"); with the full-width forms that some locales fold.
_START = r"(^|[\t\r\n;])([\s\x{00a0}\x{200b}-\x{200f}\x{2060}\x{feff}]*[=+\-@＝＋－﹣−＠])"
_CONTROL_START = r"^([\t\r\n])"
#: A + and digits alone is a number to any spreadsheet, never a formula: a phone number stays as it was received.
_PLAIN_NUMBER = r"^\+[0-9]{1,15}$"
#: What a cell of the common spreadsheets can hold; the whole is in rejected.csv.
_CELL = 32_000


def rejected_csv(judgment: Judgment) -> Iterator[bytes]:
    """rejected.csv: the rejected records as received, as UTF-8, no header; nothing is neutralised, so that it comes
    back unchanged."""
    held, size = [], 0
    for record in judgment.numbers.rejected_records():
        held.append(record)
        size += len(record)
        if size >= BLOCK:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def rejections_csv(judgment: Judgment) -> Iterator[bytes]:
    """rejections.csv: one line a finding on a record, UTF-8 with BOM, safe to open in a spreadsheet."""
    yield BOM + ",".join(COLUMNS).encode() + b"\n"
    for batch in judgment.numbers.rejections():
        if batch.num_rows:
            yield _lines(batch)


def _lines(batch: "pa.RecordBatch") -> bytes:
    import pyarrow as pa
    from pyarrow import csv

    columns = [_safe(_texts(batch, name)) for name in COLUMNS]
    out = pa.BufferOutputStream()
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    csv.write_csv(pa.RecordBatch.from_arrays(columns, names=list(COLUMNS)), out, options)
    return out.getvalue().to_pybytes()  # type: ignore[no-any-return]  # pyarrow publishes no types


def _texts(batch: "pa.RecordBatch", name: str) -> "pa.Array":
    """A column; one that says the same again and again as its distinct texts, so that each is looked at once."""
    cells = batch.column(name)
    return cells.dictionary_encode() if name in _REPEATING else cells


def _safe(cells: "pa.Array") -> "pa.Array":
    """The cells with an apostrophe before whatever a spreadsheet would run; numbers pass as they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(cells.type):
        return _safe(cells.dictionary).take(cells.indices)
    if pa.types.is_integer(cells.type):
        return cells
    risky = pc.match_substring_regex(cells, _START + "|" + _CONTROL_START + r"|\x00")
    risky = pc.and_not(risky, pc.match_substring_regex(cells, _PLAIN_NUMBER))
    if pc.max(pc.utf8_length(cells)).as_py() is not None and pc.max(pc.binary_length(cells)).as_py() > _CELL:
        cells = pc.utf8_slice_codeunits(cells, 0, _CELL)
    if not pc.any(risky).as_py():
        return cells
    return pc.if_else(risky, _neutral(cells), cells)


def _neutral(cells: "pa.Array") -> "pa.Array":
    import pyarrow.compute as pc

    cells = pc.replace_substring(cells, "\x00", "␀")
    cells = pc.replace_substring_regex(cells, _CONTROL_START, r"'\1")
    return pc.replace_substring_regex(cells, _START, r"\1'\2")
