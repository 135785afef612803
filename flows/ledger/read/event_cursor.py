"""The history as a stream for others: each move is given at least once, whatever is cut short or committed late.

How far it was told is kept in the ledger. Moves are numbered when they are made and seen when they are committed, so on
PostgreSQL a lower number may appear after a higher one: what was passed over is looked for again for a while.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from flows.ledger.core.control_flags import get_flag, set_flag
from flows.ledger.core.tables import move

_FLAG = "events"

#: No transaction lasts as long: what was not seen by then was rolled back.
LATE_COMMIT_WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorGap:
    """Numbers, both ends included, that were not there when what is beyond them was told, and since when they lack."""

    first: int
    last: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCursor:
    """All moves up to `upto` were told, but for those in the gaps."""

    upto: int = 0
    gaps: tuple[CursorGap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreportedTransitions:
    """Moves in their order, and how far everything is told once these are."""

    moves: list[Row[Any]]
    told: EventCursor


def read_unreported_transitions(
    conn: Connection, *, now: datetime, since: datetime, limit: int
) -> UnreportedTransitions:
    """At most `limit` moves that were not told yet; where nothing ever was, from `since` on."""
    told = _told(conn) or _beginning(conn, since)
    open_gaps = [gap for gap in told.gaps if gap.since > now - LATE_COMMIT_WINDOW]
    lacking = (move.c.id.between(gap.first, gap.last) for gap in open_gaps)
    query = select(move).where(or_(move.c.id > told.upto, *lacking)).order_by(move.c.id).limit(limit)
    rows = list(conn.execute(query))
    ids = [row.id for row in rows]
    upto = max([told.upto, *ids])
    ends = sorted({told.upto, *(i for i in ids if i > told.upto)})
    fresh = [CursorGap(first=a + 1, last=b - 1, since=now) for a, b in pairwise(ends) if b - a > 1]
    gaps = [part for gap in open_gaps for part in _without(gap, ids)] + fresh
    return UnreportedTransitions(moves=rows, told=EventCursor(upto=upto, gaps=tuple(gaps)))


def differs_from_saved_cursor(conn: Connection, told: EventCursor) -> bool:
    """Whether that is another place than the one that is kept."""
    return told != _told(conn)


def save_event_cursor(conn: Connection, told: EventCursor) -> None:
    """Everything up to there is told."""
    gaps = [[gap.first, gap.last, gap.since.isoformat()] for gap in told.gaps]
    set_flag(conn, _FLAG, {"upto": told.upto, "gaps": gaps})


def _told(conn: Connection) -> EventCursor | None:
    kept = get_flag(conn, _FLAG)
    if kept is None:
        return None
    gaps = (
        CursorGap(first=first, last=last, since=datetime.fromisoformat(since)) for first, last, since in kept["gaps"]
    )
    return EventCursor(upto=kept["upto"], gaps=tuple(gaps))


def _beginning(conn: Connection, since: datetime) -> EventCursor:
    return EventCursor(upto=conn.execute(select(func.max(move.c.id)).where(move.c.at < since)).scalar() or 0)


def _without(gap: CursorGap, ids: list[int]) -> list[CursorGap]:
    """What is left of a gap once these are found in it."""
    ends = [gap.first - 1, *(i for i in ids if gap.first <= i <= gap.last), gap.last + 1]
    return [CursorGap(first=a + 1, last=b - 1, since=gap.since) for a, b in pairwise(ends) if b - a > 1]
