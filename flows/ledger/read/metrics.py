"""The ledger in figures, for whoever watches it: what waits, what was late, and sums since ever.

They are the ledger's, not a process's: a pass from cron counts like one that stays. Each is asked for in what is open,
in sums that are kept, or in the newest of the history; none of it grows with what was taken long ago.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from flows.ledger.core.bulk import in_literals
from flows.ledger.core.control_flags import get_flag, get_launch_pause, read_counters
from flows.ledger.core.tables import day, move, program, revision, rule_day, submission
from flows.ledger.intake.drops import drop
from flows.ledger.programs.reviews import list_open_reviews
from flows.ledger.read.page_queries import list_held_submissions, list_unknown_batches

#: What "lately" is, for lags and lateness, and how much of the history is looked at for it at most.
RECENT_WINDOW = timedelta(hours=1)
RECENT_ROWS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMetrics:
    """All of them. Lags and latenesses are in seconds, sorted, of what was taken or went live within the last hour."""

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
    unknown_batches: int
    paused: bool
    businesses_wrong: bool


def read_ledger_metrics(conn: Connection, now: datetime, *, wrong: str) -> LedgerMetrics:
    """The figures as of now; `wrong` is the flag that says what is wrong with businesses.yaml."""
    sums = conn.execute(select(*(func.coalesce(func.sum(c), 0) for c in _SUMMED))).one()
    arriving, arriving_since = conn.execute(_arriving()).one()
    overdue, overdue_since = conn.execute(_overdue(now)).one()
    reviews, waiting, stopped = list_open_reviews(conn), list_held_submissions(conn), get_launch_pause(conn)
    return LedgerMetrics(
        submissions=int(sums[0]),
        submissions_rejected=int(sums[1]),
        rows_accepted=int(sums[2]),
        rows_rejected=int(sums[3]),
        findings=_pairs(conn, select(rule_day.c.rule, func.sum(rule_day.c.count)).group_by(rule_day.c.rule)),
        carrier_errors=read_counters(conn, "carrier_errors"),
        programs=_pairs(conn, _newest(revision.c.state, func.count()).group_by(revision.c.state)),
        numbers=_numbers(conn),
        intake_lags=_lags(conn, now),
        latenesses=_latenesses(conn, now),
        arriving=arriving,
        arriving_since=arriving_since,
        overdue=0 if stopped else overdue,
        overdue_since=None if stopped else overdue_since,
        reviews=len(reviews),
        reviews_since=reviews[0].requested_at if reviews else None,
        held=len(waiting),
        held_since=waiting[0].received_at if waiting else None,
        unknown_batches=len(list_unknown_batches(conn)),
        paused=stopped is not None,
        businesses_wrong=get_flag(conn, wrong) is not None,
    )


_SUMMED = day.c.submissions, day.c.refused, day.c.accepted, day.c.rejected


def _newest(*columns: Any) -> Any:
    return select(*columns).select_from(program.join(revision, revision.c.id == program.c.revision))


def _pairs(conn: Connection, query: Any) -> dict[str, int]:
    return {name: int(count) for name, count in conn.execute(query)}


def _numbers(conn: Connection) -> dict[str, int]:
    columns = {s: func.coalesce(func.sum(program.c[f"numbers_{s}"]), 0) for s in ("live", "pending", "refused")}
    return {
        name: int(count) for name, count in zip(columns, conn.execute(select(*columns.values())).one(), strict=True)
    }


def _arriving() -> Any:
    """Drops that something new lies in and whose business was not yet told that they lack anything."""
    return select(func.count(), func.min(drop.c.first_seen)).where(drop.c.pending.is_not(None), drop.c.told.is_(None))


def _overdue(now: datetime) -> Any:
    """Programs whose start has come, and that wait for no review."""
    may_show = or_(revision.c.hold_until_branded.is_(False), program.c.branding.in_(["approved", "none"]))
    late = and_(in_literals(revision.c.state, "scheduled", "launching"), revision.c.late_from <= now, may_show)
    return _newest(func.count(), func.min(revision.c.late_from)).where(late)


def _lags(conn: Connection, now: datetime) -> list[float]:
    """From the first sighting of a drop to its verdict; a retake has no sighting of its own."""
    newest = select(submission).order_by(submission.c.seq.desc()).limit(RECENT_ROWS).subquery()
    query = select(newest.c.received_at, newest.c.judged_at)
    rows = conn.execute(query.where(newest.c.judged_at > now - RECENT_WINDOW, newest.c.retake_of.is_(None)))
    return sorted((judged - received).total_seconds() for received, judged in rows)


def _latenesses(conn: Connection, now: datetime) -> list[float]:
    """From when a launch was due, by its start, acceptance or release, to when it was live."""
    newest = select(move).order_by(move.c.id.desc()).limit(RECENT_ROWS).subquery()
    launched = and_(newest.c.thing == "revision", newest.c.after == "live", newest.c.at > now - RECENT_WINDOW)
    same = and_(program.c.business == newest.c.business, program.c.reference == newest.c.reference)
    which = and_(revision.c.program == program.c.id, revision.c.number == newest.c.revision)
    rows = conn.execute(
        select(newest.c.at, revision.c.late_from)
        .select_from(newest)
        .join(program, same)
        .join(revision, which)
        .where(launched)
    )
    return sorted((at - due).total_seconds() for at, due in rows)
