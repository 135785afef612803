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
from flows.archive.baselines import against_last_time
from flows.arrival.leases import gone, this_owner
from flows.errors import LaunchdropError
from flows.ledger.core.outbox import (
    WRITE_ORDER,
    OutboxEntry,
    claim_outbox_entries,
    clear_outbox_entries,
    release_outbox_entries,
)
from flows.ledger.core.transitions import add_indexes_to_outbox
from flows.ledger.programs.businesses import list_business_ids
from flows.publishing import views
from flows.publishing.files import publish_page, put_receipt
from flows.services import Services
from flows.stores import FileSink, write_batch
from reports.index_pages import business_index, operator_index

log = logging.getLogger(__name__)

#: Marks taken at a time.
BATCH = 1000
#: Leases that a claim of so many lasts: they may be large pages, on a slow store.
CLAIM = 5
#: So many failures in a row are no single file's fault: the store is out of reach, and the rest need not be tried.
OUT_OF_REACH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Marked files that were written, and those that could not be, each with why, in a line for the operator."""

    done: Sequence[OutboxEntry] = ()
    failed: Mapping[OutboxEntry, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """How many files were written anew, and what could not be; its mark stays, and the next pass tries again."""

    written: int = 0
    problems: Sequence[str] = ()


Stop = Callable[[], bool]

#: Has some of the marked files written elsewhere.
Spread = Callable[[Sequence[OutboxEntry]], Written]


def never() -> bool:
    return False


def refresh(services: Services, *, stop: Stop = never, spread: Spread | None = None) -> Refreshed:
    """Write every marked file. `stop` is asked between files: the rest is for the next pass.

    `spread` may have some of them written elsewhere first.
    """
    written, problems = 0, list[str]()
    with ExitStack() as at_the_end:  # what failed is not tried again before
        while True:
            found = claimed(services, at_the_end)
            elsewhere = spread(found) if spread and found and not stop() else Written()
            there = {*elsewhere.done, *elsewhere.failed}
            rest = [mark for mark in found if mark not in there]
            here = write(services, rest, stop=stop)
            cross_off(services, [*elsewhere.done, *here.done])
            written += len(elsewhere.done) + len(here.done)
            problems += [*elsewhere.failed.values(), *here.failed.values()]
            if not found or len(here.done) + len(here.failed) < len(rest):
                return Refreshed(written=written, problems=problems)


def claimed(services: Services, at_the_end: ExitStack, *, kinds: Collection[str] = WRITE_ORDER) -> list[OutboxEntry]:
    """Marked files of these kinds that are ours to write now; those that are not written are given back at the end."""
    length = CLAIM * services.settings.lease
    with services.ledger.begin() as conn:
        found = claim_outbox_entries(
            conn, owner=this_owner(), now=services.clock(), length=length, kinds=kinds, gone=gone, limit=BATCH
        )

    def let_go() -> None:
        with services.ledger.begin() as conn:
            release_outbox_entries(conn, found, owner=this_owner())

    if found:
        at_the_end.callback(let_go)
    return found


def cross_off(services: Services, written: Sequence[OutboxEntry]) -> None:
    """These are written, and no longer to be."""
    with services.ledger.begin() as conn:
        clear_outbox_entries(conn, written, owner=this_owner())


def write(services: Services, marked: Sequence[OutboxEntry], *, stop: Stop = never) -> Written:
    """Write these files as the ledger has it now: until `stop`, or until too many fail in a row."""
    done: list[OutboxEntry] = []
    failed: dict[OutboxEntry, str] = {}
    in_a_row = 0
    with write_batch(services.reports) as reports:
        for mark in marked:
            if stop() or in_a_row == OUT_OF_REACH:
                break
            if (why := _tried(services, reports, mark)) is None:
                done.append(mark)
                in_a_row = 0
            else:
                failed[mark] = why
                in_a_row += 1
    return Written(done=done, failed=failed)


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


def rebuild(services: Services) -> Refreshed:
    """Write all index pages anew: what they say of time left and of the last 30 days has moved on by itself."""
    with services.ledger.begin() as conn:
        add_indexes_to_outbox(conn, list_business_ids(conn))
    return refresh(services)


def _write_receipt(services: Services, reports: FileSink, mark: OutboxEntry) -> None:
    with services.ledger.read() as conn:
        view = views.receipt(conn, mark.business, mark.key)
    if view is not None:
        put_receipt(reports, view)


def _write_report(services: Services, reports: FileSink, mark: OutboxEntry) -> None:
    try:
        judgment = judgments.recall(services.archive, mark.business, mark.key)
    except judgments.NotKept as e:
        # One page that cannot be made anew must not keep everybody's receipts from being written.
        log.warning("%s: its page stays as it is", e)
        return
    with services.ledger.read() as conn:
        view = views.report(conn, mark.business, mark.key, judgment, now=services.clock())
        view = replace(view, baseline=against_last_time(conn, services.archive, mark.business, mark.key))
    publish_page(reports, f"{mark.business}/{mark.key}/", view)


def _write_index(services: Services, reports: FileSink, mark: OutboxEntry) -> None:
    with services.ledger.read() as conn:
        view = views.business(conn, mark.business, now=services.clock())
    reports.put(f"{mark.business}/index.html", business_index(view).encode())


def _write_operator(services: Services, reports: FileSink, _mark: OutboxEntry) -> None:
    with services.ledger.read() as conn:
        view = views.operator(conn, now=services.clock(), logo=partial(logos.recall, services.archive))
    reports.put("_operator/index.html", operator_index(view).encode())


_WRITERS: dict[str, Callable[[Services, FileSink, OutboxEntry], None]] = {
    "receipt": _write_receipt,
    "report": _write_report,
    "index": _write_index,
    "operator": _write_operator,
}
