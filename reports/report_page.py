"""report.html: one submission, for the person who corrects it."""

from typing import Any

from reports.call_preview import explain_missing_preview, preview_submission
from reports.charts import VERDICT_TONES, build_chunk_strips, build_count_bar, build_history_bars
from reports.formatting import (
    UTC_ZONE,
    format_date_time,
    format_short_day,
    join_words,
    plain_text,
    visible_text,
)
from reports.headline import headline_sentences, is_bare_csv, next_steps, program_zone
from reports.program_facts import list_program_facts
from reports.rendering import render_page
from reports.row_table import ROWS_BUDGET, build_row_table
from reports.rule_sections import build_rule_sections, explain_unchecked_rules
from reports.views import PastSubmission, SubmissionView
from schemas.model.findings import TYPED_NUMBERS_FILE
from schemas.rows.rule_codes import ROW_RULES

_MAX_FILES = 50
_MAX_REFUSED = 200
_MAX_CHANGES = 50
_MAX_HISTORY = 8  # with this submission
_NAME_WIDTH = 120
_FEW_RULES = 3  # with fewer rules to fix, the program's facts fit next to the call preview


def report_html(view: SubmissionView) -> str:
    """The page: one file that loads nothing, is readable without script, and is always under 1.5 MB."""
    judgment = view.judgment
    preview = preview_submission(view)
    logo_size = len(preview.logo) if preview and preview.logo else 0
    rows = build_row_table(judgment, ROWS_BUDGET - logo_size)
    sections = build_rule_sections(judgment, rows.rules)
    return render_page(
        "report.html",
        view=view,
        preview=preview,
        missing_preview=explain_missing_preview(view),
        counts=judgment.counts,
        rows=rows,
        rows_listed=_rows_listed(view, rows.shown),
        sections=sections,
        unchecked=explain_unchecked_rules(view),
        facts=list_program_facts(view),
        facts_first=len(sections["fix"]) < _FEW_RULES,
        shows_carriers=view.branding in ("in_review", "approved"),
        count_bar=build_count_bar(judgment.counts),
        chunk_strips=build_chunk_strips(judgment.files),
        rule_bars=_rule_bars(view),
        rules_overlap=_do_rules_overlap(view),
        baseline=judgment.baseline,
        files=judgment.files[:_MAX_FILES],
        files_more=len(judgment.files) - _MAX_FILES,
        refused=view.refused[:_MAX_REFUSED],
        typed_in=TYPED_NUMBERS_FILE,
        **_changes(view),
        **_top(view),
        **_history(view),
    )


def _changes(view: SubmissionView) -> dict[str, Any]:
    revision = view.revision
    total = revision.added + revision.removed + revision.changed if revision else 0
    return {"changes": revision.shown[:_MAX_CHANGES] if revision else (), "changes_total": total}


def _top(view: SubmissionView) -> dict[str, Any]:
    sentences = headline_sentences(view)
    name = _name(view)
    return {
        "title": plain_text("title", what=name, verdict=" ".join(sentences)),
        "headline": sentences,
        "steps": next_steps(view),
        "tone": "warn" if view.incomplete else VERDICT_TONES[view.judgment.verdict],
        "is_bare": is_bare_csv(view),
        "name": name,
        "business": visible_text(view.legal_name or view.business or "", _NAME_WIDTH),
        "received": format_date_time(view.received_at, program_zone(view)),
        "received_utc": format_date_time(view.received_at, UTC_ZONE),
        "moved_from": join_words(view.reassigned_from) if view.reassigned_from else "",
        "moved_to": join_words(view.reassigned_to) if view.reassigned_to else "",
    }


def _name(view: SubmissionView) -> str:
    manifest = view.judgment.manifest
    name = manifest.name if manifest else None
    file = view.judgment.files[0].name if view.judgment.files else None
    return visible_text(name or view.reference or view.drop or file or plain_text("title_bare"), _NAME_WIDTH)


def _history(view: SubmissionView) -> dict[str, Any]:
    current = PastSubmission(
        id=view.id or "", received_at=view.received_at, verdict=view.judgment.verdict, counts=view.judgment.counts
    )
    zone = program_zone(view)
    return {
        "history_bars": build_history_bars(view.history[1 - _MAX_HISTORY :], current) if view.history else [],
        "when": lambda instant: format_date_time(instant, zone),
        "date": lambda instant: format_short_day(instant, zone),
    }


def _rule_bars(view: SubmissionView) -> list[tuple[str, str, int, int]]:
    """(id, name, count, bar width out of 1000) of each broken rule, highest count first."""
    totals = sorted(view.judgment.totals, key=lambda total: (-total.count, total.id))
    highest = max((total.count for total in totals), default=1)
    return [(total.id, total.name, total.count, max(6, round(1000 * total.count / highest))) for total in totals]


def _do_rules_overlap(view: SubmissionView) -> bool:
    """Whether some rows break several rules, so that the counts of the rules add up to more than the rows."""
    judgment = view.judgment
    return sum(total.count for total in judgment.totals if total.id in ROW_RULES) > judgment.rows.with_findings


def _rows_listed(view: SubmissionView, shown: int) -> str:
    """Whether the table lists "all" rows with findings or only "some"."""
    judgment = view.judgment
    is_complete = shown >= judgment.counts.rejected and judgment.findings_total <= len(judgment.findings)
    return "all" if is_complete else "some"
