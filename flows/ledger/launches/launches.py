"""Launches: what is due is claimed, its outcome recorded, what came too late is missed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, and_, exists, or_, select, update

from flows.ledger.core.bulk import in_literals, listed
from flows.ledger.core.control_flags import get_launch_pause
from flows.ledger.core.tables import move, program, revision, submission, takeover
from flows.ledger.core.transitions import LAUNCHDROP, move_revisions
from flows.ledger.launches.batches import count_open_batches
from flows.ledger.launches.jobs import (
    Claimant,
    Job,
    check_job_leases,
    claimable_condition,
    end_job_leases,
    lease_jobs,
    select_newest_revisions,
)
from flows.ledger.launches.plan import delete_planned_batches, plan_batches
from flows.ledger.programs.numbers import recount_numbers
from flows.ledger.programs.ownership import free_numbers, hand_over_numbers
from flows.ledger.programs.register import register_waiting_submissions

#: Programs claimed at once, unless their numbers are many.
PROGRAMS_PER_CLAIM = 1000

#: Numbers claimed at once: what planning them holds in memory, and for how long it holds the ledger.
NUMBERS_PER_CLAIM = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentChanges:
    """What of a launch, besides its numbers, the carrier does not know from the revision that is live.

    `branding`: what is approved is to be shown, or what was shown is to be taken away, where nothing is any more.
    One in review is no news: what is shown stays until it is decided.
    """

    facts: bool
    branding: bool


def find_unsent_changes(conn: Connection, errand: Job) -> UnsentChanges:
    """Compare the launched revision with the live one; before the first is live all is news.

    So it is after a launch that failed: the carrier may have been told what neither of the two says.
    """
    shows = errand.shown is not None
    if errand.first:
        tried = errand.revision > 1 and errand.carrier_id is not None
        return UnsentChanges(facts=True, branding=shows or (tried and errand.type == "SENTRY"))
    live, next_one = revision.alias("live"), revision.alias("next_one")
    query = (
        select(live, program.c.brand_due, next_one)
        .join(program, program.c.live_revision == live.c.id)
        .join(next_one, program.c.revision == next_one.c.id)
        .where(program.c.id == errand.program)
    )
    row = conn.execute(query).one()._mapping

    def differs(*columns: str) -> bool:
        return any(row[live.c[name]] != row[next_one.c[name]] for name in columns)

    tried = _began_between(conn, errand, row[live.c.number])
    told = not tried and not differs("display_name", "logo", "facts") and not row[program.c.brand_due]
    bared = (tried or row[live.c.display_name] is not None) and row[next_one.c.display_name] is None
    facts = tried or differs("facts", "start", "end", "timezone")
    return UnsentChanges(facts=facts, branding=bared or (shows and not told))


def _began_between(conn: Connection, errand: Job, live: int) -> bool:
    """Whether a revision between these two was ever being launched; without having come to be live, it failed."""
    if errand.revision == live + 1:
        return False
    its = move.c.business == errand.business, move.c.reference == errand.reference
    began = move.c.thing == "revision", move.c.after == "launching"
    between = move.c.revision.between(live + 1, errand.revision - 1)
    return conn.execute(select(move.c.id).where(*its, *began, between).limit(1)).first() is not None


def claim_launches(
    conn: Connection,
    claimant: Claimant,
    *,
    now: datetime,
    patience: timedelta,
    do_not_originate: np.ndarray | None = None,
    limit: int = PROGRAMS_PER_CLAIM,
) -> list[Job]:
    """Claim launches whose start has come, longest due first, and plan their batches; none while launching is paused.

    Launches that were cut short are among them, `resumed`, as they were planned. What is later than `patience` is left
    to `mark_missed_launches`. A program that gives numbers to another, or takes them, waits while that one is launching.
    """
    if get_launch_pause(conn) is not None:
        return []
    query = select_newest_revisions().where(
        _due(now, patience), claimable_condition(conn, claimant, now), ~_entangled()
    )
    query = query.order_by(revision.c.start, revision.c.id).limit(limit)
    rows = _apart(conn, conn.execute(query.with_for_update(of=program, skip_locked=True)).all())
    rows = _bounded(rows)
    errands = lease_jobs(conn, "launch", rows, claimant, now)
    begun = [errand for errand in errands if not errand.resumed]
    if begun:
        table, value = listed(conn, [errand.program for errand in begun])
        mine = program.c.id.in_(select(value).select_from(table))
        conn.execute(update(program).where(mine).values(at_carrier=True))
        move_revisions(conn, [e.revision_id for e in begun], "launching", cause="its start has come", now=now)
        plan_batches(conn, begun, do_not_originate, now)
    return errands


def finish_launches(conn: Connection, errands: Sequence[Job], *, now: datetime) -> None:
    """The carrier has all of these: they are live. Revisions that waited for it come in.

    Raises LeaseLost when one was taken over, ValueError when one has batches without outcome.
    """
    if not errands:
        return
    check_job_leases(conn, errands)
    if count_open_batches(conn, errands):
        raise ValueError("a launch has batches without outcome")
    move_revisions(conn, [e.revision_id for e in errands], "live", cause="the carrier has it", now=now, live_at=now)
    _supersede(conn, errands, now)
    for branded in (True, False):
        some = [errand for errand in errands if (errand.shown is not None) == branded]
        table, value = listed(conn, [errand.program for errand in some])
        mine = program.c.id.in_(select(value).select_from(table))
        told = {"brand_due": False} if branded else {}
        conn.execute(update(program).where(mine).values(live_revision=program.c.revision, **told))
    hand_over_numbers(conn, [errand.program for errand in errands])
    _over(conn, errands, now)


def fail_launch(conn: Connection, errand: Job, reason: str, *, now: datetime) -> None:
    """The carrier will not take it; what was never sent is forgotten, what was is asked after by a retry.

    Raises LeaseLost.
    """
    check_job_leases(conn, [errand])
    move_revisions(conn, [errand.revision_id], "launch_failed", cause=reason, now=now, reason=reason)
    delete_planned_batches(conn, errand)
    _over(conn, [errand], now)


def mark_missed_launches(conn: Connection, *, now: datetime, patience: timedelta) -> list[tuple[str, str]]:
    """Give up what was not launched in time: (business, reference) of what is missed now. Nothing while paused.

    `patience` counts from the latest of start, acceptance and release. What waits for its branding is missed only when
    its end comes. A program of which something may be at the carrier is never missed, for its numbers must not go
    elsewhere while they are there; its next revision is sent when it can be.
    """
    if get_launch_pause(conn) is not None:
        return []
    late = and_(revision.c.late_from < now - patience, _may_show())
    nothing_there = program.c.at_carrier.is_(False)
    # Said twice, the first in the words of the index.
    query = select_newest_revisions().where(
        in_literals(revision.c.state, "scheduled", "launching"), revision.c.state == "scheduled"
    )
    query = query.where(nothing_there, or_(late, revision.c.end <= now)).with_for_update(of=program, skip_locked=True)
    rows = conn.execute(query).all()
    for reason, some in (
        ("its end has come", [row for row in rows if row.end <= now]),
        (f"it was not launched within {_said(patience)}", [row for row in rows if row.end > now]),
    ):
        move_revisions(conn, [r.revision_id for r in some], "missed", cause=reason, now=now, reason=reason)
    free_numbers(conn, [row.id for row in rows], removed=False)
    _end_failed(conn, now)
    return [(row.business, row.reference) for row in rows]


def find_next_due_time(conn: Connection, now: datetime) -> datetime | None:
    """When there is something to do at the carrier next; at or before `now`: at once. None: nothing is known."""
    stopped = get_launch_pause(conn)
    times: list[datetime] = []
    if stopped is None:
        open_states = in_literals(revision.c.state, "scheduled", "launching")
        # Cut off by its end: that is in the program's own line below.
        going = and_(open_states, or_(program.c.ends_at > now, program.c.at_carrier.is_(False)))
        ready = or_(revision.c.state == "launching", _may_show(), revision.c.end <= now)
        times += _times(
            conn, select_newest_revisions().where(going, ready, ~_entangled()).order_by(revision.c.start), "start"
        )
    if stopped is None or not stopped.restored:
        times += _times(
            conn, select_newest_revisions().where(program.c.at_carrier).order_by(program.c.ends_at), "ends_at"
        )
        branding = select_newest_revisions().where(program.c.brand_due, program.c.live_revision.is_not(None))
        times += _times(conn, branding, "start")
    return min(times, default=None)


def list_launch_times(conn: Connection, *, after: datetime, limit: int) -> list[datetime]:
    """The distinct instants at which something is to launch, soonest first."""
    query = select(revision.c.start).distinct().where(in_literals(revision.c.state, "scheduled", "launching"))
    return list(conn.execute(query.where(revision.c.start > after).order_by(revision.c.start).limit(limit)).scalars())


def _due(now: datetime, patience: timedelta) -> Any:
    in_time = or_(program.c.at_carrier, revision.c.late_from >= now - patience)
    fresh = and_(revision.c.state == "scheduled", in_time, _may_show())
    return and_(
        in_literals(revision.c.state, "scheduled", "launching"),
        revision.c.start <= now,
        program.c.ends_at > now,
        or_(revision.c.state == "launching", fresh),
    )


def _may_show() -> Any:
    """It need not wait for its branding."""
    return or_(revision.c.hold_until_branded.is_(False), program.c.branding.in_(["approved", "none"]))


def _entangled() -> Any:
    """Numbers are to move between it and a program that is being launched."""
    other, current = program.alias("other"), revision.alias("current")
    gives = and_(takeover.c.taker == program.c.id, takeover.c.giver == other.c.id)
    takes = and_(takeover.c.giver == program.c.id, takeover.c.taker == other.c.id)

    def launching(relation: Any) -> Any:
        same = and_(current.c.id == other.c.revision, current.c.state == "launching")
        return exists().where(relation, takeover.c.waits, same).correlate(program)

    return and_(revision.c.state == "scheduled", or_(launching(gives), launching(takes)))


def _apart(conn: Connection, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Of programs between which numbers are to move, or that take from the same one, the first only.

    The other's turn comes when it is live: what one takes, the other takes from it, and not before the carrier has it.
    """
    table, value = listed(conn, sorted(row.id for row in rows))
    takers = takeover.c.taker.in_(select(value).select_from(table))
    touched = {row.id: {row.id} for row in rows}
    for pair in conn.execute(select(takeover).where(takers, takeover.c.waits)) if rows else ():
        touched[pair.taker].add(pair.giver)
    picked: list[Row[Any]] = []
    busy: set[int] = set()
    for row in rows:
        if busy.isdisjoint(touched[row.id]):
            picked.append(row)
            busy |= touched[row.id]
    return picked


