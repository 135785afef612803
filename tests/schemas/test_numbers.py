"""The numbers of a submission as a whole: files, duplicates, counts that add up, streams, and any bytes at all."""

import io
import tempfile
from concurrent.futures import Executor, Future
from contextlib import ExitStack

import numpy as np
import pytest
from engine_cases import ALL, GOOD, accepted, everything, judge, rules, source
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import decoding, duplicates, first_pass, framing
from schemas.framing import CHUNK
from schemas.judgement import Counts
from schemas.manifest import TypedNumber
from schemas.numbers import Conflict
from schemas.policy import Caps, Policy
from schemas.purposes import PURPOSES
from schemas.rejections import REJECTION_COLUMNS


def numbers(count, start=2_120_000):
    """Valid numbers, all different."""
    return [f"501{(start + n):07d}" for n in range(count)]


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
    monkeypatch.setattr(decoding.survey, "__defaults__", (block,))
    result = judge(content)
    assert [(each.rule, each.message) for each in result.findings] == [("CSV-001", message)]
    assert result.has_file_errors
    assert result.files[0].counts == Counts()


def test_a_character_across_blocks_is_utf8(monkeypatch):
    for block in range(1, 8):
        monkeypatch.setattr(decoding.survey, "__defaults__", (block,))
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
    monkeypatch.setattr(framing.frame, "__kwdefaults__", {"block_rows": CHUNK, "at": framing.START})
    rows = [f"{number},Survey\n" for number in numbers(3 * CHUNK)]
    for place in (0, CHUNK - 1, CHUNK, 2 * CHUNK - 1, 2 * CHUNK, 3 * CHUNK - 1):
        rows[place] = '"call\nme",Survey\n'
    rows[CHUNK + 1] = "\n"
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


# Duplicates


