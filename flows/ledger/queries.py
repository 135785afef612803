"""What the ledger tells the commands and the pages. Each costs what it shows, not what there ever was."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from flows.ledger.errors import LedgerError
from flows.ledger.tables import (
    asset,
    batch,
    business,
    move,
    number,
    program,
    receipt,
    revision,
    rule_day,
    submission,
    takeover,
)

#: Rows fetched at once where many are streamed.
FETCH = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRow:
    """One program as it is: its newest revision, or a held first submission that has none yet (`revision` 0)."""

    business: str
    reference: str
    revision: int
    state: str | None
    reason: str | None
    branding: str
    name: str | None
    start: datetime | None
    end: datetime | None
    timezone: str
    live: int = 0
    pending: int = 0
    refused: int = 0
    held: str | None = None  # the submission that waits for the operator


def programs(conn: Connection, *, business_id: str | None = None, reference: str | None = None) -> list[ProgramRow]:
    """Programs by business and reference."""
    query = _programs().order_by(program.c.business, program.c.reference)
    if business_id is not None:
        query = query.where(program.c.business == business_id)
    if reference is not None:
        query = query.where(program.c.reference == reference)
    return [_program(row) for row in conn.execute(query)]


def submissions(conn: Connection, *, business_id: str | None = None, limit: int | None = None) -> list[Row[Any]]:
    """Submissions, newest first."""
    query = select(submission).order_by(submission.c.seq.desc())
    if business_id is not None:
        query = query.where(submission.c.business == business_id)
    return list(conn.execute(query.limit(limit) if limit else query))


def submission_of(conn: Connection, submission_id: str) -> Row[Any]:
    """One submission. Raises LedgerError when there is none."""
    row = conn.execute(select(submission).where(submission.c.id == submission_id)).one_or_none()
    if row is None:
        raise LedgerError(f"no submission {submission_id}; `launchdrop submissions` lists them")
    return row


def history_before(conn: Connection, of: Row[Any], *, limit: int) -> list[Row[Any]]:
    """The submissions for the same program before this one, newest first."""
    if of.reference is None:
        return []
    same = submission.c.business == of.business, submission.c.reference == of.reference
    query = select(submission).where(*same, submission.c.seq < of.seq).order_by(submission.c.seq.desc())
    return list(conn.execute(query.limit(limit)))


def revision_of(conn: Connection, submission_id: str) -> Row[Any] | None:
    """The revision that a submission made, if it made one."""
    return conn.execute(select(revision).where(revision.c.submission == submission_id)).one_or_none()


def receipt_of(conn: Connection, business_id: str, drop: str) -> Row[Any] | None:
    """What the drop was last acknowledged as."""
    where = receipt.c.business == business_id, receipt.c.drop == drop
    return conn.execute(select(receipt).where(*where)).one_or_none()


def history(conn: Connection, business_id: str, reference: str) -> list[Row[Any]]:
    """Every move of a program, oldest first."""
    where = move.c.business == business_id, move.c.reference == reference
    return list(conn.execute(select(move).where(*where).order_by(move.c.id)))


def refused(conn: Connection, business_id: str, reference: str, *, limit: int) -> list[tuple[int, str]]:
    """Numbers that the carrier refused, with its reason."""
    mine = select(program.c.id).where(program.c.business == business_id, program.c.reference == reference)
    query = select(number.c.number, number.c.reason).where(
        number.c.program == mine.scalar_subquery(), number.c.state == "refused"
    )
    return [(row.number, row.reason or "") for row in conn.execute(query.order_by(number.c.number).limit(limit))]


def moved_between(conn: Connection, business_id: str, reference: str) -> tuple[list[str], list[str]]:
    """References of the programs it is taking numbers from, and of those that are taking numbers from it."""
    mine = select(program.c.id).where(program.c.business == business_id, program.c.reference == reference)
    key = mine.scalar_subquery()
    other = select(program.c.reference).order_by(program.c.reference)
    givers = other.join(takeover, takeover.c.giver == program.c.id).where(takeover.c.taker == key)
    takers = other.join(takeover, takeover.c.taker == program.c.id).where(takeover.c.giver == key)
    return list(conn.execute(givers).scalars()), list(conn.execute(takers).scalars())


def top_rules(conn: Connection, business_id: str, *, since: datetime, limit: int) -> list[tuple[str, int]]:
    """The rules broken most often since a day, with their counts."""
    total = func.sum(rule_day.c.count)
    query = select(rule_day.c.rule, total).where(
        rule_day.c.business == business_id, rule_day.c.day >= f"{since:%Y-%m-%d}"
    )
    grouped = query.group_by(rule_day.c.rule).order_by(total.desc(), rule_day.c.rule).limit(limit)
    return [(rule, int(count)) for rule, count in conn.execute(grouped)]


def submissions_total(conn: Connection, business_id: str) -> int:
    where = submission.c.business == business_id
    return conn.execute(select(func.count()).select_from(submission).where(where)).scalar_one()
