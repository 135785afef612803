"""Takes one drop: copies it into the archive, judges it, writes the files about its rows, and registers it.

A step that was interrupted is repeated, with the same result. The files that are written before the registration are
named after the submission id, which is the same each time. Receipts, reports and index pages show what the ledger says:
the registration adds them to the outbox, and they are written later.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from flows.archive.judgments import save_incomplete_judgment, save_judgment
from flows.archive.logos import save_logo
from flows.archive.submissions import (
    ArchivedDrop,
    archive_drop,
    delete_submission,
    delete_taken_files,
    has_space_for,
    is_intact,
    open_archived_drop,
)
from flows.arrival.completeness import IncompleteDrop
from flows.arrival.leases import lease_drop, require_lease
from flows.arrival.scan import LeftoverDrop
from flows.errors import Failure, catch_failure
from flows.ledger.core.engine import Connection
from flows.ledger.core.errors import LeaseLost, Outdated
from flows.ledger.intake.drops import ReportedFindings, Sighting, TakenVersions
from flows.ledger.intake.leases import (
    DropLease,
    check_drop_lease,
    is_waiting_for_earlier_drop,
    mark_drop_for_rescan,
    mark_drop_incomplete,
    mark_drop_taken,
)
from flows.ledger.intake.submissions import (
    Registration,
    RegistrationResult,
    SubmittedLogo,
    acknowledge_drop,
    find_duplicate,
    find_newest_submission_id,
    lock_reference,
    record_basis,
)
from flows.ledger.programs.register import register_submission
from flows.ledger.read.page_queries import find_receipt
from flows.logs import log_context
from flows.publishing.files import publish_row_files
from flows.services import Services
from flows.stores import FileSink, ObjectChanged, StoreError, write_batch
from flows.validation.answer_limit import judge_within_limit
from flows.validation.drop import judge_archived_drop, read_manifest
from flows.validation.early_judgment import EarlyJudgment, check_early_judgment
from flows.validation.incomplete_drop import judge_incomplete_drop
from flows.validation.judging_basis import find_unchanged_rejection, fingerprint_basis
from flows.validation.open_rejections import save_open_rejections
from flows.validation.quota import archived_bytes, hold_above_quota
from flows.validation.spill_files import open_spill_files
from schemas.model.callbacks import Progress
from schemas.model.judgment import Judgment
from schemas.reasons import MAX_REASONS

log = logging.getLogger(__name__)

T = TypeVar("T")

#: The rules about what has not arrived.
_ARRIVAL_RULES = frozenset({"MAN-005", "MAN-018", "MAN-022", "CSV-003"})
#: How often a drop is judged if the ledger keeps changing before it can be registered.
MAX_JUDGMENTS = 5
#: About what the other files of a submission take: its report, its receipt, its judgment.
PAGE_BYTES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DropResult:
    """A drop that was taken. `judgment` is without its rows and findings, and None if the drop is a duplicate."""

    business: str
    drop: str
    registered: RegistrationResult
    judgment: Judgment | None = None


@dataclass(frozen=True, slots=True)
class BlockedDrop(Failure):
    """A drop that has to wait, because an earlier drop for the same program could not be taken."""


def take_drop(
    services: Services, sighting: Sighting, progress: Progress | None = None
) -> DropResult | BlockedDrop | None:
    """Take a settled drop.

    Returns None if another process takes it, or if it has changed and must be scanned again. Raises StoreError if the
    archive has no space for it.
    """
    check_archive_space(services, sighting)
    with lease_drop(services.ledger, sighting, clock=services.clock, length=services.settings.lease) as lease:
        if lease is None:
            return _find_block(services, sighting)
        with suppress(LeaseLost):
            archived = _copy_to_archive(services, sighting, lease)
            if archived is not None:
                return register_archived_drop(services, archived, lease, progress=progress)
    return None


def check_archive_space(services: Services, sighting: Sighting) -> None:
    """Raise StoreError if the archive has no space for this drop. Call this before claiming it."""
    if not has_space_for(services.archive, sighting):
        raise StoreError(f"no room in {services.archive.url}: free some space there")


def _find_block(services: Services, sighting: Sighting) -> BlockedDrop | None:
    """Why this drop has to wait. None if another process takes it or the drop before it."""
    with services.ledger.read() as conn:
        if not is_waiting_for_earlier_drop(conn, sighting, now=services.clock()):
            return None
    drop = f"drop {sighting.business}/{sighting.name}"
    return BlockedDrop(f"{drop} waits for drop {sighting.after_drop}: it arrived earlier and is for the same program")


def _copy_to_archive(services: Services, sighting: Sighting, lease: DropLease) -> ArchivedDrop | None:
    """Copy the drop. None if it has changed since it was scanned: then it is scanned again."""
    try:
        return archive_drop(services.inbox, services.archive, sighting, token=lease.token)
    except ObjectChanged:
        release_for_rescan(services, lease)
        return None


def release_for_rescan(services: Services, lease: DropLease) -> None:
    """End the lease and have the drop scanned again. Raises LeaseLost."""
    with services.ledger.begin() as conn:
        mark_drop_for_rescan(conn, lease)


def register_archived_drop(
    services: Services,
    archived: ArchivedDrop,
    lease: DropLease,
    *,
    early: EarlyJudgment | None = None,
    progress: Progress | None = None,
) -> DropResult:
    """Register a drop that is in the archive, or acknowledge it as a duplicate. Raises LeaseLost.

    An `early` judgment is used if it still holds. Otherwise the drop is judged here.
    """
    with log_context(business=lease.business, drop=lease.name, submission=archived.submission):
        result = _acknowledge_duplicate(services, archived, lease)
        if result is None:
            result = _judge_and_register(services, archived, lease, early, progress)
        log.info("%s: %s", result.registered.outcome, result.judgment.verdict if result.judgment else "no change")
    if services.settings.after_intake == "empty":
        with suppress(StoreError):  # the drop is taken even so; each scan finds it again and reports the error
            _empty_inbox_folder(services, lease.business, lease.name, result.registered.submission, archived.taken)
    return result


def is_duplicate(services: Services, archived: ArchivedDrop, lease: DropLease) -> bool:
    """Whether the drop repeats a submission, so that it need not be judged."""
    with services.ledger.read() as conn:
        return _find_original(conn, services, archived, lease) is not None


def _acknowledge_duplicate(services: Services, archived: ArchivedDrop, lease: DropLease) -> DropResult | None:
    """Acknowledge the drop if it is a duplicate: it is not judged, and nothing else changes. Otherwise None."""
    if not is_duplicate(services, archived, lease):  # most are not, and this check needs no write lock
        return None
    with services.ledger.begin() as conn:
        check_drop_lease(conn, lease)
        original = _find_original(conn, services, archived, lease)
        if original is None:
            return None
        outcome, now = ("registered" if original.is_rejected else "duplicate"), services.clock()
        acknowledge_drop(conn, lease.business, lease.name, outcome, original.submission, archived.digest, now)
        mark_drop_taken(conn, lease, archived.taken, submission=original.submission)
    if original.submission != archived.submission:
        delete_submission(services.archive, lease.business, archived.submission)
    registered = RegistrationResult(outcome="duplicate", submission=original.submission)
    return DropResult(business=lease.business, drop=lease.name, registered=registered)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Original:
    """The submission that a drop repeats. Its receipt stays as it is if that was rejected: nothing has happened."""

    submission: str
    is_rejected: bool = False


def _find_original(conn: Connection, services: Services, archived: ArchivedDrop, lease: DropLease) -> _Original | None:
    """The accepted or held submission that this drop repeats, or its own last one if that would be rejected again.

    A drop whose manifest names another business than its folder repeats none of that business.
    """
    manifest = read_manifest(services, archived.drop)
    if manifest is not None and manifest.business == lease.business:
        cancels = manifest.state == "cancelled"
        found = find_duplicate(conn, lease.business, manifest.reference, archived.digest, cancels=cancels)
        if found is not None:
            return _Original(submission=found)
    rejected = find_unchanged_rejection(services, conn, lease.business, lease.name, archived.digest)
    return _Original(submission=rejected.id, is_rejected=True) if rejected else None


def _judge_and_register(
    services: Services,
    archived: ArchivedDrop,
    lease: DropLease,
    early: EarlyJudgment | None,
    progress: Progress | None,
) -> DropResult:
    """Judge the drop and register it. If the ledger has changed in between, judge it again."""
    if early is not None:
        with suppress(Outdated):
            return _register(services, make_registration(archived, lease, early.judgment), archived, lease, early)
    for _ in range(MAX_JUDGMENTS - 1):
        with suppress(Outdated):
            return _judge_and_register_once(services, archived, lease, progress)
    return _judge_and_register_once(services, archived, lease, progress)


def _judge_and_register_once(
    services: Services, archived: ArchivedDrop, lease: DropLease, progress: Progress | None
) -> DropResult:
    with open_spill_files() as open_spill:
        judge = partial(
            judge_archived_drop, services, archived.drop, open_spill, progress, submission=archived.submission
        )
        judgment = judge_within_limit(
            services, lease.business, lease.name, archived.digest, lambda wrap: judge(wrap_context=wrap)
        )
        judgment = hold_above_quota(services, archived.drop, judgment)
        registration = make_registration(archived, lease, judgment)
        require_lease(services.ledger, lease)  # judging may have taken longer than the lease
        write_judged_files_durably(services, registration)
        return _register(services, registration, archived, lease)


def _register(
    services: Services,
    registration: Registration,
    archived: ArchivedDrop,
    lease: DropLease,
    early: EarlyJudgment | None = None,
) -> DropResult:
    """Register the submission and mark the drop as taken, in one transaction. Raises Outdated and LeaseLost."""
    with services.ledger.begin() as conn:
        check_drop_lease(conn, lease)
        require_same_previous(conn, registration)
        if early is not None:
            check_early_judgment(services, early)
        registered = register_submission(conn, registration, services.clock())
        _record_basis_of_rejection(services, conn, registration, registered)
        mark_drop_taken(conn, lease, archived.taken, submission=registered.submission)
    judgment = registration.judgment.without_rows()
    return DropResult(business=lease.business, drop=lease.name, registered=registered, judgment=judgment)


def _record_basis_of_rejection(
    services: Services, conn: Connection, registration: Registration, registered: RegistrationResult
) -> None:
    if registration.judgment.verdict == "rejected" and registered.outcome == "registered":
        business, submission = registration.business, registered.submission
        rules = [total.id for total in registration.judgment.totals]
        basis = fingerprint_basis(services, conn, business, registration.reference, submission=submission, rules=rules)
        record_basis(conn, business, submission, basis)


def require_same_previous(conn: Connection, registration: Registration) -> None:
    """Raise Outdated if the newest submission for the program is not the one that this one was compared with.

    Keeps others from registering for the program until the transaction ends, so that this stays true. What an early
    judgment was compared with is in its answers, which are checked after this.
    """
    business, reference = registration.business, registration.reference
    lock_reference(conn, business, reference)
    compared = registration.judgment.open_rejections
    if compared is None:
        return
    itself = registration.retake_of or registration.submission
    if find_newest_submission_id(conn, business, reference, apart_from=itself) != compared.previous:
        raise Outdated(f"another submission for {business}/{reference} was registered since this one was judged")


def make_registration(archived: ArchivedDrop, lease: DropLease, judgment: Judgment) -> Registration:
    """What the ledger needs to register a judged drop."""
    return Registration(
        submission=archived.submission,
        business=lease.business,
        drop=lease.name,
        digest=archived.digest,
        received_at=archived.received_at,
        archive=f"{lease.business}/{archived.submission}/",
        judgment=judgment,
        logo=submitted_logo(judgment),
        bytes=archived_bytes(archived.drop) + judgment.rows.csv_bytes + PAGE_BYTES,
    )


def submitted_logo(judgment: Judgment) -> SubmittedLogo | None:
    """The logo of the judged program, as the ledger records it."""
    return SubmittedLogo(name=judgment.logo.name, sha256=judgment.logo.sha256) if judgment.logo else None


def write_judged_files_durably(services: Services, registration: Registration) -> None:
    """Write the files that depend only on the judgment, so that they survive a power failure."""
    with write_batch(services.reports) as reports, write_batch(services.archive) as archive:
        write_judged_files(reports, archive, registration)


def write_judged_files(reports: FileSink, archive: FileSink, registration: Registration) -> None:
    """Write the files that depend only on the judgment: the CSVs of its rows, and the judgment itself."""
    business, submission = registration.business, registration.submission
    publish_row_files(reports, f"{business}/{submission}/", registration.judgment)
    save_judgment(archive, business, submission, registration.judgment)
    if registration.judgment.open_rejections is not None:
        save_open_rejections(archive, business, submission, registration.judgment.open_rejections)
    if logo := registration.judgment.logo:
        save_logo(archive, business, logo)


def report_incomplete(services: Services, incomplete: IncompleteDrop) -> bool:
    """Report once what is wrong with a drop that is incomplete after the arrival grace.

    False if another process does, or if the drop has changed since it was scanned.
    """
    sighting = incomplete.sighting
    with lease_drop(services.ledger, sighting, clock=services.clock, length=services.settings.lease) as lease:
        if lease is None:
            return False
        try:
            judgment = judge_incomplete_drop(services, incomplete)
            require_lease(services.ledger, lease)  # judging may have taken longer than the lease
            save_incomplete_judgment(services.archive, lease.business, lease.name, replace(judgment, logo=None))
            with services.ledger.begin() as conn:
                mark_drop_incomplete(conn, lease, sighting, _summarize_findings(judgment), now=services.clock())
        except (LeaseLost, ObjectChanged):
            return False
    return True


def _summarize_findings(judgment: Judgment) -> ReportedFindings:
    """The findings for the receipt: first what the drop waits for, then the other errors."""
    by_urgency = sorted(judgment.findings, key=lambda f: (f.severity != "error", f.rule not in _ARRIVAL_RULES))
    return ReportedFindings(
        findings=by_urgency[:MAX_REASONS],
        total=judgment.findings_total,
        errors=sum(total.count for total in judgment.totals if total.severity == "error"),
    )


def empty_leftover(services: Services, leftover: LeftoverDrop) -> None:
    """Delete a taken drop from the inbox, because the process that took it has died before it could."""
    sighting = leftover.sighting
    with services.ledger.read() as conn:
        receipt = find_receipt(conn, sighting.business, sighting.name)
    if receipt is not None and sighting.taken is not None:
        _empty_inbox_folder(services, sighting.business, sighting.name, receipt.submission, sighting.taken)


def _empty_inbox_folder(services: Services, business: str, name: str, submission: str, taken: TakenVersions) -> None:
    """Delete what was taken from the inbox, if the archive has it intact."""
    if is_intact(open_archived_drop(services.archive, business, submission)):
        delete_taken_files(services.inbox, business, name, taken)


def catch_drop_failure(sighting: Sighting, work: Callable[[], T], *, action: str = "taken") -> T | Failure:
    """Do the work on one drop. Any error becomes a Failure ("drop acme/a could not be taken: ...")."""
    return catch_failure(work, subject=f"drop {sighting.business}/{sighting.name}", action=action)
