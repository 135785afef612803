"""Queries for the commands and the pages. Their cost grows with what they return, not with the age of the ledger.

Parameters are called `business_id`, because `business` is a table here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from flows.ledger.core.bulk import in_literals
from flows.ledger.core.errors import LedgerError
from flows.ledger.core.tables import (
    asset,
    batch,
    business,
    day,
    move,
    number,
    program,
    receipt,
    revision,
    rule_day,
    submission,
    takeover,
    tally,
)
from flows.ledger.intake.submissions import find_submission
from schemas.model.lifecycle import BrandingState, RevisionState

#: Rows fetched at a time when many are streamed.
_ROWS_PER_FETCH = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRow:
    """A program with the facts of its newest revision, and the counts of its numbers by state."""

    business: str
    reference: str
    revision: int
    state: RevisionState | None
    reason: str | None
    branding: BrandingState
    name: str | None
    start: datetime | None
    end: datetime | None
    timezone: str
    live: int = 0
    pending: int = 0
    refused: int = 0


def list_programs(
    conn: Connection, *, business_id: str | None = None, reference: str | None = None
) -> list[ProgramRow]:
    """All programs, or those of one business or with one reference, sorted by business and reference."""
    query = _select_programs().order_by(program.c.business, program.c.reference)
    if business_id is not None:
        query = query.where(program.c.business == business_id)
    if reference is not None:
        query = query.where(program.c.reference == reference)
    return [_load_program(row) for row in conn.execute(query)]


def list_submissions(conn: Connection, *, business_id: str | None = None, limit: int | None = None) -> list[Row[Any]]:
    """All submissions, or those of one business, the newest first."""
    query = select(submission).order_by(submission.c.seq.desc())
    if business_id is not None:
        query = query.where(submission.c.business == business_id)
    return list(conn.execute(query.limit(limit) if limit else query))


def get_submission(conn: Connection, submission_id: str, business_id: str | None = None) -> Row[Any]:
    """The submission with this id, in one business or in any. Raises LedgerError if there is none."""
    row = find_submission(conn, submission_id, business_id)
    if row is None:
        raise LedgerError(f"no submission {submission_id}; `launchdrop submissions` lists them")
    return row


def list_earlier_submissions(conn: Connection, row: Row[Any], *, limit: int) -> list[Row[Any]]:
    """The submissions for the same program before this one, the newest first."""
    if row.reference is None:
        return []
    same_program = submission.c.business == row.business, submission.c.reference == row.reference
    query = select(submission).where(*same_program, submission.c.seq < row.seq).order_by(submission.c.seq.desc())
    return list(conn.execute(query.limit(limit)))


def find_receipt(conn: Connection, business_id: str, drop: str) -> Row[Any] | None:
    """What a drop was last acknowledged as; None if it never was."""
    where = receipt.c.business == business_id, receipt.c.drop == drop
    return conn.execute(select(receipt).where(*where)).one_or_none()


def list_transitions(conn: Connection, business_id: str, reference: str) -> list[Row[Any]]:
    """The audit log of a program, the oldest transition first."""
    where = move.c.business == business_id, move.c.reference == reference
    return list(conn.execute(select(move).where(*where).order_by(move.c.id)))


def list_refused_numbers(conn: Connection, business_id: str, reference: str, *, limit: int) -> list[tuple[int, str]]:
    """The refused numbers of a program, each with its reason, sorted."""
    query = select(number.c.number, number.c.reason).where(
        number.c.program == _select_program_id(business_id, reference), number.c.state == "refused"
    )
    return [(row.number, row.reason or "") for row in conn.execute(query.order_by(number.c.number).limit(limit))]


def count_refusals_by_reason(
    conn: Connection, business_id: str, reference: str, *, limit: int
) -> list[tuple[str, int]]:
    """Why numbers of a program were refused, with the count for each reason, the most frequent first."""
    count = func.count()
    query = select(number.c.reason, count).where(
        number.c.program == _select_program_id(business_id, reference), number.c.state == "refused"
    )
    query = query.group_by(number.c.reason).order_by(count.desc(), number.c.reason).limit(limit)
    return [(reason or "", n) for reason, n in conn.execute(query)]


def list_takeover_references(conn: Connection, business_id: str, reference: str) -> tuple[list[str], list[str]]:
    """The references of a program's givers and takers: it takes numbers over from the givers, the takers from it.

    Includes takeovers that are done and those that are still to come.
    """
    key = _select_program_id(business_id, reference)
    counts = takeover.c.waits | (takeover.c.moved > 0)
    references = select(program.c.reference).order_by(program.c.reference)
    givers = references.join(takeover, takeover.c.giver == program.c.id).where(takeover.c.taker == key, counts)
    takers = references.join(takeover, takeover.c.taker == program.c.id).where(takeover.c.giver == key, counts)
    return list(conn.execute(givers).scalars()), list(conn.execute(takers).scalars())


def list_top_rules(conn: Connection, business_id: str, *, since: datetime, limit: int) -> list[tuple[str, int]]:
    """The rules that were broken most often since a day, with their counts."""
    total = func.sum(rule_day.c.count)
    query = select(rule_day.c.rule, total).where(
        rule_day.c.business == business_id, rule_day.c.day >= f"{since:%Y-%m-%d}"
    )
    grouped = query.group_by(rule_day.c.rule).order_by(total.desc(), rule_day.c.rule).limit(limit)
    return [(rule, int(count)) for rule, count in conn.execute(grouped)]


def count_submissions(conn: Connection, business_id: str) -> int:
    """How many submissions a business has ever made."""
    return conn.execute(select(tally.c.submissions).where(tally.c.business == business_id)).scalar() or 0


def stream_live_numbers(conn: Connection, *, business_id: str | None = None) -> Iterator[Row[Any]]:
    """Stream (number, purpose, display, shorthand, business, reference) of all live numbers, for a dialer.

    The display name is that of the live revision, or null unless it and the revision's logo are approved: phones do not
    show it before. (The branding in `program` is that of the newest revision.)
    """
    logo = asset.alias("logo")
    is_approved = and_(asset.c.id == revision.c.display_name, asset.c.state == "approved")
    query = (
        select(number.c.number, number.c.purpose, asset.c.display, asset.c.shorthand)
        .add_columns(program.c.business, program.c.reference)
        .join(program, program.c.id == number.c.program)
        .join(revision, revision.c.id == program.c.live_revision)
        .outerjoin(logo, logo.c.id == revision.c.logo)
        .outerjoin(asset, and_(is_approved, or_(logo.c.id.is_(None), logo.c.state == "approved")))
        .where(number.c.state == "live")
        .order_by(number.c.program, number.c.number)
    )
    if business_id is not None:
        query = query.where(program.c.business == business_id)
    yield from conn.execute(query, execution_options={"yield_per": _ROWS_PER_FETCH})


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessTotals:
    """A business and its totals. `accepted` and `rejected` count rows since the day that was asked for."""

    id: str
    legal_name: str
    live: int
    scheduled: int
    numbers_live: int
    submissions: int
    last_received_at: datetime | None
    accepted: int
    rejected: int


def list_business_totals(conn: Connection, *, since: datetime) -> list[BusinessTotals]:
    """All businesses with their totals, by id. `since` is the day from which rows are counted."""
    by_program = select(program.c.business, *_program_totals()).join(revision, revision.c.id == program.c.revision)
    by_program = by_program.group_by(program.c.business)
    by_day = select(day.c.business, func.sum(day.c.accepted), func.sum(day.c.rejected))
    by_day = by_day.where(day.c.day >= f"{since:%Y-%m-%d}").group_by(day.c.business)
    all_time = select(tally.c.business, tally.c.submissions, tally.c.last_received_at)
    programs, days, tallies = ({row[0]: row[1:] for row in conn.execute(q)} for q in (by_program, by_day, all_time))
    found = []
    for row in conn.execute(select(business).order_by(business.c.id)):
        live, scheduled, numbers_live = programs.get(row.id, (0, 0, 0))
        accepted, rejected = days.get(row.id, (0, 0))
        count, last_received_at = tallies.get(row.id, (0, None))
        found.append(
            BusinessTotals(
                id=row.id,
                legal_name=row.facts.get("legal_name") or row.id,
                live=live or 0,
                scheduled=scheduled or 0,
                numbers_live=int(numbers_live or 0),
                submissions=count,
                last_received_at=last_received_at,
                accepted=int(accepted or 0),
                rejected=int(rejected or 0),
            )
        )
    return found


def list_held_submissions(conn: Connection, *, business_id: str | None = None) -> list[Row[Any]]:
    """Submissions that wait for the operator's decision, of all businesses or one, the oldest first."""
    query = select(submission).where(
        in_literals(submission.c.standing, "held", "waiting"), submission.c.standing == "held"
    )
    if business_id is not None:
        query = query.where(submission.c.business == business_id)
    # Sorted here: with ORDER BY the key, SQLite reads the whole table and not just the few open rows.
    return sorted(conn.execute(query), key=lambda row: row.seq)


