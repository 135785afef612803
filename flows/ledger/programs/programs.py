"""Programs over time: what a revision does to one, and what cancelling does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from flows.ledger.core.errors import LedgerError, Outdated
from flows.ledger.core.tables import asset, program, revision
from flows.ledger.core.transitions import add_indexes_to_outbox, move_revisions, record_transitions
from flows.ledger.intake.submissions import AcceptedSubmission, find_open_submission
from flows.ledger.programs import numbers, reviews
from flows.ledger.programs.ownership import free_numbers, reclaim_numbers
from schemas.model.business import DisplayName
from schemas.model.drop import Program
from schemas.model.lifecycle import FINAL, REPLACED, branding
from schemas.model.manifest import Manifest, Schedule
from schemas.model.revision import ProgramFacts, RevisionDiff, difference


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentProgram:
    """A program's row with its newest revision's."""

    program: Row[Any]
    revision: Row[Any]

    @property
    def state(self) -> str:
        """Of the newest revision."""
        return str(self.revision.state)

    @property
    def start_is_fixed(self) -> bool:
        """As judging is told it: see `schemas.model.drop.Program`."""
        return self.program.live_revision is not None or self.state == "launching"

    @property
    def over(self) -> bool:
        """It takes no revision: ended, cancelled, or on its way to it."""
        return self.state in FINAL or self.program.cancelled_at is not None


def find_program(conn: Connection, business: str, reference: str, *, locked: bool = False) -> CurrentProgram | None:
    """The program as it is; `locked`: and as it stays until the transaction ends."""
    query = select(program).where(program.c.business == business, program.c.reference == reference)
    row = conn.execute(query.with_for_update() if locked else query).one_or_none()
    if row is None:
        return None
    return CurrentProgram(
        program=row, revision=conn.execute(select(revision).where(revision.c.id == row.revision)).one()
    )


def get_program_for_update(conn: Connection, business: str, reference: str) -> CurrentProgram:
    """The program, locked. Raises LedgerError when there is none."""
    found = find_program(conn, business, reference, locked=True)
    if found is None:
        raise LedgerError(f"no program {business}/{reference}")
    return found


def read_known_program(conn: Connection, business: str, reference: str) -> Program | None:
    """What judging is to know of the program with this reference."""
    now = find_program(conn, business, reference)
    if now is None:
        return _held(conn, business, reference)
    return Program(
        state="cancelled" if now.program.cancelled_at is not None and now.state not in FINAL else now.revision.state,
        revision=now.revision.number,
        start=now.revision.start,
        end=now.revision.end,
        live=now.program.live_revision is not None and now.state not in FINAL,
        numbers=now.program.numbers_live + now.program.numbers_pending,
        calls=numbers.has_calling_numbers(conn, now.program.id),
    )


def _held(conn: Connection, business: str, reference: str) -> Program | None:
    row = find_open_submission(conn, business, reference, "held")
    schedule = row.manifest["schedule"] if row is not None and row.manifest else None
    if schedule is None:
        return None
    start, end = (datetime.fromisoformat(schedule[name]) for name in ("start", "end"))
    return Program(state=None, revision=0, start=start, end=end, held=True)


def preview_revision(conn: Connection, accepted: AcceptedSubmission) -> tuple[int, RevisionDiff]:
    """The number an accepted submission's revision would have now, and its difference; nothing is written."""
    now = find_program(conn, accepted.business, accepted.reference)
    planned = numbers.plan_numbers(
        conn, now.program.id if now else None, accepted.block, accepted.manifest.numbers_mode
    )
    number = now.revision.number + 1 if now else 1
    after = facts_from_manifest(accepted.manifest, accepted.logo.sha256 if accepted.logo else None)
    return number, difference(planned.difference, read_revision_facts(conn, now.revision) if now else None, after)


