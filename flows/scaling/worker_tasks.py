"""What workers do: prepare and register blocks of drops, and write receipts and pages. The pass sends the settings.

Drops are prepared in any order: each is copied into the archive and judged, and the files about its rows are written.
Blocks are registered in order. A drop is judged again at that point if what the ledger says has changed since it was
judged. So the ledger and every report come out as if one process had taken the drops. If a worker dies, another one
repeats its work, finds what was already done, and does not do it again.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from importlib.metadata import version

from flows.archive.judgments import load_judgment
from flows.archive.submissions import ArchivedDrop, archive_drop
from flows.arrival.completeness import versions_to_take
from flows.arrival.leases import require_lease
from flows.arrival.manifests import manifest_cache
from flows.errors import Failure, LaunchdropError
from flows.ledger.core.errors import LeaseLost
from flows.ledger.core.outbox import OutboxEntry
from flows.ledger.intake.drops import Sighting, read_sightings
from flows.ledger.intake.leases import DropLease
from flows.ledger.intake.submissions import Registration, RegistrationResult
from flows.ledger.read.page_queries import find_receipt
from flows.operator_files.area_codes import area_codes_version
from flows.operator_files.do_not_originate import do_not_originate_fingerprint
from flows.publishing.outbox import WriteResult, write_files
from flows.registration.drop import (
    DropResult,
    catch_drop_failure,
    is_duplicate,
    make_registration,
    register_archived_drop,
    release_for_rescan,
    take_drop,
    write_judged_files,
)
from flows.scaling.workers import check_worker_version
from flows.services import Services, open_services
from flows.settings import Settings
from flows.stores import ObjectChanged, write_batch
from flows.validation.early_judgment import EarlyJudgment, judge_early
from flows.validation.spill_files import open_spill_files
from schemas.manifest.parse import ParsedManifest
from schemas.model.callbacks import OpenSpillFile
from schemas.model.judgment import Judgment

WriteJudgedFiles = Callable[[Registration], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSetup:
    """What workers need to know: the settings, the clock, and what has to be the same on each worker.

    `launchdrop` is the version, `do_not_originate` the fingerprint of that list, `area_codes` that list's version.
    """

    settings: Settings
    clock: Callable[[], datetime]
    launchdrop: str
    do_not_originate: str | None
    area_codes: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedDrop:
    """A settled drop that a worker is to take.

    It has no lease if an earlier drop of its program is in the queue; it is then prepared and registered in one step.
    `manifest` is the drop's manifest as the scan parsed it, so that workers do not parse it.
    """

    sighting: Sighting
    lease: DropLease | None = None
    manifest: ParsedManifest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDrop:
    """A drop that is in the archive, and judged unless it is a duplicate.

    `archived` is None if the drop changed or was registered already, or if it was queued without a lease. `failure`
    says why it could not be prepared.
    """

    queued: QueuedDrop
    archived: ArchivedDrop | None = None
    early: EarlyJudgment | None = None
    failure: Failure | None = None


def make_worker_setup(services: Services) -> WorkerSetup:
    """What workers need to know to work like this process. Paths are absolute, as workers run in other folders."""
    settings = services.settings
    places = {
        "inbox": services.inbox.url,
        "reports": services.reports.url,
        "archive": services.archive.url,
        "ledger": services.ledger.url,
        "do_not_originate": settings.do_not_originate and settings.do_not_originate.absolute(),
        "area_codes": settings.area_codes and settings.area_codes.absolute(),
    }
    return WorkerSetup(
        settings=settings.for_workers().model_copy(update=places),
        clock=services.clock,
        launchdrop=version("launchdrop"),
        do_not_originate=do_not_originate_fingerprint(settings),
        area_codes=area_codes_version(settings),
    )


@contextmanager
def _open_worker_services(setup: WorkerSetup) -> Iterator[Services]:
    """The services on a worker. Raises LaunchdropError if its version or one of the operator's lists is another one."""
    check_worker_version(version("launchdrop"), setup.launchdrop)
    if do_not_originate_fingerprint(setup.settings) != setup.do_not_originate:
        raise LaunchdropError(f"a Dask worker has another do-not-originate list at {setup.settings.do_not_originate}")
    if area_codes_version(setup.settings) != setup.area_codes:
        raise LaunchdropError(f"a Dask worker has another list of area codes at {setup.settings.area_codes}")
    with open_services(setup.settings) as services:
        yield replace(services, clock=setup.clock)


