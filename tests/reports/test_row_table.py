"""The table's rows: whole, linked to those they repeat, and within what a page may weigh."""

from dataclasses import replace

import pytest

from reports.row_table import ROWS_BUDGET, build_row_table, collect_rows
from reports.rule_sections import build_rule_sections
from schemas.model.judgment import RepairGroup
from tests.reports import samples as samples


def judged(lines, *, cap=200, read=10_000, **more):
    names = dict.fromkeys(line["file"] for line in lines) or {"numbers.csv": None}
    files = [samples.file_of(name, lines, read=read) for name in names]
    return samples.judged(
        lines, files=files, verdict="accepted_with_rejections", manifest=samples.MANIFEST, cap=cap, **more
    )


def test_a_row_has_both_cells_and_all_its_findings():
    rows = {row.row: row for row in collect_rows(samples.with_rejections().judgment)}
    row = rows[1040]
    assert (row.file, row.number, row.purpose) == ("numbers.csv", "501-911-4400 ext 2", "")
    assert [fault.rule for fault in row.faults] == ["NUM-002", "PUR-001"]


def test_a_shown_row_has_also_the_findings_that_were_capped():
    lines = [
        samples.line("a.csv", row, "1", "x", rule, "Wrong.") for row in range(1, 6) for rule in ("NUM-005", "PUR-002")
    ]
    judgment = judged(lines, cap=3)
    findings = tuple(finding for finding in judgment.findings if finding.rule == "NUM-005")
    rows = collect_rows(replace(judgment, findings=findings))
    assert [(row.row, len(row.faults)) for row in rows] == [(1, 2), (2, 2), (3, 2)]


def test_reading_stops_after_the_last_row_that_is_shown():
    lines = [samples.line("a.csv", row, "1", "x", "NUM-005", "Wrong.") for row in range(1, 1001)]
    judgment = judged(lines, cap=10)
    read = []

    class Numbers(samples.FakeNumbers):
        def rejections(self):
            for batch in super().rejections():
                read.append(batch.num_rows)
                yield batch

    assert len(collect_rows(replace(judgment, numbers=Numbers(lines, batch=100)))) == 10
    assert len(read) == 2


def test_a_row_of_the_same_number_in_another_file_is_not_taken_for_it():
    lines = [samples.line(name, 7, name, "x", "NUM-005", "Wrong.") for name in ("a.csv", "b.csv")]
    judgment = judged(lines)
    findings = tuple(finding for finding in judgment.findings if finding.file == "b.csv")
    assert [row.number for row in collect_rows(replace(judgment, findings=findings))] == ["b.csv"]


@pytest.mark.parametrize(
    ("message", "first"),
    [
        ("The same number is row 17 of a.csv, which stands.", ("a.csv", 17)),
        ("The same number is row 1,700 of b, c.csv.", ("b, c.csv", 1700)),
        ("The same number as in row 3, which stands.", ("b, c.csv", 3)),
        ("Already in b, c.csv, row 9.", ("b, c.csv", 9)),
        ("The same number is number 2 of the manifest, which stands.", ("(manifest)", 2)),
        ("The same number again.", None),
    ],
)
def test_the_row_that_stands_is_read_from_the_message(message, first):
    lines = [
        samples.line("a.csv", 1, "1", "x", "NUM-005", "Wrong."),
        samples.line("b, c.csv", 40, "5012149020", "Survey", "NUM-020", message),
    ]
    assert collect_rows(judged(lines))[1].faults[0].first == first


def test_a_repeating_row_and_the_one_that_stands_link_to_each_other():
    message = "The same number is row 17 of a.csv, which stands."
    lines = [samples.line("a.csv", row, "5012149020", "Survey", "NUM-020", message) for row in (44, 90)]
    body = build_row_table(judged(lines)).body
    assert "<tr id=r0-17 data-f=0 class=stands><td>a.csv<td>17<td>5012149020<td>Survey<td>" in body
    assert "This row stands. 2 later rows repeat it: <a href=#r0-44>a.csv 44</a> <a href=#r0-90>a.csv 90</a>" in body
    assert body.count("<a href=#r0-17>See row 17</a>") == 2
    assert body.index("id=r0-17") < body.index("id=r0-44") < body.index("id=r0-90")


def test_rows_that_stand_are_not_counted_as_rows_with_findings():
    shown = build_row_table(samples.with_rejections().judgment)
    assert shown.shown == 51
    assert shown.rules["NUM-020"] == 6
    assert shown.body.count("class=stands") == 7


@pytest.mark.parametrize("word", [samples.HOSTILE[0], samples.HOSTILE[6], "x" * 10_000, '"' * 10_000, "中" * 10_000])
def test_whatever_the_cells_hold_the_rows_fit(word):
    rules = ("NUM-002", "PUR-002", "NUM-022")
    lines = [
        samples.line(word[:255], row, word, word, rule, word[:600], word) for row in range(1, 2001) for rule in rules
    ]
    shown = build_row_table(judged(lines, cap=5000, read=2000))
    assert len(shown.body.encode()) <= ROWS_BUDGET
    assert set(shown.rules) == set(rules)
    assert shown.shown >= 30


def test_a_cut_keeps_rows_of_every_rule():
    word = '"' * 10_000
    lines = [samples.line("a.csv", row, word, word, "NUM-002", word) for row in range(1, 5001)]
    lines += [samples.line("a.csv", row, "900 214 9020", "Survey", "NUM-011", "Premium.") for row in (6000, 6001)]
    shown = build_row_table(judged(lines, cap=5000), budget=60_000)
    assert shown.rules["NUM-011"] == 2
    assert 0 < shown.rules["NUM-002"] < 5000


def test_no_findings_no_rows():
    assert build_row_table(samples.accepted().judgment).shown == 0


def test_sections_come_worst_first_and_apart():
    judgment = samples.rejected().judgment
    kinds = build_rule_sections(judgment, build_row_table(judgment).rules)
    assert [section.id for section in kinds["fix"]] == ["CSV-005", "DSP-003", "MAN-002", "MAN-003", "NUM-004"]
    judgment = samples.with_rejections().judgment
    kinds = build_rule_sections(judgment, build_row_table(judgment).rules)
    assert [section.id for section in kinds["fix"]][:3] == ["NUM-004", "PUR-002", "NUM-020"]
    assert [section.id for section in kinds["review"]] == ["DSP-008"]
    assert [section.id for section in kinds["notes"]] == ["MAN-006", "NUM-016"]


def test_groups_say_what_one_action_repairs():
    judgment = samples.with_rejections().judgment
    fix = {section.id: section for section in build_rule_sections(judgment, {})["fix"]}
    assert fix["NUM-004"].lines == [
        "18 rows of <code>numbers.csv</code> look like <code>214-9020</code>; suggested: ten digits, area code first: "
        "AAA-214-9020",
        "3 rows of <code>late.csv</code> look like <code>2149120</code>",
    ]
    assert fix["PUR-002"].lines[0] == (
        "9 rows of <code>numbers.csv</code> say <code>Marketing</code>; nearest: <code>Telemarketing</code>"
    )


def test_what_the_groups_leave_out_is_counted():
    lines = [samples.line("a.csv", row, "1", "x", "NUM-005", "Wrong.") for row in range(1, 101)]
    groups = [
        RepairGroup(rule="NUM-005", file="a.csv", pattern="9" * n, count=10, example="1" * n, suggestion=None)
        for n in range(1, 9)
    ]
    lines = build_rule_sections(judged(lines, groups=groups), {})["fix"][0].lines
    assert len(lines) == 7
    assert lines[-1] == "and 40 more rows"
