"""The numbers of a submission as a whole: files, typed-in numbers, findings, counts that add up."""

import pytest

from schemas.model.judgment import Counts
from schemas.model.manifest import TypedNumber
from schemas.model.policy import Caps, Policy
from schemas.model.purposes import PURPOSES
from schemas.rows.reading import csv_records, encoding
from schemas.rows.reading.csv_records import CHUNK_ROWS
from schemas.rows.rule_codes import REJECTION_COLUMNS
from tests.schemas.rows.engine_cases import ALL, GOOD, accepted, judge, numbers, rules, source


def lines(result):
    return [line for batch in result.rejections() for line in batch.to_pylist()]


# Files


def test_a_good_file():
    result = judge(f"{GOOD},Survey\n(212) 555-0200,charity\n", purpose="Survey")
    assert result.files[0].counts == Counts(read=2, accepted=2)
    assert (result.files[0].name, result.files[0].chunks, result.files[0].rejected_by_chunk) == ("numbers.csv", 1, (0,))
    assert accepted(result) == [(5012149020, PURPOSES.index("Survey")), (2125550200, PURPOSES.index("Charity"))]
    assert (lines(result), list(result.rejected_records())) == ([], [])
    assert [each.message for each in result.findings] == [
        "1 of 2 accepted rows has another call purpose than the program's, Survey."
    ]
    assert not result.has_file_errors


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n", " \r\n,\r\n"])
def test_an_empty_file(content):
    result = judge(content)
    assert [each.rule for each in result.findings] == ["CSV-004"]
    assert result.has_file_errors
    assert result.files[0].counts.read == result.files[0].counts.ignored


@pytest.mark.parametrize(
    ("content", "warned", "value"),
    [
        (f"\ufeff{GOOD},Survey\n".encode(), None, GOOD),
        (f"{GOOD},Survey\n".encode("utf-16"), "The file was read as UTF-16.", GOOD),
        (f"\ufeff{GOOD},Survey\n".encode("utf-16-be"), "The file was read as UTF-16.", GOOD),
        (
            "501\u00a0214\u00a09020,Survey\n".encode("cp1252"),
            "The file was read as Windows-1252; it is not UTF-8 from byte offset 3 on.",
            GOOD,
        ),
        (
            "501–214–9020,Survey\n".encode("cp1252"),
            "The file was read as Windows-1252; it is not UTF-8 from byte offset 3 on.",
            GOOD,
        ),
    ],
)
def test_encodings(content, warned, value):
    result = judge(content)
    assert [each.message for each in result.findings] == ([warned] if warned else [])
    assert accepted(result) == [(int(value), PURPOSES.index("Survey"))]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"5012149020,Survey\n\x81,Survey\n",
            "The byte at offset 18 (from 0) is no Windows-1252, and the file is not UTF-8 from offset 18 on.",
        ),
        (
            b"\xe9,Survey\n\x9d",
            "The byte at offset 9 (from 0) is no Windows-1252, and the file is not UTF-8 from offset 0 on.",
        ),
        (
            b"\xff\xfe5\x000\x001",
            "The byte at offset 6 (from 0) is no UTF-16, though the file begins with that encoding's mark.",
        ),
        (
            b"\xff\xfe5\x00\x00\xdc1\x00",
            "The byte at offset 4 (from 0) is no UTF-16, though the file begins with that encoding's mark.",
        ),
        (
            b"\xef\xbb\xbf501\xff",
            "The byte at offset 6 (from 0) is no UTF-8, though the file begins with that encoding's mark.",
        ),
    ],
)
@pytest.mark.parametrize("block", [4, 5, 1 << 20])
def test_what_cannot_be_decoded(content, message, block, monkeypatch):
    monkeypatch.setattr(encoding.detect_encoding, "__defaults__", (block,))
    result = judge(content)
    assert [(each.rule, each.message) for each in result.findings] == [("CSV-001", message)]
    assert result.has_file_errors
    assert result.files[0].counts == Counts()


def test_a_character_across_blocks_is_utf8(monkeypatch):
    for block in range(1, 8):
        monkeypatch.setattr(encoding.detect_encoding, "__defaults__", (block,))
        assert rules(judge("501–214–9020,Survey\n")) == []


def test_utf16_without_a_mark_is_full_of_nul():
    assert rules(judge("5012149020,Survey\n".encode("utf-16-le")))[0] == (1, "CSV-012")


