"""Metrics of the ledger: what waits, what was late, and totals over all time.

They cover the ledger, not a process: a pass started by cron counts like one of `serve`. Each query reads only open
items, stored totals, or the newest rows of the history, so that its cost does not grow with the age of the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, select

from flows.ledger.core.bulk import in_literals
from flows.ledger.core.control_flags import get_flag, get_launch_pause, read_counters
from flows.ledger.core.tables import day, drop, move, program, revision, rule_day, submission
from flows.ledger.launches.due_launches import need_not_wait_for_branding
from flows.ledger.programs.reviews import list_open_reviews
from flows.ledger.read.page_queries import list_held_submissions, list_unknown_batches

#: The period for lags and latenesses, and the most rows of the history that are read for it.
RECENT_WINDOW = timedelta(hours=1)
RECENT_ROWS = 5_000

_TOTALS = day.c.submissions, day.c.refused, day.c.accepted, day.c.rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMetrics:
    """All metrics. `…_since` is the time of the oldest item of a queue; None if the queue is empty.

    Lags and latenesses are in seconds, sorted, for submissions judged and revisions that went live in the last hour.
    """

    submissions: int
    submissions_rejected: int
    rows_accepted: int
    rows_rejected: int
    findings: Mapping[str, int]  # by rule
    carrier_errors: Mapping[str, int]  # by kind
    programs: Mapping[str, int]  # by the state of the newest revision
    numbers: Mapping[str, int]  # by state
    intake_lags: list[float]
    latenesses: list[float]
    arriving: int
    arriving_since: datetime | None
    overdue: int
    overdue_since: datetime | None
    reviews: int
    reviews_since: datetime | None
    held: int
    held_since: datetime | None
    unanswered: int  # held submissions that were not told which of their numbers others have
    unknown_batches: int
    paused: bool
    businesses_unreadable: bool


def read_ledger_metrics(conn: Connection, now: datetime, *, businesses_error_flag: str) -> LedgerMetrics:
    """The metrics as of now. The flag with this name is set if businesses.yaml cannot be read."""
    totals = conn.execute(select(*(func.coalesce(func.sum(c), 0) for c in _TOTALS))).one()
    arriving, arriving_since = conn.execute(_select_arriving()).one()
    overdue, overdue_since = conn.execute(_select_overdue(now)).one()
    reviews, held, pause = list_open_reviews(conn), list_held_submissions(conn), get_launch_pause(conn)
    return LedgerMetrics(
        submissions=int(totals[0]),
        submissions_rejected=int(totals[1]),
        rows_accepted=int(totals[2]),
        rows_rejected=int(totals[3]),
        findings=_read_counts(conn, select(rule_day.c.rule, func.sum(rule_day.c.count)).group_by(rule_day.c.rule)),
        carrier_errors=read_counters(conn, "carrier_errors"),
        programs=_read_counts(conn, _select_newest(revision.c.state, func.count()).group_by(revision.c.state)),
        numbers=_count_numbers(conn),
        intake_lags=_read_intake_lags(conn, now),
        latenesses=_read_latenesses(conn, now),
        arriving=arriving,
        arriving_since=arriving_since,
        overdue=0 if pause else overdue,
        overdue_since=None if pause else overdue_since,
        reviews=len(reviews),
        reviews_since=reviews[0].requested_at if reviews else None,
        held=len(held),
        held_since=held[0].received_at if held else None,
        unanswered=sum(row.unanswered is not None for row in held),
        unknown_batches=len(list_unknown_batches(conn)),
        paused=pause is not None,
        businesses_unreadable=get_flag(conn, businesses_error_flag) is not None,
    )


def _select_newest(*columns: Any) -> Any:
    """These columns of the programs, each with its newest revision."""
    return select(*columns).select_from(program.join(revision, revision.c.id == program.c.revision))


def _read_counts(conn: Connection, query: Any) -> dict[str, int]:
    return {name: int(count) for name, count in conn.execute(query)}


def _count_numbers(conn: Connection) -> dict[str, int]:
    sums = {s: func.coalesce(func.sum(program.c[f"numbers_{s}"]), 0) for s in ("live", "pending", "refused")}
    row = conn.execute(select(*sums.values())).one()
    return {state: int(count) for state, count in zip(sums, row, strict=True)}


def _select_arriving() -> Any:
    """Pending drops that were not reported as incomplete."""
    return select(func.count(), func.min(drop.c.first_seen)).where(drop.c.pending.is_not(None), drop.c.told.is_(None))


def _select_overdue(now: datetime) -> Any:
    """Programs that should have been launched and need not wait for a review."""
    is_open = in_literals(revision.c.state, "scheduled", "launching")
    is_late = and_(is_open, revision.c.late_from <= now, need_not_wait_for_branding())
    return _select_newest(func.count(), func.min(revision.c.late_from)).where(is_late)


def _read_intake_lags(conn: Connection, now: datetime) -> list[float]:
    """From the first sighting of a drop to its verdict. Without retakes, which have no sighting of their own."""
    newest = select(submission).order_by(submission.c.seq.desc()).limit(RECENT_ROWS).subquery()
    query = select(newest.c.received_at, newest.c.judged_at)
    rows = conn.execute(query.where(newest.c.judged_at > now - RECENT_WINDOW, newest.c.retake_of.is_(None)))
    return sorted((judged - received).total_seconds() for received, judged in rows)


def _read_latenesses(conn: Connection, now: datetime) -> list[float]:
    """From the latest of a launch's start, acceptance and release to when it was live."""
    newest = select(move).order_by(move.c.id.desc()).limit(RECENT_ROWS).subquery()
    went_live = and_(newest.c.thing == "revision", newest.c.after == "live", newest.c.at > now - RECENT_WINDOW)
    same_program = and_(program.c.business == newest.c.business, program.c.reference == newest.c.reference)
    same_revision = and_(revision.c.program == program.c.id, revision.c.number == newest.c.revision)
    rows = conn.execute(
        select(newest.c.at, revision.c.late_from)
        .select_from(newest)
        .join(program, same_program)
        .join(revision, same_revision)
        .where(went_live)
    )
    return sorted((at - due).total_seconds() for at, due in rows)
