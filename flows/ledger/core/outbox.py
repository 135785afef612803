"""The outbox: published files (receipts, reports, index pages) that must be written again after a change.

A file is added to the outbox in the transaction of the change. After the commit, a process claims entries for a while,
writes their files and clears the entries. Claims keep two processes from writing the same file: the slower one would
leave an old version there. If a process finishes after its claim has expired, it adds the file again.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, delete, func, or_, select, text, tuple_, update

from flows.ledger.core.bulk import IDS_PER_STATEMENT, iter_slices, upsert
from flows.ledger.core.tables import outbox

#: The kinds of files and the order they are written in: reports before the receipts that link to them.
WRITE_ORDER = {"report": 0, "report_incomplete": 0, "receipt": 1, "index": 2, "operator": 3}

_FILE_COLUMNS = outbox.c.kind, outbox.c.business, outbox.c.key
_FILE, _STAMPED_FILE = tuple_(*_FILE_COLUMNS), tuple_(*_FILE_COLUMNS, outbox.c.stamp)
_ENTRIES_PER_STATEMENT = IDS_PER_STATEMENT // 4

# As text: every change runs some of these, and SQLAlchemy would compile the dialects' upserts each time.
_ADD_FILES = text(
    "insert into outbox (kind, business, key, stamp) values (:kind, :business, :key, :stamp) "
    "on conflict (kind, business, key) do update set stamp = excluded.stamp"
)
_ADD_REPORTS = text(
    "insert into outbox (kind, business, key, stamp) "
    "select 'report', business, id, :stamp from submission where id in :ids "
    "on conflict (kind, business, key) do update set stamp = excluded.stamp"
).bindparams(bindparam("ids", expanding=True))
_ADD_RECEIPTS = text(
    "insert into outbox (kind, business, key, stamp) "
    "select 'receipt', business, \"drop\", cast(:stamp as bigint) from ("
    'select business, "drop" from receipt where submission in :ids union '
    # A receipt has the state of its program, which another drop for the program may have changed.
    'select receipt.business, receipt."drop" from submission '
    "join submission as sibling on sibling.business = submission.business and sibling.reference = submission.reference "
    # By the id alone, so that its index is used. With the business, all receipts of the business would be read.
    "join receipt on receipt.submission = sibling.id where submission.id in :ids"
    ") as found where true on conflict (kind, business, key) do update set stamp = excluded.stamp"
).bindparams(bindparam("ids", expanding=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """A file to write: a receipt (key: the drop), a report (key: the submission), an index, or the operator's index.

    `report_incomplete` (key: the drop) is the report of an incomplete drop, which is deleted when the drop is taken.

    `stamp` is random. It changes whenever the file is added again.
    """

    kind: str
    business: str
    key: str
    stamp: int

    @property
    def file(self) -> tuple[str, str, str]:
        return self.kind, self.business, self.key


def add_to_outbox(conn: Connection, kind: str, business: str, key: str = "") -> None:
    """Add one file."""
    _add_files(conn, [(kind, business, key)])


def add_indexes_to_outbox(conn: Connection, businesses: Iterable[str]) -> None:
    """Add the index pages of these businesses, and the operator's."""
    _add_files(conn, [*(("index", name, "") for name in sorted(businesses)), ("operator", "", "")])


def add_incomplete_drop_to_outbox(conn: Connection, business: str, drop: str) -> None:
    """Add what shows that a drop is incomplete, or no longer shows it: its report and receipt, and the index."""
    _add_files(conn, [("report_incomplete", business, drop), ("receipt", business, drop), ("index", business, "")])


def add_submissions_to_outbox(conn: Connection, submissions: Sequence[str], *, reports: bool = True) -> None:
    """Add the reports of these submissions, and the receipts of all drops for the same programs."""
    for ids in iter_slices(submissions, IDS_PER_STATEMENT):
        values = {"ids": list(ids), "stamp": _new_stamp()}
        conn.execute(_ADD_RECEIPTS, values)
        if reports:
            conn.execute(_ADD_REPORTS, values)


