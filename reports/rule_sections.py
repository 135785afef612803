"""The rules of a report: a section per broken one, worst first, and which rules were not checked."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from reports.formatting import markup_text, plain_text, visible_text
from reports.headline import is_bare_csv
from reports.views import SubmissionView
from schemas.model.findings import Finding
from schemas.model.judgment import Judgment, RepairGroup, RuleTotal
from schemas.rules import RULES, is_row_rule
from schemas.rules_not_checked import group_by_missing_fact

if TYPE_CHECKING:
    from markupsafe import Markup

SectionKind = Literal["fix", "review", "repeats", "notes"]

#: Warnings that only a reviewer or the operator can settle.
_REVIEW_RULES = frozenset(
    {"DSP-001", "DSP-002", "DSP-005", "DSP-006", "DSP-007", "DSP-008", "IMG-005", "SCH-005", "MAN-019"}
)
#: Its rows are rejected, but already in: there is nothing to do.
_REPEAT_RULE = "NUM-020"
_MAX_GROUPS = 6  # per rule
_MAX_ISSUES = 20
_MAX_EXAMPLES = 3
_MESSAGE_WIDTH = 240
_VALUE_WIDTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class NonRowFinding:
    """One finding outside the rows: where it is and what it says."""

    where: str
    message: str
    suggestion: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSection:
    """One broken rule. `row_lines` are its repair groups or examples. `more` says how many issues are not listed.

    `listed_rows` is how many rows of the table the rule's filter shows.
    """

    id: str
    name: str
    count: int
    unit: str
    meaning: str
    fix: str
    row_lines: "list[Markup]"
    non_row_findings: list[NonRowFinding]
    more: str
    listed_rows: int


def build_rule_sections(judgment: Judgment, listed_rows: Mapping[str, int]) -> dict[SectionKind, list[RuleSection]]:
    """The sections of each kind.

    Errors outside the rows come first, because nothing is registered until they are fixed. Then the higher count comes
    first. `listed_rows` counts the table's rows by rule.
    """
    findings: dict[str, list[Finding]] = defaultdict(list)
    for finding in judgment.findings:
        findings[finding.rule].append(finding)
    sections: dict[SectionKind, list[RuleSection]] = {"fix": [], "review": [], "repeats": [], "notes": []}
    for total in sorted(judgment.totals, key=_worst_first):
        groups = [group for group in judgment.groups if group.rule == total.id]
        section = _build_section(total, findings[total.id], groups, listed_rows.get(total.id, 0))
        sections[_kind_of(total)].append(section)
    return sections


def explain_unchecked_rules(view: SubmissionView) -> list[str]:
    """Which rules were not checked and what they need, one line per missing fact."""
    if view.incomplete and view.judgment.manifest is not None:
        return [plain_text("unchecked_incomplete")]
    if is_bare_csv(view):
        return [plain_text("unchecked_bare")]
    groups = group_by_missing_fact(view.judgment)
    if "manifest" in groups:
        return [plain_text("unchecked_without_manifest")]
    return [
        plain_text("unchecked_rules", rules=", ".join(ids), fact=plain_text(f"fact_{fact}"))
        for fact, ids in groups.items()
    ]


def _worst_first(total: RuleTotal) -> tuple[bool, int, str]:
    return is_row_rule(total.id), -total.count, total.id


def _kind_of(total: RuleTotal) -> SectionKind:
    if total.id == _REPEAT_RULE:
        return "repeats"
    if total.severity == "error":
        return "fix"
    return "review" if total.id in _REVIEW_RULES else "notes"


def _build_section(
    total: RuleTotal, findings: list[Finding], groups: list[RepairGroup], listed_rows: int
) -> RuleSection:
    in_rows = [finding for finding in findings if finding.row is not None]
    outside_rows = [_describe_issue(finding) for finding in findings if finding.row is None]
    return RuleSection(
        id=total.id,
        name=total.name,
        count=total.count,
        unit=plain_text("unit_rows" if in_rows or groups else "unit_issues", n=total.count),
        meaning=RULES[total.id].meaning if total.id in RULES else "",
        fix=total.fix,
        row_lines=_group_lines(total, groups) if groups else _example_lines(in_rows),
        non_row_findings=outside_rows[:_MAX_ISSUES],
        more=plain_text("issue_more", n=total.count - _MAX_ISSUES) if len(outside_rows) > _MAX_ISSUES else "",
        listed_rows=listed_rows,
    )


def _describe_issue(finding: Finding) -> NonRowFinding:
    line = plain_text("issue_line", n=finding.line) if finding.line else None
    where = (visible_text(part, _VALUE_WIDTH) for part in (finding.file, finding.path, line) if part)
    return NonRowFinding(
        where=", ".join(where),
        message=visible_text(finding.message, _MESSAGE_WIDTH),
        suggestion=visible_text(finding.suggestion, _VALUE_WIDTH) if finding.suggestion else None,
    )


def _group_lines(total: RuleTotal, groups: list[RepairGroup]) -> "list[Markup]":
    largest = sorted(groups, key=lambda group: -group.count)[:_MAX_GROUPS]
    lines = [_group_line(group) for group in largest]
    rest = total.count - sum(group.count for group in largest)
    return [*lines, markup_text("group_more", n=rest)] if rest > 0 else lines


def _group_line(group: RepairGroup) -> "Markup":
    is_purpose = group.rule.startswith("PUR")
    value = (group.pattern if is_purpose else group.example) or ""
    key = "group_blank" if not value.strip() else "group_says" if is_purpose else "group_looks_like"
    line = markup_text(key, n=group.count, file=_code(group.file), value=_code(value))
    if not group.suggestion:
        return line
    if is_purpose:
        return line + markup_text("group_nearest", suggestion=_code(group.suggestion))
    return line + markup_text("group_suggested", suggestion=visible_text(group.suggestion, _VALUE_WIDTH))


def _example_lines(findings: Iterable[Finding]) -> "list[Markup]":
    with_value = [finding for finding in findings if finding.value]
    return [
        markup_text("example_row", file=_code(example.file or ""), n=example.row, value=_code(example.value or ""))
        for example in with_value[:_MAX_EXAMPLES]
    ]


def _code(value: str) -> "Markup":
    from markupsafe import Markup  # here because it saves start-up time

    return Markup("<code>{}</code>").format(visible_text(value, _VALUE_WIDTH))
