"""Errands to the carrier: a launch, an end, or a branding; one at a time for each program.

Each is leased, and a token tells an owner that woke up late from the present one: whoever runs an errand shows its
token with everything it writes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, and_, or_, select, update

from flows.ledger.core.bulk import listed
from flows.ledger.core.errors import LeaseLost
from flows.ledger.core.tables import asset, program, revision, submission
from schemas.model.business import DisplayName

JobKind = Literal["launch", "end", "brand"]
IsGone = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """Who takes errands: its name, for how long at first, and how it knows that another owner is dead."""

    owner: str
    length: timedelta
    gone: IsGone = field(default=lambda _owner: False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedLogo:
    """A logo by its bytes' sha256, its file name, and where the submission that named it is archived."""

    sha256: str
    name: str
    archive: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedBranding:
    """What a called phone is to show; all of it approved."""

    display_name: DisplayName
    logo: ApprovedLogo | None = None
    call_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One program's errand, and everything the carrier is told of it besides numbers.

    `first`: no revision of it was live before. `shown` is None where nothing approved is to be shown: with a launch
    what is shown then stays, unless the revision is to show nothing at all; with a branding it is taken away.
    `resumed`: an earlier owner had begun it.
    """

    kind: JobKind
    program: int
    business: str
    reference: str
    revision: int  # its number
    revision_id: int
    owner: str
    token: int
    until: datetime
    carrier_id: str | None
    first: bool
    resumed: bool
    business_unit: str
    type: str
    name: str
    call_purpose: str
    description: str
    start: datetime
    end: datetime
    timezone: str
    shown: ApprovedBranding | None


def select_newest_revisions() -> Select[Any]:
    """Programs with their newest revisions, as `lease_jobs` reads them."""
    return select(
        program,
        revision.c.id.label("revision_id"),
        revision.c.number.label("revision_number"),
        revision.c.state,
        revision.c.start,
        revision.c.end,
        revision.c.timezone,
        revision.c.facts,
        revision.c.display_name,
        revision.c.logo,
        revision.c.submission.label("made_by"),
    ).join(revision, revision.c.id == program.c.revision)


def claimable_condition(conn: Connection, claimant: Claimant, now: datetime) -> Any:
    """A condition on programs: nobody has an errand for them, or its owner is dead, and the carrier may be asked."""
    live = select(program.c.lease_owner).distinct().where(program.c.lease_until > now)
    dead = [owner for owner in conn.execute(live).scalars() if claimant.gone(owner)]
    unleased = or_(program.c.lease_until.is_(None), program.c.lease_until <= now)
    if dead:
        unleased = or_(unleased, program.c.lease_owner.in_(dead))
    return and_(unleased, or_(program.c.not_before.is_(None), program.c.not_before <= now))


def lease_jobs(
    conn: Connection, kind: JobKind, rows: Sequence[Row[Any]], claimant: Claimant, now: datetime
) -> list[Job]:
    """Lease these programs, locked rows of `select_newest_revisions`, to the claimant."""
    if not rows:
        return []
    until = now + claimant.length
    table, value = listed(conn, [row.id for row in rows])
    leased: dict[str, Any] = {"lease_owner": claimant.owner, "lease_until": until}
    leased["lease_token"] = program.c.lease_token + 1
    these = program.c.id.in_(select(value).select_from(table))
    conn.execute(update(program).where(these).values(**leased))
    shown = _shown(conn, rows)
    return [_errand(kind, row, claimant, until, shown.get(row.id)) for row in rows]


def extend_job_leases(conn: Connection, errands: Iterable[Job], *, until: datetime) -> None:
    """Keep the errands longer. Raises LeaseLost."""
    _set(conn, list(errands), lease_until=until)


def release_jobs(conn: Connection, errands: Iterable[Job], *, not_before: datetime | None = None) -> None:
    """Give errands back unfinished; whoever comes next goes on, not before that time. Raises LeaseLost."""
    _set(conn, list(errands), lease_owner=None, lease_until=None, not_before=not_before)


def end_job_leases(conn: Connection, errands: Sequence[Job], **values: Any) -> None:
    """End errands, and their leases with them. Raises LeaseLost."""
    _set(conn, errands, **values, lease_owner=None, lease_until=None, not_before=None)


def record_carrier_id(conn: Connection, errand: Job, carrier_id: str) -> None:
    """Remember under what id the carrier has the program. Raises LeaseLost."""
    _set(conn, [errand], carrier_id=carrier_id)


def check_job_leases(conn: Connection, errands: Sequence[Job]) -> None:
    """Make sure that all the errands are still their owner's, and stay so until the transaction ends, or LeaseLost."""
    table, value = listed(conn, [errand.program for errand in errands])
    query = select(program.c.id, program.c.lease_token, program.c.lease_owner)
    these = program.c.id.in_(select(value).select_from(table))
    tokens = {row.id: (row.lease_token, row.lease_owner) for row in conn.execute(query.where(these).with_for_update())}
    for errand in errands:
        if tokens.get(errand.program) != (errand.token, errand.owner):
            raise LeaseLost(f"the {errand.kind} of {errand.business}/{errand.reference} was taken over")


