"""The rule catalog: all rules with their texts, and `make_finding` to report that one is broken."""

from typing import TypedDict, Unpack

from schemas.model.findings import MAX_VALUE_LENGTH, Column, Finding, Severity
from schemas.rules import manifest, numbers, program
from schemas.rules.rule import Rule, Scope

__all__ = ["RULES", "RULES_VERSION", "FindingPlace", "Rule", "Scope", "is_row_rule", "make_finding"]

#: The version of the rules. Raise it when the same drop could be judged differently.
RULES_VERSION = "2"

#: Every rule by its id, in catalog order.
RULES: dict[str, Rule] = {rule.id: rule for rule in (*manifest.RULES, *program.RULES, *numbers.RULES)}

_SINGLE_ROW_SCOPES = frozenset({"row", "number", "purpose"})


def is_row_rule(rule: str) -> bool:
    """Whether the rule is about single rows, not about the manifest, the program or a whole file."""
    return rule in RULES and RULES[rule].scope in _SINGLE_ROW_SCOPES and rule != "PUR-005"


class FindingPlace(TypedDict, total=False):
    """Where a rule was broken, and what was found there: the fields of `Finding` with the same names."""

    file: str | None
    row: int | None
    line: int | None
    column: Column | None
    path: str | None
    value: str | None
    suggestion: str | None


def make_finding(
    rule: str, message: str, *, severity: Severity | None = None, **place: Unpack[FindingPlace]
) -> Finding:
    """A finding of the rule with this id. `severity` overrides the catalog's, for a policy that makes a rule stricter.

    A value longer than `MAX_VALUE_LENGTH` is cut.
    """
    value = place.get("value")
    if value is not None:
        place["value"] = value[:MAX_VALUE_LENGTH]
    return Finding(rule=rule, severity=severity or RULES[rule].severity, message=message, **place)
