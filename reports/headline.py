"""The verdict in one sentence that anybody understands, and what to do next."""

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from reports.formatting import UTC_ZONE, format_day, format_time, join_words, markup_text, plain_text, visible_text
from reports.views import SubmissionView
from schemas.model.judgment import Judgment
from schemas.rules import RULES, is_row_rule

if TYPE_CHECKING:
    from markupsafe import Markup

#: Errors outside the rows that only sum up the rows' own errors. They do not count as errors themselves.
_ROW_SUMMARY_RULES = frozenset({"MAN-017"})

#: States in which the launch is over, under way or will not happen: the headline reports the state, not the start.
_STATES_IN_HEADLINE = frozenset({"launching", "live", "launch_failed", "missed", "superseded", "ended", "cancelled"})


def program_zone(view: SubmissionView) -> ZoneInfo:
    """The time zone of the program's schedule, or UTC without one."""
    manifest = view.judgment.manifest
    return ZoneInfo(manifest.schedule.timezone) if manifest and manifest.schedule else UTC_ZONE


def is_bare_csv(view: SubmissionView) -> bool:
    """Whether a numbers CSV was judged by itself. A drop without a readable manifest has a manifest error instead."""
    judgment = view.judgment
    has_manifest_error = any(total.id in RULES and RULES[total.id].scope == "manifest" for total in judgment.totals)
    return judgment.manifest is None and not has_manifest_error


def count_non_row_errors(view: SubmissionView) -> int:
    """How many errors are in the manifest, the program or whole files. While there are any, nothing is registered."""
    return sum(
        total.count
        for total in view.judgment.totals
        if total.severity == "error" and not is_row_rule(total.id) and total.id not in _ROW_SUMMARY_RULES
    )


def headline_sentences(view: SubmissionView) -> list[str]:
    """One sentence with the outcome, and a second one if rows need fixing or the operator gave a reason."""
    if view.held_outcome:
        return [plain_text(view.held_outcome), *_operator_reason(view)]
    return [sentence for sentence in (_outcome(view), _rows_to_fix(view)) if sentence]


def _operator_reason(view: SubmissionView) -> list[str]:
    if not view.operator_reason:
        return []
    return [plain_text("operator_reason", why=visible_text(view.operator_reason, 500))]


def _rows_to_fix(view: SubmissionView) -> str:
    judgment = view.judgment
    has_other_errors = count_non_row_errors(view) > 0
    if not judgment.counts.rejected or (judgment.verdict == "rejected" and not has_other_errors):
        return ""
    if not judgment.rows_to_send_again:
        return plain_text("rows_repeated", n=judgment.rows.repeated)
    key = "rows_also_need_fixing" if judgment.verdict == "rejected" else "rows_need_fixing"
    return plain_text(key, n=judgment.rows_to_send_again)


def _outcome(view: SubmissionView) -> str:
    judgment = view.judgment
    if view.incomplete:
        return plain_text("incomplete", n=count_non_row_errors(view))
    if is_bare_csv(view):
        return _outcome_of_bare_csv(view)
    if judgment.verdict == "rejected":
        return _why_rejected(view)
    if judgment.verdict == "held":
        return plain_text("held" + _dry(view))
    if judgment.manifest and judgment.manifest.state == "cancelled":
        return plain_text("cancelled" + _dry(view))
    return _launch(view, _accepted_numbers(view))


def _dry(view: SubmissionView) -> str:
    """The suffix of the texts for a dry run."""
    return "_dry" if view.dry_run else ""


def _outcome_of_bare_csv(view: SubmissionView) -> str:
    counts = view.judgment.counts
    if count_non_row_errors(view):
        return plain_text("bare_blocked")
    if counts.accepted == 0:
        return plain_text("bare_none")
    key = "bare_some" if counts.rejected else "bare_all"
    return plain_text(key, n=counts.accepted, read=counts.read)