def test_not_the_file_that_was_announced():
    content = f"{GOOD},Survey\n\n"
    good = source(content, expected_rows=1)
    assert judge(good, caps=ALL).findings == ()
    result = judge(source(content, expected_rows=2, expected_sha256="0" * 64))
    assert [(each.rule, each.message) for each in result.findings] == [
        ("CSV-003", f"The manifest says sha256 000000000000…; what arrived has {good.sha256[:12]}…."),
        ("CSV-003", "The manifest says 2 rows; the file has 1, blank ones not counted."),
    ]
    assert result.has_file_errors
    assert result.files[0].counts.accepted == 1
    assert judge(source(content, expected_sha256=good.sha256.upper())).findings == ()


def test_too_large_a_file_is_not_read():
    def refuse():
        raise AssertionError

    big = source(f"{GOOD},Survey\n")
    big = type(big)(name=big.name, bytes=101, sha256=big.sha256, open=refuse)
    result = judge(big, policy=Policy(max_file_bytes=100))
    assert [(each.rule, each.message) for each in result.findings] == [
        ("CSV-006", "The file has 101 bytes; at most 100 are taken.")
    ]


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "pipes")])
def test_another_separator(separator, name):
    content = "".join(f"{number}{separator}Survey\n" for number in numbers(3))
    result = judge(content)
    assert rules(result) == [(None, "CSV-005"), (1, "CSV-010"), (2, "CSV-010"), (3, "CSV-010")]
    assert result.findings[0].message == f"The columns are separated by {name}, not by commas."
    assert result.findings[1].suggestion == f"{numbers(1)[0]},Survey"
    assert result.has_file_errors


