"""What the ledger tells the commands and the pages. Each costs what it shows, not what there ever was."""

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
from schemas.model.lifecycle import Branding, State

#: Rows fetched at once where many are streamed.
FETCH = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRow:
    """One program as it is, by its newest revision."""

    business: str
    reference: str
    revision: int
    state: State | None
    reason: str | None
    branding: Branding
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
    """Programs by business and reference."""
    query = _programs().order_by(program.c.business, program.c.reference)
    if business_id is not None:
        query = query.where(program.c.business == business_id)
    if reference is not None:
        query = query.where(program.c.reference == reference)
    return [_program(row) for row in conn.execute(query)]


def list_submissions(conn: Connection, *, business_id: str | None = None, limit: int | None = None) -> list[Row[Any]]:
    """Submissions, newest first."""
    query = select(submission).order_by(submission.c.seq.desc())
    if business_id is not None:
        query = query.where(submission.c.business == business_id)
    return list(conn.execute(query.limit(limit) if limit else query))


def get_submission(conn: Connection, submission_id: str, business_id: str | None = None) -> Row[Any]:
    """One submission, of any business unless one is named. Raises LedgerError when there is none."""
    row = find_submission(conn, submission_id, business_id)
    if row is None:
        raise LedgerError(f"no submission {submission_id}; `launchdrop submissions` lists them")
    return row


def list_earlier_submissions(conn: Connection, of: Row[Any], *, limit: int) -> list[Row[Any]]:
    """The submissions for the same program before this one, newest first."""
    if of.reference is None:
        return []
    same = submission.c.business == of.business, submission.c.reference == of.reference
    query = select(submission).where(*same, submission.c.seq < of.seq).order_by(submission.c.seq.desc())
    return list(conn.execute(query.limit(limit)))


def find_receipt(conn: Connection, business_id: str, drop: str) -> Row[Any] | None:
    """What the drop was last acknowledged as."""
    where = receipt.c.business == business_id, receipt.c.drop == drop
    return conn.execute(select(receipt).where(*where)).one_or_none()


def list_transitions(conn: Connection, business_id: str, reference: str) -> list[Row[Any]]:
    """Every move of a program, oldest first."""
    where = move.c.business == business_id, move.c.reference == reference
    return list(conn.execute(select(move).where(*where).order_by(move.c.id)))


def list_refused_numbers(conn: Connection, business_id: str, reference: str, *, limit: int) -> list[tuple[int, str]]:
    """Numbers that the carrier refused, with its reason."""
    mine = select(program.c.id).where(program.c.business == business_id, program.c.reference == reference)
    query = select(number.c.number, number.c.reason).where(
        number.c.program == mine.scalar_subquery(), number.c.state == "refused"
    )
    return [(row.number, row.reason or "") for row in conn.execute(query.order_by(number.c.number).limit(limit))]


def count_refusals_by_reason(
    conn: Connection, business_id: str, reference: str, *, limit: int
) -> list[tuple[str, int]]:
    """Why numbers of a program were refused, and how many for each reason; the most frequent first."""
    mine = select(program.c.id).where(program.c.business == business_id, program.c.reference == reference)
    where = number.c.program == mine.scalar_subquery(), number.c.state == "refused"
    count = func.count()
    query = select(number.c.reason, count).where(*where).group_by(number.c.reason)
    return [(why or "", n) for why, n in conn.execute(query.order_by(count.desc(), number.c.reason).limit(limit))]


def list_takeover_references(conn: Connection, business_id: str, reference: str) -> tuple[list[str], list[str]]:
    """References of the programs it takes numbers from or took them from, and of those that take them from it."""
    mine = select(program.c.id).where(program.c.business == business_id, program.c.reference == reference)
    key = mine.scalar_subquery()
    moves = takeover.c.waits | (takeover.c.moved > 0)
    other = select(program.c.reference).order_by(program.c.reference)
    givers = other.join(takeover, takeover.c.giver == program.c.id).where(takeover.c.taker == key, moves)
    takers = other.join(takeover, takeover.c.taker == program.c.id).where(takeover.c.giver == key, moves)
    return list(conn.execute(givers).scalars()), list(conn.execute(takers).scalars())


def list_top_rules(conn: Connection, business_id: str, *, since: datetime, limit: int) -> list[tuple[str, int]]:
    """The rules broken most often since a day, with their counts."""
    total = func.sum(rule_day.c.count)
    query = select(rule_day.c.rule, total).where(
        rule_day.c.business == business_id, rule_day.c.day >= f"{since:%Y-%m-%d}"
    )
    grouped = query.group_by(rule_day.c.rule).order_by(total.desc(), rule_day.c.rule).limit(limit)
    return [(rule, int(count)) for rule, count in conn.execute(grouped)]


