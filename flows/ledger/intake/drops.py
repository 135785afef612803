"""What the ledger knows of each drop in the inbox: when it was first seen, what the last scan found, what was taken."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from flows.ledger.core.bulk import upsert
from flows.ledger.core.tables import drop
from schemas.model.filenames import MANIFEST_NAMES
from schemas.model.findings import Finding


@dataclass(frozen=True, slots=True)
class SeenObject:
    """One object at the last scan. `since` is when it was first seen with this version, in epoch seconds."""

    version: str
    size: int
    kind: str
    since: float
    sha256: str | None = None  # set if the manifest gives one and this version was hashed


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFiles:
    """What the manifests of these versions name: files, with their sha256 if it is given, and perhaps a logo.

    `has_blank_manifest`: one of them has nothing but white space, so its upload has only begun. The fields are the keys
    of the stored JSON.
    """

    manifests: Mapping[str, str]
    files: Mapping[str, str | None] = field(default_factory=dict)
    logo: str | None = None
    reference: str | None = None
    has_blank_manifest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDrop:
    """What is new in a drop and not taken yet. `wanted` is None until the manifest has been read.

    `reported_manifests` are the versions of the manifests when the drop was last reported as incomplete.
    """

    seen: Mapping[str, SeenObject]
    wanted: WantedFiles | None = None
    reported_manifests: Mapping[str, str] | None = None

    def manifests(self) -> dict[str, str]:
        """The versions of the manifests in the drop. A link or a folder of that name is not a manifest."""
        found = ((name, self.seen.get(name)) for name in MANIFEST_NAMES)
        return {name: seen.version for name, seen in found if seen and seen.kind == "file"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenVersions:
    """The versions of the files that were taken, and of the other files in the folder then. "" is a missing file.

    The fields are the keys of the stored JSON.
    """

    manifests: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    rest: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What the ledger knows of one drop.

    `pending` is None if nothing is new in it. `submission` is the last one made of it. `writes` counts the
    writes to its row. `after_drop` is a drop for the same program that comes before this one in the present pass;
    it is not stored.
    """

    business: str
    name: str
    first_seen: datetime
    manifest_seen: datetime | None = None
    fingerprint: str = ""
    pending: PendingDrop | None = None
    taken: TakenVersions | None = None
    submission: str | None = None
    incomplete_reported_at: datetime | None = None
    writes: int = 0
    after_drop: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedFindings:
    """What was found in an incomplete drop: the first findings, errors first, and the counts of all.

    The fields are the keys of the stored JSON.
    """

    findings: Sequence[Finding] = ()
    total: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedDrop:
    """A drop that was reported to its business as incomplete, and why."""

    business: str
    name: str
    first_seen: datetime
    reported_at: datetime
    reference: str | None
    reported: ReportedFindings


def read_sightings(conn: Connection, business: str, names: Iterable[str]) -> dict[str, Sighting]:
    """The sightings of these drops of a business that the ledger has, by name."""
    found = conn.execute(select(drop).where(drop.c.business == business, drop.c.name.in_(list(names))))
    return {row.name: _load_sighting(row) for row in found}


def read_idle_fingerprints(conn: Connection, business: str, names: Iterable[str]) -> dict[str, str]:
    """The last fingerprint of each of these drops that has nothing pending, by name."""
    idle = (drop.c.business == business, drop.c.name.in_(list(names)), drop.c.pending.is_(None))
    return {row.name: row.print for row in conn.execute(select(drop.c.name, drop.c.print).where(*idle))}


def find_incomplete_drop(conn: Connection, business: str, name: str) -> ReportedDrop | None:
    """The drop, if it was reported as incomplete and is still pending; else None."""
    row = conn.execute(_select_incomplete(business).where(drop.c.name == name)).one_or_none()
    return _load_reported(row) if row else None


def list_incomplete_drops(conn: Connection, business: str, *, limit: int) -> list[ReportedDrop]:
    """The drops of a business that were reported as incomplete and are still pending, the latest first."""
    query = _select_incomplete(business).order_by(drop.c.told.desc(), drop.c.name).limit(limit)
    return [_load_reported(row) for row in conn.execute(query)]


def count_incomplete_drops(conn: Connection, business: str) -> int:
    """How many drops of a business were reported as incomplete and are still pending."""
    return conn.execute(select(func.count()).select_from(_select_incomplete(business).subquery())).scalar_one()


