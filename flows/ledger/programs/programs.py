"""Programs and their revisions: revise, cancel, retry, release a number by hand."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, select, update

from flows.ledger.core.errors import LedgerError, Outdated
from flows.ledger.core.outbox import add_indexes_to_outbox, add_submissions_to_outbox
from flows.ledger.core.tables import program, revision
from flows.ledger.core.transitions import move_revisions, record_transitions
from flows.ledger.intake.submissions import AcceptedSubmission, find_open_submission
from flows.ledger.programs import contested_numbers, numbers, reviews
from flows.ledger.programs.number_changes import record_changes
from flows.ledger.programs.numbers import NumbersPlan
from flows.ledger.programs.ownership import find_holders, free_numbers, reclaim_numbers, update_numbers
from schemas.model.judging_context import ExistingProgram
from schemas.model.lifecycle import FINAL_STATES, REPLACEABLE_STATES, combine_branding
from schemas.model.manifest import Manifest, Schedule
from schemas.model.revision import NumbersDiff


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentProgram:
    """A program's row, and the row of its newest revision."""

    program: Row[Any]
    revision: Row[Any]

    @property
    def state(self) -> str:
        """The state of the newest revision."""
        return str(self.revision.state)

    @property
    def start_is_fixed(self) -> bool:
        """Whether the start can no longer change, as in `schemas.model.judging_context.ExistingProgram`."""
        return self.program.live_revision is not None or self.state == "launching"

    @property
    def is_over(self) -> bool:
        """Whether it can no longer be revised: it is ended or canceled, or will be."""
        return self.state in FINAL_STATES or self.program.cancelled_at is not None


def find_program(conn: Connection, business: str, reference: str, *, locked: bool = False) -> CurrentProgram | None:
    """A program; None if there is none. `locked`: nobody else can change it until the transaction ends."""
    query = select(program).where(program.c.business == business, program.c.reference == reference)
    row = conn.execute(query.with_for_update() if locked else query).one_or_none()
    if row is None:
        return None
    return CurrentProgram(
        program=row, revision=conn.execute(select(revision).where(revision.c.id == row.revision)).one()
    )


def get_program_for_update(conn: Connection, business: str, reference: str) -> CurrentProgram:
    """A program, locked until the transaction ends. Raises LedgerError if there is none."""
    found = find_program(conn, business, reference, locked=True)
    if found is None:
        raise LedgerError(f"no program {business}/{reference}")
    return found


def read_existing_program(conn: Connection, business: str, reference: str) -> ExistingProgram | None:
    """What judging needs to know about the program with this reference; None if there is no such program."""
    found = find_program(conn, business, reference)
    if found is None:
        return _read_held_program(conn, business, reference)
    is_final = found.state in FINAL_STATES
    return ExistingProgram(
        state="cancelled" if found.program.cancelled_at is not None and not is_final else found.revision.state,
        revision=found.revision.number,
        start=found.revision.start,
        end=found.revision.end,
        live=found.program.live_revision is not None and not is_final,
        numbers=found.program.numbers_live + found.program.numbers_pending,
        calls=numbers.has_calling_numbers(conn, found.program.id),
    )


def _read_held_program(conn: Connection, business: str, reference: str) -> ExistingProgram | None:
    row = find_open_submission(conn, business, reference, "held")
    schedule = row.manifest["schedule"] if row is not None and row.manifest else None
    if schedule is None:
        return None
    start, end = (datetime.fromisoformat(schedule[name]) for name in ("start", "end"))
    return ExistingProgram(state=None, revision=0, start=start, end=end, held=True)


def revise_program(conn: Connection, accepted: AcceptedSubmission, *, cause: str, by: str, now: datetime) -> int:
    """Make an accepted submission the next revision of its program; returns the revision's number.

    Raises Outdated if the program or a number has changed since it was judged.
    """
    before = find_program(conn, accepted.business, accepted.reference, locked=True)
    if before is not None and before.is_over:
        raise Outdated(f"{accepted.business}/{accepted.reference} can no longer be revised")
    key = before.program.id if before else _insert_program(conn, accepted)
    if before is not None and before.state == "missed":
        reclaim_numbers(conn, key, accepted.business)
    manifest = accepted.manifest
    plan = numbers.plan_numbers(conn, key, accepted.block, manifest.numbers_mode)
    numbers.apply_numbers_plan(
        conn,
        key,
        plan,
        reassign=manifest.reassign,
        mode=manifest.numbers_mode,
        at_carrier=before is not None and before.program.at_carrier,
        waited=accepted.waited,
    )
    return _add_revision(conn, accepted, key, before, plan, cause=cause, by=by, now=now)


