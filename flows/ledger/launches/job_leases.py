"""Carrier jobs: a launch, an end or a branding of one program. A program has one job at a time.

A job is leased. Its fencing token distinguishes the present owner from a slow previous one. Everything that an owner
writes is checked against the token.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, and_, or_, select, update

from flows.ledger.core.bulk import IDS_PER_STATEMENT, in_values, iter_slices
from flows.ledger.core.errors import LeaseLost
from flows.ledger.core.tables import asset, program, revision, submission
from schemas.model.business import DisplayName

JobKind = Literal["launch", "end", "brand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobClaimer:
    """A process that claims jobs: its name, how long its leases last, and how it knows that another owner is dead."""

    owner: str
    length: timedelta
    is_owner_dead: Callable[[str], bool] = field(default=lambda _owner: False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedLogo:
    """A logo: the sha256 of its bytes, its file name, and the archive of the submission that named it."""

    sha256: str
    name: str
    archive: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedBranding:
    """What called phones should show. All of it is approved."""

    display_name: DisplayName
    logo: ApprovedLogo | None = None
    call_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job, with everything that the carrier needs for it except numbers.

    `first`: no revision of the program was live before. `resumed`: an earlier owner began the job. `branding` is None
    if nothing approved should be shown. A launch then keeps the branding that the carrier has, unless the revision has
    no branding at all; a branding job removes it.
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
    branding: ApprovedBranding | None


def select_newest_revisions() -> Select[Any]:
    """The programs, each with its newest revision: the rows that `lease_jobs` takes."""
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


def claimable_condition(
    conn: Connection, claimer: JobClaimer, now: datetime, except_businesses: Collection[str] = ()
) -> Any:
    """The condition that a program has no job, or one whose owner is dead, and need not wait for the carrier.

    Programs of `except_businesses` do not meet it: others have their turn.
    """
    owners = select(program.c.lease_owner).distinct().where(program.c.lease_until > now)
    dead = [owner for owner in conn.execute(owners).scalars() if claimer.is_owner_dead(owner)]
    unleased = or_(program.c.lease_until.is_(None), program.c.lease_until <= now)
    if dead:
        unleased = or_(unleased, program.c.lease_owner.in_(dead))
    may_be_called = or_(program.c.not_before.is_(None), program.c.not_before <= now)
    return and_(unleased, may_be_called, program.c.business.not_in(sorted(except_businesses)))


def lease_jobs(
    conn: Connection, kind: JobKind, rows: Sequence[Row[Any]], claimer: JobClaimer, now: datetime
) -> list[Job]:
    """Lease a job of this kind for each of these rows of `select_newest_revisions`, which must be locked."""
    if not rows:
        return []
    until = now + claimer.length
    values: dict[str, Any] = {"lease_owner": claimer.owner, "lease_until": until}
    values["lease_token"] = program.c.lease_token + 1
    conn.execute(update(program).where(in_values(conn, program.c.id, [row.id for row in rows])).values(**values))
    brandings = _read_brandings(conn, rows)
    return [_load_job(kind, row, claimer, until, brandings.get(row.id)) for row in rows]


def extend_job_leases(conn: Connection, jobs: Iterable[Job], *, until: datetime) -> None:
    """The heartbeat: extend the leases of these jobs. Raises LeaseLost."""
    _update_leased(conn, list(jobs), lease_until=until)


def release_jobs(conn: Connection, jobs: Iterable[Job], *, not_before: datetime | None = None) -> None:
    """Give up unfinished jobs. Another owner can continue them, but not before that time. Raises LeaseLost."""
    _update_leased(conn, list(jobs), lease_owner=None, lease_until=None, not_before=not_before)


def end_jobs(conn: Connection, jobs: Sequence[Job], **values: Any) -> None:
    """End finished jobs and their leases, and set `values` in the rows of their programs. Raises LeaseLost."""
    _update_leased(conn, jobs, **values, lease_owner=None, lease_until=None, not_before=None)


def record_carrier_id(conn: Connection, job: Job, carrier_id: str) -> None:
    """Record the id that the program has at the carrier. Raises LeaseLost."""
    _update_leased(conn, [job], carrier_id=carrier_id)


def check_job_leases(conn: Connection, jobs: Sequence[Job]) -> None:
    """Check that nobody has taken over any of these jobs, and lock them until the transaction ends.

    Raises LeaseLost if one was taken over.
    """
    query = select(program.c.id, program.c.lease_token, program.c.lease_owner)
    query = query.where(in_values(conn, program.c.id, [job.program for job in jobs])).with_for_update()
    leases = {row.id: (row.lease_token, row.lease_owner) for row in conn.execute(query)}
    for job in jobs:
        if leases.get(job.program) != (job.token, job.owner):
            raise LeaseLost(f"the {job.kind} of {job.business}/{job.reference} was taken over")


def _update_leased(conn: Connection, jobs: Sequence[Job], **values: Any) -> None:
    check_job_leases(conn, jobs)
    where = in_values(conn, program.c.id, [job.program for job in jobs])
    conn.execute(update(program).where(where).values(**values))


def _load_job(
    kind: JobKind, row: Row[Any], claimer: JobClaimer, until: datetime, branding: ApprovedBranding | None
) -> Job:
    facts = row.facts
    return Job(
        kind=kind,
        program=row.id,
        business=row.business,
        reference=row.reference,
        revision=row.revision_number,
        revision_id=row.revision_id,
        owner=claimer.owner,
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
        branding=branding,
    )


def _read_brandings(conn: Connection, rows: Sequence[Row[Any]]) -> dict[int, ApprovedBranding]:
    """The branding of these programs, by program id. Those with an asset that is not approved are left out."""
    branded = [row for row in rows if row.branding == "approved" and row.display_name is not None]
    assets = _read_assets(conn, {i for row in branded for i in (row.display_name, row.logo) if i is not None})
    archives = _read_archives(conn, {row.made_by for row in branded if row.logo is not None and row.made_by})
    return {row.id: _load_branding(row, assets, archives) for row in branded}


def _load_branding(
    row: Row[Any], assets: dict[int, Row[Any]], archives: dict[tuple[str, str], str]
) -> ApprovedBranding:
    name, logo = assets[row.display_name], assets.get(row.logo)
    approved_logo = None
    if logo is not None:
        archive = archives.get((row.business, row.made_by))
        approved_logo = ApprovedLogo(sha256=logo.sha256, name=logo.name or "", archive=archive)
    return ApprovedBranding(
        display_name=DisplayName(display=name.display, shorthand=name.shorthand),
        logo=approved_logo,
        call_reason=row.facts["call_reason"],
    )


def _read_assets(conn: Connection, ids: set[int]) -> dict[int, Row[Any]]:
    if not ids:
        return {}
    return {row.id: row for row in conn.execute(select(asset).where(in_values(conn, asset.c.id, sorted(ids))))}


def _read_archives(conn: Connection, submissions: set[str]) -> dict[tuple[str, str], str]:
    """The archives of these submissions, by business and id."""
    found: dict[tuple[str, str], str] = {}
    for ids in iter_slices(sorted(submissions), IDS_PER_STATEMENT):
        query = select(submission.c.id, submission.c.business, submission.c.archive)
        rows = conn.execute(query.where(submission.c.id.in_(ids)))
        found |= {(row.business, row.id): row.archive for row in rows}
    return found
