"""Launching: at or after the start, once, going on where it stopped; missed, failed, ended, paused."""

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
from flows.ledger.launches.jobs import extend_job_leases, record_carrier_id, release_jobs
from flows.ledger.launches.launches import (
    fail_launch,
    find_next_due_time,
    find_unsent_changes,
    finish_launches,
    list_launch_times,
)
from flows.ledger.launches.live_programs import finish_endings
from flows.ledger.programs.programs import retry_launch
from schemas.model.purposes import DO_NOT_ORIGINATE_INDEX
from tests.flows.ledger.samples import CUSTOM, DAY, HOUR, NOON, some, span

START = NOON + HOUR


@pytest.fixture
def other(desk):
    """Another launcher on the same ledger."""
    return replace(desk, claimant=replace(desk.claimant, owner="other"))


def test_nothing_is_launched_before_its_start(desk):
    desk.drop("p", some(1))
    desk.now = START - timedelta(microseconds=1)
    assert desk.launch() == []
    desk.now = START
    assert desk.launch() == ["acme/p"]
    assert desk.state() == (1, "live")
    assert desk.launch() == []


def test_batches_hold_five_hundred_numbers_and_keep_their_keys(desk, other):
    desk.drop("p", some(1200))
    desk.now = START
    [errand] = desk.claim()
    batches = desk.open(errand)
    assert [(b.kind, len(b.numbers)) for b in batches] == [("add", 500), ("add", 500), ("add", 200)]
    assert len({b.key for b in batches}) == 3
    other.now = START + 2 * desk.claimant.length
    [resumed] = other.claim()
    assert [b.key for b in other.open(resumed)] == [b.key for b in batches]


def test_a_launch_cut_short_goes_on_where_it_stopped(desk, other):
    desk.drop("p", some(1200))
    desk.now = other.now = START
    [errand] = desk.claim()
    first, second, _ = desk.open(errand)
    with desk.ledger.begin() as conn:
        record_carrier_id(conn, errand, "at-carrier")
        mark_batch_sent(conn, errand, first, START)
        record_batch_outcome(conn, errand, first, {int(first.numbers[0]): "INVALID_NUMBER"}, START)
        mark_batch_sent(conn, errand, second, START)
    assert other.claim() == []
    other.now += 2 * desk.claimant.length
    [resumed] = other.claim()
    assert (resumed.resumed, resumed.carrier_id, resumed.token) == (True, "at-carrier", errand.token + 1)
    assert [(b.state, len(b.numbers)) for b in other.open(resumed)] == [("sent", 500), ("planned", 200)]
    other.answer(resumed)
    other.finish([resumed])
    states = [state for state, _ in desk.numbers().values()]
    assert (states.count("live"), states.count("refused")) == (1199, 1)


def test_a_late_owner_can_write_nothing(desk, other):
    desk.drop("p", some(1))
    desk.now = START
    [errand] = desk.claim()
    [batch] = desk.open(errand)
    other.now = START + 2 * desk.claimant.length
    [taken_over] = other.claim()
    writes = [
        lambda conn: mark_batch_sent(conn, errand, batch, START),
        lambda conn: record_batch_outcome(conn, errand, batch, {}, START),
        lambda conn: finish_launches(conn, [errand], now=START),
        lambda conn: fail_launch(conn, errand, "x", now=START),
        lambda conn: extend_job_leases(conn, [errand], until=START),
        lambda conn: release_jobs(conn, [errand]),
        lambda conn: finish_endings(conn, [errand], now=START),
    ]
    for write in writes:
        with pytest.raises(LeaseLost, match="of acme/p was taken over"), desk.ledger.begin() as conn:
            write(conn)
    other.finish([taken_over])
    assert desk.state() == (1, "live")


def test_a_dead_owner_s_launch_is_taken_over_at_once(desk, other):
    desk.drop("p", some(1))
    desk.now = other.now = START
    desk.claim()
    other.claimant = replace(other.claimant, is_owner_dead=lambda owner: owner == "me")
    [resumed] = other.claim()
    assert resumed.resumed


