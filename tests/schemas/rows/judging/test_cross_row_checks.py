"""Duplicates are found across files, chunks and buckets. The first row without an error is kept."""

import numpy as np
import pytest

from schemas.model.judgment import CHUNK_ROWS, Counts
from schemas.model.purposes import PURPOSES
from schemas.rows.judging import cross_row_checks
from schemas.rows.reading import csv_records
from tests.schemas.rows.judging_in_memory import GOOD_NUMBER, accepted_rows, broken_rules, good_numbers, judge_files


def test_duplicates_in_any_notation_and_file():
    first = f"{GOOD_NUMBER},Survey\n" + "".join(f"{number},Survey\n" for number in good_numbers(2 * CHUNK_ROWS))
    result = judge_files(
        first + "(501) 214-9020,Charity\n", "+15012149020, SURVEY\n", typed=[("1 501 214 9020", "Zebra")]
    )
    assert [(each.file, each.row, each.rule, each.message) for each in result.findings] == [
        (
            "numbers.csv",
            1002,
            "NUM-021",
            "This phone number is already in row 1 of numbers.csv, with the call purpose Survey, which was kept.",
        ),
        ("1.csv", 1, "NUM-020", "This phone number is already in row 1 of numbers.csv."),
        ("(manifest)", 1, "NUM-020", "This phone number is already in row 1 of numbers.csv."),
        ("(manifest)", 1, "PUR-002", "This is not one of the ten call purposes."),
    ]
    assert result.files[0].counts == Counts(read=1002, accepted=1001, rejected=1)


def test_the_first_row_without_an_error_is_kept():
    result = judge_files(
        f"{GOOD_NUMBER},Zebra\n{GOOD_NUMBER},Survey,x\n{GOOD_NUMBER},Survey\n{GOOD_NUMBER},\n{GOOD_NUMBER},Survey\n"
    )
    assert broken_rules(result) == [
        (1, "PUR-002"),
        (2, "CSV-010"),
        (4, "NUM-020"),
        (4, "PUR-001"),
        (5, "NUM-020"),
    ]
    assert {each.message for each in result.findings if each.rule == "NUM-020"} == {
        "This phone number is already in row 3 of numbers.csv."
    }
    assert accepted_rows(result) == [(5012149020, PURPOSES.index("Survey"))]


def test_invalid_numbers_are_not_duplicates():
    assert broken_rules(judge_files("2149020,Survey\n2149020,Survey\n")) == [(1, "NUM-004"), (2, "NUM-004")]


@pytest.mark.parametrize("buckets", [1, 3, 8])
@pytest.mark.parametrize("words_at_once", [5, 1 << 21])
def test_duplicates_do_not_depend_on_how_words_are_sorted(monkeypatch, buckets, words_at_once):
    rng = np.random.default_rng(5)
    rows = [
        (int(number), int(purpose))
        for number, purpose in zip(rng.integers(5012149000, 5012149200, 3000), rng.integers(0, 11, 3000), strict=True)
    ]
    content = "".join(f"{number},{(*PURPOSES, 'Zebra')[purpose]}\n" for number, purpose in rows)
    monkeypatch.setattr(cross_row_checks, "_WORDS_AT_ONCE", words_at_once)
    monkeypatch.setattr(cross_row_checks, "_bucket_count", lambda candidates, rows: buckets)
    monkeypatch.setattr(
        csv_records.split_records, "__kwdefaults__", {"block_rows": CHUNK_ROWS, "start": csv_records.START}
    )
    found = [
        each
        for each in broken_rules(judge_files(content, do_not_originate=np.arange(5012149000, 5012149010)))
        if each[0]
    ]
    assert found == list(_expected_findings(rows))


def _expected_findings(rows):
    first_purpose = {}
    for row, (number, purpose) in enumerate(rows, 1):
        if number < 5012149010 and purpose != 9:
            yield row, "NUM-024"
        elif number in first_purpose:
            yield row, "NUM-020" if purpose in (first_purpose[number], 10) else "NUM-021"
        elif purpose != 10:
            first_purpose[number] = purpose
        if purpose == 10:
            yield row, "PUR-002"


def test_number_and_ordinal_always_fit_into_a_word():
    for rows in (0, 1, 1 << 20, 1 << 25, 1 << 30, 1 << 33):
        buckets = cross_row_checks._bucket_count(rows, rows)
        shift = cross_row_checks._number_shift(buckets)
        assert (9_999_999_999 // buckets) << shift < 1 << 64
        assert rows << 5 < 1 << shift


@pytest.mark.parametrize("candidates", [1, 1_000_000, 3_000_000, 8_000_000])
def test_a_bucket_is_sorted_at_once_even_if_numbers_are_unevenly_distributed(candidates):
    assert 4 * candidates <= cross_row_checks._WORDS_AT_ONCE * cross_row_checks._bucket_count(candidates, candidates)
