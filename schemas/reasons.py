"""Why a drop, or rows of it, did not get in: the short version of a judgment that goes into the drop's receipt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.model.findings import TYPED_NUMBERS_FILE, Finding
from schemas.model.judgment import Judgment, RuleTotal
from schemas.rules import RULES, is_row_rule

#: How many reasons are kept. All of them are in the report.
MAX_REASONS = 50
#: Warnings that keep a drop waiting for the operator.
_HOLDING_RULES = frozenset({"MAN-019"})
_WAIT = "Wait for the operator's decision, or drop a corrected version, which replaces this one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason. `rule` is None if it is no broken rule, such as a decision of the operator.

    The rows that break one rule are one reason: `count` is how many they are, and `file`, `row` and `line` are the
    first one's. Its message has none of their values, which may be phone numbers.
    """

    rule: str | None = None
    message: str
    fix: str
    file: str | None = None
    row: int | None = None
    line: int | None = None
    path: str | None = None
    suggestion: str | None = None
    count: int = 1

    @property
    def keeps_rows_out(self) -> bool:
        """Whether this is an error, which no decision of the operator changes."""
        return self.rule in RULES and RULES[self.rule].severity == "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """The first reasons, and the count of all."""

    shown: Sequence[Reason] = ()
    total: int = 0


def list_reasons(judgment: Judgment) -> Reasons:
    """What kept the drop or rows of it out, or why it is held. Reasons about the whole drop come first."""
    totals = [total for total in judgment.totals if total.severity == "error" or total.id in _HOLDING_RULES]
    counts = {total.id: total.count for total in totals if not is_row_rule(total.id)}
    of_drop = [reason_of_finding(finding) for finding in judgment.findings if finding.rule in counts]
    row_rules = sorted((t for t in totals if is_row_rule(t.id)), key=lambda total: (-total.count, total.id))
    held = list_held_reasons(judgment.held_because)
    shown = [*held, *of_drop, *(_reason_of_rows(total, judgment.findings) for total in row_rules)]
    return Reasons(shown=shown[:MAX_REASONS], total=len(held) + sum(counts.values()) + len(row_rules))


def list_incomplete_reasons(findings: Sequence[Finding]) -> list[Reason]:
    """The reasons of a drop that has not arrived completely: its findings that are errors."""
    return [reason_of_finding(finding) for finding in findings if finding.severity == "error"]


def list_reasons_of_totals(totals: Mapping[str, int], held_because: Sequence[str]) -> Reasons:
    """The reasons of a submission of which only the counts by rule are known."""
    broken = {rule: count for rule, count in totals.items() if rule in RULES and RULES[rule].severity == "error"}
    by_rule = [
        Reason(rule=rule, message=f"{RULES[rule].name}.", fix=RULES[rule].fix, count=count)
        for rule, count in broken.items()
    ]
    shown = [*list_held_reasons(held_because), *by_rule]
    return Reasons(shown=shown[:MAX_REASONS], total=len(shown))


def list_held_reasons(held_because: Sequence[str]) -> list[Reason]:
    """The reasons of a held submission, from the ends of the sentence "It is held because ..."."""
    return [Reason(message=f"{why[:1].upper()}{why[1:].rstrip('.')}.", fix=_WAIT) for why in held_because]


def reason_of_finding(finding: Finding) -> Reason:
    """A finding about the manifest, the program or a whole file as a reason."""
    return Reason(
        rule=finding.rule,
        message=finding.message,
        fix=RULES[finding.rule].fix,
        file=finding.file,
        row=finding.row,
        line=finding.line,
        path=finding.path,
        suggestion=finding.suggestion,
    )


def _reason_of_rows(total: RuleTotal, findings: Sequence[Finding]) -> Reason:
    rows = "1 row" if total.count == 1 else f"{total.count:,} rows"
    first = next((finding for finding in findings if finding.rule == total.id), None)
    if first is None or first.row is None:  # so many findings that none of this rule was kept
        return Reason(rule=total.id, message=f"{rows}: {total.name}.", fix=total.fix, count=total.count)
    is_typed = first.file == TYPED_NUMBERS_FILE
    place = f"number {first.row} in the manifest" if is_typed else f"row {first.row:,} of {first.file}"
    return Reason(
        rule=total.id,
        message=f"{rows}: {total.name} ({'first: ' if total.count > 1 else ''}{place}).",
        fix=total.fix,
        file=first.file,
        row=first.row,
        line=first.line,
        count=total.count,
    )
