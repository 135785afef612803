"""Launches that are cut short, unanswered, refused or turned away: each number counts once, and all go on."""

import re
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select

from flows.ledger.core.tables import program
from flows.ledger.launches.jobs import Claimant
from flows.ledger.launches.launches import claim_launches
from flows.ledger.programs.programs import retry_launch
from flows.ledger.read.page_queries import list_transitions
from tests.flows.carriers.fake_server import Answer, faults_in_order, random_faults
from tests.flows.carriers.samples import first_orion_carrier, http_carrier
from tests.flows.launching.conftest import HOUR, Launcher
from tests.flows.launching.programs import manifest, numbers, registered

MINUTE = timedelta(minutes=1)


class Killed(BaseException):
    """As if the process died here."""


class Fragile:
    """Counts every step that leaves the process (a commit, a call), and dies before or after the n-th."""

    def __init__(self, dies_at: int):
        self.left = dies_at

    def step(self):
        self.left -= 1
        if self.left == 0:
            raise Killed

    def wrap_ledger(self, ledger):
        begin = ledger.begin

        @contextmanager
        def fragile():
            with begin() as conn:
                yield conn
                self.step()
            self.step()

        ledger.begin = fragile
        return lambda: setattr(ledger, "begin", begin)


class FragileCarrier:
    """A carrier that dies before a call, or after it before the answer is known."""

    def __init__(self, carrier, fragile):
        self.carrier, self.fragile = carrier, fragile

    def __getattr__(self, name):
        value = getattr(self.carrier, name)
        if not callable(value) or name == "cooldown_left":
            return value

        def call(*args, **kwargs):
            self.fragile.step()
            answer = value(*args, **kwargs)
            self.fragile.step()
            return answer

        return call


def go_until_killed(launcher: Launcher, dies_at: int) -> bool:
    """One pass that dies at that step; whether it came to it."""
    fragile = Fragile(dies_at)
    restore = fragile.wrap_ledger(launcher.ledger)
    mortal = Launcher(launcher.ledger, FragileCarrier(launcher.carrier, fragile), launcher.clock)
    try:
        mortal.go(owner=f"mortal {dies_at}", lease=MINUTE)
    except Killed:
        return True
    finally:
        restore()
    return False


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_a_pass_that_dies_at_any_step_is_gone_on_with(kind, request):
    launcher = request.getfixturevalue(kind)
    registered(launcher.ledger, manifest(), numbers(600))
    registered(launcher.ledger, manifest("q2"), numbers(3, first=5_012_150_000))
    dies_at = 1
    while go_until_killed(launcher, dies_at):
        dies_at += 1
        launcher.clock.move(2 * MINUTE)
    assert dies_at > (3 if kind == "local" else 15)
    assert (launcher.state().live, launcher.state("q2").live) == (600, 3)
    registered(launcher.ledger, manifest("q2", state="cancelled"), now=launcher.clock())
    registered(launcher.ledger, manifest("q3", reassign=True), numbers(2), now=launcher.clock())
    for step in range(1, 40):
        if not go_until_killed(launcher, step):
            break
        launcher.clock.move(2 * MINUTE)
    assert [launcher.state(r).state for r in ("q1", "q2", "q3")] == ["live", "ended", "live"]
    assert (launcher.state().live, launcher.state("q3").live) == (598, 2)


@pytest.mark.parametrize("dies_at", range(1, 21))
def test_one_death_anywhere_and_nothing_counts_twice(remote, endpoint, dies_at):
    registered(remote.ledger, manifest(), numbers(600))
    go_until_killed(remote, dies_at)
    remote.clock.move(2 * MINUTE)
    remote.go(owner="next")
    assert (remote.state().state, remote.state().live) == ("live", 600)
    assert set(endpoint.programs["acme-bank~q1"].arrivals.values()) == {1}


