"""Launches: claiming those that are due, recording their outcome, and giving up those that are too late."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, and_, exists, or_, select, update

from flows.ledger.core.bulk import in_literals, in_values
from flows.ledger.core.control_flags import get_launch_pause
from flows.ledger.core.tables import move, program, revision, submission, takeover
from flows.ledger.core.transitions import move_revisions
from flows.ledger.launches.batches import count_open_batches
from flows.ledger.launches.job_leases import (
    Job,
    JobClaimer,
    check_job_leases,
    claimable_condition,
    end_jobs,
    lease_jobs,
    select_newest_revisions,
)
from flows.ledger.launches.plan import delete_planned_batches, plan_batches
from flows.ledger.programs.numbers import recount_numbers
from flows.ledger.programs.ownership import free_numbers, hand_over_numbers
from flows.ledger.programs.register import register_waiting_submissions

#: The most programs claimed at once. Fewer are claimed if they have many numbers.
PROGRAMS_PER_CLAIM = 1000

#: Numbers claimed at once. Limits the memory for planning them, and how long that locks the ledger.
NUMBERS_PER_CLAIM = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentChanges:
    """What the carrier has to be sent for a launch besides numbers.

    `branding`: it must show what is approved, or remove what it shows if the revision has no branding. A branding in
    review changes nothing: the carrier keeps what it shows until the review is decided.
    """

    facts: bool
    branding: bool


def find_unsent_changes(conn: Connection, job: Job) -> UnsentChanges:
    """Compare the launched revision with the live one.

    Everything is unsent if no revision is live. The same goes after a failed launch, which may have sent the carrier
    something that is in neither of the two revisions.
    """
    has_branding = job.branding is not None
    if job.first:
        tried_before = job.revision > 1 and job.carrier_id is not None
        return UnsentChanges(facts=True, branding=has_branding or (tried_before and job.type == "SENTRY"))
    live, launched = revision.alias("live"), revision.alias("launched")
    query = (
        select(live, program.c.brand_due, launched)
        .join(program, program.c.live_revision == live.c.id)
        .join(launched, program.c.revision == launched.c.id)
        .where(program.c.id == job.program)
    )
    row = conn.execute(query).one()._mapping

    def differs(*columns: str) -> bool:
        return any(row[live.c[name]] != row[launched.c[name]] for name in columns)

    failed_before = _has_failed_launch_since(conn, job, row[live.c.number])
    branding_sent = not failed_before and not differs("display_name", "logo", "facts") and not row[program.c.brand_due]
    removes_branding = (failed_before or row[live.c.display_name] is not None) and row[launched.c.display_name] is None
    return UnsentChanges(
        facts=failed_before or differs("facts", "start", "end", "timezone"),
        branding=removes_branding or (has_branding and not branding_sent),
    )


def _has_failed_launch_since(conn: Connection, job: Job, live_number: int) -> bool:
    """Whether a launch of a revision between the live one and this one was begun. It failed, as it is not live."""
    if job.revision == live_number + 1:
        return False
    of_program = move.c.business == job.business, move.c.reference == job.reference
    begun = move.c.thing == "revision", move.c.after == "launching"
    between = move.c.revision.between(live_number + 1, job.revision - 1)
    return conn.execute(select(move.c.id).where(*of_program, *begun, between).limit(1)).first() is not None


def claim_launches(
    conn: Connection,
    claimer: JobClaimer,
    *,
    now: datetime,
    allowed_delay: timedelta,
    do_not_originate: np.ndarray | None = None,
    limit: int = PROGRAMS_PER_CLAIM,
    except_businesses: Collection[str] = (),
) -> list[Job]:
    """Claim launches that are due, the earliest start first, and plan their batches.

    Nothing is claimed while launching is paused. Interrupted launches are included as they were planned (`resumed`).
    Launches later than `allowed_delay` are not: see `mark_missed_launches`. A program waits while another one is
    launching that it takes numbers from or gives them to.
    """
    if get_launch_pause(conn) is not None:
        return []
    query = select_newest_revisions().where(
        _is_due(now, allowed_delay),
        claimable_condition(conn, claimer, now, except_businesses),
        ~_waits_for_takeover(),
    )
    query = query.order_by(revision.c.start, revision.c.id).limit(limit)
    rows = conn.execute(query.with_for_update(of=program, skip_locked=True)).all()
    rows = _limit_numbers(_pick_unrelated(conn, rows))
    jobs = lease_jobs(conn, "launch", rows, claimer, now)
    new = [job for job in jobs if not job.resumed]
    if new:
        where = in_values(conn, program.c.id, [job.program for job in new])
        conn.execute(update(program).where(where).values(at_carrier=True))
        move_revisions(conn, [job.revision_id for job in new], "launching", cause="start time reached", now=now)
        plan_batches(conn, new, do_not_originate, now)
    return jobs


def finish_launches(conn: Connection, jobs: Sequence[Job], *, now: datetime) -> None:
    """Record that these launches are done: their revisions are live. Registers the submissions that waited for them.

    Raises LeaseLost if one was taken over, ValueError if one has batches without outcome.
    """
    if not jobs:
        return
    check_job_leases(conn, jobs)
    if count_open_batches(conn, jobs):
        raise ValueError("a launch has batches without outcome")
    cause = "accepted by the carrier"
    move_revisions(conn, [job.revision_id for job in jobs], "live", cause=cause, now=now, live_at=now)
    _supersede_live_revisions(conn, jobs, now)
    for branded in (True, False):
        where = in_values(conn, program.c.id, [job.program for job in jobs if (job.branding is not None) == branded])
        values = {"brand_due": False} if branded else {}
        conn.execute(update(program).where(where).values(live_revision=program.c.revision, **values))
    hand_over_numbers(conn, [job.program for job in jobs])
    _end_launches(conn, jobs, now)


def fail_launch(conn: Connection, job: Job, reason: str, *, now: datetime) -> None:
    """Record that a launch failed at the carrier, and why. Raises LeaseLost.

    Batches that were never sent are deleted. A retry sends those without an outcome again, under the same keys.
    """
    check_job_leases(conn, [job])
    move_revisions(conn, [job.revision_id], "launch_failed", cause=reason, now=now, reason=reason)
    delete_planned_batches(conn, job)
    _end_launches(conn, [job], now)


def mark_missed_launches(conn: Connection, *, now: datetime, allowed_delay: timedelta) -> list[tuple[str, str]]:
    """Give up launches that are too late; returns (business, reference) of each.

    Nothing is given up while launching is paused. `allowed_delay` counts from the latest of start, acceptance and
    release. A program that waits for its branding is missed only at its end. A program that the carrier may have some
    of is never missed, because its numbers must not go elsewhere; its next revision is launched when that is possible.
    """
    if get_launch_pause(conn) is not None:
        return []
    late = and_(revision.c.late_from < now - allowed_delay, need_not_wait_for_branding())
    # The state twice, the first time as in the partial index, so that it is used.
    query = select_newest_revisions().where(
        in_literals(revision.c.state, "scheduled", "launching"), revision.c.state == "scheduled"
    )
    query = query.where(program.c.at_carrier.is_(False), or_(late, revision.c.end <= now))
    rows = conn.execute(query.with_for_update(of=program, skip_locked=True)).all()
    for reason, missed in (
        ("end time reached", [row for row in rows if row.end <= now]),
        (f"it was not launched within {_format_duration(allowed_delay)}", [row for row in rows if row.end > now]),
    ):
        move_revisions(conn, [row.revision_id for row in missed], "missed", cause=reason, now=now, reason=reason)
    free_numbers(conn, [row.id for row in rows], removed=False)
    _end_failed_programs(conn, now)
    return [(row.business, row.reference) for row in rows]


def find_next_due_time(conn: Connection, now: datetime) -> datetime | None:
    """When the next job is due, which may be in the past; None if none is known."""
    pause = get_launch_pause(conn)
    times: list[datetime] = []
    if pause is None:
        # Launches that have reached their end are covered by the query for endings below.
        not_ending = or_(program.c.ends_at > now, program.c.at_carrier.is_(False))
        ready = or_(revision.c.state == "launching", need_not_wait_for_branding(), revision.c.end <= now)
        launches = select_newest_revisions().where(
            in_literals(revision.c.state, "scheduled", "launching"), not_ending, ready, ~_waits_for_takeover()
        )
        times += _read_due_times(conn, launches.order_by(revision.c.start), "start")
    if pause is None or not pause.restored:
        endings = select_newest_revisions().where(program.c.at_carrier)
        times += _read_due_times(conn, endings.order_by(program.c.ends_at), "ends_at")
        brandings = select_newest_revisions().where(program.c.brand_due, program.c.live_revision.is_not(None))
        times += _read_due_times(conn, brandings, "start")
    return min(times, default=None)


def list_launch_times(conn: Connection, *, after: datetime, limit: int) -> list[datetime]:
    """The distinct times at which something should launch, the earliest first."""
    query = select(revision.c.start).distinct().where(in_literals(revision.c.state, "scheduled", "launching"))
    return list(conn.execute(query.where(revision.c.start > after).order_by(revision.c.start).limit(limit)).scalars())


def need_not_wait_for_branding() -> Any:
    """The condition that a launch does not have to wait for a review."""
    return or_(revision.c.hold_until_branded.is_(False), program.c.branding.in_(["approved", "none"]))


def _is_due(now: datetime, allowed_delay: timedelta) -> Any:
    in_time = or_(program.c.at_carrier, revision.c.late_from >= now - allowed_delay)
    can_begin = and_(revision.c.state == "scheduled", in_time, need_not_wait_for_branding())
    return and_(
        in_literals(revision.c.state, "scheduled", "launching"),
        revision.c.start <= now,
        program.c.ends_at > now,
        or_(revision.c.state == "launching", can_begin),
    )


def _waits_for_takeover() -> Any:
    """The condition that numbers will move between the program and one that is launching."""
    other, current = program.alias("other"), revision.alias("current")
    gives = and_(takeover.c.taker == program.c.id, takeover.c.giver == other.c.id)
    takes = and_(takeover.c.giver == program.c.id, takeover.c.taker == other.c.id)

    def other_is_launching(relation: Any) -> Any:
        is_launching = and_(current.c.id == other.c.revision, current.c.state == "launching")
        return exists().where(relation, takeover.c.waits, is_launching).correlate(program)

    return and_(revision.c.state == "scheduled", or_(other_is_launching(gives), other_is_launching(takes)))


def _pick_unrelated(conn: Connection, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Keep only the first of several programs that move numbers between each other, or take them from the same one.

    The others launch when that one is live: they take its numbers from it only when the carrier has them.
    """
    if not rows:
        return []
    related = {row.id: {row.id} for row in rows}
    takers = in_values(conn, takeover.c.taker, sorted(related))
    for pair in conn.execute(select(takeover).where(takers, takeover.c.waits)):
        related[pair.taker].add(pair.giver)
    picked: list[Row[Any]] = []
    busy: set[int] = set()
    for row in rows:
        if busy.isdisjoint(related[row.id]):
            picked.append(row)
            busy |= related[row.id]
    return picked


