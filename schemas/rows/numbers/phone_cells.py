"""Phone number cells, however spelt, to what the rules ask of them: marks, digits, area code and local number."""

from enum import IntFlag
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]


class CellFlag(IntFlag):
    """What keeps a cell from being a spelling of a +1 number."""

    BLANK = 1
    SPREADSHEET = 2
    FOREIGN = 4
    ABROAD = 8


class PhoneCells(NamedTuple):
    """What each cell says, as int64 arrays of the same length.

    `marks` are bits of `CellFlag`. `digits` counts the national digits: those after +1, or after the 1 of eleven. `area`,
    `exchange`, `local` (seven digits) and `number` (all ten) are -1 unless there are ten digits and no mark.
    """

    marks: Integers
    digits: Integers
    area: Integers
    exchange: Integers
    local: Integers
    number: Integers


#: Longer spellings of ten digits are refused by phonenumbers too.
MAX_CELL_BYTES = 250

_DIGIT, _SPACE, _PLUS, _FOREIGN, _HIGH, _EXPONENT, _POINT, _INK = (1 << bit for bit in range(8))

_CLASS = np.full(256, _FOREIGN | _INK, dtype=np.uint8)
_CLASS[list(b"0123456789")] = _DIGIT | _INK
_CLASS[list(b" ")] = _SPACE
_CLASS[list(b"\t\n\v\f\r")] = _FOREIGN
_CLASS[list(b"-()")] = _INK
_CLASS[list(b".")] = _POINT | _INK
_CLASS[list(b",")] = _POINT | _FOREIGN | _INK
_CLASS[list(b"+")] = _PLUS | _INK
_CLASS[list(b"eE")] = _EXPONENT | _FOREIGN | _INK
_CLASS[128:] = _HIGH

#: An amount as a spreadsheet writes it: 5.01215E+09, or decimals of nothing but zeros.
SPREADSHEET = r"^ *[+-]?(?:\d+(?:[.,]\d*)?[eE][+-]?\d+|\d+[.,]0{1,2}|\d{10,}[.,]0+) *$"


def parse_phone_cells(cells: pa.Array) -> PhoneCells:
    """The cells (pyarrow binary, UTF-8) as the rules see them."""
    ends, data = _buffers(cells)
    classes = np.append(_CLASS[data], np.uint8(0))
    seen = np.bitwise_or.reduceat(classes, ends[:-1]) if len(cells) else np.zeros(0, dtype=np.uint8)
    seen[ends[1:] == ends[:-1]] = 0
    spelling = _read(cells, ends, data, classes, seen)
    odd = np.flatnonzero((seen & _HIGH != 0) | ((seen & _PLUS != 0) & (classes[ends[:-1]] == _SPACE)))
    if odd.size:
        _read_odd(cells, odd, spelling)
    return spelling


def _buffers(cells: pa.Array) -> tuple[NDArray[np.int32], Bytes]:
    _, offsets, data = cells.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[cells.offset : cells.offset + len(cells) + 1]
    return ends, np.frombuffer(data or b"", dtype=np.uint8)[: ends[-1]]


def _read_odd(cells: pa.Array, odd: Integers, spelling: PhoneCells) -> None:
    """Read cells with characters beyond ASCII, or space before a plus, once more in plain characters."""
    plain = parse_phone_cells(pc.cast(_plain(cells.take(pa.array(odd))), pa.binary()))
    for column, read in zip(spelling, plain, strict=True):
        column[odd] = read


def _plain(cells: pa.Array) -> pa.Array:
    """No-break spaces as spaces, the three hyphens as "-", outer spaces gone; what else is not ASCII as "?"."""
    text = pc.cast(cells, pa.string())
    blank = pc.equal(pc.utf8_trim_whitespace(text), "")
    text = pc.replace_substring_regex(text, "\u00a0", " ")
    text = pc.replace_substring_regex(text, "[\u2010\u2011\u2013]", "-")
    text = pc.replace_substring_regex(pc.utf8_trim(text, " "), r"[^\x00-\x7f]", "?")
    return pc.if_else(blank, "", text)


