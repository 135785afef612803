"""Writes the files that show the ledger's state: receipts, reports and index pages.

The ledger adds a file to the outbox in the transaction that changes what it shows, and the entry is cleared only when
the file is written. If a pass is interrupted, the next one writes the rest. Every file is made from the ledger and the
archive alone.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from flows.archive.judgments import (
    JudgmentMissing,
    delete_incomplete_judgment,
    load_incomplete_judgment,
    load_judgment,
)
from flows.archive.logos import load_logo
from flows.errors import FailureStreak, catch_failure
from flows.leasing import is_owner_dead, this_owner
from flows.ledger.core.outbox import (
    WRITE_ORDER,
    OutboxEntry,
    add_indexes_to_outbox,
    claim_outbox_entries,
    clear_outbox_entries,
    release_outbox_entries,
)
from flows.ledger.intake.drops import find_incomplete_drop
from flows.ledger.programs.businesses import list_business_ids
from flows.ledger.read.page_queries import find_receipt
from flows.publishing.desk import build_operator_index
from flows.publishing.files import CHANGES_FILE, REPORT_FILES, publish_changes, publish_receipt, publish_report
from flows.publishing.receipts import build_receipt_view
from flows.publishing.views import (
    build_business_index,
    build_incomplete_report_view,
    build_report_view,
    read_changes,
)
from flows.services import Services
from flows.stores import FileSink, write_batch
from reports.index_pages import business_index, operator_index

log = logging.getLogger(__name__)

#: Entries claimed at a time.
ENTRIES_PER_CLAIM = 1000
#: How long a claim lasts, in lease lengths: the pages may be large and the store slow.
CLAIM_LEASES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """The outbox entries whose files were written, and those that failed, each with a line for the operator."""

    done: Sequence[OutboxEntry] = ()
    failed: Mapping[OutboxEntry, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishResult:
    """How many files were written, and the problems. Files that failed stay in the outbox for the next pass."""

    written: int = 0
    problems: Sequence[str] = ()


def publish_outbox(
    services: Services,
    *,
    kinds: Collection[str] = WRITE_ORDER,
    stop: Callable[[], bool] = lambda: False,
    delegate: Callable[[Sequence[OutboxEntry]], WriteResult] | None = None,
) -> PublishResult:
    """Write every file of these kinds in the outbox. Checks `stop` between files, and leaves the rest to the next pass.

    `delegate` may have some of the files written elsewhere first.
    """
    written, problems = 0, list[str]()
    with ExitStack() as at_the_end:  # failed entries stay claimed until then, so that the loop does not try them again
        while True:
            entries = claim_files(services, at_the_end, kinds=kinds)
            delegated = delegate(entries) if delegate and entries and not stop() else WriteResult()
            tried = {*delegated.done, *delegated.failed}
            rest = [entry for entry in entries if entry not in tried]
            local = write_files(services, rest, stop=stop)
            clear_written(services, [*delegated.done, *local.done])
            written += len(delegated.done) + len(local.done)
            problems += [*delegated.failed.values(), *local.failed.values()]
            if not entries or len(local.done) + len(local.failed) < len(rest):
                return PublishResult(written=written, problems=problems)


def claim_files(
    services: Services, at_the_end: ExitStack, *, kinds: Collection[str] = WRITE_ORDER
) -> list[OutboxEntry]:
    """Claim the files of these kinds that no other process is writing. The end of the stack releases unwritten ones."""
    length = CLAIM_LEASES * services.settings.lease
    with services.ledger.begin() as conn:
        entries = claim_outbox_entries(
            conn,
            owner=this_owner(),
            now=services.clock(),
            length=length,
            kinds=kinds,
            is_owner_dead=is_owner_dead,
            limit=ENTRIES_PER_CLAIM,
        )

    def release() -> None:
        with services.ledger.begin() as conn:
            release_outbox_entries(conn, entries, owner=this_owner())

    if entries:
        at_the_end.callback(release)
    return entries


def clear_written(services: Services, written: Sequence[OutboxEntry]) -> None:
    """Remove written files from the outbox."""
    with services.ledger.begin() as conn:
        clear_outbox_entries(conn, written, owner=this_owner())


def write_files(
    services: Services, entries: Sequence[OutboxEntry], *, stop: Callable[[], bool] = lambda: False
) -> WriteResult:
    """Write these files as the ledger has them now, until `stop` returns true or too many fail in a row."""
    done: list[OutboxEntry] = []
    failed: dict[OutboxEntry, str] = {}
    failures = FailureStreak()
    with write_batch(services.reports) as reports:
        for entry in entries:
            if stop() or failures.is_long:
                break
            subject = " ".join(part for part in (entry.kind, entry.business, entry.key) if part)
            write = partial(_WRITERS[entry.kind], services, reports, entry)
            failure = catch_failure(write, subject=subject, action="written")
            failures.record(failed=failure is not None)
            if failure is None:
                done.append(entry)
            else:
                failed[entry] = failure.problem
    return WriteResult(done=done, failed=failed)


def rebuild_indexes(services: Services) -> PublishResult:
    """Write all index pages again. They show times left and the last 30 days, which change without the ledger."""
    with services.ledger.begin() as conn:
        add_indexes_to_outbox(conn, list_business_ids(conn))
    return publish_outbox(services)


def _write_receipt(services: Services, reports: FileSink, entry: OutboxEntry) -> None:
    with services.ledger.read() as conn:
        view = build_receipt_view(conn, entry.business, entry.key)
    if view is not None:
        publish_receipt(reports, view)


def _write_report(services: Services, reports: FileSink, entry: OutboxEntry) -> None:
    prefix = f"{entry.business}/{entry.key}/"
    try:
        judgment = load_judgment(services.archive, entry.business, entry.key)
    except JudgmentMissing as e:
        # Not a failure: trying again would not help, and many such reports would keep the receipts from being written.
        log.warning("%s: its report is not updated", e)
        return
    with services.ledger.read() as conn:
        view = build_report_view(conn, entry.business, entry.key, judgment, now=services.clock())
        if view.revision and view.revision.listed and services.reports.stat(f"{prefix}{CHANGES_FILE}") is None:
            publish_changes(reports, prefix, read_changes(conn, entry.business, entry.key))
    publish_report(reports, prefix, view)


def _write_incomplete_report(services: Services, reports: FileSink, entry: OutboxEntry) -> None:
    """Write the report of an incomplete drop, or delete it if the drop is not incomplete any more."""
    with services.ledger.read() as conn:
        drop = find_incomplete_drop(conn, entry.business, entry.key)
        receipt = find_receipt(conn, entry.business, entry.key)
    if drop is None:
        # Without a receipt of a submission, the drop was deleted: its receipt stays as it is, and links to the report.
        for name in REPORT_FILES if receipt is not None else ():
            services.reports.delete(f"{entry.business}/drops/{entry.key}/{name}")
        delete_incomplete_judgment(services.archive, entry.business, entry.key)
        return
    try:
        judgment = load_incomplete_judgment(services.archive, entry.business, entry.key)
    except JudgmentMissing as e:
        log.warning("%s: the report of drop %s is not written", e, entry.key)
        return
    with services.ledger.read() as conn:
        view = build_incomplete_report_view(conn, drop, judgment)
    publish_report(reports, f"{entry.business}/drops/{entry.key}/", view)


def _write_business_index(services: Services, reports: FileSink, entry: OutboxEntry) -> None:
    with services.ledger.read() as conn:
        view = build_business_index(conn, entry.business, now=services.clock())
    reports.put(f"{entry.business}/index.html", business_index(view).encode())


def _write_operator_index(services: Services, reports: FileSink, _entry: OutboxEntry) -> None:
    with services.ledger.read() as conn:
        view = build_operator_index(conn, now=services.clock(), load_logo=partial(load_logo, services.archive))
    reports.put("_operator/index.html", operator_index(view).encode())


_WRITERS: dict[str, Callable[[Services, FileSink, OutboxEntry], None]] = {
    "receipt": _write_receipt,
    "report": _write_report,
    "report_incomplete": _write_incomplete_report,
    "index": _write_business_index,
    "operator": _write_operator_index,
}
