"""Records in rejected.csv come back unchanged. rejections.csv is safe to open in a spreadsheet."""

import csv
import io
import time
from dataclasses import replace

import pyarrow as pa
import pytest

from reports.csv_documents import rejected_csv, rejections_csv
from schemas.model.judgment import REJECTION_COLUMNS
from schemas.rows.findings.findings_table import REJECTION_SCHEMA
from tests.reports import samples


def judged(*lines):
    files = [samples.file_of("numbers.csv", lines, read=max(1, len(lines)))]
    return samples.judged(list(lines), files=files, verdict="rejected", manifest=samples.MANIFEST)


def read(judgment):
    text = b"".join(rejections_csv(judgment)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def written_cell(value):
    """The phone number cell of rejections.csv for this received value."""
    line = samples.line("numbers.csv", 1, value, "Survey", "NUM-002", "Letters.")
    return read(judged(line))[0]["phone_number"]


def test_the_header_has_a_bom_and_the_contracts_columns():
    head = next(rejections_csv(samples.accepted().judgment))
    assert head == (
        b"\xef\xbb\xbffile,row,line,phone_number,call_purpose,rule,severity,message,fix,suggestion,rejected_row\n"
    )  # fmt: skip


def test_there_is_one_line_per_finding_with_every_column():
    rows = read(samples.with_rejections().judgment)
    assert len(rows) == 52
    assert tuple(rows[0]) == REJECTION_COLUMNS
    assert rows[0] == {
        "file": "numbers.csv", "row": "17", "line": "17", "phone_number": "214-9020",
        "call_purpose": "Customer Service", "rule": "NUM-004", "severity": "error",
        "message": "This has 7 digits: the area code is missing.", "fix": "Add the area code.",
        "suggestion": "", "rejected_row": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("received", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        (" =1", "' =1"),
        ("\u00a0=1", "'\u00a0=1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("\u200b=1", "'\u200b=1"),
        ("＝1+1", "'＝1+1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠A1", "'＠A1"),
        ("a;=1+1", "a;'=1+1"),
        ("a\n=1+1", "a\n'=1+1"),
        ("a\t@A1", "a\t'@A1"),
        ("+1-501-214-9020", "'+1-501-214-9020"),
        ("+15012149020", "+15012149020"),
        ("501-214-9020", "501-214-9020"),
        ("(501) 214-9020", "(501) 214-9020"),
        ('say "hi", twice', 'say "hi", twice'),
        ("nul\x00byte", "nul␀byte"),
        ("", ""),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
    ],
)
def test_cells_that_a_spreadsheet_would_run_get_an_apostrophe(received, shown):
    assert written_cell(received) == shown


def test_every_text_column_is_neutralized():
    line = dict.fromkeys(REJECTION_COLUMNS, "=evil") | {
        "row": 1,
        "line": 1,
        "rejected_row": 1,
        "rule": "NUM-002",
        "severity": "error",
    }
    row = read(judged(line))[0]
    assert {name for name, value in row.items() if value == "'=evil"} == {
        "file", "phone_number", "call_purpose", "message", "fix", "suggestion",
    }  # fmt: skip


def test_a_cell_longer_than_a_spreadsheet_holds_is_cut():
    assert len(written_cell("x" * 100_000)) == 32_000


def test_rejected_records_come_back_unchanged():
    judgment = samples.hostile().judgment
    assert b"".join(rejected_csv(judgment)) == b"".join(judgment.numbers.rejected_records())


def test_rejected_csv_is_empty_without_rejections():
    assert list(rejected_csv(samples.accepted().judgment)) == []


def test_dictionary_encoded_columns_are_neutralized_too():
    class Numbers(samples.FakeNumbers):
        def rejections(self):
            for batch in super().rejections():
                arrays = [
                    batch.column(name).dictionary_encode() if name in ("file", "fix") else batch.column(name)
                    for name in REJECTION_COLUMNS
                ]
                yield pa.RecordBatch.from_arrays(arrays, names=list(REJECTION_COLUMNS))

    judgment = judged(samples.line("=evil", 1, "1", "Survey", "NUM-002", "x"))
    assert next(iter(read(replace(judgment, numbers=Numbers(judgment.numbers.lines)))))["file"] == "'=evil"


def test_three_hundred_thousand_lines_take_about_a_second():
    line = samples.line("numbers.csv", 1, "+1 501 214 9020", "Marketing", "PUR-002", "Not one of the ten.", "Survey")
    batch = pa.RecordBatch.from_pylist([line] * 100_000, schema=REJECTION_SCHEMA)

    class Numbers(samples.FakeNumbers):
        def rejections(self):
            return iter([batch, batch, batch])

    judgment = replace(judged(line), numbers=Numbers([]))
    start = time.process_time()  # CPU time: other load on the machine does not count
    size = sum(map(len, rejections_csv(judgment)))
    assert size > 30_000_000
    assert time.process_time() - start < 1.5  # 0.5 s on an idle machine
