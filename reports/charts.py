"""The pictures' geometry: numbers in, positions out; the templates draw them as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal

from reports.views import PastSubmission
from schemas.model.judgment import Counts, FileResult

CHUNK_ROWS = 500  # rows
MAX_CELLS = 400  # of all strips of a page together
MAX_COLUMNS = 50
MAX_STRIPS = 12
#: The share of rejected rows up to which a cell has each shade, from light to dark; beyond is the darkest.
_SHADES = (0.0, 0.02, 0.1, 0.25, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class StripCell:
    """Some chunks in a row of one file: rows start..end, of which `rejected`. x and y count cells."""

    x: int
    y: int
    start: int
    end: int
    rejected: int
    shade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStrip:
    file: str
    counts: Counts
    cells: list[StripCell]
    columns: int
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStrips:
    """A strip for each of the files with the most rejected rows, and how many such files have none."""

    strips: list[ChunkStrip]
    rows_per_cell: int
    more: int


def build_chunk_strips(files: Sequence[FileResult]) -> ChunkStrips:
    """At most 400 cells in all; where the files have more chunks, as many chunks as needed share a cell."""
    faulty = [file for file in files if file.counts.rejected and file.chunks]
    worst = sorted(faulty, key=lambda file: -file.counts.rejected)[:MAX_STRIPS]
    chosen = [file for file in faulty if file in worst]
    merged = _merged([file.chunks for file in chosen])
    return ChunkStrips(
        strips=[_strip(file, merged) for file in chosen],
        rows_per_cell=merged * CHUNK_ROWS,
        more=len(faulty) - len(chosen),
    )


def _merged(chunks: Sequence[int]) -> int:
    """The fewest chunks a cell must hold for all files to fit."""
    merged = max(1, sum(chunks) // MAX_CELLS)
    while sum(ceil(count / merged) for count in chunks) > MAX_CELLS:
        merged += 1
    return merged


def _strip(file: FileResult, merged: int) -> ChunkStrip:
    total = ceil(file.chunks / merged)
    columns = min(total, MAX_COLUMNS)
    cells = [_cell(file, merged, index, columns) for index in range(total)]
    return ChunkStrip(file=file.name, counts=file.counts, cells=cells, columns=columns, lines=ceil(total / columns))


def _cell(file: FileResult, merged: int, index: int, columns: int) -> StripCell:
    rejected = sum(file.rejected_by_chunk[index * merged : (index + 1) * merged])
    start = index * merged * CHUNK_ROWS + 1
    end = max(start, min((index + 1) * merged * CHUNK_ROWS, file.counts.read))
    return StripCell(
        x=index % columns,
        y=index // columns,
        start=start,
        end=end,
        rejected=rejected,
        shade=shade_of_cell(rejected, end - start + 1),
    )


def shade_of_cell(rejected: int, rows: int) -> int:
    """0 for none, then 1 to 5 as the share grows."""
    share = rejected / rows
    return sum(share > limit for limit in _SHADES)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountBar:
    """A bar of a thousand units: where each part starts and how wide it is. A part that is there is never invisible."""

    accepted: int
    rejected: int
    ignored: int
    total: int


_LEAST = 8


def build_count_bar(counts: Counts) -> CountBar:
    whole = max(1, counts.read)
    widths = [
        max(_LEAST, round(1000 * n / whole)) if n else 0 for n in (counts.accepted, counts.rejected, counts.ignored)
    ]
    return CountBar(accepted=widths[0], rejected=widths[1], ignored=widths[2], total=sum(widths) or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryBar:
    """One submission in the history: heights out of a hundred."""

    past: PastSubmission
    this: bool
    accepted: int
    rejected: int


def build_history_bars(history: Sequence[PastSubmission], this: PastSubmission) -> list[HistoryBar]:
    """Oldest first, this submission last; heights by the square root, so that a small file shows beside a large one."""
    every = [*history, this]
    most = max((past.counts.accepted + past.counts.rejected for past in every), default=0) or 1
    return [_bar(past, past is this, most) for past in every]


def _bar(past: PastSubmission, this: bool, most: int) -> HistoryBar:
    rows = past.counts.accepted + past.counts.rejected
    height = max(2, round(100 * sqrt(rows / most))) if rows else 1
    rejected = min(height, max(1, round(height * past.counts.rejected / rows))) if past.counts.rejected else 0
    return HistoryBar(past=past, this=this, accepted=height - rejected, rejected=rejected)


Tone = Literal["good", "warn", "bad"]
VERDICT_TONES: dict[str, Tone] = {
    "accepted": "good",
    "accepted_with_rejections": "warn",
    "held": "warn",
    "rejected": "bad",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """One submission in a trend: its height out of a hundred, and whether a row of it was rejected."""

    height: int
    some: bool


def build_trend(counts: Sequence[Counts]) -> list[TrendPoint]:
    """Shares of rejected rows, the largest as tall as can be."""
    shares = [count.rejected / count.read if count.read else 0.0 for count in counts]
    most = max(shares, default=0) or 1
    return [TrendPoint(height=max(2, round(100 * share / most)), some=share > 0) for share in shares]
