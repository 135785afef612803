"""Taking one drop: copied, judged, its rows reported, registered. Whatever is cut short is done again, to the same end.

What is written before the registration bears the submission's id, which a repetition has too; what shows the ledger's
state (receipt, page, index) is written after it, and marked in the same transaction until it is.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from flows.archive import baselines, judgments, logos
from flows.archive.submissions import Archived, archive_drop, discard, empty, has_room, open_drop, verified
from flows.arrival.completeness import Incomplete
from flows.arrival.leases import claimed, still_ours
from flows.arrival.scan import Left
from flows.errors import LaunchdropError
from flows.ledger.core.engine import Connection
from flows.ledger.core.errors import LeaseLost, Outdated
from flows.ledger.core.transitions import mark
from flows.ledger.intake.drops import Sighting, Taken
from flows.ledger.intake.leases import Lease, fenced, is_held_back, mark_taken, mark_told, put_back
from flows.ledger.intake.submissions import LogoTaken, Registered, Registration, acknowledge, duplicate_of
from flows.ledger.programs.register import register
from flows.ledger.read.page_queries import receipt_of
from flows.logs import about
from flows.publishing.files import publish_rows
from flows.services import Services
from flows.stores import Changed, Sink, StoreError, batch
from flows.validation.ahead_of_turn import Ahead, check_ahead
from flows.validation.drop import Progress, judge_drop, understood
from flows.validation.scratch import spools
from schemas.model.judgment import Judgment

log = logging.getLogger(__name__)

T = TypeVar("T")

#: What was judged may be overtaken (a number is claimed meanwhile); it is judged anew, but not for ever.
TRIES = 5


class NoRoom(LaunchdropError):
    """The archive's disk is full: nothing was claimed, and the drop is taken when there is room."""


@dataclass(frozen=True, slots=True)
class Untaken:
    """A drop that could not be taken now, though it is there: `why` is a line for the operator. It is tried again."""

    why: str


@dataclass(frozen=True, slots=True)
class Behind(Untaken):
    """A drop whose turn comes after that of another of its program, which could not be taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """A drop that was taken. A repetition of what is in force was not judged; of a judgment, this is the outline."""

    business: str
    drop: str
    registered: Registered
    judgment: Judgment | None = None


def take(services: Services, sighting: Sighting, progress: Progress | None = None) -> Took | Behind | None:
    """Take a settled drop; None when it is another's turn, or the drop changed and is to be looked at anew."""
    check_room(services, sighting)
    with claimed(services.ledger, sighting, clock=services.clock, length=services.settings.lease) as lease:
        if lease is None:
            return _behind(services, sighting)
        try:
            return _take(services, sighting, lease, progress)
        except LeaseLost:
            return None


def _behind(services: Services, sighting: Sighting) -> Behind | None:
    """Why a drop is not taken though it could be: its revision would come before an earlier one."""
    with services.ledger.read() as conn:
        if not is_held_back(conn, sighting, now=services.clock()):
            return None
    name = f"{sighting.business}/{sighting.name}"
    why = f"drop {name} waits for drop {sighting.behind}, which is about the same program and was there before it"
    return Behind(why)


def apart(sighting: Sighting, work: Callable[[], T], *, done: str = "taken") -> T | Untaken:
    """What the work for a drop gives. What goes wrong with one drop, whatever it is, must not keep others waiting.

    `done` says what was to be done with it.
    """
    name = f"{sighting.business}/{sighting.name}"
    try:
        return work()
    except NoRoom as e:
        return Untaken(str(e))
    except LaunchdropError as e:
        return Untaken(f"drop {name} could not be {done}: {e}")
    except Exception as e:
        log.exception("Drop %s could not be %s", name, done)
        return Untaken(f"drop {name} could not be {done}: {type(e).__name__}, a fault of launchdrop; the log has more")


def check_room(services: Services, sighting: Sighting) -> None:
    """Raises NoRoom where the archive's disk has none for this drop; to be asked before it is claimed."""
    if not has_room(services.archive, sighting):
        raise NoRoom(f"no room in {services.archive.url} for drop {sighting.business}/{sighting.name}: free some space")


def tell_incomplete(services: Services, incomplete: Incomplete) -> bool:
    """Say, once, what a drop that has waited for the arrival grace still lacks; False when it is another's turn."""
    sighting = incomplete.sighting
    with claimed(services.ledger, sighting, clock=services.clock, length=services.settings.lease) as lease:
        if lease is None:
            return False
        try:
            with services.ledger.begin() as conn:
                mark_told(conn, lease, sighting, incomplete.findings, now=services.clock())
                mark(conn, "receipt", sighting.business, sighting.name)
        except LeaseLost:
            return False
    return True


def clear_up(services: Services, left: Left) -> None:
    """Empty a drop that was taken by a process which died before it could."""
    sighting = left.sighting
    with services.ledger.read() as conn:
        receipt = receipt_of(conn, sighting.business, sighting.name)
    if receipt is not None and sighting.taken is not None:
        _empty(services, sighting.business, sighting.name, receipt.submission, sighting.taken)


def _take(services: Services, sighting: Sighting, lease: Lease, progress: Progress | None) -> Took | None:
    try:
        archived = archive_drop(services.inbox, services.archive, sighting, token=lease.token)
    except Changed:
        look_anew(services, lease)
        return None
    return enter(services, archived, lease, progress=progress)


