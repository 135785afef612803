"""Phone numbers are masked in any spelling; everything else stays unchanged."""

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.masking import mask
from schemas.rows.numbers.phone_cells import parse_phone_cells

MASKED = "+1501•••9020"


@pytest.mark.parametrize(
    "spelling",
    [
        "5012149020",
        "+15012149020",
        "15012149020",
        "1 501 214 9020",
        "(501) 214-9020",
        "+1 (501) 214-9020",
        "501.214.9020",
        "501\u00a0214\u00a09020",
        "501\u2010214\u20119020",
        "5-0-1-2-1-4-9-0-2-0",
        "+1  501 -- 214 .. 9020",
        r"501\xa0214\u20119020",  # a repr
    ],
)
def test_every_spelling_is_masked_the_same(spelling):
    assert mask(spelling) == MASKED
    for text in ("row 3: {} is taken", "3 {} 7", "[{}]", "'{}', ", "number={},", "/in/{}.csv", "{}\n", "x_{}_y"):
        assert mask(text.format(spelling)) == text.format(MASKED)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+44 20 7946 0958", "+44•••0958"),
        ("+442079460958 and 5012149020", "+44•••0958 and +1501•••9020"),
        ("011 44 20 7946 0958", "+44•••0958"),
        ("004420 79460958", "+44•••0958"),
        ("5012149020 2145550100", "+1501•••9020 +1214•••0100"),
        ("array([5012149020, 15012149020])", "array([+1501•••9020, +1501•••9020])"),
        ("5012149020.0", "+1501•••9020.0"),
        # It is not clear where the number starts, so nothing of it is shown.
        ("2345 678 501-214-9020", "•••9020"),
        # A ten-digit count may be a number, so it is masked.
        ("8589934592 bytes", "+1858•••4592 bytes"),
    ],
)
def test_anything_that_may_be_a_number_is_masked(text, shown):
    assert mask(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T20:19:17Z",
        "2026-11-24 20:19:17,123 started",
        "2026-11-24T20:19:17.123456+00:00",
        "20261124T201917Z-98765432 12 rows",
        "20261124T201917Z-98765432-2",
        "20261124201917",
        "9f86d0815012149020ab",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "550e8400-e29b-41d4-a716-446655440000",
        "127.0.0.1:4280",
        "192.168.100.200",
        "1764015557.123",  # seconds since 1970: no area code begins with 1
        "500 numbers in 1,200 rows, 20 % of 6000",
        "0012",
        "9 1234 5678",
    ],
)
def test_other_text_is_not_masked(text):
    assert mask(text) == text


def test_masking_twice_changes_nothing():
    text = "+1 (501) 214-9020 and +44 20 7946 0958"
    assert mask(mask(text)) == mask(text)


gaps = st.text(" \u00a0-\u2010\u2011\u2013().", max_size=4)
plan = st.from_regex("[2-9][0-9]{2}[2-9][0-9]{6}", fullmatch=True)
digits = st.tuples(st.sampled_from(["", "1", "+1"]), plan)


@st.composite
def spellings(draw):
    prefix, number = draw(digits)
    return number, prefix + "".join(draw(gaps) + digit for digit in number) + draw(gaps)


before = st.text(max_size=12).filter(lambda text: not text[-1:].isalnum())
after = st.text(max_size=12).filter(lambda text: not text[:1].isalnum())


@settings(deadline=None)  # the first call loads what the others use
@given(spellings(), before, after)
def test_every_spelling_that_the_rules_read_is_masked(sample, before, after):
    """Inside any other text, except next to a letter or digit, where it is part of something else."""
    number, spelling = sample
    assert parse_phone_cells(pa.array([spelling.encode()], pa.binary())).number.tolist() == [int(number)]
    assert number not in re.sub("[^0-9]", "", mask(before + spelling + after))


@pytest.mark.parametrize("text", ["5" + " " * 50_000, "(" * 50_000, "+ " * 25_000, "5 " * 25_000, "1 ( " * 12_000])
@pytest.mark.timeout(5)
def test_masking_is_fast_for_any_text(text):
    assert len(mask(text)) <= len(text)
