"""The verdict in one sentence that anybody understands, and what is to be done now."""

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from reports.formatting import UTC_ZONE, day, joined, place, plain, say, time, visible
from reports.views import SubmissionView
from schemas.rules import RULES

if TYPE_CHECKING:
    from markupsafe import Markup

#: Rules outside the rows that only sum up the rows' own faults; they do not count as faults of their own.
_SUMS = frozenset({"MAN-017"})
_ROW_SCOPES = frozenset({"row", "number", "purpose"})


def zone_of(view: SubmissionView) -> ZoneInfo:
    manifest = view.judgment.manifest
    return ZoneInfo(manifest.schedule.timezone) if manifest and manifest.schedule else UTC_ZONE


def about_rows(rule: str) -> bool:
    """Whether the rule is about single rows, rather than the manifest, the program or a whole file."""
    return rule in RULES and RULES[rule].scope in _ROW_SCOPES and rule != "PUR-005"


def is_bare(view: SubmissionView) -> bool:
    """A numbers CSV judged by itself, rather than a drop whose manifest could not be read."""
    judgment = view.judgment
    faulty = any(total.id in RULES and RULES[total.id].scope == "manifest" for total in judgment.totals)
    return judgment.manifest is None and not faulty


def faults_outside_rows(view: SubmissionView) -> int:
    return sum(
        total.count
        for total in view.judgment.totals
        if total.severity == "error" and not about_rows(total.id) and total.id not in _SUMS
    )


def _blocking(view: SubmissionView) -> bool:
    return faults_outside_rows(view) > 0


def headline(view: SubmissionView) -> list[str]:
    """One sentence says what was taken and what happens at the start; a second one what needs correction, if any."""
    if view.decided:
        return [plain(view.decided), *_reason(view)]
    rejected = view.judgment.counts.rejected
    return [sentence for sentence in (_outcome(view), _remaining(view, rejected)) if sentence]


def _reason(view: SubmissionView) -> list[str]:
    return [plain("operator_says", why=visible(view.reason, 500))] if view.reason else []


def _remaining(view: SubmissionView, rejected: int) -> str:
    if not rejected:
        return ""
    if view.judgment.verdict != "rejected":
        return plain("need_correction", n=rejected)
    return plain("are_wrong_too", n=rejected) if _blocking(view) else ""


def _outcome(view: SubmissionView) -> str:
    judgment = view.judgment
    dry = "_dry" if view.dry_run else ""
    if is_bare(view):
        return _bare(view)
    if judgment.verdict == "rejected":
        return _rejected(view)
    if judgment.verdict == "held":
        return plain("held" + dry)
    if judgment.manifest and judgment.manifest.state == "cancelled":
        return plain("cancelled" + dry)
    return _taken(view, dry)


def _bare(view: SubmissionView) -> str:
    counts = view.judgment.counts
    if _blocking(view):
        return plain("bare_blocked")
    if counts.accepted == 0:
        return plain("bare_none")
    key = "bare_some" if counts.rejected else "bare_all"
    return plain(key, n=counts.accepted, read=counts.read)


def _rejected(view: SubmissionView) -> str:
    judgment, counts = view.judgment, view.judgment.counts
    if judgment.manifest is None:
        return plain("unreadable")
    if _blocking(view):
        return plain("blocked", n=faults_outside_rows(view))
    if counts.rejected == 0:
        return plain("nothing_to_take")
    if counts.accepted == 0:
        return plain("none_passed", n=counts.rejected)
    return plain("too_many", n=counts.rejected, read=counts.read)


def _taken(view: SubmissionView, dry: str) -> str:
    counts = view.judgment.counts
    if counts.accepted == 0:
        taken = plain("in_none" + dry)
    else:
        taken = plain(("in_some" if counts.rejected else "in_all") + dry, n=counts.accepted)
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
        return plain(_AFTERWARDS[view.state], taken=taken)
    manifest = view.judgment.manifest
    start = view.scheduled_start or (manifest.schedule.start if manifest and manifest.schedule else None)
    if start is None:
        return plain("launch_none", taken=taken)
    verb = plain("launch_verb" + dry, n=max(1, view.judgment.counts.accepted))
    if start <= view.now:
        return plain("launch_now", taken=taken, verb=verb)
    zone = zone_of(view)
    return plain(
        "launch_at", taken=taken, verb=verb, day=day(start, zone), time=time(start, zone), place=place(str(zone))
    )


def steps(view: SubmissionView) -> "list[Markup]":
    """What to do now, in order."""
    judgment = view.judgment
    dry = "_dry" if view.dry_run else ""
    if is_bare(view):
        return [say("todo_bare") if judgment.totals else say("todo_nothing_bare")]
    if view.decided:
        return [say(f"todo_{view.decided}")]
    if judgment.verdict == "held":
        return _steps_held(view)
    if judgment.verdict == "rejected":
        first = "todo_correct_manifest" if _blocking(view) else "todo_correct_whole"
        return [say(first), say("todo_drop_whole" + dry)]
    if not judgment.counts.rejected:
        return [say("todo_nothing" + dry)]
    if dry:
        return [say("todo_correct_whole"), say("todo_drop_whole_dry")]
    return [say("todo_correct_part"), _drop_part(view)]


def _drop_part(view: SubmissionView) -> "Markup":
    logo = view.judgment.manifest.logo if view.judgment.manifest else None
    return say("todo_drop_part_logo", logo=visible(logo, 60)) if logo else say("todo_drop_part")


def _steps_held(view: SubmissionView) -> "list[Markup]":
    why = [visible(reason, 200) for reason in view.judgment.held_because]
    wait = say("todo_wait", why=joined(why)) if why else say("todo_wait_plain")
    return [wait, say("todo_wait_rows")] if view.judgment.counts.rejected else [wait]
