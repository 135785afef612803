"""Parses phone number cells in any notation into what the rules look at: flags, digits, area code, local number."""

from enum import IntFlag
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.rows.types import BoolArray, Bytes, Integers


class CellFlag(IntFlag):
    """Why a cell is not a +1 number, whatever its digits; and `LEADING_PLUS`, which is no fault."""

    BLANK = 1
    SPREADSHEET = 2
    BAD_CHARACTER = 4
    OTHER_COUNTRY = 8
    LEADING_PLUS = 16


class PhoneCells(NamedTuple):
    """The parsed cells, as int64 arrays of the same length.

    `flags` are bits of `CellFlag`. `digits` counts the national digits, that is, without the 1 of +1 and without the
    leading 1 of eleven digits. `area`, `exchange`, `local` (seven digits) and `number` (all ten) are -1 unless a cell
    has ten digits and no fault.
    """

    flags: Integers
    digits: Integers
    area: Integers
    exchange: Integers
    local: Integers
    number: Integers


#: Longer notations of ten digits are rejected, as they are by phonenumbers.
MAX_CELL_BYTES = 250

#: Classes of bytes. _VISIBLE marks whatever makes a cell not blank.
_DIGIT, _SPACE, _PLUS, _BAD, _HIGH, _EXPONENT, _POINT, _VISIBLE = (1 << bit for bit in range(8))

_CLASS = np.full(256, _BAD | _VISIBLE, dtype=np.uint8)
_CLASS[list(b"0123456789")] = _DIGIT | _VISIBLE
_CLASS[list(b" ")] = _SPACE
_CLASS[list(b"\t\n\v\f\r")] = _BAD
_CLASS[list(b"-()")] = _VISIBLE
_CLASS[list(b".")] = _POINT | _VISIBLE
_CLASS[list(b",")] = _POINT | _BAD | _VISIBLE
_CLASS[list(b"+")] = _PLUS | _VISIBLE
_CLASS[list(b"eE")] = _EXPONENT | _BAD | _VISIBLE
_CLASS[128:] = _HIGH

#: An amount as a spreadsheet writes it: 5.01215E+09, or with decimals that are all zeros.
SPREADSHEET = r"^ *[+-]?(?:\d+(?:[.,]\d*)?[eE][+-]?\d+|\d+[.,]0{1,2}|\d{10,}[.,]0+) *$"


def parse_phone_cells(cells: pa.Array) -> PhoneCells:
    """Parse cells (pyarrow binary, UTF-8)."""
    ends, data = _buffers(cells)
    classes = np.append(_CLASS[data], np.uint8(0))
    seen = np.bitwise_or.reduceat(classes, ends[:-1]) if len(cells) else np.zeros(0, dtype=np.uint8)
    seen[ends[1:] == ends[:-1]] = 0
    parsed = _parse(cells, ends, data, classes, seen)
    unusual = np.flatnonzero((seen & _HIGH != 0) | ((seen & _PLUS != 0) & (classes[ends[:-1]] == _SPACE)))
    if unusual.size:
        _parse_unusual(cells, unusual, parsed)
    return parsed


def _buffers(cells: pa.Array) -> tuple[NDArray[np.int32], Bytes]:
    _, offsets, data = cells.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[cells.offset : cells.offset + len(cells) + 1]
    return ends, np.frombuffer(data or b"", dtype=np.uint8)[: ends[-1]]


def _parse_unusual(cells: pa.Array, unusual: Integers, parsed: PhoneCells) -> None:
    """Parse cells with non-ASCII characters, or with a space before a plus, again after replacing those."""
    again = parse_phone_cells(pc.cast(_to_ascii(cells.take(pa.array(unusual))), pa.binary()))
    for column, values in zip(parsed, again, strict=True):
        column[unusual] = values


def _to_ascii(cells: pa.Array) -> pa.Array:
    """No-break spaces as spaces, three kinds of hyphen as "-", no outer spaces, and "?" for all else beyond ASCII."""
    text = pc.cast(cells, pa.string())
    blank = pc.equal(pc.utf8_trim_whitespace(text), "")
    text = pc.replace_substring_regex(text, "\u00a0", " ")
    text = pc.replace_substring_regex(text, "[\u2010\u2011\u2013]", "-")
    text = pc.replace_substring_regex(pc.utf8_trim(text, " "), r"[^\x00-\x7f]", "?")
    return pc.if_else(blank, "", text)


