"""The metrics of the ledger, on both databases."""

from datetime import timedelta

from flows.ledger.core.control_flags import increment_counter, pause_launching, read_counters
from flows.ledger.read.metrics import read_ledger_metrics
from tests.flows.ledger.driver import CUSTOM, HOUR, NOON, some_numbers


def read_metrics(driver):
    with driver.ledger.read() as conn:
        return read_ledger_metrics(conn, driver.now, businesses_error_flag="businesses_error")


def test_metrics_of_an_empty_ledger(driver):
    found = read_metrics(driver)
    assert (found.submissions, found.rows_accepted, found.overdue, found.held, found.reviews) == (0, 0, 0, 0, 0)
    assert (found.intake_lags, found.latenesses, found.programs, found.findings) == ([], [], {}, {})
    assert found.numbers == {"live": 0, "pending": 0, "refused": 0}


def test_totals_and_queues(driver):
    driver.drop("p", some_numbers(3))
    driver.drop("q", some_numbers(2, 10), display_name=CUSTOM)
    driver.drop("held", some_numbers(2, 20), verdict="held")
    driver.now = NOON + HOUR + timedelta(minutes=10)
    found = read_metrics(driver)
    assert (found.submissions, found.rows_accepted, found.held, found.reviews) == (3, 7, 1, 1)
    assert (found.held_since, found.reviews_since) == (NOON, NOON)
    assert (found.overdue, found.overdue_since) == (2, NOON + HOUR)
    assert found.numbers == {"live": 0, "pending": 5, "refused": 0}
    assert found.programs == {"scheduled": 2}
    assert found.findings == {"DSP-007": 3}
    driver.launch()
    found = read_metrics(driver)
    assert (found.overdue, found.latenesses) == (0, [600.0, 600.0])
    assert found.programs == {"live": 2}
    driver.now += timedelta(hours=2)
    assert read_metrics(driver).latenesses == []


def test_nothing_is_overdue_while_launching_is_paused(driver):
    driver.drop("p", some_numbers(3))
    driver.now = NOON + 2 * HOUR
    with driver.ledger.begin() as conn:
        pause_launching(conn, by="jo", why="a test", now=driver.now)
    found = read_metrics(driver)
    assert (found.overdue, found.overdue_since, found.paused) == (0, None, True)


def test_counters_count_by_kind(ledger):
    for kind in ("down", "unsure", "down"):
        with ledger.begin() as conn:
            increment_counter(conn, "carrier_errors", kind)
    with ledger.read() as conn:
        assert read_counters(conn, "carrier_errors") == {"down": 2, "unsure": 1}