def test_random_faults_end_with_everything_live_once(remote, endpoint):
    for n in range(6):
        registered(remote.ledger, manifest(f"p{n}"), numbers(700, first=5_012_140_000 + 1000 * n))
    endpoint.faults = random_faults(3, 0.4, ("drop", "503", "lose", "lose half", "500", "twice"))
    remote.finish(passes=60)
    assert [remote.state(f"p{n}").live for n in range(6)] == [700] * 6
    assert {count for program in endpoint.programs.values() for count in program.arrivals.values()} == {1}


def test_an_answer_that_stays_lost_is_sent_again_under_its_key(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(3))
    endpoint.faults = faults_in_order(None, None, *["lose"] * 4)
    summary = remote.go()
    (problem,) = summary.problems
    assert re.fullmatch(r"acme-bank/q1: the carrier's answer was lost \(\w+\); it will be retried in 30 s", problem)
    assert remote.state().state == "launching"
    assert not remote.go().changed  # not before its time
    remote.clock.move(MINUTE)
    assert remote.go().live == 1


def test_a_carrier_that_is_down_is_asked_for_one_program_only(remote, endpoint):
    remote.carrier = http_carrier(endpoint.url + "/down", cooldown=60)
    for n in range(5):
        registered(remote.ledger, manifest(f"p{n}"), [5_012_140_000 + n])
    endpoint.faults = lambda: "503 dated"
    summary = remote.go()
    assert len(endpoint.requests) == 4
    assert 0 < (summary.carrier_paused_until - remote.clock()).total_seconds() <= 60
    again = http_carrier(endpoint.url + "/down", cooldown=60)
    later = Launcher(remote.ledger, again, remote.clock)
    assert later.go().carrier_paused_until is not None
    assert len(endpoint.requests) == 4
    assert [later.state(f"p{n}").state for n in range(5)] == ["launching"] + ["scheduled"] * 4


def test_a_refused_program_fails_with_the_reason_and_may_be_retried(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(3))
    endpoint.refuses = Answer(422, {"detail": "the contract ended"})
    assert remote.go().problems == ["acme-bank/q1: the contract ended"]
    assert (remote.state().state, remote.state().reason) == ("launch_failed", "the contract ended")
    endpoint.refuses = None
    with remote.ledger.begin() as conn:
        retry_launch(conn, "acme-bank", "q1", by="op", now=remote.clock())
    assert remote.go().live == 1


def test_a_refused_batch_is_planned_anew(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(600))
    calls = iter([None, None, None, Answer(422, {"detail": "too many"})])
    change = endpoint.change

    def refuse_second_batch(operation, *rest):
        endpoint.refuses = next(calls, None)
        return change(operation, *rest)

    endpoint.change = refuse_second_batch
    assert remote.go().failed == 1
    assert (remote.state().live, remote.state().pending) == (500, 100)
    registered(remote.ledger, manifest(numbers_mode="replace"), numbers(550), now=remote.clock())
    assert remote.go().live == 1
    assert (remote.state().live, len(endpoint.programs["acme-bank~q1"].numbers)) == (550, 550)


def test_a_revision_finds_what_a_failed_one_may_have_made(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(3))
    endpoint.faults = faults_in_order(*["lose"] * 4, *["lose"] * 4)
    remote.go()
    remote.clock.move(MINUTE)
    endpoint.faults = lambda: None
    endpoint.refuses = Answer(422, {"detail": "not so"})
    known = endpoint.keys
    endpoint.keys = {}
    remote.go()
    endpoint.keys, endpoint.refuses = known, None
    assert remote.state().state == "launch_failed"
    registered(remote.ledger, manifest(name="Other"), numbers(3), now=remote.clock())
    assert remote.go().live == 1
    assert endpoint.programs["acme-bank~q1"].facts["name"] == "Other"


