"""What a launch will send, worked out when it is claimed and written down as batches before anything is sent."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, func, select, update

from flows.ledger.core.bulk import NumberBlock, listed, pack_numbers, unpack_numbers
from flows.ledger.core.tables import batch, number, program, revision, takeover
from flows.ledger.core.transitions import add_indexes_to_outbox, add_submissions_to_outbox, record_transitions
from flows.ledger.launches.jobs import Job
from flows.ledger.programs.numbers import recount_numbers
from flows.ledger.programs.ownership import ON_DO_NOT_ORIGINATE_LIST, refuse_numbers, take_over_numbers
from schemas.model.purposes import DO_NOT_ORIGINATE

#: The most numbers in one batch: the portal's limit per upload.
BATCH_SIZE = 500

#: What of a program's numbers the carrier is to be told, in the order of program and number.
_ROW = np.dtype([("program", "i8"), ("number", "i8"), ("purpose", "u1"), ("remove", "?")])

#: For each number in a batch without outcome: whether it removes, and the purpose it gives.
OpenBatchNumbers = dict[int, tuple[bool, int]]


def plan_batches(conn: Connection, errands: Sequence[Job], do_not_originate: np.ndarray | None, now: datetime) -> None:
    """Write down what the launches will send: first what leaves other programs, then what leaves, then what comes.

    Numbers to be taken over change hands here; those on the do-not-originate list (sorted int64) are refused here.
    Batches of an earlier try that have no outcome stay as they are, under their old keys, and come first.
    """
    adopted = _adopt(conn, errands)
    taken = _take_over(conn, errands, now)
    waiting = _waiting(conn, [errand.program for errand in errands])
    highest = _highest(conn, [errand.revision_id for errand in errands])
    rows: list[dict[str, Any]] = []
    for errand in errands:
        mine = waiting[slice(*np.searchsorted(waiting["program"], [errand.program, errand.program + 1]))]
        mine = _allowed(conn, errand, mine, do_not_originate, now)
        mine = _not_held(mine, adopted.get(errand.program, {}))
        batches = _cut(errand.program, mine, taken.get(errand.program, {}))
        rows += [_row(errand, seq, *parts) for seq, parts in enumerate(batches, highest.get(errand.revision_id, 0) + 1)]
    if rows:
        conn.execute(batch.insert(), rows)


def delete_planned_batches(conn: Connection, errand: Job) -> None:
    """Drop what was never sent: the next try plans it anew."""
    conn.execute(delete(batch).where(batch.c.revision == errand.revision_id, batch.c.state == "planned"))


def _adopt(conn: Connection, errands: Sequence[Job]) -> dict[int, OpenBatchNumbers]:
    """Make batches without outcome, of earlier revisions too, part of these launches; what they hold, by program."""
    by_program = {errand.program: errand for errand in errands}
    table, value = listed(conn, list(by_program))
    query = (
        select(batch, revision.c.program.label("launched"))
        .join(revision, revision.c.id == batch.c.revision)
        .where(revision.c.program.in_(select(value).select_from(table)), batch.c.state != "done")
        .order_by(batch.c.revision, batch.c.seq)
    )
    held: dict[int, OpenBatchNumbers] = {}
    for row in conn.execute(query).all():
        errand = by_program[row.launched]
        if row.revision != errand.revision_id:
            seq = _highest(conn, [errand.revision_id]).get(errand.revision_id, 0) + 1
            conn.execute(update(batch).where(batch.c.id == row.id).values(revision=errand.revision_id, seq=seq))
        if row.program == row.launched:
            numbers, purposes = unpack_numbers(row.members)
            pairs = zip(numbers.tolist(), purposes.tolist(), strict=True)
            held.setdefault(row.launched, {}).update((n, (row.kind == "remove", p)) for n, p in pairs)
    return held


def _take_over(conn: Connection, errands: Sequence[Job], now: datetime) -> dict[int, Mapping[int, np.ndarray]]:
    """Move to the launched programs what they are to take from others; by taker and giver, what is at the carrier."""
    by_program = {errand.program: errand for errand in errands}
    table, value = listed(conn, list(by_program))
    query = (
        select(takeover.c.taker)
        .distinct()
        .where(takeover.c.taker.in_(select(value).select_from(table)), takeover.c.waits)
    )
    taken: dict[int, Mapping[int, np.ndarray]] = {}
    for taker in conn.execute(query.order_by(takeover.c.taker)).scalars().all():
        errand = by_program[taker]
        moved = take_over_numbers(conn, taker, errand.business, errand.reference)
        recount_numbers(conn, [taker, *moved.moved])
        for giver, count in moved.moved.items():
            _note_moved(conn, errand, giver, count, now)
        taken[taker] = moved.live
    return taken


def _note_moved(conn: Connection, errand: Job, giver: int, count: int, now: datetime) -> None:
    query = select(program.c.business, program.c.reference, revision.c.number, revision.c.submission)
    row = conn.execute(query.join(revision, revision.c.id == program.c.revision).where(program.c.id == giver)).one()
    moved = {"business": row.business, "thing": "numbers", "after": "reassigned"}
    gave = {"reference": row.reference, "revision": row.number, "cause": f"{count} numbers to {errand.reference}"}
    took = {
        "reference": errand.reference,
        "revision": errand.revision,
        "cause": f"{count} numbers from {row.reference}",
    }
    record_transitions(conn, now, [moved | gave, moved | took])
    add_submissions_to_outbox(conn, [row.submission] if row.submission else [])
    add_indexes_to_outbox(conn, {row.business})


def _waiting(conn: Connection, programs: Sequence[int]) -> np.ndarray:
    """Rows of `_ROW`: what the carrier is to be told of these programs, sorted by program and number."""
    table, value = listed(conn, programs)
    query = (
        select(number.c.program, number.c.number, number.c.purpose, number.c.change == "remove")
        .where(number.c.program.in_(select(value).select_from(table)))
        .where(number.c.change.in_(["add", "repurpose", "remove"]))
        .order_by(number.c.program, number.c.number)
    )
    rows = conn.execute(query, execution_options={"yield_per": 10_000})
    return np.fromiter((tuple(row) for row in rows), dtype=_ROW)


def _allowed(
    conn: Connection, errand: Job, rows: np.ndarray, do_not_originate: np.ndarray | None, now: datetime
) -> np.ndarray:
    """Without the numbers that came onto the do-not-originate list since they were accepted; those are refused."""
    if do_not_originate is None or not len(do_not_originate):
        return rows
    originates = ~rows["remove"] & (rows["purpose"] != DO_NOT_ORIGINATE)
    listed_now: np.ndarray = originates & np.isin(rows["number"], do_not_originate)
    numbers = rows["number"][listed_now]
    if len(numbers):
        refuse_numbers(conn, errand.program, numbers, ON_DO_NOT_ORIGINATE_LIST)
        recount_numbers(conn, [errand.program])
        place = {"business": errand.business, "reference": errand.reference, "revision": errand.revision}
        cause = f"{len(numbers)} numbers: {ON_DO_NOT_ORIGINATE_LIST}"
        record_transitions(
            conn, now, [place | {"thing": "numbers", "before": "pending", "after": "refused", "cause": cause}]
        )
    allowed: np.ndarray = rows[~listed_now]
    return allowed


def _not_held(rows: np.ndarray, held: OpenBatchNumbers) -> np.ndarray:
    """Without what an earlier batch says already, in the same words."""
    if not held:
        return rows
    said = [
        held.get(n) == (r, p)
        for n, p, r in zip(*(rows[c].tolist() for c in ("number", "purpose", "remove")), strict=True)
    ]
    left: np.ndarray = rows[~np.array(said, dtype=bool)]
    return left


def _cut(program_id: int, rows: np.ndarray, taken: Mapping[int, np.ndarray]) -> Iterator[tuple[int, str, NumberBlock]]:
    """(program at the carrier, kind, at most 500 numbers with their purposes) by batch, in the order of sending."""
    for giver, numbers in sorted(taken.items()):
        yield from _slices(giver, "remove", numbers, np.zeros(len(numbers), dtype=np.uint8))
    for kind, these in (("remove", rows[rows["remove"]]), ("add", rows[~rows["remove"]])):
        yield from _slices(program_id, kind, these["number"], these["purpose"])


def _slices(
    program_id: int, kind: str, numbers: np.ndarray, purposes: np.ndarray
) -> Iterator[tuple[int, str, NumberBlock]]:
    for start in range(0, len(numbers), BATCH_SIZE):
        yield program_id, kind, (numbers[start : start + BATCH_SIZE], purposes[start : start + BATCH_SIZE])


def _row(errand: Job, seq: int, program_id: int, kind: str, block: NumberBlock) -> dict[str, Any]:
    members = pack_numbers(block)
    # The same launch planned again from a restored backup gives the same key for the same numbers.
    name = f"{errand.business}/{errand.reference} {errand.revision} {seq} {kind} {program_id}\n"
    return {
        "revision": errand.revision_id,
        "seq": seq,
        "program": program_id,
        "kind": kind,
        "key": hashlib.sha256(name.encode() + members).hexdigest()[:40],
        "size": len(block[0]),
        "members": members,
        "state": "planned",
    }


def _highest(conn: Connection, revisions: Sequence[int]) -> dict[int, int]:
    """The highest seq in use, by revision."""
    table, value = listed(conn, revisions)
    query = select(batch.c.revision, func.max(batch.c.seq)).group_by(batch.c.revision)
    rows = conn.execute(query.where(batch.c.revision.in_(select(value).select_from(table))))
    return dict(rows.tuples().all())
