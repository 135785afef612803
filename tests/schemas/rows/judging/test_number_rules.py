"""Every rule about a number, a purpose and a record: what breaks it, and what almost does."""

import numpy as np
import pytest

from schemas.model.judging_context import NumberConflict
from tests.schemas.rows.judging_in_memory import GOOD_NUMBER, broken_rules, judge_files, rules_for_number

VALID = [
    GOOD_NUMBER,
    "15012149020",
    "+15012149020",
    "+1 (501) 214-9020",
    "  +1 501 214 9020  ",
    "(501) 214-9020",
    "501-214-9020",
    "501.214.9020",
    "501‐214‑9020",
    "501–214–9020",
    "\u00a0501\u00a0214\u00a09020\u00a0",
    "\u00a0+1\u00a0501 214 9020",
    "1 501 214 9020",
    "5012149.020",
    "501214.9000",
    "501 214 0000",
    "212-555-0200",
    "212-555-0099",
    "212-555-1213",
    "212-957-1234",
    "787-234-5678",
    "340-712-1234",
    "671-222-1234",
    "684-274-1234",
    "670-233-1234",
    "8005550200",
]

BROKEN = {
    "NUM-001": ["", " ", "   ", "\u00a0", "\t", "\u2003 "],
    "NUM-003": [
        "5.01215E+09",
        "5.01215e9",
        "5,01215E+09",
        "5E9",
        "5012149020.0",
        "5012149020.00",
        "501214902.0",
        " 5.0E+9 ",
    ],
    "NUM-002": [
        "call me",
        "501214902O",
        "501-214-9020 x12",
        "501-214-9020 ext. 12",
        "501/214/9020",
        "501,214,9020",
        "501+214 9020",
        "++15012149020",
        "(+1) 501 214 9020",
        "501\t214 9020",
        "501\n2149020",
        "\t5012149020",
        "5012149020;",
        "=5012149020",
        "'5012149020",
        '"5012149020"',
        "５０１２１４９０２０",
        "٥٠١٢١٤٩٠٢٠",
        "501—214—9020",
        "\u200b5012149020",
        "501\u2009214 9020",
        "5" + " " * 250 + "012149020",
        "5012149020.0x",
    ],
    "NUM-006": ["+44 20 7946 0958", "+5012149020", "011 44 20 7946 0958", "0044 20 7946 0958", "+2", " +44"],
    "NUM-004": ["2149020", "214-9020", "+1 214 9020"],
    "NUM-005": [
        "501214902",
        "50121490201",
        "+1 501 214 902",
        "+1501214902",
        "+1 1 501 214 9020",
        "011 1 501 214 9020",
        "00 1 501 214 9020",
        "05012149020",
        "12149020",
        "---",
        "+",
        "1",
        "501.214.90",
        "9" * 10_000,
    ],
    "NUM-007": [
        "0012149020",
        "1112149020",
        "0112149020",
        "2112149020",
        "9112149020",
        "2912149020",
        "3722149020",
        "9672149020",
    ],
    "NUM-011": ["9002149020", "900-911-0000", "+1 900 555 0100"],
    "NUM-012": [
        "5002149020",
        "5212149020",
        "5882149020",
        "6002149020",
        "6222149020",
        "7002149020",
        "7102149020",
        "7101149020",
    ],
    "NUM-008": ["2222149020", "4552149020", "9872149020"],
    "NUM-009": ["5010149020", "5011149020", "5019119020", "2124119020", "2120005678"],
    "NUM-010": ["2125550100", "2125550199", "2125551212", "8005550123"],
    "NUM-014": ["4162149020", "2422149020", "8092149020", "8762149020", "4412149020", "2462149020"],
    "NUM-015": ["3402149020", "6715009020", "6842009020", "6702009020", "9836149020"],
}


@pytest.mark.parametrize("cell", VALID)
def test_good_numbers_are_accepted(cell):
    assert rules_for_number(cell) == []


@pytest.mark.parametrize(("rule", "cell"), [(rule, each) for rule, cells in BROKEN.items() for each in cells])
def test_a_number_gets_only_the_first_finding_by_precedence(rule, cell):
    assert rules_for_number(cell) == [rule]


@pytest.mark.parametrize(("number", "exchange"), [("2129581234", 958), ("2129591234", 959), ("2129761234", 976)])
def test_test_exchanges_are_accepted_with_a_warning(number, exchange):
    result = judge_files(f"{number},Survey\n")
    assert broken_rules(result) == [(1, "NUM-016")]
    assert result.findings[0].message == f"Exchange {exchange} is used for tests or information services."
    assert result.files[0].counts.accepted == 1


def test_the_operator_decides_on_toll_free_numbers():
    assert rules_for_number("8442149020") == []
    assert rules_for_number("8442149020", toll_free="reject") == ["NUM-013"]
    assert rules_for_number("8452149020", toll_free="reject") == []
    assert rules_for_number("8442149020", regions=("PR",)) == []


def test_the_operator_decides_on_served_regions():
    assert rules_for_number("4162149020", regions=("CA",)) == []
    assert rules_for_number(GOOD_NUMBER, regions=("CA",)) == ["NUM-014"]
    assert rules_for_number("2462149020", regions=("BB",)) == ["NUM-015"]
    assert rules_for_number("2465219020", regions=("BB",)) == []


@pytest.mark.parametrize(
    "purpose",
    [
        "survey",
        "SURVEY",
        " Survey ",
        "\u00a0Survey",
        '"Survey"',
        "Multi-Use Line",
        "informational/notification",
        "Do Not Originate",
    ],
)
def test_good_purposes_are_accepted(purpose):
    assert [rule for row, rule in broken_rules(judge_files(f"{GOOD_NUMBER},{purpose}\n")) if row] == []