def look_anew(services: Services, lease: Lease) -> None:
    """The drop is no longer as it was looked at: give it back."""
    with services.ledger.begin() as conn:
        put_back(conn, lease)


def enter(
    services: Services,
    archived: Archived,
    lease: Lease,
    *,
    ahead: Ahead | None = None,
    progress: Progress | None = None,
) -> Took:
    """Acknowledge what is in the archive, or register it; what was judged ahead counts while it still holds."""
    with about(business=lease.business, drop=lease.name, submission=archived.submission):
        took = _repetition(services, archived, lease) or _submission(services, archived, lease, ahead, progress)
        log.info("%s: %s", took.registered.outcome, took.judgment.verdict if took.judgment else "as before")
    # It is taken all the same where the inbox cannot be cleared: each look finds that again, and the operator is told.
    with suppress(StoreError):
        if services.settings.after_intake == "empty":
            _empty(services, lease.business, lease.name, took.registered.submission, archived.taken)
    return took


def _empty(services: Services, business: str, name: str, submission: str, taken: Taken) -> None:
    """Clear the inbox of what was taken, once the archive gives it back as it was hashed."""
    if verified(open_drop(services.archive, business, submission)):
        empty(services.inbox, business, name, taken)


def repeats(services: Services, archived: Archived, lease: Lease) -> bool:
    """Whether the drop repeats what is in force now, so that there is nothing to judge."""
    with services.ledger.read() as conn:
        return _twin(conn, services, archived, lease) is not None


def _repetition(services: Services, archived: Archived, lease: Lease) -> Took | None:
    """Acknowledge a drop whose content is in force already: nothing is judged, nothing changes."""
    if not repeats(services, archived, lease):  # most do not, and reading waits for nobody
        return None
    with services.ledger.begin() as conn:
        fenced(conn, lease)
        twin = _twin(conn, services, archived, lease)
        if twin is None:
            return None
        acknowledge(conn, lease.business, lease.name, "duplicate", twin, archived.digest, services.clock())
        mark_taken(conn, lease, archived.taken, submission=twin)
    if twin != archived.submission:
        discard(services.archive, lease.business, archived.submission)
    return Took(business=lease.business, drop=lease.name, registered=Registered(outcome="duplicate", submission=twin))


def _twin(conn: Connection, services: Services, archived: Archived, lease: Lease) -> str | None:
    """The submission that this drop repeats, if its manifest is one of its inbox's business."""
    manifest = understood(archived.drop, services.settings.policy)
    if manifest is None or manifest.business != lease.business:
        return None
    cancels = manifest.state == "cancelled"
    return duplicate_of(conn, lease.business, manifest.reference, archived.digest, cancels=cancels)


def _submission(
    services: Services, archived: Archived, lease: Lease, ahead: Ahead | None, progress: Progress | None
) -> Took:
    """Judge and register, as one: what is overtaken between the two is judged anew."""
    if ahead is not None:
        with suppress(Outdated):
            return _register(services, registration_of(archived, lease, ahead.judgment), archived, lease, ahead)
    for _ in range(TRIES - 1):
        try:
            return _judge(services, archived, lease, progress)
        except Outdated:
            continue
    return _judge(services, archived, lease, progress)


def _judge(services: Services, archived: Archived, lease: Lease, progress: Progress | None) -> Took:
    with spools() as spool:
        judgment = judge_drop(services, archived.drop, spool, progress)
        registration = registration_of(archived, lease, judgment)
        still_ours(services.ledger, lease)  # judging takes long
        keep_judgment(services, registration)
        return _register(services, registration, archived, lease)


def _register(
    services: Services, registration: Registration, archived: Archived, lease: Lease, ahead: Ahead | None = None
) -> Took:
    with services.ledger.begin() as conn:
        fenced(conn, lease)
        if ahead is not None:
            check_ahead(services, ahead)
        registered = register(conn, registration, services.clock())
        mark_taken(conn, lease, archived.taken, submission=registered.submission)
    outline = registration.judgment.outline()
    return Took(business=lease.business, drop=lease.name, registered=registered, judgment=outline)


def registration_of(archived: Archived, lease: Lease, judgment: Judgment) -> Registration:
    """What is to be registered of a drop that was judged."""
    return Registration(
        submission=archived.submission,
        business=lease.business,
        drop=lease.name,
        digest=archived.digest,
        received_at=archived.received_at,
        archive=f"{lease.business}/{archived.submission}/",
        judgment=judgment,
        logo=logo_taken(judgment),
    )


def keep_judgment(services: Services, registration: Registration) -> None:
    """Write, so that it survives a power cut, what depends on the judgment alone."""
    with batch(services.reports) as reports, batch(services.archive) as archive:
        put_judgment(reports, archive, registration)


def put_judgment(reports: Sink, archive: Sink, registration: Registration) -> None:
    """Write what depends on the judgment alone: the rows' files, and the judgment itself for its page."""
    business, submission = registration.business, registration.submission
    publish_rows(reports, f"{business}/{submission}/", registration.judgment)
    judgments.keep(archive, business, submission, registration.judgment)
    baselines.keep(archive, business, submission, registration.judgment)
    if logo := registration.judgment.logo:
        logos.keep(archive, business, logo)


def logo_taken(judgment: Judgment) -> LogoTaken | None:
    return LogoTaken(name=judgment.logo.name, sha256=judgment.logo.sha256) if judgment.logo else None
