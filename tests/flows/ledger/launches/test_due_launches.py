"""Launching at or after the start, once; continuing after an interruption; missing, failing, ending, pausing."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from flows.ledger.core.control_flags import (
    LedgerMarker,
    check_ledger_marker,
    get_launch_pause,
    get_ledger_marker,
    pause_launching,
    resume_launching,
)
from flows.ledger.core.errors import LeaseLost, LedgerError
from flows.ledger.launches.batches import mark_batch_sent, mark_batch_unknown, record_batch_outcome
from flows.ledger.launches.due_launches import (
    fail_launch,
    find_next_due_time,
    find_unsent_changes,
    finish_launches,
    list_launch_times,
)
from flows.ledger.launches.job_leases import extend_job_leases, record_carrier_id, release_jobs
from flows.ledger.launches.live_programs import finish_endings
from flows.ledger.programs.programs import retry_launch
from schemas.model.purposes import DO_NOT_ORIGINATE_INDEX
from tests.flows.ledger.driver import CUSTOM, DAY, HOUR, NOON, schedule, some_numbers

START = NOON + HOUR


@pytest.fixture
def other(driver):
    """Another launcher on the same ledger."""
    return replace(driver, claimer=replace(driver.claimer, owner="other"))


def test_nothing_is_launched_before_its_start(driver):
    driver.drop("p", some_numbers(1))
    driver.now = START - timedelta(microseconds=1)
    assert driver.launch() == []
    driver.now = START
    assert driver.launch() == ["acme/p"]
    assert driver.state() == (1, "live")
    assert driver.launch() == []


def test_batches_have_at_most_500_numbers_and_keep_their_keys(driver, other):
    driver.drop("p", some_numbers(1200))
    driver.now = START
    [job] = driver.claim()
    batches = driver.open_batches(job)
    assert [(b.kind, len(b.numbers)) for b in batches] == [("add", 500), ("add", 500), ("add", 200)]
    assert len({b.key for b in batches}) == 3
    other.now = START + 2 * driver.claimer.length
    [resumed] = other.claim()
    assert [b.key for b in other.open_batches(resumed)] == [b.key for b in batches]


def test_an_interrupted_launch_continues_where_it_stopped(driver, other):
    driver.drop("p", some_numbers(1200))
    driver.now = other.now = START
    [job] = driver.claim()
    first, second, _ = driver.open_batches(job)
    with driver.ledger.begin() as conn:
        record_carrier_id(conn, job, "at-carrier")
        mark_batch_sent(conn, job, first, START)
        record_batch_outcome(conn, job, first, {int(first.numbers[0]): "INVALID_NUMBER"}, START)
        mark_batch_sent(conn, job, second, START)
    assert other.claim() == []
    other.now += 2 * driver.claimer.length
    [resumed] = other.claim()
    assert (resumed.resumed, resumed.carrier_id, resumed.token) == (True, "at-carrier", job.token + 1)
    assert [(b.state, len(b.numbers)) for b in other.open_batches(resumed)] == [("sent", 500), ("planned", 200)]
    other.send_batches(resumed)
    other.finish([resumed])
    states = [state for state, _ in driver.numbers().values()]
    assert (states.count("live"), states.count("refused")) == (1199, 1)


def test_an_owner_that_lost_its_lease_cannot_write(driver, other):
    driver.drop("p", some_numbers(1))
    driver.now = START
    [job] = driver.claim()
    [batch] = driver.open_batches(job)
    other.now = START + 2 * driver.claimer.length
    [new_job] = other.claim()
    writes = [
        lambda conn: mark_batch_sent(conn, job, batch, START),
        lambda conn: record_batch_outcome(conn, job, batch, {}, START),
        lambda conn: finish_launches(conn, [job], now=START),
        lambda conn: fail_launch(conn, job, "x", now=START),
        lambda conn: extend_job_leases(conn, [job], until=START),
        lambda conn: release_jobs(conn, [job]),
        lambda conn: finish_endings(conn, [job], now=START),
    ]
    for write in writes:
        with pytest.raises(LeaseLost, match="of acme/p was taken over"), driver.ledger.begin() as conn:
            write(conn)
    other.finish([new_job])
    assert driver.state() == (1, "live")


def test_the_launch_of_a_dead_owner_is_taken_over_at_once(driver, other):
    driver.drop("p", some_numbers(1))
    driver.now = other.now = START
    driver.claim()
    other.claimer = replace(other.claimer, is_owner_dead=lambda owner: owner == "me")
    [resumed] = other.claim()
    assert resumed.resumed


def test_a_launch_cannot_finish_before_each_batch_has_an_outcome(driver):
    driver.drop("p", some_numbers(1))
    driver.now = START
    jobs = driver.claim()
    with pytest.raises(ValueError, match="without outcome"), driver.ledger.begin() as conn:
        finish_launches(conn, jobs, now=START)


def test_refused_numbers_are_recorded_and_sent_again(driver):
    driver.drop("p", some_numbers(3))
    driver.now = START
    [job] = driver.claim()
    driver.send_batches(job, {some_numbers(1)[0]: "ALLOCATED_NUMBER"})
    driver.finish([job])
    assert [s for s, _ in driver.numbers().values()] == ["refused", "live", "live"]
    driver.drop("p", some_numbers(3))  # unchanged, so that only the refused number is sent again
    [job] = driver.claim()
    assert driver.send_batches(job) == [("add", "p", some_numbers(1))]


def test_a_number_that_is_on_the_do_not_originate_list_at_launch_is_refused(driver):
    driver.drop("p", some_numbers(3), purposes=[0, DO_NOT_ORIGINATE_INDEX, 0])
    driver.now = START
    [job] = driver.claim(do_not_originate=np.array(some_numbers(2)))
    assert driver.send_batches(job) == [("add", "p", some_numbers(2, 1))]
    assert [s for s, _ in driver.numbers().values()] == ["refused", "live", "live"]


def test_retrying_a_failed_launch_sends_unknown_batches_with_their_old_keys(driver):
    driver.drop("p", some_numbers(1200))
    driver.now = START
    [job] = driver.claim()
    first, second, _ = driver.open_batches(job)
    with driver.ledger.begin() as conn:
        record_batch_outcome(conn, job, first, {}, START)
        mark_batch_sent(conn, job, second, START)
        mark_batch_unknown(conn, job, second, "no answer", START)
        fail_launch(conn, job, "the carrier cannot be asked", now=START)
    assert driver.states() == ["launch_failed"]
    assert driver.claim() == []
    with driver.ledger.begin() as conn:
        retry_launch(conn, "acme", "p", by="ann", now=driver.now)
    [again] = driver.claim()
    assert [(b.state, len(b.numbers), b.key == second.key) for b in driver.open_batches(again)] == [
        ("unknown", 500, True),
        ("planned", 200, False),
    ]
    driver.send_batches(again)
    driver.finish([again])
    assert {s for s, _ in driver.numbers().values()} == {"live"}


def test_revising_a_failed_launch_sends_unknown_batches_first(driver):
    driver.drop("p", some_numbers(10))
    driver.now = START
    [job] = driver.claim()
    [batch] = driver.open_batches(job)
    with driver.ledger.begin() as conn:
        mark_batch_sent(conn, job, batch, START)
        fail_launch(conn, job, "down", now=START)
    driver.drop("p", [*some_numbers(1), *some_numbers(1, 20)], purposes=[4, 0], numbers_mode="replace")
    [again] = driver.claim()
    sent = driver.send_batches(again)
    assert sent == [
        ("add", "p", some_numbers(10)),
        ("remove", "p", some_numbers(9, 1)),
        ("add", "p", [*some_numbers(1), *some_numbers(1, 20)]),
    ]
    driver.finish([again])
    assert {n: p for n, (s, p) in driver.numbers().items() if s == "live"} == {
        some_numbers(1)[0]: 4,
        some_numbers(1, 20)[0]: 0,
    }
    assert driver.states() == ["superseded", "live"]


def test_a_revision_waits_for_a_running_launch(driver):
    driver.drop("p", some_numbers(3))
    driver.now = START
    jobs = driver.claim()
    registered = driver.drop("p", some_numbers(3, 2), purposes=6, content="b")
    assert (registered.waiting, registered.revision) == (True, 2)
    third = driver.drop("p", some_numbers(1), numbers_mode="replace")
    assert (third.waiting, third.revision) == (True, 3)
    assert driver.drop("p", some_numbers(1), content="b").outcome == "registered"
    assert driver.holder(some_numbers(1, 4)[0]) == "acme/p"
    assert driver.state() == (1, "launching")
    driver.finish(jobs)
    assert driver.states() == ["live", "superseded", "superseded", "scheduled"]
    assert driver.changes()[1] == (2, 0, 1)
    driver.launch()
    assert {n: v for n, v in driver.numbers().items() if v[0] == "live"} == {some_numbers(1)[0]: ("live", 0)}


def test_a_waiting_revision_is_made_when_the_launch_fails(driver):
    driver.drop("p", some_numbers(3))
    driver.now = START
    [job] = driver.claim()
    driver.drop("p", some_numbers(1, 5))
    with driver.ledger.begin() as conn:
        fail_launch(conn, job, "no", now=START)
    assert driver.states() == ["superseded", "scheduled"]


def test_after_a_failed_launch_all_facts_are_sent_again(driver):
    driver.drop("p", some_numbers(3), name="Card service")
    driver.now = START
    driver.launch()
    driver.drop("p", some_numbers(3), name="Fraud alerts")
    [job] = driver.claim()
    with driver.ledger.begin() as conn:  # the carrier took the new name and refused the numbers
        fail_launch(conn, job, "no", now=START)
    driver.drop("p", some_numbers(3), name="Card service", content="back")
    [job] = driver.claim()
    with driver.ledger.read() as conn:
        assert find_unsent_changes(conn, job).facts
    driver.finish([job])
    assert driver.states() == ["superseded", "superseded", "live"]
    driver.drop("p", some_numbers(2), name="Card service", content="fewer")
    [job] = driver.claim()
    with driver.ledger.read() as conn:
        assert not find_unsent_changes(conn, job).facts


def test_canceling_while_launching_ends_the_program_afterwards(driver):
    driver.drop("p", some_numbers(3))
    driver.now = START
    jobs = driver.claim()
    driver.drop("p", some_numbers(1, 5))
    driver.cancel()
    assert driver.end() == []  # the launch is still running
    driver.finish(jobs)
    assert driver.end() == ["acme/p"]
    assert driver.states() == ["ended"]
    assert [s for _, _, s in driver.verdicts()] == ["registered", "lapsed", "registered"]
    assert driver.holder(some_numbers(1, 5)[0]) is None


def test_a_launch_later_than_the_deadline_is_missed(driver):
    driver.drop("p", some_numbers(1))
    driver.now = START + DAY
    assert driver.give_up_late() == []
    driver.now += timedelta(microseconds=1)
    assert driver.claim() == []
    assert driver.give_up_late() == ["acme/p"]
    assert driver.state() == (1, "missed")
    with driver.ledger.begin() as conn:
        retry_launch(conn, "acme", "p", by="ann", now=driver.now)
    assert driver.launch() == ["acme/p"]


def test_a_missed_program_can_be_revised(driver):
    driver.drop("p", some_numbers(2))
    driver.now = START + 2 * DAY
    driver.give_up_late()
    driver.drop("q", some_numbers(1))
    assert driver.drop("p", []).revision == 2
    assert [s for s, _ in driver.numbers().values()] == ["refused", "pending"]
    assert driver.states() == ["superseded", "scheduled"]


def test_the_deadline_counts_from_a_later_acceptance(driver):
    driver.now = NOON + 3 * DAY
    driver.drop("p", some_numbers(1))
    driver.now += DAY
    assert driver.give_up_late() == []
    assert driver.launch() == ["acme/p"]


def test_nothing_is_launched_after_its_end(driver):
    driver.allowed_delay = 100 * DAY
    driver.drop("p", some_numbers(1))
    driver.now = NOON + 10 * DAY
    assert driver.claim() == []
    assert driver.give_up_late() == ["acme/p"]


def test_an_interrupted_launch_that_reaches_its_end_is_ended(driver, other):
    driver.drop("p", some_numbers(1))
    driver.now = START
    driver.claim()
    driver.now = NOON + 10 * DAY
    assert driver.claim() == []
    assert driver.end() == ["acme/p"]
    assert driver.state() == (1, "ended")


def test_the_end_of_a_live_program_can_change(driver):
    driver.drop("p", some_numbers(1))
    driver.now = START
    driver.launch()
    driver.drop("p", [], schedule=schedule(START, NOON + 20 * DAY))
    driver.launch()
    driver.now = NOON + 10 * DAY
    assert driver.end() == []
    driver.now = NOON + 20 * DAY
    assert driver.end() == ["acme/p"]
    assert driver.states() == ["superseded", "ended"]


def test_a_job_is_not_claimed_before_the_carrier_is_back(driver):
    driver.drop("p", some_numbers(1))
    driver.now = START
    jobs = driver.claim()
    with driver.ledger.begin() as conn:
        release_jobs(conn, jobs, not_before=START + HOUR)
    assert driver.claim() == []
    with driver.ledger.read() as conn:
        assert find_next_due_time(conn, driver.now) == START + HOUR
    driver.now = START + HOUR
    assert driver.launch() == ["acme/p"]


def test_a_program_can_wait_for_its_branding(driver):
    from flows.ledger.programs.reviews import decide_review, list_open_reviews

    driver.drop("p", some_numbers(1), display_name=CUSTOM, hold_until_branded=True)
    driver.now = NOON + 3 * DAY
    assert (driver.claim(), driver.give_up_late()) == ([], [])
    with driver.ledger.read() as conn:
        assert find_next_due_time(conn, driver.now) is None
        [review] = list_open_reviews(conn)
    with driver.ledger.begin() as conn:
        decide_review(conn, review.id, approve=True, by="ann", reason=None, now=driver.now)
    [job] = driver.claim()
    assert job.branding.display_name == CUSTOM
    driver.finish([job])
    assert driver.brand() == []


def test_nothing_is_launched_or_missed_while_launching_is_paused(driver):
    driver.drop("p", some_numbers(1))
    driver.drop("q", some_numbers(1, 1), schedule=schedule(START, START + 2 * HOUR))
    driver.now = START
    driver.claim(limit=1)
    with driver.ledger.begin() as conn:
        pause_launching(conn, by="ann", why="maintenance", now=driver.now)
    driver.now = START + 5 * DAY
    assert (driver.claim(), driver.give_up_late()) == ([], [])
    with driver.ledger.begin() as conn:
        assert get_launch_pause(conn).why == "maintenance"
        assert resume_launching(conn, by="ann", now=driver.now)
        assert not resume_launching(conn, by="ann", now=driver.now)
    assert driver.launch() == ["acme/p"]  # its launch was begun in time


def test_a_restored_ledger_starts_paused(driver):
    driver.drop("p", some_numbers(1))
    with driver.ledger.begin() as conn:
        assert not check_ledger_marker(conn, None, now=driver.now)
        backup = get_ledger_marker(conn)
    driver.now = START
    driver.launch()
    with driver.ledger.begin() as conn:
        later = get_ledger_marker(conn)
        assert later.generation > backup.generation
        assert not check_ledger_marker(conn, later, now=driver.now)
        # As if the ledger were older than the marker:
        ahead = LedgerMarker(ledger=later.ledger, generation=later.generation + 5)
        assert check_ledger_marker(conn, ahead, now=driver.now)
        assert get_launch_pause(conn).restored
        assert not check_ledger_marker(conn, ahead, now=driver.now)
    driver.now = NOON + 10 * DAY
    assert driver.end() == []
    with driver.ledger.begin() as conn:
        resume_launching(conn, by="ann", now=driver.now)
        assert not check_ledger_marker(conn, ahead, now=driver.now)
        assert check_ledger_marker(conn, LedgerMarker(ledger="another", generation=1), now=driver.now)
        assert not check_ledger_marker(conn, LedgerMarker(ledger="another", generation=1), now=driver.now)


def test_the_next_due_time(driver):
    def due():
        with driver.ledger.read() as conn:
            return find_next_due_time(conn, driver.now)

    assert due() is None
    driver.drop("p", some_numbers(1))
    driver.drop("q", some_numbers(1, 1), schedule=schedule(START + HOUR, NOON + DAY))
    assert due() == START
    with driver.ledger.read() as conn:
        assert list_launch_times(conn, after=NOON, limit=10) == [START, START + HOUR]
    driver.now = START
    jobs = driver.claim()
    assert due() == START + driver.claimer.length
    driver.finish(jobs)
    assert due() == START + HOUR
    driver.now = START + HOUR
    driver.launch()
    assert due() == NOON + DAY


def test_only_missed_and_failed_launches_can_be_retried(driver):
    driver.drop("p", some_numbers(1))
    scheduled = "acme/p is scheduled; only a missed or failed launch can be retried"
    with pytest.raises(LedgerError, match=scheduled), driver.ledger.begin() as conn:
        retry_launch(conn, "acme", "p", by="ann", now=driver.now)
    with pytest.raises(LedgerError, match="no program acme/x"), driver.ledger.begin() as conn:
        retry_launch(conn, "acme", "x", by="ann", now=driver.now)


def test_many_programs_are_launched_together(driver):
    for place in range(25):
        driver.drop(f"p{place}", some_numbers(3, 10 * place))
    driver.now = START
    assert len(driver.launch()) == 25
    assert all(driver.state(f"p{place}") == (1, "live") for place in range(25))