def _bounded(rows: list[Row[Any]]) -> list[Row[Any]]:
    """As many of the first rows as have NUMBERS numbers together, and one at least."""
    total = 0
    for count, row in enumerate(rows):
        total += row.numbers_pending + row.numbers_live
        if total > NUMBERS_PER_CLAIM:
            return rows[: max(count, 1)]
    return rows


def _supersede(conn: Connection, errands: Sequence[Job], now: datetime) -> None:
    """What was live before is superseded, now that the newer revision is."""
    before = [errand for errand in errands if not errand.first]
    if not before:
        return
    table, value = listed(conn, [errand.program for errand in before])
    query = select(program.c.live_revision).where(program.c.id.in_(select(value).select_from(table)))
    ids = list(conn.execute(query.where(program.c.live_revision != program.c.revision)).scalars())
    move_revisions(conn, ids, "superseded", cause="a newer revision is live", now=now)


def _over(conn: Connection, errands: Sequence[Job], now: datetime) -> None:
    """End the leases, and let in what waited for the launches to be over."""
    end_job_leases(conn, errands)
    where = in_literals(submission.c.standing, "held", "waiting"), submission.c.standing == "waiting"
    query = select(submission.c.business, submission.c.reference).distinct().where(*where)
    waiting = {(row.business, row.reference) for row in conn.execute(query)}
    for business, reference in sorted(waiting & {(e.business, e.reference) for e in errands}):
        register_waiting_submissions(conn, business, reference, now=now)


def _end_failed(conn: Connection, now: datetime) -> None:
    """A launch that failed before anything of it reached the carrier lets its numbers go when its end comes."""
    query = select_newest_revisions().where(
        in_literals(revision.c.state, "launch_failed", "missed"), revision.c.state == "launch_failed"
    )
    query = query.where(program.c.at_carrier.is_(False), revision.c.end <= now)
    rows = conn.execute(query.with_for_update(of=program, skip_locked=True)).all()
    move_revisions(conn, [r.revision_id for r in rows], "ended", cause="its end has come", now=now, by=LAUNCHDROP)
    free_numbers(conn, [row.id for row in rows], removed=True)
    recount_numbers(conn, [row.id for row in rows])


def _times(conn: Connection, query: Any, column: str) -> list[datetime]:
    """When the first thousand of these can be done: not before their time, their lease's end, or the carrier's."""
    rows = conn.execute(query.limit(PROGRAMS_PER_CLAIM))
    return [max(t for t in (row._mapping[column], row.lease_until, row.not_before) if t is not None) for row in rows]


def _said(span: timedelta) -> str:
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)) or f"{span.total_seconds():g} s"