@pytest.mark.parametrize(
    ("purpose", "rule", "suggestion"),
    [
        ("", "PUR-001", None),
        ("  ", "PUR-001", None),
        ("\u00a0", "PUR-001", None),
        ("Marketing", "PUR-002", "Telemarketing"),
        ("Customer Servise", "PUR-002", "Customer Service"),
        ("Debt-Collection", "PUR-002", "Debt Collection"),
        ("Notifications", "PUR-002", "Informational/Notification"),
        ("Multi Use Line", "PUR-002", "Multi-Use Line"),
        ("Surveys", "PUR-002", "Survey"),
        ("Zebra", "PUR-002", None),
    ],
)
def test_other_purposes_are_rejected(purpose, rule, suggestion):
    (found,) = judge_files(f"{GOOD_NUMBER},{purpose}\n").findings
    assert (found.rule, found.suggestion, found.column, found.value) == (rule, suggestion, "call_purpose", purpose)


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (f"{GOOD_NUMBER},Survey,x", ["CSV-010"]),
        (f"{GOOD_NUMBER},Survey,", ["CSV-010"]),
        (f"{GOOD_NUMBER}", ["CSV-010"]),
        ("Survey", ["CSV-010"]),
        ("call me,Zebra,x", ["CSV-010", "NUM-002", "PUR-002"]),
        (",,x", ["CSV-010", "NUM-001", "PUR-001"]),
        (",,", []),
        ('"","  ",\u00a0,\t', []),
        ('"","",""""', ["CSV-010", "NUM-001", "PUR-001"]),
        (",Survey", ["NUM-001"]),
        ("call me,Zebra", ["NUM-002", "PUR-002"]),
        (f'"{GOOD_NUMBER}","Survey"', []),
        (f'{GOOD_NUMBER},"Survey"', []),
        (f'"{GOOD_NUMBER}",Survey', []),
        (f'"{GOOD_NUMBER}","Survey', ["CSV-012"]),
        (f'"{GOOD_NUMBER}"x,Survey', ["CSV-012"]),
        (f'{GOOD_NUMBER}"",Survey', ["CSV-012"]),
        (f'{GOOD_NUMBER},Sur"vey', ["CSV-012"]),
        (f"{GOOD_NUMBER},Survey\0", ["CSV-012"]),
        (f'"{GOOD_NUMBER}","Sur""vey"', ["PUR-002"]),
    ],
)
def test_rules_about_records(record, found):
    result = judge_files(f"2122149020,Survey\n{record}\n2132149020,Survey\n")
    assert broken_rules(result) == [(2, rule) for rule in found]
    assert result.files[0].counts.read == 3


@pytest.mark.parametrize("blank", ["", " ", ",", " , ", "\u00a0,", '"",""', "\t"])
def test_blank_records_are_ignored(blank):
    result = judge_files(f"2122149020,Survey\n{blank}\n2132149020,Survey\n")
    assert broken_rules(result) == []
    counts = result.files[0].counts
    assert (counts.read, counts.accepted, counts.ignored) == (3, 2, 1)


@pytest.mark.parametrize(
    "header",
    [
        "phone number,call purpose",
        "Phone,Purpose",
        "Telephone #,Reason",
        "MSISDN,use",
        "number",
        "tn,x",
        '"Phone_Number","Call_Purpose"',
        "name,phone,purpose",
    ],
)
def test_a_header_is_recognized(header):
    result = judge_files(f"\n{header}\n{GOOD_NUMBER},Survey\n")
    assert broken_rules(result) == [(2, "CSV-011")]


@pytest.mark.parametrize("first", ["call me,Survey", "2149020,Survey", "x,Zebra", "555 phone,Survey"])
def test_a_bad_first_row_is_not_always_a_header(first):
    assert "CSV-011" not in [rule for _, rule in broken_rules(judge_files(f"{first}\n{GOOD_NUMBER},Survey\n"))]


def test_only_the_first_row_can_be_a_header():
    assert broken_rules(judge_files(f"{GOOD_NUMBER},Survey\nphone,purpose\n")) == [(2, "NUM-002"), (2, "PUR-002")]


class FakeClaims:
    def __init__(self, **conflicts):
        self.taken = {int(number[1:]): conflict for number, conflict in conflicts.items()}
        self.asked = []

    def find_conflicts(self, numbers):
        self.asked += numbers.tolist()
        assert (np.diff(numbers) > 0).all()
        return {number: self.taken[number] for number in numbers.tolist() if number in self.taken}


def test_conflicts_are_reported_on_each_row_and_are_not_duplicates():
    claims = FakeClaims(
        n2122149020=NumberConflict(rule="NUM-022", program=None),
        n2132149020=NumberConflict(rule="NUM-023", program="spring"),
    )
    result = judge_files(
        f"2122149020,Survey\n212-214-9020,Zebra\n2132149020,Survey\n{GOOD_NUMBER},Survey\ncall me,Survey\n",
        claims=claims,
    )
    assert broken_rules(result) == [(1, "NUM-022"), (2, "NUM-022"), (2, "PUR-002"), (3, "NUM-023"), (5, "NUM-002")]
    assert result.findings[0].message == "Another business has registered this phone number."
    assert result.findings[3].message == "This phone number is already in the program spring."
    assert claims.asked == [2122149020, 2132149020, 5012149020]
    assert result.files[0].counts.accepted == 1


def test_numbers_on_the_operators_list_are_accepted_only_as_do_not_originate():
    listed = np.array([2122149020, 2132149020])
    result = judge_files("2122149020,Survey\n2132149020,Do Not Originate\n2142149020,Survey\n", do_not_originate=listed)
    assert broken_rules(result) == [(None, "PUR-004"), (1, "NUM-024")]
    assert result.files[0].counts.accepted == 2
