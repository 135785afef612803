"""report.html: one submission for the person who corrects it."""

from typing import Any

from reports import call_preview, program_facts
from reports.charts import VERDICT_TONES, build_chunk_strips, build_count_bar, build_history_bars
from reports.formatting import (
    UTC_ZONE,
    format_moment,
    format_short_day,
    join_words,
    plain_text,
    visible_text,
    zone_city,
)
from reports.headline import headline_sentences, is_bare_csv, next_steps, program_zone
from reports.rendering import render_page
from reports.row_table import ROWS_BUDGET, build_row_table
from reports.rule_sections import build_rule_sections
from reports.views import PastSubmission, SubmissionView
from schemas.model.findings import TYPED_IN

_FILES = 50
_REFUSED = 200
_HISTORY = 8
_WIDTH = 120
_FEW = 3  # so few rules to fix leave room beside the phone for the program's facts


def report_html(view: SubmissionView) -> str:
    """The page: one file, no request to anywhere, readable without script, under 1.5 MB whatever it shows."""
    judgment = view.judgment
    ring = call_preview.preview_submission(view)
    logo = len(ring.logo) if ring and ring.logo else 0
    rows = build_row_table(judgment, ROWS_BUDGET - logo)
    kinds = build_rule_sections(judgment, rows.rules)
    return render_page(
        "report.html",
        view=view,
        phone=ring,
        counts=judgment.counts,
        rows=rows,
        rows_with_findings=_rows_with_findings(view, rows.shown),
        sections=kinds,
        program_first=len(kinds["fix"]) < _FEW,
        parts=build_count_bar(judgment.counts),
        strips=build_chunk_strips(judgment.files),
        by_rule=_by_rule(view),
        files=judgment.files[:_FILES],
        files_more=len(judgment.files) - _FILES,
        refused=view.refused[:_REFUSED],
        typed_in=TYPED_IN,
        **_head(view),
        **_program(view),
        **_history(view),
    )


def _head(view: SubmissionView) -> dict[str, Any]:
    zone = program_zone(view)
    sentences = headline_sentences(view)
    return {
        "title": plain_text("title", what=_name(view), verdict=" ".join(sentences)),
        "headline": sentences,
        "steps": next_steps(view),
        "tone": VERDICT_TONES[view.judgment.verdict],
        "bare": is_bare_csv(view),
        "name": _name(view),
        "business": visible_text(view.legal_name or view.business or "", _WIDTH),
        "received": f"{format_moment(view.received_at, zone)} {zone_city(str(zone))}",
        "received_utc": f"{format_moment(view.received_at, UTC_ZONE)} UTC",
        "made": f"{format_moment(view.now, UTC_ZONE)} UTC",
        "moved_from": join_words(view.reassigned_from) if view.reassigned_from else "",
        "moved_to": join_words(view.reassigned_to) if view.reassigned_to else "",
    }


def _name(view: SubmissionView) -> str:
    manifest = view.judgment.manifest
    name = manifest.name if manifest else None
    file = view.judgment.files[0].name if view.judgment.files else None
    return visible_text(name or view.reference or view.drop or file or plain_text("title_bare"), _WIDTH)


def _program(view: SubmissionView) -> dict[str, Any]:
    return {
        "facts": program_facts.list_program_facts(view),
        "phone_absent": call_preview.explain_missing_preview(view),
        "carriers": view.branding in ("in_review", "approved"),
    }


def _history(view: SubmissionView) -> dict[str, Any]:
    this = PastSubmission(
        id=view.id, received_at=view.received_at, verdict=view.judgment.verdict, counts=view.judgment.counts
    )
    zone = program_zone(view)
    return {
        "bars": build_history_bars(view.history[-_HISTORY + 1 :], this) if view.history else [],
        "when": lambda instant: format_moment(instant, zone),
        "date": lambda instant: format_short_day(instant, zone),
    }


def _by_rule(view: SubmissionView) -> list[tuple[str, str, int, int]]:
    """(id, name, count, width out of 1000), most frequent first."""
    totals = sorted(view.judgment.totals, key=lambda total: (-total.count, total.id))
    most = max((total.count for total in totals), default=1)
    return [(total.id, total.name, total.count, max(6, round(1000 * total.count / most))) for total in totals]


def _rows_with_findings(view: SubmissionView, shown: int) -> str:
    """What the table holds, said in a sentence: all, or what is left out of it."""
    judgment = view.judgment
    whole = shown >= judgment.counts.rejected and judgment.findings_total <= len(judgment.findings)
    return "all" if whole else "some"
