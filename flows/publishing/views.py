"""Builds the views that reports and the index pages of businesses are made from, out of the ledger."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote

from flows.arrival.inbox_problems import KeptProblems, read_inbox_problems
from flows.ledger.core.engine import Connection, Row
from flows.ledger.intake.drops import ReportedDrop, count_incomplete_drops, list_incomplete_drops
from flows.ledger.programs.businesses import read_business
from flows.ledger.programs.number_changes import count_changes, iter_changes
from flows.ledger.programs.register import find_first_revision, find_latest_revision, find_previous_revision
from flows.ledger.read import page_queries
from flows.publishing.receipts import find_program_of, list_refusals
from reports.views import (
    BusinessIndexView,
    HeldOutcome,
    IncompleteSummary,
    NumberChange,
    PastSubmission,
    ProgramSummary,
    RevisionChanges,
    RuleCount,
    SubmissionSummary,
    SubmissionView,
)
from schemas.model.judgment import Counts, Judgment
from schemas.model.purposes import PURPOSES
from schemas.model.revision import ABSENT, NumberChanges
from schemas.rules import RULES

#: How much of each list a page shows. If there is more, the page says so.
MAX_HISTORY = 12
MAX_CHANGES_SHOWN = 200
MAX_REFUSAL_REASONS = 3
MAX_SUBMISSIONS = 100
MAX_INCOMPLETE = 20
MAX_TOP_RULES = 10
TREND_PERIOD = timedelta(days=30)

#: How held submissions ended that were not released, by their standing in the ledger.
_HELD_OUTCOMES: dict[str, HeldOutcome] = {"dismissed": "dismissed", "replaced": "replaced"}


def build_report_view(
    conn: Connection, business: str, submission: str, judgment: Judgment, *, now: datetime
) -> SubmissionView:
    """The current report of a submission. The verdict may have changed since the judgment, if it was held."""
    row = page_queries.get_submission(conn, submission, business)
    program, revision = find_program_of(conn, row), find_latest_revision(conn, row)
    registered = read_business(conn, row.business)
    # Only the report of the program's current revision shows the program's branding, refusals and takeovers.
    is_current = program is not None and revision is not None and program.revision == revision.number
    givers, takers = (
        page_queries.list_takeover_references(conn, row.business, row.reference) if is_current else ([], [])
    )
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
        state=revision.state if revision else None,
        branding=program.branding if program and is_current else None,
        scheduled_start=revision.start if revision else None,
        revision=_describe_changes(conn, find_first_revision(conn, row)),
        history=[
            _summarize_past(past)
            for past in reversed(page_queries.list_earlier_submissions(conn, row, limit=MAX_HISTORY))
        ],
        refused=list_refusals(conn, program) if is_current else (),
        refused_total=program.refused if program and is_current else 0,
        reassigned_from=givers,
        reassigned_to=takers,
        logo=judgment.logo.content if judgment.logo else None,
        held_outcome=_HELD_OUTCOMES.get(row.standing),
        operator_reason=row.reason if row.standing == "dismissed" else None,
    )


def build_incomplete_report_view(conn: Connection, drop: ReportedDrop, judgment: Judgment) -> SubmissionView:
    """The report of a drop that has not arrived completely, with what was known when it was reported."""
    registered = read_business(conn, drop.business)
    return SubmissionView(
        id=None,
        digest=None,
        received_at=drop.first_seen,
        now=drop.reported_at,
        judgment=judgment,
        business=drop.business,
        legal_name=registered.legal_name if registered else None,
        reference=drop.reference,
        drop=drop.name,
        incomplete=True,
    )


def build_business_index(conn: Connection, business: str, *, now: datetime) -> BusinessIndexView:
    """The index page of one business. It has nothing of any other business."""
    registered = read_business(conn, business)
    rules = page_queries.list_top_rules(conn, business, since=now - TREND_PERIOD, limit=MAX_TOP_RULES)
    submissions = page_queries.list_submissions(conn, business_id=business, limit=MAX_SUBMISSIONS)
    incomplete = list_incomplete_drops(conn, business, limit=MAX_INCOMPLETE)
    return BusinessIndexView(
        business=business,
        now=now,
        legal_name=registered.legal_name if registered else None,
        programs=[_summarize_program(conn, p) for p in page_queries.list_programs(conn, business_id=business)],
        submissions=[_summarize_submission(row) for row in submissions],
        submissions_total=page_queries.count_submissions(conn, business),
        incomplete=[_summarize_incomplete(drop) for drop in incomplete],
        incomplete_total=count_incomplete_drops(conn, business),
        problems=read_inbox_problems(conn).get(business, KeptProblems()).own,
        top_rules=[RuleCount(id=rule, name=RULES[rule].name, count=count) for rule, count in rules if rule in RULES],
    )


def _describe_changes(conn: Connection, revision: Row[Any] | None) -> RevisionChanges | None:
    if revision is None:
        return None
    before = find_previous_revision(conn, revision)
    return RevisionChanges(
        number=revision.number,
        added=revision.added,
        removed=revision.removed,
        changed=revision.changed,
        listed=count_changes(conn, revision.id),
        shown=list(islice(_list_changes(conn, revision.id), MAX_CHANGES_SHOWN)),
        start_before=before.start if before and before.start != revision.start else None,
        end_before=before.end if before and before.end != revision.end else None,
    )


def read_changes(conn: Connection, business: str, submission: str) -> Iterator[NumberChanges]:
    """What the revision of a submission changed, in blocks. Nothing if it made no revision, or the program's first."""
    revision = find_first_revision(conn, page_queries.get_submission(conn, submission, business))
    return iter_changes(conn, revision.id) if revision is not None else iter(())


def _list_changes(conn: Connection, revision_id: int) -> Iterator[NumberChange]:
    for block in iter_changes(conn, revision_id):
        for number, *purposes in zip(block.numbers.tolist(), block.before, block.after, strict=True):
            before, after = (PURPOSES[purpose] if purpose != ABSENT else None for purpose in purposes)
            yield NumberChange(kind=block.kind, number=f"+1{number}", purpose_before=before, purpose=after)


def _summarize_past(row: Row[Any]) -> PastSubmission:
    return PastSubmission(id=row.id, received_at=row.received_at, verdict=row.verdict, counts=Counts(**row.counts))


def _summarize_program(conn: Connection, program: page_queries.ProgramRow) -> ProgramSummary:
    return ProgramSummary(
        reference=program.reference,
        revision=program.revision,
        state=program.state,
        branding=program.branding,
        name=program.name,
        start=program.start,
        end=program.end,
        timezone=program.timezone,
        live=program.live,
        pending=program.pending,
        refused=program.refused,
        refusals=_count_refusals(conn, program),
    )


def _count_refusals(conn: Connection, program: page_queries.ProgramRow) -> Sequence[tuple[str, int]]:
    if not program.refused:
        return ()
    return page_queries.count_refusals_by_reason(conn, program.business, program.reference, limit=MAX_REFUSAL_REASONS)


def _summarize_submission(row: Row[Any]) -> SubmissionSummary:
    return SubmissionSummary(
        id=row.id,
        received_at=row.received_at,
        verdict=row.verdict,
        counts=Counts(**row.counts),
        report=f"{row.id}/report.html",
        reference=row.reference,
        drop=row.drop,
    )


def _summarize_incomplete(drop: ReportedDrop) -> IncompleteSummary:
    findings = drop.reported.findings
    return IncompleteSummary(
        drop=drop.name,
        first_seen=drop.first_seen,
        why=findings[0].message if findings else "",
        problems=drop.reported.errors,
        report=f"drops/{quote(drop.name)}/report.html",
    )