def test_a_launch_is_not_over_before_each_batch_has_its_outcome(desk):
    desk.drop("p", some(1))
    desk.now = START
    errands = desk.claim()
    with pytest.raises(ValueError, match="without outcome"), desk.ledger.begin() as conn:
        finish_launches(conn, errands, now=START)


def test_refused_numbers_are_told_with_their_reason(desk):
    desk.drop("p", some(3))
    desk.now = START
    [errand] = desk.claim()
    desk.answer(errand, {some(1)[0]: "ALLOCATED_NUMBER"})
    desk.finish([errand])
    assert [s for s, _ in desk.numbers().values()] == ["refused", "live", "live"]
    desk.drop("p", some(3))  # as they were: only the refused one is tried again
    [errand] = desk.claim()
    assert desk.answer(errand) == [("add", "p", some(1))]


def test_a_number_on_the_do_not_originate_list_by_now_is_refused(desk):
    desk.drop("p", some(3), purposes=[0, DO_NOT_ORIGINATE_INDEX, 0])
    desk.now = START
    [errand] = desk.claim(do_not_originate=np.array(some(2)))
    assert desk.answer(errand) == [("add", "p", some(2, 1))]
    assert [s for s, _ in desk.numbers().values()] == ["refused", "live", "live"]


def test_a_failed_launch_is_retried_with_what_is_unknown_under_its_old_key(desk):
    desk.drop("p", some(1200))
    desk.now = START
    [errand] = desk.claim()
    first, second, _ = desk.open(errand)
    with desk.ledger.begin() as conn:
        record_batch_outcome(conn, errand, first, {}, START)
        mark_batch_sent(conn, errand, second, START)
        mark_batch_unknown(conn, errand, second, "no answer", START)
        fail_launch(conn, errand, "the carrier cannot be asked", now=START)
    assert desk.states() == ["launch_failed"]
    assert desk.claim() == []
    with desk.ledger.begin() as conn:
        retry_launch(conn, "acme", "p", by="ann", now=desk.now)
    [again] = desk.claim()
    assert [(b.state, len(b.numbers), b.key == second.key) for b in desk.open(again)] == [
        ("unknown", 500, True),
        ("planned", 200, False),
    ]
    desk.answer(again)
    desk.finish([again])
    assert {s for s, _ in desk.numbers().values()} == {"live"}


def test_a_revised_failure_first_settles_what_is_unknown(desk):
    desk.drop("p", some(10))
    desk.now = START
    [errand] = desk.claim()
    [batch] = desk.open(errand)
    with desk.ledger.begin() as conn:
        mark_batch_sent(conn, errand, batch, START)
        fail_launch(conn, errand, "down", now=START)
    desk.drop("p", [*some(1), *some(1, 20)], purposes=[4, 0], numbers_mode="replace")
    [again] = desk.claim()
    sent = desk.answer(again)
    assert sent == [("add", "p", some(10)), ("remove", "p", some(9, 1)), ("add", "p", [*some(1), *some(1, 20)])]
    desk.finish([again])
    assert {n: p for n, (s, p) in desk.numbers().items() if s == "live"} == {some(1)[0]: 4, some(1, 20)[0]: 0}
    assert desk.states() == ["superseded", "live"]


def test_a_revision_waits_for_the_launch(desk):
    desk.drop("p", some(3))
    desk.now = START
    errands = desk.claim()
    registered = desk.drop("p", some(3, 2), purposes=6, content="b")
    assert (registered.waiting, registered.revision, registered.difference.added) == (True, 2, 2)
    third = desk.drop("p", some(1), numbers_mode="replace")
    assert (third.waiting, third.revision) == (True, 3)
    assert desk.drop("p", some(1), content="b").outcome == "registered"
    assert desk.holder(some(1, 4)[0]) == "acme/p"
    assert desk.state() == (1, "launching")
    desk.finish(errands)
    assert desk.states() == ["live", "superseded", "superseded", "scheduled"]
    desk.launch()
    assert {n: v for n, v in desk.numbers().items() if v[0] == "live"} == {some(1)[0]: ("live", 0)}


def test_a_waiting_revision_comes_in_when_the_launch_failed(desk):
    desk.drop("p", some(3))
    desk.now = START
    [errand] = desk.claim()
    desk.drop("p", some(1, 5))
    with desk.ledger.begin() as conn:
        fail_launch(conn, errand, "no", now=START)
    assert desk.states() == ["superseded", "scheduled"]


