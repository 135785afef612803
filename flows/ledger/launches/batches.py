"""Batches: the numbers of a launch, at most 500 to a call, written down before they are sent and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, case, func, select, update

from flows.ledger.core.bulk import listed, unpack_numbers
from flows.ledger.core.tables import batch, number, program
from flows.ledger.core.transitions import add_indexes_to_outbox, record_transitions
from flows.ledger.launches.jobs import Job, check_job_leases
from flows.ledger.programs.numbers import recount_numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberBatch:
    """At most 500 numbers that go into a program at the carrier, or out of it.

    The program is the launched one, or with "remove" another one that gives numbers to it: `reference` and `carrier_id`
    say which. `key` names the call for good. `state` "sent" or "unknown": it may be at the carrier already.
    """

    id: int
    kind: Literal["add", "remove"]
    reference: str
    carrier_id: str | None
    key: str
    state: Literal["planned", "sent", "unknown"]
    numbers: np.ndarray
    purposes: np.ndarray


def read_open_batches(conn: Connection, errand: Job) -> list[NumberBatch]:
    """What is still to be sent, or to be asked after, in its order."""
    query = (
        select(batch, program.c.reference, program.c.carrier_id)
        .join(program, program.c.id == batch.c.program)
        .where(batch.c.revision == errand.revision_id, batch.c.state != "done")
        .order_by(batch.c.seq)
    )
    return [_batch(row) for row in conn.execute(query)]


def mark_batch_sent(conn: Connection, errand: Job, sent: NumberBatch, now: datetime) -> None:
    """Remember, before it is sent, that it may be at the carrier from now on. Raises LeaseLost."""
    _set(conn, errand, sent, state="sent", sent_at=now)


def mark_batch_not_sent(conn: Connection, errand: Job, back: NumberBatch) -> None:
    """Nothing of it reached the carrier after all (it was down). Raises LeaseLost."""
    _set(conn, errand, back, state="planned", sent_at=None)


def mark_batch_unknown(conn: Connection, errand: Job, sent: NumberBatch, why: str, now: datetime) -> None:
    """Its answer was lost and the carrier cannot be asked: it is shown to the operator. Raises LeaseLost."""
    _set(conn, errand, sent, state="unknown", outcome={"why": why})
    place = {"business": errand.business, "reference": errand.reference, "revision": errand.revision}
    cause = f"{len(sent.numbers)} numbers to {sent.kind}: {why}"
    record_transitions(conn, now, [place | {"thing": "numbers", "before": "sent", "after": "unknown", "cause": cause}])
    add_indexes_to_outbox(conn, {errand.business})


def record_batch_outcome(
    conn: Connection, errand: Job, answered: NumberBatch, refused: Mapping[int, str], now: datetime
) -> None:
    """The carrier has taken the batch, all but the refused numbers (with its reason for each). Raises LeaseLost."""
    _set(conn, errand, answered, state="done", done_at=now, outcome={"refused": len(refused)})
    if answered.kind == "remove":
        # Those of a giver are its no longer; only what the launched program itself lets go is found here.
        gone = {"state": "removed", "change": None, "claimed": False}
        _move_numbers(conn, errand, answered.numbers, gone, only=number.c.change == "remove")
        # A revision that waits for this launch brings these back: gone from the carrier, they stay claimed for it.
        coming = (number.c.change == "wait") & (number.c.state == "live")
        _move_numbers(conn, errand, answered.numbers, {"state": "removed"}, only=coming)
        return
    unwanted = np.array(sorted(refused), dtype=np.int64)
    taken = np.setdiff1d(answered.numbers, unwanted, assume_unique=True)
    # An older batch may have brought what is to go by now: its removal is still to come.
    left = case((number.c.change == "remove", "remove"), else_=None)
    _move_numbers(conn, errand, taken, {"state": "live", "change": left})
    for reason in sorted(set(refused.values())):
        these = np.array(sorted(n for n, why in refused.items() if why == reason), dtype=np.int64)
        values = {"state": "refused", "change": left, "reason": reason}
        _move_numbers(conn, errand, np.intersect1d(these, answered.numbers, assume_unique=True), values)


def record_all_batches_done(conn: Connection, errands: Sequence[Job], now: datetime) -> None:
    """The carrier has taken everything of these launches, and it was nothing to it: all in a few statements.

    Raises LeaseLost when any of them was taken over.
    """
    check_job_leases(conn, errands)
    revisions, one = listed(conn, [errand.revision_id for errand in errands])
    mine = batch.c.revision.in_(select(one).select_from(revisions)), batch.c.state != "done"
    conn.execute(update(batch).where(*mine).values(state="done", sent_at=now, done_at=now, outcome={"refused": 0}))
    programs, value = listed(conn, [errand.program for errand in errands])
    theirs = number.c.program.in_(select(value).select_from(programs))
    gone = number.c.change == "remove"
    settled = {
        "state": case((gone, "removed"), else_="live"),
        "claimed": case((gone, False), else_=number.c.claimed),
        "change": None,
    }
    conn.execute(update(number).where(theirs, number.c.change.in_(["add", "repurpose", "remove"])).values(**settled))
    recount_numbers(conn, [errand.program for errand in errands])


def count_open_batches(conn: Connection, errands: Sequence[Job]) -> int:
    """How many batches of these launches have no outcome yet."""
    table, value = listed(conn, [errand.revision_id for errand in errands])
    mine = batch.c.revision.in_(select(value).select_from(table)), batch.c.state != "done"
    return conn.execute(select(func.count()).select_from(batch).where(*mine)).scalar_one()


def _set(conn: Connection, errand: Job, which: NumberBatch, **values: Any) -> None:
    check_job_leases(conn, [errand])
    conn.execute(update(batch).where(batch.c.id == which.id).values(**values))


def _move_numbers(
    conn: Connection,
    errand: Job,
    numbers: np.ndarray,
    values: dict[str, Any],
    *,
    only: ColumnElement[bool] | None = None,
) -> None:
    """Move numbers of the launched program, and its counts with them by what they were before."""
    if not len(numbers):
        return
    table, value = listed(conn, numbers)
    mine = [number.c.program == errand.program, number.c.number.in_(select(value).select_from(table))]
    if only is not None:
        mine.append(only)
    before = dict(
        conn.execute(select(number.c.state, func.count()).where(*mine).group_by(number.c.state)).tuples().all()
    )
    conn.execute(update(number).where(*mine).values(**values))
    counted = {state: -before.get(state, 0) for state in ("live", "pending", "refused")}
    if values["state"] in counted:
        counted[values["state"]] += sum(before.values())
    grown = {f"numbers_{state}": program.c[f"numbers_{state}"] + count for state, count in counted.items()}
    conn.execute(update(program).where(program.c.id == errand.program).values(**grown))


def _batch(row: Row[Any]) -> NumberBatch:
    numbers, purposes = unpack_numbers(row.members)
    return NumberBatch(
        id=row.id,
        kind=row.kind,
        reference=row.reference,
        carrier_id=row.carrier_id,
        key=row.key,
        state=row.state,
        numbers=numbers,
        purposes=purposes,
    )