def cancel_program(conn: Connection, accepted: AcceptedSubmission, *, cause: str, by: str, now: datetime) -> int | None:
    """Cancel a program, or have it ended if the carrier may have it; returns the number of its newest revision.

    Returns None if there is no program. Raises Outdated if it is over already.
    """
    before = find_program(conn, accepted.business, accepted.reference, locked=True)
    if before is None:
        return None
    if before.is_over:
        raise Outdated(f"{accepted.business}/{accepted.reference} is over already")
    values: dict[str, Any] = {"submission": accepted.submission, "digest": accepted.digest, "cancelled_at": now}
    if before.program.at_carrier:
        values["ends_at"] = now  # the carrier has all or part of it, and must end it
    conn.execute(update(program).where(program.c.id == before.program.id).values(**values))
    if before.program.at_carrier:  # if a launch is running, the program is ended when that is over
        entry = {"thing": "revision", "before": before.state, "after": "ending", "cause": cause, "by": by}
        record_transitions(conn, now, [_place(accepted, before.revision.number) | entry])
        add_indexes_to_outbox(conn, {accepted.business})
    else:
        move_revisions(conn, [before.revision.id], "cancelled", cause=cause, by=by, now=now)
        free_numbers(conn, [before.program.id], removed=True)
        numbers.recount_numbers(conn, [before.program.id])
    return int(before.revision.number)


def retry_launch(conn: Connection, business: str, reference: str, *, by: str, now: datetime) -> None:
    """Schedule a missed or failed revision again, to be launched at once.

    Raises LedgerError if the program is in another state, if its end has passed, or if it waits for a branding that was
    rejected.
    """
    found = get_program_for_update(conn, business, reference)
    if found.state not in ("missed", "launch_failed"):
        raise LedgerError(f"{business}/{reference} is {found.state}; only a missed or failed launch can be retried")
    if found.revision.end <= now:
        raise LedgerError(f"{business}/{reference} can no longer be launched: its end has passed")
    if found.revision.hold_until_branded and found.program.branding == "rejected":
        raise LedgerError(_explain_rejected_branding(conn, found))
    if found.state == "missed":
        reclaim_numbers(conn, found.program.id, business)
        numbers.recount_numbers(conn, [found.program.id])
    values = {"late_from": now, "reason": None}
    move_revisions(conn, [found.revision.id], "scheduled", cause="retried", by=by, now=now, **values)
    conn.execute(update(program).where(program.c.id == found.program.id).values(not_before=None))


def _explain_rejected_branding(conn: Connection, found: CurrentProgram) -> str:
    ids = reviews.list_rejected_assets(conn, (found.revision.display_name, found.revision.logo))
    approve = ", ".join(f"`launchdrop review approve {i}`" for i in ids)
    return (
        f"{found.program.business}/{found.program.reference} waits for its branding, which was rejected: {approve} "
        "before the retry, or drop the program again with another one"
    )


def release_number(
    conn: Connection, number: int, *, by: str, now: datetime, reason: str | None = None
) -> tuple[str, str]:
    """Free a number by hand; returns (business, reference) of the program that had it.

    It can be registered elsewhere at once. If the carrier may have it, the next launch removes it there; for a live
    program this makes a revision. The receipts of its business and of those that asked for it say so, with the reason.
    Raises LedgerError if no program has it, or if the program is launching.
    """
    held = find_holders(conn, np.array([number]))
    if not held.programs:
        raise LedgerError("no program has this number")
    key, business, reference = held.programs[0]
    found = get_program_for_update(conn, business, reference)
    if found.state == "launching":
        raise LedgerError(f"{business}/{reference} is launching: try again when the launch is over")
    if found.program.at_carrier:
        update_numbers(conn, key, held.numbers, claimed=False, change="remove")
    else:
        update_numbers(conn, key, held.numbers, claimed=False, change=None, state="removed")
    numbers.recount_numbers(conn, [key])
    contested_numbers.record_release(conn, number, business=business, reference=reference, reason=reason, now=now)
    add_submissions_to_outbox(conn, [found.program.submission] if found.program.submission else [], reports=False)
    cause = "a number was released by hand" + (f": {reason}" if reason else "")
    entry = {"business": business, "reference": reference, "revision": found.revision.number, "cause": cause, "by": by}
    record_transitions(conn, now, [entry | {"thing": "numbers", "before": "claimed", "after": "released"}])
    if found.state == "live":
        _revise_by_hand(conn, found, cause=cause, by=by, now=now)
    add_indexes_to_outbox(conn, {business})
    return business, reference


def _revise_by_hand(conn: Connection, found: CurrentProgram, *, cause: str, by: str, now: datetime) -> None:
    """Copy the live revision into a new one that removes a number."""
    # The copy keeps the submission: its drops show this revision's state, and its archive has the logo.
    values = dict(found.revision._mapping)
    number = values["number"] + 1
    values |= {"number": number, "state": "scheduled", "reason": None}
    values |= {"added": 0, "removed": 1, "changed": 0, "made_at": now, "late_from": now, "live_at": None}
    del values["id"]
    new_id = conn.execute(revision.insert().values(**values).returning(revision.c.id)).scalar_one()
    conn.execute(update(program).where(program.c.id == found.program.id).values(revision=new_id))
    entry = {"business": found.program.business, "reference": found.program.reference, "revision": number}
    record_transitions(conn, now, [entry | {"thing": "revision", "after": "scheduled", "cause": cause, "by": by}])


