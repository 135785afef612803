"""Crashes and concurrency: a submission is registered completely and once, or not at all."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import event, select

from flows.ledger.core.errors import Outdated
from flows.ledger.core.types import metadata
from flows.ledger.launches.batches import record_all_batches_done
from flows.ledger.launches.due_launches import finish_launches
from flows.ledger.programs.register import release_held_submission
from tests.flows.ledger.driver import HOUR, some_numbers


class Crash(Exception):
    pass


def read_all_rows(ledger):
    with ledger.read() as conn:
        return {t.name: sorted(map(repr, conn.execute(select(t)))) for t in metadata.sorted_tables}


def crash_at_each_statement(driver, act):
    """Crash `act` at the first statement, then at a later one, and so on. It must leave nothing each time."""
    before, stop, count = read_all_rows(driver.ledger), 0, 0
    step = 1 if driver.ledger.engine.dialect.name == "sqlite" else 4

    def crash(*_args):
        nonlocal count
        count += 1
        if count > stop:
            raise Crash

    event.listen(driver.ledger.engine, "after_cursor_execute", crash)
    try:
        while True:
            count = 0
            try:
                return act()
            except Crash:
                assert count == stop + 1
                event.remove(driver.ledger.engine, "after_cursor_execute", crash)
                assert read_all_rows(driver.ledger) == before
                event.listen(driver.ledger.engine, "after_cursor_execute", crash)
                stop += step
    finally:
        event.remove(driver.ledger.engine, "after_cursor_execute", crash)
        assert stop > 10


def test_interrupted_registering_leaves_nothing(driver):
    driver.drop("p", some_numbers(700))
    driver.drop("giver", some_numbers(5, 1000))
    driver.drop("p", some_numbers(5), verdict="held")
    registration = driver.registration("p", some_numbers(600, 200), purposes=3, numbers_mode="replace", content="x")
    registered = crash_at_each_statement(driver, lambda: driver.register(registration))
    assert registered.revision == 2
    assert driver.states() == ["superseded", "scheduled"]
    assert driver.register(registration) == registered


def test_interrupted_releasing_leaves_nothing(driver):
    driver.drop("p", some_numbers(700), verdict="held")

    def act():
        with driver.ledger.begin() as conn:
            return release_held_submission(conn, "s1", by="ann", now=driver.now)

    assert crash_at_each_statement(driver, act).revision == 1


def test_interrupted_launching_leaves_nothing(driver):
    driver.drop("giver", some_numbers(5))
    driver.now += HOUR
    driver.launch()
    driver.drop("p", some_numbers(5), reassign=True)

    def act():
        with driver.ledger.begin() as conn:
            jobs = claim_due_launches(conn, driver)
            record_all_batches_done(conn, jobs, driver.now)
            finish_launches(conn, jobs, now=driver.now)
            return jobs

    assert len(crash_at_each_statement(driver, act)) == 1
    assert driver.state() == (1, "live")


def claim_due_launches(conn, driver):
    from flows.ledger.launches.due_launches import claim_launches

    return claim_launches(conn, driver.claimer, now=driver.now, allowed_delay=driver.allowed_delay)


def run_concurrently(*acts):
    """Run functions in threads at the same time; returns what each returned or raised."""
    outcomes, ready = [None] * len(acts), threading.Barrier(len(acts))

    def run(place):
        ready.wait()
        try:
            outcomes[place] = acts[place]()
        except Outdated as e:
            outcomes[place] = e

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_the_same_content_registered_concurrently_is_registered_once(driver):
    registrations = [driver.registration("p", some_numbers(50), content="same") for _ in range(4)]
    outcomes = run_concurrently(*(lambda r=r: driver.register(r) for r in registrations))
    assert sorted(o.outcome for o in outcomes) == ["duplicate"] * 3 + ["registered"]
    assert driver.states() == ["scheduled"]


def test_different_contents_registered_concurrently_are_revisions_in_some_order(driver):
    registrations = [driver.registration("p", some_numbers(50, 10 * place)) for place in range(4)]
    outcomes = run_concurrently(*(lambda r=r: driver.register(r) for r in registrations))
    assert sorted(o.revision for o in outcomes) == [1, 2, 3, 4]
    assert driver.states() == ["superseded"] * 3 + ["scheduled"]
    assert len(driver.numbers()) == 80


def test_a_number_registered_concurrently_by_two_businesses_goes_to_one(driver):
    registrations = [driver.registration(b, some_numbers(500), business=b) for b in ("acme", "zenith")]
    outcomes = run_concurrently(*(lambda r=r: driver.register(r) for r in registrations))
    assert sorted(isinstance(o, Outdated) for o in outcomes) == [False, True]


@pytest.mark.parametrize("launchers", [4])
def test_each_launch_is_claimed_once(driver, launchers):
    for place in range(12):
        driver.drop(f"p{place}", some_numbers(3, 10 * place))
    drivers = [replace(driver, claimer=replace(driver.claimer, owner=f"o{i}")) for i in range(launchers)]
    for one in drivers:
        one.now = driver.now + HOUR
    outcomes = run_concurrently(*(one.claim for one in drivers))
    claimed = [e.reference for jobs in outcomes for e in jobs]
    assert sorted(claimed) == sorted(f"p{place}" for place in range(12))
    for one, jobs in zip(drivers, outcomes, strict=True):
        one.finish(jobs)