def revise_program(
    conn: Connection, accepted: AcceptedSubmission, *, cause: str, by: str, now: datetime
) -> tuple[int, RevisionDiff]:
    """Make an accepted submission the program's next revision; its number and difference.

    Raises Outdated when the program or a number is no longer as it was judged.
    """
    before = find_program(conn, accepted.business, accepted.reference, locked=True)
    if before is not None and before.over:
        raise Outdated(f"{accepted.business}/{accepted.reference} takes no revision any more")
    key = before.program.id if before else _create(conn, accepted)
    if before is not None and before.state == "missed":
        reclaim_numbers(conn, key, accepted.business)
    manifest = accepted.manifest
    planned = numbers.plan_numbers(conn, key, accepted.block, manifest.numbers_mode)
    numbers.apply_numbers_plan(
        conn,
        key,
        planned,
        reassign=manifest.reassign,
        mode=manifest.numbers_mode,
        at_carrier=before is not None and before.program.at_carrier,
        waited=accepted.waited,
    )
    after = facts_from_manifest(manifest, accepted.logo.sha256 if accepted.logo else None)
    changes = difference(planned.difference, read_revision_facts(conn, before.revision) if before else None, after)
    number = _add_revision(conn, accepted, key, before, changes, cause=cause, by=by, now=now)
    return number, changes


def cancel_program(conn: Connection, accepted: AcceptedSubmission, *, cause: str, by: str, now: datetime) -> int | None:
    """Cancel a scheduled program, or have a live one ended; the number of the revision it concerns."""
    before = find_program(conn, accepted.business, accepted.reference, locked=True)
    if before is None:
        return None
    if before.over:
        raise Outdated(f"{accepted.business}/{accepted.reference} is over already")
    values: dict[str, Any] = {"submission": accepted.submission, "digest": accepted.digest, "cancelled_at": now}
    if before.program.at_carrier:
        values["ends_at"] = now  # the carrier has it, or part of it, and must be told
    conn.execute(update(program).where(program.c.id == before.program.id).values(**values))
    if before.program.at_carrier:  # a launch that goes on is ended when it is over
        entry = _place(accepted, before.revision.number)
        record_transitions(
            conn,
            now,
            [entry | {"thing": "revision", "before": before.state, "after": "ending", "cause": cause, "by": by}],
        )
        add_indexes_to_outbox(conn, {accepted.business})
    else:
        move_revisions(conn, [before.revision.id], "cancelled", cause=cause, by=by, now=now)
        free_numbers(conn, [before.program.id], removed=True)
        numbers.recount_numbers(conn, [before.program.id])
    return int(before.revision.number)


def retry_launch(conn: Connection, business: str, reference: str, *, by: str, now: datetime) -> None:
    """Schedule a missed or failed revision again, due at once. Raises LedgerError for any other."""
    found = get_program_for_update(conn, business, reference)
    if found.state not in ("missed", "launch_failed"):
        raise LedgerError(f"{business}/{reference} is {found.state}; only what was missed or failed can be retried")
    if found.revision.end <= now:
        raise LedgerError(f"{business}/{reference} cannot be launched any more: its end has passed")
    if found.revision.hold_until_branded and found.program.branding == "rejected":
        _refuse_unbranded(conn, found)
    if found.state == "missed":
        reclaim_numbers(conn, found.program.id, business)
        numbers.recount_numbers(conn, [found.program.id])
    values = {"late_from": now, "reason": None}
    move_revisions(conn, [found.revision.id], "scheduled", cause="retried", by=by, now=now, **values)
    conn.execute(update(program).where(program.c.id == found.program.id).values(not_before=None))


def _refuse_unbranded(conn: Connection, found: CurrentProgram) -> None:
    """It would wait for ever: what was rejected is in no queue of reviews any more."""
    ids = reviews.list_rejected_assets(conn, (found.revision.display_name, found.revision.logo))
    approve = ", ".join(f"`launchdrop review approve {i}`" for i in ids)
    raise LedgerError(
        f"{found.program.business}/{found.program.reference} waits for its branding, which was rejected: {approve} "
        "before the retry, or have it dropped anew with another"
    )


def _create(conn: Connection, accepted: AcceptedSubmission) -> int:
    statement = program.insert().values(business=accepted.business, reference=accepted.reference)
    key: int = conn.execute(statement.returning(program.c.id)).scalar_one()
    return key


