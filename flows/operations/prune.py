"""Retention: find and delete files that have been kept for as long as the operator wants.

Never deleted: receipts, the ledger with its history, approved images, and all files of a submission that is in force,
held or waiting. Files are found by listing the stores and comparing with the ledger, so an interrupted run is simply
continued by the next one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from flows.archive.submissions import (
    delete_prefix,
    delete_submission,
    delete_taken_files,
    is_intact,
    open_archived_drop,
)
from flows.ledger.programs.businesses import list_business_ids
from flows.ledger.read.retention import SubmissionRetention, TakenDrop, list_submission_retention, list_taken_drops
from flows.services import Services
from flows.stores import Store, StoreError
from flows.validation.quota import recount_used_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunableItem:
    """What may be deleted: a submission's archived files or reports, or the files of a taken drop in the inbox."""

    kind: Literal["inbox", "reports", "archive"]
    business: str
    name: str
    bytes: int
    drop: TakenDrop | None = None


def find_prunable(services: Services) -> Iterator[PrunableItem]:
    """Everything that may be deleted now, by business. Kinds without a retention setting are not included."""
    with services.ledger.read() as conn:
        businesses = list_business_ids(conn)
    for business in businesses:
        # The inbox first, because a drop is deleted there only if the archive still has it.
        yield from _prunable_in_inbox(services, business)
        yield from _prunable_reports(services, business)
        yield from _prunable_in_archive(services, business)


def recount_usage(services: Services) -> None:
    """Count what each business has in archive and reports, for its quota."""
    with services.ledger.read() as conn:
        businesses = list_business_ids(conn)
    for business in businesses:
        recount_used_bytes(services, business)


def prune_item(services: Services, item: PrunableItem) -> None:
    """Delete an item. If interrupted, `find_prunable` finds the rest. Deleting it twice is not an error."""
    if item.kind == "archive":
        delete_submission(services.archive, item.business, item.name)
    elif item.kind == "reports":
        delete_prefix(services.reports, f"{item.business}/{item.name}/")
    elif item.drop is not None:
        delete_taken_files(services.inbox, item.business, item.name, item.drop.taken)


def _prunable_in_archive(services: Services, business: str) -> Iterator[PrunableItem]:
    """Archived files that no submission in force uses. Folders unknown to the ledger are still being written."""
    before = _cutoff(services, services.settings.keep_archive)
    if before is None:
        return
    submissions = _list_retention(services, business)
    old = {name for row in submissions if _is_old(row, before) for name in (row.id, row.archive_folder)}
    kept = {name for row in submissions if not _is_old(row, before) for name in (row.id, row.archive_folder)}
    for name in _existing_folders(services.archive, business, old - kept):
        size = _total_bytes(services.archive, f"{business}/{name}/")
        yield PrunableItem(kind="archive", business=business, name=name, bytes=size)


def _prunable_reports(services: Services, business: str) -> Iterator[PrunableItem]:
    before = _cutoff(services, services.settings.keep_reports)
    if before is None:
        return
    old = {row.id for row in _list_retention(services, business) if _is_old(row, before)}
    for name in _existing_folders(services.reports, business, old):
        size = _total_bytes(services.reports, f"{business}/{name}/")
        yield PrunableItem(kind="reports", business=business, name=name, bytes=size)


def _prunable_in_inbox(services: Services, business: str) -> Iterator[PrunableItem]:
    """Drops that are still in the inbox unchanged, and that the archive has intact."""
    before = _cutoff(services, services.settings.keep_inbox)
    if before is None:
        return
    with services.ledger.read() as conn:
        drops = list_taken_drops(conn, business, before=before)
    present = {entry.key.rpartition("/")[2] for entry in services.inbox.children(f"{business}/")}
    for drop in drops:
        size = _taken_bytes(services.inbox, business, drop) if drop.name in present else 0
        if size and _is_archived(services, business, drop):
            yield PrunableItem(kind="inbox", business=business, name=drop.name, bytes=size, drop=drop)


def _cutoff(services: Services, keep: timedelta | None) -> datetime | None:
    """What is older than this may be deleted; None if everything is kept."""
    return None if keep is None else services.clock() - keep


def _list_retention(services: Services, business: str) -> list[SubmissionRetention]:
    with services.ledger.read() as conn:
        return list_submission_retention(conn, business)


def _is_old(row: SubmissionRetention, before: datetime) -> bool:
    return row.since is not None and row.since < before


def _existing_folders(store: Store, business: str, names: set[str]) -> Iterator[str]:
    """The names for which the business has a folder in the store."""
    for entry in list(store.children(f"{business}/")):
        if entry.kind == "folder" and (name := entry.key.rpartition("/")[2]) in names:
            yield name


def _total_bytes(store: Store, prefix: str) -> int:
    return sum(entry.size for entry in store.list(prefix))


def _taken_bytes(inbox: Store, business: str, drop: TakenDrop) -> int:
    """Total size of the drop's files in the inbox that have not changed since they were taken."""
    versions = {**drop.taken.manifests, **drop.taken.files}
    prefix = f"{business}/{drop.name}/"
    return sum(e.size for e in inbox.list(prefix) if e.version == versions.get(e.key.removeprefix(prefix)))


def _is_archived(services: Services, business: str, drop: TakenDrop) -> bool:
    try:
        return is_intact(open_archived_drop(services.archive, business, drop.submission))
    except StoreError:
        return False