def test_a_few_other_separators_are_no_other_separator():
    content = "".join(f"{number},Survey\n" for number in numbers(3)) + "5012149020;Survey\n"
    assert rules(judge(content)) == [(4, "CSV-010")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_and_lines_are_the_true_ones(end):
    rows = [f"{GOOD},Survey", "", '"212\n2149020",Survey', "call me,Survey", '"213-214-9020","Sur\r\nvey"', "x,Survey"]
    result = judge("\ufeff" + end.join(rows))
    found = [(each.row, each.line, each.rule) for each in result.findings]
    assert found == [(3, 3, "NUM-002"), (4, 5, "NUM-002"), (5, 6, "PUR-002"), (6, 8, "NUM-002")]


def test_lines_may_end_in_cr_alone_where_there_is_no_lf():
    result = judge(f"{GOOD},Survey\r\r2149020,Survey\r")
    assert [(each.row, each.line, each.rule) for each in result.findings] == [(3, 3, "NUM-004")]
    assert list(result.rejected_records()) == [b"2149020,Survey\n"]
    mixed = judge(f"{GOOD},Survey\r2149020,Survey\n")
    assert rules(mixed) == [(1, "CSV-010"), (1, "PUR-002")]


def test_rows_and_lines_across_chunks_and_blocks(monkeypatch):
    monkeypatch.setattr(
        csv_records.split_records, "__kwdefaults__", {"block_rows": CHUNK_ROWS, "at": csv_records.START}
    )
    rows = [f"{number},Survey\n" for number in numbers(3 * CHUNK_ROWS)]
    for place in (0, CHUNK_ROWS - 1, CHUNK_ROWS, 2 * CHUNK_ROWS - 1, 2 * CHUNK_ROWS, 3 * CHUNK_ROWS - 1):
        rows[place] = '"call\nme",Survey\n'
    rows[CHUNK_ROWS + 1] = "\n"
    result = judge("".join(rows))
    assert [(each.row, each.line) for each in result.findings] == [
        (1, 1),
        (500, 501),
        (501, 503),
        (1000, 1003),
        (1001, 1005),
        (1500, 1505),
    ]
    assert result.files[0].rejected_by_chunk == (2, 2, 2)
    assert result.files[0].counts == Counts(read=1500, accepted=1493, rejected=6, ignored=1)


# Typed-in numbers


def test_typed_in_numbers_come_after_the_files_as_a_file_of_their_own():
    typed = [
        TypedNumber(number="+1 501 214 9020", call_purpose="Customer Service", line=31),
        TypedNumber(number='call, "me"', call_purpose="Survey", line=33),
        TypedNumber(number="2122149020", call_purpose="survey"),
    ]
    result = judge(f"{GOOD},Survey\n", typed=typed)
    assert [(each.file, each.row, each.line, each.rule, each.value) for each in result.findings] == [
        ("(manifest)", 1, 31, "NUM-021", "+1 501 214 9020"),
        ("(manifest)", 2, 33, "NUM-002", 'call, "me"'),
    ]
    assert [(file.name, file.counts) for file in result.files] == [
        ("numbers.csv", Counts(read=1, accepted=1)),
        ("(manifest)", Counts(read=3, accepted=1, rejected=2)),
    ]
    assert b"".join(result.rejected_records()) == b'+1 501 214 9020,Customer Service\n"call, ""me""",Survey\n'


def test_typed_in_numbers_alone():
    result = judge(typed=[(GOOD, "Survey"), (GOOD, "Survey")])
    assert [(each.row, each.line, each.message) for each in result.findings] == [
        (2, None, "The same number is number 1 of the manifest, which stands.")
    ]
    assert result.totals == {"NUM-020": 1}


# Findings

DIGITS = "{} digits, a leading +1 or 1 of eleven not counted; there must be ten."


@pytest.mark.parametrize(
    ("spelling", "rule", "message", "suggestion"),
    [
        ("", "NUM-001", "The phone number is blank.", None),
        ("501-214-9020 x12", "NUM-002", "“x” cannot stand in a phone number.", GOOD),
        ("501-214-9020 ext. 12", "NUM-002", "“e” cannot stand in a phone number.", GOOD),
        ("5012149020#", "NUM-002", "“#” cannot stand in a phone number.", GOOD),
        ("５０１２１４９０２０", "NUM-002", "“５” cannot stand in a phone number.", GOOD),
        ("501\t2149020", "NUM-002", "A tab cannot stand in a phone number.", GOOD),
        ("\u202a5012149020", "NUM-002", "The invisible character U+202A cannot stand in a phone number.", GOOD),
        ("tel:+1-501-214-9020", "NUM-002", "“t” cannot stand in a phone number.", GOOD),
        ("call me", "NUM-002", "“c” cannot stand in a phone number.", None),
        ("5012149020.0", "NUM-003", "A spreadsheet has turned the phone number into an amount.", GOOD),
        ("5.012149020E+09", "NUM-003", "A spreadsheet has turned the phone number into an amount.", GOOD),
        ("5.01215E+09", "NUM-003", "A spreadsheet has turned the phone number into an amount.", None),
        (
            "214-9020",
            "NUM-004",
            "Seven digits: the area code is missing.",
            "ten digits, area code first: AAA-214-9020",
        ),
        ("501214902", "NUM-005", "9 digits, a leading +1 or 1 of eleven not counted; there must be ten.", None),
        ("-", "NUM-005", "No digits, a leading +1 or 1 of eleven not counted; there must be ten.", None),
        (
            "011 1 501 214 9020",
            "NUM-005",
            DIGITS.format(14),
            GOOD,
        ),
        (
            "+1 1 501 214 9020",
            "NUM-005",
            DIGITS.format(11),
            GOOD,
        ),
        ("+5012149020", "NUM-006", "The number begins with another country code than +1.", GOOD),
        ("+44 20 7946 0958", "NUM-006", "The number begins with another country code than +1.", None),
        ("0112149020", "NUM-007", "There can be no area code 011.", None),
        ("2222149020", "NUM-008", "Area code 222 is not assigned in phonenumbers 9.0.43.", None),
        ("5010119020", "NUM-009", "There can be no exchange 011.", None),
        ("2125550123", "NUM-010", "555-0123 is fictional.", None),
        ("2125551212", "NUM-010", "555-1212 is directory assistance.", None),
        ("9002149020", "NUM-011", "900 numbers are premium rate.", None),
        ("7002149020", "NUM-012", "Area code 700 belongs to no place.", None),
        ("4162149020", "NUM-014", "Area code 416 is in Canada, which is not served.", None),
        ("3402149020", "NUM-015", "Exchange 214 is not in use there, by phonenumbers 9.0.43.", None),
    ],
)
def test_messages_and_suggestions(spelling, rule, message, suggestion):
    (found,) = judge(f'"{spelling}",Survey\n').findings
    assert (found.rule, found.message, found.suggestion, found.value) == (rule, message, suggestion, spelling)
    assert found.column == "phone_number"


@pytest.mark.parametrize(
    ("record", "message", "suggestion"),
    [
        ("5012149020", "1 column; there must be two.", None),
        ("5012149020\tSurvey", "1 column; there must be two.", "5012149020,Survey"),
        ("5012149020,Survey,,", "4 columns; there must be two.", "5012149020,Survey"),
        ("5012149020,Survey,x", "3 columns; there must be two.", None),
        ('5012149020,"Survey', "A quotation mark is not closed.", None),
        ('"5012149020"x,Survey', "There is text after a closing quotation mark.", None),
        ('501"2149020,Survey', "A quotation mark stands inside a cell that does not begin with one.", None),
        ("5012149020,Survey\0", "There is a NUL byte in the row.", None),
        ("5" * 70_000 + ",Survey", "The row is longer than 65,536 bytes.", None),
    ],
)
def test_messages_about_records(record, message, suggestion):
    result = judge(f"2122149020,Survey\n{record}\n2132149020,Survey\n")
    assert [(each.row, each.message, each.suggestion) for each in result.findings] == [(2, message, suggestion)]
    assert b"".join(result.rejected_records()) == record.encode() + b"\n"


def test_rejections_are_one_line_a_finding():
    result = judge(f"{GOOD},Survey\r\ncall me,Zebra\r\n\r\n2129581234,Survey")
    found = lines(result)
    assert list(found[0]) == list(REJECTION_COLUMNS)
    assert found[0] == {
        "file": "numbers.csv",
        "row": 2,
        "line": 2,
        "phone_number": "call me",
        "call_purpose": "Zebra",
        "rule": "NUM-002",
        "severity": "error",
        "message": "“c” cannot stand in a phone number.",
        "fix": "Leave only the number's ten digits; drop any extension, letter or note.",
        "suggestion": None,
    }
    assert [(each["row"], each["rule"], each["severity"]) for each in found] == [
        (2, "NUM-002", "error"),
        (2, "PUR-002", "error"),
        (4, "NUM-016", "warning"),
    ]
    assert b"".join(result.rejected_records()) == b"call me,Zebra\r\n"


def test_findings_are_capped_and_totals_are_not():
    content = "".join(f"{number},Zebra\n" for number in numbers(30)) + "call me,Survey\n" * 30
    result = judge(content, caps=Caps(per_rule=4, shown=6))
    assert rules(result) == [*((row, "PUR-002") for row in (1, 2, 3, 4)), (31, "NUM-002"), (32, "NUM-002")]
    assert (result.totals, result.findings_total) == ({"NUM-002": 30, "PUR-002": 30}, 60)
    assert len(lines(result)) == 60


def test_repair_groups_count_what_one_action_repairs():
    content = f"{GOOD},Marketing\n2122149020, Marketing \n2132149020,Zebra\n"
    content += "214-9020,Survey\n214-9021,Survey\n2149022,Survey\n"
    groups = judge(content).groups
    assert [(each.rule, each.pattern, each.count, each.example, each.suggestion) for each in groups] == [
        ("NUM-004", "999-9999", 2, "214-9020", "ten digits, area code first: AAA-214-9020"),
        ("NUM-004", "9999999", 1, "2149022", "ten digits, area code first: AAA-214-9022"),
        ("PUR-002", "Marketing", 2, "Marketing", "Telemarketing"),
        ("PUR-002", "Zebra", 1, "Zebra", None),
    ]


def test_warnings_about_purposes_count_accepted_rows():
    result = judge(f"{GOOD},Do Not Originate\n2122149020,Survey\n{GOOD},Charity\n", purpose="Charity")
    assert [each.message for each in result.findings[:2]] == [
        "2 of 2 accepted rows have another call purpose than the program's, Charity.",
        "1 of 2 accepted rows has the purpose Do Not Originate: no call may be made from these numbers.",
    ]
    assert not result.all_do_not_originate
    assert judge(f"{GOOD},Do Not Originate\ncall me,Survey\n").all_do_not_originate
    assert not judge("call me,Do Not Originate\n").all_do_not_originate


def test_progress_reaches_the_end():
    told = []
    content = f"{GOOD},Survey\n" * 100_000
    judge(content, content, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (2 * len(content), 2 * len(content))
    assert len(told) > 2
