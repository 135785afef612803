"""What to fix: one section a rule, worst first, with the groups of rows that one action repairs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from reports.formatting import markup_text, plain_text, visible_text
from reports.headline import is_row_rule
from schemas.model.findings import Finding
from schemas.model.judgment import Judgment, RepairGroup, RuleTotal
from schemas.rules import RULES

if TYPE_CHECKING:
    from markupsafe import Markup

SectionKind = Literal["fix", "review", "notes"]

#: Warnings that nobody but a reviewer, or the operator, can settle.
_REVIEW = frozenset({"DSP-001", "DSP-002", "DSP-005", "DSP-006", "DSP-007", "DSP-008", "IMG-005", "SCH-005", "MAN-019"})
_GROUPS = 6  # shown of one rule
_PLACES = 20
_EXAMPLES = 3
_VALUE = 80  # characters of a value


@dataclass(frozen=True, slots=True, kw_only=True)
class NonRowFinding:
    """One finding outside the rows: where it is and what it says."""

    where: str
    message: str
    value: str | None
    suggestion: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSection:
    """One broken rule. `lines` are its repair groups or examples, `spots` its findings outside the rows.

    `shown` is how many rows of the table it can be filtered to.
    """

    id: str
    name: str
    count: int
    unit: str
    meaning: str
    fix: str
    lines: "list[Markup]"
    spots: list[NonRowFinding]
    more: str
    shown: int


def build_rule_sections(judgment: Judgment, shown: Mapping[str, int]) -> dict[SectionKind, list[RuleSection]]:
    """The sections of each kind. Faults outside the rows come first, because nothing is taken while they last; then
    the more frequent before the rarer. `shown` counts the table's rows by rule."""
    findings: dict[str, list[Finding]] = defaultdict(list)
    for finding in judgment.findings:
        findings[finding.rule].append(finding)
    kinds: dict[SectionKind, list[RuleSection]] = {"fix": [], "review": [], "notes": []}
    for total in sorted(judgment.totals, key=_worst_first):
        groups = [group for group in judgment.groups if group.rule == total.id]
        kinds[_kind(total)].append(_section(total, findings[total.id], groups, shown.get(total.id, 0)))
    return kinds


def _worst_first(total: RuleTotal) -> tuple[bool, int, str]:
    return is_row_rule(total.id), -total.count, total.id


def _kind(total: RuleTotal) -> SectionKind:
    if total.severity == "error":
        return "fix"
    return "review" if total.id in _REVIEW else "notes"


def _section(total: RuleTotal, findings: list[Finding], groups: list[RepairGroup], shown: int) -> RuleSection:
    in_rows = [finding for finding in findings if finding.row is not None]
    spots = [_spot(finding) for finding in findings if finding.row is None]
    return RuleSection(
        id=total.id,
        name=total.name,
        count=total.count,
        unit=plain_text("unit_rows" if in_rows or groups else "unit_places", n=total.count),
        meaning=RULES[total.id].meaning if total.id in RULES else "",
        fix=total.fix,
        lines=_group_lines(total, groups) if groups else _examples(in_rows),
        spots=spots[:_PLACES],
        more=plain_text("place_more", n=total.count - _PLACES) if len(spots) > _PLACES else "",
        shown=shown,
    )


def _spot(finding: Finding) -> NonRowFinding:
    line = plain_text("place_line", n=finding.line) if finding.line else None
    where = (visible_text(part, _VALUE) for part in (finding.file, finding.path, line) if part)
    return NonRowFinding(
        where=", ".join(where),
        message=visible_text(finding.message, 240),
        value=visible_text(finding.value, _VALUE) if finding.value else None,
        suggestion=visible_text(finding.suggestion, _VALUE) if finding.suggestion else None,
    )


def _group_lines(total: RuleTotal, groups: list[RepairGroup]) -> "list[Markup]":
    largest = sorted(groups, key=lambda group: -group.count)[:_GROUPS]
    lines = [_group_line(group) for group in largest]
    rest = total.count - sum(group.count for group in largest)
    return [*lines, markup_text("group_more", n=rest)] if rest > 0 else lines


def _group_line(group: RepairGroup) -> "Markup":
    shown = (group.pattern if group.rule.startswith("PUR") else group.example) or ""
    key = "group_blank" if not shown.strip() else "group_say" if group.rule.startswith("PUR") else "group_like"
    value = _code(shown)
    line = markup_text(key, n=group.count, file=_code(group.file), pattern=value, example=value)
    if not group.suggestion:
        return line
    if group.rule.startswith("PUR"):
        return line + markup_text("group_nearest", suggestion=_code(group.suggestion))
    return line + markup_text("group_suggested", suggestion=visible_text(group.suggestion, _VALUE))


def _examples(findings: Iterable[Finding]) -> "list[Markup]":
    cited = [finding for finding in findings if finding.value]
    return [
        markup_text("example_row", file=_code(f.file or ""), n=f.row, value=_code(f.value or ""))
        for f in cited[:_EXAMPLES]
    ]


def _code(value: str) -> "Markup":
    from markupsafe import Markup

    return Markup("<code>{}</code>").format(visible_text(value, _VALUE))
