"""Compares the plan's tables with phonenumbers: nothing invalid is accepted, other rejections have their own rules."""

import random

import numpy as np
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.model.area_codes import METADATA_ONLY
from schemas.rows.numbers.metadata_patterns import expand_pattern
from schemas.rows.numbers.numbering_plan import PHONENUMBERS_VERSION, numbering_plan
from tests.schemas.rows.judging_in_memory import judge_files, rules_for_number

PLAN = numbering_plan(METADATA_ONLY)
ASSIGNED = np.flatnonzero(PLAN.assigned[:-1]).tolist()
ALL_REGIONS = PLAN.regions


def is_valid_by_library(number):
    return phonenumbers.is_valid_number(phonenumbers.PhoneNumber(1, number))


def is_valid_by_plan(numbers):
    return PLAN.is_valid(np.array(numbers, dtype=np.int64)).tolist()


def test_the_version_is_that_of_the_library():
    assert phonenumbers.__version__ == PHONENUMBERS_VERSION


def test_validity_depends_on_the_exchange_in_two_dozen_area_codes():
    assert sorted(PLAN.partly_valid) == [
        *(242, 246, 264, 268, 284, 340, 345, 441, 473, 523, 524, 649, 658, 664, 670, 671, 684, 721, 758, 767, 784),
        *(868, 869, 876, 983),
    ]
    depends_on_line_number = np.ptp(PLAN.valid[:-1].reshape(1000, 1000, 10).astype(int), axis=2).any(axis=1)
    assert np.flatnonzero(depends_on_line_number).tolist() == [246, 876]


@pytest.mark.parametrize("code", sorted(PLAN.partly_valid))
def test_every_exchange_of_such_an_area_code_agrees(code):
    rng = random.Random(code)
    numbers = [code * 10**7 + exchange * 10**4 + rng.randrange(10**4) for exchange in range(200, 1000)]
    assert is_valid_by_plan(numbers) == [is_valid_by_library(number) for number in numbers]


@pytest.mark.parametrize("code", [246, 876])
def test_line_numbers_of_two_area_codes_agree(code):
    exchange = {246: 521, 876: 606}[code]
    numbers = [code * 10**7 + exchange * 10**4 + line for line in range(0, 10**4, 50)]
    assert is_valid_by_plan(numbers) == [is_valid_by_library(number) for number in numbers]


def test_samples_of_every_area_code_agree():
    rng = random.Random(7)
    numbers = [code * 10**7 + rng.randrange(2 * 10**6, 10**7) for code in range(1000) for _ in range(3)]
    assert is_valid_by_plan(numbers) == [is_valid_by_library(number) for number in numbers]


def test_regions_agree():
    for code in ASSIGNED:
        first = int(np.flatnonzero(PLAN.valid[code * 10_000 : (code + 1) * 10_000])[0])
        number = phonenumbers.PhoneNumber(1, code * 10**7 + first * 1000)
        assert PLAN.regions[PLAN.region[code]] == phonenumbers.region_code_for_number(number), code


SEPARATORS = st.sampled_from(["", "", " ", "-", ".", "(", ")", "\u00a0", "‐", "‑", "–", ") ", " - "])


@st.composite
def phone_numbers(draw):
    """About ten digits, in any notation."""
    area = draw(st.one_of(st.sampled_from(ASSIGNED), st.sampled_from(sorted(PLAN.partly_valid)), st.integers(0, 999)))
    digits = f"{area:03d}{draw(st.integers(0, 9_999_999)):07d}{draw(st.sampled_from(['', '', '', '1']))}"
    spelled = "".join(digit + draw(SEPARATORS) for digit in digits)
    return draw(st.sampled_from(["", "1", "+1", "+1 ", " +1-", "1 ", "(", "+", "001", "011"])) + spelled


@settings(max_examples=400, deadline=None)
@given(st.lists(phone_numbers(), min_size=1, max_size=20))
def test_nothing_invalid_is_accepted_and_valid_numbers_are_rejected_by_their_own_rules(numbers):
    result = judge_files("".join(f"{number},Survey\n" for number in numbers), regions=ALL_REGIONS)
    rejected = {
        each.row: each.rule for each in result.findings if each.rule.startswith("NUM-0") and each.rule < "NUM-016"
    }
    for row, number in enumerate(numbers, 1):
        try:
            valid = phonenumbers.is_valid_number(phonenumbers.parse(number, "US"))
        except phonenumbers.NumberParseException:
            valid = False
        assert valid or row in rejected, number
        if valid and row in rejected:
            assert rejected[row] not in ("NUM-001", "NUM-008", "NUM-014", "NUM-015"), (number, rejected[row])


def test_what_the_library_accepts_and_the_rules_reject():
    for cell, rule in {
        "212-911-5678": "NUM-009",
        "202-555-0123": "NUM-010",
        "202-555-1212": "NUM-010",
        "900-234-5678": "NUM-011",
        "500-234-5678": "NUM-012",
        "600-234-5678": "NUM-012",
        "501-214-9020 ext 5": "NUM-002",
        "1-800-FLOWERS": "NUM-002",
    }.items():
        assert phonenumbers.is_valid_number(phonenumbers.parse(cell, "US")), cell
        assert rules_for_number(cell, regions=ALL_REGIONS) == [rule]


@pytest.mark.parametrize(
    ("pattern", "rows"),
    [
        ("12", {(2, 4)}),
        ("1|2", {(2,), (4,)}),
        ("[1-36]", {(0b1001110,)}),
        (r"(?:1|2\d)3", {(2, 8), (4, 1023, 8)}),
        (r"1{2,3}", {(2, 2), (2, 2, 2)}),
        (r"1(?:23)?", {(2,), (2, 4, 8)}),
    ],
)
def test_expand_pattern(pattern, rows):
    assert expand_pattern(pattern) == rows


@pytest.mark.parametrize("pattern", ["1+", "[^1]", "(1)", "1)", "(?:1", "a"])
def test_unsupported_patterns_are_rejected(pattern):
    with pytest.raises(ValueError, match=r"pattern|group"):
        expand_pattern(pattern)