def test_duplicates_however_they_are_written_and_wherever():
    first = f"{GOOD},Survey\n" + "".join(f"{number},Survey\n" for number in numbers(2 * CHUNK))
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
    monkeypatch.setattr(duplicates, "_AT_ONCE", at_once)
    monkeypatch.setattr(duplicates, "_drawers_for", lambda candidates, rows: drawers)
    monkeypatch.setattr(framing.frame, "__kwdefaults__", {"block_rows": CHUNK, "at": framing.START})
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
        drawers = duplicates._drawers_for(rows, rows)
        shift = duplicates._number_shift(drawers)
        assert (9_999_999_999 // drawers) << shift < 1 << 64
        assert rows << 5 < 1 << shift


@pytest.mark.parametrize("candidates", [1, 1_000_000, 3_000_000, 8_000_000])
def test_a_drawer_is_sorted_in_one_piece_though_numbers_fall_unevenly(candidates):
    assert 4 * candidates <= duplicates._AT_ONCE * duplicates._drawers_for(candidates, candidates)


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


# The same, whatever the way


def mixed(count):
    """A large file with something of everything."""
    rng = np.random.default_rng(11)
    odd = [
        "call me,Survey\n",
        "\n",
        '"501\n214-9020",Survey\n',
        "2149020,Zebra\n",
        '"x\n',
        ",\n",
        "5012149020,Charity\r\n",
    ]
    odd += ['"212-214-9020","Survey"\n', "501\u00a0213\u00a09020,Survey\n", "3402149020,Survey\n", "a,b,c\n", "\0\n"]
    plain = [f"{number},{PURPOSES[n % 10]}\n" for n, number in enumerate(numbers(count))]
    return "".join(
        odd[rng.integers(len(odd))] if rng.random() < 0.2 else plain[rng.integers(count)] for _ in range(count)
    )


def temporary(stack):
    return stack.enter_context(tempfile.TemporaryFile())


def test_no_result_depends_on_processes_blocks_or_spools(monkeypatch):
    files = [mixed(6_000), mixed(700)]
    options = {"purpose": "Survey", "typed": [(GOOD, "Survey")], "caps": Caps(per_rule=50, shown=300)}
    options["claims"] = type(
        "Claims", (), {"conflicts": lambda _, asked: {int(asked[0]): Conflict(rule="NUM-022", program=None)}}
    )()
    whole = everything(judge(*files, **options))
    assert len(whole[5]) > 1000
    monkeypatch.setattr(first_pass, "WORTH_A_POOL", 0)
    assert everything(judge(*files, workers=2, **options)) == whole
    for block, block_rows in ((1 << 10, CHUNK), (7_919, 3 * CHUNK), (1 << 17, 2 * CHUNK)):
        monkeypatch.setattr(decoding.survey, "__defaults__", (block,))
        monkeypatch.setattr(decoding.text, "__kwdefaults__", {"block": block, "from_start": True, "seen": None})
        monkeypatch.setattr(framing.frame, "__kwdefaults__", {"block_rows": block_rows, "at": framing.START})
        with ExitStack() as files_open:
            assert everything(judge(*files, spool=lambda stack=files_open: temporary(stack), **options)) == whole


class Elsewhere(Executor):
    """Workers that open files themselves; `parts` is what they were given."""

    def __init__(self):
        self.parts = []

    def submit(self, work, *arguments):
        self.parts.append(work.__name__)
        done = Future()
        done.set_result(work(*arguments))
        return done


WAYS = {
    "plain": lambda text: text.encode(),
    "BOM": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "CRLF": lambda text: text.replace("\r", "").replace("\n", "\r\n").encode(),
    "lone CR": lambda text: text.replace("\r", "").replace("\n", "\r").encode(),
    "Windows-1252": lambda text: text.encode("cp1252"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "a quote that never closes": lambda text: text.replace('"501', '"').encode(),
    "no line end, and long": lambda text: text.encode() + b"x" * 200_000,
    "long in the middle": lambda text: text.encode() + b"5012149020," + b"y" * 70_000 + b"\n" + text.encode(),
    "BOMs inside": lambda text: text.replace("5012149020,", "\ufeff5012149020,").encode(),
}


@pytest.mark.parametrize("way", WAYS)
def test_ranges_judged_elsewhere_are_the_file_judged_here(monkeypatch, way):
    content = WAYS[way](mixed(9_000))
    whole = everything(judge(content, content[: len(content) // 2]))
    monkeypatch.setattr(first_pass, "WORTH_A_POOL", 0)
    monkeypatch.setattr(framing.frame, "__kwdefaults__", {"block_rows": CHUNK, "at": framing.START})
    parts = set()
    for size in (1, 40_000):
        monkeypatch.setattr(first_pass, "RANGE", size)
        pool = Elsewhere()
        assert everything(judge(content, content[: len(content) // 2], elsewhere=pool)) == whole
        assert len(pool.parts) > 5
        parts.update(pool.parts)
    assert ("judge_range" in parts) == (way != "UTF-16")
    assert ("judge_blocks" in parts) == (way in ("UTF-16", "long in the middle", "no line end, and long"))


def test_streams_can_be_read_again_and_side_by_side():
    result = judge(mixed(3000))
    together = list(zip(result.rejections(), result.rejections(), strict=True))
    assert all(one.equals(other) for one, other in together)
    assert list(result.rejected_records()) == list(result.rejected_records())


def test_small_drops_start_no_pool(monkeypatch):
    monkeypatch.setattr(first_pass, "WORTH_A_POOL", 1 << 40)
    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", None)
    judge(f"{GOOD},Survey\n", workers=2)


# Any bytes


def check_that_it_adds_up(content):
    result = judge(content)
    counts = result.files[0].counts
    assert counts.read == counts.accepted + counts.rejected + counts.ignored
    assert counts.accepted == len(accepted(result))
    assert counts.rejected == sum(result.files[0].rejected_by_chunk)
    assert result.findings_total == sum(result.totals.values()) == len(result.findings)
    records = b"".join(result.rejected_records())
    assert records.decode() is not None
    return result, records


def about_cells(result):
    return [(each.rule, each.value) for each in result.findings if each.rule[:3] in ("NUM", "PUR") and each.row]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_result(content):
    check_that_it_adds_up(content)


CELLS = st.one_of(
    st.sampled_from(
        [GOOD, "+1 212 555 0100", "2149020", "", " ", '"', '""', "5.0E9", "x\ny", "é", "\u00a0", "\ufeff", "\0"]
    ),
    st.text(max_size=12).map(lambda text: text.encode(errors="ignore").decode()),
    st.from_regex(r"\+?1?[(]?[2-9]\d\d[) .-]{0,2}\d{3}[ .-]?\d{4}", fullmatch=True),
)
PURPOSE_CELLS = st.one_of(st.sampled_from([*PURPOSES, "Marketing", "", " survey "]), st.text(max_size=8))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(CELLS, PURPOSE_CELLS, st.sampled_from(["\n", "\r\n", ",\n", ""])), max_size=12), st.booleans()
)
def test_what_is_rejected_is_rejected_again_for_the_same(rows, quoted):
    def cell(text):
        return '"' + text.replace('"', '""') + '"' if quoted else text

    content = "".join(f"{cell(number)},{cell(purpose)}{end}" for number, purpose, end in rows)
    result, records = check_that_it_adds_up(content.encode(errors="replace"))
    if "CSV-011" in result.totals or "NUM-020" in result.totals or "NUM-021" in result.totals:
        return
    again = judge(records)
    rejected = {each.row for each in result.findings if each.severity == "error" and each.row}
    kept = [
        (each.rule, each.value) for each in result.findings if each.row in rejected and each.rule[:3] in ("NUM", "PUR")
    ]
    assert about_cells(again) == kept
    assert again.files[0].counts.accepted == 0


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"5", {"CSV-010"}),
        (b"\0", {"CSV-012"}),
        (b'"', {"CSV-012"}),
        (b"\xff", {"CSV-002", "CSV-010"}),
        (b"9" * 10_000_000, {"CSV-012"}),
        (b"," * 2_000_000, {"CSV-010", "NUM-001", "PUR-001"}),
        (b'"' * 1_000_001, {"CSV-012"}),
        (b"\r" * 100_000, {"CSV-004"}),
        (b"\r\n\n\r" * 1000 + b"5012149020,Survey", {"NUM-002"}),
        (b"5012149020,Survey\n2122149020,Survey\r\n2132149020,Survey", set()),
        (b"5012149020,Survey\r2122149020,Survey", set()),
        ("5012149020,Survey\r\n2122149020,Survey".encode("utf-16"), {"CSV-002"}),
        ("🙂" * 100_000).encode() and (("🙂" * 100_000).encode(), {"CSV-012"}),
    ],
    ids=range(13),
)
def test_nasty_files(content, found):
    result, _ = check_that_it_adds_up(content)
    assert set(result.totals) == found


def test_nothing_grows_with_very_many_different_faults():
    content = "".join(f"x{n},thing {n}\n" for n in range(30_000))
    result = judge(content, caps=Caps())
    assert result.totals == {"NUM-002": 30_000, "PUR-002": 30_000}
    assert len(result.groups) <= 40


def test_a_stream_that_reads_short_is_read_whole():
    class Short(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 3) if size >= 0 else -1)

    content = f"\ufeff{GOOD},Survey\n2122149020,Survey\n".encode()
    short = source(content)
    short = type(short)(name="a.csv", bytes=len(content), sha256=short.sha256, open=lambda: Short(content))
    assert judge(short).files[0].counts.accepted == 2
