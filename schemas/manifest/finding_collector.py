"""Findings while they are gathered."""

from collections import Counter
from typing import Unpack

from schemas.model.findings import Finding, Severity
from schemas.rules import Place, finding


class FindingCollector:
    """All findings counted, the first `per_rule` of each rule kept, so that hostile input cannot fill the memory."""

    def __init__(self, per_rule: int) -> None:
        self.per_rule = per_rule
        self.kept: list[Finding] = []
        self.totals: Counter[str] = Counter()
        self.severities: dict[str, Severity] = {}

    def add(self, rule: str, message: str, *, severity: Severity | None = None, **place: Unpack[Place]) -> None:
        """Note that this rule was broken at this place."""
        found = finding(rule, message, severity=severity, **place)
        self.note(found)

    def note(self, found: Finding) -> None:
        """Note a finding that was made elsewhere."""
        if not self.is_full(found.rule):
            self.kept.append(found)
        self.totals[found.rule] += 1
        self.severities[found.rule] = found.severity

    def is_full(self, rule: str) -> bool:
        """Whether further findings of this rule are only counted: no need to work out suggestions for them."""
        return self.totals[rule] >= self.per_rule

    def include(self, others: "FindingCollector") -> None:
        """Add all findings of another collector, which had the same limit and other rules."""
        self.kept += others.kept
        self.totals += others.totals
        self.severities |= others.severities

    @property
    def has_errors(self) -> bool:
        return "error" in self.severities.values()
