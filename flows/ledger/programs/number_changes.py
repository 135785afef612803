"""Which numbers a revision added, removed or gave another call purpose, as it was registered.

Kept from the second revision on: in the first, every number is new. A revision keeps its first MAX_CHANGES, those with
another purpose before the removed and the added ones; its row in `revision` counts all of them.
"""

from collections.abc import Iterator

import numpy as np
from sqlalchemy import Connection, func, select

from flows.ledger.core.bulk import iter_slices
from flows.ledger.core.tables import number_change
from flows.ledger.programs.numbers import NumbersPlan
from schemas.model.revision import ABSENT, ChangeKind, NumberChanges

MAX_CHANGES = 1_000_000
#: Per number: see `_pack`.
_BYTES = 10


def record_changes(conn: Connection, revision_id: int, plan: NumbersPlan) -> None:
    """Keep what a revision changes."""
    left, seq = MAX_CHANGES, 0
    for changes in _list_changes(plan):
        for part in iter_slices(np.arange(min(left, len(changes.numbers)))):
            members = _pack(changes, part)
            values = {"revision": revision_id, "seq": seq, "kind": changes.kind, "members": members}
            conn.execute(number_change.insert().values(**values))
            left, seq = left - len(part), seq + 1


def count_changes(conn: Connection, revision_id: int) -> int:
    """How many changes `iter_changes` yields. 0 for a first revision."""
    size = func.sum(func.length(number_change.c.members))
    return int(conn.execute(select(size).where(number_change.c.revision == revision_id)).scalar() or 0) // _BYTES


def iter_changes(conn: Connection, revision_id: int) -> Iterator[NumberChanges]:
    """What a revision changed, in blocks. Nothing for a first revision."""
    query = select(number_change.c.kind, number_change.c.members).where(number_change.c.revision == revision_id)
    for kind, members in conn.execute(query.order_by(number_change.c.seq)):
        yield _unpack(kind, members)


def _list_changes(plan: NumbersPlan) -> Iterator[NumberChanges]:
    difference = plan.difference
    numbers, purposes = plan.numbers_at(difference.changed)
    before = plan.present_purposes[np.searchsorted(plan.present, numbers)]
    yield NumberChanges(kind="changed", numbers=numbers, before=before, after=purposes)
    numbers, purposes = plan.present[difference.removed], plan.present_purposes[difference.removed]
    yield NumberChanges(kind="removed", numbers=numbers, before=purposes, after=np.full_like(purposes, ABSENT))
    numbers, purposes = plan.numbers_at(difference.added)
    yield NumberChanges(kind="added", numbers=numbers, before=np.full_like(purposes, ABSENT), after=purposes)


def _pack(changes: NumberChanges, part: np.ndarray) -> bytes:
    """Numbers as little-endian int64, then the purposes before and after as one byte each."""
    purposes = (column[part].astype("u1") for column in (changes.before, changes.after))
    return b"".join(column.tobytes() for column in (changes.numbers[part].astype("<i8"), *purposes))


def _unpack(kind: ChangeKind, members: bytes) -> NumberChanges:
    size = len(members) // _BYTES
    return NumberChanges(
        kind=kind,
        numbers=np.frombuffer(members, "<i8", size).astype(np.int64),
        before=np.frombuffer(members, "u1", size, offset=8 * size),
        after=np.frombuffer(members, "u1", size, offset=9 * size),
    )
