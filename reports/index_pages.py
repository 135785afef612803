"""The index pages: one of each business, for itself, and one of the operator, for all."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reports.call_preview import preview
from reports.charts import TONES, trend
from reports.formatting import UTC_ZONE, left, moment, percent, place, plain
from reports.rendering import render
from reports.views import BusinessIndexView, OperatorIndexView, ProgramLine
from schemas.model.judgment import Counts

_TREND = 40
#: The states in which the operator or the business has something to do, and those in which all is well.
_STATE_TONES = {"live": "good", "launch_failed": "bad", "missed": "bad", "launching": "warn"}
_BRANDING_TONES = {"approved": "good", "in_review": "warn", "rejected": "bad"}


def business_index(view: BusinessIndexView) -> str:
    """A business's index.html, as long as the lists that the caller cut."""
    counts = [line.counts for line in reversed(view.submissions[:_TREND])]
    worst = max(counts, key=lambda count: count.rejected / max(1, count.read), default=Counts())
    return render(
        "business.html",
        view=view,
        name=view.legal_name or view.business,
        programs=[(line, _next(line, view.now)) for line in view.programs],
        figures=_figures(view),
        points=trend(counts),
        worst=percent(worst.rejected, worst.read),
        newest=percent(view.submissions[0].counts.rejected, view.submissions[0].counts.read)
        if view.submissions
        else "",
        most=max((rule.count for rule in view.top_rules), default=1),
        **_shared(view.now),
    )


def operator_index(view: OperatorIndexView) -> str:
    """The operator's index.html: what waits first, then what launches, then who is there."""
    waiting = len(view.held) + len(view.review) + len(view.failed) + view.paused + bool(view.businesses_error)
    lists = (("failed", view.failed, "bad"), ("held", view.held, "warn"), ("review", view.review, "warn"))
    return render("operator.html", view=view, waiting=waiting, lists=lists, preview=preview, **_shared(view.now))


def _shared(now: datetime) -> dict[str, Any]:
    return {
        "made": f"{moment(now, UTC_ZONE)} UTC",
        "when": lambda instant: f"{moment(instant, UTC_ZONE)} UTC",
        "local": lambda instant, timezone: f"{moment(instant, ZoneInfo(timezone))} {place(timezone)}",
        "left": lambda instant: left(instant, now),
        "tones": TONES,
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
    return [(f"{n:,}", plain(f"index_head_{what}", n=n)) for what, n in counted.items()]


def _next(line: ProgramLine, now: datetime) -> tuple[str, str]:
    """What comes next for the program and the time left until then; blank where nothing does."""
    if line.state in ("ended", "cancelled", "superseded"):
        return "", ""
    zone = ZoneInfo(line.timezone)
    for key, instant in (("next_starts", line.start), ("next_ends", line.end)):
        if instant and instant > now:
            return plain(key, when=f"{moment(instant, zone)} {place(line.timezone)}"), left(instant, now)
    return "", ""
