"""Launches that are interrupted, unanswered or refused: they continue, and each number counts once."""

import re
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select

from flows.ledger.core.tables import program
from flows.ledger.launches.due_launches import claim_launches
from flows.ledger.launches.job_leases import JobClaimer
from flows.ledger.programs.programs import retry_launch
from flows.ledger.read.page_queries import list_transitions
from tests.flows.carriers.fake_server import Answer, faults_in_order, random_faults
from tests.flows.carriers.samples import first_orion_carrier, http_carrier
from tests.flows.launching.conftest import HOUR, Launcher, is_idle
from tests.flows.launching.programs import make_manifest, make_numbers, register_program

MINUTE = timedelta(minutes=1)


class Killed(BaseException):
    """Stands for the death of the process."""


class DeathCounter:
    """Counts all steps with an effect outside the process (commits and calls), and dies at the n-th."""

    def __init__(self, dies_at: int):
        self.left = dies_at

    def step(self):
        self.left -= 1
        if self.left == 0:
            raise Killed

    def wrap_ledger(self, ledger):
        begin = ledger.begin

        @contextmanager
        def begin_and_count():
            with begin() as conn:
                yield conn
                self.step()
            self.step()

        ledger.begin = begin_and_count
        return lambda: setattr(ledger, "begin", begin)


class MortalCarrier:
    """A carrier with which the process may die before a call, or after it and before the answer arrives."""

    def __init__(self, carrier, death):
        self.carrier, self.death = carrier, death

    def __getattr__(self, name):
        value = getattr(self.carrier, name)
        if not callable(value) or name == "cooldown_left":
            return value

        def call(*args, **kwargs):
            self.death.step()
            answer = value(*args, **kwargs)
            self.death.step()
            return answer

        return call


def run_pass_until_killed(launcher: Launcher, dies_at: int) -> bool:
    """Run one pass that dies at that step. Returns whether it got that far."""
    death = DeathCounter(dies_at)
    restore = death.wrap_ledger(launcher.ledger)
    mortal = Launcher(launcher.ledger, MortalCarrier(launcher.carrier, death), launcher.clock)
    try:
        mortal.run_pass(owner=f"mortal {dies_at}", lease=MINUTE)
    except Killed:
        return True
    finally:
        restore()
    return False


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_a_pass_that_dies_at_any_step_is_continued(kind, request):
    launcher = request.getfixturevalue(kind)
    register_program(launcher.ledger, make_manifest(), make_numbers(600))
    register_program(launcher.ledger, make_manifest("q2"), make_numbers(3, first=5_012_150_000))
    dies_at = 1
    while run_pass_until_killed(launcher, dies_at):
        dies_at += 1
        launcher.clock.advance(2 * MINUTE)
    assert dies_at > (3 if kind == "local" else 15)
    assert (launcher.state().live, launcher.state("q2").live) == (600, 3)
    register_program(launcher.ledger, make_manifest("q2", state="cancelled"), now=launcher.clock())
    register_program(launcher.ledger, make_manifest("q3", reassign=True), make_numbers(2), now=launcher.clock())
    for step in range(1, 40):
        if not run_pass_until_killed(launcher, step):
            break
        launcher.clock.advance(2 * MINUTE)
    assert [launcher.state(r).state for r in ("q1", "q2", "q3")] == ["live", "ended", "live"]
    assert (launcher.state().live, launcher.state("q3").live) == (598, 2)


@pytest.mark.parametrize("dies_at", range(1, 21))
def test_after_one_death_no_number_counts_twice(remote, endpoint, dies_at):
    register_program(remote.ledger, make_manifest(), make_numbers(600))
    run_pass_until_killed(remote, dies_at)
    remote.clock.advance(2 * MINUTE)
    remote.run_pass(owner="next")
    assert (remote.state().state, remote.state().live) == ("live", 600)
    assert set(endpoint.programs["acme-bank~q1"].arrivals.values()) == {1}


