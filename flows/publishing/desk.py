"""Builds the operator's page out of the ledger: the desk with everything that waits for a decision.

However much one business sends, it takes a few lines: from some items on, those of one business are one item.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeVar

from flows.arrival.inbox_problems import KeptProblems, read_inbox_problems
from flows.ledger.core.control_flags import get_flag, get_launch_pause
from flows.ledger.core.engine import Connection, Row
from flows.ledger.programs.contested_numbers import count_asked
from flows.ledger.programs.reviews import Review, list_open_reviews
from flows.ledger.read import page_queries
from flows.operator_files.businesses import BUSINESSES_ERROR_FLAG
from flows.publishing.views import TREND_PERIOD
from reports.formatting import plain_text
from reports.views import AttentionItem, BrandingPreview, BusinessSummary, OperatorIndexView, UpcomingLaunch
from schemas.manifest.logo import measure_logo
from schemas.model.judgment import Counts

#: Items of one business in a section of the page. If there are more, they become one item with these as examples.
MAX_ITEMS = 3
#: Different reasons in an item that stands for many held submissions.
MAX_REASONS = 3
#: Businesses in a section of the page. The rest is one item.
MAX_BUSINESSES = 100
MAX_LAUNCHES = 200
#: Logos in review on the operator's page, and what they may cost to draw together, in plain shapes.
MAX_LOGOS = 10
MAX_LOGOS_COST = 6_000
UPCOMING_PERIOD = timedelta(hours=24)

#: What to do about the many items of a business, by the key of the text that counts them.
_COMMANDS = {
    "operator_many_held": (
        "launchdrop submissions --held --business {business}",
        "launchdrop submissions release ID …",
        "launchdrop submissions reject ID … --reason …",
    ),
    "operator_many_reviews": (
        "launchdrop review list --business {business}",
        "launchdrop review approve --business {business}",
        "launchdrop review reject --business {business} --reason …",
    ),
    "operator_many_failed": (
        "launchdrop programs --business {business}",
        "launchdrop launches retry {business}/…",
    ),
    "operator_many_batches": ("launchdrop programs --business {business}",),
}

#: Returns the bytes of a business's logo by its sha256, or None if they are lost.
LoadLogo = Callable[[str, str], bytes | None]


class _OfBusiness(Protocol):
    """A row of the ledger that belongs to a business."""

    @property
    def business(self) -> str: ...


_RowT = TypeVar("_RowT", bound=_OfBusiness)


def build_operator_index(conn: Connection, *, now: datetime, load_logo: LoadLogo) -> OperatorIndexView:
    """The operator's page: what needs a decision, what failed, what launches soon, and all businesses."""
    load_logo = _limit_logos(load_logo)
    starting = page_queries.list_starting_programs(conn, until=now + UPCOMING_PERIOD, limit=MAX_LAUNCHES)
    return OperatorIndexView(
        now=now,
        businesses=[
            _summarize_business(totals) for totals in page_queries.list_business_totals(conn, since=now - TREND_PERIOD)
        ],
        held=_fold(
            page_queries.list_held_submissions(conn), partial(_describe_held, conn), "operator_many_held", _join_reasons
        ),
        review=_fold(
            list_open_reviews(conn), lambda review: _describe_review(review, load_logo), "operator_many_reviews"
        ),
        failed=[
            *_describe_inbox_problems(read_inbox_problems(conn)),
            *_fold(page_queries.list_stuck_programs(conn), _describe_stuck_program, "operator_many_failed"),
            *_fold(page_queries.list_unknown_batches(conn), _describe_unknown_batch, "operator_many_batches"),
        ],
        upcoming_launches=[_describe_launch(program) for program in starting],
        paused=get_launch_pause(conn) is not None,
        businesses_error=get_flag(conn, BUSINESSES_ERROR_FLAG),
    )


def _fold(
    rows: Iterable[_RowT],
    describe: Callable[[_RowT], AttentionItem],
    what: str,
    join_reasons: Callable[[Iterable[_RowT]], str] = lambda _: "",
) -> list[AttentionItem]:
    """An item for each row, or one for all rows of a business that has many. Businesses keep their order.

    `what` is the key of the text that counts them, and of their commands. `join_reasons` says why there are so many.
    """
    by_business: dict[str, list[_RowT]] = {}
    for row in rows:
        by_business.setdefault(row.business, []).append(row)
    items: list[AttentionItem] = []
    for business, its_rows in islice(by_business.items(), MAX_BUSINESSES):
        examples = [describe(row) for row in its_rows[:MAX_ITEMS]]
        if len(its_rows) <= MAX_ITEMS:
            items += examples
            continue
        items.append(
            AttentionItem(
                what=plain_text(what, n=len(its_rows), business=business),
                why=join_reasons(its_rows) + plain_text("operator_folded_why", n=MAX_ITEMS),
                commands=[command.format(business=business) for command in _COMMANDS[what]],
                business=business,
                since=examples[0].since,
                count=len(its_rows),
                examples=examples,
            )
        )
    if left := sum(len(its_rows) for its_rows in islice(by_business.values(), MAX_BUSINESSES, None)):
        items.append(_describe_rest(len(by_business) - MAX_BUSINESSES, left))
    return items


