"""Judging all numbers of a submission: files, typed-in numbers, findings, counts."""

import pytest

from schemas.model.judgment import CHUNK_ROWS, REJECTION_COLUMNS, Counts
from schemas.model.manifest import TypedNumber
from schemas.model.policy import FindingCaps, Policy
from schemas.model.purposes import PURPOSES
from schemas.rows.reading import csv_records, encoding
from tests.schemas.rows.judging_in_memory import (
    GOOD_NUMBER,
    NO_CAPS,
    accepted_rows,
    broken_rules,
    good_numbers,
    judge_files,
    source,
)


def lines(result):
    return [line for batch in result.rejections() for line in batch.to_pylist()]


# Files


def test_a_good_file():
    result = judge_files(f"{GOOD_NUMBER},Survey\n(212) 555-0200,charity\n", purpose="Survey")
    assert result.files[0].counts == Counts(read=2, accepted=2)
    assert (result.files[0].name, result.files[0].chunks, result.files[0].rejected_by_chunk) == ("numbers.csv", 1, (0,))
    assert accepted_rows(result) == [(5012149020, PURPOSES.index("Survey")), (2125550200, PURPOSES.index("Charity"))]
    assert (lines(result), list(result.rejected_records())) == ([], [])
    assert [each.message for each in result.findings] == [
        "1 of 2 accepted rows has a call purpose other than the program's (Survey)."
    ]
    assert not result.has_file_errors


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n", " \r\n,\r\n"])
def test_an_empty_file(content):
    result = judge_files(content)
    assert [each.rule for each in result.findings] == ["CSV-004"]
    assert result.has_file_errors
    assert result.files[0].counts.read == result.files[0].counts.ignored


@pytest.mark.parametrize(
    ("content", "warned", "value"),
    [
        (f"\ufeff{GOOD_NUMBER},Survey\n".encode(), None, GOOD_NUMBER),
        (f"{GOOD_NUMBER},Survey\n".encode("utf-16"), "The file was read as UTF-16.", GOOD_NUMBER),
        (f"\ufeff{GOOD_NUMBER},Survey\n".encode("utf-16-be"), "The file was read as UTF-16.", GOOD_NUMBER),
        (
            "501\u00a0214\u00a09020,Survey\n".encode("cp1252"),
            "The file was read as Windows-1252, because it stops being valid UTF-8 at byte offset 3.",
            GOOD_NUMBER,
        ),
        (
            "501–214–9020,Survey\n".encode("cp1252"),
            "The file was read as Windows-1252, because it stops being valid UTF-8 at byte offset 3.",
            GOOD_NUMBER,
        ),
    ],
)
def test_encodings(content, warned, value):
    result = judge_files(content)
    assert [each.message for each in result.findings] == ([warned] if warned else [])
    assert accepted_rows(result) == [(int(value), PURPOSES.index("Survey"))]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"5012149020,Survey\n\x81,Survey\n",
            "The byte at offset 18 (from 0) is not valid Windows-1252; the file stops being valid UTF-8 at offset 18.",
        ),
        (
            b"\xe9,Survey\n\x9d",
            "The byte at offset 9 (from 0) is not valid Windows-1252; the file stops being valid UTF-8 at offset 0.",
        ),
        (
            b"\xff\xfe5\x000\x001",
            "The byte at offset 6 (from 0) is not valid UTF-16, although the file has a UTF-16 byte order mark.",
        ),
        (
            b"\xff\xfe5\x00\x00\xdc1\x00",
            "The byte at offset 4 (from 0) is not valid UTF-16, although the file has a UTF-16 byte order mark.",
        ),
        (
            b"\xef\xbb\xbf501\xff",
            "The byte at offset 6 (from 0) is not valid UTF-8, although the file has a UTF-8 byte order mark.",
        ),
    ],
)
@pytest.mark.parametrize("piece_bytes", [4, 5, 1 << 20])
def test_files_that_cannot_be_decoded(content, message, piece_bytes, monkeypatch):
    monkeypatch.setattr(encoding.detect_encoding, "__defaults__", (piece_bytes,))
    result = judge_files(content)
    assert [(each.rule, each.message) for each in result.findings] == [("CSV-001", message)]
    assert result.has_file_errors
    assert result.files[0].counts == Counts()