def _insert_program(conn: Connection, accepted: AcceptedSubmission) -> int:
    statement = program.insert().values(business=accepted.business, reference=accepted.reference)
    key: int = conn.execute(statement.returning(program.c.id)).scalar_one()
    return key


def _add_revision(
    conn: Connection,
    accepted: AcceptedSubmission,
    key: int,
    before: CurrentProgram | None,
    plan: NumbersPlan,
    *,
    cause: str,
    by: str,
    now: datetime,
) -> int:
    if before is not None and before.state in REPLACEABLE_STATES:
        move_revisions(conn, [before.revision.id], "superseded", cause=f"revised: {cause}", by=by, now=now)
    number = before.revision.number + 1 if before else 1
    assets = _request_reviews(conn, accepted, now)
    values = _revision_values(accepted, before, assets, plan.difference, now)
    insert = revision.insert().values(program=key, number=number, state="scheduled", **values)
    new_id = conn.execute(insert.returning(revision.c.id)).scalar_one()
    if before is not None:
        record_changes(conn, new_id, plan)
    old_branding = before.program.branding if before else "none"
    new_branding = combine_branding(tuple(state for _, state in assets.values() if state is not None))
    conn.execute(
        update(program)
        .where(program.c.id == key)
        .values(
            revision=new_id,
            submission=accepted.submission,
            digest=accepted.digest,
            branding=new_branding,
            ends_at=values["end"],
            not_before=None,
        )
    )
    numbers.recount_numbers(conn, [key])
    place = _place(accepted, number) | {"cause": cause, "by": by}
    record_transitions(conn, now, _revision_entries(place, old_branding, new_branding))
    add_indexes_to_outbox(conn, {accepted.business})
    return number


def _revision_entries(place: dict[str, Any], old_branding: str, new_branding: str) -> list[dict[str, Any]]:
    """The audit log's entries for a new revision."""
    entries = [place | {"thing": "revision", "after": "scheduled"}]
    if new_branding != old_branding:
        entries.append(place | {"thing": "branding", "before": old_branding, "after": new_branding})
    return entries


def _revision_values(
    accepted: AcceptedSubmission,
    before: CurrentProgram | None,
    assets: dict[str, tuple[int | None, Any]],
    difference: NumbersDiff,
    now: datetime,
) -> dict[str, Any]:
    manifest, schedule = accepted.manifest, _schedule_from_manifest(accepted.manifest)
    live = before is not None and before.program.live_revision is not None
    start = before.revision.start if before is not None and live else schedule.start
    return {
        "submission": accepted.submission,
        "start": start,
        "end": schedule.end,
        "timezone": schedule.timezone,
        "facts": {
            "type": manifest.program_type,
            "name": manifest.name,
            "call_purpose": manifest.call_purpose,
            "description": manifest.description,
            "business_unit": manifest.business_unit,
            "call_reason": manifest.call_reason if manifest.program_type == "INFORM with Logo" else None,
        },
        "display_name": assets["display_name"][0],
        "logo": assets["logo"][0],
        "hold_until_branded": manifest.hold_until_branded,
        "added": len(difference.added),
        "removed": len(difference.removed),
        "changed": len(difference.changed),
        "made_at": now,
        "late_from": max(start, now),
    }


def _request_reviews(
    conn: Connection, accepted: AcceptedSubmission, now: datetime
) -> dict[str, tuple[int | None, Any]]:
    """The display name and the logo of the program: id and review state of each. Requests reviews as needed."""
    manifest = accepted.manifest
    assets: dict[str, tuple[int | None, Any]] = {"display_name": (None, None), "logo": (None, None)}
    entries: dict[str, dict[str, Any]] = {}
    if manifest.program_type != "SENTRY" and manifest.display_name:
        name = manifest.display_name
        entries["display_name"] = {"display": name.display, "shorthand": name.shorthand}
    if manifest.program_type == "INFORM with Logo" and accepted.logo:
        entries["logo"] = {"sha256": accepted.logo.sha256, "name": accepted.logo.name}
    for kind, entry in entries.items():
        prefix = "DSP-" if kind == "display_name" else "IMG-"
        assets[kind] = reviews.request_review(
            conn,
            accepted.business,
            {"kind": kind} | entry,
            submission=accepted.submission,
            review_findings=[f for f in accepted.review_findings if f["rule"].startswith(prefix)],
            now=now,
        )
    return assets


def _place(accepted: AcceptedSubmission, number: int) -> dict[str, Any]:
    return {"business": accepted.business, "reference": accepted.reference, "revision": number}


def _schedule_from_manifest(manifest: Manifest) -> Schedule:
    if manifest.schedule is None:
        raise ValueError("an accepted manifest has a schedule")
    return manifest.schedule
