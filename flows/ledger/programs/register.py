"""Registering a judged submission: once, whatever repeats; and deciding on a held one."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select, update

from flows.ledger.core.bulk import in_literals, merge_blocks
from flows.ledger.core.errors import Outdated
from flows.ledger.core.tables import program, revision, submission
from flows.ledger.core.transitions import LAUNCHDROP, add_indexes_to_outbox, add_to_outbox
from flows.ledger.intake.submissions import (
    AcceptedSubmission,
    Registration,
    RegistrationResult,
    Standing,
    acknowledge_drop,
    collect_review_notes,
    find_duplicate,
    find_open_submission,
    find_submission,
    get_held_submission,
    insert_submission,
    lock_reference,
    park_numbers,
    resolve_submission,
    unpark_submission,
)
from flows.ledger.programs import numbers, programs
from flows.ledger.programs.businesses import add_business_units
from schemas.model.revision import RevisionDiff


def register_submission(conn: Connection, registration: Registration, now: datetime) -> RegistrationResult:
    """Register a judged submission, in the caller's transaction; the same submission again changes nothing.

    Raises Outdated when the ledger is no longer as it was when this was judged: roll back, judge again.
    """
    lock_reference(conn, registration.business, registration.reference)
    row = find_submission(conn, registration.submission, registration.business)
    if row is not None and row.drop == registration.drop:
        return _again(conn, row)
    # Of the same id in another drop: the same bytes in the same second.
    if (twin := row.id if row is not None else find_registered_duplicate(conn, registration)) is not None:
        acknowledge_drop(conn, registration.business, registration.drop, "duplicate", twin, registration.digest, now)
        return RegistrationResult(outcome="duplicate", submission=twin, revision=_number_of(conn, registration))
    registered = _enter(conn, registration, now)
    acknowledge_drop(
        conn, registration.business, registration.drop, "registered", registration.submission, registration.digest, now
    )
    add_to_outbox(conn, "report", registration.business, registration.submission)
    add_indexes_to_outbox(conn, {registration.business})
    return registered


def preview_registration(conn: Connection, registration: Registration) -> RegistrationResult:
    """What registering would do now; nothing is written. A verdict that makes no revision gives none."""
    if (twin := find_registered_duplicate(conn, registration)) is not None:
        return RegistrationResult(outcome="duplicate", submission=twin, revision=_number_of(conn, registration))
    plain = RegistrationResult(outcome="registered", submission=registration.submission)
    manifest = registration.judgment.manifest
    if registration.judgment.verdict == "rejected" or manifest is None or manifest.state == "cancelled":
        return plain
    number, changes = programs.preview_revision(conn, _accepted(registration))
    return RegistrationResult(
        outcome="registered", submission=registration.submission, revision=number, difference=changes
    )


def find_registered_duplicate(conn: Connection, registration: Registration) -> str | None:
    """The submission that this one repeats; a retake repeats none, it was asked for."""
    manifest = registration.judgment.manifest
    if registration.retake_of is not None or manifest is None:
        return None
    cancels = manifest.state == "cancelled"
    return find_duplicate(conn, registration.business, registration.reference, registration.digest, cancels=cancels)


def release_held_submission(conn: Connection, submission_id: str, *, by: str, now: datetime) -> RegistrationResult:
    """Accept a held submission as it was judged. Raises LedgerError when it is not held, Outdated when a number was
    registered elsewhere meanwhile, or its start was fixed at another time: it must then be taken again.
    """
    row = get_held_submission(conn, submission_id)
    lock_reference(conn, row.business, row.reference)
    row = get_held_submission(conn, submission_id)
    verdict = "accepted_with_rejections" if row.counts["rejected"] else "accepted"
    accepted, cause = unpark_submission(conn, row), f"released by {by}"
    registered = _take_effect(conn, accepted, cause=cause, by=by, now=now)
    standing: Standing = "waiting" if registered.waiting else "registered"
    resolve_submission(conn, row, standing, verdict=verdict, cause=cause, by=by, now=now)
    add_indexes_to_outbox(conn, {row.business})
    return registered


def reject_held_submission(conn: Connection, submission_id: str, *, by: str, reason: str | None, now: datetime) -> None:
    """Reject a held submission. Raises LedgerError when it is not held."""
    row = get_held_submission(conn, submission_id)
    lock_reference(conn, row.business, row.reference)
    row = get_held_submission(conn, submission_id)
    cause = f"rejected by {by}" + (f": {reason}" if reason else "")
    resolve_submission(conn, row, "dismissed", verdict="rejected", cause=cause, by=by, now=now, reason=reason)
    add_indexes_to_outbox(conn, {row.business})


def register_waiting_submissions(conn: Connection, business: str, reference: str, *, now: datetime) -> None:
    """A launch is over: take the submissions that waited for it, in their order, as far as the program takes any."""
    while (row := find_open_submission(conn, business, reference, "waiting")) is not None:
        found = programs.get_program_for_update(conn, business, reference)
        if found.state == "launching":
            return
        if found.over:
            resolve_submission(
                conn, row, "lapsed", verdict=row.verdict, cause="the program is over", by=LAUNCHDROP, now=now
            )
            continue
        accepted = unpark_submission(conn, row)
        # Its numbers were claimed when it came; what it was to take over may be elsewhere, and is then refused.
        resolve_submission(
            conn, row, "registered", verdict=row.verdict, cause="the launch is over", by=LAUNCHDROP, now=now
        )
        _bring_in(conn, accepted, cause=f"submission {row.id}", by=LAUNCHDROP, now=now)


def _enter(conn: Connection, registration: Registration, now: datetime) -> RegistrationResult:
    verdict, manifest = registration.judgment.verdict, registration.judgment.manifest
    if verdict == "rejected" or manifest is None or registration.reference is None:
        insert_submission(conn, registration, "rejected", now)
        return RegistrationResult(outcome="registered", submission=registration.submission)
    accepted = _accepted(registration)
    if accepted.manifest.state == "cancelled":
        _make_of_held(conn, accepted, now)
    _replace_held(conn, registration, now)
    if verdict == "held":
        insert_submission(conn, registration, "held", now)
        park_numbers(conn, accepted)
        return RegistrationResult(outcome="registered", submission=registration.submission)
    insert_submission(conn, registration, "registered", now)
    registered = _take_effect(conn, accepted, cause=f"submission {registration.submission}", by=LAUNCHDROP, now=now)
    if registered.waiting:
        conn.execute(update(submission).where(*_mine(registration)).values(standing="waiting"))
    return registered


def _take_effect(
    conn: Connection, accepted: AcceptedSubmission, *, cause: str, by: str, now: datetime
) -> RegistrationResult:
    """Bring an accepted submission in, or let it wait while its program is launching; cancelling does not wait.

    Raises Outdated when it says another start than the one that was fixed since it was judged: SCH-008 is to say so.
    """
    found = programs.find_program(conn, accepted.business, accepted.reference, locked=True)
    schedule = accepted.manifest.schedule
    if found is not None and found.start_is_fixed and schedule and schedule.start != found.revision.start:
        raise Outdated(f"{accepted.business}/{accepted.reference} was launched since this was judged: its start stays")
    launching = found is not None and found.state == "launching" and not found.over
    if found is not None and launching and accepted.manifest.state == "active":
        return _wait(conn, accepted, found)
    return _bring_in(conn, accepted, cause=cause, by=by, now=now)


def _bring_in(
    conn: Connection, accepted: AcceptedSubmission, *, cause: str, by: str, now: datetime
) -> RegistrationResult:
    if accepted.manifest.state == "cancelled":
        number = programs.cancel_program(conn, accepted, cause=f"cancelled by {cause}", by=by, now=now)
        return RegistrationResult(outcome="registered", submission=accepted.submission, revision=number)
    unit = accepted.manifest.business_unit
    if unit and accepted.manifest.create_business_unit:
        add_business_units(conn, accepted.business, [unit])
    number, changes = programs.revise_program(conn, accepted, cause=cause, by=by, now=now)
    return RegistrationResult(outcome="registered", submission=accepted.submission, revision=number, difference=changes)


def _wait(conn: Connection, accepted: AcceptedSubmission, found: programs.CurrentProgram) -> RegistrationResult:
    """Keep a submission until the launch is over; its numbers are claimed now, and it is the program's newest."""
    park_numbers(conn, accepted)
    number, changes = programs.preview_revision(conn, accepted)
    number += _waiting(conn, accepted)
    planned = numbers.plan_numbers(conn, found.program.id, accepted.block, "add")
    numbers.reserve_numbers(conn, found.program.id, planned, reassign=accepted.manifest.reassign)
    numbers.recount_numbers(conn, [found.program.id])
    newest = {"submission": accepted.submission, "digest": accepted.digest}
    conn.execute(update(program).where(program.c.id == found.program.id).values(**newest))
    return RegistrationResult(
        outcome="registered", submission=accepted.submission, revision=number, difference=changes, waiting=True
    )


