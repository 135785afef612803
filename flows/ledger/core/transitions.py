"""What every change leaves behind: a move in the history, and marks on the files that must be written anew."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Row

from flows.ledger.core.bulk import IDS_PER_STATEMENT
from flows.ledger.core.errors import Outdated
from flows.ledger.core.tables import move, program, revision
from schemas.model.lifecycle import State, allowed

#: Who did it, where no person did.
LAUNCHDROP = "launchdrop"

# As text: the dialects' own upserts are compiled anew each time, and every change makes some of these.
_MARK = text(
    "insert into outbox (kind, business, key, stamp) values (:kind, :business, :key, :stamp) "
    "on conflict (kind, business, key) do update set stamp = excluded.stamp"
)
_MARK_REPORTS = text(
    "insert into outbox (kind, business, key, stamp) "
    "select 'report', business, id, :stamp from submission where id in :ids "
    "on conflict (kind, business, key) do update set stamp = excluded.stamp"
).bindparams(bindparam("ids", expanding=True))
_MARK_RECEIPTS = text(
    "insert into outbox (kind, business, key, stamp) "
    "select 'receipt', business, \"drop\", cast(:stamp as bigint) from ("
    'select business, "drop" from receipt where submission in :ids union '
    # A receipt tells the state of its program, which another drop of it may have changed.
    'select receipt.business, receipt."drop" from submission '
    "join submission as kin on kin.business = submission.business and kin.reference = submission.reference "
    # By the id alone, for its index: with the business, every receipt of the business would be read.
    "join receipt on receipt.submission = kin.id where submission.id in :ids"
    ") as told where true on conflict (kind, business, key) do update set stamp = excluded.stamp"
).bindparams(bindparam("ids", expanding=True))


def upsert(conn: Connection, table: Any) -> Any:
    """An INSERT with `on_conflict_do_…`, in the dialect of the connection."""
    return (postgresql_insert if conn.dialect.name == "postgresql" else sqlite_insert)(table)


def record_transitions(conn: Connection, now: datetime, entries: Iterable[dict[str, Any]]) -> None:
    """Write entries of the history; each has thing, after and cause, and what else is known of it."""
    blank = {"business": None, "reference": None, "revision": None, "before": None, "by": LAUNCHDROP}
    rows = [blank | {"at": now} | entry for entry in entries]
    if rows:
        conn.execute(move.insert(), rows)


def read_revisions(conn: Connection, ids: Sequence[int]) -> list[Row[Any]]:
    """The revisions with their program's business and reference, as `move_revisions` wants them."""
    rows: list[Row[Any]] = []
    for start in range(0, len(ids), IDS_PER_STATEMENT):
        rows += conn.execute(
            select(revision, program.c.business, program.c.reference)
            .join(program, program.c.id == revision.c.program)
            .where(revision.c.id.in_(ids[start : start + IDS_PER_STATEMENT]))
            .order_by(revision.c.id)
        ).all()
    return rows


def move_revisions(
    conn: Connection,
    ids: Sequence[int],
    to: State,
    *,
    cause: str,
    now: datetime,
    by: str = LAUNCHDROP,
    **values: Any,
) -> None:
    """Move revisions to a state, each from where it is now, note it, and mark what shows it.

    Raises Outdated when one was moved by somebody else meanwhile, ValueError when the lifecycle has no such move.
    """
    rows = read_revisions(conn, ids)
    for before in sorted({row.state for row in rows}):
        if not allowed(before, to):
            raise ValueError(f"a revision cannot move from {before} to {to}")
        _compare_and_set(conn, [row.id for row in rows if row.state == before], before, to, values)
    record_transitions(conn, now, (_entry(row, to, cause, by) for row in rows))
    made_by = [row.submission for row in rows if row.submission]
    add_submissions_to_outbox(conn, made_by, reports=to != "launching")  # over in a moment, and a report costs more
    add_indexes_to_outbox(conn, {row.business for row in rows})


def _compare_and_set(conn: Connection, ids: list[int], before: str, to: str, values: dict[str, Any]) -> None:
    for start in range(0, len(ids), IDS_PER_STATEMENT):
        part = ids[start : start + IDS_PER_STATEMENT]
        moved = conn.execute(
            update(revision).where(revision.c.id.in_(part), revision.c.state == before).values(state=to, **values)
        ).rowcount
        if moved != len(part):
            raise Outdated(f"a revision was no longer {before} when it was to become {to}")


def _entry(row: Row[Any], to: str, cause: str, by: str) -> dict[str, Any]:
    return {
        "business": row.business,
        "reference": row.reference,
        "revision": row.number,
        "thing": "revision",
        "before": row.state,
        "after": to,
        "cause": cause,
        "by": by,
    }


def add_to_outbox(conn: Connection, kind: str, business: str, key: str = "") -> None:
    """Mark one file."""
    _mark_all(conn, [(kind, business, key)])


def add_indexes_to_outbox(conn: Connection, businesses: Iterable[str]) -> None:
    """Mark the index pages of these businesses, and the operator's."""
    _mark_all(conn, [*(("index", name, "") for name in sorted(businesses)), ("operator", "", "")])


def _mark_all(conn: Connection, files: Sequence[tuple[str, str, str]]) -> None:
    stamp = secrets.randbits(62)
    rows = [{"kind": kind, "business": business, "key": key, "stamp": stamp} for kind, business, key in files]
    conn.execute(_MARK, rows)


def add_submissions_to_outbox(conn: Connection, submissions: Sequence[str], *, reports: bool = True) -> None:
    """Mark the receipt of every drop of the programs that these submissions are about, and the submissions' reports."""
    for start in range(0, len(submissions), IDS_PER_STATEMENT):
        part = {"ids": list(submissions[start : start + IDS_PER_STATEMENT]), "stamp": secrets.randbits(62)}
        conn.execute(_MARK_RECEIPTS, part)
        if reports:
            conn.execute(_MARK_REPORTS, part)
