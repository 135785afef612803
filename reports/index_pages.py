"""The index pages: one of each business, for itself, and one of the operator, for all."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reports.call_preview import preview_branding
from reports.charts import VERDICT_TONES, build_trend
from reports.formatting import UTC_ZONE, format_moment, format_percent, plain_text, time_left, zone_city
from reports.rendering import render_page
from reports.views import BusinessIndexView, OperatorIndexView, ProgramSummary
from schemas.model.judgment import Counts

_TREND = 40
#: The states in which the operator or the business has something to do, and those in which all is well.
_STATE_TONES = {"live": "good", "launch_failed": "bad", "missed": "bad", "launching": "warn"}
_BRANDING_TONES = {"approved": "good", "in_review": "warn", "rejected": "bad"}


def business_index(view: BusinessIndexView) -> str:
    """A business's index.html, as long as the lists that the caller cut."""
    counts = [line.counts for line in reversed(view.submissions[:_TREND])]
    worst = max(counts, key=lambda count: count.rejected / max(1, count.read), default=Counts())
    return render_page(
        "business.html",
        view=view,
        name=view.legal_name or view.business,
        programs=[(line, _next(line, view.now)) for line in view.programs],
        figures=_figures(view),
        points=build_trend(counts),
        worst=format_percent(worst.rejected, worst.read),
        newest=format_percent(view.submissions[0].counts.rejected, view.submissions[0].counts.read)
        if view.submissions
        else "",
        most=max((rule.count for rule in view.top_rules), default=1),
        **_shared(view.now),
    )


def operator_index(view: OperatorIndexView) -> str:
    """The operator's index.html: what waits first, then what launches, then who is there."""
    waiting = len(view.held) + len(view.review) + len(view.failed) + view.paused + bool(view.businesses_error)
    lists = (("failed", view.failed, "bad"), ("held", view.held, "warn"), ("review", view.review, "warn"))
    return render_page(
        "operator.html", view=view, waiting=waiting, lists=lists, preview=preview_branding, **_shared(view.now)
    )


def _shared(now: datetime) -> dict[str, Any]:
    return {
        "made": f"{format_moment(now, UTC_ZONE)} UTC",
        "when": lambda instant: f"{format_moment(instant, UTC_ZONE)} UTC",
        "local": lambda instant, timezone: f"{format_moment(instant, ZoneInfo(timezone))} {zone_city(timezone)}",
        "left": lambda instant: time_left(instant, now),
        "tones": VERDICT_TONES,
        "state_tones": _STATE_TONES,
        "branding_tones": _BRANDING_TONES,
    }


def _figures(view: BusinessIndexView) -> list[tuple[str, str]]:
    """(figure, what it counts) of the head."""
    counted = {
        "live": sum(line.state == "live" for line in view.programs),
        "scheduled": sum(line.state == "scheduled" for line in view.programs),
        "numbers": sum(line.live for line in view.programs),
    }
    return [(f"{n:,}", plain_text(f"index_head_{what}", n=n)) for what, n in counted.items()]


def _next(line: ProgramSummary, now: datetime) -> tuple[str, str]:
    """What comes next for the program and the time left until then; blank where nothing does."""
    if line.state in ("ended", "cancelled", "superseded"):
        return "", ""
    zone = ZoneInfo(line.timezone)
    for key, instant in (("next_starts", line.start), ("next_ends", line.end)):
        if instant and instant > now:
            return plain_text(key, when=f"{format_moment(instant, zone)} {zone_city(line.timezone)}"), time_left(
                instant, now
            )
    return "", ""
