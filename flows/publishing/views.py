"""From what the ledger knows to what a page is made from."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flows.ledger.core.control_flags import get_flag, get_launch_pause
from flows.ledger.core.engine import Connection, Row
from flows.ledger.intake.drops import Sighting, find_incomplete_drop
from flows.ledger.programs.businesses import read_business as business_of
from flows.ledger.programs.register import find_first_revision, find_latest_revision, find_previous_revision
from flows.ledger.programs.reviews import Review, list_open_reviews
from flows.ledger.read import page_queries
from flows.operator_files.businesses import BUSINESSES_ERROR_FLAG
from reports.views import (
    AttentionItem,
    BrandingPreview,
    BusinessIndexView,
    BusinessSummary,
    HeldOutcome,
    OperatorIndexView,
    PastSubmission,
    ProgramSummary,
    ReceiptView,
    RefusedNumber,
    RevisionChanges,
    RuleCount,
    SubmissionSummary,
    SubmissionView,
    UpcomingLaunch,
)
from schemas.model.judgment import Counts, Judgment
from schemas.rules import RULES

#: How much of each list a page shows; what is more, it says.
HISTORY = 12
REFUSALS = 200
REASONS = 3
SUBMISSIONS = 100
LAUNCHES = 200
TOP_RULES = 10
#: Logos in review that the operator's page shows; each may have 200 KB.
LOGOS = 10
MONTH = timedelta(days=30)
NIGHT = timedelta(hours=24)


def build_receipt_view(conn: Connection, business: str, drop: str) -> ReceiptView | None:
    """The receipt of a drop as things stand; None: it was never acknowledged.

    While something is lacking it says so, whatever becomes of what was taken of the drop before.
    """
    if (lacking := find_incomplete_drop(conn, business, drop)) is not None:
        return _incomplete(lacking)
    row = page_queries.find_receipt(conn, business, drop)
    if row is None:
        return None
    of = page_queries.get_submission(conn, row.submission, business)
    program = _program(conn, of)
    return ReceiptView(
        outcome=row.outcome,
        business=business,
        drop=drop,
        received_at=of.received_at,
        submission=of.id,
        reference=of.reference,
        verdict=of.verdict,
        counts=Counts(**of.counts),
        state=program.state if program else None,
        branding=program.branding if program else None,
        scheduled_start=program.start if program else None,
        digest=row.digest,
        link=f"../../{of.id}/report.html",
        refused=_refused(conn, program),
        refused_total=program.refused if program else 0,
    )


def _incomplete(sighting: Sighting) -> ReceiptView:
    return ReceiptView(
        outcome="incomplete",
        business=sighting.business,
        drop=sighting.name,
        received_at=sighting.first_seen,
        reference=sighting.pending.wanted.reference if sighting.pending and sighting.pending.wanted else None,
        findings=sighting.pending.reported_findings if sighting.pending else (),
    )


def build_report_view(conn: Connection, business: str, submission: str, judgment: Judgment, *, now: datetime) -> SubmissionView:
    """A submission's page as things stand; a held one may have been decided on since it was judged."""
    row = page_queries.get_submission(conn, submission, business)
    program, stands = _program(conn, row), find_latest_revision(conn, row)
    registered = business_of(conn, row.business)
    latest = program is not None and stands is not None and program.revision == stands.number
    givers, takers = page_queries.list_takeover_references(conn, row.business, row.reference) if latest else ([], [])
    return SubmissionView(
        id=row.id,
        digest=row.digest,
        received_at=row.received_at,
        now=now,
        judgment=replace(judgment, verdict=row.verdict),
        business=row.business,
        legal_name=registered.legal_name if registered else None,
        reference=row.reference,
        drop=row.drop,
        state=stands.state if stands else None,
        branding=program.branding if program and latest else None,
        scheduled_start=stands.start if stands else None,
        revision=_revision(conn, find_first_revision(conn, row)),
        history=[_past(p) for p in reversed(page_queries.list_earlier_submissions(conn, row, limit=HISTORY))],
        refused=_refused(conn, program) if latest else (),
        refused_total=program.refused if program and latest else 0,
        reassigned_from=givers,
        reassigned_to=takers,
        logo=judgment.logo.content if judgment.logo else None,
        held_outcome=_DECIDED.get(row.standing),
        operator_reason=row.reason if row.standing == "dismissed" else None,
    )


#: By their standing, held submissions that will not be taken any more.
_DECIDED: dict[str, HeldOutcome] = {"dismissed": "dismissed", "replaced": "replaced"}


def build_business_index(conn: Connection, name: str, *, now: datetime) -> BusinessIndexView:
    """A business's page; nothing of another's."""
    known = business_of(conn, name)
    rules = page_queries.list_top_rules(conn, name, since=now - MONTH, limit=TOP_RULES)
    return BusinessIndexView(
        business=name,
        now=now,
        legal_name=known.legal_name if known else None,
        programs=[_program_line(conn, p) for p in page_queries.list_programs(conn, business_id=name)],
        submissions=[_submission_line(s) for s in page_queries.list_submissions(conn, business_id=name, limit=SUBMISSIONS)],
        submissions_total=page_queries.count_submissions(conn, name),
        top_rules=[RuleCount(id=rule, name=RULES[rule].name, count=count) for rule, count in rules if rule in RULES],
    )


#: The bytes of a business's logo by their sha256; None where they are lost.
LoadLogo = Callable[[str, str], bytes | None]


