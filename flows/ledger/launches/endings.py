"""Programs that are live: ending them at their end, and branding them once what they show is approved."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from flows.ledger.core.bulk import listed
from flows.ledger.core.control_flags import get_launch_pause
from flows.ledger.core.tables import program, revision
from flows.ledger.core.transitions import (
    add_indexes_to_outbox,
    add_submissions_to_outbox,
    move_revisions,
    record_transitions,
)
from flows.ledger.launches.jobs import (
    Claimant,
    Job,
    check_job_leases,
    claimable_condition,
    end_job_leases,
    lease_jobs,
    select_newest_revisions,
)
from flows.ledger.launches.launches import PROGRAMS_PER_CLAIM
from flows.ledger.launches.plan import delete_planned_batches
from flows.ledger.programs.numbers import recount_numbers
from flows.ledger.programs.ownership import free_numbers
from flows.ledger.programs.register import register_waiting_submissions

#: What is not over yet when its program ends.
_OPEN = ("scheduled", "launching", "live", "launch_failed")


def claim_endings(conn: Connection, claimant: Claimant, *, now: datetime, limit: int = PROGRAMS_PER_CLAIM) -> list[Job]:
    """Claim programs whose end has come, or that were cancelled, and of which the carrier may have something.

    They are ended while launching is paused, too, but not by a ledger that was restored and may be out of date.
    """
    if (stopped := get_launch_pause(conn)) is not None and stopped.restored:
        return []
    query = select_newest_revisions().where(
        program.c.at_carrier, program.c.ends_at <= now, claimable_condition(conn, claimant, now)
    )
    query = query.order_by(program.c.ends_at, program.c.id).limit(limit)
    return lease_jobs(
        conn, "end", conn.execute(query.with_for_update(of=program, skip_locked=True)).all(), claimant, now
    )


def finish_endings(conn: Connection, errands: Sequence[Job], *, now: datetime) -> None:
    """The carrier has ended these. Their numbers are free. Raises LeaseLost when one was taken over."""
    if not errands:
        return
    check_job_leases(conn, errands)
    keys = [errand.program for errand in errands]
    table, value = listed(conn, keys)
    mine = program.c.id.in_(select(value).select_from(table))
    for cancelled, cause in ((True, "cancelled by the business"), (False, "its end has come")):
        query = select(revision.c.id).join(program, program.c.id == revision.c.program)
        query = query.where(mine, revision.c.state.in_(_OPEN), program.c.cancelled_at.is_not(None) == cancelled)
        move_revisions(conn, list(conn.execute(query).scalars()), "ended", cause=cause, now=now)
    for errand in errands:
        delete_planned_batches(conn, errand)
    free_numbers(conn, keys, removed=True)
    recount_numbers(conn, keys)
    end_job_leases(conn, errands, at_carrier=False, live_revision=None, brand_due=False)
    for errand in errands:
        register_waiting_submissions(conn, errand.business, errand.reference, now=now)


def claim_brandings(
    conn: Connection, claimant: Claimant, *, now: datetime, limit: int = PROGRAMS_PER_CLAIM
) -> list[Job]:
    """Claim live programs of which the carrier does not yet know what they are to show; none while paused."""
    if get_launch_pause(conn) is not None:
        return []
    query = select_newest_revisions().where(
        program.c.brand_due, program.c.live_revision.is_not(None), program.c.ends_at > now
    )
    query = query.where(claimable_condition(conn, claimant, now)).order_by(program.c.id).limit(limit)
    return lease_jobs(
        conn, "brand", conn.execute(query.with_for_update(of=program, skip_locked=True)).all(), claimant, now
    )


def finish_brandings(conn: Connection, errands: Sequence[Job], *, now: datetime) -> None:
    """The carrier shows what it was told to, or nothing any more. Raises LeaseLost when one was taken over."""
    if not errands:
        return
    end_job_leases(conn, errands)
    for errand in errands:
        table, value = listed(conn, [errand.program])
        # Decided otherwise meanwhile: then the carrier is to be told again.
        same = program.c.branding == "approved" if errand.shown else program.c.branding != "approved"
        mine = program.c.id.in_(select(value).select_from(table))
        conn.execute(update(program).where(mine, same).values(brand_due=False))
    place = [{"business": e.business, "reference": e.reference, "revision": e.revision} for e in errands]
    what = ["shown on called phones" if e.shown else "no longer shown on called phones" for e in errands]
    told = {"thing": "branding", "after": "at the carrier"}
    record_transitions(conn, now, [p | told | {"cause": w} for p, w in zip(place, what, strict=True)])
    query = select(revision.c.submission).where(revision.c.id.in_([e.revision_id for e in errands]))
    add_submissions_to_outbox(conn, [s for s in conn.execute(query).scalars() if s])
    add_indexes_to_outbox(conn, {errand.business for errand in errands})
