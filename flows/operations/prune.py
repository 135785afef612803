"""Retention: what may go after a time that the operator sets, and letting it go.

Receipts, the ledger with its history, approved images, and everything of a submission that is in force, held or waiting
stay whatever is set. What is there is listed and compared with the ledger: cut short, it is gone on with the next time.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from flows.archive.submissions import delete_prefix, discard_duplicate, delete_taken_files, open_archived_drop, is_intact
from flows.ledger.programs.businesses import list_business_ids
from flows.ledger.read.retention import SubmissionRetention, TakenDrop, list_submission_retention, list_taken_drops
from flows.services import Services
from flows.stores import Store, StoreError


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunableItem:
    """Something that may go: the bytes or the reports of a submission, or what was taken of a drop in the inbox."""

    kind: Literal["inbox", "reports", "archive"]
    business: str
    name: str
    bytes: int
    drop: TakenDrop | None = None


def find_prunable(services: Services) -> Iterator[PrunableItem]:
    """All that may go now, by business; nothing of a kind for which no time is set."""
    with services.ledger.read() as conn:
        businesses = list_business_ids(conn)
    for business in businesses:
        # The inbox first: the archive must still be there to show that nothing is lost with it.
        yield from _in_inbox(services, business)
        yield from _in_reports(services, business)
        yield from _in_archive(services, business)


def prune_item(services: Services, item: PrunableItem) -> None:
    """Delete it. It is deleted whole or found again by the next `find_prunable`; deleting it twice is no fault."""
    if item.kind == "archive":
        discard_duplicate(services.archive, item.business, item.name)
    elif item.kind == "reports":
        delete_prefix(services.reports, f"{item.business}/{item.name}/")
    elif item.drop is not None:
        delete_taken_files(services.inbox, item.business, item.name, item.drop.taken)


def _in_archive(services: Services, business: str) -> Iterator[PrunableItem]:
    """Bytes that no submission in force shares; those that the ledger knows nothing of are being taken, and stay."""
    before = _before(services, services.settings.keep_archive)
    if before is None:
        return
    known = _resting(services, business)
    free = _old(((row.id, row) for row in known), before) | _old(((row.archive_folder, row) for row in known), before)
    kept = {name for row in known if not _is_old(row, before) for name in (row.id, row.archive_folder)}
    for name in _folders(services.archive, business, free - kept):
        yield PrunableItem(kind="archive", business=business, name=name, bytes=_size(services.archive, f"{business}/{name}/"))


def _in_reports(services: Services, business: str) -> Iterator[PrunableItem]:
    before = _before(services, services.settings.keep_reports)
    if before is None:
        return
    free = _old(((row.id, row) for row in _resting(services, business)), before)
    for name in _folders(services.reports, business, free):
        yield PrunableItem(kind="reports", business=business, name=name, bytes=_size(services.reports, f"{business}/{name}/"))


def _in_inbox(services: Services, business: str) -> Iterator[PrunableItem]:
    """Drops that still lie there as they were taken, and that the archive gives back."""
    before = _before(services, services.settings.keep_inbox)
    if before is None:
        return
    with services.ledger.read() as conn:
        found = list_taken_drops(conn, business, before=before)
    there = {entry.key.rpartition("/")[2] for entry in services.inbox.children(f"{business}/")}
    for drop in found:
        size = _lying(services.inbox, business, drop) if drop.name in there else 0
        if size and _is_archived(services, business, drop):
            yield PrunableItem(kind="inbox", business=business, name=drop.name, bytes=size, drop=drop)


def _before(services: Services, kept: timedelta | None) -> datetime | None:
    return None if kept is None else services.clock() - kept


def _resting(services: Services, business: str) -> list[SubmissionRetention]:
    with services.ledger.read() as conn:
        return list_submission_retention(conn, business)


def _is_old(row: SubmissionRetention, before: datetime) -> bool:
    return row.since is not None and row.since < before


def _old(rows: Iterable[tuple[str, SubmissionRetention]], before: datetime) -> set[str]:
    return {name for name, row in rows if _is_old(row, before)}


def _folders(store: Store, business: str, names: set[str]) -> Iterator[str]:
    """Those of these folders of a business that are there."""
    for entry in list(store.children(f"{business}/")):
        if entry.kind == "folder" and (name := entry.key.rpartition("/")[2]) in names:
            yield name


def _size(store: Store, prefix: str) -> int:
    return sum(entry.size for entry in store.list(prefix))


def _lying(inbox: Store, business: str, drop: TakenDrop) -> int:
    """Bytes in the inbox that are exactly what was taken."""
    ours = {**drop.taken.manifests, **drop.taken.files}
    prefix = f"{business}/{drop.name}/"
    return sum(e.size for e in inbox.list(prefix) if e.version == ours.get(e.key.removeprefix(prefix)))


def _is_archived(services: Services, business: str, drop: TakenDrop) -> bool:
    try:
        return is_intact(open_archived_drop(services.archive, business, drop.submission))
    except StoreError:
        return False