def count_submissions(conn: Connection, business_id: str) -> int:
    """How many submissions of a business there ever were."""
    return conn.execute(select(tally.c.submissions).where(tally.c.business == business_id)).scalar() or 0


def stream_live_numbers(conn: Connection, *, business_id: str | None = None) -> Iterator[Row[Any]]:
    """(number, purpose, display, shorthand, business, reference) of every live number, streamed; for a dialler.

    A display name that is not approved, or whose logo is not, is not shown on phones yet, and is not given. Approved or
    not is asked of what is live: the program's own branding is that of its newest revision.
    """
    logo = asset.alias("logo")
    shown = and_(asset.c.id == revision.c.display_name, asset.c.state == "approved")
    query = (
        select(number.c.number, number.c.purpose, asset.c.display, asset.c.shorthand)
        .add_columns(program.c.business, program.c.reference)
        .join(program, program.c.id == number.c.program)
        .join(revision, revision.c.id == program.c.live_revision)
        .outerjoin(logo, logo.c.id == revision.c.logo)
        .outerjoin(asset, and_(shown, or_(logo.c.id.is_(None), logo.c.state == "approved")))
        .where(number.c.state == "live")
        .order_by(number.c.program, number.c.number)
    )
    if business_id is not None:
        query = query.where(program.c.business == business_id)
    yield from conn.execute(query, execution_options={"yield_per": FETCH})


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessTotals:
    """One business in sums. `accepted` and `rejected` are rows of the last 30 days."""

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
    """Every business, by id, with its sums; days from `since` on count for the rows."""
    by_program = _sums(select(program.c.business, *_program_sums()).join(revision, revision.c.id == program.c.revision))
    recent = _sums(select(day.c.business, func.sum(day.c.accepted), func.sum(day.c.rejected)))
    recent = recent.where(day.c.day >= f"{since:%Y-%m-%d}")
    ever = select(tally.c.business, tally.c.submissions, tally.c.last_received_at)
    programs_of, days_of, ever_of = ({r[0]: r[1:] for r in conn.execute(q)} for q in (by_program, recent, ever))
    found = []
    for row in conn.execute(select(business).order_by(business.c.id)):
        live, scheduled, numbers_live = programs_of.get(row.id, (0, 0, 0))
        accepted, rejected = days_of.get(row.id, (0, 0))
        count, last_received_at = ever_of.get(row.id, (0, None))
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


def list_held_submissions(conn: Connection) -> list[Row[Any]]:
    """Submissions that wait for the operator's decision, longest first."""
    query = select(submission).where(
        in_literals(submission.c.standing, "held", "waiting"), submission.c.standing == "held"
    )
    # Sorted here: asked for in the order of its key, SQLite reads the whole table rather than the few that are open.
    return sorted(conn.execute(query), key=lambda row: row.seq)


def list_stuck_programs(conn: Connection) -> list[ProgramRow]:
    """Programs whose newest revision failed to launch or missed its start."""
    query = _programs().where(in_literals(revision.c.state, "launch_failed", "missed"))
    return [_program(row) for row in conn.execute(query.order_by(program.c.business, program.c.reference))]


def list_unknown_batches(conn: Connection) -> list[Row[Any]]:
    """Batches whose fate at the carrier is unknown, with their program."""
    query = (
        select(batch.c.id, batch.c.kind, batch.c.size, batch.c.sent_at, program.c.business, program.c.reference)
        .join(program, program.c.id == batch.c.program)
        .where(in_literals(batch.c.state, "unknown"))
        .order_by(batch.c.id)
    )
    return list(conn.execute(query))


def list_starting_programs(conn: Connection, *, until: datetime, limit: int) -> list[ProgramRow]:
    """Programs that are to launch until then, soonest first."""
    query = _programs().where(in_literals(revision.c.state, "scheduled", "launching"), revision.c.state == "scheduled")
    query = query.where(revision.c.start <= until)
    return [_program(row) for row in conn.execute(query.order_by(revision.c.start, program.c.id).limit(limit))]


def _programs() -> Select[Any]:
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


def _program(row: Row[Any]) -> ProgramRow:
    # A live program stays live while a difference is on its way to the carrier.
    under_way = row.live_revision is not None and row.state in ("scheduled", "launching")
    return ProgramRow(
        business=row.business,
        reference=row.reference,
        revision=row.number,
        state="live" if under_way else row.state,
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


def _sums(query: Select[Any]) -> Select[Any]:
    return query.group_by(query.selected_columns[0])


def _program_sums() -> list[Any]:
    return [
        func.count().filter(program.c.live_revision.is_not(None), revision.c.state.not_in(["ended", "cancelled"])),
        func.count().filter(program.c.live_revision.is_(None), revision.c.state == "scheduled"),
        func.sum(program.c.numbers_live),
    ]