def test_a_character_across_pieces_is_utf8(monkeypatch):
    for piece_bytes in range(1, 8):
        monkeypatch.setattr(encoding.detect_encoding, "__defaults__", (piece_bytes,))
        assert broken_rules(judge_files("501–214–9020,Survey\n")) == []


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_bom_is_read(codec):
    result = judge_files("5012149020,Survey\r\n2122149020,“Survey”\r\n".encode(codec))
    assert result.findings[0].message == ("The file was read as UTF-16, although it has no byte order mark.")
    assert broken_rules(result) == [(None, "CSV-002"), (2, "PUR-002")]
    assert result.files[0].counts == Counts(read=2, accepted=1, rejected=1)


def test_utf16_without_a_bom_that_ends_inside_a_character():
    (found,) = judge_files("5012149020,Survey".encode("utf-16-le")[:-1]).findings
    assert (found.rule, found.message) == (
        "CSV-001",
        "The byte at offset 32 (from 0) is not valid UTF-16, although the file looks like UTF-16 without a byte order "
        "mark.",
    )


@pytest.mark.parametrize("content", [b"5012149020,Survey\0\n", b"\0" * 100, b"5\0,\0"])
def test_nul_bytes_alone_are_not_utf16(content):
    assert {each.rule for each in judge_files(content).findings} <= {"CSV-010", "CSV-012"}


@pytest.mark.parametrize("end", ["\x1a", "\x1a\n", "\r\n\x1a", "\n\x1a\r\n", "\n\x1a\x1a\n\n", "\r\x1a\r"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-be"])
def test_a_ctrl_z_at_the_end_is_ignored(end, codec, monkeypatch):
    content = f"\u00a0{GOOD_NUMBER},Survey\n214–9020,Survey{end}".encode(codec)
    for piece_bytes in (1, 2, 3, 1 << 20):
        if piece_bytes > 3 or codec == "utf-8":
            monkeypatch.setattr(encoding.detect_encoding, "__defaults__", (piece_bytes,))
        result = judge_files(content)
        assert [(row, rule) for row, rule in broken_rules(result) if row] == [(2, "NUM-004")]
        assert result.files[0].counts == Counts(read=2, accepted=1, rejected=1)
        assert b"".join(result.rejected_records()).decode().rstrip() == "214–9020,Survey"


def test_a_single_ctrl_z_byte_ends_a_utf16_file():
    assert broken_rules(judge_files(f"{GOOD_NUMBER},Survey\n".encode("utf-16") + b"\x1a")) == [(None, "CSV-002")]


def test_a_ctrl_z_elsewhere_is_named():
    result = judge_files("5012149020,Survey\n\x1a2122149020,Survey\x1a\n\x1a\n2132149020,Survey\n")
    assert [(each.row, each.rule, each.value) for each in result.findings] == [
        (2, "NUM-002", "\x1a2122149020"),
        (2, "PUR-002", "Survey\x1a"),
        (3, "CSV-010", "\x1a"),
    ]


def test_a_file_that_differs_from_the_manifest():
    content = f"{GOOD_NUMBER},Survey\n\n"
    good = source(content, expected_rows=1)
    assert judge_files(good, caps=NO_CAPS).findings == ()
    result = judge_files(source(content, expected_rows=2, expected_sha256="0" * 64))
    assert [(each.rule, each.message) for each in result.findings] == [
        ("CSV-003", f"The file's sha256 is {good.sha256[:12]}…, but the manifest says 000000000000…."),
        ("CSV-003", "The file has 1 row, not counting blank ones, but the manifest says 2."),
    ]
    assert result.has_file_errors
    assert result.files[0].counts.accepted == 1
    assert judge_files(source(content, expected_sha256=good.sha256.upper())).findings == ()


def test_a_file_that_is_too_large_is_not_read():
    def refuse():
        raise AssertionError

    big = source(f"{GOOD_NUMBER},Survey\n")
    big = type(big)(name=big.name, bytes=101, sha256=big.sha256, open=refuse)
    result = judge_files(big, policy=Policy(max_file_bytes=100))
    assert [(each.rule, each.message) for each in result.findings] == [
        ("CSV-006", "The file has 101 bytes; the limit is 100.")
    ]


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "pipes")])
def test_another_separator(separator, name):
    content = "".join(f"{number}{separator}Survey\n" for number in good_numbers(3))
    result = judge_files(content)
    assert broken_rules(result) == [(None, "CSV-005"), (1, "CSV-010"), (2, "CSV-010"), (3, "CSV-010")]
    assert result.findings[0].message == f"The columns are separated by {name} instead of commas."
    assert result.findings[1].suggestion == f"{good_numbers(1)[0]},Survey"
    assert result.has_file_errors