def _limit_numbers(rows: list[Row[Any]]) -> list[Row[Any]]:
    """The first rows with NUMBERS_PER_CLAIM numbers together, and at least one row."""
    total = 0
    for count, row in enumerate(rows):
        total += row.numbers_pending + row.numbers_live
        if total > NUMBERS_PER_CLAIM:
            return rows[: max(count, 1)]
    return rows


def _supersede_live_revisions(conn: Connection, jobs: Sequence[Job], now: datetime) -> None:
    """Supersede the revisions that were live before these launches."""
    programs = [job.program for job in jobs if not job.first]
    if not programs:
        return
    query = select(program.c.live_revision).where(in_values(conn, program.c.id, programs))
    ids = list(conn.execute(query.where(program.c.live_revision != program.c.revision)).scalars())
    move_revisions(conn, ids, "superseded", cause="a newer revision is live", now=now)


def _end_launches(conn: Connection, jobs: Sequence[Job], now: datetime) -> None:
    """End the jobs, and register the submissions that waited for them."""
    end_jobs(conn, jobs)
    where = in_literals(submission.c.standing, "held", "waiting"), submission.c.standing == "waiting"
    query = select(submission.c.business, submission.c.reference).distinct().where(*where)
    waiting = {(row.business, row.reference) for row in conn.execute(query)}
    for business, reference in sorted(waiting & {(job.business, job.reference) for job in jobs}):
        register_waiting_submissions(conn, business, reference, now=now)


def _end_failed_programs(conn: Connection, now: datetime) -> None:
    """End programs that have reached their end and whose launch failed before anything reached the carrier."""
    query = select_newest_revisions().where(
        in_literals(revision.c.state, "launch_failed", "missed"), revision.c.state == "launch_failed"
    )
    query = query.where(program.c.at_carrier.is_(False), revision.c.end <= now)
    rows = conn.execute(query.with_for_update(of=program, skip_locked=True)).all()
    move_revisions(conn, [row.revision_id for row in rows], "ended", cause="end time reached", now=now)
    free_numbers(conn, [row.id for row in rows], removed=True)
    recount_numbers(conn, [row.id for row in rows])


def _read_due_times(conn: Connection, query: Any, column: str) -> list[datetime]:
    """When each of the first thousand of these jobs can be done: it is due, its lease is over, it may be retried."""
    rows = conn.execute(query.limit(PROGRAMS_PER_CLAIM))
    return [max(t for t in (row._mapping[column], row.lease_until, row.not_before) if t is not None) for row in rows]


def _format_duration(span: timedelta) -> str:
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)) or f"{span.total_seconds():g} s"
