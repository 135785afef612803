"""Planning a launch: the batches that it will send, written down before anything is sent."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, func, select, update

from flows.ledger.core.bulk import NumberBlock, in_values, iter_slices, pack_numbers, unpack_numbers
from flows.ledger.core.outbox import add_indexes_to_outbox, add_submissions_to_outbox
from flows.ledger.core.tables import batch, number, program, revision, takeover
from flows.ledger.core.transitions import record_transitions
from flows.ledger.launches.job_leases import Job
from flows.ledger.programs.numbers import recount_numbers
from flows.ledger.programs.ownership import ON_DO_NOT_ORIGINATE_LIST, refuse_numbers, take_over_numbers
from schemas.model.purposes import DO_NOT_ORIGINATE_INDEX

#: The most numbers in one batch. The portal (First Orion's website) takes at most this many per upload.
NUMBERS_PER_BATCH = 500

#: A change to a program's numbers that has to be sent to the carrier.
_CHANGE = np.dtype([("program", "i8"), ("number", "i8"), ("purpose", "u1"), ("remove", "?")])

#: The numbers in batches without outcome: whether the batch removes each, and the purpose that it gives.
OpenBatchNumbers = dict[int, tuple[bool, int]]


def plan_batches(conn: Connection, jobs: Sequence[Job], do_not_originate: np.ndarray | None, now: datetime) -> None:
    """Write the batches of these launches: first removals from other programs, then removals, then additions.

    Numbers to take over move to the launched programs here. Numbers on the do-not-originate list (sorted, int64) are
    refused here. Batches of an earlier try that have no outcome keep their idempotency keys and come first.
    """
    already_open = _adopt_open_batches(conn, jobs)
    taken = _take_over(conn, jobs, now)
    changes = _read_changes(conn, [job.program for job in jobs])
    highest = _read_highest_seq(conn, [job.revision_id for job in jobs])
    rows: list[dict[str, Any]] = []
    for job in jobs:
        own = changes[slice(*np.searchsorted(changes["program"], [job.program, job.program + 1]))]
        own = _refuse_listed(conn, job, own, do_not_originate, now)
        own = _drop_already_open(own, already_open.get(job.program, {}))
        batches = _cut_batches(job.program, own, taken.get(job.program, {}))
        first_seq = highest.get(job.revision_id, 0) + 1
        rows += [_batch_row(job, seq, *parts) for seq, parts in enumerate(batches, first_seq)]
    if rows:
        conn.execute(batch.insert(), rows)


def delete_planned_batches(conn: Connection, job: Job) -> None:
    """Delete the batches of a launch that were never sent. A retry plans them again."""
    conn.execute(delete(batch).where(batch.c.revision == job.revision_id, batch.c.state == "planned"))


def _adopt_open_batches(conn: Connection, jobs: Sequence[Job]) -> dict[int, OpenBatchNumbers]:
    """Move batches without outcome, also of earlier revisions, to these launches; returns their numbers by program."""
    by_program = {job.program: job for job in jobs}
    query = (
        select(batch, revision.c.program.label("launched"))
        .join(revision, revision.c.id == batch.c.revision)
        .where(in_values(conn, revision.c.program, list(by_program)), batch.c.state != "done")
        .order_by(batch.c.revision, batch.c.seq)
    )
    found: dict[int, OpenBatchNumbers] = {}
    for row in conn.execute(query).all():
        job = by_program[row.launched]
        if row.revision != job.revision_id:
            seq = _read_highest_seq(conn, [job.revision_id]).get(job.revision_id, 0) + 1
            conn.execute(update(batch).where(batch.c.id == row.id).values(revision=job.revision_id, seq=seq))
        if row.program == row.launched:
            numbers, purposes = unpack_numbers(row.members)
            pairs = zip(numbers.tolist(), purposes.tolist(), strict=True)
            found.setdefault(row.launched, {}).update((n, (row.kind == "remove", p)) for n, p in pairs)
    return found


def _take_over(conn: Connection, jobs: Sequence[Job], now: datetime) -> dict[int, Mapping[int, np.ndarray]]:
    """Take over the numbers that the launched programs wait for.

    Returns those that the carrier must first remove from their givers, by taker and giver.
    """
    by_program = {job.program: job for job in jobs}
    where = in_values(conn, takeover.c.taker, list(by_program)), takeover.c.waits
    takers = select(takeover.c.taker).distinct().where(*where).order_by(takeover.c.taker)
    taken: dict[int, Mapping[int, np.ndarray]] = {}
    for taker in conn.execute(takers).scalars().all():
        job = by_program[taker]
        result = take_over_numbers(conn, taker, job.business, job.reference)
        recount_numbers(conn, [taker, *result.moved])
        for giver, count in result.moved.items():
            _record_takeover(conn, job, giver, count, now)
        taken[taker] = result.live
    return taken


def _record_takeover(conn: Connection, job: Job, giver: int, count: int, now: datetime) -> None:
    """Record the takeover in the audit log of both programs, and have the giver's files written."""
    query = select(program.c.business, program.c.reference, revision.c.number, revision.c.submission)
    row = conn.execute(query.join(revision, revision.c.id == program.c.revision).where(program.c.id == giver)).one()
    entry = {"business": row.business, "thing": "numbers", "after": "reassigned"}
    gave = {"reference": row.reference, "revision": row.number, "cause": f"{count} numbers to {job.reference}"}
    took = {"reference": job.reference, "revision": job.revision, "cause": f"{count} numbers from {row.reference}"}
    record_transitions(conn, now, [entry | gave, entry | took])
    add_submissions_to_outbox(conn, [row.submission] if row.submission else [])
    add_indexes_to_outbox(conn, {row.business})


