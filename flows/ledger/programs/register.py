"""Registering a judged submission exactly once, and deciding on a held one."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, update

from flows.ledger.core.bulk import in_literals, merge_blocks
from flows.ledger.core.errors import Outdated
from flows.ledger.core.outbox import add_indexes_to_outbox, add_to_outbox
from flows.ledger.core.tables import program, revision, submission
from flows.ledger.core.transitions import LAUNCHDROP
from flows.ledger.intake.submissions import (
    AcceptedSubmission,
    Registration,
    RegistrationResult,
    Standing,
    acknowledge_drop,
    collect_review_findings,
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


def register_submission(conn: Connection, registration: Registration, now: datetime) -> RegistrationResult:
    """Register a judged submission and acknowledge its drop. Registering it again changes nothing.

    Raises Outdated if the ledger has changed since the submission was judged: roll back, and judge it again.
    """
    lock_reference(conn, registration.business, registration.reference)
    row = find_submission(conn, registration.submission, registration.business)
    if row is not None and row.drop == registration.drop:
        return _read_result(conn, row)
    # A row of another drop with the same id: the same bytes, seen in the same second.
    duplicate = row.id if row is not None else _find_registered_duplicate(conn, registration)
    if duplicate is not None:
        _acknowledge(conn, registration, "duplicate", duplicate, now)
        return _duplicate_result(conn, registration, duplicate)
    result = _register_new(conn, registration, now)
    _acknowledge(conn, registration, "registered", registration.submission, now)
    add_to_outbox(conn, "report", registration.business, registration.submission)
    add_indexes_to_outbox(conn, {registration.business})
    return result


def release_held_submission(conn: Connection, submission_id: str, *, by: str, now: datetime) -> RegistrationResult:
    """Accept a held submission as it was judged.

    Raises LedgerError if it is not held. Raises Outdated if one of its numbers was registered elsewhere in the
    meantime, or if the program's start was fixed at another time: then it must be retaken.
    """
    row = _lock_held_submission(conn, submission_id)
    verdict = "accepted_with_rejections" if row.counts["rejected"] else "accepted"
    accepted, cause = unpark_submission(conn, row), f"released by {by}"
    result = _carry_out_or_wait(conn, accepted, cause=cause, by=by, now=now)
    standing: Standing = "waiting" if result.waiting else "registered"
    resolve_submission(conn, row, standing, verdict=verdict, cause=cause, by=by, now=now)
    add_indexes_to_outbox(conn, {row.business})
    return result


def reject_held_submission(conn: Connection, submission_id: str, *, by: str, reason: str, now: datetime) -> None:
    """Reject a held submission; the business reads the reason. Raises LedgerError if it is not held."""
    row = _lock_held_submission(conn, submission_id)
    cause = f"rejected by {by}: {reason}"
    resolve_submission(conn, row, "dismissed", verdict="rejected", cause=cause, by=by, now=now, reason=reason)
    add_indexes_to_outbox(conn, {row.business})


def replace_retaken_submission(conn: Connection, registration: Registration, *, by: str, now: datetime) -> None:
    """Replace the submission that this one is a retake of, if it is still held, whatever the new verdict is."""
    row = find_submission(conn, registration.retake_of, registration.business) if registration.retake_of else None
    if row is not None and row.standing == "held":
        _replace(conn, row, registration, by=by, now=now)


def register_waiting_submissions(conn: Connection, business: str, reference: str, *, now: datetime) -> None:
    """Carry out the submissions that waited for a launch, in their order, as far as the program can be revised."""
    while (row := find_open_submission(conn, business, reference, "waiting")) is not None:
        found = programs.get_program_for_update(conn, business, reference)
        if found.state == "launching":
            return
        if found.is_over:
            cause = "the program is over"
            resolve_submission(conn, row, "lapsed", verdict=row.verdict, cause=cause, by=LAUNCHDROP, now=now)
            continue
        accepted = unpark_submission(conn, row)
        # Its numbers were claimed when it was registered. If one to take over is elsewhere by now, it is refused.
        cause = "the launch is over"
        resolve_submission(conn, row, "registered", verdict=row.verdict, cause=cause, by=LAUNCHDROP, now=now)
        _carry_out(conn, accepted, cause=f"submission {row.id}", by=LAUNCHDROP, now=now)


def find_first_revision(conn: Connection, row: Row[Any]) -> Row[Any] | None:
    """The revision that a submission made; None if it made none."""
    return conn.execute(_select_revisions(row).order_by(revision.c.number).limit(1)).one_or_none()


def find_latest_revision(conn: Connection, row: Row[Any]) -> Row[Any] | None:
    """The newest revision that carries out a submission: its own, or a copy made when a number was released by hand."""
    return conn.execute(_select_revisions(row).order_by(revision.c.number.desc()).limit(1)).one_or_none()


def find_previous_revision(conn: Connection, row: Row[Any]) -> Row[Any] | None:
    """The program's revision before this one; None for the first."""
    where = revision.c.program == row.program, revision.c.number == row.number - 1
    return conn.execute(select(revision).where(*where)).one_or_none()


