"""The geometry of the charts: numbers in, positions out. The templates draw them as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal

from reports.views import PastSubmission
from schemas.model.judgment import CHUNK_ROWS, Counts, FileResult

MAX_CELLS = 400  # in all strips of a page together
MAX_COLUMNS = 50
MAX_STRIPS = 12
#: The highest share of rejected rows for each shade, from light to dark. Above the last one it is the darkest shade.
_SHADE_LIMITS = (0.0, 0.02, 0.1, 0.25, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class StripCell:
    """Chunks of one file. `rejected` of the rows `start` to `end` were rejected; `x` and `y` are in cells."""

    x: int
    y: int
    start: int
    end: int
    rejected: int
    shade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStrip:
    """One file as cells, laid out in `lines` of at most `columns` cells."""

    file: str
    counts: Counts
    cells: list[StripCell]
    columns: int
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStrips:
    """A strip for each of the files with the most rejected rows. `more` counts such files without a strip."""

    strips: list[ChunkStrip]
    rows_per_cell: int
    more: int


def build_chunk_strips(files: Sequence[FileResult]) -> ChunkStrips:
    """At most MAX_CELLS cells in all. If the files have more chunks, several chunks share a cell."""
    with_rejections = [file for file in files if file.counts.rejected and file.chunks]
    worst = sorted(with_rejections, key=lambda file: -file.counts.rejected)[:MAX_STRIPS]
    drawn = [file for file in with_rejections if file in worst]
    chunks_per_cell = _chunks_per_cell([file.chunks for file in drawn])
    return ChunkStrips(
        strips=[_build_strip(file, chunks_per_cell) for file in drawn],
        rows_per_cell=chunks_per_cell * CHUNK_ROWS,
        more=len(with_rejections) - len(drawn),
    )


def _chunks_per_cell(chunks: Sequence[int]) -> int:
    """The fewest chunks per cell with which all files fit."""
    per_cell = max(1, sum(chunks) // MAX_CELLS)
    while sum(ceil(count / per_cell) for count in chunks) > MAX_CELLS:
        per_cell += 1
    return per_cell


def _build_strip(file: FileResult, chunks_per_cell: int) -> ChunkStrip:
    total = ceil(file.chunks / chunks_per_cell)
    columns = min(total, MAX_COLUMNS)
    cells = [_build_cell(file, chunks_per_cell, index, columns) for index in range(total)]
    return ChunkStrip(file=file.name, counts=file.counts, cells=cells, columns=columns, lines=ceil(total / columns))


def _build_cell(file: FileResult, chunks_per_cell: int, index: int, columns: int) -> StripCell:
    rejected = sum(file.rejected_by_chunk[index * chunks_per_cell : (index + 1) * chunks_per_cell])
    start = index * chunks_per_cell * CHUNK_ROWS + 1
    end = max(start, min((index + 1) * chunks_per_cell * CHUNK_ROWS, file.counts.read))
    return StripCell(
        x=index % columns,
        y=index // columns,
        start=start,
        end=end,
        rejected=rejected,
        shade=shade_of_cell(rejected, end - start + 1),
    )


def shade_of_cell(rejected: int, rows: int) -> int:
    """0 for no rejected rows, then 1 to 5 as their share grows."""
    share = rejected / rows
    return sum(share > limit for limit in _SHADE_LIMITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountBar:
    """The width of each part of a bar of about 1000 units. A part that is not zero is wide enough to see."""

    accepted: int
    rejected: int
    ignored: int
    total: int


_MIN_WIDTH = 8


def build_count_bar(counts: Counts) -> CountBar:
    """The bar of a submission's accepted, rejected and blank rows."""
    read = max(1, counts.read)
    widths = [
        max(_MIN_WIDTH, round(1000 * n / read)) if n else 0 for n in (counts.accepted, counts.rejected, counts.ignored)
    ]
    return CountBar(accepted=widths[0], rejected=widths[1], ignored=widths[2], total=sum(widths) or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryBar:
    """One submission in the history. Heights are out of 100."""

    submission: PastSubmission
    is_current: bool
    accepted: int
    rejected: int


def build_history_bars(history: Sequence[PastSubmission], current: PastSubmission) -> list[HistoryBar]:
    """Oldest first, the current submission last. Heights are square roots, so that small files stay visible."""
    submissions = [*history, current]
    most = max((each.counts.accepted + each.counts.rejected for each in submissions), default=0) or 1
    return [_build_history_bar(each, each is current, most) for each in submissions]


def _build_history_bar(submission: PastSubmission, is_current: bool, most: int) -> HistoryBar:
    counts = submission.counts
    rows = counts.accepted + counts.rejected
    height = max(2, round(100 * sqrt(rows / most))) if rows else 1
    rejected = min(height, max(1, round(height * counts.rejected / rows))) if counts.rejected else 0
    return HistoryBar(submission=submission, is_current=is_current, accepted=height - rejected, rejected=rejected)


Tone = Literal["good", "warn", "bad"]
#: The color of each verdict, as a class of the style sheet.
VERDICT_TONES: dict[str, Tone] = {
    "accepted": "good",
    "accepted_with_rejections": "warn",
    "held": "warn",
    "rejected": "bad",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """One submission in a trend: its height out of 100, and whether any row was rejected."""

    height: int
    has_rejections: bool


def build_trend(counts: Sequence[Counts]) -> list[TrendPoint]:
    """The share of rejected rows of each submission, relative to the highest share."""
    shares = [count.rejected / count.read if count.read else 0.0 for count in counts]
    highest = max(shares, default=0) or 1
    return [TrendPoint(height=max(2, round(100 * share / highest)), has_rejections=share > 0) for share in shares]
