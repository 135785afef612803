"""The audit log as a stream of events: each transition is reported at least once.

The cursor, which says how far they were reported, is kept in the ledger. A transition gets its id when it is written
and becomes visible when it is committed, so on PostgreSQL a lower id may appear after a higher one. Ids that were
missing are therefore looked for again for a while.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from flows.ledger.core.control_flags import get_flag, set_flag
from flows.ledger.core.tables import move

_FLAG = "events"

#: How long a missing id is looked for. No transaction lasts as long: what is still missing was rolled back.
LATE_COMMIT_WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorGap:
    """Ids from `first` to `last`, both included, that were missing when higher ids were reported, at `since`."""

    first: int
    last: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCursor:
    """How far transitions were reported: all with ids up to `up_to`, except for those in the gaps."""

    up_to: int = 0
    gaps: tuple[CursorGap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreportedTransitions:
    """Transitions by id, and the cursor to save after they have been reported."""

    transitions: list[Row[Any]]
    cursor: EventCursor


def read_unreported_transitions(
    conn: Connection, *, now: datetime, since: datetime, limit: int
) -> UnreportedTransitions:
    """At most `limit` transitions that were not reported yet. If none ever was, those before `since` are left out."""
    cursor = _read_cursor(conn) or _first_cursor(conn, since)
    open_gaps = [gap for gap in cursor.gaps if gap.since > now - LATE_COMMIT_WINDOW]
    in_gaps = (move.c.id.between(gap.first, gap.last) for gap in open_gaps)
    query = select(move).where(or_(move.c.id > cursor.up_to, *in_gaps)).order_by(move.c.id).limit(limit)
    rows = list(conn.execute(query))
    ids = [row.id for row in rows]
    new_ids = sorted({cursor.up_to, *(i for i in ids if i > cursor.up_to)})
    gaps = [part for gap in open_gaps for part in _split_gap(gap, ids)] + _gaps_between(new_ids, now)
    return UnreportedTransitions(transitions=rows, cursor=EventCursor(up_to=new_ids[-1], gaps=tuple(gaps)))


def differs_from_saved_cursor(conn: Connection, cursor: EventCursor) -> bool:
    """Whether the cursor has moved since it was saved."""
    return cursor != _read_cursor(conn)


def save_event_cursor(conn: Connection, cursor: EventCursor) -> None:
    """Save how far transitions were reported."""
    gaps = [[gap.first, gap.last, gap.since.isoformat()] for gap in cursor.gaps]
    set_flag(conn, _FLAG, {"upto": cursor.up_to, "gaps": gaps})


def _read_cursor(conn: Connection) -> EventCursor | None:
    saved = get_flag(conn, _FLAG)
    if saved is None:
        return None
    gaps = (
        CursorGap(first=first, last=last, since=datetime.fromisoformat(since)) for first, last, since in saved["gaps"]
    )
    return EventCursor(up_to=saved["upto"], gaps=tuple(gaps))


def _first_cursor(conn: Connection, since: datetime) -> EventCursor:
    return EventCursor(up_to=conn.execute(select(func.max(move.c.id)).where(move.c.at < since)).scalar() or 0)


def _split_gap(gap: CursorGap, ids: list[int]) -> list[CursorGap]:
    """What is left of a gap after these ids were found."""
    found = [i for i in ids if gap.first <= i <= gap.last]
    return _gaps_between([gap.first - 1, *found, gap.last + 1], gap.since)


def _gaps_between(ids: list[int], since: datetime) -> list[CursorGap]:
    return [CursorGap(first=a + 1, last=b - 1, since=since) for a, b in pairwise(ids) if b - a > 1]
