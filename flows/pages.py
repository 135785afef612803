"""What shows the ledger's state is written anew after each change: receipts, reports, index pages.

The ledger marks what is to be written in the transaction that changes it, and a mark goes only when the file is there:
whatever is cut short is written by the next pass. Every file is made from the ledger and the archive alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile

from flows import logos, snapshot, views
from flows.baseline import against_last_time
from flows.ledger.businesses import business_ids
from flows.ledger.moves import Mark, clear, mark_indexes, marks
from flows.pipeline import Pipeline
from flows.publishing import publish_page, put_receipt
from reports.index import business_index, operator_index

#: Marks taken at a time.
BATCH = 1000
#: Has some of the marked files written elsewhere; gives which.
Spread = Callable[[Sequence[Mark]], Sequence[Mark]]


def refresh(pipeline: Pipeline, *, stop: Callable[[], bool] = lambda: False, spread: Spread | None = None) -> int:
    """Write every marked file; gives how many were written. `stop` is asked between files: the rest is for the next.

    `spread` may have some of them written elsewhere first.
    """
    written = 0
    while True:
        with pipeline.ledger.read() as conn:
            found = marks(conn, limit=BATCH)
        done = list(spread(found)) if spread and not stop() else []
        elsewhere = set(done)
        for mark in takewhile(lambda _: not stop(), (mark for mark in found if mark not in elsewhere)):
            _WRITERS[mark.kind](pipeline, mark)
            done.append(mark)
        with pipeline.ledger.begin() as conn:
            clear(conn, done)
        written += len(done)
        if not found or len(done) < len(found):
            return written


def write(pipeline: Pipeline, marked: Sequence[Mark]) -> None:
    """Write these files as the ledger has it now."""
    for mark in marked:
        _WRITERS[mark.kind](pipeline, mark)


def rebuild(pipeline: Pipeline) -> int:
    """Write all index pages anew: what they say of time left and of the last 30 days has moved on by itself."""
    with pipeline.ledger.begin() as conn:
        mark_indexes(conn, business_ids(conn))
    return refresh(pipeline)


def _write_receipt(pipeline: Pipeline, mark: Mark) -> None:
    with pipeline.ledger.read() as conn:
        view = views.receipt(conn, mark.business, mark.key)
    if view is not None:
        put_receipt(pipeline.reports, view)


def _write_report(pipeline: Pipeline, mark: Mark) -> None:
    judgement = snapshot.recall(pipeline.archive, mark.business, mark.key)
    with pipeline.ledger.read() as conn:
        view = views.report(conn, mark.business, mark.key, judgement, now=pipeline.clock())
        view = replace(view, baseline=against_last_time(conn, pipeline.archive, mark.business, mark.key))
    publish_page(pipeline.reports, f"{mark.business}/{mark.key}/", view)


def _write_index(pipeline: Pipeline, mark: Mark) -> None:
    with pipeline.ledger.read() as conn:
        view = views.business(conn, mark.business, now=pipeline.clock())
    pipeline.reports.put(f"{mark.business}/index.html", business_index(view).encode())


def _write_operator(pipeline: Pipeline, _mark: Mark) -> None:
    with pipeline.ledger.read() as conn:
        view = views.operator(conn, now=pipeline.clock(), logo=partial(logos.recall, pipeline.archive))
    pipeline.reports.put("_operator/index.html", operator_index(view).encode())


_WRITERS: dict[str, Callable[[Pipeline, Mark], None]] = {
    "receipt": _write_receipt,
    "report": _write_report,
    "index": _write_index,
    "operator": _write_operator,
}
