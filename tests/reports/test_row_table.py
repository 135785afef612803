"""The rows of the table: complete, linked to the rows they repeat, and within a page's size limit."""

from dataclasses import replace

import pytest

from flows.archive.judgments import ShownRows
from reports.row_table import ROWS_BUDGET, build_row_table, collect_rows
from schemas.model.judgment import REJECTION_COLUMNS
from schemas.model.purposes import PURPOSES
from tests.reports import samples
from tests.schemas.drop_cases import load_cases

DUPLICATES = ("NUM-020", "NUM-021")


def test_a_row_has_both_cells_and_all_its_findings():
    rows = {row.row: row for row in collect_rows(samples.with_rejections().judgment)}
    row = rows[1040]
    assert (row.file, row.number, row.purpose) == ("numbers.csv", "501-911-4400 ext 2", "")
    assert [finding.rule for finding in row.findings] == ["NUM-002", "PUR-001"]


def test_a_shown_row_also_has_the_findings_beyond_the_cap():
    lines = [
        samples.line("a.csv", row, "1", "x", rule, "Wrong.") for row in range(1, 6) for rule in ("NUM-005", "PUR-002")
    ]
    judgment = samples.judged_lines(lines, cap=3)
    findings = tuple(finding for finding in judgment.findings if finding.rule == "NUM-005")
    rows = collect_rows(replace(judgment, findings=findings))
    assert [(row.row, len(row.findings)) for row in rows] == [(1, 2), (2, 2), (3, 2)]


def test_reading_stops_after_the_last_shown_row():
    lines = [samples.line("a.csv", row, "1", "x", "NUM-005", "Wrong.") for row in range(1, 1001)]
    judgment = samples.judged_lines(lines, cap=10)
    read = []

    class Numbers(samples.FakeNumbers):
        def rejections(self):
            for batch in super().rejections():
                read.append(batch.num_rows)
                yield batch

    assert len(collect_rows(replace(judgment, numbers=Numbers(lines, batch=100)))) == 10
    assert len(read) == 2


def test_the_row_with_the_same_number_in_another_file_is_not_shown():
    lines = [samples.line(name, 7, name, "x", "NUM-005", "Wrong.") for name in ("a.csv", "b.csv")]
    judgment = samples.judged_lines(lines)
    findings = tuple(finding for finding in judgment.findings if finding.file == "b.csv")
    assert [row.number for row in collect_rows(replace(judgment, findings=findings))] == ["b.csv"]


@pytest.mark.parametrize("case", [case for case in load_cases() if case.rule in DUPLICATES and case.breaks], ids=str)
def test_a_repeated_number_names_the_row_that_was_kept(case):
    findings = [finding for row in collect_rows(case.judge()) for finding in row.findings]
    repeats = [finding for finding in findings if finding.rule in DUPLICATES]
    assert repeats
    assert all(finding.kept and finding.kept_purpose in PURPOSES for finding in repeats)


def test_a_judgment_of_an_older_release_has_no_kept_rows():
    line = samples.line(
        "a.csv", 2, "5012149020", "Survey", "NUM-020", "This phone number is already in row 1 of a.csv."
    )
    old = {name: line[name] for name in REJECTION_COLUMNS if name != "rejected_row"}
    (row,) = collect_rows(replace(samples.judged_lines([line]), numbers=ShownRows([old])))
    assert row.findings[0].kept is None


def test_a_duplicate_and_the_kept_row_link_to_each_other():
    message = "This phone number is already in row 17 of a.csv."
    kept = ("a.csv", 17, "Survey")
    lines = [samples.line("a.csv", 44, "5012149020", "Survey", "NUM-020", message, kept=kept)]
    lines.append(samples.line("a.csv", 90, "5012149020", "Charity", "NUM-021", message, kept=kept))
    body = build_row_table(samples.judged_lines(lines)).body
    assert "<tr id=r0-17 data-f=0 class=kept><td>a.csv<td>17<td>5012149020<td>Survey<td>" in body
    assert "Kept. Repeated in 2 rows: <a href=#r0-44>a.csv 44</a> <a href=#r0-90>a.csv 90</a>" in body
    assert body.count("<a href=#r0-17>See row 17</a>") == 2
    assert body.index("id=r0-17") < body.index("id=r0-44") < body.index("id=r0-90")


def test_kept_rows_are_not_counted_as_rows_with_findings():
    shown = build_row_table(samples.with_rejections().judgment)
    assert shown.shown == 51
    assert shown.rules["NUM-020"] == 6
    assert shown.body.count("class=kept") == 7


@pytest.mark.parametrize("word", [samples.HOSTILE[0], samples.HOSTILE[6], "x" * 10_000, '"' * 10_000, "中" * 10_000])
def test_the_rows_fit_whatever_is_in_the_cells(word):
    rules = ("NUM-002", "PUR-002", "NUM-022")
    lines = [
        samples.line(word[:255], row, word, word, rule, word[:600], word) for row in range(1, 2001) for rule in rules
    ]
    shown = build_row_table(samples.judged_lines(lines, cap=5000, read=2000))
    assert len(shown.body.encode()) <= ROWS_BUDGET
    assert set(shown.rules) == set(rules)
    assert shown.shown >= 30


def test_a_cut_keeps_rows_of_every_rule():
    word = '"' * 10_000
    lines = [samples.line("a.csv", row, word, word, "NUM-002", word) for row in range(1, 5001)]
    lines += [samples.line("a.csv", row, "900 214 9020", "Survey", "NUM-011", "Premium.") for row in (6000, 6001)]
    shown = build_row_table(samples.judged_lines(lines, cap=5000), budget=60_000)
    assert shown.rules["NUM-011"] == 2
    assert 0 < shown.rules["NUM-002"] < 5000


def test_there_are_no_rows_without_findings():
    assert build_row_table(samples.accepted().judgment).shown == 0
