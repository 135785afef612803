"""Batches: the numbers of a launch, at most 500 per call. Each is recorded before it is sent, and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, case, func, select, update

from flows.ledger.core.bulk import in_values, unpack_numbers
from flows.ledger.core.outbox import add_indexes_to_outbox
from flows.ledger.core.tables import batch, number, program
from flows.ledger.core.transitions import record_transitions
from flows.ledger.launches.job_leases import Job, check_job_leases
from flows.ledger.programs.numbers import recount_numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberBatch:
    """At most 500 numbers that a launch adds to a program at the carrier, or removes from one.

    The program is the launched one, or, with kind "remove", another one that gives numbers to it: `reference` and
    `carrier_id` say which. `key` is the idempotency key of the call and never changes. In the states "sent" and
    "unknown" the carrier may already have the batch.
    """

    id: int
    kind: Literal["add", "remove"]
    reference: str
    carrier_id: str | None
    key: str
    state: Literal["planned", "sent", "unknown"]
    numbers: np.ndarray
    purposes: np.ndarray


def read_open_batches(conn: Connection, job: Job) -> list[NumberBatch]:
    """The batches of a launch that have no outcome yet, in the order to send them in."""
    query = (
        select(batch, program.c.reference, program.c.carrier_id)
        .join(program, program.c.id == batch.c.program)
        .where(batch.c.revision == job.revision_id, batch.c.state != "done")
        .order_by(batch.c.seq)
    )
    return [_load_batch(row) for row in conn.execute(query)]


def count_open_batches(conn: Connection, jobs: Sequence[Job]) -> int:
    """How many batches of these launches have no outcome yet."""
    where = in_values(conn, batch.c.revision, [job.revision_id for job in jobs]), batch.c.state != "done"
    return conn.execute(select(func.count()).select_from(batch).where(*where)).scalar_one()


def mark_batch_sent(conn: Connection, job: Job, sent: NumberBatch, now: datetime) -> None:
    """Record that the carrier may have the batch, before it is sent. Raises LeaseLost."""
    _update_batch(conn, job, sent, state="sent", sent_at=now)


def mark_batch_not_sent(conn: Connection, job: Job, unsent: NumberBatch) -> None:
    """Record that the batch has not reached the carrier after all, which was down. Raises LeaseLost."""
    _update_batch(conn, job, unsent, state="planned", sent_at=None)


def mark_batch_unknown(conn: Connection, job: Job, sent: NumberBatch, why: str, now: datetime) -> None:
    """Record that the carrier's answer was lost and it cannot be asked: the operator must look. Raises LeaseLost."""
    _update_batch(conn, job, sent, state="unknown", outcome={"why": why})
    place = {"business": job.business, "reference": job.reference, "revision": job.revision}
    cause = f"{len(sent.numbers)} numbers to {sent.kind}: {why}"
    record_transitions(conn, now, [place | {"thing": "numbers", "before": "sent", "after": "unknown", "cause": cause}])
    add_indexes_to_outbox(conn, {job.business})


def record_batch_outcome(
    conn: Connection, job: Job, answered: NumberBatch, refused: Mapping[int, str], now: datetime
) -> None:
    """Record that the carrier took the batch, except for the refused numbers, with its reason for each.

    Raises LeaseLost.
    """
    _update_batch(conn, job, answered, state="done", done_at=now, outcome={"refused": len(refused)})
    if answered.kind == "remove":
        _record_removed(conn, job, answered.numbers)
    else:
        _record_added(conn, job, answered.numbers, refused)


def record_all_batches_done(conn: Connection, jobs: Sequence[Job], now: datetime) -> None:
    """Record that the carrier took all batches of these launches and refused nothing, in a few statements.

    This is for the embedded carrier, which always does. Raises LeaseLost if one of the launches was taken over.
    """
    check_job_leases(conn, jobs)
    programs = [job.program for job in jobs]
    open_batches = in_values(conn, batch.c.revision, [job.revision_id for job in jobs]), batch.c.state != "done"
    done = {"state": "done", "sent_at": now, "done_at": now, "outcome": {"refused": 0}}
    conn.execute(update(batch).where(*open_batches).values(**done))
    is_removed = number.c.change == "remove"
    values = {
        "state": case((is_removed, "removed"), else_="live"),
        "claimed": case((is_removed, False), else_=number.c.claimed),
        "change": None,
    }
    unsent = in_values(conn, number.c.program, programs), number.c.change.in_(["add", "repurpose", "remove"])
    conn.execute(update(number).where(*unsent).values(**values))
    recount_numbers(conn, programs)


def _record_removed(conn: Connection, job: Job, numbers: np.ndarray) -> None:
    # Only numbers that the launched program itself removes. Those of a giver left it when they were taken over.
    removed = {"state": "removed", "change": None, "claimed": False}
    _update_numbers_and_counts(conn, job, numbers, removed, only=number.c.change == "remove")
    # A revision that waits for this launch adds these again, so they stay claimed for it.
    added_again = (number.c.change == "wait") & (number.c.state == "live")
    _update_numbers_and_counts(conn, job, numbers, {"state": "removed"}, only=added_again)


def _record_added(conn: Connection, job: Job, numbers: np.ndarray, refused: Mapping[int, str]) -> None:
    taken = np.setdiff1d(numbers, np.array(sorted(refused), dtype=np.int64), assume_unique=True)
    # A batch of an earlier try may have added a number that is to be removed by now. The removal is still open then.
    change = case((number.c.change == "remove", "remove"), else_=None)
    _update_numbers_and_counts(conn, job, taken, {"state": "live", "change": change})
    for reason in sorted(set(refused.values())):
        with_reason = np.array(sorted(n for n, why in refused.items() if why == reason), dtype=np.int64)
        values = {"state": "refused", "change": change, "reason": reason}
        _update_numbers_and_counts(conn, job, np.intersect1d(with_reason, numbers, assume_unique=True), values)


def _update_batch(conn: Connection, job: Job, which: NumberBatch, **values: Any) -> None:
    check_job_leases(conn, [job])
    conn.execute(update(batch).where(batch.c.id == which.id).values(**values))


def _update_numbers_and_counts(
    conn: Connection,
    job: Job,
    numbers: np.ndarray,
    values: dict[str, Any],
    *,
    only: ColumnElement[bool] | None = None,
) -> None:
    """Update numbers of the launched program, and its counts by state along with them."""
    if not len(numbers):
        return
    where = [number.c.program == job.program, in_values(conn, number.c.number, numbers)]
    if only is not None:
        where.append(only)
    query = select(number.c.state, func.count()).where(*where).group_by(number.c.state)
    before = dict(conn.execute(query).tuples().all())
    conn.execute(update(number).where(*where).values(**values))
    changes = {state: -before.get(state, 0) for state in ("live", "pending", "refused")}
    if values["state"] in changes:
        changes[values["state"]] += sum(before.values())
    counts = {f"numbers_{state}": program.c[f"numbers_{state}"] + change for state, change in changes.items()}
    conn.execute(update(program).where(program.c.id == job.program).values(**counts))


def _load_batch(row: Row[Any]) -> NumberBatch:
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
