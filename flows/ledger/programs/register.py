"""Registering a judged submission: once, whatever repeats; and deciding on a held one."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select, update

from flows.ledger.core.bulk import among, gathered
from flows.ledger.core.errors import Outdated
from flows.ledger.core.tables import program, revision, submission
from flows.ledger.core.transitions import LAUNCHDROP, mark, mark_indexes
from flows.ledger.intake.submissions import (
    Accepted,
    Registered,
    Registration,
    Standing,
    acknowledge,
    duplicate_of,
    held,
    lock,
    noticed,
    of_id,
    open_submission,
    park,
    settle,
    store,
    unpark,
)
from flows.ledger.programs import numbers, programs
from flows.ledger.programs.businesses import add_units
from schemas.model.revision import RevisionDiff


def register(conn: Connection, registration: Registration, now: datetime) -> Registered:
    """Register a judged submission, in the caller's transaction; the same submission again changes nothing.

    Raises Outdated when the ledger is no longer as it was when this was judged: roll back, judge again.
    """
    lock(conn, registration.business, registration.reference)
    row = of_id(conn, registration.submission, registration.business)
    if row is not None and row.drop == registration.drop:
        return _again(conn, row)
    # Of the same id in another drop: the same bytes in the same second.
    if (twin := row.id if row is not None else twin_of(conn, registration)) is not None:
        acknowledge(conn, registration.business, registration.drop, "duplicate", twin, registration.digest, now)
        return Registered(outcome="duplicate", submission=twin, revision=_number_of(conn, registration))
    registered = _enter(conn, registration, now)
    acknowledge(
        conn, registration.business, registration.drop, "registered", registration.submission, registration.digest, now
    )
    mark(conn, "report", registration.business, registration.submission)
    mark_indexes(conn, {registration.business})
    return registered


def preview(conn: Connection, registration: Registration) -> Registered:
    """What registering would do now; nothing is written. A verdict that makes no revision gives none."""
    if (twin := twin_of(conn, registration)) is not None:
        return Registered(outcome="duplicate", submission=twin, revision=_number_of(conn, registration))
    plain = Registered(outcome="registered", submission=registration.submission)
    manifest = registration.judgment.manifest
    if registration.judgment.verdict == "rejected" or manifest is None or manifest.state == "cancelled":
        return plain
    number, changes = programs.foresee(conn, _accepted(registration))
    return Registered(outcome="registered", submission=registration.submission, revision=number, difference=changes)


def twin_of(conn: Connection, registration: Registration) -> str | None:
    """The submission that this one repeats; a retake repeats none, it was asked for."""
    manifest = registration.judgment.manifest
    if registration.retake_of is not None or manifest is None:
        return None
    cancels = manifest.state == "cancelled"
    return duplicate_of(conn, registration.business, registration.reference, registration.digest, cancels=cancels)


def release(conn: Connection, submission_id: str, *, by: str, now: datetime) -> Registered:
    """Accept a held submission as it was judged. Raises LedgerError when it is not held, Outdated when a number was
    registered elsewhere meanwhile, or its start was fixed at another time: it must then be taken again.
    """
    row = held(conn, submission_id)
    lock(conn, row.business, row.reference)
    row = held(conn, submission_id)
    verdict = "accepted_with_rejections" if row.counts["rejected"] else "accepted"
    accepted, cause = unpark(conn, row), f"released by {by}"
    registered = _take_effect(conn, accepted, cause=cause, by=by, now=now)
    standing: Standing = "waiting" if registered.waiting else "registered"
    settle(conn, row, standing, verdict=verdict, cause=cause, by=by, now=now)
    mark_indexes(conn, {row.business})
    return registered


def dismiss(conn: Connection, submission_id: str, *, by: str, reason: str | None, now: datetime) -> None:
    """Reject a held submission. Raises LedgerError when it is not held."""
    row = held(conn, submission_id)
    lock(conn, row.business, row.reference)
    row = held(conn, submission_id)
    cause = f"rejected by {by}" + (f": {reason}" if reason else "")
    settle(conn, row, "dismissed", verdict="rejected", cause=cause, by=by, now=now, reason=reason)
    mark_indexes(conn, {row.business})


def apply_waiting(conn: Connection, business: str, reference: str, *, now: datetime) -> None:
    """A launch is over: take the submissions that waited for it, in their order, as far as the program takes any."""
    while (row := open_submission(conn, business, reference, "waiting")) is not None:
        found = programs.existing(conn, business, reference)
        if found.state == "launching":
            return
        if found.over:
            settle(conn, row, "lapsed", verdict=row.verdict, cause="the program is over", by=LAUNCHDROP, now=now)
            continue
        accepted = unpark(conn, row)
        # Its numbers were claimed when it came; what it was to take over may be elsewhere, and is then refused.
        settle(conn, row, "registered", verdict=row.verdict, cause="the launch is over", by=LAUNCHDROP, now=now)
        _bring_in(conn, accepted, cause=f"submission {row.id}", by=LAUNCHDROP, now=now)


def _enter(conn: Connection, registration: Registration, now: datetime) -> Registered:
    verdict, manifest = registration.judgment.verdict, registration.judgment.manifest
    if verdict == "rejected" or manifest is None or registration.reference is None:
        store(conn, registration, "rejected", now)
        return Registered(outcome="registered", submission=registration.submission)
    accepted = _accepted(registration)
    if accepted.manifest.state == "cancelled":
        _make_of_held(conn, accepted, now)
    _replace_held(conn, registration, now)
    if verdict == "held":
        store(conn, registration, "held", now)
        park(conn, accepted)
        return Registered(outcome="registered", submission=registration.submission)
    store(conn, registration, "registered", now)
    registered = _take_effect(conn, accepted, cause=f"submission {registration.submission}", by=LAUNCHDROP, now=now)
    if registered.waiting:
        conn.execute(update(submission).where(*_mine(registration)).values(standing="waiting"))
    return registered


def _take_effect(conn: Connection, accepted: Accepted, *, cause: str, by: str, now: datetime) -> Registered:
    """Bring an accepted submission in, or let it wait while its program is launching; cancelling does not wait.

    Raises Outdated when it says another start than the one that was fixed since it was judged: SCH-008 is to say so.
    """
    found = programs.current(conn, accepted.business, accepted.reference, locked=True)
    schedule = accepted.manifest.schedule
    if found is not None and found.start_is_fixed and schedule and schedule.start != found.revision.start:
        raise Outdated(f"{accepted.business}/{accepted.reference} was launched since this was judged: its start stays")
    launching = found is not None and found.state == "launching" and not found.over
    if found is not None and launching and accepted.manifest.state == "active":
        return _wait(conn, accepted, found)
    return _bring_in(conn, accepted, cause=cause, by=by, now=now)


def _bring_in(conn: Connection, accepted: Accepted, *, cause: str, by: str, now: datetime) -> Registered:
    if accepted.manifest.state == "cancelled":
        number = programs.cancel(conn, accepted, cause=f"cancelled by {cause}", by=by, now=now)
        return Registered(outcome="registered", submission=accepted.submission, revision=number)
    unit = accepted.manifest.business_unit
    if unit and accepted.manifest.create_business_unit:
        add_units(conn, accepted.business, [unit])
    number, changes = programs.revise(conn, accepted, cause=cause, by=by, now=now)
    return Registered(outcome="registered", submission=accepted.submission, revision=number, difference=changes)


def _wait(conn: Connection, accepted: Accepted, found: programs.Current) -> Registered:
    """Keep a submission until the launch is over; its numbers are claimed now, and it is the program's newest."""
    park(conn, accepted)
    number, changes = programs.foresee(conn, accepted)
    number += _waiting(conn, accepted)
    planned = numbers.plan(conn, found.program.id, accepted.block, "add")
    numbers.reserve(conn, found.program.id, planned, reassign=accepted.manifest.reassign)
    numbers.recount(conn, [found.program.id])
    newest = {"submission": accepted.submission, "digest": accepted.digest}
    conn.execute(update(program).where(program.c.id == found.program.id).values(**newest))
    return Registered(
        outcome="registered", submission=accepted.submission, revision=number, difference=changes, waiting=True
    )


