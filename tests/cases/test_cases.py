"""Runs every case. Every rule needs a case that breaks it and a near miss that does not (see README.md)."""

import pytest

from schemas.rules import RULES
from tests.schemas.drop_cases import Case, load_cases, matches_expected

CASES = list(load_cases())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case_has_the_expected_verdict_and_findings(case: Case) -> None:
    judgment = case.judge()
    found = [(f.rule, f.path or f.file, f.row, f.line, f.message) for f in judgment.findings]
    expected_findings = case.expected.get("findings", [])
    assert len(judgment.findings) == len(expected_findings), found
    for finding, expected in zip(judgment.findings, expected_findings, strict=True):
        assert matches_expected(finding, expected), (expected, finding)
    assert judgment.verdict == case.expected["verdict"], found
    assert judgment.findings_total == len(expected_findings)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_only_a_breaking_case_expects_its_rule(case: Case) -> None:
    expected_rules = {finding["rule"] for finding in case.expected.get("findings", [])}
    assert (case.rule in expected_rules) == case.breaks


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_case_and_a_near_miss(rule: str) -> None:
    kinds = {case.breaks for case in CASES if case.rule == rule}
    assert kinds == {True, False}, f"tests/cases/{rule} needs a breaks-... and a near-miss-... folder"


def test_every_folder_is_named_after_a_rule() -> None:
    assert {case.rule for case in CASES} == set(RULES)