def list_stuck_programs(conn: Connection) -> list[ProgramRow]:
    """Programs whose newest revision failed to launch or missed its start."""
    query = _select_programs().where(in_literals(revision.c.state, "launch_failed", "missed"))
    return [_load_program(row) for row in conn.execute(query.order_by(program.c.business, program.c.reference))]


def list_unknown_batches(conn: Connection) -> list[Row[Any]]:
    """Batches with an unknown outcome at the carrier, with business and reference of the program."""
    query = (
        select(batch.c.id, batch.c.kind, batch.c.size, batch.c.sent_at, program.c.business, program.c.reference)
        .join(program, program.c.id == batch.c.program)
        .where(in_literals(batch.c.state, "unknown"))
        .order_by(batch.c.id)
    )
    return list(conn.execute(query))


def list_starting_programs(conn: Connection, *, until: datetime, limit: int) -> list[ProgramRow]:
    """Programs that should launch until then, the earliest first."""
    query = _select_programs().where(
        in_literals(revision.c.state, "scheduled", "launching"), revision.c.state == "scheduled"
    )
    query = query.where(revision.c.start <= until)
    return [_load_program(row) for row in conn.execute(query.order_by(revision.c.start, program.c.id).limit(limit))]


def _select_programs() -> Select[Any]:
    return select(
        program,
        revision.c.number.label("number"),
        revision.c.state,
        revision.c.reason,
        revision.c.start,
        revision.c.end,
        revision.c.timezone,
        revision.c.facts,
    ).join(revision, revision.c.id == program.c.revision)


def _load_program(row: Row[Any]) -> ProgramRow:
    # A live program is shown as live while a revision of it is launched.
    is_revised = row.live_revision is not None and row.state in ("scheduled", "launching")
    return ProgramRow(
        business=row.business,
        reference=row.reference,
        revision=row.number,
        state="live" if is_revised else row.state,
        reason=row.reason,
        branding=row.branding,
        name=row.facts.get("name"),
        start=row.start,
        end=row.end,
        timezone=row.timezone,
        live=row.numbers_live,
        pending=row.numbers_pending,
        refused=row.numbers_refused,
    )


def _select_program_id(business_id: str, reference: str) -> Any:
    query = select(program.c.id).where(program.c.business == business_id, program.c.reference == reference)
    return query.scalar_subquery()


def _program_totals() -> list[Any]:
    """Live programs, scheduled programs, live numbers."""
    return [
        func.count().filter(program.c.live_revision.is_not(None), revision.c.state.not_in(["ended", "cancelled"])),
        func.count().filter(program.c.live_revision.is_(None), revision.c.state == "scheduled"),
        func.sum(program.c.numbers_live),
    ]
