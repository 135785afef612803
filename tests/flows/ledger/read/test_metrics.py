"""The ledger in figures, on both databases."""

from datetime import timedelta

from flows.ledger.core.control_flags import increment_counter, pause_launching, read_counters
from flows.ledger.read.metrics import read_ledger_metrics
from tests.flows.ledger.samples import CUSTOM, HOUR, NOON, some


def seen(desk):
    with desk.ledger.read() as conn:
        return read_ledger_metrics(conn, desk.now, businesses_error_flag="businesses_error")


def test_an_empty_ledger_has_figures_too(desk):
    found = seen(desk)
    assert (found.submissions, found.rows_accepted, found.overdue, found.held, found.reviews) == (0, 0, 0, 0, 0)
    assert (found.intake_lags, found.latenesses, found.programs, found.findings) == ([], [], {}, {})
    assert found.numbers == {"live": 0, "pending": 0, "refused": 0}


def test_what_was_done_and_what_waits(desk):
    desk.drop("p", some(3))
    desk.drop("q", some(2, 10), display_name=CUSTOM)
    desk.drop("held", some(2, 20), verdict="held")
    desk.now = NOON + HOUR + timedelta(minutes=10)
    found = seen(desk)
    assert (found.submissions, found.rows_accepted, found.held, found.reviews) == (3, 7, 1, 1)
    assert (found.held_since, found.reviews_since) == (NOON, NOON)
    assert (found.overdue, found.overdue_since) == (2, NOON + HOUR)
    assert found.numbers == {"live": 0, "pending": 5, "refused": 0}
    assert found.programs == {"scheduled": 2}
    assert found.findings == {"DSP-007": 3}
    desk.launch()
    found = seen(desk)
    assert (found.overdue, found.latenesses) == (0, [600.0, 600.0])
    assert found.programs == {"live": 2}
    desk.now += timedelta(hours=2)
    assert seen(desk).latenesses == []


def test_nothing_is_overdue_while_launching_is_paused(desk):
    desk.drop("p", some(3))
    desk.now = NOON + 2 * HOUR
    with desk.ledger.begin() as conn:
        pause_launching(conn, by="jo", why="a test", now=desk.now)
    found = seen(desk)
    assert (found.overdue, found.overdue_since, found.paused) == (0, None, True)


def test_errors_are_counted_by_kind(ledger):
    for kind in ("down", "unsure", "down"):
        with ledger.begin() as conn:
            increment_counter(conn, "carrier_errors", kind)
    with ledger.read() as conn:
        assert read_counters(conn, "carrier_errors") == {"down": 2, "unsure": 1}
