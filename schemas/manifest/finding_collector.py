"""Collects the findings about a manifest."""

from collections import Counter
from typing import Unpack

from schemas.model.findings import Finding, Severity
from schemas.rules import FindingPlace, make_finding


class FindingCollector:
    """Counts all findings and keeps the first `per_rule` of each rule, so that hostile input cannot fill the memory."""

    def __init__(self, per_rule: int) -> None:
        self.per_rule = per_rule
        self.kept_findings: list[Finding] = []
        self.totals: Counter[str] = Counter()
        self.severities: dict[str, Severity] = {}

    def report(
        self, rule: str, message: str, *, severity: Severity | None = None, **place: Unpack[FindingPlace]
    ) -> None:
        """Make a finding of this rule at this place, and add it."""
        self.add(make_finding(rule, message, severity=severity, **place))

    def add(self, finding: Finding) -> None:
        """Add a finding."""
        if not self.is_full(finding.rule):
            self.kept_findings.append(finding)
        self.totals[finding.rule] += 1
        self.severities[finding.rule] = finding.severity

    def is_full(self, rule: str) -> bool:
        """Whether more findings of this rule are only counted, so that they need no suggestions."""
        return self.totals[rule] >= self.per_rule

    def include(self, other: "FindingCollector") -> None:
        """Add all findings of another collector. It must have the same limit, and findings of different rules."""
        self.kept_findings += other.kept_findings
        self.totals += other.totals
        self.severities |= other.severities

    @property
    def has_errors(self) -> bool:
        return "error" in self.severities.values()
