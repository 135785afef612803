"""The verdict in one sentence that anybody understands, and what is to be done now."""

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from reports.formatting import (
    UTC_ZONE,
    format_day,
    format_time,
    join_words,
    markup_text,
    plain_text,
    visible_text,
    zone_city,
)
from reports.views import SubmissionView
from schemas.rules import RULES

if TYPE_CHECKING:
    from markupsafe import Markup

#: Rules outside the rows that only sum up the rows' own faults; they do not count as faults of their own.
_SUMS = frozenset({"MAN-017"})
_ROW_SCOPES = frozenset({"row", "number", "purpose"})


def program_zone(view: SubmissionView) -> ZoneInfo:
    manifest = view.judgment.manifest
    return ZoneInfo(manifest.schedule.timezone) if manifest and manifest.schedule else UTC_ZONE


def is_row_rule(rule: str) -> bool:
    """Whether the rule is about single rows, rather than the manifest, the program or a whole file."""
    return rule in RULES and RULES[rule].scope in _ROW_SCOPES and rule != "PUR-005"


def is_bare_csv(view: SubmissionView) -> bool:
    """A numbers CSV judged by itself, rather than a drop whose manifest could not be read."""
    judgment = view.judgment
    faulty = any(total.id in RULES and RULES[total.id].scope == "manifest" for total in judgment.totals)
    return judgment.manifest is None and not faulty


def count_non_row_errors(view: SubmissionView) -> int:
    return sum(
        total.count
        for total in view.judgment.totals
        if total.severity == "error" and not is_row_rule(total.id) and total.id not in _SUMS
    )


def _blocking(view: SubmissionView) -> bool:
    return count_non_row_errors(view) > 0


def headline_sentences(view: SubmissionView) -> list[str]:
    """One sentence says what was taken and what happens at the start; a second one what needs correction, if any."""
    if view.decided:
        return [plain_text(view.decided), *_reason(view)]
    rejected = view.judgment.counts.rejected
    return [sentence for sentence in (_outcome(view), _remaining(view, rejected)) if sentence]


def _reason(view: SubmissionView) -> list[str]:
    return [plain_text("operator_says", why=visible_text(view.reason, 500))] if view.reason else []


def _remaining(view: SubmissionView, rejected: int) -> str:
    if not rejected:
        return ""
    if view.judgment.verdict != "rejected":
        return plain_text("need_correction", n=rejected)
    return plain_text("are_wrong_too", n=rejected) if _blocking(view) else ""


def _outcome(view: SubmissionView) -> str:
    judgment = view.judgment
    dry = "_dry" if view.dry_run else ""
    if is_bare_csv(view):
        return _bare(view)
    if judgment.verdict == "rejected":
        return _rejected(view)
    if judgment.verdict == "held":
        return plain_text("held" + dry)
    if judgment.manifest and judgment.manifest.state == "cancelled":
        return plain_text("cancelled" + dry)
    return _taken(view, dry)


def _bare(view: SubmissionView) -> str:
    counts = view.judgment.counts
    if _blocking(view):
        return plain_text("bare_blocked")
    if counts.accepted == 0:
        return plain_text("bare_none")
    key = "bare_some" if counts.rejected else "bare_all"
    return plain_text(key, n=counts.accepted, read=counts.read)


def _rejected(view: SubmissionView) -> str:
    judgment, counts = view.judgment, view.judgment.counts
    if judgment.manifest is None:
        return plain_text("unreadable")
    if _blocking(view):
        return plain_text("blocked", n=count_non_row_errors(view))
    if counts.rejected == 0:
        return plain_text("nothing_to_take")
    if counts.accepted == 0:
        return plain_text("none_passed", n=counts.rejected)
    return plain_text("too_many", n=counts.rejected, read=counts.read)


def _taken(view: SubmissionView, dry: str) -> str:
    counts = view.judgment.counts
    if counts.accepted == 0:
        taken = plain_text("in_none" + dry)
    else:
        taken = plain_text(("in_some" if counts.rejected else "in_all") + dry, n=counts.accepted)
    return _launch(view, taken, dry)


#: How the sentence goes on once a launch is behind the program, or will not come.
_AFTERWARDS = {
    "live": "launch_live",
    "launching": "launch_live",
    "launch_failed": "launch_failed",
    "missed": "launch_missed",
    "superseded": "state_superseded",
    "ended": "state_ended",
    "cancelled": "state_cancelled",
}


def _launch(view: SubmissionView, taken: str, dry: str) -> str:
    if view.state in _AFTERWARDS:
        return plain_text(_AFTERWARDS[view.state], taken=taken)
    manifest = view.judgment.manifest
    start = view.scheduled_start or (manifest.schedule.start if manifest and manifest.schedule else None)
    if start is None:
        return plain_text("launch_none", taken=taken)
    verb = plain_text("launch_verb" + dry, n=max(1, view.judgment.counts.accepted))
    if start <= view.now:
        return plain_text("launch_now", taken=taken, verb=verb)
    zone = program_zone(view)
    return plain_text(
        "launch_at",
        taken=taken,
        verb=verb,
        day=format_day(start, zone),
        time=format_time(start, zone),
        place=zone_city(str(zone)),
    )


def next_steps(view: SubmissionView) -> "list[Markup]":
    """What to do now, in order."""
    judgment = view.judgment
    dry = "_dry" if view.dry_run else ""
    if is_bare_csv(view):
        return [markup_text("todo_bare") if judgment.totals else markup_text("todo_nothing_bare")]
    if view.decided:
        return [markup_text(f"todo_{view.decided}")]
    if judgment.verdict == "held":
        return _steps_held(view)
    if judgment.verdict == "rejected":
        first = "todo_correct_manifest" if _blocking(view) else "todo_correct_whole"
        return [markup_text(first), markup_text("todo_drop_whole" + dry)]
    if not judgment.counts.rejected:
        return [markup_text("todo_nothing" + dry)]
    if dry:
        return [markup_text("todo_correct_whole"), markup_text("todo_drop_whole_dry")]
    return [markup_text("todo_correct_part"), _drop_part(view)]


def _drop_part(view: SubmissionView) -> "Markup":
    logo = view.judgment.manifest.logo if view.judgment.manifest else None
    return markup_text("todo_drop_part_logo", logo=visible_text(logo, 60)) if logo else markup_text("todo_drop_part")


def _steps_held(view: SubmissionView) -> "list[Markup]":
    why = [visible_text(reason, 200) for reason in view.judgment.held_because]
    wait = markup_text("todo_wait", why=join_words(why)) if why else markup_text("todo_wait_plain")
    return [wait, markup_text("todo_wait_rows")] if view.judgment.counts.rejected else [wait]
