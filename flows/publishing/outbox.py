"""What shows the ledger's state is written anew after each change: receipts, reports, index pages.

The ledger marks what is to be written in the transaction that changes it, and a mark goes only when the file is there:
whatever is cut short is written by the next pass. Every file is made from the ledger and the archive alone.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

from flows.archive import judgments, logos
from flows.archive.baselines import compare_with_baseline
from flows.leasing import is_owner_dead, this_owner
from flows.errors import FailureStreak, LaunchdropError
from flows.ledger.core.outbox import (
    WRITE_ORDER,
    OutboxEntry,
    add_indexes_to_outbox,
    claim_outbox_entries,
    clear_outbox_entries,
    release_outbox_entries,
)
from flows.ledger.programs.businesses import list_business_ids
from flows.publishing import views
from flows.publishing.files import publish_report, publish_receipt
from flows.services import Services
from flows.stores import FileSink, write_batch
from reports.index_pages import business_index, operator_index

log = logging.getLogger(__name__)

#: Marks taken at a time.
BATCH = 1000
#: Leases that a claim of so many lasts: they may be large pages, on a slow store.
CLAIM = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """Marked files that were written, and those that could not be, each with why, in a line for the operator."""

    done: Sequence[OutboxEntry] = ()
    failed: Mapping[OutboxEntry, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishResult:
    """How many files were written anew, and what could not be; its mark stays, and the next pass tries again."""

    written: int = 0
    problems: Sequence[str] = ()


Stop = Callable[[], bool]

#: Has some of the marked files written elsewhere.
Spread = Callable[[Sequence[OutboxEntry]], WriteResult]


def never() -> bool:
    return False


def publish_outbox(services: Services, *, stop: Stop = never, spread: Spread | None = None) -> PublishResult:
    """Write every marked file. `stop` is asked between files: the rest is for the next pass.

    `spread` may have some of them written elsewhere first.
    """
    written, problems = 0, list[str]()
    with ExitStack() as at_the_end:  # what failed is not tried again before
        while True:
            found = claim_files(services, at_the_end)
            elsewhere = spread(found) if spread and found and not stop() else WriteResult()
            there = {*elsewhere.done, *elsewhere.failed}
            rest = [mark for mark in found if mark not in there]
            here = write_files(services, rest, stop=stop)
            clear_written(services, [*elsewhere.done, *here.done])
            written += len(elsewhere.done) + len(here.done)
            problems += [*elsewhere.failed.values(), *here.failed.values()]
            if not found or len(here.done) + len(here.failed) < len(rest):
                return PublishResult(written=written, problems=problems)


def claim_files(services: Services, at_the_end: ExitStack, *, kinds: Collection[str] = WRITE_ORDER) -> list[OutboxEntry]:
    """Marked files of these kinds that are ours to write now; those that are not written are given back at the end."""
    length = CLAIM * services.settings.lease
    with services.ledger.begin() as conn:
        found = claim_outbox_entries(
            conn, owner=this_owner(), now=services.clock(), length=length, kinds=kinds, is_gone=is_owner_dead, limit=BATCH
        )

    def let_go() -> None:
        with services.ledger.begin() as conn:
            release_outbox_entries(conn, found, owner=this_owner())

    if found:
        at_the_end.callback(let_go)
    return found


def clear_written(services: Services, written: Sequence[OutboxEntry]) -> None:
    """These are written, and no longer to be."""
    with services.ledger.begin() as conn:
        clear_outbox_entries(conn, written, owner=this_owner())


def write_files(services: Services, marked: Sequence[OutboxEntry], *, stop: Stop = never) -> WriteResult:
    """Write these files as the ledger has it now: until `stop`, or until too many fail in a row."""
    done: list[OutboxEntry] = []
    failed: dict[OutboxEntry, str] = {}
    failures = FailureStreak()
    with write_batch(services.reports) as reports:
        for mark in marked:
            if stop() or failures.is_long:
                break
            why = _tried(services, reports, mark)
            failures.record(failed=why is not None)
            if why is None:
                done.append(mark)
            else:
                failed[mark] = why
    return WriteResult(done=done, failed=failed)


def _tried(services: Services, reports: FileSink, mark: OutboxEntry) -> str | None:
    """Write a file; why it could not be. One business's trouble must not keep the others from their receipts."""
    name = " ".join(part for part in (mark.kind, mark.business, mark.key) if part)
    try:
        _WRITERS[mark.kind](services, reports, mark)
    except LaunchdropError as e:
        return f"{name} could not be written: {e}"
    except Exception as e:
        log.exception("%s could not be written", name)
        return f"{name} could not be written: {type(e).__name__}, a fault of launchdrop; the log has more"
    return None


def rebuild_indexes(services: Services) -> PublishResult:
    """Write all index pages anew: what they say of time left and of the last 30 days has moved on by itself."""
    with services.ledger.begin() as conn:
        add_indexes_to_outbox(conn, list_business_ids(conn))
    return publish_outbox(services)


def _write_receipt(services: Services, reports: FileSink, mark: OutboxEntry) -> None:
    with services.ledger.read() as conn:
        view = views.build_receipt_view(conn, mark.business, mark.key)
    if view is not None:
        publish_receipt(reports, view)


def _write_report(services: Services, reports: FileSink, mark: OutboxEntry) -> None:
    try:
        judgment = judgments.load_judgment(services.archive, mark.business, mark.key)
    except judgments.JudgmentMissing as e:
        # One page that cannot be made anew must not keep everybody's receipts from being written.
        log.warning("%s: its page stays as it is", e)
        return
    with services.ledger.read() as conn:
        view = views.build_report_view(conn, mark.business, mark.key, judgment, now=services.clock())
        view = replace(view, baseline=compare_with_baseline(conn, services.archive, mark.business, mark.key))
    publish_report(reports, f"{mark.business}/{mark.key}/", view)


def _write_index(services: Services, reports: FileSink, mark: OutboxEntry) -> None:
    with services.ledger.read() as conn:
        view = views.build_business_index(conn, mark.business, now=services.clock())
    reports.put(f"{mark.business}/index.html", business_index(view).encode())


def _write_operator(services: Services, reports: FileSink, _mark: OutboxEntry) -> None:
    with services.ledger.read() as conn:
        view = views.build_operator_index(conn, now=services.clock(), logo=partial(logos.load_logo, services.archive))
    reports.put("_operator/index.html", operator_index(view).encode())


_WRITERS: dict[str, Callable[[Services, FileSink, OutboxEntry], None]] = {
    "receipt": _write_receipt,
    "report": _write_report,
    "index": _write_index,
    "operator": _write_operator,
}
