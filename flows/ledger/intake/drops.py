"""What the ledger knows of each drop in the inbox: first sighting, last look, and what was taken."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Row, String, Table, Text, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from flows.ledger.core.types import Instant, metadata
from schemas.model.findings import Finding

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
class SeenObject:
    """One object at the last look; `since` is epoch seconds from when on it has looked the same."""

    version: str
    size: int
    kind: str
    since: float
    sha256: str | None = None  # where the manifest gives one and this version was hashed


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFiles:
    """What the manifests at these versions ask for: required files with their sha256 if given, and perhaps a logo.

    `paths` and `lines` say where the manifest names each.
    """

    manifests: Mapping[str, str]
    files: Mapping[str, str | None] = field(default_factory=dict)
    logo: str | None = None
    reference: str | None = None
    paths: Mapping[str, str | None] = field(default_factory=dict)
    lines: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDrop:
    """What is new in a drop and not taken yet; `lacking` is what its business was told of it, once."""

    seen: Mapping[str, SeenObject]
    wanted: WantedFiles | None = None
    lacking: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenVersions:
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
    pending: PendingDrop | None = None
    taken: TakenVersions | None = None
    submission: str | None = None
    told: datetime | None = None
    writes: int = 0
    behind: str | None = None


def read_sightings(conn: Connection, business: str, names: Iterable[str]) -> dict[str, Sighting]:
    """What is known of these drops of one business, by name."""
    found = conn.execute(select(drop).where(drop.c.business == business, drop.c.name.in_(list(names))))
    return {row.name: _sighting(row) for row in found}


def read_idle_fingerprints(conn: Connection, business: str, names: Iterable[str]) -> dict[str, str]:
    """The fingerprints, by name, of those of these drops in which nothing new lay at the last look."""
    same = (drop.c.business == business, drop.c.name.in_(list(names)), drop.c.pending.is_(None))
    return {row.name: row.print for row in conn.execute(select(drop.c.name, drop.c.print).where(*same))}


def find_incomplete_drop(conn: Connection, business: str, name: str) -> Sighting | None:
    """The drop, where its business was told that it is incomplete and the rest has not been taken since."""
    told = (drop.c.business == business, drop.c.name == name, drop.c.told.is_not(None), drop.c.pending.is_not(None))
    row = conn.execute(select(drop).where(*told)).one_or_none()
    return _sighting(row) if row else None


def list_pending_drops(conn: Connection) -> list[tuple[str, str]]:
    """(business, drop) in which something new was seen that is not taken yet, in the order of sighting."""
    found = select(drop.c.business, drop.c.name).where(drop.c.pending.is_not(None))
    return [(b, n) for b, n in conn.execute(found.order_by(drop.c.first_seen, drop.c.name))]


def list_pending_drops_of_programs(conn: Connection, programs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """(business, drop) in which something new about one of these (business, reference) was seen, and not taken yet."""
    for business, reference in programs:
        same = (drop.c.business == business, drop.c.reference == reference, drop.c.pending.is_not(None))
        yield from ((business, name) for name in conn.execute(select(drop.c.name).where(*same)).scalars())


def record_sightings(conn: Connection, looked: Iterable[Sighting]) -> list[Sighting]:
    """Write down what a look has found, unless somebody wrote since; returns them as they are claimed by.

    Where somebody did, the row stays as it is and a claim on the returned one fails.
    """
    looked = sorted(looked, key=lambda s: (s.business, s.name))  # one order, so that two looks cannot block each other
    if fresh := [sighting_columns(s) | {"business": s.business, "name": s.name} for s in looked if not s.writes]:
        dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
        conn.execute(dialect.insert(drop).on_conflict_do_nothing(), fresh)
    if known := [sighting_columns(s) | {"b": s.business, "n": s.name, "read": s.writes} for s in looked if s.writes]:
        same = (drop.c.business == bindparam("b"), drop.c.name == bindparam("n"), drop.c.writes == bindparam("read"))
        conn.execute(drop.update().where(*same), known)
    return [replace(s, writes=s.writes + 1) for s in looked]


def sighting_columns(s: Sighting) -> dict[str, Any]:
    """Its columns but the key and the lease, as they are after the next write."""
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


def _dump(pending: PendingDrop) -> str:
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
        taken=load_taken_versions(row.taken) if row.taken else None,
        submission=row.submission,
        told=row.told,
        writes=row.writes,
    )


def load_taken_versions(stored: str) -> TakenVersions:
    """What was taken, as it is kept in the column of that name."""
    return TakenVersions(**json.loads(stored))


def _pending(stored: dict[str, Any]) -> PendingDrop:
    seen = {name: SeenObject(*values) for name, values in stored["seen"].items()}
    lacking = tuple(Finding(**values) for values in stored.get("lacking", ()))
    return PendingDrop(seen=seen, wanted=WantedFiles(**stored["wanted"]) if stored["wanted"] else None, lacking=lacking)
