"""Numbers that one business has and another one asks for: NUM-022.

Each NUM-022 tells a business that somebody else has registered a number. So these answers are counted by day, and a
business that got too many gets no more of them, until the operator has looked at its drops. Who asked for which number
is kept for some days, because the operator may have to decide who is right. When the operator releases a number, the
receipts of both sides say so.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, delete, func, or_, select

from flows.ledger.core.bulk import upsert
from flows.ledger.core.outbox import add_to_outbox
from flows.ledger.core.tables import asked_number, inquiry, number, program, released_number, revision
from flows.ledger.intake.submissions import lock_reference

#: How long it is kept who asked for a number.
KEEP_ASKED = timedelta(days=30)
#: The most released numbers in one receipt.
MAX_RELEASED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """The numbers of other businesses in a drop. Its digest tells the same content from another one."""

    business: str
    drop: str
    digest: str
    numbers: np.ndarray


def may_answer(conn: Connection, asked: Inquiry, *, limit: int, now: datetime) -> bool:
    """Whether a business may be told which numbers of its drop others have. Reads only.

    With none, it may still be over the limit: then an answer to a drop with one number would say whether that is free.
    """
    return _count_others(conn, asked, now) + len(asked.numbers) <= limit


def record_inquiry(conn: Connection, asked: Inquiry, *, limit: int, now: datetime) -> bool:
    """Count the numbers of a drop against the limit of its business for today. Returns what `may_answer` says.

    They count even if they are not answered, so that a business over the limit stays there. The same content counts
    once a day, however often it is dropped or judged.
    """
    lock_reference(conn, asked.business, None)  # two drops at once could both be just below the limit
    answered = may_answer(conn, asked, limit=limit, now=now)
    insert = upsert(conn, inquiry).values(
        business=asked.business, day=_day(now), digest=asked.digest, numbers=len(asked.numbers)
    )
    most = func.max if conn.dialect.name == "sqlite" else func.greatest
    counted = {"numbers": most(inquiry.c.numbers, insert.excluded.numbers)}
    conn.execute(insert.on_conflict_do_update(index_elements=["business", "day", "digest"], set_=counted))
    conn.execute(delete(inquiry).where(inquiry.c.business == asked.business, inquiry.c.day < _day(now - KEEP_ASKED)))
    if answered:
        remember_asked(conn, asked, now=now)
    return answered


def remember_asked(conn: Connection, asked: Inquiry, *, now: datetime) -> None:
    """Keep for some days that a business asked for these numbers and could not have them."""
    conn.execute(delete(asked_number).where(asked_number.c.at < now - KEEP_ASKED))
    insert = upsert(conn, asked_number)
    values = {"drop": insert.excluded["drop"], "at": insert.excluded["at"]}
    rows = _asked_rows(asked, now)
    conn.execute(insert.on_conflict_do_update(index_elements=["number", "business"], set_=values), list(rows))


def forget_inquiry(conn: Connection, business: str, digest: str) -> None:
    """No longer count the numbers of a drop, because the operator has decided that they are answered."""
    conn.execute(delete(inquiry).where(inquiry.c.business == business, inquiry.c.digest == digest))


def count_asked(conn: Connection, business: str, *, day: datetime) -> int:
    """How many numbers of other businesses were in the drops of a business on that day (UTC)."""
    where = inquiry.c.business == business, inquiry.c.day == _day(day)
    return int(conn.execute(select(func.coalesce(func.sum(inquiry.c.numbers), 0)).where(*where)).scalar_one())


def find_holder(conn: Connection, wanted: int) -> Row[Any] | None:
    """The program that has a number: business, reference, state, and the submission of its newest revision."""
    query = select(program.c.business, program.c.reference, revision.c.state, program.c.submission)
    query = query.join(number, number.c.program == program.c.id).join(revision, revision.c.id == program.c.revision)
    return conn.execute(query.where(number.c.number == wanted, number.c.claimed)).one_or_none()


def list_askers(conn: Connection, wanted: int) -> list[Row[Any]]:
    """Which businesses lately asked for a number and could not have it: (business, drop, at), the first one first."""
    query = select(asked_number).where(asked_number.c.number == wanted)
    return list(conn.execute(query.order_by(asked_number.c.at, asked_number.c.business)))


def record_release(
    conn: Connection, released: int, *, business: str, reference: str, reason: str | None, now: datetime
) -> list[Row[Any]]:
    """Have the receipts say that a number of this program was released. Returns who had asked for it."""
    row = {"number": released, "at": now, "reason": reason}
    askers = [asker for asker in list_askers(conn, released) if asker.business != business]
    rows = [row | {"business": business, "reference": reference, "drop": None}]
    rows += [row | {"business": asker.business, "reference": None, "drop": asker.drop} for asker in askers]
    conn.execute(released_number.insert(), rows)
    conn.execute(delete(asked_number).where(asked_number.c.number == released))
    for asker in askers:
        add_to_outbox(conn, "receipt", asker.business, asker.drop)
    return askers


def list_released(
    conn: Connection, business: str, *, drop: str, reference: str | None, since: datetime
) -> list[Row[Any]]:
    """The numbers that were released from a program, or that a drop had asked for, since then; the newest first."""
    where = released_number.c.business == business, released_number.c.at >= since
    concerns = released_number.c.drop == drop
    if reference is not None:  # the rows of those that asked have no reference
        concerns = or_(concerns, released_number.c.reference == reference)
    query = select(released_number).where(*where, concerns).order_by(released_number.c.id.desc())
    return list(conn.execute(query.limit(MAX_RELEASED)))


def _count_others(conn: Connection, asked: Inquiry, now: datetime) -> int:
    """The numbers in the other drops of the business today."""
    where = inquiry.c.business == asked.business, inquiry.c.day == _day(now), inquiry.c.digest != asked.digest
    return int(conn.execute(select(func.coalesce(func.sum(inquiry.c.numbers), 0)).where(*where)).scalar_one())


def _asked_rows(asked: Inquiry, now: datetime) -> Iterable[dict[str, Any]]:
    for each in asked.numbers.tolist():
        yield {"number": each, "business": asked.business, "drop": asked.drop, "at": now}


def _day(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d}"