def _waiting(conn: Connection, accepted: AcceptedSubmission) -> int:
    """How many revisions of the program wait already."""
    where = submission.c.business == accepted.business, submission.c.reference == accepted.reference
    query = select(func.count()).select_from(submission).where(*where, in_literals(submission.c.standing, "waiting"))
    return conn.execute(query).scalar_one()


def _make_of_held(conn: Connection, cancelling: AcceptedSubmission, now: datetime) -> None:
    """Make the program of which there is a held submission only, so that it can be cancelled, and that for good.

    It claims no numbers and asks for no review: it never launches.
    """
    row = find_open_submission(conn, cancelling.business, cancelling.reference, "held")
    if row is None or programs.find_program(conn, cancelling.business, cancelling.reference) is not None:
        return
    held = unpark_submission(conn, row)
    bare = replace(held, manifest=replace(held.manifest, display_name=None), logo=None, block=merge_blocks([]))
    cause = f"held, and cancelled by submission {cancelling.submission}"
    programs.revise_program(conn, bare, cause=cause, by=LAUNCHDROP, now=now)


def _replace_held(conn: Connection, registration: Registration, now: datetime) -> None:
    """A newer submission takes the place of a held one."""
    row = find_open_submission(conn, registration.business, registration.reference or "", "held")
    if row is not None:
        cause = f"replaced by submission {registration.submission}"
        resolve_submission(conn, row, "replaced", verdict=row.verdict, cause=cause, by=LAUNCHDROP, now=now)


