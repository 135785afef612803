"""The rule catalogue: every rule once, and the one way to make a finding of it."""

from typing import TypedDict, Unpack

from schemas.model.findings import VALUE_SHOWN, Column, Finding, Severity
from schemas.rules import manifest, numbers, program
from schemas.rules.rule import Rule, Scope

__all__ = ["RULES", "VERSION", "Place", "Rule", "Scope", "finding"]

#: Of the catalogue's meaning: another one may judge the same drop otherwise.
VERSION = "1"

#: Every rule by its id, in the catalogue's order.
RULES: dict[str, Rule] = {rule.id: rule for rule in (*manifest.RULES, *program.RULES, *numbers.RULES)}


class Place(TypedDict, total=False):
    """Where a rule was broken and what was found there; the fields of `Finding` of the same names."""

    file: str | None
    row: int | None
    line: int | None
    column: Column | None
    path: str | None
    value: str | None
    suggestion: str | None


def finding(rule: str, message: str, *, severity: Severity | None = None, **place: Unpack[Place]) -> Finding:
    """A finding of the rule with this id. `severity` is the catalogue's unless a policy makes a rule stricter.

    A long value is cut to `VALUE_SHOWN` characters.
    """
    value = place.get("value")
    if value is not None:
        place["value"] = value[:VALUE_SHOWN]
    return Finding(rule=rule, severity=severity or RULES[rule].severity, message=message, **place)