def _read_changes(conn: Connection, programs: Sequence[int]) -> np.ndarray:
    """The changes of these programs that have to be sent: an array of `_CHANGE`, sorted by program and number."""
    query = (
        select(number.c.program, number.c.number, number.c.purpose, number.c.change == "remove")
        .where(in_values(conn, number.c.program, programs))
        .where(number.c.change.in_(["add", "repurpose", "remove"]))
        .order_by(number.c.program, number.c.number)
    )
    rows = conn.execute(query, execution_options={"yield_per": 10_000})
    return np.fromiter((tuple(row) for row in rows), dtype=_CHANGE)


def _refuse_listed(
    conn: Connection, job: Job, changes: np.ndarray, do_not_originate: np.ndarray | None, now: datetime
) -> np.ndarray:
    """Refuse numbers that came onto the do-not-originate list after they were accepted; returns the other changes."""
    if do_not_originate is None or not len(do_not_originate):
        return changes
    originates = ~changes["remove"] & (changes["purpose"] != DO_NOT_ORIGINATE_INDEX)
    is_listed: np.ndarray = originates & np.isin(changes["number"], do_not_originate)
    numbers = changes["number"][is_listed]
    if len(numbers):
        refuse_numbers(conn, job.program, numbers, ON_DO_NOT_ORIGINATE_LIST)
        recount_numbers(conn, [job.program])
        entry = {"business": job.business, "reference": job.reference, "revision": job.revision, "thing": "numbers"}
        cause = f"{len(numbers)} numbers: {ON_DO_NOT_ORIGINATE_LIST}"
        record_transitions(conn, now, [entry | {"before": "pending", "after": "refused", "cause": cause}])
    allowed: np.ndarray = changes[~is_listed]
    return allowed


def _drop_already_open(changes: np.ndarray, already_open: OpenBatchNumbers) -> np.ndarray:
    """The changes without those that an open batch of an earlier try makes in exactly the same way."""
    if not already_open:
        return changes
    columns = (changes[name].tolist() for name in ("number", "purpose", "remove"))
    is_open = [already_open.get(n) == (remove, purpose) for n, purpose, remove in zip(*columns, strict=True)]
    left: np.ndarray = changes[~np.array(is_open, dtype=bool)]
    return left


def _cut_batches(
    program_id: int, changes: np.ndarray, taken: Mapping[int, np.ndarray]
) -> Iterator[tuple[int, str, NumberBlock]]:
    """(program at the carrier, kind, numbers with their purposes) of each batch, in the order to send them in."""
    for giver, numbers in sorted(taken.items()):
        yield from _cut(giver, "remove", numbers, np.zeros(len(numbers), dtype=np.uint8))
    for kind, part in (("remove", changes[changes["remove"]]), ("add", changes[~changes["remove"]])):
        yield from _cut(program_id, kind, part["number"], part["purpose"])


def _cut(
    program_id: int, kind: str, numbers: np.ndarray, purposes: np.ndarray
) -> Iterator[tuple[int, str, NumberBlock]]:
    parts = iter_slices(numbers, NUMBERS_PER_BATCH), iter_slices(purposes, NUMBERS_PER_BATCH)
    for block in zip(*parts, strict=True):
        yield program_id, kind, block


def _batch_row(job: Job, seq: int, program_id: int, kind: str, block: NumberBlock) -> dict[str, Any]:
    members = pack_numbers(block)
    # If a restored backup plans the same launch again, the same numbers get the same key.
    name = f"{job.business}/{job.reference} {job.revision} {seq} {kind} {program_id}\n"
    return {
        "revision": job.revision_id,
        "seq": seq,
        "program": program_id,
        "kind": kind,
        "key": hashlib.sha256(name.encode() + members).hexdigest()[:40],
        "size": len(block[0]),
        "members": members,
        "state": "planned",
    }


def _read_highest_seq(conn: Connection, revisions: Sequence[int]) -> dict[int, int]:
    """The highest `seq` of the batches of each of these revisions."""
    query = select(batch.c.revision, func.max(batch.c.seq)).group_by(batch.c.revision)
    rows = conn.execute(query.where(in_values(conn, batch.c.revision, revisions)))
    return dict(rows.tuples().all())