def _add_revision(
    conn: Connection,
    accepted: AcceptedSubmission,
    key: int,
    before: CurrentProgram | None,
    changes: RevisionDiff,
    *,
    cause: str,
    by: str,
    now: datetime,
) -> int:
    if before is not None and before.state in REPLACED:
        move_revisions(conn, [before.revision.id], "superseded", cause=f"revised: {cause}", by=by, now=now)
    number = before.revision.number + 1 if before else 1
    shown = _shown(conn, accepted, now)
    values = _revision_values(accepted, before, shown, changes, now)
    made = revision.insert().values(program=key, number=number, state="scheduled", **values).returning(revision.c.id)
    made_id = conn.execute(made).scalar_one()
    states = branding(tuple(state for _, state in shown.values() if state is not None))
    conn.execute(
        update(program)
        .where(program.c.id == key)
        .values(
            revision=made_id,
            submission=accepted.submission,
            digest=accepted.digest,
            branding=states,
            ends_at=values["end"],
            not_before=None,
        )
    )
    numbers.recount_numbers(conn, [key])
    entry = _place(accepted, number) | {"thing": "revision", "after": "scheduled", "cause": cause, "by": by}
    old = before.program.branding if before else "none"
    moved = {"thing": "branding", "before": old, "after": states, "cause": cause, "by": by}
    record_transitions(conn, now, [entry] + ([_place(accepted, number) | moved] if states != old else []))
    add_indexes_to_outbox(conn, {accepted.business})
    return number


def _revision_values(
    accepted: AcceptedSubmission,
    before: CurrentProgram | None,
    shown: dict[str, tuple[int | None, Any]],
    changes: RevisionDiff,
    now: datetime,
) -> dict[str, Any]:
    manifest, schedule = accepted.manifest, schedule_from_manifest(accepted.manifest)
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
        "display_name": shown["display_name"][0],
        "logo": shown["logo"][0],
        "hold_until_branded": manifest.hold_until_branded,
        "added": changes.added,
        "removed": changes.removed,
        "changed": changes.changed,
        "made_at": now,
        "late_from": max(start, now),
    }


def _shown(conn: Connection, accepted: AcceptedSubmission, now: datetime) -> dict[str, tuple[int | None, Any]]:
    """What the program shows on called phones, by kind: its id and review state, asked for where it is not approved."""
    manifest = accepted.manifest
    shown: dict[str, tuple[int | None, Any]] = {"display_name": (None, None), "logo": (None, None)}
    entries: dict[str, dict[str, Any]] = {}
    if manifest.program_type != "SENTRY" and manifest.display_name:
        name = manifest.display_name
        entries["display_name"] = {"display": name.display, "shorthand": name.shorthand}
    if manifest.program_type == "INFORM with Logo" and accepted.logo:
        entries["logo"] = {"sha256": accepted.logo.sha256, "name": accepted.logo.name}
    for kind, entry in entries.items():
        prefix = "DSP-" if kind == "display_name" else "IMG-"
        shown[kind] = reviews.request_review(
            conn,
            accepted.business,
            {"kind": kind} | entry,
            submission=accepted.submission,
            noticed=[n for n in accepted.noticed if n["rule"].startswith(prefix)],
            now=now,
        )
    return shown


def _place(accepted: AcceptedSubmission, number: int) -> dict[str, Any]:
    return {"business": accepted.business, "reference": accepted.reference, "revision": number}


def read_revision_facts(conn: Connection, row: Row[Any]) -> ProgramFacts:
    """What a revision says."""
    by_id = {}
    for asset_row in conn.execute(select(asset).where(asset.c.id.in_([row.display_name, row.logo]))):
        by_id[asset_row.id] = asset_row
    name, logo = by_id.get(row.display_name), by_id.get(row.logo)
    return ProgramFacts(
        schedule=Schedule(start=row.start, end=row.end, timezone=row.timezone),
        display_name=DisplayName(display=name.display, shorthand=name.shorthand) if name else None,
        logo_sha256=logo.sha256 if logo else None,
    )


def facts_from_manifest(manifest: Manifest, logo_sha256: str | None) -> ProgramFacts:
    brands = manifest.program_type != "SENTRY"
    return ProgramFacts(
        schedule=schedule_from_manifest(manifest),
        display_name=manifest.display_name if brands else None,
        logo_sha256=logo_sha256 if manifest.program_type == "INFORM with Logo" else None,
    )


def schedule_from_manifest(manifest: Manifest) -> Schedule:
    if manifest.schedule is None:
        raise ValueError("an accepted manifest has a schedule")
    return manifest.schedule