def _parse(cells: pa.Array, ends: NDArray[np.int32], data: Bytes, classes: Bytes, seen: Bytes) -> PhoneCells:
    place = np.flatnonzero(classes & _DIGIT)
    before = np.searchsorted(place, ends)
    first, count = before[:-1], np.diff(before)
    digit = np.concatenate([data[place] - ord("0"), np.zeros(8, dtype=np.uint8)])
    one = (digit[first] == 1) & (count > 0)
    plus, misplaced_plus = _find_plus(ends, data, seen)
    flags = np.zeros(len(cells), dtype=np.int64)
    flags[seen & _VISIBLE == 0] = CellFlag.BLANK
    flags[(seen & _BAD != 0) | misplaced_plus] |= CellFlag.BAD_CHARACTER
    flags[(plus & ~one & (count > 0)) | _dials_other_country(digit, first, count)] |= CellFlag.OTHER_COUNTRY
    _flag_spreadsheet(cells, data, ends, seen, flags)
    digits = count - (one & (plus | (count == 11)))
    flags[(digits == 10) & (np.diff(ends) > MAX_CELL_BYTES)] |= CellFlag.BAD_CHARACTER
    number = _numbers(digit, first + (count - digits), (digits == 10) & (flags == 0))
    flags[plus] |= CellFlag.LEADING_PLUS
    area = number // 10_000_000
    local = number - area * 10_000_000
    local[number < 0] = -1
    return PhoneCells(flags=flags, digits=digits, area=area, exchange=local // 10_000, local=local, number=number)


def _find_plus(ends: NDArray[np.int32], data: Bytes, seen: Bytes) -> tuple[BoolArray, BoolArray]:
    """Which cells begin with their only plus, and which have one elsewhere."""
    has = seen & _PLUS != 0
    leading = has.copy()
    row = np.flatnonzero(has)
    if row.size:
        place = np.flatnonzero(data == ord("+"))
        low, high = np.searchsorted(place, ends[row]), np.searchsorted(place, ends[row + 1])
        leading[row] = (high - low == 1) & (place[low] == ends[row])
    return leading, has & ~leading


def _dials_other_country(digit: Bytes, first: Integers, count: Integers) -> BoolArray:
    """Eleven or more digits that begin with an international prefix, 011 or 00, and a country code other than 1."""
    result: BoolArray = (count > 10) & (digit[first] == 0)
    row = np.flatnonzero(result)
    at = first[row]
    after_00 = (digit[at + 1] == 0) & (digit[at + 2] > 1)
    after_011 = (digit[at + 1] == 1) & (digit[at + 2] == 1) & (digit[at + 3] > 1)
    result[row] = after_00 | after_011
    return result


def _flag_spreadsheet(cells: pa.Array, data: Bytes, ends: NDArray[np.int32], seen: Bytes, flags: Integers) -> None:
    last = np.isin(data[np.maximum(ends[1:] - 1, 0)], [ord("0"), ord(" ")]) if len(data) else np.zeros(len(cells), bool)
    row = np.flatnonzero((seen & _EXPONENT != 0) | ((seen & _POINT != 0) & last))
    row = row[seen[row] & _HIGH == 0]
    if row.size:
        found = pc.match_substring_regex(pc.cast(cells.take(pa.array(row)), pa.string()), SPREADSHEET)
        flags[row[found.to_numpy(zero_copy_only=False)]] |= CellFlag.SPREADSHEET


def _numbers(digit: Bytes, first: Integers, wanted: BoolArray) -> Integers:
    """The numbers of the wanted cells, whose ten digits begin at `first`; -1 for all others."""
    number = np.full(len(first), -1, dtype=np.int64)
    at = first[wanted]
    head = digit[at].astype(np.int64) * 10 + digit[at + 1]
    number[wanted] = head * 100_000_000 + _eight_digits(digit, at + 2)
    return number


def _eight_digits(digit: Bytes, at: Integers) -> Integers:
    """The number that eight digits make. Reads them as one 64-bit word and joins neighbors, then pairs, then fours."""
    windows: NDArray[np.uint64] = np.ndarray(shape=(len(digit) - 7,), dtype="<u8", buffer=digit, strides=(1,))
    words: NDArray[Any] = windows[at]
    words = (words * 10 + (words >> 8)) & 0x00FF00FF00FF00FF
    words = (words * 100 + (words >> 16)) & 0x0000FFFF0000FFFF
    numbers: Integers = ((words * 10_000 + (words >> 32)) & 0xFFFFFFFF).astype(np.int64)
    return numbers
