"""The history as a stream: each move at least once, whatever is cut short or committed late, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from flows.ledger.core.control_flags import pause_launching, resume_launching
from flows.ledger.core.tables import move
from flows.ledger.core.transitions import record_transitions
from flows.ledger.read.event_cursor import (
    LATE_COMMIT_WINDOW,
    CursorGap,
    EventCursor,
    read_unreported_transitions,
    save_event_cursor,
)
from tests.flows.ledger.samples import NOON, some

EVER = NOON - timedelta(days=7)


def told(ledger, now=NOON, limit=100, keep=True):
    """The moves told now, as their states, oldest first."""
    with ledger.begin() as conn:
        changes = read_unreported_transitions(conn, now=now, since=EVER, limit=limit)
        if keep:
            save_event_cursor(conn, changes.cursor)
    return [(row.thing, row.after) for row in changes.moves]


def entry(after):
    return {"thing": "launching", "after": after, "cause": "a test"}


def test_every_move_is_told_once_and_in_its_order(desk):
    desk.drop("p", some(3))
    desk.now += timedelta(hours=1)
    desk.launch()
    first = told(desk.ledger)
    assert first == [
        ("submission", "accepted"),
        ("revision", "scheduled"),
        ("branding", "approved"),
        ("revision", "launching"),
        ("revision", "live"),
    ]
    assert told(desk.ledger) == []
    with desk.ledger.begin() as conn:
        pause_launching(conn, by="jo", why="a test", now=desk.now)
        resume_launching(conn, by="jo", now=desk.now)
    assert told(desk.ledger) == [("launching", "paused"), ("launching", "running")]


def test_what_was_not_remembered_is_told_again(desk):
    desk.drop("p", some(3))
    first = told(desk.ledger, keep=False)
    assert told(desk.ledger) == first != []


def test_many_are_told_part_by_part(desk):
    with desk.ledger.begin() as conn:
        record_transitions(conn, NOON, [entry(f"{i}") for i in range(25)])
    parts = [told(desk.ledger, limit=10) for _ in range(4)]
    assert [len(part) for part in parts] == [10, 10, 5, 0]
    assert [after for part in parts for _, after in part] == [f"{i}" for i in range(25)]


def test_a_long_history_is_not_told_from_its_beginning(desk):
    with desk.ledger.begin() as conn:
        record_transitions(conn, EVER - timedelta(days=1), [entry("old")])
        record_transitions(conn, EVER + timedelta(days=1), [entry("new")])
    assert told(desk.ledger) == [("launching", "new")]


@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)
@pytest.mark.server
def test_what_is_committed_late_is_told_late(ledger):
    """A transaction that began first and ends last: its moves have the lower numbers."""
    with ledger.begin() as slow:
        record_transitions(slow, NOON, [entry("slow 1"), entry("slow 2")])
        with ledger.begin() as quick:
            record_transitions(quick, NOON, [entry("quick")])
        assert told(ledger) == [("launching", "quick")]
        assert told(ledger) == []
    assert told(ledger) == [("launching", "slow 1"), ("launching", "slow 2")]
    assert told(ledger) == []


@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)
@pytest.mark.server
def test_what_was_rolled_back_is_not_looked_for_for_ever(ledger):
    def gaps(now):
        with ledger.begin() as conn:
            changes = read_unreported_transitions(conn, now=now, since=EVER, limit=100)
            save_event_cursor(conn, changes.cursor)
        return changes.cursor.gaps

    with ledger.begin() as conn:
        record_transitions(conn, NOON, [entry("first")])
    gaps(NOON)
    with ledger.engine.connect() as conn, conn.begin() as transaction:
        record_transitions(conn, NOON, [entry("gone 1"), entry("gone 2")])
        transaction.rollback()
    with ledger.begin() as conn:
        record_transitions(conn, NOON, [entry("next")])
        last = conn.execute(select(func.max(move.c.id))).scalar_one()
    assert gaps(NOON)[-1] == CursorGap(first=last - 2, last=last - 1, since=NOON)
    assert gaps(NOON + LATE_COMMIT_WINDOW / 2) != ()
    assert gaps(NOON + LATE_COMMIT_WINDOW) == ()


def test_where_it_was_told_to_is_kept_as_it_is(ledger):
    kept = EventCursor(upto=9, gaps=(CursorGap(first=3, last=5, since=NOON),))
    with ledger.begin() as conn:
        save_event_cursor(conn, kept)
        assert read_unreported_transitions(conn, now=NOON, since=EVER, limit=1).cursor == kept