def _find_registered_duplicate(conn: Connection, registration: Registration) -> str | None:
    """The id of the submission that this one repeats; None if it repeats none. A retake is never a duplicate."""
    manifest = registration.judgment.manifest
    if registration.retake_of is not None or manifest is None:
        return None
    cancels = manifest.state == "cancelled"
    return find_duplicate(conn, registration.business, registration.reference, registration.digest, cancels=cancels)


def _acknowledge(conn: Connection, registration: Registration, outcome: str, submission_id: str, now: datetime) -> None:
    acknowledge_drop(conn, registration.business, registration.drop, outcome, submission_id, registration.digest, now)


def _register_new(conn: Connection, registration: Registration, now: datetime) -> RegistrationResult:
    """Insert the submission; if it is accepted, carry it out."""
    verdict, manifest = registration.judgment.verdict, registration.judgment.manifest
    result = RegistrationResult(outcome="registered", submission=registration.submission)
    if verdict == "rejected" or manifest is None or registration.reference is None:
        insert_submission(conn, registration, "rejected", now)
        return result
    accepted = _accepted_submission(registration)
    if accepted.manifest.state == "cancelled":
        _create_program_of_held_submission(conn, accepted, now)
    held = find_open_submission(conn, accepted.business, accepted.reference, "held")
    if held is not None:
        _replace(conn, held, registration, by=LAUNCHDROP, now=now)
    if verdict == "held":
        insert_submission(conn, registration, "held", now)
        park_numbers(conn, accepted)
        return result
    insert_submission(conn, registration, "registered", now)
    cause = f"submission {registration.submission}"
    result = _carry_out_or_wait(conn, accepted, cause=cause, by=LAUNCHDROP, now=now)
    if result.waiting:
        where = submission.c.business == registration.business, submission.c.id == registration.submission
        conn.execute(update(submission).where(*where).values(standing="waiting"))
    return result


def _carry_out_or_wait(
    conn: Connection, accepted: AcceptedSubmission, *, cause: str, by: str, now: datetime
) -> RegistrationResult:
    """Carry out an accepted submission. If its program is launching it has to wait, unless it cancels the program.

    Raises Outdated if its start differs from one that was fixed since it was judged; SCH-008 reports that when it is
    judged again.
    """
    found = programs.find_program(conn, accepted.business, accepted.reference, locked=True)
    schedule = accepted.manifest.schedule
    if found is not None and found.start_is_fixed and schedule and schedule.start != found.revision.start:
        raise Outdated(
            f"{accepted.business}/{accepted.reference} was launched since this was judged: its start is fixed"
        )
    launching = found is not None and found.state == "launching" and not found.is_over
    if found is not None and launching and accepted.manifest.state == "active":
        return _make_wait(conn, accepted, found)
    return _carry_out(conn, accepted, cause=cause, by=by, now=now)


def _carry_out(
    conn: Connection, accepted: AcceptedSubmission, *, cause: str, by: str, now: datetime
) -> RegistrationResult:
    """Revise or cancel the program."""
    if accepted.manifest.state == "cancelled":
        number = programs.cancel_program(conn, accepted, cause=f"canceled by {cause}", by=by, now=now)
        return RegistrationResult(outcome="registered", submission=accepted.submission, revision=number)
    unit = accepted.manifest.business_unit
    if unit and accepted.manifest.create_business_unit:
        add_business_units(conn, accepted.business, [unit])
    number = programs.revise_program(conn, accepted, cause=cause, by=by, now=now)
    return RegistrationResult(outcome="registered", submission=accepted.submission, revision=number)


