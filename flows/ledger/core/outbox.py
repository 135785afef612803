"""Files that are to be written anew: claimed, written by one process at a time, and crossed off.

Two processes that write one file would leave there what the slower one knew. So marks are claimed for a while; and who
finds that a file was somebody else's in the end, having been slow, marks it again.
"""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, case, delete, or_, select, tuple_, update

from flows.ledger.core.bulk import IDS_PER_STATEMENT
from flows.ledger.core.tables import outbox
from flows.ledger.core.transitions import upsert

_COLUMNS = outbox.c.kind, outbox.c.business, outbox.c.key
_FILE, _AS_STAMPED = tuple_(*_COLUMNS), tuple_(*_COLUMNS, outbox.c.stamp)
#: The kinds of files, in the order they are written in: reports before the receipts that link to them.
WRITE_ORDER = {"report": 0, "receipt": 1, "index": 2, "operator": 3}
_PART = IDS_PER_STATEMENT // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """A file to be written anew: kind receipt (key: the drop), report (key: the submission), index, operator."""

    kind: str
    business: str
    key: str
    stamp: int

    @property
    def file(self) -> tuple[str, str, str]:
        return self.kind, self.business, self.key


def claim_outbox_entries(
    conn: Connection,
    *,
    owner: str,
    now: datetime,
    length: timedelta,
    kinds: Collection[str] = WRITE_ORDER,
    gone: Callable[[str], bool] = lambda _owner: False,
    limit: int = 10_000,
) -> list[OutboxEntry]:
    """What of these kinds is to be written anew and nobody else is at, reports before the receipts that link to them.

    It is the owner's to write for `length`, or until it is crossed off or given back. `gone` tells of an owner that is
    dead.
    """
    held = select(outbox.c.claimed_by).distinct().where(outbox.c.claimed_until > now)
    dead = [other for other in conn.execute(held).scalars() if other != owner and gone(other)]
    free = or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until <= now, outbox.c.claimed_by.in_(dead))
    these = outbox.c.kind.in_(list(kinds))
    query = (
        select(outbox).where(these, free).order_by(outbox.c.kind.desc(), outbox.c.business, outbox.c.key).limit(limit)
    )
    rows = conn.execute(query.with_for_update(skip_locked=True)).all()
    found = [OutboxEntry(kind=row.kind, business=row.business, key=row.key, stamp=row.stamp) for row in rows]
    _set(conn, found, claimed_by=owner, claimed_until=now + length)
    return sorted(found, key=lambda mark: (WRITE_ORDER[mark.kind], mark.business, mark.key))


def clear_outbox_entries(conn: Connection, written: Sequence[OutboxEntry], *, owner: str) -> None:
    """Cross off what was written. What was marked again meanwhile stays; so does, marked anew, what was another's."""
    for start in range(0, len(written), _PART):
        part = written[start : start + _PART]
        these = _AS_STAMPED.in_([(*mark.file, mark.stamp) for mark in part])
        done = delete(outbox).where(these, outbox.c.claimed_by == owner).returning(*_COLUMNS)
        crossed_off = {tuple(row) for row in conn.execute(done)}
        _again(conn, [mark for mark in part if mark.file not in crossed_off], owner)


def release_outbox_entries(conn: Connection, unwritten: Sequence[OutboxEntry], *, owner: str) -> None:
    """What could not be written, or not yet, is anybody's again."""
    _set(conn, unwritten, owner=owner, claimed_by=None, claimed_until=None)


def _again(conn: Connection, marks: Sequence[OutboxEntry], owner: str) -> None:
    insert = upsert(conn, outbox)
    mine = outbox.c.claimed_by == owner
    fresh = insert.on_conflict_do_update(
        index_elements=["kind", "business", "key"],
        set_={
            "stamp": insert.excluded.stamp,
            "claimed_by": case((mine, None), else_=outbox.c.claimed_by),
            "claimed_until": case((mine, None), else_=outbox.c.claimed_until),
        },
    )
    rows = [
        {"kind": mark.kind, "business": mark.business, "key": mark.key, "stamp": secrets.randbits(62)} for mark in marks
    ]
    if rows:
        conn.execute(fresh, rows)


def _set(conn: Connection, marks: Sequence[OutboxEntry], *, owner: str | None = None, **values: object) -> None:
    for start in range(0, len(marks), _PART):
        these: list[ColumnElement[bool]] = [_FILE.in_([mark.file for mark in marks[start : start + _PART]])]
        if owner is not None:
            these.append(outbox.c.claimed_by == owner)
        conn.execute(update(outbox).where(*these).values(**values))
