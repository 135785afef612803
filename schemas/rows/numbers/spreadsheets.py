"""What a spreadsheet does to cells: which ones it would turn into another number, and what it made of damaged ones.

A spreadsheet reads a cell of a CSV as a number, an amount or a formula where it can, also in quotes, and saves what it
has read. So 5.01581E+09 comes back as 5015810000, +5012149020 (a number in Belize) as 5012149020, and +1-5012149020 as
-5012149019. Dates and times are no danger: what is saved of them has too few digits, or a "/" or ":".
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.rows.types import BoolArray, Integers

_SPACE = r"[ \x{a0}\x{2007}\x{202f}]*"
_SIGNS = r"\-+\x{2010}\x{2011}\x{2013}\x{2212}"
_SIGN = rf"[{_SIGNS}]?"
_BEFORE, _AFTER = r"(^|[,;\t|\r\n])", r"([,;\t|\r\n]|$)"
_EXPRESSION = rf"[{_SIGNS}0-9.()*/^ ]*"


def _changing_cell(point: str, formula: str) -> str:
    """A pattern for what a spreadsheet would change. `point` are decimal points, `formula` is what may follow "="."""
    long_decimals = "|".join(rf"\d{{{whole}}}[{point}]\d{{{11 - whole},}}" for whole in range(1, 11))
    amount = (
        rf"(?:\d+[{point}]?\d*|[{point}]\d+)[eE][{_SIGNS}]?\d+"  # 5.01581E+09 becomes 5015810000
        rf"|\d+[{point}]0{{1,2}}|{long_decimals}|\d{{11,}}[{point}]\d+"  # decimals are rounded, and their zeros dropped
        r"|0+[1-9]\d{9,10}"  # leading zeros are dropped, also those of an international prefix
        rf"|\p{{Sc}} *\d[\d{point}]*|\d[\d{point}]* *(?:\p{{Sc}}|%)|\d[\d{point}]*['’][\d{point}'’]*"
    )
    grouped = r"|\d[\d.,'’]*,[\d.,'’]*" if "," in point else ""
    sums = (
        rf"[{_SIGNS}]{_EXPRESSION}[{_SIGNS}*/^]{_EXPRESSION}\d{{10}}{_EXPRESSION}"
        rf"|[{_SIGNS}]{_EXPRESSION}\d{{10}}{_EXPRESSION}[{_SIGNS}*/^]{_EXPRESSION}"
        rf"|[{_SIGNS}]{_EXPRESSION}[*/^]{_EXPRESSION}"
    )
    other_country = r"\+ *[2-9]\d{9}"  # without its plus, it would look like a +1 number
    return rf"(?:{_SIGN}\(? *(?:{amount}{grouped}) *\)?|{other_country}|{sums}|[=@＝＠]{formula})"


_CELL = _changing_cell(".", r'(?:"[^"]*"|[^,;\t|"\r\n])*')
_CELL_IN_QUOTES = _changing_cell(".,", r'(?:[^"]|"")*')
_UNQUOTED = rf"{_BEFORE}{_SPACE}{_CELL}{_SPACE}{_AFTER}"
_QUOTED = rf'{_BEFORE}{_SPACE}"{_SPACE}{_CELL_IN_QUOTES}{_SPACE}"{_SPACE}{_AFTER}'
_FIRST_CELL = '^(?:[^,"]*"(?:[^"]|"")*"[^,"]*|[^,"]*)'
_WHOLE_CELL = rf"^{_SPACE}{_changing_cell('.,', '(?s:.)*')}{_SPACE}$"
#: What every such cell has at least one of. A small pattern, because each call compiles its pattern again.
_HINT = (
    r"[0-9.,][eE]|[.,'’%=@＝＠*/^]|\p{Sc}|^[^0-9]*0"
    rf"|^{_SPACE}\+ *[2-9]|^{_SPACE}[{_SIGNS}].*[{_SIGNS}]"
)


def find_changing_cells(cells: pa.Array) -> BoolArray:
    """Which cells (pyarrow strings, without their quotes) a spreadsheet would turn into another number."""
    if not len(cells):  # most blocks have none, and each call compiles its pattern
        return np.zeros(0, dtype=np.bool_)
    found: BoolArray = pc.match_substring_regex(cells, _HINT).to_numpy(zero_copy_only=False)
    if found.any():
        maybe = cells.filter(pa.array(found))
        found[found] = pc.match_substring_regex(maybe, _WHOLE_CELL).to_numpy(zero_copy_only=False)
    return found


def empty_first_cells(records: pa.Array, wanted: BoolArray) -> pa.Array:
    """The records (pyarrow strings), the wanted ones without their first cell."""
    if not wanted.any():
        return records
    mask = pa.array(wanted)
    emptied = pc.replace_substring_regex(records.filter(mask), _FIRST_CELL, "", max_replacements=1)
    return pc.replace_with_mask(records, mask, emptied)


def empty_changing_cells(records: pa.Array) -> tuple[pa.Array, BoolArray]:
    """The records without all cells that a spreadsheet would turn into another number, and which records had any.

    For records whose columns may be swapped, missing, separated by something else, or badly quoted.
    """
    changing = pc.match_substring_regex(records, f"{_UNQUOTED}|{_QUOTED}")
    found: BoolArray = changing.to_numpy(zero_copy_only=False)
    if not found.any():
        return records, found
    emptied = records.filter(changing)
    for pattern in (_UNQUOTED, _QUOTED) * 2:  # twice, because two neighbors share a separator
        emptied = pc.replace_substring_regex(emptied, pattern, r"\1\2")
    return pc.replace_with_mask(records, changing, emptied), found


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountCells:
    """What a spreadsheet makes of cells: the whole `number`, or -1 where a cell is no amount or has too many digits.

    `has_lost_digits`: only the first digits are the phone number's. The spreadsheet fills up with zeros.
    """

    number: Integers
    has_lost_digits: BoolArray


_AMOUNT = rf"^[ \x{{a0}}]*{_SIGN}(?P<whole>\d{{1,18}})[.,]0+[ \x{{a0}}]*$"
_SCIENTIFIC = (
    rf"^[ \x{{a0}}]*{_SIGN}(?P<whole>\d*)(?:[.,](?P<part>\d*))?[eE]\+?0*(?P<exponent>\d{{1,2}})[ \x{{a0}}]*(?:$|[;\t|])"
)
#: The most digits of a number that fits into 64 bits.
_MAX_DIGITS = 18


def read_amounts(cells: pa.Array) -> AmountCells:
    """Read number cells (pyarrow strings) as amounts. A record whose columns have another separator is one cell."""
    number, lost = np.full(len(cells), -1, dtype=np.int64), np.zeros(len(cells), dtype=np.bool_)
    for pattern, read in ((_AMOUNT, _read_decimals), (_SCIENTIFIC, _read_scientific)):
        found = pc.match_substring_regex(cells, pattern).to_numpy(zero_copy_only=False)
        number[found], lost[found] = read(cells.filter(pa.array(found)))
    return AmountCells(number=number, has_lost_digits=lost)


def _read_decimals(cells: pa.Array) -> tuple[Integers, BoolArray]:
    whole = pc.cast(pc.struct_field(pc.extract_regex(cells, _AMOUNT), "whole"), pa.int64()).to_numpy()
    return whole, np.zeros(len(cells), dtype=np.bool_)


def _read_scientific(cells: pa.Array) -> tuple[Integers, BoolArray]:
    distinct = cells.dictionary_encode()
    read = [_expand(**each) for each in pc.extract_regex(distinct.dictionary, _SCIENTIFIC).to_pylist()]
    values = np.array([number for number, _ in read] or [0], dtype=np.int64)[distinct.indices.to_numpy()]
    lost = np.array([has_lost for _, has_lost in read] or [False])[distinct.indices.to_numpy()]
    return values, lost


def _expand(whole: str, part: str, exponent: str) -> tuple[int, bool]:
    """The number that a mantissa and an exponent make, and whether zeros had to be added."""
    zeros = int(exponent) - len(part)
    digits = (whole + part).lstrip("0")
    if zeros < 0:
        digits, dropped = digits[:zeros], digits[zeros:]
        if dropped.strip("0"):
            return -1, False
    elif not digits or len(digits) + zeros > _MAX_DIGITS:
        return -1, False
    text = digits + "0" * zeros
    return (int(text), zeros > 0) if text and len(text) <= _MAX_DIGITS else (-1, False)
