"""The index pages: one per business, for that business, and one for the operator, with all businesses."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reports.call_preview import preview_branding
from reports.charts import VERDICT_TONES, build_trend
from reports.formatting import UTC_ZONE, format_date_time, format_percent, plain_text, time_left
from reports.rendering import render_page
from reports.views import BusinessIndexView, OperatorIndexView, ProgramSummary
from schemas.model.judgment import Counts

_TREND_SUBMISSIONS = 40
_STATE_TONES = {"live": "good", "launch_failed": "bad", "missed": "bad", "launching": "warn"}
_BRANDING_TONES = {"approved": "good", "in_review": "warn", "rejected": "bad"}


def business_index(view: BusinessIndexView) -> str:
    """A business's index.html. The caller has cut its lists."""
    counts = [submission.counts for submission in reversed(view.submissions[:_TREND_SUBMISSIONS])]
    worst = max(counts, key=lambda count: count.rejected / max(1, count.read), default=Counts())
    newest = counts[-1] if counts else Counts()
    return render_page(
        "business.html",
        view=view,
        name=view.legal_name or view.business,
        programs=[(program, _next_date(program, view.now)) for program in view.programs],
        figures=_figures(view),
        trend=build_trend(counts),
        worst=format_percent(worst.rejected, worst.read),
        newest=format_percent(newest.rejected, newest.read),
        highest_count=max((rule.count for rule in view.top_rules), default=1),
        **_shared_values(view.now),
    )


def operator_index(view: OperatorIndexView) -> str:
    """The operator's index.html: first what needs attention, then what launches soon, then all businesses."""
    waiting = (item for items in (view.held, view.review, view.failed) for item in items)
    items = sum(item.count for item in waiting) + view.paused + bool(view.businesses_error)
    lists = (("failed", view.failed, "bad"), ("held", view.held, "warn"), ("review", view.review, "warn"))
    return render_page(
        "operator.html", view=view, items=items, lists=lists, preview=preview_branding, **_shared_values(view.now)
    )


def _shared_values(now: datetime) -> dict[str, Any]:
    return {
        "as_of": format_date_time(now, UTC_ZONE),
        "utc": lambda instant: format_date_time(instant, UTC_ZONE),
        "local": lambda instant, timezone: format_date_time(instant, ZoneInfo(timezone)),
        "left": lambda instant: time_left(instant, now),
        "verdict_tones": VERDICT_TONES,
        "state_tones": _STATE_TONES,
        "branding_tones": _BRANDING_TONES,
    }


def _figures(view: BusinessIndexView) -> list[tuple[str, str]]:
    """(number, what it counts) for the top of the page."""
    counts = {
        "live": sum(program.state == "live" for program in view.programs),
        "scheduled": sum(program.state == "scheduled" for program in view.programs),
        "numbers": sum(program.live for program in view.programs),
    }
    return [(f"{n:,}", plain_text(f"index_count_{what}", n=n)) for what, n in counts.items()]


def _next_date(program: ProgramSummary, now: datetime) -> tuple[str, str]:
    """The program's next start or end and the time left until then. Both are blank if there is none."""
    if program.state in ("ended", "cancelled", "superseded"):
        return "", ""
    for key, instant in (("next_starts", program.start), ("next_ends", program.end)):
        if instant and instant > now:
            when = format_date_time(instant, ZoneInfo(program.timezone))
            return plain_text(key, when=when), time_left(instant, now)
    return "", ""
