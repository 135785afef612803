"""Every rule has a case that breaks it and a near miss that does not; a new case is a new folder (see README.md)."""

import pytest

from schemas.rules import RULES
from tests.schemas.drop_cases import Case, cases, matches

CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case) -> None:
    judgment = case.judge()
    found = [(f.rule, f.path or f.file, f.row, f.line, f.message) for f in judgment.findings]
    expected = case.expected.get("findings", [])
    assert len(judgment.findings) == len(expected), found
    for finding, wanted in zip(judgment.findings, expected, strict=True):
        assert matches(finding, wanted), (wanted, finding)
    assert judgment.verdict == case.expected["verdict"], found
    assert judgment.findings_total == len(expected)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_is_about_its_rule(case: Case) -> None:
    broken = {finding["rule"] for finding in case.expected.get("findings", [])}
    assert (case.rule in broken) == case.breaks


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_case_and_a_near_miss(rule: str) -> None:
    kinds = {case.breaks for case in CASES if case.rule == rule}
    assert kinds == {True, False}, f"tests/cases/{rule} needs a breaks-... and a near-miss-... folder"


def test_every_folder_is_a_rule() -> None:
    assert {case.rule for case in CASES} == set(RULES)