def test_after_a_launch_that_failed_the_carrier_is_told_everything_anew(desk):
    desk.drop("p", some(3), name="Card service")
    desk.now = START
    desk.launch()
    desk.drop("p", some(3), name="Fraud alerts")
    [errand] = desk.claim()
    with desk.ledger.begin() as conn:  # the new name had arrived, the numbers were refused
        fail_launch(conn, errand, "no", now=START)
    desk.drop("p", some(3), name="Card service", content="back")
    [errand] = desk.claim()
    with desk.ledger.read() as conn:
        assert find_unsent_changes(conn, errand).facts
    desk.finish([errand])
    assert desk.states() == ["superseded", "superseded", "live"]
    desk.drop("p", some(2), name="Card service", content="fewer")
    [errand] = desk.claim()
    with desk.ledger.read() as conn:
        assert not find_unsent_changes(conn, errand).facts


def test_cancelling_while_launching_ends_it_afterwards(desk):
    desk.drop("p", some(3))
    desk.now = START
    errands = desk.claim()
    desk.drop("p", some(1, 5))
    desk.cancel()
    assert desk.end() == []  # the launcher has it
    desk.finish(errands)
    assert desk.end() == ["acme/p"]
    assert desk.states() == ["ended"]
    assert [s for _, _, s in desk.verdicts()] == ["registered", "lapsed", "registered"]
    assert desk.holder(some(1, 5)[0]) is None


def test_what_is_later_than_the_deadline_is_missed(desk):
    desk.drop("p", some(1))
    desk.now = START + DAY
    assert desk.miss() == []
    desk.now += timedelta(microseconds=1)
    assert desk.claim() == []
    assert desk.miss() == ["acme/p"]
    assert desk.state() == (1, "missed")
    with desk.ledger.begin() as conn:
        retry_launch(conn, "acme", "p", by="ann", now=desk.now)
    assert desk.launch() == ["acme/p"]


def test_a_missed_program_is_revised(desk):
    desk.drop("p", some(2))
    desk.now = START + 2 * DAY
    desk.miss()
    desk.drop("q", some(1))
    assert desk.drop("p", []).revision == 2
    assert [s for s, _ in desk.numbers().values()] == ["refused", "pending"]
    assert desk.states() == ["superseded", "scheduled"]


def test_the_deadline_counts_from_acceptance(desk):
    desk.now = NOON + 3 * DAY
    desk.drop("p", some(1))
    desk.now += DAY
    assert desk.miss() == []
    assert desk.launch() == ["acme/p"]


def test_nothing_is_launched_after_its_end(desk):
    desk.patience = 100 * DAY
    desk.drop("p", some(1))
    desk.now = NOON + 10 * DAY
    assert desk.claim() == []
    assert desk.miss() == ["acme/p"]


def test_a_launch_that_its_end_overtook_is_ended(desk, other):
    desk.drop("p", some(1))
    desk.now = START
    desk.claim()
    desk.now = NOON + 10 * DAY
    assert desk.claim() == []
    assert desk.end() == ["acme/p"]
    assert desk.state() == (1, "ended")


def test_moving_the_end_of_a_live_program(desk):
    desk.drop("p", some(1))
    desk.now = START
    desk.launch()
    desk.drop("p", [], schedule=span(START, NOON + 20 * DAY))
    desk.launch()
    desk.now = NOON + 10 * DAY
    assert desk.end() == []
    desk.now = NOON + 20 * DAY
    assert desk.end() == ["acme/p"]
    assert desk.states() == ["superseded", "ended"]


def test_a_carrier_that_is_down_is_asked_later(desk):
    desk.drop("p", some(1))
    desk.now = START
    errands = desk.claim()
    with desk.ledger.begin() as conn:
        release_jobs(conn, errands, not_before=START + HOUR)
    assert desk.claim() == []
    with desk.ledger.read() as conn:
        assert find_next_due_time(conn, desk.now) == START + HOUR
    desk.now = START + HOUR
    assert desk.launch() == ["acme/p"]


