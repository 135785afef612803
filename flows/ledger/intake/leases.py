"""Leases on drops: one process takes a drop at a time, and the fencing token of its lease protects what it writes."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from flows.ledger.core.errors import LeaseLost
from flows.ledger.core.outbox import add_incomplete_drop_to_outbox
from flows.ledger.core.tables import drop
from flows.ledger.intake.drops import ReportedFindings, Sighting, TakenVersions, sighting_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class DropLease:
    """The right to take a drop until a time. The token distinguishes its owner from a slow previous one.

    `was_incomplete`: the drop was reported as incomplete before.
    """

    business: str
    name: str
    owner: str
    token: int
    until: datetime
    was_incomplete: bool = False


def claim_drop(
    conn: Connection,
    sighting: Sighting,
    *,
    owner: str,
    now: datetime,
    length: timedelta,
    is_owner_dead: Callable[[str], bool] | None = None,
) -> DropLease | None:
    """Lease a drop that has not changed since the sighting. None if it has, or if it is not its turn.

    A lease expires at its time, or at once if `is_owner_dead` says so of its owner. Revisions keep the order in which
    their drops were seen: a drop is not leased while an earlier one for the same program is leased, or while the one
    that it comes after in this pass (`after_drop`) is pending.
    """
    rows = {row.name: row for row in conn.execute(_select_rivals(sighting))}
    row = rows.pop(sighting.name, None)
    if row is None or row.pending is None or (row.print, row.writes) != (sighting.fingerprint, sighting.writes):
        return None
    earlier = [other for other in rows.values() if _turn(other) < _turn(row)]
    if any(
        _is_leased(each, now) and not (is_owner_dead and is_owner_dead(each.lease_owner)) for each in (row, *earlier)
    ):
        return None
    if any(other.name == sighting.after_drop and other.pending is not None for other in earlier):
        return None
    lease = DropLease(
        business=sighting.business,
        name=sighting.name,
        owner=owner,
        token=row.lease_token + 1,
        until=now + length,
        was_incomplete=row.told is not None,
    )
    values = {"lease_owner": owner, "lease_token": lease.token, "lease_until": lease.until}
    unchanged = drop.c.lease_token == row.lease_token
    updated = conn.execute(drop.update().where(*_key(sighting), unchanged).values(values))
    return lease if updated.rowcount == 1 else None


def is_waiting_for_earlier_drop(conn: Connection, sighting: Sighting, *, now: datetime) -> bool:
    """Whether the drop that this one comes after is still pending, and nobody is taking it."""
    query = select(drop).where(drop.c.business == sighting.business, drop.c.name == sighting.after_drop)
    row = conn.execute(query).one_or_none()
    return row is not None and row.pending is not None and not _is_leased(row, now)


def extend_drop_lease(conn: Connection, lease: DropLease, *, now: datetime, length: timedelta) -> DropLease:
    """The lease's heartbeat: it lasts for `length` from now on. Returns the new lease. Raises LeaseLost."""
    _update_leased(conn, lease, lease_until=now + length)
    return replace(lease, until=now + length)


def check_drop_lease(conn: Connection, lease: DropLease) -> None:
    """Check the lease in the transaction that writes its result. Raises LeaseLost if another process has taken over.

    The token decides, not the clock: as long as nobody has taken over, a slow owner may still write. Locks the row, so
    that nobody takes over before the transaction ends.
    """
    query = select(drop.c.lease_token, drop.c.lease_owner).where(*_key(lease)).with_for_update()
    if conn.execute(query).one_or_none() != (lease.token, lease.owner):
        raise _lease_lost(lease)


def holds_drop_lease(conn: Connection, lease: DropLease) -> bool:
    """Whether the lease has neither ended nor passed to another process. Locks nothing."""
    query = select(drop.c.lease_token, drop.c.lease_owner).where(*_key(lease))
    return conn.execute(query).one_or_none() == (lease.token, lease.owner)


def mark_drop_taken(conn: Connection, lease: DropLease, taken: TakenVersions, *, submission: str) -> None:
    """Record that the drop was taken as this submission, and end the lease. Raises LeaseLost."""
    _update_leased(
        conn,
        lease,
        taken=json.dumps(asdict(taken)),
        submission=submission,
        **dict.fromkeys(("pending", "reference", "told", "told_findings", "lease_owner", "lease_until")),
        print="",  # so that the next scan looks for files that have arrived since
        writes=drop.c.writes + 1,
    )
    if lease.was_incomplete:
        add_incomplete_drop_to_outbox(conn, lease.business, lease.name)


def mark_drop_incomplete(
    conn: Connection, lease: DropLease, sighting: Sighting, reported: ReportedFindings, *, now: datetime
) -> None:
    """Record that the drop was reported as incomplete, with these findings, and end the lease.

    Has its receipt and its page written. Raises LeaseLost, also if a scan has changed the drop since the sighting.
    """
    if sighting.pending is None:
        raise ValueError(f"{sighting.business}/{sighting.name} is not pending")
    pending = replace(sighting.pending, reported_manifests=sighting.pending.manifests())
    values = sighting_columns(replace(sighting, incomplete_reported_at=now, pending=pending))
    values |= {"told_findings": asdict(reported)}
    _update_leased(conn, lease, drop.c.writes == sighting.writes, lease_owner=None, lease_until=None, **values)
    add_incomplete_drop_to_outbox(conn, sighting.business, sighting.name)


def release_drop_lease(conn: Connection, lease: DropLease) -> None:
    """End the lease and change nothing else, so that the drop can be claimed again. Raises LeaseLost."""
    _update_leased(conn, lease, lease_owner=None, lease_until=None)


def mark_drop_for_rescan(conn: Connection, lease: DropLease) -> None:
    """End the lease and have the drop scanned again: it changed while it was taken, or taking it failed.

    Raises LeaseLost.
    """
    _update_leased(conn, lease, print="", lease_owner=None, lease_until=None, writes=drop.c.writes + 1)


def _update_leased(conn: Connection, lease: DropLease, *conditions: Any, **values: Any) -> None:
    held = (drop.c.lease_token == lease.token, drop.c.lease_owner == lease.owner, *conditions)
    if conn.execute(drop.update().where(*_key(lease), *held).values(values)).rowcount != 1:
        raise _lease_lost(lease)


def _lease_lost(lease: DropLease) -> LeaseLost:
    return LeaseLost(f"{lease.business}/{lease.name} was taken over by another process")


def _key(of: Sighting | DropLease) -> tuple[Any, Any]:
    return drop.c.business == of.business, drop.c.name == of.name


def _select_rivals(sighting: Sighting) -> Any:
    """The drop's row and those of pending drops for the same program. Locked in one order: claims never deadlock."""
    wanted = sighting.pending.wanted if sighting.pending else None
    if wanted and wanted.reference:
        conditions = (drop.c.business == sighting.business, drop.c.reference == wanted.reference)
    else:
        conditions = _key(sighting)
    return select(drop).where(*conditions).order_by(drop.c.name).with_for_update()


def _is_leased(row: Row[Any], now: datetime) -> bool:
    return row.lease_owner is not None and row.lease_until > now


def _turn(row: Row[Any]) -> tuple[datetime, str]:
    return row.manifest_seen or row.first_seen, row.name
