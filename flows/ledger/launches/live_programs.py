"""Jobs for live programs: ending them, and branding them once their branding is approved."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from flows.ledger.core.bulk import in_values
from flows.ledger.core.control_flags import get_launch_pause
from flows.ledger.core.outbox import add_indexes_to_outbox, add_submissions_to_outbox
from flows.ledger.core.tables import program, revision
from flows.ledger.core.transitions import move_revisions, record_transitions
from flows.ledger.launches.due_launches import PROGRAMS_PER_CLAIM
from flows.ledger.launches.job_leases import (
    Job,
    JobClaimer,
    check_job_leases,
    claimable_condition,
    end_jobs,
    lease_jobs,
    select_newest_revisions,
)
from flows.ledger.launches.plan import delete_planned_batches
from flows.ledger.programs.numbers import recount_numbers
from flows.ledger.programs.ownership import free_numbers
from flows.ledger.programs.register import register_waiting_submissions

#: The states of revisions that are over when their program is ended.
_OPEN_STATES = ("scheduled", "launching", "live", "launch_failed")


def claim_endings(
    conn: Connection,
    claimer: JobClaimer,
    *,
    now: datetime,
    limit: int = PROGRAMS_PER_CLAIM,
    except_businesses: Collection[str] = (),
) -> list[Job]:
    """Claim programs to end: they have reached their end or were canceled, and the carrier may have some of them.

    A launch pause does not stop this, unless the ledger was restored from a backup and may be out of date.
    """
    pause = get_launch_pause(conn)
    if pause is not None and pause.restored:
        return []
    is_over = program.c.at_carrier, program.c.ends_at <= now
    query = select_newest_revisions().where(*is_over, claimable_condition(conn, claimer, now, except_businesses))
    query = query.order_by(program.c.ends_at, program.c.id).limit(limit)
    rows = conn.execute(query.with_for_update(of=program, skip_locked=True)).all()
    return lease_jobs(conn, "end", rows, claimer, now)


def finish_endings(conn: Connection, jobs: Sequence[Job], *, now: datetime) -> None:
    """Record that the carrier has ended these programs, and free their numbers.

    Raises LeaseLost if one of the jobs was taken over.
    """
    if not jobs:
        return
    check_job_leases(conn, jobs)
    keys = [job.program for job in jobs]
    for canceled, cause in ((True, "canceled by the business"), (False, "end time reached")):
        query = select(revision.c.id).join(program, program.c.id == revision.c.program)
        is_open = in_values(conn, program.c.id, keys), revision.c.state.in_(_OPEN_STATES)
        query = query.where(*is_open, program.c.cancelled_at.is_not(None) == canceled)
        move_revisions(conn, list(conn.execute(query).scalars()), "ended", cause=cause, now=now)
    for job in jobs:
        delete_planned_batches(conn, job)
    free_numbers(conn, keys, removed=True)
    recount_numbers(conn, keys)
    end_jobs(conn, jobs, at_carrier=False, live_revision=None, brand_due=False)
    for job in jobs:
        register_waiting_submissions(conn, job.business, job.reference, now=now)


def claim_brandings(
    conn: Connection,
    claimer: JobClaimer,
    *,
    now: datetime,
    limit: int = PROGRAMS_PER_CLAIM,
    except_businesses: Collection[str] = (),
) -> list[Job]:
    """Claim live programs whose branding at the carrier is out of date.

    Nothing is claimed while launching is paused.
    """
    if get_launch_pause(conn) is not None:
        return []
    is_due = program.c.brand_due, program.c.live_revision.is_not(None), program.c.ends_at > now
    query = select_newest_revisions().where(*is_due, claimable_condition(conn, claimer, now, except_businesses))
    query = query.order_by(program.c.id).limit(limit)
    rows = conn.execute(query.with_for_update(of=program, skip_locked=True)).all()
    return lease_jobs(conn, "brand", rows, claimer, now)


def finish_brandings(conn: Connection, jobs: Sequence[Job], *, now: datetime) -> None:
    """Record that the carrier shows the branding of these jobs, or no branding if a job has none.

    Raises LeaseLost if one of the jobs was taken over.
    """
    if not jobs:
        return
    end_jobs(conn, jobs)
    for job in jobs:
        # If the review was decided differently in the meantime, the branding stays due.
        unchanged = program.c.branding == "approved" if job.branding else program.c.branding != "approved"
        conn.execute(update(program).where(program.c.id == job.program, unchanged).values(brand_due=False))
    record_transitions(conn, now, [_branding_transition(job) for job in jobs])
    query = select(revision.c.submission).where(revision.c.id.in_([job.revision_id for job in jobs]))
    add_submissions_to_outbox(conn, [s for s in conn.execute(query).scalars() if s])
    add_indexes_to_outbox(conn, {job.business for job in jobs})


def _branding_transition(job: Job) -> dict[str, object]:
    return {
        "business": job.business,
        "reference": job.reference,
        "revision": job.revision,
        "thing": "branding",
        "after": "at the carrier",
        "cause": "shown on called phones" if job.branding else "no longer shown on called phones",
    }