def list_pending_drops_of_programs(conn: Connection, programs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """(business, drop) of the pending drops for these programs, which are given as (business, reference)."""
    for business, reference in programs:
        same = (drop.c.business == business, drop.c.reference == reference, drop.c.pending.is_not(None))
        yield from ((business, name) for name in conn.execute(select(drop.c.name).where(*same)).scalars())


def record_sightings(conn: Connection, sightings: Iterable[Sighting]) -> list[Sighting]:
    """Write what a scan has found; returns the sightings as they are claimed by.

    If another process has written a row since it was read, the row does not change, and claiming with the returned
    sighting fails.
    """
    # In one order, so that two scans cannot block each other.
    sightings = sorted(sightings, key=lambda s: (s.business, s.name))
    if fresh := [sighting_columns(s) | {"business": s.business, "name": s.name} for s in sightings if not s.writes]:
        conn.execute(upsert(conn, drop).on_conflict_do_nothing(), fresh)
    if known := [sighting_columns(s) | {"b": s.business, "n": s.name, "read": s.writes} for s in sightings if s.writes]:
        unchanged = (
            drop.c.business == bindparam("b"),
            drop.c.name == bindparam("n"),
            drop.c.writes == bindparam("read"),
        )
        conn.execute(drop.update().where(*unchanged), known)
    return [replace(s, writes=s.writes + 1) for s in sightings]


def sighting_columns(s: Sighting) -> dict[str, Any]:
    """The column values of its next write, without the key and the lease."""
    wanted = s.pending.wanted if s.pending else None
    values = {
        "first_seen": s.first_seen,
        "manifest_seen": s.manifest_seen,
        "print": s.fingerprint,
        "pending": _dump_pending(s.pending) if s.pending else None,
        "taken": json.dumps(asdict(s.taken)) if s.taken else None,
        "told": s.incomplete_reported_at,
        "writes": s.writes + 1,
        "reference": wanted.reference if wanted else None,
    }
    return values if s.writes else values | {"lease_token": 0}


def load_taken_versions(stored: str) -> TakenVersions:
    """Parse the JSON of the column `taken`."""
    return TakenVersions(**json.loads(stored))


def _dump_pending(pending: PendingDrop) -> str:
    """As JSON in ASCII: file names may contain invalid UTF-8, or NUL, which PostgreSQL's text type does not accept."""
    seen = {name: [o.version, o.size, o.kind, o.since, o.sha256] for name, o in pending.seen.items()}
    wanted = asdict(pending.wanted) if pending.wanted else None
    return json.dumps({"seen": seen, "wanted": wanted, "reported": pending.reported_manifests})


def _load_pending(stored: dict[str, Any]) -> PendingDrop:
    return PendingDrop(
        seen={name: SeenObject(*values) for name, values in stored["seen"].items()},
        wanted=_load_wanted(stored["wanted"]) if stored["wanted"] else None,
        reported_manifests=stored.get("reported"),
    )


def _load_wanted(stored: dict[str, Any]) -> WantedFiles:
    """Earlier releases stored more keys."""
    return WantedFiles(**{f.name: stored[f.name] for f in fields(WantedFiles) if f.name in stored})


def _select_incomplete(business: str) -> Select[Any]:
    columns = drop.c.business, drop.c.name, drop.c.first_seen, drop.c.told, drop.c.reference, drop.c.told_findings
    is_reported = drop.c.told.is_not(None), drop.c.pending.is_not(None)
    return select(*columns).where(drop.c.business == business, *is_reported)


def _load_reported(row: Row[Any]) -> ReportedDrop:
    stored = row.told_findings or {"findings": []}
    return ReportedDrop(
        business=row.business,
        name=row.name,
        first_seen=row.first_seen,
        reported_at=row.told,
        reference=row.reference,
        reported=ReportedFindings(**stored | {"findings": [Finding(**values) for values in stored["findings"]]}),
    )


def _load_sighting(row: Row[Any]) -> Sighting:
    return Sighting(
        business=row.business,
        name=row.name,
        first_seen=row.first_seen,
        manifest_seen=row.manifest_seen,
        fingerprint=row.print,
        pending=_load_pending(json.loads(row.pending)) if row.pending else None,
        taken=load_taken_versions(row.taken) if row.taken else None,
        submission=row.submission,
        incomplete_reported_at=row.told,
        writes=row.writes,
    )
