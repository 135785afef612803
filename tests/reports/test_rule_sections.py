"""What to fix: sections worst first, with the groups of rows that one action repairs."""

from dataclasses import replace

from reports.row_table import build_row_table
from reports.rule_sections import build_rule_sections, explain_unchecked_rules
from schemas.model.judgment import RepairGroup
from tests.reports import samples


def test_sections_come_worst_first_by_kind():
    judgment = samples.rejected().judgment
    sections = build_rule_sections(judgment, build_row_table(judgment).rules)
    assert [section.id for section in sections["fix"]] == ["CSV-005", "DSP-003", "MAN-002", "MAN-003", "NUM-004"]
    judgment = samples.with_rejections().judgment
    sections = build_rule_sections(judgment, build_row_table(judgment).rules)
    assert [section.id for section in sections["fix"]][:3] == ["NUM-004", "PUR-002", "NUM-003"]
    assert [section.id for section in sections["review"]] == ["DSP-008"]
    assert [section.id for section in sections["repeats"]] == ["NUM-020"]
    assert [section.id for section in sections["notes"]] == ["MAN-006", "NUM-016"]


def test_groups_list_the_rows_that_one_action_repairs():
    judgment = samples.with_rejections().judgment
    fix = {section.id: section for section in build_rule_sections(judgment, {})["fix"]}
    assert fix["NUM-004"].row_lines == [
        "18 rows in <code>numbers.csv</code> look like <code>214-9020</code>; suggested for this one: 10 digits, "
        "area code first: AAA-214-9020",
        "3 rows in <code>late.csv</code> look like <code>2149120</code>",
    ]
    assert fix["PUR-002"].row_lines[0] == (
        "9 rows in <code>numbers.csv</code> say <code>Marketing</code>; closest match: <code>Telemarketing</code>"
    )


def test_rows_beyond_the_listed_groups_are_counted():
    lines = [samples.line("a.csv", row, "1", "x", "NUM-005", "Wrong.") for row in range(1, 101)]
    groups = [
        RepairGroup(rule="NUM-005", file="a.csv", pattern="9" * n, count=10, example="1" * n, suggestion=None)
        for n in range(1, 9)
    ]
    lines = build_rule_sections(samples.judged_lines(lines, groups=groups), {})["fix"][0].row_lines
    assert len(lines) == 7
    assert lines[-1] == "and 40 more rows"


def test_unchecked_rules_are_explained_by_the_fact_they_need():
    judgment = replace(samples.with_rejections().judgment, rules_not_checked=("MAN-015", "NUM-022", "NUM-024"))
    assert explain_unchecked_rules(replace(samples.with_rejections(), judgment=judgment)) == [
        "MAN-015, NUM-022 (without the ledger)",
        "NUM-024 (without the operator’s do-not-originate list)",
    ]


def test_an_unreadable_manifest_is_the_only_fact_that_is_missing():
    view = samples.unreadable()
    judgment = replace(view.judgment, rules_not_checked=("MAN-002", "NUM-022"))
    assert explain_unchecked_rules(replace(view, judgment=judgment)) == [
        "most rules (without a manifest that can be read)"
    ]