def _why_rejected(view: SubmissionView) -> str:
    judgment, counts = view.judgment, view.judgment.counts
    if judgment.manifest is None:
        return plain_text("unreadable")
    if errors := count_non_row_errors(view):
        return plain_text("blocked", n=errors)
    if counts.rejected == 0:
        return plain_text("no_rows")
    if counts.accepted == 0:
        return plain_text("none_accepted", n=counts.rejected)
    return plain_text("too_many", n=counts.rejected, read=counts.read)


def _accepted_numbers(view: SubmissionView) -> str:
    """The sentence's first half: how many numbers were accepted."""
    counts = view.judgment.counts
    if counts.accepted == 0:
        return plain_text("accepted_no_numbers" + _dry(view))
    key = "accepted_some" if counts.rejected else "accepted_all"
    return plain_text(key + _dry(view), n=counts.accepted)


def _launch(view: SubmissionView, accepted: str) -> str:
    """The whole sentence: `accepted`, then when the program launches or what became of the launch."""
    if view.state in _STATES_IN_HEADLINE:
        return plain_text(f"headline_{view.state}", accepted=accepted)
    manifest = view.judgment.manifest
    start = view.scheduled_start or (manifest.schedule.start if manifest and manifest.schedule else None)
    if start is None:
        return plain_text("launch_unknown", accepted=accepted)
    verb = plain_text("launch_verb" + _dry(view))
    if start <= view.now:
        return plain_text("launch_now", accepted=accepted, verb=verb)
    zone = program_zone(view)
    day, time = format_day(start, zone), format_time(start, zone)
    return plain_text("launch_at", accepted=accepted, verb=verb, day=day, time=time)


def explain_rejected_csv(judgment: Judgment, *, is_written: bool) -> list[str]:
    """What rejected.csv leaves out, one line each: repeated rows and, if there is such a file, phone numbers."""
    rows = judgment.rows
    lines = [plain_text("rows_repeated", n=rows.repeated)] if rows.repeated else []
    if rows.emptied and is_written:
        lines.append(plain_text("rows_emptied", n=rows.emptied))
    return lines


def next_steps(view: SubmissionView) -> "list[Markup]":
    """What to do next, in order."""
    judgment = view.judgment
    if view.incomplete:
        return [markup_text("next_complete"), markup_text("next_complete_rows")]
    if is_bare_csv(view):
        return [markup_text("next_bare" if judgment.totals else "next_bare_valid")]
    if view.held_outcome:
        return [markup_text(f"next_{view.held_outcome}")]
    if judgment.verdict == "held":
        return _steps_while_held(view)
    if judgment.verdict == "rejected":
        return [markup_text(_first_step_when_rejected(view)), markup_text("next_drop_all" + _dry(view))]
    if not judgment.counts.rejected:
        return [markup_text("next_accepted" + _dry(view))]
    if not judgment.rows_to_send_again:
        return [markup_text("next_repeats_only" + _dry(view))]
    if view.dry_run:
        return [markup_text("next_correct_own_file"), markup_text("next_drop_all_dry")]
    return [_correct_rejected_rows(view), _drop_rejected_rows(view)]


def _first_step_when_rejected(view: SubmissionView) -> str:
    if count_non_row_errors(view):
        return "next_fix_below"
    return "next_correct_own_file" if view.judgment.rows_to_send_again else "next_delete_repeats"


def _correct_rejected_rows(view: SubmissionView) -> "Markup":
    emptied = view.judgment.rows.emptied
    correct = markup_text("next_correct_rejected")
    return correct + " " + markup_text("next_enter_numbers", n=emptied) if emptied else correct


def _drop_rejected_rows(view: SubmissionView) -> "Markup":
    logo = view.judgment.manifest.logo if view.judgment.manifest else None
    if logo is None:
        return markup_text("next_drop_rejected")
    return markup_text("next_drop_rejected_logo", logo=visible_text(logo, 60))


def _steps_while_held(view: SubmissionView) -> "list[Markup]":
    reasons = [visible_text(reason, 200) for reason in view.judgment.held_because]
    wait = markup_text("next_wait_because", why=join_words(reasons)) if reasons else markup_text("next_wait")
    return [wait, markup_text("next_wait_rows")] if view.judgment.rows_to_send_again else [wait]
