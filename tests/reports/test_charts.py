"""The numbers in the charts add up to the counts they show."""

import pytest

from reports.charts import (
    MAX_CELLS,
    build_chunk_strips,
    build_count_bar,
    build_history_bars,
    build_trend,
    shade_of_cell,
)
from reports.views import PastSubmission
from schemas.model.judgment import Counts, FileResult
from tests.reports import samples


def file_result(name, rejected_by_chunk, rows=None):
    read = rows or 500 * len(rejected_by_chunk)
    rejected = sum(rejected_by_chunk)
    return FileResult(
        name=name,
        sha256=None,
        bytes=1,
        chunks=len(rejected_by_chunk),
        counts=Counts(read=read, accepted=read - rejected, rejected=rejected),
        rejected_by_chunk=rejected_by_chunk,
    )


@pytest.mark.parametrize("chunks", [[1], [3], [400], [401], [2000], [2001, 3], [1, 1, 1, 900], [399, 399], [160_000]])
def test_there_are_at_most_400_cells_and_no_row_is_lost(chunks):
    drawn = build_chunk_strips([file_result(f"{i}.csv", [1] * count) for i, count in enumerate(chunks)])
    cells = [cell for strip in drawn.strips for cell in strip.cells]
    assert len(cells) <= MAX_CELLS
    assert sum(cell.rejected for cell in cells) == sum(chunks)
    for strip, count in zip(drawn.strips, chunks, strict=True):
        assert [cell.start for cell in strip.cells[1:]] == [cell.end + 1 for cell in strip.cells[:-1]]
        assert strip.cells[-1].end == 500 * count


def test_the_last_cell_ends_with_the_file():
    cells = build_chunk_strips([file_result("a.csv", [3, 2], rows=510)]).strips[0].cells
    assert [(cell.start, cell.end, cell.shade) for cell in cells] == [(1, 500, 1), (501, 510, 3)]


def test_only_the_twelve_worst_files_have_a_strip():
    drawn = build_chunk_strips([file_result("fine.csv", [0]), *(file_result(f"{n:02}.csv", [n]) for n in range(1, 16))])
    assert [strip.file for strip in drawn.strips] == [f"{n:02}.csv" for n in range(4, 16)]
    assert drawn.more == 3


@pytest.mark.parametrize(
    ("rejected", "shade"), [(0, 0), (1, 1), (10, 1), (11, 2), (50, 2), (51, 3), (126, 4), (251, 5), (500, 5)]
)
def test_more_rejected_rows_are_a_darker_shade(rejected, shade):
    assert shade_of_cell(rejected, 500) == shade


@pytest.mark.parametrize("counts", [Counts(), Counts(read=1_000_000, accepted=999_998, rejected=1, ignored=1)])
def test_a_part_that_is_not_zero_is_visible(counts):
    drawn = build_count_bar(counts)
    assert drawn.total == (drawn.accepted + drawn.rejected + drawn.ignored or 1)
    assert (drawn.rejected > 0) == (counts.rejected > 0)
    assert (drawn.ignored > 0) == (counts.ignored > 0)


def test_history_ends_with_the_current_submission():
    past = [
        PastSubmission(id=f"{n}", received_at=samples.NOW, verdict="accepted", counts=Counts(read=n, accepted=n))
        for n in (4, 16)
    ]
    drawn = build_history_bars(past[:1], past[1])
    assert [(bar.is_current, bar.accepted, bar.rejected) for bar in drawn] == [(False, 50, 0), (True, 100, 0)]


def test_trend_heights_are_relative_to_the_highest_share():
    points = build_trend([Counts(read=100, accepted=90, rejected=10), Counts(read=100, accepted=100), Counts()])
    assert [(point.height, point.has_rejections) for point in points] == [(100, True), (2, False), (2, False)]
