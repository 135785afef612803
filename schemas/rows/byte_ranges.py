"""Ranges of a file, cut between two records: each is read and judged by itself, wherever, with the same result.

Framing is quick, so one process frames the whole file and thereby knows every border exactly, whatever is quoted across
lines. What comes after it is ten times the work, and is done for each range where its bytes are read again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, cast

import numpy as np

from schemas.rows.judging.row_schema import JudgedBlock, judge_rows, row_schema
from schemas.rows.numbers.columns import parse_columns
from schemas.rows.reading.csv_records import START, ReadPosition, RecordBlock, split_records
from schemas.rows.reading.encoding import DetectedEncoding, decode_to_utf8, encoded_size
from schemas.rows.reading.long_lines import LineSplitter


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Bytes `begin` to `end` of a file: whole blocks of so many rows each, of which the first begins at `at`."""

    begin: int
    end: int
    at: ReadPosition
    rows: tuple[int, ...]


def can_split_into_ranges(reading: DetectedEncoding) -> bool:
    """Whether a file's bytes can be read from its middle."""
    return reading.encoding != "utf-16"


def split_into_ranges(
    blocks: Iterable[RecordBlock], reading: DetectedEncoding, lines: LineSplitter, *, size: int
) -> Iterator[ByteRange | RecordBlock]:
    """The blocks of a file as ranges of about `size` bytes.

    From a line on that was too long to hold, blocks are given as they are: what was cut off is not counted in them.
    """
    at, begin, end, rows = START, reading.bom, reading.bom, list[int]()
    for block in blocks:
        if not lines.any_cut:
            end += encoded_size(block.text, reading)
            rows.append(block.rows)
        if rows and (lines.any_cut or end - begin >= size):
            yield ByteRange(begin=begin, end=end, at=at, rows=tuple(rows))
            at, begin, rows = block.after, end, []
        if lines.any_cut:
            yield block
    if rows:
        yield ByteRange(begin=begin, end=end, at=at, rows=tuple(rows))


def judge_range(
    open_file: Callable[[], BinaryIO],
    reading: DetectedEncoding,
    part: ByteRange,
    regions: tuple[str, ...],
    toll_free: str,
) -> list[JudgedBlock]:
    """The rows of a range, judged by themselves: one for each of its blocks."""
    with open_file() as stream:
        stream.seek(part.begin)
        bytes_of = cast(BinaryIO, _Part(stream, part.end - part.begin))
        blocks = split_records(LineSplitter().of(decode_to_utf8(bytes_of, reading, from_start=False)), at=part.at)
        return _as_cut(judge_blocks(blocks, regions, toll_free), part.rows)


def judge_blocks(blocks: Iterable[RecordBlock], regions: tuple[str, ...], toll_free: str) -> list[JudgedBlock]:
    """Blocks one after the other."""
    return [judge_block(block, regions, toll_free) for block in blocks]


def judge_block(block: RecordBlock, regions: tuple[str, ...], toll_free: str) -> JudgedBlock:
    """A block's rows by themselves."""
    return judge_rows(parse_columns(block), row_schema(regions, toll_free))


@dataclass(slots=True)
class _Part:
    """The next bytes of a stream as a stream of their own."""

    stream: BinaryIO
    left: int = field(default=0)

    def read(self, size: int) -> bytes:
        piece = self.stream.read(min(size, self.left))
        self.left -= len(piece)
        return piece


def _as_cut(judged: Sequence[JudgedBlock], rows: Sequence[int]) -> list[JudgedBlock]:
    """The same rows in blocks of these sizes: what buffers a file was read in decides where its blocks end."""
    begins = np.cumsum([0, *(len(each.number) for each in judged)])
    whole = {name: np.concatenate([getattr(each, name) for each in judged]) for name in _BY_ROW}
    row = np.concatenate([each.row + begin for each, begin in zip(judged, begins[:-1], strict=True)])
    code = np.concatenate([each.code for each in judged])
    cut_at = np.cumsum([0, *rows])
    if cut_at[-1] != begins[-1]:
        raise ValueError(f"a range of {cut_at[-1]} rows was read as {begins[-1]}: its file has changed")
    places = np.searchsorted(row, cut_at)
    return [
        JudgedBlock(
            **{name: values[low:high] for name, values in whole.items()},
            row=row[first:end] - low,
            code=code[first:end],
        )
        for low, high, first, end in zip(cut_at[:-1], cut_at[1:], places[:-1], places[1:], strict=True)
    ]


_BY_ROW = ("number", "purpose", "stands", "blank")