def prepare_block(setup: WorkerSetup, block: Sequence[QueuedDrop]) -> list[PreparedDrop]:
    """Copy and judge the drops of a block that have a lease."""
    # All files are synced to disk together at the end: nothing depends on them before the drops are registered.
    with (
        _open_worker_services(setup) as services,
        write_batch(services.reports) as reports,
        write_batch(services.archive) as archive,
    ):
        write_judged = partial(write_judged_files, reports, archive)
        return [
            _prepare(services, queued, queued.lease, write_judged) if queued.lease else PreparedDrop(queued=queued)
            for queued in block
        ]


def _prepare(services: Services, queued: QueuedDrop, lease: DropLease, write_judged: WriteJudgedFiles) -> PreparedDrop:
    prepared = catch_drop_failure(queued.sighting, partial(_copy_and_judge, services, queued, lease, write_judged))
    return PreparedDrop(queued=queued, failure=prepared) if isinstance(prepared, Failure) else prepared


def _copy_and_judge(
    services: Services, queued: QueuedDrop, lease: DropLease, write_judged: WriteJudgedFiles
) -> PreparedDrop:
    _cache_manifest(services, queued)
    try:
        require_lease(services.ledger, lease)
        attempt = secrets.token_hex(4)
        archived = archive_drop(services.inbox, services.archive, queued.sighting, token=lease.token, attempt=attempt)
        if is_duplicate(services, archived, lease):
            return PreparedDrop(queued=queued, archived=archived)
        with open_spill_files() as open_spill:
            early = _judge(services, archived, lease, open_spill, write_judged)
        return PreparedDrop(queued=queued, archived=archived, early=early)
    except (ObjectChanged, LeaseLost):
        return PreparedDrop(queued=queued)


def _cache_manifest(services: Services, queued: QueuedDrop) -> None:
    if queued.manifest is not None:
        manifest_cache.add(queued.manifest, services.settings.policy, services.settings.caps)


def _judge(
    services: Services,
    archived: ArchivedDrop,
    lease: DropLease,
    open_spill: OpenSpillFile,
    write_judged: WriteJudgedFiles,
) -> EarlyJudgment:
    def write_if_leased(judgment: Judgment) -> None:
        require_lease(services.ledger, lease)
        write_judged(make_registration(archived, lease, judgment))

    return judge_early(
        services,
        archived.drop,
        open_spill,
        write_rows=write_if_leased,
        name=lease.name,
        digest=archived.digest,
        submission=archived.submission,
    )


def register_block(setup: WorkerSetup, _previous: object, *parts: Sequence[PreparedDrop]) -> list[DropResult | Failure]:
    """Register the drops of a block. `_previous` is the result of the block before it, which has to be done first."""
    with _open_worker_services(setup) as services:
        results = (
            catch_drop_failure(prepared.queued.sighting, partial(_register, services, prepared))
            for part in parts
            for prepared in part
        )
        return [result for result in results if result is not None]


def _register(services: Services, prepared: PreparedDrop) -> DropResult | Failure | None:
    sighting, lease = prepared.queued.sighting, prepared.queued.lease
    if prepared.failure is not None:
        return prepared.failure
    _cache_manifest(services, prepared.queued)
    try:
        if lease is None:
            return take_drop(services, sighting) or _find_registered(services, sighting)
        if prepared.archived is None:
            release_for_rescan(services, lease)
            return None
        return register_archived_drop(services, prepared.archived, lease, early=prepared.early)
    except LeaseLost:
        return _find_registered(services, sighting)


def _find_registered(services: Services, sighting: Sighting) -> DropResult | None:
    """The result of a worker that registered the drop and died before it could return. None if another process did."""
    with services.ledger.read() as conn:
        known = read_sightings(conn, sighting.business, [sighting.name])[sighting.name]
        receipt = find_receipt(conn, sighting.business, sighting.name)
    if receipt is None or known.taken != versions_to_take(sighting) or receipt.submission != known.submission:
        return None
    registered = RegistrationResult(outcome=receipt.outcome, submission=receipt.submission)
    judgment = None
    if receipt.outcome == "registered":
        judgment = load_judgment(services.archive, sighting.business, receipt.submission).without_rows()
    return DropResult(business=sighting.business, drop=sighting.name, registered=registered, judgment=judgment)


def write_entries(setup: WorkerSetup, entries: Sequence[OutboxEntry]) -> WriteResult:
    """Write the files of these outbox entries."""
    with _open_worker_services(setup) as services:
        return write_files(services, entries)