def _read(cells: pa.Array, ends: NDArray[np.int32], data: Bytes, classes: Bytes, seen: Bytes) -> PhoneCells:
    place = np.flatnonzero(classes & _DIGIT)
    before = np.searchsorted(place, ends)
    first, count = before[:-1], np.diff(before)
    digit = np.concatenate([data[place] - ord("0"), np.zeros(8, dtype=np.uint8)])
    one = (digit[first] == 1) & (count > 0)
    plus, stray = _plus(ends, data, seen)
    marks = np.zeros(len(cells), dtype=np.int64)
    marks[seen & _INK == 0] = CellFlag.BLANK
    marks[(seen & _FOREIGN != 0) | stray] |= CellFlag.FOREIGN
    marks[(plus & ~one & (count > 0)) | _dialled_abroad(digit, first, count)] |= CellFlag.ABROAD
    _mark_spreadsheet(cells, data, ends, seen, marks)
    digits = count - (one & (plus | (count == 11)))
    marks[(digits == 10) & (np.diff(ends) > MAX_CELL_BYTES)] |= CellFlag.FOREIGN
    number = _numbers(digit, first + (count - digits), (digits == 10) & (marks == 0))
    area = number // 10_000_000
    local = number - area * 10_000_000
    local[number < 0] = -1
    return PhoneCells(marks=marks, digits=digits, area=area, exchange=local // 10_000, local=local, number=number)


def _plus(ends: NDArray[np.int32], data: Bytes, seen: Bytes) -> tuple[Flags, Flags]:
    """Which cells begin with their only plus, and which have one elsewhere."""
    has = seen & _PLUS != 0
    leading = has.copy()
    row = np.flatnonzero(has)
    if row.size:
        place = np.flatnonzero(data == ord("+"))
        low, high = np.searchsorted(place, ends[row]), np.searchsorted(place, ends[row + 1])
        leading[row] = (high - low == 1) & (place[low] == ends[row])
    return leading, has & ~leading


def _dialled_abroad(digit: Bytes, first: Integers, count: Integers) -> Flags:
    """Eleven digits or more that begin as one dials abroad, 011 or 00, and go on with another country than 1."""
    result: Flags = (count > 10) & (digit[first] == 0)
    row = np.flatnonzero(result)
    at = first[row]
    after_00 = (digit[at + 1] == 0) & (digit[at + 2] > 1)
    after_011 = (digit[at + 1] == 1) & (digit[at + 2] == 1) & (digit[at + 3] > 1)
    result[row] = after_00 | after_011
    return result


def _mark_spreadsheet(cells: pa.Array, data: Bytes, ends: NDArray[np.int32], seen: Bytes, marks: Integers) -> None:
    last = np.isin(data[np.maximum(ends[1:] - 1, 0)], [ord("0"), ord(" ")]) if len(data) else np.zeros(len(cells), bool)
    row = np.flatnonzero((seen & _EXPONENT != 0) | ((seen & _POINT != 0) & last))
    row = row[seen[row] & _HIGH == 0]
    if row.size:
        found = pc.match_substring_regex(pc.cast(cells.take(pa.array(row)), pa.string()), SPREADSHEET)
        marks[row[found.to_numpy(zero_copy_only=False)]] |= CellFlag.SPREADSHEET


def _numbers(digit: Bytes, first: Integers, wanted: Flags) -> Integers:
    """The numbers of the wanted cells, whose ten digits begin at `first`; -1 elsewhere."""
    number = np.full(len(first), -1, dtype=np.int64)
    at = first[wanted]
    head = digit[at].astype(np.int64) * 10 + digit[at + 1]
    number[wanted] = head * 100_000_000 + _eight_digits(digit, at + 2)
    return number


def _eight_digits(digit: Bytes, at: Integers) -> Integers:
    """The number that eight digits make, read as one word each: neighbours are joined, then pairs, then fours."""
    windows: NDArray[np.uint64] = np.ndarray(shape=(len(digit) - 7,), dtype="<u8", buffer=digit, strides=(1,))
    words: NDArray[Any] = windows[at]
    words = (words * 10 + (words >> 8)) & 0x00FF00FF00FF00FF
    words = (words * 100 + (words >> 16)) & 0x0000FFFF0000FFFF
    numbers: Integers = ((words * 10_000 + (words >> 32)) & 0xFFFFFFFF).astype(np.int64)
    return numbers
