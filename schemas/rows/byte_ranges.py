"""Byte ranges of a file, cut between two records, so that other processes can read and judge them independently.

Splitting records is fast, so one process splits the whole file and knows every border exactly, even when quoted cells
span lines. Everything after that takes ten times as long and runs per range, where the range's bytes are read again.
The result is the same as without ranges.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from schemas.rows.judging.row_schema import JudgedBlock, judge_rows, row_schema
from schemas.rows.numbers.columns import parse_columns
from schemas.rows.reading.csv_records import START, ReadPosition, RecordBlock, split_records
from schemas.rows.reading.encoding import DetectedEncoding, decode_to_utf8, encoded_size
from schemas.rows.reading.long_lines import LineSplitter
from schemas.rows.types import RowTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Bytes `begin` to `end` of a file. They are whole blocks of `block_rows` rows each, which begin at `start`."""

    begin: int
    end: int
    start: ReadPosition
    block_rows: tuple[int, ...]


def can_split_into_ranges(detected: DetectedEncoding) -> bool:
    """Whether the file can be decoded from the middle, and the size of its text gives byte offsets."""
    return not (detected.is_utf16 or detected.double_cr)


def split_into_ranges(
    blocks: Iterable[RecordBlock], detected: DetectedEncoding, lines: LineSplitter, *, size: int
) -> Iterator[ByteRange | RecordBlock]:
    """Yield a file's blocks as ranges of about `size` bytes.

    Starting with the first line that was too long, yield the blocks themselves: without the tails that were cut off,
    the size of their text no longer gives byte offsets.
    """
    start, begin, end, rows = START, detected.bom, detected.bom, list[int]()
    for block in blocks:
        if not lines.has_cut_lines:
            end += encoded_size(block.text, detected)
            rows.append(block.row_count)
        if rows and (lines.has_cut_lines or end - begin >= size):
            yield ByteRange(begin=begin, end=end, start=start, block_rows=tuple(rows))
            start, begin, rows = block.next_position, end, []
        if lines.has_cut_lines:
            yield block
    if rows:
        yield ByteRange(begin=begin, end=end, start=start, block_rows=tuple(rows))


def judge_range(
    open_file: Callable[[], BinaryIO],
    detected: DetectedEncoding,
    part: ByteRange,
    terms: RowTerms,
) -> list[JudgedBlock]:
    """Read a range's rows and judge each by itself. Returns one block for each of the range's blocks.

    Raises ValueError if the file now has another number of rows there.
    """
    with open_file() as stream:
        text = decode_to_utf8(stream, detected, begin=part.begin, end=part.end)
        blocks = split_records(LineSplitter().split(text), start=part.start)
        return _regroup(judge_blocks(blocks, terms), part.block_rows)


def judge_blocks(blocks: Iterable[RecordBlock], terms: RowTerms) -> list[JudgedBlock]:
    """Judge the rows of several blocks, each row by itself."""
    return [judge_block(block, terms) for block in blocks]


def judge_block(block: RecordBlock, terms: RowTerms) -> JudgedBlock:
    """Judge a block's rows, each by itself."""
    return judge_rows(parse_columns(block), row_schema(terms))


def _regroup(judged: Sequence[JudgedBlock], block_rows: Sequence[int]) -> list[JudgedBlock]:
    """The same rows in blocks of these sizes. Where blocks end depends on the pieces in which a file was read."""
    begins = np.cumsum([0, *(len(each.number) for each in judged)])
    whole = {name: np.concatenate([getattr(each, name) for each in judged]) for name in _PER_ROW}
    row = np.concatenate([each.row + begin for each, begin in zip(judged, begins[:-1], strict=True)])
    code = np.concatenate([each.code for each in judged])
    borders = np.cumsum([0, *block_rows])
    if borders[-1] != begins[-1]:
        raise ValueError(f"a range of {borders[-1]} rows was read as {begins[-1]} rows: the file has changed")
    places = np.searchsorted(row, borders)
    return [
        JudgedBlock(
            **{name: values[low:high] for name, values in whole.items()},
            row=row[first:end] - low,
            code=code[first:end],
        )
        for low, high, first, end in zip(borders[:-1], borders[1:], places[:-1], places[1:], strict=True)
    ]


_PER_ROW = ("number", "purpose", "passed", "blank", "confirmed")