def test_an_end_that_the_carrier_refuses_is_told_and_rests(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(3))
    remote.go()
    remote.clock.move(100 * HOUR)
    endpoint.refuses = Answer(422, {"detail": "invoice open"})
    assert remote.go().problems == ["acme-bank/q1: the carrier refused its end: invoice open"]
    assert not remote.go().changed
    endpoint.refuses = None
    remote.clock.move(HOUR)
    assert remote.go().ended == 1


def test_what_the_carrier_has_no_longer_is_ended(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(3))
    remote.go()
    endpoint.programs.clear()
    remote.clock.move(100 * HOUR)
    assert remote.go().ended == 1


def test_whoever_lost_the_lease_writes_nothing_more(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(600))
    take_over_at = iter([2])
    add = remote.carrier.add_numbers

    def overtaken(*args, **kwargs):
        answer = add(*args, **kwargs)
        if next(take_over_at, None):
            remote.clock.move(10 * MINUTE)
            Launcher(remote.ledger, http_carrier(endpoint.url), remote.clock).go(owner="other")
        return answer

    remote.carrier.add_numbers = overtaken
    assert remote.go(owner="slow").live == 0
    assert (remote.state().state, remote.state().live) == ("live", 600)
    with remote.ledger.read() as conn:
        assert [m.after for m in list_transitions(conn, "acme-bank", "q1") if m.thing == "revision"] == [
            "scheduled",
            "launching",
            "live",
        ]


def test_a_lease_is_kept_alive_while_the_carrier_is_slow(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(3))
    create = remote.carrier.create

    def slow(*args, **kwargs):
        remote.clock.move(timedelta(milliseconds=280))
        assert not claimable(remote, timedelta(milliseconds=300))
        for _ in range(50):
            remote.clock.move(timedelta(milliseconds=1))
            if kept_until(remote) > remote.clock() + timedelta(milliseconds=200):
                break
            time.sleep(0.02)
        assert not claimable(remote, timedelta(milliseconds=300))
        return create(*args, **kwargs)

    remote.carrier.create = slow
    assert remote.go(lease=timedelta(milliseconds=300)).live == 1


def kept_until(launcher):
    with launcher.ledger.read() as conn:
        return conn.execute(select(program.c.lease_until)).scalar_one()


def claimable(launcher, length):
    with launcher.ledger.begin() as conn:
        return claim_launches(conn, Claimant(owner="x", length=length), now=launcher.clock(), patience=HOUR)


@pytest.fixture
def first_orion(ledger, clock, exchange):
    return Launcher(ledger, first_orion_carrier(exchange.url), clock)


def test_first_orion_is_asked_before_anything_is_sent_again(first_orion, exchange):
    registered(first_orion.ledger, fo_manifest(), numbers(600))
    # token, look-up, create, branding; look-up, first batch: lost.
    exchange.faults = faults_in_order(None, None, None, None, None, "lose")
    assert first_orion.go().problems_total == 1
    first_orion.clock.move(MINUTE)
    assert first_orion.go().live == 1
    assert set(exchange.programs["p-0"].arrivals.values()) == {1}
    assert first_orion.state().live == 600


def test_where_first_orion_cannot_tell_the_operator_decides(first_orion, exchange):
    exchange.numbers_readable = False
    registered(first_orion.ledger, fo_manifest(), numbers(600))
    exchange.faults = faults_in_order(None, None, None, None, None, "lose")
    first_orion.go()
    first_orion.clock.move(MINUTE)
    assert first_orion.go().failed == 1
    unknown = "it is unknown whether the carrier took 500 numbers: check at the carrier; a retry sends them again"
    assert first_orion.state().reason == unknown
    assert first_orion.state().live == 100
    with first_orion.ledger.begin() as conn:
        retry_launch(conn, "acme-bank", "q1", by="op", now=first_orion.clock())
    assert first_orion.go().live == 1
    assert max(exchange.programs["p-0"].arrivals.values()) == 2  # at least once, and it was said so


def fo_manifest():
    return manifest(call_purpose="Customer Service")