def test_what_waits_for_its_branding(desk):
    from flows.ledger.programs.reviews import decide_review, list_open_reviews

    desk.drop("p", some(1), display_name=CUSTOM, hold_until_branded=True)
    desk.now = NOON + 3 * DAY
    assert (desk.claim(), desk.miss()) == ([], [])
    with desk.ledger.read() as conn:
        assert find_next_due_time(conn, desk.now) is None
        [review] = list_open_reviews(conn)
    with desk.ledger.begin() as conn:
        decide_review(conn, review.id, approve=True, by="ann", reason=None, now=desk.now)
    [errand] = desk.claim()
    assert errand.branding.display_name == CUSTOM
    desk.finish([errand])
    assert desk.brand() == []


def test_paused_launching(desk):
    desk.drop("p", some(1))
    desk.drop("q", some(1, 1), schedule=span(START, START + 2 * HOUR))
    desk.now = START
    desk.claim(limit=1)
    with desk.ledger.begin() as conn:
        pause_launching(conn, by="ann", why="maintenance", now=desk.now)
    desk.now = START + 5 * DAY
    assert (desk.claim(), desk.miss()) == ([], [])
    with desk.ledger.begin() as conn:
        assert get_launch_pause(conn).why == "maintenance"
        assert resume_launching(conn, by="ann", now=desk.now)
        assert not resume_launching(conn, by="ann", now=desk.now)
    assert desk.launch() == ["acme/p"]  # it had begun in time


def test_a_restored_ledger_starts_paused(desk):
    desk.drop("p", some(1))
    with desk.ledger.begin() as conn:
        assert not check_ledger_marker(conn, None, now=desk.now)
        backup = get_ledger_marker(conn)
    desk.now = START
    desk.launch()
    with desk.ledger.begin() as conn:
        later = get_ledger_marker(conn)
        assert later.generation > backup.generation
        assert not check_ledger_marker(conn, later, now=desk.now)
        # As if the ledger had not got that far:
        beyond = LedgerMarker(ledger=later.ledger, generation=later.generation + 5)
        assert check_ledger_marker(conn, beyond, now=desk.now)
        assert get_launch_pause(conn).restored
        assert not check_ledger_marker(conn, beyond, now=desk.now)
    desk.now = NOON + 10 * DAY
    assert desk.end() == []
    with desk.ledger.begin() as conn:
        resume_launching(conn, by="ann", now=desk.now)
        assert not check_ledger_marker(conn, beyond, now=desk.now)
        assert check_ledger_marker(conn, LedgerMarker(ledger="another", generation=1), now=desk.now)
        assert not check_ledger_marker(conn, LedgerMarker(ledger="another", generation=1), now=desk.now)


def test_when_there_is_something_to_do(desk):
    def due():
        with desk.ledger.read() as conn:
            return find_next_due_time(conn, desk.now)

    assert due() is None
    desk.drop("p", some(1))
    desk.drop("q", some(1, 1), schedule=span(START + HOUR, NOON + DAY))
    assert due() == START
    with desk.ledger.read() as conn:
        assert list_launch_times(conn, after=NOON, limit=10) == [START, START + HOUR]
    desk.now = START
    errands = desk.claim()
    assert due() == START + desk.claimant.length
    desk.finish(errands)
    assert due() == START + HOUR
    desk.now = START + HOUR
    desk.launch()
    assert due() == NOON + DAY


def test_only_what_failed_is_retried(desk):
    desk.drop("p", some(1))
    scheduled = "acme/p is scheduled; only a missed or failed launch can be retried"
    with pytest.raises(LedgerError, match=scheduled), desk.ledger.begin() as conn:
        retry_launch(conn, "acme", "p", by="ann", now=desk.now)
    with pytest.raises(LedgerError, match="no program acme/x"), desk.ledger.begin() as conn:
        retry_launch(conn, "acme", "x", by="ann", now=desk.now)


def test_many_programs_are_launched_in_one_go(desk):
    for place in range(25):
        desk.drop(f"p{place}", some(3, 10 * place))
    desk.now = START
    assert len(desk.launch()) == 25
    assert all(desk.state(f"p{place}") == (1, "live") for place in range(25))
