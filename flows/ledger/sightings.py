"""What the ledger knows of each drop in the inbox: first sighting, last look, what was taken, and whose turn it is."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Row, String, Table, Text, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from flows.ledger.base import Instant, metadata
from flows.ledger.errors import LeaseLost
from schemas.findings import Finding

drop = Table(
    "drop",
    metadata,
    Column("business", String(63), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("first_seen", Instant, nullable=False),  # since something new lies there: the grace counts from here
    Column("manifest_seen", Instant),  # the order of revisions
    Column("print", String(64), nullable=False),  # of the listing at the last look
    Column("pending", Text),  # JSON of Pending; null: nothing new lies there
    Column("taken", Text),  # JSON of Taken, of the last time it was taken
    Column("submission", String(64)),  # that it was last taken as
    Column("reference", String(64)),  # of what is pending
    Column("told", Instant),  # when it was said to be incomplete, once
    Column("writes", Integer, nullable=False),  # grows with each write but a lease's: what was read is still so
    Column("lease_owner", String(255)),
    Column("lease_token", BigInteger, nullable=False),  # grows with each claim, for ever
    Column("lease_until", Instant),
    Index(None, "business", "reference"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One object at the last look; `since` is epoch seconds from when on it has looked the same."""

    version: str
    size: int
    kind: str
    since: float
    sha256: str | None = None  # where the manifest gives one and this version was hashed


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the manifests at these versions ask for: required files with their sha256 if given, and perhaps a logo."""

    manifests: Mapping[str, str]
    files: Mapping[str, str | None] = field(default_factory=dict)
    logo: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What is new in a drop and not taken yet; `lacking` is what its business was told of it, once."""

    seen: Mapping[str, Seen]
    wanted: Wanted | None = None
    lacking: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Versions of what was taken, and of the rest that lay beside it; a version of "" was not there."""

    manifests: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    rest: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One drop as last looked at. `pending` is None when nothing new lies there; `submission` is what was taken.

    `behind` is the drop of the same program whose turn in a pass is before this one's; the ledger does not keep it.
    """

    business: str
    name: str
    first_seen: datetime
    manifest_seen: datetime | None = None
    print: str = ""
    pending: Pending | None = None
    taken: Taken | None = None
    submission: str | None = None
    told: datetime | None = None
    writes: int = 0
    behind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to take a drop until then; the token tells an owner that woke up late from the present one."""

    business: str
    name: str
    owner: str
    token: int
    until: datetime


def sightings(conn: Connection, business: str, names: Iterable[str]) -> dict[str, Sighting]:
    """What is known of these drops of one business, by name."""
    found = conn.execute(select(drop).where(drop.c.business == business, drop.c.name.in_(list(names))))
    return {row.name: _sighting(row) for row in found}


def quiet(conn: Connection, business: str, names: Iterable[str]) -> dict[str, str]:
    """The fingerprints, by name, of those of these drops in which nothing new lay at the last look."""
    same = (drop.c.business == business, drop.c.name.in_(list(names)), drop.c.pending.is_(None))
    return {row.name: row.print for row in conn.execute(select(drop.c.name, drop.c.print).where(*same))}


def incomplete(conn: Connection, business: str, name: str) -> Sighting | None:
    """The drop, where its business was told that it is incomplete and the rest has not been taken since."""
    told = (drop.c.business == business, drop.c.name == name, drop.c.told.is_not(None), drop.c.pending.is_not(None))
    row = conn.execute(select(drop).where(*told)).one_or_none()
    return _sighting(row) if row else None


def waiting(conn: Connection) -> list[tuple[str, str]]:
    """(business, drop) in which something new was seen that is not taken yet, in the order of sighting."""
    found = select(drop.c.business, drop.c.name).where(drop.c.pending.is_not(None))
    return [(b, n) for b, n in conn.execute(found.order_by(drop.c.first_seen, drop.c.name))]


def about(conn: Connection, programs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """(business, drop) in which something new about one of these (business, reference) was seen, and not taken yet."""
    for business, reference in programs:
        same = (drop.c.business == business, drop.c.reference == reference, drop.c.pending.is_not(None))
        yield from ((business, name) for name in conn.execute(select(drop.c.name).where(*same)).scalars())


def record(conn: Connection, looked: Iterable[Sighting]) -> list[Sighting]:
    """Write down what a look has found, unless somebody wrote since; returns them as they are claimed by.

    Where somebody did, the row stays as it is and a claim on the returned one fails.
    """
    looked = sorted(looked, key=lambda s: (s.business, s.name))  # one order, so that two looks cannot block each other
    if fresh := [_values(s) | {"business": s.business, "name": s.name} for s in looked if not s.writes]:
        dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
        conn.execute(dialect.insert(drop).on_conflict_do_nothing(), fresh)
    if known := [_values(s) | {"b": s.business, "n": s.name, "read": s.writes} for s in looked if s.writes]:
        same = (drop.c.business == bindparam("b"), drop.c.name == bindparam("n"), drop.c.writes == bindparam("read"))
        conn.execute(drop.update().where(*same), known)
    return [replace(s, writes=s.writes + 1) for s in looked]


def claim(
    conn: Connection,
    sighting: Sighting,
    *,
    owner: str,
    now: datetime,
    length: timedelta,
    gone: Callable[[str], bool] | None = None,
) -> Lease | None:
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
    lease = Lease(
        business=sighting.business, name=sighting.name, owner=owner, token=mine.lease_token + 1, until=now + length
    )
    values = {"lease_owner": owner, "lease_token": lease.token, "lease_until": lease.until}
    same = drop.c.lease_token == mine.lease_token
    done = conn.execute(drop.update().where(*_key(sighting), same).values(values))
    return lease if done.rowcount == 1 else None


def is_held_back(conn: Connection, sighting: Sighting, *, now: datetime) -> bool:
    """Whether the drop that this one is behind is still to be taken, and nobody is at it."""
    before = select(drop).where(drop.c.business == sighting.business, drop.c.name == sighting.behind)
    row = conn.execute(before).one_or_none()
    return row is not None and row.pending is not None and not _held(row, now)


def beat(conn: Connection, lease: Lease, *, now: datetime, length: timedelta) -> Lease:
    """The same lease, longer. Raises LeaseLost."""
    _change(conn, lease, lease_until=now + length)
    return replace(lease, until=now + length)


def fenced(conn: Connection, lease: Lease) -> None:
    """To be called inside the transaction that writes what the lease was for. Raises LeaseLost.

    The token decides, not the clock: as long as nobody took over, an owner that was slow may still write. The row stays
    locked to the end of the transaction, so that nobody takes over meanwhile.
    """
    held = select(drop.c.lease_token, drop.c.lease_owner).where(*_key(lease)).with_for_update()
    if conn.execute(held).one_or_none() != (lease.token, lease.owner):
        raise LeaseLost(f"{lease.business}/{lease.name} was taken over by another process")


def is_held(conn: Connection, lease: Lease) -> bool:
    """Whether the lease is still that of its owner: not ended, and nobody took over."""
    held = select(drop.c.lease_token, drop.c.lease_owner).where(*_key(lease))
    return conn.execute(held).one_or_none() == (lease.token, lease.owner)


def mark_taken(conn: Connection, lease: Lease, taken: Taken, *, submission: str) -> None:
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


def mark_told(conn: Connection, lease: Lease, sighting: Sighting, lacking: Sequence[Finding], *, now: datetime) -> None:
    """The business is told what the drop lacks, and the lease ends. Raises LeaseLost, also where it was seen anew."""
    if sighting.pending is None:
        raise ValueError(f"{sighting.business}/{sighting.name}: nothing is awaited there")
    values = _values(replace(sighting, told=now, pending=replace(sighting.pending, lacking=lacking)))
    _change(conn, lease, drop.c.writes == sighting.writes, lease_owner=None, lease_until=None, **values)


def release(conn: Connection, lease: Lease) -> None:
    """The lease ends and nothing else changes: whoever comes next may claim the drop. Raises LeaseLost."""
    _change(conn, lease, lease_owner=None, lease_until=None)


def put_back(conn: Connection, lease: Lease) -> None:
    """The drop changed while it was taken, or could not be: it is looked at anew. Raises LeaseLost."""
    _change(conn, lease, print="", lease_owner=None, lease_until=None, writes=drop.c.writes + 1)


def _change(conn: Connection, lease: Lease, *also: Any, **values: Any) -> None:
    held = (drop.c.lease_token == lease.token, drop.c.lease_owner == lease.owner, *also)
    if conn.execute(drop.update().where(*_key(lease), *held).values(values)).rowcount != 1:
        raise LeaseLost(f"{lease.business}/{lease.name} was taken over by another process")


def _key(of: Sighting | Lease) -> tuple[Any, Any]:
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


def _values(s: Sighting) -> dict[str, Any]:
    wanted = s.pending.wanted if s.pending else None
    values = {
        "first_seen": s.first_seen,
        "manifest_seen": s.manifest_seen,
        "print": s.print,
        "pending": _dump(s.pending) if s.pending else None,
        "taken": json.dumps(asdict(s.taken)) if s.taken else None,
        "told": s.told,
        "writes": s.writes + 1,
        "reference": wanted.reference if wanted else None,
    }
    return values if s.writes else values | {"lease_token": 0}


def _dump(pending: Pending) -> str:
    """ASCII only, as JSON escapes: names may hold what is no UTF-8, or NUL, which PostgreSQL's text refuses."""
    seen = {name: [o.version, o.size, o.kind, o.since, o.sha256] for name, o in pending.seen.items()}
    wanted = asdict(pending.wanted) if pending.wanted else None
    return json.dumps({"seen": seen, "wanted": wanted, "lacking": [asdict(f) for f in pending.lacking]})


def _sighting(row: Row[Any]) -> Sighting:
    return Sighting(
        business=row.business,
        name=row.name,
        first_seen=row.first_seen,
        manifest_seen=row.manifest_seen,
        print=row.print,
        pending=_pending(json.loads(row.pending)) if row.pending else None,
        taken=taken_of(row.taken) if row.taken else None,
        submission=row.submission,
        told=row.told,
        writes=row.writes,
    )


def taken_of(stored: str) -> Taken:
    """What was taken, as it is kept in the column of that name."""
    return Taken(**json.loads(stored))


def _pending(stored: dict[str, Any]) -> Pending:
    seen = {name: Seen(*values) for name, values in stored["seen"].items()}
    lacking = tuple(Finding(**values) for values in stored.get("lacking", ()))
    return Pending(seen=seen, wanted=Wanted(**stored["wanted"]) if stored["wanted"] else None, lacking=lacking)