def _describe_rest(businesses: int, count: int) -> AttentionItem:
    commands = ["launchdrop review list", "launchdrop submissions --held", "launchdrop programs"]
    what = plain_text("operator_rest", n=businesses)
    return AttentionItem(what=what, why=plain_text("operator_rest_why"), commands=commands, count=count)


def _summarize_business(row: page_queries.BusinessTotals) -> BusinessSummary:
    return BusinessSummary(
        id=row.id,
        index=f"../{row.id}/index.html",
        legal_name=row.legal_name,
        programs_live=row.live,
        programs_scheduled=row.scheduled,
        numbers_live=row.numbers_live,
        submissions=row.submissions,
        last_received_at=row.last_received_at,
        last_30_days=Counts(read=row.accepted + row.rejected, accepted=row.accepted, rejected=row.rejected),
    )


def _describe_held(conn: Connection, row: Row[Any]) -> AttentionItem:
    why = "; ".join(row.held_because)
    if row.unanswered is not None:
        asked = count_asked(conn, row.business, day=row.judged_at)
        why += f" ({row.unanswered:,} in this drop, {asked:,} on {row.judged_at:%Y-%m-%d}; a release tells it which)"
    return AttentionItem(
        what=f"{row.business}/{row.reference}",
        why=why,
        commands=[f"launchdrop submissions release {row.id}", f"launchdrop submissions reject {row.id} --reason …"],
        business=row.business,
        since=row.received_at,
        report=f"../{row.business}/{row.id}/report.html",
    )


def _join_reasons(rows: Iterable[Row[Any]]) -> str:
    """Why these submissions are held, as one sentence: the first different reasons, and how many more there are."""
    reasons = list(dict.fromkeys(reason for row in rows for reason in row.held_because))
    more = len(reasons) - MAX_REASONS
    return "; ".join(reasons[:MAX_REASONS]) + (f"; and {more:,} more. " if more > 0 else ". ")


def _limit_logos(load_logo: LoadLogo) -> LoadLogo:
    """The same function, but without the logos that would keep the page from being drawn quickly.

    A logo that was archived by an older version may break a rule now. It is not shown either.
    """
    logos_left, cost_left = MAX_LOGOS, float(MAX_LOGOS_COST)

    def load_cheap_logo(business: str, sha256: str) -> bytes | None:
        nonlocal logos_left, cost_left
        if logos_left == 0:
            return None
        logos_left -= 1
        image = load_logo(business, sha256)
        cost = measure_logo(image) if image else None
        if cost is None or cost > cost_left:
            return None
        cost_left -= cost
        return image

    return load_cheap_logo


def _describe_review(review: Review, load_logo: LoadLogo) -> AttentionItem:
    name = review.display_name
    what = f"{name.display} / {name.shorthand}" if name else f"logo {review.logo_name or review.logo_sha256}"
    return AttentionItem(
        what=what,
        why="; ".join(message for _, message in review.review_findings) or "a program uses it",
        commands=[f"launchdrop review approve {review.id}", f"launchdrop review reject {review.id} --reason …"],
        business=review.business,
        since=review.requested_at,
        report=f"../{review.business}/{review.submission}/report.html" if review.submission else None,
        preview=_preview_branding(review, load_logo),
    )


def _preview_branding(review: Review, load_logo: LoadLogo) -> BrandingPreview | None:
    if name := review.display_name:
        return BrandingPreview(display=name.display, shorthand=name.shorthand)
    image = load_logo(review.business, review.logo_sha256) if review.logo_sha256 else None
    return BrandingPreview(logo=image) if image else None


def _describe_inbox_problems(kept: Mapping[str, KeptProblems]) -> Iterator[AttentionItem]:
    """One item for each business, and one for what belongs to no business."""
    for business, problems in kept.items():
        more = problems.total - len(problems.messages)
        why = "; ".join(problems.messages) + (f"; and {more:,} more" if more else "")
        yield AttentionItem(what=f"inbox/{business}".rstrip("/"), why=why, commands=(), business=business or None)


def _describe_stuck_program(program: page_queries.ProgramRow) -> AttentionItem:
    return AttentionItem(
        what=f"{program.business}/{program.reference}",
        why=f"{(program.state or '').replace('_', ' ')}: {program.reason or 'no reason given'}",
        commands=[f"launchdrop launches retry {program.business}/{program.reference}"],
        business=program.business,
        since=program.start,
    )


def _describe_unknown_batch(row: Row[Any]) -> AttentionItem:
    return AttentionItem(
        what=f"{row.business}/{row.reference}",
        why=f"the carrier's answer to a batch of {row.size} numbers was lost, and the carrier cannot be asked",
        commands=[f"launchdrop show {row.business}/{row.reference}"],
        business=row.business,
        since=row.sent_at,
    )


def _describe_launch(program: page_queries.ProgramRow) -> UpcomingLaunch:
    assert program.start is not None
    return UpcomingLaunch(
        business=program.business,
        reference=program.reference,
        revision=program.revision,
        start=program.start,
        timezone=program.timezone,
        numbers=program.pending,
        branding=program.branding,
    )
