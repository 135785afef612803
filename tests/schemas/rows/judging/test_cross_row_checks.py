"""Duplicates of a submission: found across files, chunks and ways of sorting; the first that stands, stands."""

import numpy as np
import pytest

from schemas.model.judgment import Counts
from schemas.model.purposes import PURPOSES
from schemas.rows.judging import cross_row_checks
from schemas.rows.reading import csv_records
from schemas.rows.reading.csv_records import CHUNK_ROWS
from tests.schemas.rows.engine_cases import GOOD, accepted, judge, numbers, rules


def test_duplicates_however_they_are_written_and_wherever():
    first = f"{GOOD},Survey\n" + "".join(f"{number},Survey\n" for number in numbers(2 * CHUNK_ROWS))
    result = judge(first + "(501) 214-9020,Charity\n", "+15012149020, SURVEY\n", typed=[("1 501 214 9020", "Zebra")])
    assert [(each.file, each.row, each.rule, each.message) for each in result.findings] == [
        (
            "numbers.csv",
            1002,
            "NUM-021",
            "The same number with another call purpose is row 1 of numbers.csv, which stands.",
        ),
        ("1.csv", 1, "NUM-020", "The same number is row 1 of numbers.csv, which stands."),
        ("(manifest)", 1, "NUM-020", "The same number is row 1 of numbers.csv, which stands."),
        ("(manifest)", 1, "PUR-002", "This is not one of the ten call purposes."),
    ]
    assert result.files[0].counts == Counts(read=1002, accepted=1001, rejected=1)


def test_the_first_that_stands_is_the_first_without_an_error():
    result = judge(f"{GOOD},Zebra\n{GOOD},Survey,x\n{GOOD},Survey\n{GOOD},\n{GOOD},Survey\n")
    assert rules(result) == [
        (1, "PUR-002"),
        (2, "CSV-010"),
        (4, "NUM-020"),
        (4, "PUR-001"),
        (5, "NUM-020"),
    ]
    assert {each.message for each in result.findings if each.rule == "NUM-020"} == {
        "The same number is row 3 of numbers.csv, which stands."
    }
    assert accepted(result) == [(5012149020, PURPOSES.index("Survey"))]


def test_numbers_that_are_no_numbers_are_no_duplicates():
    assert rules(judge("2149020,Survey\n2149020,Survey\n")) == [(1, "NUM-004"), (2, "NUM-004")]


@pytest.mark.parametrize("drawers", [1, 3, 8])
@pytest.mark.parametrize("at_once", [5, 1 << 21])
def test_duplicates_do_not_depend_on_how_they_are_sorted(monkeypatch, drawers, at_once):
    rng = np.random.default_rng(5)
    rows = [
        (int(number), int(purpose))
        for number, purpose in zip(rng.integers(5012149000, 5012149200, 3000), rng.integers(0, 11, 3000), strict=True)
    ]
    content = "".join(f"{number},{(*PURPOSES, 'Zebra')[purpose]}\n" for number, purpose in rows)
    monkeypatch.setattr(cross_row_checks, "_AT_ONCE", at_once)
    monkeypatch.setattr(cross_row_checks, "_drawers_for", lambda candidates, rows: drawers)
    monkeypatch.setattr(
        csv_records.split_records, "__kwdefaults__", {"block_rows": CHUNK_ROWS, "at": csv_records.START}
    )
    found = [each for each in rules(judge(content, do_not_originate=np.arange(5012149000, 5012149010))) if each[0]]
    assert found == list(_plainly(rows))


def _plainly(rows):
    standing = {}
    for row, (number, purpose) in enumerate(rows, 1):
        if number < 5012149010 and purpose != 9:
            yield row, "NUM-024"
        elif number in standing:
            yield row, "NUM-020" if purpose in (standing[number], 10) else "NUM-021"
        elif purpose != 10:
            standing[number] = purpose
        if purpose == 10:
            yield row, "PUR-002"


def test_a_word_always_holds_number_and_ordinal():
    for rows in (0, 1, 1 << 20, 1 << 25, 1 << 30, 1 << 33):
        drawers = cross_row_checks._drawers_for(rows, rows)
        shift = cross_row_checks._number_shift(drawers)
        assert (9_999_999_999 // drawers) << shift < 1 << 64
        assert rows << 5 < 1 << shift


@pytest.mark.parametrize("candidates", [1, 1_000_000, 3_000_000, 8_000_000])
def test_a_drawer_is_sorted_in_one_piece_though_numbers_fall_unevenly(candidates):
    assert 4 * candidates <= cross_row_checks._AT_ONCE * cross_row_checks._drawers_for(candidates, candidates)