def test_after_random_faults_everything_is_live_once(remote, endpoint):
    for n in range(6):
        register_program(remote.ledger, make_manifest(f"p{n}"), make_numbers(700, first=5_012_140_000 + 1000 * n))
    endpoint.faults = random_faults(3, 0.4, ("drop", "503", "lose", "lose half", "500", "twice"))
    remote.finish(passes=60)
    assert [remote.state(f"p{n}").live for n in range(6)] == [700] * 6
    assert {count for program in endpoint.programs.values() for count in program.arrivals.values()} == {1}


def test_a_call_without_an_answer_is_repeated_under_its_key(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(3))
    endpoint.faults = faults_in_order(None, None, *["lose"] * 4)
    summary = remote.run_pass()
    (problem,) = summary.problems
    assert re.fullmatch(r"acme-bank/q1: the carrier's answer was lost \(\w+\); it will be retried in 30 s", problem)
    assert remote.state().state == "launching"
    assert is_idle(remote.run_pass())  # too early for the retry
    remote.clock.advance(MINUTE)
    assert remote.run_pass().live == 1


def test_a_carrier_that_is_down_is_called_for_one_program_only(remote, endpoint):
    remote.carrier = http_carrier(endpoint.url + "/down", cooldown=60)
    for n in range(5):
        register_program(remote.ledger, make_manifest(f"p{n}"), [5_012_140_000 + n])
    endpoint.faults = lambda: "503 dated"
    remote.run_pass()
    assert len(endpoint.requests) == 4
    assert 0 < remote.carrier.cooldown_left() <= 60
    again = http_carrier(endpoint.url + "/down", cooldown=60)
    later = Launcher(remote.ledger, again, remote.clock)
    assert is_idle(later.run_pass())
    assert len(endpoint.requests) == 4
    assert [later.state(f"p{n}").state for n in range(5)] == ["launching"] + ["scheduled"] * 4


def test_a_refused_program_fails_with_the_reason_and_can_be_retried(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(3))
    endpoint.refuses = Answer(422, {"detail": "the contract ended"})
    assert remote.run_pass().problems == ["acme-bank/q1: the contract ended"]
    assert (remote.state().state, remote.state().reason) == ("launch_failed", "the contract ended")
    endpoint.refuses = None
    with remote.ledger.begin() as conn:
        retry_launch(conn, "acme-bank", "q1", by="op", now=remote.clock())
    assert remote.run_pass().live == 1


def test_a_refused_batch_is_planned_again(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(600))
    calls = iter([None, None, None, Answer(422, {"detail": "too many"})])
    change = endpoint.change

    def refuse_second_batch(operation, *rest):
        endpoint.refuses = next(calls, None)
        return change(operation, *rest)

    endpoint.change = refuse_second_batch
    assert remote.run_pass().failed == 1
    assert (remote.state().live, remote.state().pending) == (500, 100)
    register_program(remote.ledger, make_manifest(numbers_mode="replace"), make_numbers(550), now=remote.clock())
    assert remote.run_pass().live == 1
    assert (remote.state().live, len(endpoint.programs["acme-bank~q1"].numbers)) == (550, 550)


def test_a_revision_finds_the_program_that_a_failed_one_created(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(3))
    endpoint.faults = faults_in_order(*["lose"] * 4, *["lose"] * 4)
    remote.run_pass()
    remote.clock.advance(MINUTE)
    endpoint.faults = lambda: None
    endpoint.refuses = Answer(422, {"detail": "not so"})
    known = endpoint.keys
    endpoint.keys = {}
    remote.run_pass()
    endpoint.keys, endpoint.refuses = known, None
    assert remote.state().state == "launch_failed"
    register_program(remote.ledger, make_manifest(name="Other"), make_numbers(3), now=remote.clock())
    assert remote.run_pass().live == 1
    assert endpoint.programs["acme-bank~q1"].facts["name"] == "Other"