def test_another_separator_below_many_blank_rows():
    content = "\n" * 700 + "".join(f"{number};Survey\n" for number in good_numbers(3))
    assert broken_rules(judge_files(content))[0] == (None, "CSV-005")


def test_a_few_other_separators_are_not_reported_for_the_file():
    content = "".join(f"{number},Survey\n" for number in good_numbers(3)) + "5012149020;Survey\n"
    assert broken_rules(judge_files(content)) == [(4, "CSV-010")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_and_lines_are_correct(end):
    rows = [
        f"{GOOD_NUMBER},Survey",
        "",
        '"212\n2149020",Survey',
        "call me,Survey",
        '"213-214-9020","Sur\r\nvey"',
        "x,Survey",
    ]
    result = judge_files("\ufeff" + end.join(rows))
    found = [(each.row, each.line, each.rule) for each in result.findings]
    assert found == [(3, 3, "NUM-002"), (4, 5, "NUM-002"), (5, 6, "PUR-002"), (6, 8, "NUM-002")]


def test_lines_can_end_in_any_way():
    result = judge_files(f"{GOOD_NUMBER},Survey\r\r2149020,Survey\r")
    assert [(each.row, each.line, each.rule) for each in result.findings] == [(3, 3, "NUM-004")]
    assert list(result.rejected_records()) == [b"2149020,Survey\n"]
    mixed = judge_files(f'{GOOD_NUMBER},Survey\r2149020,Survey\n\r\r"2149021","Survey"\r\r\n2149022,Survey\r\n')
    assert broken_rules(mixed) == [(2, "NUM-004"), (5, "NUM-004"), (6, "NUM-004")]
    assert b"".join(mixed.rejected_records()) == b'2149020,Survey\n"2149021","Survey"\r\n2149022,Survey\r\n'


def test_rows_and_lines_across_chunks_and_blocks(monkeypatch):
    monkeypatch.setattr(
        csv_records.split_records, "__kwdefaults__", {"block_rows": CHUNK_ROWS, "start": csv_records.START}
    )
    rows = [f"{number},Survey\n" for number in good_numbers(3 * CHUNK_ROWS)]
    for place in (0, CHUNK_ROWS - 1, CHUNK_ROWS, 2 * CHUNK_ROWS - 1, 2 * CHUNK_ROWS, 3 * CHUNK_ROWS - 1):
        rows[place] = '"call\nme",Survey\n'
    rows[CHUNK_ROWS + 1] = "\n"
    result = judge_files("".join(rows))
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


def test_typed_in_numbers_are_judged_like_a_file_after_all_others():
    typed = [
        TypedNumber(number="+1 501 214 9020", call_purpose="Customer Service", line=31),
        TypedNumber(number='call, "me"', call_purpose="Survey", line=33),
        TypedNumber(number="2122149020", call_purpose="survey"),
    ]
    result = judge_files(f"{GOOD_NUMBER},Survey\n", typed=typed)
    assert [(each.file, each.row, each.line, each.rule, each.value) for each in result.findings] == [
        ("(manifest)", 1, 31, "NUM-021", "+1 501 214 9020"),
        ("(manifest)", 2, 33, "NUM-002", 'call, "me"'),
    ]
    assert [(file.name, file.counts) for file in result.files] == [
        ("numbers.csv", Counts(read=1, accepted=1)),
        ("(manifest)", Counts(read=3, accepted=1, rejected=2)),
    ]
    assert b"".join(result.rejected_records()) == b'+1 501 214 9020,Customer Service\n"call, ""me""",Survey\n'


def test_only_typed_in_numbers():
    result = judge_files(typed=[(GOOD_NUMBER, "Survey"), (GOOD_NUMBER, "Survey")])
    assert [(each.row, each.line, each.message) for each in result.findings] == [
        (2, None, "This phone number is already number 1 of the manifest.")
    ]
    assert result.totals == {"NUM-020": 1}


# Findings

STRAY = "There is a quotation mark inside a cell that doesn't begin with one."
DIGITS = "This has {} digits. A phone number needs 10 (plus an optional leading 1)."


@pytest.mark.parametrize(
    ("cell", "rule", "message", "suggestion"),
    [
        ("", "NUM-001", "The phone number is blank.", None),
        ("501-214-9020 x12", "NUM-002", "Phone numbers can't contain “x”.", GOOD_NUMBER),
        ("501-214-9020 ext. 12", "NUM-002", "Phone numbers can't contain “e”.", GOOD_NUMBER),
        ("5012149020#", "NUM-002", "Phone numbers can't contain “#”.", GOOD_NUMBER),
        (
            "50１2149020",
            "NUM-002",
            'Phone numbers can\'t contain a fullwidth digit one (U+FF11) instead of "1", which is at position 3.',
            GOOD_NUMBER,
        ),
        ("501\t2149020", "NUM-002", "Phone numbers can't contain a tab.", GOOD_NUMBER),
        (
            "5012149020\u202c",
            "NUM-002",
            "Phone numbers can't contain a pop directional formatting (U+202C), which is at position 11.",
            GOOD_NUMBER,
        ),
        (
            "\ufeff5012149020",
            "NUM-002",
            "Phone numbers can't contain a byte order mark (U+FEFF), which is at position 1.",
            GOOD_NUMBER,
        ),
        ("'5012149020'", "NUM-002", "Phone numbers can't contain “'”.", GOOD_NUMBER),
        ("=5012149020", "NUM-002", "Phone numbers can't contain “=”.", GOOD_NUMBER),
        ("5,012,149,020", "NUM-002", "Phone numbers can't contain “,”.", GOOD_NUMBER),
        ("NULL", "NUM-002", "There is “NULL” instead of a phone number.", None),
        (
            " ##### ",
            "NUM-002",
            "A spreadsheet wrote ### instead of the phone number, because its column was too narrow.",
            None,
        ),
        ("tel:+1-501-214-9020", "NUM-002", "Phone numbers can't contain “t”.", GOOD_NUMBER),
        ("call me", "NUM-002", "Phone numbers can't contain “c”.", None),
        ("5012149020.0", "NUM-003", "A spreadsheet added decimals to this phone number.", GOOD_NUMBER),
        ("5.012149020E+09", "NUM-003", "A spreadsheet changed this phone number (5.012149020E+09).", GOOD_NUMBER),
        ("5.01215E+09", "NUM-003", "A spreadsheet changed this phone number (5.01215E+09).", None),
        (" 5.01215e+09 ", "NUM-003", "A spreadsheet changed this phone number (5.01215e+09).", None),
        ("5." + "0" * 40 + "E+09", "NUM-003", f"A spreadsheet changed this phone number (5.{'0' * 28}…).", None),
        ("214-9020", "NUM-004", "This has 7 digits: the area code is missing.", None),
        ("501214902", "NUM-005", "This has 9 digits. A phone number needs 10 (plus an optional leading 1).", None),
        ("-", "NUM-005", "This has no digits. A phone number needs 10 (plus an optional leading 1).", None),
        (
            "011 1 501 214 9020",
            "NUM-005",
            DIGITS.format(14),
            GOOD_NUMBER,
        ),
        (
            "+1 1 501 214 9020",
            "NUM-005",
            DIGITS.format(11),
            GOOD_NUMBER,
        ),
        ("+5012149020", "NUM-006", "The country code is not +1.", GOOD_NUMBER),
        ("+44 20 7946 0958", "NUM-006", "The country code is not +1.", None),
        ("0112149020", "NUM-007", "Area code 011 can't exist.", None),
        ("2222149020", "NUM-008", "Area code 222 is not assigned, according to phonenumbers 9.0.43.", None),
        ("5010119020", "NUM-009", "Exchange 011 can't exist.", None),
        ("2125550123", "NUM-010", "555-0123 is a fictional number.", None),
        ("2125551212", "NUM-010", "555-1212 is directory assistance.", None),
        ("9002149020", "NUM-011", "900 numbers are premium rate.", None),
        ("7002149020", "NUM-012", "Area code 700 is not tied to a place.", None),
        ("4162149020", "NUM-014", "Area code 416 is in Canada, which is not served.", None),
        (
            "3402149020",
            "NUM-015",
            "Exchange 214 is not in use in this area code, according to phonenumbers 9.0.43.",
            None,
        ),
    ],
)
def test_messages_and_suggestions(cell, rule, message, suggestion):
    (found,) = judge_files(f'"{cell}",Survey\n').findings
    assert (found.rule, found.message, found.suggestion, found.value) == (rule, message, suggestion, cell)
    assert found.column == "phone_number"


@pytest.mark.parametrize(
    ("record", "message", "suggestion"),
    [
        ("5012149020", "This row has 1 column. It needs 2.", None),
        ("5012149020\tSurvey", "This row has 1 column. It needs 2.", "5012149020,Survey"),
        ("5012149020,Survey,,", "This row has 4 columns. It needs 2.", "5012149020,Survey"),
        ("5012149020,Survey,x", "This row has 3 columns. It needs 2.", None),
        ('"5012149020,Survey"', "This row has 1 column. It needs 2.", "5012149020,Survey"),
        ('"5012149020,""Customer Service"""', "This row has 1 column. It needs 2.", "5012149020,Customer Service"),
        ("(501) 214-9020 Survey", "This row has 1 column. It needs 2.", "(501) 214-9020,Survey"),
        ('5012149020,"Survey', "A quotation mark is never closed.", "5012149020,Survey"),
        ('5012149020,"Zebra', "A quotation mark is never closed.", None),
        ('"5012149020"x,Survey', "There is text after a closing quotation mark.", None),
        ('5012149020, "Survey"', STRAY, "5012149020,Survey"),
        ('501"2149020,Survey', STRAY, "5012149020,Survey"),
        ('"5012149020" ,Survey', "There is text after a closing quotation mark.", "5012149020,Survey"),
        ('\\"5012149020\\",\\"Survey\\"', STRAY, "5012149020,Survey"),
        ('"5012149020";"Survey"', "There is text after a closing quotation mark.", "5012149020,Survey"),
        ("5012149020,Survey\0", "The row contains a NUL byte.", None),
        ("5" * 70_000 + ",Survey", "The row is longer than 16,384 bytes.", None),
    ],
)
def test_messages_about_records(record, message, suggestion):
    result = judge_files(f"2122149020,Survey\n{record}\n2132149020,Survey\n")
    assert [(each.row, each.message, each.suggestion) for each in result.findings] == [(2, message, suggestion)]
    assert b"".join(result.rejected_records()) == record.encode() + b"\n"


@pytest.mark.parametrize(
    ("record", "message", "suggestion"),
    [
        (",,5012149020,Survey", "This row has 4 columns. It needs 2.", "5012149020,Survey"),
        ('"""5012149020"",""Survey""",,', "This row has 3 columns. It needs 2.", "5012149020,Survey"),
        ('="5012149020",Survey', STRAY, "5012149020,Survey"),
        (
            "5012149020,Survey\u20282132149020,Survey",
            "This row has 3 columns. It needs 2. It contains a line separator (U+2028), which does not end a row.",
            None,
        ),
    ],
)
def test_what_was_meant_by_a_record(record, message, suggestion):
    found = judge_files(f"2122149020,Survey\n{record}\n2132149020,Survey\n").findings[0]
    assert (found.row, found.message, found.suggestion) == (2, message, suggestion)


@pytest.mark.parametrize(
    ("purpose", "hidden", "suggestion"),
    [
        ("Customer\u00a0Service", "a no-break space (U+00A0) at position 9", "Customer Service"),
        ("Customer  Service", "a second space in a row at position 10", "Customer Service"),
        ("Customer Service\u200b", "a zero width space (U+200B) at position 17", "Customer Service"),
        ("\u0421harity", 'a Cyrillic capital letter es (U+0421) instead of "C" at position 1', "Charity"),
        (
            "“Survey”",
            "a left double quotation mark (U+201C) instead of a straight quotation mark at position 1",
            "Survey",
        ),
        ("Survey\x1a", "a Ctrl-Z (U+001A) at position 7", "Survey"),
    ],
)
def test_hidden_characters_in_purposes_are_named(purpose, hidden, suggestion):
    (found,) = judge_files(f"{GOOD_NUMBER},{purpose}\n2122149020,Survey").findings
    assert found.message == f"This is not one of the ten call purposes: it has {hidden}."
    assert found.suggestion == suggestion


def test_rejections_have_one_line_per_finding():
    result = judge_files(f"{GOOD_NUMBER},Survey\r\ncall me,Zebra\r\n\r\n2129581234,Survey")
    found = lines(result)
    assert list(found[0])[: len(REJECTION_COLUMNS)] == list(REJECTION_COLUMNS)
    assert {name: found[0][name] for name in REJECTION_COLUMNS} == {
        "file": "numbers.csv",
        "row": 2,
        "line": 2,
        "phone_number": "call me",
        "call_purpose": "Zebra",
        "rule": "NUM-002",
        "severity": "error",
        "message": "Phone numbers can't contain “c”.",
        "fix": "Leave only the ten digits.",
        "suggestion": None,
        "rejected_row": 1,
    }
    assert [(each["row"], each["rule"], each["severity"]) for each in found] == [
        (2, "NUM-002", "error"),
        (2, "PUR-002", "error"),
        (4, "NUM-016", "warning"),
    ]
    assert b"".join(result.rejected_records()) == b"call me,Zebra\r\n"


def test_findings_are_capped_and_totals_are_not():
    content = "".join(f"{number},Zebra\n" for number in good_numbers(30)) + "call me,Survey\n" * 30
    result = judge_files(content, caps=FindingCaps(per_rule=4, shown=6))
    assert broken_rules(result) == [*((row, "PUR-002") for row in (1, 2, 3, 4)), (31, "NUM-002"), (32, "NUM-002")]
    assert (result.totals, result.findings_total) == ({"NUM-002": 30, "PUR-002": 30}, 60)
    assert len(lines(result)) == 60


def test_repair_groups_count_rows_that_one_action_repairs():
    content = f"{GOOD_NUMBER},Marketing\n2122149020, Marketing \n2132149020,Zebra\n"
    content += "214-9020,Survey\n214-9021,Survey\n2149022,Survey\n"
    groups = judge_files(content).groups
    assert [(each.rule, each.pattern, each.count, each.example, each.suggestion) for each in groups] == [
        ("NUM-004", "999-9999", 2, "214-9020", None),
        ("NUM-004", "9999999", 1, "2149022", None),
        ("PUR-002", "Marketing", 2, "Marketing", "Telemarketing"),
        ("PUR-002", "Zebra", 1, "Zebra", None),
    ]


def test_warnings_about_purposes_count_accepted_rows():
    result = judge_files(
        f"{GOOD_NUMBER},Do Not Originate\n2122149020,Survey\n{GOOD_NUMBER},Charity\n", purpose="Charity"
    )
    assert [each.message for each in result.findings[:2]] == [
        "2 of 2 accepted rows have a call purpose other than the program's (Charity).",
        "1 of 2 accepted rows has the purpose Do Not Originate: no calls may be made from these numbers.",
    ]
    assert not result.all_do_not_originate
    assert judge_files(f"{GOOD_NUMBER},Do Not Originate\ncall me,Survey\n").all_do_not_originate
    assert not judge_files("call me,Do Not Originate\n").all_do_not_originate


def test_progress_reaches_the_end():
    reported = []
    content = f"{GOOD_NUMBER},Survey\n" * 100_000
    judge_files(content, content, progress=lambda done, total: reported.append((done, total)))
    assert reported == sorted(reported)
    assert reported[-1] == (2 * len(content), 2 * len(content))
    assert len(reported) > 2