def _set(conn: Connection, errands: Sequence[Job], **values: Any) -> None:
    check_job_leases(conn, errands)
    table, value = listed(conn, [errand.program for errand in errands])
    conn.execute(update(program).where(program.c.id.in_(select(value).select_from(table))).values(**values))


def _errand(kind: JobKind, row: Row[Any], claimant: Claimant, until: datetime, shown: ApprovedBranding | None) -> Job:
    facts = row.facts
    return Job(
        kind=kind,
        program=row.id,
        business=row.business,
        reference=row.reference,
        revision=row.revision_number,
        revision_id=row.revision_id,
        owner=claimant.owner,
        token=row.lease_token + 1,
        until=until,
        carrier_id=row.carrier_id,
        first=row.live_revision is None,
        resumed=row.state == "launching",
        business_unit=facts["business_unit"] or "",
        type=facts["type"] or "",
        name=facts["name"] or "",
        call_purpose=facts["call_purpose"] or "",
        description=facts["description"] or "",
        start=row.start,
        end=row.end,
        timezone=row.timezone,
        shown=shown,
    )


def _shown(conn: Connection, rows: Sequence[Row[Any]]) -> dict[int, ApprovedBranding]:
    """What the programs show, by program; those of which not all is approved are left out."""
    branded = [row for row in rows if row.branding == "approved" and row.display_name is not None]
    ids = {i for row in branded for i in (row.display_name, row.logo) if i is not None}
    assets = _by(conn, select(asset), asset.c.id, ids)
    archives = _archives(conn, {row.made_by for row in branded if row.logo is not None and row.made_by})
    return {row.id: _shown_by(row, assets, archives) for row in branded}


def _shown_by(row: Row[Any], assets: dict[Any, Row[Any]], archives: dict[tuple[str, str], str]) -> ApprovedBranding:
    name, logo = assets[row.display_name], assets.get(row.logo)
    image = (
        ApprovedLogo(sha256=logo.sha256, name=logo.name or "", archive=archives.get((row.business, row.made_by)))
        if logo
        else None
    )
    return ApprovedBranding(
        display_name=DisplayName(display=name.display, shorthand=name.shorthand),
        logo=image,
        call_reason=row.facts["call_reason"],
    )


def _by(conn: Connection, query: Select[Any], key: Any, ids: set[int]) -> dict[Any, Row[Any]]:
    if not ids:
        return {}
    table, value = listed(conn, sorted(ids))
    return {row.id: row for row in conn.execute(query.where(key.in_(select(value).select_from(table))))}


def _archives(conn: Connection, submissions: set[str]) -> dict[tuple[str, str], str]:
    ids = sorted(submissions)
    found: dict[tuple[str, str], str] = {}
    for start in range(0, len(ids), 10_000):
        query = select(submission.c.id, submission.c.business, submission.c.archive)
        rows = conn.execute(query.where(submission.c.id.in_(ids[start : start + 10_000])))
        found |= {(row.business, row.id): row.archive for row in rows}
    return found