def _waiting(conn: Connection, accepted: Accepted) -> int:
    """How many revisions of the program wait already."""
    where = submission.c.business == accepted.business, submission.c.reference == accepted.reference
    query = select(func.count()).select_from(submission).where(*where, among(submission.c.standing, "waiting"))
    return conn.execute(query).scalar_one()


def _make_of_held(conn: Connection, cancelling: Accepted, now: datetime) -> None:
    """Make the program of which there is a held submission only, so that it can be cancelled, and that for good.

    It claims no numbers and asks for no review: it never launches.
    """
    row = open_submission(conn, cancelling.business, cancelling.reference, "held")
    if row is None or programs.current(conn, cancelling.business, cancelling.reference) is not None:
        return
    held = unpark(conn, row)
    bare = replace(held, manifest=replace(held.manifest, display_name=None), logo=None, block=gathered([]))
    cause = f"held, and cancelled by submission {cancelling.submission}"
    programs.revise(conn, bare, cause=cause, by=LAUNCHDROP, now=now)


def _replace_held(conn: Connection, registration: Registration, now: datetime) -> None:
    """A newer submission takes the place of a held one."""
    row = open_submission(conn, registration.business, registration.reference or "", "held")
    if row is not None:
        cause = f"replaced by submission {registration.submission}"
        settle(conn, row, "replaced", verdict=row.verdict, cause=cause, by=LAUNCHDROP, now=now)


