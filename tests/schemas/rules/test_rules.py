"""The rule catalog: complete, and readable for an analyst."""

import subprocess
import sys

import pytest

from schemas.model.findings import MAX_VALUE_LENGTH
from schemas.rules import RULES, Rule, make_finding

#: The rules of the contract by scope, in order. A w marks a warning.
CATALOG = {
    "manifest": "MAN-001 MAN-002 MAN-003 MAN-004 MAN-005 MAN-006w MAN-007 MAN-008 MAN-009 MAN-010 MAN-011 MAN-012 "
    "MAN-013 MAN-014 MAN-015 MAN-016 MAN-017 MAN-018 MAN-019w MAN-020 MAN-021w MAN-022",
    "schedule": "SCH-001 SCH-002 SCH-003 SCH-004w SCH-005w SCH-006 SCH-007 SCH-008w SCH-009w",
    "display_name": "DSP-001w DSP-002w DSP-003 DSP-004 DSP-005w DSP-006w DSP-007w DSP-008w DSP-009w",
    "call_reason": "RSN-001 RSN-002 RSN-003w",
    "logo": "IMG-001 IMG-002 IMG-003 IMG-004 IMG-005w IMG-006w",
    "file": "CSV-001 CSV-002w CSV-003 CSV-004 CSV-005 CSV-006 CSV-007",
    "row": "CSV-010 CSV-011 CSV-012 CSV-013 CSV-014",
    "number": "NUM-001 NUM-002 NUM-003 NUM-004 NUM-005 NUM-006 NUM-007 NUM-008 NUM-009 NUM-010 NUM-011 NUM-012 NUM-013 "
    "NUM-014 NUM-015 NUM-016w NUM-020 NUM-021 NUM-022 NUM-023 NUM-024 NUM-025",
    "purpose": "PUR-001 PUR-002 PUR-003w PUR-004w PUR-005 PUR-006w",
}


def test_the_catalog_matches_the_contract():
    expected = [
        (word.removesuffix("w"), "warning" if word.endswith("w") else "error", scope)
        for scope, words in CATALOG.items()
        for word in words.split()
    ]
    assert [(rule.id, rule.severity, rule.scope) for rule in RULES.values()] == expected


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_has_a_headline_and_full_sentences(rule: Rule):
    assert rule.name[0].isupper()
    assert not rule.name.endswith(".")
    assert len(rule.name) <= 60
    for sentence in (rule.meaning, rule.fix):
        assert sentence[0].isupper() or sentence[0].isdigit()
        assert sentence.endswith(".")


def test_rule_names_are_unique():
    assert len({rule.name for rule in RULES.values()}) == len(RULES)


def test_a_finding_has_the_severity_of_its_rule():
    assert make_finding("MAN-006", "x").severity == "warning"
    assert make_finding("SCH-004", "x").severity == "warning"
    assert make_finding("SCH-004", "x", severity="error").severity == "error"


def test_a_long_value_is_cut():
    assert make_finding("MAN-004", "x", value="y" * 1000).value == "y" * MAX_VALUE_LENGTH


def test_the_modules_for_a_fast_start_import_nothing_heavy():
    light = "schemas.model.manifest, schemas.model.policy, schemas.judge, schemas.manifest.businesses_yaml"
    code = f"import sys, {light}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pandas", "pandera", "pyarrow", "numpy", "prefect", "sqlalchemy"} & set(loaded)
