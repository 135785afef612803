"""Whose turn a drop is: one process takes it at a time, and what it writes is fenced by its lease's token."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from flows.ledger.core.errors import LeaseLost
from flows.ledger.intake.drops import Sighting, TakenVersions, drop, sighting_columns
from schemas.model.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class DropLease:
    """The right to take a drop until then; the token tells an owner that woke up late from the present one."""

    business: str
    name: str
    owner: str
    token: int
    until: datetime


def claim_drop(
    conn: Connection,
    sighting: Sighting,
    *,
    owner: str,
    now: datetime,
    length: timedelta,
    gone: Callable[[str], bool] | None = None,
) -> DropLease | None:
    """The lease of a drop that is still as it was looked at; None when it is another's turn or nothing is to be done.

    A lease runs out at its time, or at once when `gone` knows that its owner is dead. While an earlier drop of the same
    program is being taken, a later one waits, so that revisions keep the order of sighting; and likewise while the one
    that it is behind is still to be taken.
    """
    rows = {row.name: row for row in conn.execute(_rivals(sighting))}
    mine = rows.pop(sighting.name, None)
    if mine is None or mine.pending is None or (mine.print, mine.writes) != (sighting.print, sighting.writes):
        return None
    earlier = [row for row in rows.values() if _order(row) < _order(mine)]
    if any(_held(row, now) and not (gone and gone(row.lease_owner)) for row in (mine, *earlier)):
        return None
    if any(row.name == sighting.behind and row.pending is not None for row in earlier):
        return None
    lease = DropLease(
        business=sighting.business, name=sighting.name, owner=owner, token=mine.lease_token + 1, until=now + length
    )
    values = {"lease_owner": owner, "lease_token": lease.token, "lease_until": lease.until}
    same = drop.c.lease_token == mine.lease_token
    done = conn.execute(drop.update().where(*_key(sighting), same).values(values))
    return lease if done.rowcount == 1 else None


def is_waiting_for_earlier_drop(conn: Connection, sighting: Sighting, *, now: datetime) -> bool:
    """Whether the drop that this one is behind is still to be taken, and nobody is at it."""
    before = select(drop).where(drop.c.business == sighting.business, drop.c.name == sighting.behind)
    row = conn.execute(before).one_or_none()
    return row is not None and row.pending is not None and not _held(row, now)


def extend_drop_lease(conn: Connection, lease: DropLease, *, now: datetime, length: timedelta) -> DropLease:
    """The same lease, longer. Raises LeaseLost."""
    _change(conn, lease, lease_until=now + length)
    return replace(lease, until=now + length)


def check_drop_lease(conn: Connection, lease: DropLease) -> None:
    """To be called inside the transaction that writes what the lease was for. Raises LeaseLost.

    The token decides, not the clock: as long as nobody took over, an owner that was slow may still write. The row stays
    locked to the end of the transaction, so that nobody takes over meanwhile.
    """
    held = select(drop.c.lease_token, drop.c.lease_owner).where(*_key(lease)).with_for_update()
    if conn.execute(held).one_or_none() != (lease.token, lease.owner):
        raise LeaseLost(f"{lease.business}/{lease.name} was taken over by another process")


def holds_drop_lease(conn: Connection, lease: DropLease) -> bool:
    """Whether the lease is still that of its owner: not ended, and nobody took over."""
    held = select(drop.c.lease_token, drop.c.lease_owner).where(*_key(lease))
    return conn.execute(held).one_or_none() == (lease.token, lease.owner)


def mark_drop_taken(conn: Connection, lease: DropLease, taken: TakenVersions, *, submission: str) -> None:
    """The drop was taken as this submission, and the lease ends. Raises LeaseLost."""
    _change(
        conn,
        lease,
        taken=json.dumps(asdict(taken)),
        submission=submission,
        **dict.fromkeys(("pending", "reference", "told", "lease_owner", "lease_until")),
        print="",  # what came meanwhile is found by the next look
        writes=drop.c.writes + 1,
    )


def mark_drop_incomplete(
    conn: Connection, lease: DropLease, sighting: Sighting, lacking: Sequence[Finding], *, now: datetime
) -> None:
    """The business is told what the drop lacks, and the lease ends. Raises LeaseLost, also where it was seen anew."""
    if sighting.pending is None:
        raise ValueError(f"{sighting.business}/{sighting.name}: nothing is awaited there")
    values = sighting_columns(replace(sighting, told=now, pending=replace(sighting.pending, lacking=lacking)))
    _change(conn, lease, drop.c.writes == sighting.writes, lease_owner=None, lease_until=None, **values)


def release_drop_lease(conn: Connection, lease: DropLease) -> None:
    """The lease ends and nothing else changes: whoever comes next may claim the drop. Raises LeaseLost."""
    _change(conn, lease, lease_owner=None, lease_until=None)


def mark_drop_for_rescan(conn: Connection, lease: DropLease) -> None:
    """The drop changed while it was taken, or could not be: it is looked at anew. Raises LeaseLost."""
    _change(conn, lease, print="", lease_owner=None, lease_until=None, writes=drop.c.writes + 1)


def _change(conn: Connection, lease: DropLease, *also: Any, **values: Any) -> None:
    held = (drop.c.lease_token == lease.token, drop.c.lease_owner == lease.owner, *also)
    if conn.execute(drop.update().where(*_key(lease), *held).values(values)).rowcount != 1:
        raise LeaseLost(f"{lease.business}/{lease.name} was taken over by another process")


def _key(of: Sighting | DropLease) -> tuple[Any, Any]:
    return drop.c.business == of.business, drop.c.name == of.name


def _rivals(sighting: Sighting) -> Any:
    """The drop's row and those waiting for the same program, locked in one order: no two claims block each other."""
    wanted = sighting.pending.wanted if sighting.pending else None
    if wanted and wanted.reference:
        rows = (drop.c.business == sighting.business, drop.c.reference == wanted.reference)
    else:
        rows = _key(sighting)
    return select(drop).where(*rows).order_by(drop.c.name).with_for_update()


def _held(row: Row[Any], now: datetime) -> bool:
    return row.lease_owner is not None and row.lease_until > now


def _order(row: Row[Any]) -> tuple[datetime, str]:
    return row.manifest_seen or row.first_seen, row.name