def build_operator_index(conn: Connection, *, now: datetime, logo: LoadLogo) -> OperatorIndexView:
    """The operator's page: what waits, what launches, what failed, who is there."""
    stopped = get_launch_pause(conn)
    reviews = list_open_reviews(conn)
    shown = {review.id for review in [r for r in reviews if r.logo_sha256][:LOGOS]}
    return OperatorIndexView(
        now=now,
        businesses=[_business_line(b) for b in page_queries.list_business_totals(conn, since=now - MONTH)],
        held=[_held(row) for row in page_queries.list_held_submissions(conn)],
        review=[_in_review(review, logo if review.id in shown else _no_logo) for review in reviews],
        failed=[*map(_stuck, page_queries.list_stuck_programs(conn)), *map(_unknown, page_queries.list_unknown_batches(conn))],
        upcoming_launches=[_launch_line(p) for p in page_queries.list_starting_programs(conn, until=now + NIGHT, limit=LAUNCHES)],
        paused=stopped is not None,
        businesses_error=get_flag(conn, BUSINESSES_ERROR_FLAG),
    )


def _program(conn: Connection, submission: Row[Any]) -> page_queries.ProgramRow | None:
    if submission.reference is None:
        return None
    found = page_queries.list_programs(conn, business_id=submission.business, reference=submission.reference)
    return found[0] if found else None


def _revision(conn: Connection, made: Row[Any] | None) -> RevisionChanges | None:
    if made is None:
        return None
    before = find_previous_revision(conn, made)
    return RevisionChanges(
        number=made.number,
        added=made.added,
        removed=made.removed,
        changed=made.changed,
        start_before=before.start if before and before.start != made.start else None,
        end_before=before.end if before and before.end != made.end else None,
    )


def _past(row: Row[Any]) -> PastSubmission:
    return PastSubmission(id=row.id, received_at=row.received_at, verdict=row.verdict, counts=Counts(**row.counts))


def _refused(conn: Connection, program: page_queries.ProgramRow | None) -> list[RefusedNumber]:
    if program is None or not program.refused:
        return []
    found = page_queries.list_refused_numbers(conn, program.business, program.reference, limit=REFUSALS)
    # In full: it is the business's own number, on its own page, for it to act on.
    return [RefusedNumber(number=f"+1{number}", reason=reason) for number, reason in found]


def _program_line(conn: Connection, p: page_queries.ProgramRow) -> ProgramSummary:
    return ProgramSummary(
        reference=p.reference,
        revision=p.revision,
        state=p.state,
        branding=p.branding,
        name=p.name,
        start=p.start,
        end=p.end,
        timezone=p.timezone,
        live=p.live,
        pending=p.pending,
        refused=p.refused,
        refusals=page_queries.count_refusals_by_reason(conn, p.business, p.reference, limit=REASONS) if p.refused else (),
    )


def _submission_line(row: Row[Any]) -> SubmissionSummary:
    return SubmissionSummary(
        id=row.id,
        received_at=row.received_at,
        verdict=row.verdict,
        counts=Counts(**row.counts),
        report=f"{row.id}/report.html",
        reference=row.reference,
        drop=row.drop,
    )


def _business_line(row: page_queries.BusinessTotals) -> BusinessSummary:
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


def _held(row: Row[Any]) -> AttentionItem:
    return AttentionItem(
        what=f"{row.business}/{row.reference}",
        why="; ".join(row.held_because),
        commands=[f"launchdrop submissions release {row.id}", f"launchdrop submissions reject {row.id} --reason …"],
        business=row.business,
        since=row.received_at,
        report=f"../{row.business}/{row.id}/report.html",
    )


def _no_logo(_business: str, _sha256: str) -> None:
    return None


def _in_review(review: Review, logo: LoadLogo) -> AttentionItem:
    name = review.display_name
    what = f"{name.display} / {name.shorthand}" if name else f"logo {review.logo_name or review.logo_sha256}"
    return AttentionItem(
        what=what,
        why="; ".join(message for _, message in review.notes) or "asked for by a program",
        commands=[f"launchdrop review approve {review.id}", f"launchdrop review reject {review.id} --reason …"],
        business=review.business,
        since=review.requested_at,
        report=f"../{review.business}/{review.submission}/report.html" if review.submission else None,
        preview=_preview(review, logo),
    )


def _preview(review: Review, logo: LoadLogo) -> BrandingPreview | None:
    if name := review.display_name:
        return BrandingPreview(display=name.display, shorthand=name.shorthand)
    image = logo(review.business, review.logo_sha256) if review.logo_sha256 else None
    return BrandingPreview(logo=image) if image else None


def _stuck(p: page_queries.ProgramRow) -> AttentionItem:
    return AttentionItem(
        what=f"{p.business}/{p.reference}",
        why=f"{(p.state or '').replace('_', ' ')}: {p.reason or 'no reason was given'}",
        commands=[f"launchdrop launches retry {p.business}/{p.reference}"],
        business=p.business,
        since=p.start,
    )


def _unknown(row: Row[Any]) -> AttentionItem:
    return AttentionItem(
        what=f"{row.business}/{row.reference}",
        why=f"the carrier's answer to a batch of {row.size} numbers was lost, and it cannot be asked",
        commands=[f"launchdrop show {row.business}/{row.reference}"],
        business=row.business,
        since=row.sent_at,
    )


def _launch_line(p: page_queries.ProgramRow) -> UpcomingLaunch:
    assert p.start is not None
    return UpcomingLaunch(
        business=p.business,
        reference=p.reference,
        revision=p.revision,
        start=p.start,
        timezone=p.timezone,
        numbers=p.pending,
        branding=p.branding,
    )
