"""The stream of transitions: each is reported at least once, also after interruptions and late commits."""

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
from tests.flows.ledger.driver import NOON, some_numbers

SINCE = NOON - timedelta(days=7)


def report_next(ledger, now=NOON, limit=100, save=True):
    """Report the next transitions; returns the thing and the new state of each, the oldest first."""
    with ledger.begin() as conn:
        unreported = read_unreported_transitions(conn, now=now, since=SINCE, limit=limit)
        if save:
            save_event_cursor(conn, unreported.cursor)
    return [(row.thing, row.after) for row in unreported.transitions]


def entry(after):
    return {"thing": "launching", "after": after, "cause": "a test"}


def test_every_transition_is_reported_once_and_in_order(driver):
    driver.drop("p", some_numbers(3))
    driver.now += timedelta(hours=1)
    driver.launch()
    first = report_next(driver.ledger)
    assert first == [
        ("submission", "accepted"),
        ("revision", "scheduled"),
        ("branding", "approved"),
        ("revision", "launching"),
        ("revision", "live"),
    ]
    assert report_next(driver.ledger) == []
    with driver.ledger.begin() as conn:
        pause_launching(conn, by="jo", why="a test", now=driver.now)
        resume_launching(conn, by="jo", now=driver.now)
    assert report_next(driver.ledger) == [("launching", "paused"), ("launching", "running")]


def test_transitions_are_reported_again_if_the_cursor_was_not_saved(driver):
    driver.drop("p", some_numbers(3))
    first = report_next(driver.ledger, save=False)
    assert report_next(driver.ledger) == first != []


def test_many_transitions_are_reported_in_parts(driver):
    with driver.ledger.begin() as conn:
        record_transitions(conn, NOON, [entry(f"{i}") for i in range(25)])
    parts = [report_next(driver.ledger, limit=10) for _ in range(4)]
    assert [len(part) for part in parts] == [10, 10, 5, 0]
    assert [after for part in parts for _, after in part] == [f"{i}" for i in range(25)]


def test_the_first_report_leaves_out_old_transitions(driver):
    with driver.ledger.begin() as conn:
        record_transitions(conn, SINCE - timedelta(days=1), [entry("old")])
        record_transitions(conn, SINCE + timedelta(days=1), [entry("new")])
    assert report_next(driver.ledger) == [("launching", "new")]


@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)
@pytest.mark.server
def test_transitions_committed_late_are_reported_late(ledger):
    """A transaction that began first and ends last has the lower ids."""
    with ledger.begin() as slow:
        record_transitions(slow, NOON, [entry("slow 1"), entry("slow 2")])
        with ledger.begin() as quick:
            record_transitions(quick, NOON, [entry("quick")])
        assert report_next(ledger) == [("launching", "quick")]
        assert report_next(ledger) == []
    assert report_next(ledger) == [("launching", "slow 1"), ("launching", "slow 2")]
    assert report_next(ledger) == []


@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)
@pytest.mark.server
def test_ids_that_were_rolled_back_are_not_looked_for_forever(ledger):
    def gaps(now):
        with ledger.begin() as conn:
            unreported = read_unreported_transitions(conn, now=now, since=SINCE, limit=100)
            save_event_cursor(conn, unreported.cursor)
        return unreported.cursor.gaps

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


def test_the_cursor_is_saved_unchanged(ledger):
    cursor = EventCursor(up_to=9, gaps=(CursorGap(first=3, last=5, since=NOON),))
    with ledger.begin() as conn:
        save_event_cursor(conn, cursor)
        assert read_unreported_transitions(conn, now=NOON, since=SINCE, limit=1).cursor == cursor