def _make_wait(conn: Connection, accepted: AcceptedSubmission, found: programs.CurrentProgram) -> RegistrationResult:
    """Keep a submission until the launch is over. Its numbers are claimed now, and it becomes the program's newest."""
    park_numbers(conn, accepted)
    number = found.revision.number + 1 + _count_waiting_submissions(conn, accepted)
    plan = numbers.plan_numbers(conn, found.program.id, accepted.block, "add")
    numbers.reserve_numbers(conn, found.program.id, plan, reassign=accepted.manifest.reassign)
    numbers.recount_numbers(conn, [found.program.id])
    values = {"submission": accepted.submission, "digest": accepted.digest}
    conn.execute(update(program).where(program.c.id == found.program.id).values(**values))
    return RegistrationResult(outcome="registered", submission=accepted.submission, revision=number, waiting=True)


def _count_waiting_submissions(conn: Connection, accepted: AcceptedSubmission) -> int:
    where = submission.c.business == accepted.business, submission.c.reference == accepted.reference
    query = select(func.count()).select_from(submission).where(*where, in_literals(submission.c.standing, "waiting"))
    return conn.execute(query).scalar_one()


def _create_program_of_held_submission(conn: Connection, canceling: AcceptedSubmission, now: datetime) -> None:
    """If there is only a held submission for the program, make the program of it, so that it can be canceled for good.

    It claims no numbers and requests no reviews, because it never launches.
    """
    row = find_open_submission(conn, canceling.business, canceling.reference, "held")
    if row is None or programs.find_program(conn, canceling.business, canceling.reference) is not None:
        return
    held = unpark_submission(conn, row)
    bare = replace(held, manifest=replace(held.manifest, display_name=None), logo=None, block=merge_blocks([]))
    cause = f"held, and canceled by submission {canceling.submission}"
    programs.revise_program(conn, bare, cause=cause, by=LAUNCHDROP, now=now)


def _replace(conn: Connection, held: Row[Any], registration: Registration, *, by: str, now: datetime) -> None:
    cause = f"replaced by submission {registration.submission}"
    resolve_submission(conn, held, "replaced", verdict=held.verdict, cause=cause, by=by, now=now)


def _lock_held_submission(conn: Connection, submission_id: str) -> Row[Any]:
    """A held submission, read again after its program was locked. Raises LedgerError if it is not held."""
    row = get_held_submission(conn, submission_id)
    lock_reference(conn, row.business, row.reference)
    return get_held_submission(conn, submission_id)


def _accepted_submission(registration: Registration) -> AcceptedSubmission:
    judgment = registration.judgment
    if judgment.manifest is None or judgment.manifest.reference is None:
        raise ValueError("an accepted submission has a manifest with a reference")
    cancels = judgment.manifest.state == "cancelled"
    return AcceptedSubmission(
        submission=registration.submission,
        business=registration.business,
        reference=judgment.manifest.reference,
        digest=registration.digest,
        received_at=registration.received_at,
        manifest=judgment.manifest,
        logo=registration.logo,
        block=merge_blocks([] if cancels else judgment.numbers.accepted()),
        review_findings=collect_review_findings(judgment),
    )


def _read_result(conn: Connection, row: Row[Any]) -> RegistrationResult:
    """The result with which this submission was registered."""
    made = find_first_revision(conn, row)
    if made is None:
        return RegistrationResult(outcome="registered", submission=row.id, waiting=row.standing == "waiting")
    return RegistrationResult(outcome="registered", submission=row.id, revision=made.number)


def _duplicate_result(conn: Connection, registration: Registration, duplicate: str) -> RegistrationResult:
    where = program.c.business == registration.business, program.c.reference == registration.reference
    query = select(func.max(revision.c.number)).join(program, program.c.id == revision.c.program).where(*where)
    return RegistrationResult(outcome="duplicate", submission=duplicate, revision=conn.execute(query).scalar())


def _select_revisions(row: Row[Any]) -> Select[Any]:
    """The revisions that carry out a submission."""
    query = select(revision).join(program, program.c.id == revision.c.program)
    return query.where(revision.c.submission == row.id, program.c.business == row.business)
