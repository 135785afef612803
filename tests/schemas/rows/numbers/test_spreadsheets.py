"""Which cells a spreadsheet turns into another number, and what it makes of damaged ones."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.rows.numbers.phone_cells import SPREADSHEET
from schemas.rows.numbers.spreadsheets import (
    empty_changing_cells,
    empty_first_cells,
    find_changing_cells,
    read_amounts,
)
from tests.schemas.rows.judging_in_memory import judge_files

#: What a spreadsheet would make of each is in the comment.
CHANGING = [
    *("5.01581E+09", "5.01581e9", "5,01581E+09", "501.581E7", ".5E10", "5E9", " 5.01581E+09 ", "-5.01581E+09"),  # zeros
    *("5012149020.0", "5012149020,00", "501214902.50", "5012149020.5", "5012149020.00000001"),  # rounded
    *("05012149020", "005012149020", "0015012149020", "+05012149020"),  # without its leading zeros
    *("+5012149020", "+ 5012149020"),  # without its plus: Belize becomes Texas
    *("=5012149020", "=5012149019+1", '="5012149020"', "@5012149020", "＝5012149020"),  # the result of a formula
    *("+1-5012149020", "-1-5012149020", "+1 - 5012149020", "++5012149020", "+5012149020/2", "-2*5"),  # a difference
    *("$5012149020", "€ 5.012.149.020", "5012149020 €", "501214902000%", "5,012,149,020", "5'012'149'020"),  # an amount
]
UNCHANGED = [
    *("5012149020", "+15012149020", "15012149020", "(501) 214-9020", "(5012149020)", "501-214-9020", "501.214.9020"),
    *("+1-501-214-9020", "+1 (501) 214-9020", "1-501-214-9020", "1 501 214 9020", "-5012149020", "5012149020-"),
    *(
        "",
        " ",
        "214-9020",
        "501214902",
        "50121490201",
        "+52 55 1234 5678",
        "call me",
        "5012149020 ext 4",
        "1-800-FLOWERS",
    ),
    *("1/2/2030", "12:30", "2030-01-02", "Survey", "0000000000", "0215012149"),
]


def changing(*cells):
    return find_changing_cells(pa.array(cells)).tolist()


@pytest.mark.parametrize("cell", CHANGING)
def test_a_spreadsheet_makes_another_number_of(cell):
    assert changing(cell) == [True]


@pytest.mark.parametrize("cell", UNCHANGED)
def test_a_spreadsheet_makes_no_other_number_of(cell):
    assert changing(cell) == [False]


@given(st.from_regex(SPREADSHEET.replace(r"\d", "[0-9]"), fullmatch=True))
def test_every_number_that_a_spreadsheet_has_damaged_would_change_again(cell):
    assert changing(cell) == [True]


@pytest.mark.parametrize(
    ("received", "sent"),
    [
        ("5.01581E+09,Survey\n", ",Survey\n"),
        ('"5,01581E+09","Survey"\r\n', ',"Survey"\r\n'),
        ("Survey,5.01581E+09\n", "Survey,\n"),
        ("1,5.01581E+09,5.01582E+09,Survey\n", "1,,,Survey\n"),
        ("5.01581E+09;Survey\n", ";Survey\n"),
        ("5.01581E+09\tSurvey\n", "\tSurvey\n"),
        ("5.01581E+09\n", "\n"),
        ('="5012149020",Survey\n', ",Survey\n"),
        ('"=""5012149020""",Survey\n', ",Survey\n"),
        ("5,012,149,020,Survey\n", "5,012,149,020,Survey\n"),
        ('"5.01581E+09,Survey"\n', '"5.01581E+09,Survey"\n'),
        ("5012149020,Survey\n", "5012149020,Survey\n"),
    ],
)
def test_cells_are_emptied_anywhere_in_a_record(received, sent):
    records, changed = empty_changing_cells(pa.array([received]))
    assert (records.to_pylist(), changed.tolist()) == ([sent], [received != sent])


@pytest.mark.parametrize("cell", ["5015810000", " 5015810000 ", '"5015810000"', '"5,01581E+09"', ""])
def test_the_first_cell_is_emptied(cell):
    records = pa.array([f"{cell},Survey\n", "1,2\n"])
    assert empty_first_cells(records, pa.array([True, False]).to_numpy(zero_copy_only=False)).to_pylist() == [
        ",Survey\n",
        "1,2\n",
    ]


@pytest.mark.parametrize(
    ("cell", "number", "has_lost_digits"),
    [
        ("5.01581E+09", 5015810000, True),
        ("5.01581E+009", 5015810000, True),
        ("5,01581e9", 5015810000, True),
        ("501.581E7", 5015810000, True),
        ("1.50158E+10", 15015800000, True),
        ("5.012149020E+09", 5012149020, False),
        ("5.0121490200E+09", 5012149020, False),
        ("5.0121490201E+09", -1, False),
        ("5012149020.00", 5012149020, False),
        ("5.01581E+09;Survey", 5015810000, True),
        ("1E400", -1, False),
        ("1E99", -1, False),
        ("0E5", -1, False),
        ("1.E-5", -1, False),
        ("5012149020", -1, False),
        ("E5", -1, False),
    ],
)
def test_amounts(cell, number, has_lost_digits):
    read = read_amounts(pa.array([cell]))
    assert (read.number.tolist(), read.has_lost_digits.tolist()) == ([number], [has_lost_digits])


def test_rejected_csv_has_the_rejected_records_without_repeats_and_changing_cells():
    rows = [
        ("5012149030,Survey", None),
        ("5.01581E+09,Survey", ",Survey"),
        ("5012149030,survey", None),
        ("5012149030,Charity", "5012149030,Charity"),
        ("5012149030,Zebra", "5012149030,Zebra"),
        ('"5,01581E+09","Debt Collection"', '"","Debt Collection"'),
        (' "5012149021" x,Survey', ' "5012149021" x,Survey'),
        ("+1-5012149031,Zebra", ",Zebra"),
        ("+15012149031,Zebra", "+15012149031,Zebra"),
        ("Survey,5.01582E+09", "Survey,"),
        ("5.01581E+09;Survey", ";Survey"),
        ("5015820000,Survey", ",Survey"),
        ('"5015820000","Sur""vey"', ',"Sur""vey"'),
    ]
    result = judge_files("".join(f"{row}\n" for row, _ in rows), suspects=pa.array([5015820000]).to_numpy())
    sent = [text for _, text in rows if text is not None]
    assert b"".join(result.rejected_records()).decode() == "".join(f"{text}\n" for text in sent)
    lines = [line for batch in result.rejections() for line in batch.to_pylist()]
    expected = iter(range(1, len(sent) + 1))
    numbers = {row: next(expected) for row, (_, text) in enumerate(rows, 1) if text is not None}
    assert {line["row"]: line["rejected_row"] for line in lines} == {**numbers, 3: None}
    assert {line["row"] for line in lines if line["emptied"]} == {
        row for row, (received, text) in enumerate(rows, 1) if text not in (None, received)
    }
    assert (result.rows.with_findings, result.rows.repeated, result.rows.emptied) == (12, 1, 7)


def test_typed_in_numbers_are_sent_without_changing_cells():
    result = judge_files(typed=[("5.01581E+09", "Survey"), ("5,012,149,020", "Zebra")])
    assert b"".join(result.rejected_records()) == b",Survey\n,Zebra\n"