def test_an_end_that_the_carrier_refuses_is_reported_and_retried_later(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(3))
    remote.run_pass()
    remote.clock.advance(100 * HOUR)
    endpoint.refuses = Answer(422, {"detail": "invoice open"})
    assert remote.run_pass().problems == ["acme-bank/q1: the carrier refused its end: invoice open"]
    assert is_idle(remote.run_pass())
    endpoint.refuses = None
    remote.clock.advance(HOUR)
    assert remote.run_pass().ended == 1


def test_a_program_that_the_carrier_no_longer_has_is_ended(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(3))
    remote.run_pass()
    endpoint.programs.clear()
    remote.clock.advance(100 * HOUR)
    assert remote.run_pass().ended == 1


def test_a_process_that_lost_its_lease_writes_nothing_more(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(600))
    take_over_at = iter([2])
    add = remote.carrier.add_numbers

    def take_over(*args, **kwargs):
        answer = add(*args, **kwargs)
        if next(take_over_at, None):
            remote.clock.advance(10 * MINUTE)
            Launcher(remote.ledger, http_carrier(endpoint.url), remote.clock).run_pass(owner="other")
        return answer

    remote.carrier.add_numbers = take_over
    assert remote.run_pass(owner="slow").live == 0
    assert (remote.state().state, remote.state().live) == ("live", 600)
    with remote.ledger.read() as conn:
        assert [m.after for m in list_transitions(conn, "acme-bank", "q1") if m.thing == "revision"] == [
            "scheduled",
            "launching",
            "live",
        ]


def test_a_lease_is_renewed_while_the_carrier_is_slow(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(3))
    create = remote.carrier.create

    def slow(*args, **kwargs):
        remote.clock.advance(timedelta(milliseconds=280))
        assert not claimable(remote, timedelta(milliseconds=300))
        for _ in range(50):
            remote.clock.advance(timedelta(milliseconds=1))
            if lease_end(remote) > remote.clock() + timedelta(milliseconds=200):
                break
            time.sleep(0.02)
        assert not claimable(remote, timedelta(milliseconds=300))
        return create(*args, **kwargs)

    remote.carrier.create = slow
    assert remote.run_pass(lease=timedelta(milliseconds=300)).live == 1


def lease_end(launcher):
    with launcher.ledger.read() as conn:
        return conn.execute(select(program.c.lease_until)).scalar_one()


def claimable(launcher, length):
    with launcher.ledger.begin() as conn:
        return claim_launches(conn, JobClaimer(owner="x", length=length), now=launcher.clock(), allowed_delay=HOUR)


@pytest.fixture
def first_orion(ledger, clock, exchange):
    return Launcher(ledger, first_orion_carrier(exchange.url), clock)


def test_first_orion_is_asked_before_a_batch_is_sent_again(first_orion, exchange):
    register_program(first_orion.ledger, first_orion_manifest(), make_numbers(600))
    # Token, lookup, create, branding, lookup; then the first batch, whose answer is lost.
    exchange.faults = faults_in_order(None, None, None, None, None, "lose")
    assert first_orion.run_pass().problems_total == 1
    first_orion.clock.advance(MINUTE)
    assert first_orion.run_pass().live == 1
    assert set(exchange.programs["p-0"].arrivals.values()) == {1}
    assert first_orion.state().live == 600


def test_if_first_orion_cannot_say_the_operator_decides(first_orion, exchange):
    exchange.numbers_readable = False
    register_program(first_orion.ledger, first_orion_manifest(), make_numbers(600))
    exchange.faults = faults_in_order(None, None, None, None, None, "lose")
    first_orion.run_pass()
    first_orion.clock.advance(MINUTE)
    assert first_orion.run_pass().failed == 1
    unknown = "it is unknown whether the carrier took 500 numbers: check at the carrier; a retry sends them again"
    assert first_orion.state().reason == unknown
    assert first_orion.state().live == 100
    with first_orion.ledger.begin() as conn:
        retry_launch(conn, "acme-bank", "q1", by="op", now=first_orion.clock())
    assert first_orion.run_pass().live == 1
    assert max(exchange.programs["p-0"].arrivals.values()) == 2  # at least once, as the reason said


def first_orion_manifest():
    return make_manifest(call_purpose="Customer Service")