def claim_outbox_entries(
    conn: Connection,
    *,
    owner: str,
    now: datetime,
    length: timedelta,
    kinds: Collection[str] = WRITE_ORDER,
    is_owner_dead: Callable[[str], bool] = lambda _owner: False,
    limit: int = 10_000,
) -> list[OutboxEntry]:
    """Claim entries of these kinds that nobody else has claimed, and return them in the order to write them in.

    Businesses take turns: each gets an equal share of the `limit`, so that none waits for all the files of another. The
    claim lasts for `length`, or until the entry is cleared or released. The claims of an owner end at once if
    `is_owner_dead` says so.
    """
    owners = conn.execute(select(outbox.c.claimed_by).distinct().where(outbox.c.claimed_until > now)).scalars()
    dead = [other for other in owners if other != owner and is_owner_dead(other)]
    unclaimed = or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until <= now, outbox.c.claimed_by.in_(dead))
    order = outbox.c.kind.desc(), outbox.c.key  # reports before the receipts that link to them
    turn = func.row_number().over(partition_by=outbox.c.business, order_by=order).label("turn")
    found = select(*_FILE_COLUMNS, turn).where(outbox.c.kind.in_(list(kinds)), unclaimed).subquery()
    same_file = and_(*(column == found.c[column.name] for column in _FILE_COLUMNS))
    query = select(outbox).join(found, same_file).where(unclaimed)
    query = query.order_by(found.c.turn, outbox.c.business).limit(limit)
    rows = conn.execute(query.with_for_update(of=outbox, skip_locked=True)).all()
    entries = [OutboxEntry(kind=row.kind, business=row.business, key=row.key, stamp=row.stamp) for row in rows]
    _update_entries(conn, entries, claimed_by=owner, claimed_until=now + length)
    return sorted(entries, key=lambda entry: max(WRITE_ORDER[entry.kind], WRITE_ORDER["receipt"]))  # pages come last


def clear_outbox_entries(conn: Connection, written: Sequence[OutboxEntry], *, owner: str) -> None:
    """Remove the entries of files that `owner` has written.

    An entry stays if the file was added again in the meantime. If the claim has passed to another owner, the file is
    added again, because this owner may have overwritten a newer version of it.
    """
    for part in iter_slices(written, _ENTRIES_PER_STATEMENT):
        condition = _STAMPED_FILE.in_([(*entry.file, entry.stamp) for entry in part])
        statement = delete(outbox).where(condition, outbox.c.claimed_by == owner).returning(*_FILE_COLUMNS)
        cleared = {tuple(row) for row in conn.execute(statement)}
        _add_again(conn, [entry for entry in part if entry.file not in cleared], owner)


def release_outbox_entries(conn: Connection, unwritten: Sequence[OutboxEntry], *, owner: str) -> None:
    """Give up the owner's claims on these entries, so that any process can write their files."""
    _update_entries(conn, unwritten, owner=owner, claimed_by=None, claimed_until=None)


def _add_files(conn: Connection, files: Sequence[tuple[str, str, str]]) -> None:
    stamp = _new_stamp()
    rows = [{"kind": kind, "business": business, "key": key, "stamp": stamp} for kind, business, key in files]
    conn.execute(_ADD_FILES, rows)


def _add_again(conn: Connection, entries: Sequence[OutboxEntry], owner: str) -> None:
    """Add the files of these entries once more, and end the owner's claims on them, but nobody else's."""
    insert = upsert(conn, outbox)
    is_owners = outbox.c.claimed_by == owner
    statement = insert.on_conflict_do_update(
        index_elements=["kind", "business", "key"],
        set_={
            "stamp": insert.excluded.stamp,
            "claimed_by": case((is_owners, None), else_=outbox.c.claimed_by),
            "claimed_until": case((is_owners, None), else_=outbox.c.claimed_until),
        },
    )
    rows = [{"kind": e.kind, "business": e.business, "key": e.key, "stamp": _new_stamp()} for e in entries]
    if rows:
        conn.execute(statement, rows)


def _update_entries(
    conn: Connection, entries: Sequence[OutboxEntry], *, owner: str | None = None, **values: object
) -> None:
    for part in iter_slices(entries, _ENTRIES_PER_STATEMENT):
        conditions: list[ColumnElement[bool]] = [_FILE.in_([entry.file for entry in part])]
        if owner is not None:
            conditions.append(outbox.c.claimed_by == owner)
        conn.execute(update(outbox).where(*conditions).values(**values))


def _new_stamp() -> int:
    return secrets.randbits(62)