def _mine(registration: Registration) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return submission.c.business == registration.business, submission.c.id == registration.submission


def _accepted(registration: Registration) -> AcceptedSubmission:
    judgment = registration.judgment
    if judgment.manifest is None or judgment.manifest.reference is None:
        raise ValueError("an accepted submission has a manifest with a reference")
    cancelled = judgment.manifest.state == "cancelled"
    return AcceptedSubmission(
        submission=registration.submission,
        business=registration.business,
        reference=judgment.manifest.reference,
        digest=registration.digest,
        received_at=registration.received_at,
        manifest=judgment.manifest,
        logo=registration.logo,
        block=merge_blocks([] if cancelled else judgment.numbers.accepted()),
        noticed=collect_review_notes(judgment),
    )


def _again(conn: Connection, row: Row[Any]) -> RegistrationResult:
    """What was registered before, as it was said then."""
    made = find_first_revision(conn, row)
    if made is None:
        return RegistrationResult(outcome="registered", submission=row.id, waiting=row.standing == "waiting")
    changes = RevisionDiff(added=made.added, removed=made.removed, changed=made.changed)
    return RegistrationResult(outcome="registered", submission=row.id, revision=made.number, difference=changes)


def find_first_revision(conn: Connection, row: Row[Any]) -> Row[Any] | None:
    """The revision that a submission made, if it made one."""
    return conn.execute(_revisions(row).order_by(revision.c.number).limit(1)).one_or_none()


def find_latest_revision(conn: Connection, row: Row[Any]) -> Row[Any] | None:
    """The newest revision that carries out a submission: the one it made, or one that an operator's hand made of it."""
    return conn.execute(_revisions(row).order_by(revision.c.number.desc()).limit(1)).one_or_none()


def _revisions(row: Row[Any]) -> Select[Any]:
    query = select(revision).join(program, program.c.id == revision.c.program)
    return query.where(revision.c.submission == row.id, program.c.business == row.business)


def find_previous_revision(conn: Connection, made: Row[Any]) -> Row[Any] | None:
    """The revision that this one followed; None for a program's first."""
    where = revision.c.program == made.program, revision.c.number == made.number - 1
    return conn.execute(select(revision).where(*where)).one_or_none()


def _number_of(conn: Connection, registration: Registration) -> int | None:
    where = program.c.business == registration.business, program.c.reference == registration.reference
    query = select(func.max(revision.c.number)).join(program, program.c.id == revision.c.program).where(*where)
    return conn.execute(query).scalar()
