"""Open rejections are compared by content: the digits of a number, or its text, and the purpose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.model.judging_context import PreviousSubmission
from schemas.rows.open_rejections import collect_rejected_rows, suspect_numbers, update_open_rejections
from tests.schemas.rows.judging_in_memory import judge_files

NONE = np.zeros(0, dtype=np.int64)


def update(*drops, replaces_all=False):
    """Judge drops of one program, one after the other. Returns the last comparison as numbers, and what is open."""
    previous, comparison = None, None
    for rows in drops:
        suspects = previous.suspects if previous else None
        result = judge_files("".join(f"{row}\n" for row in rows), suspects=suspects)
        comparison, left = update_open_rejections(result, previous, replaces_all=replaces_all)
        previous = PreviousSubmission(id="before", open=left, suspects=suspect_numbers(left))
    numbers = comparison and (comparison.fixed, comparison.still_open, comparison.left_out, comparison.new)
    return numbers, left


def compare(*drops, **options):
    return update(*drops, **options)[0]


@pytest.mark.parametrize(
    "again",
    [
        "501-214-902,Survey",
        "+1 (501) 214-902,Survey",
        "501214902, SURVEY ",
        '"501214902","survey"',
        "1 501 214 902,Survey",
        "501214902,Charity",  # the number is what is wrong
    ],
)
def test_a_row_is_still_open_however_it_is_spelled(again):
    assert compare(["501214902,Survey"], [again]) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("before", "again"),
    [
        ("call me,Survey", "CALL  ME,Survey"),
        ("5.01581E+09,Survey", "5.01581e9,survey"),
        ("5.01581E+09,Survey", "501.581E7,Survey"),
        ("5.01581E+09,Survey", "5015810000,Survey"),  # NUM-025
        ("5.01581E+09,Survey", ",Survey"),  # as it is in rejected.csv
        ("5012149020,Zebra", "(501) 214-9020, zebra"),
        ("5012149020,Zebra", "5012149020,Zebras"),
        ("5012149020;Survey", "5012149020,,Survey"),
        (",Survey", " ,Survey"),
    ],
)
def test_other_rows_that_are_still_open(before, again):
    assert compare([before], [again]) == (0, 1, 0, 0)


def test_another_blank_row_is_new():
    assert compare(["call me,Survey"], [",Survey"]) == (0, 0, 1, 1)


def test_each_row_counts_even_if_several_have_the_same_content():
    bad = "501214902,Survey"
    assert compare([bad, bad, bad], [bad]) == (0, 1, 2, 0)
    assert compare([bad], [bad, bad, bad]) == (0, 1, 0, 2)


def test_rows_with_the_same_purpose_are_matched_before_those_with_another():
    assert compare(["501214902,Survey", "501214902,Charity"], ["501214902,Charity", "7,Survey"]) == (0, 1, 1, 1)


def test_one_confirmed_number_repairs_one_damaged_row():
    damaged = "5.01581E+09,Survey"
    assert compare([damaged, damaged], ["+15015810000,Survey"]) == (1, 0, 1, 0)


def test_a_damaged_row_is_not_repaired_by_a_number_that_was_in_before():
    """Its number is no suspect then, so it was accepted without a word from the business."""
    _, after = update(["5.01581E+09,Survey"])
    previous = PreviousSubmission(id="before", open=after, suspects=NONE)
    comparison, _ = update_open_rejections(judge_files("5015810000,Survey\n"), previous, replaces_all=False)
    assert (comparison.fixed, comparison.left_out) == (0, 1)


def test_damaged_numbers_stay_suspect_after_they_are_repaired_and_after_a_replacement():
    damaged, good = ["5.01581E+09,Survey", "1.50158E+10,Survey"], ["+15015810000,Survey"]
    for replaces_all in (False, True):
        comparison, after = update(damaged, good, ["5012149020,Survey"], replaces_all=replaces_all)
        assert suspect_numbers(after).tolist() == [5015800000, 5015810000]
        assert comparison == (None if replaces_all else (0, 0, 1, 0))


@pytest.mark.parametrize("number", ["5012149021.0", "5.012149021E+09", "7E+09", "5E20", "501214.902"])
def test_numbers_of_which_all_digits_are_known_or_no_number_can_be_made_are_not_suspect(number):
    _, after = update([f"{number},Survey"])
    assert suspect_numbers(after).tolist() in ([], [7_000_000_000])


@given(
    st.lists(st.sampled_from(["5.01581E+09,Survey", "501214902,Survey", "5012149020,Zebra", ",Survey"]), max_size=6),
    st.lists(
        st.sampled_from(["5.01581E+09,Survey", "5015810000,Survey", "5012149020,Survey", ",Survey", "501214902,Zebra"]),
        max_size=6,
    ),
)
def test_every_row_is_counted_once(before, now):
    opened = collect_rejected_rows(judge_files("\n".join([*before, ""])).rejections())
    previous = PreviousSubmission(id="before", open=opened, suspects=suspect_numbers(opened))
    second = judge_files("\n".join([*now, ""]), suspects=previous.suspects)
    rejected = collect_rejected_rows(second.rejections())
    comparison, after = update_open_rejections(second, previous, replaces_all=False)
    if comparison is None:
        assert len(opened.rows) == len(rejected.rows) == 0
        return
    assert comparison.fixed + comparison.still_open + comparison.left_out == len(opened.rows)
    assert comparison.still_open + comparison.new == len(rejected.rows)
    assert len(after.rows) >= comparison.still_open + comparison.left_out + comparison.new


def test_collecting_stops_at_the_limit(monkeypatch):
    monkeypatch.setattr("schemas.rows.open_rejections.MAX_OPEN_ROWS", 3)
    found = collect_rejected_rows(judge_files("7,Survey\n" * 5).rejections())
    assert (len(found.rows), found.cut) == (3, 2)
