"""The pictures' geometry: numbers in, positions out; the templates draw them as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal

from reports.views import Past
from schemas.model.judgment import Counts, FileResult

CHUNK = 500  # rows
CELLS = 400  # of all strips of a page together
COLUMNS = 50
STRIPS = 12
#: The share of rejected rows up to which a cell has each shade, from light to dark; beyond is the darkest.
_SHADES = (0.0, 0.02, 0.1, 0.25, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Some chunks in a row of one file: rows start..end, of which `rejected`. x and y count cells."""

    x: int
    y: int
    start: int
    end: int
    rejected: int
    shade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    file: str
    counts: Counts
    cells: list[Cell]
    columns: int
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Strips:
    """A strip for each of the files with the most rejected rows, and how many such files have none."""

    strips: list[Strip]
    rows_per_cell: int
    more: int


def strips(files: Sequence[FileResult]) -> Strips:
    """At most 400 cells in all; where the files have more chunks, as many chunks as needed share a cell."""
    faulty = [file for file in files if file.counts.rejected and file.chunks]
    worst = sorted(faulty, key=lambda file: -file.counts.rejected)[:STRIPS]
    chosen = [file for file in faulty if file in worst]
    merged = _merged([file.chunks for file in chosen])
    return Strips(
        strips=[_strip(file, merged) for file in chosen],
        rows_per_cell=merged * CHUNK,
        more=len(faulty) - len(chosen),
    )


def _merged(chunks: Sequence[int]) -> int:
    """The fewest chunks a cell must hold for all files to fit."""
    merged = max(1, sum(chunks) // CELLS)
    while sum(ceil(count / merged) for count in chunks) > CELLS:
        merged += 1
    return merged


def _strip(file: FileResult, merged: int) -> Strip:
    total = ceil(file.chunks / merged)
    columns = min(total, COLUMNS)
    cells = [_cell(file, merged, index, columns) for index in range(total)]
    return Strip(file=file.name, counts=file.counts, cells=cells, columns=columns, lines=ceil(total / columns))


def _cell(file: FileResult, merged: int, index: int, columns: int) -> Cell:
    rejected = sum(file.rejected_by_chunk[index * merged : (index + 1) * merged])
    start = index * merged * CHUNK + 1
    end = max(start, min((index + 1) * merged * CHUNK, file.counts.read))
    return Cell(
        x=index % columns,
        y=index // columns,
        start=start,
        end=end,
        rejected=rejected,
        shade=shade(rejected, end - start + 1),
    )


def shade(rejected: int, rows: int) -> int:
    """0 for none, then 1 to 5 as the share grows."""
    share = rejected / rows
    return sum(share > limit for limit in _SHADES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A bar of a thousand units: where each part starts and how wide it is. A part that is there is never invisible."""

    accepted: int
    rejected: int
    ignored: int
    total: int


_LEAST = 8


def parts(counts: Counts) -> Parts:
    whole = max(1, counts.read)
    widths = [
        max(_LEAST, round(1000 * n / whole)) if n else 0 for n in (counts.accepted, counts.rejected, counts.ignored)
    ]
    return Parts(accepted=widths[0], rejected=widths[1], ignored=widths[2], total=sum(widths) or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One submission in the history: heights out of a hundred."""

    past: Past
    this: bool
    accepted: int
    rejected: int


def bars(history: Sequence[Past], this: Past) -> list[Bar]:
    """Oldest first, this submission last; heights by the square root, so that a small file shows beside a large one."""
    every = [*history, this]
    most = max((past.counts.accepted + past.counts.rejected for past in every), default=0) or 1
    return [_bar(past, past is this, most) for past in every]


def _bar(past: Past, this: bool, most: int) -> Bar:
    rows = past.counts.accepted + past.counts.rejected
    height = max(2, round(100 * sqrt(rows / most))) if rows else 1
    rejected = min(height, max(1, round(height * past.counts.rejected / rows))) if past.counts.rejected else 0
    return Bar(past=past, this=this, accepted=height - rejected, rejected=rejected)


Tone = Literal["good", "warn", "bad"]
TONES: dict[str, Tone] = {
    "accepted": "good",
    "accepted_with_rejections": "warn",
    "held": "warn",
    "rejected": "bad",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One submission in a trend: its height out of a hundred, and whether a row of it was rejected."""

    height: int
    some: bool


def trend(counts: Sequence[Counts]) -> list[Point]:
    """Shares of rejected rows, the largest as tall as can be."""
    shares = [count.rejected / count.read if count.read else 0.0 for count in counts]
    most = max(shares, default=0) or 1
    return [Point(height=max(2, round(100 * share / most)), some=share > 0) for share in shares]
