"""State transitions: the audit log, and moving revisions from one state to another."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.engine import Row

from flows.ledger.core.bulk import IDS_PER_STATEMENT, iter_slices
from flows.ledger.core.errors import Outdated
from flows.ledger.core.outbox import add_indexes_to_outbox, add_submissions_to_outbox
from flows.ledger.core.tables import move, program, revision
from schemas.model.lifecycle import RevisionState, is_transition_allowed

#: Who made a transition that no person made.
LAUNCHDROP = "launchdrop"


def record_transitions(conn: Connection, now: datetime, entries: Iterable[dict[str, Any]]) -> None:
    """Write entries to the audit log (the table `move`).

    Each entry has `thing`, `after` and `cause`, and optionally `business`, `reference`, `revision` (its number),
    `before` and `by`.
    """
    defaults = {"business": None, "reference": None, "revision": None, "before": None, "by": LAUNCHDROP}
    rows = [defaults | {"at": now} | entry for entry in entries]
    if rows:
        conn.execute(move.insert(), rows)


def find_last_transition(conn: Connection) -> int:
    """The id of the newest entry of the audit log: it grows with each."""
    return conn.execute(select(func.max(move.c.id))).scalar() or 0


def read_revisions(conn: Connection, ids: Sequence[int]) -> list[Row[Any]]:
    """The revisions with these ids, each with its program's business and reference."""
    rows: list[Row[Any]] = []
    for part in iter_slices(ids, IDS_PER_STATEMENT):
        rows += conn.execute(
            select(revision, program.c.business, program.c.reference)
            .join(program, program.c.id == revision.c.program)
            .where(revision.c.id.in_(part))
            .order_by(revision.c.id)
        ).all()
    return rows


def move_revisions(
    conn: Connection,
    ids: Sequence[int],
    to: RevisionState,
    *,
    cause: str,
    now: datetime,
    by: str = LAUNCHDROP,
    **values: Any,
) -> None:
    """Move revisions from their present state to `to`, and set `values` in their rows.

    Records the transitions and adds the files that show them to the outbox. Raises Outdated if another process moves
    one of them at the same time, and ValueError if the lifecycle has no such transition.
    """
    rows = read_revisions(conn, ids)
    for before in sorted({row.state for row in rows}):
        if not is_transition_allowed(before, to):
            raise ValueError(f"a revision cannot move from {before} to {to}")
        _compare_and_set(conn, [row.id for row in rows if row.state == before], before, to, values)
    record_transitions(conn, now, (_transition(row, to, cause, by) for row in rows))
    submissions = [row.submission for row in rows if row.submission]
    # "launching" lasts for a moment only, and writing a report costs more.
    add_submissions_to_outbox(conn, submissions, reports=to != "launching")
    add_indexes_to_outbox(conn, {row.business for row in rows})


def _compare_and_set(conn: Connection, ids: list[int], before: str, to: str, values: dict[str, Any]) -> None:
    for part in iter_slices(ids, IDS_PER_STATEMENT):
        moved = conn.execute(
            update(revision).where(revision.c.id.in_(part), revision.c.state == before).values(state=to, **values)
        ).rowcount
        if moved != len(part):
            raise Outdated(f"a revision is no longer {before} and cannot become {to}")


def _transition(row: Row[Any], to: str, cause: str, by: str) -> dict[str, Any]:
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