def _mine(registration: Registration) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return submission.c.business == registration.business, submission.c.id == registration.submission


def _accepted(registration: Registration) -> Accepted:
    judgment = registration.judgment
    if judgment.manifest is None or judgment.manifest.reference is None:
        raise ValueError("an accepted submission has a manifest with a reference")
    cancelled = judgment.manifest.state == "cancelled"
    return Accepted(
        submission=registration.submission,
        business=registration.business,
        reference=judgment.manifest.reference,
        digest=registration.digest,
        received_at=registration.received_at,
        manifest=judgment.manifest,
        logo=registration.logo,
        block=gathered([] if cancelled else judgment.numbers.accepted()),
        noticed=noticed(judgment),
    )


def _again(conn: Connection, row: Row[Any]) -> Registered:
    """What was registered before, as it was said then."""
    made = revision_of(conn, row)
    if made is None:
        return Registered(outcome="registered", submission=row.id, waiting=row.standing == "waiting")
    changes = RevisionDiff(added=made.added, removed=made.removed, changed=made.changed)
    return Registered(outcome="registered", submission=row.id, revision=made.number, difference=changes)


def revision_of(conn: Connection, row: Row[Any]) -> Row[Any] | None:
    """The revision that a submission made, if it made one."""
    return conn.execute(_revisions(row).order_by(revision.c.number).limit(1)).one_or_none()


def standing_of(conn: Connection, row: Row[Any]) -> Row[Any] | None:
    """The newest revision that carries out a submission: the one it made, or one that an operator's hand made of it."""
    return conn.execute(_revisions(row).order_by(revision.c.number.desc()).limit(1)).one_or_none()


def _revisions(row: Row[Any]) -> Select[Any]:
    query = select(revision).join(program, program.c.id == revision.c.program)
    return query.where(revision.c.submission == row.id, program.c.business == row.business)


def revision_before(conn: Connection, made: Row[Any]) -> Row[Any] | None:
    """The revision that this one followed; None for a program's first."""
    where = revision.c.program == made.program, revision.c.number == made.number - 1
    return conn.execute(select(revision).where(*where)).one_or_none()


def _number_of(conn: Connection, registration: Registration) -> int | None:
    where = program.c.business == registration.business, program.c.reference == registration.reference
    query = select(func.max(revision.c.number)).join(program, program.c.id == revision.c.program).where(*where)
    return conn.execute(query).scalar()
