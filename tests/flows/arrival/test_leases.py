"""Each drop by one process: leases, takeover, fencing."""

import multiprocessing
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from flows.arrival.completeness import Settled, Waiting, take
from flows.arrival.leases import claimed, gone, this_owner
from flows.ledger.core.errors import LeaseLost
from flows.ledger.intake.drops import drop, list_pending_drops
from flows.ledger.intake.leases import (
    check_drop_lease,
    claim_drop,
    extend_drop_lease,
    mark_drop_for_rescan,
    mark_drop_taken,
    release_drop_lease,
)
from tests.flows.inbox_world import LENGTH, SETTLE, manifest


@pytest.fixture
def sighting(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv")
    return inbox_world.settled()


def try_claim(inbox_world, sighting, owner="a", **more):
    with inbox_world.ledger.begin() as conn:
        return claim_drop(conn, sighting, owner=owner, now=inbox_world.now, length=LENGTH, **more)


def token(inbox_world):
    with inbox_world.ledger.read() as conn:
        return conn.execute(select(drop.c.lease_token)).scalar_one()


def test_one_at_a_time(inbox_world, sighting):
    lease = try_claim(inbox_world, sighting)
    assert (lease.owner, lease.token, lease.until) == ("a", 1, inbox_world.now + LENGTH)
    assert try_claim(inbox_world, sighting, "b") is None
    with inbox_world.ledger.begin() as conn:
        release_drop_lease(conn, lease)
    assert try_claim(inbox_world, sighting, "b").token == 2


def test_a_dead_ones_drop_is_taken_over_after_its_lease_and_it_cannot_write(inbox_world, sighting):
    late = try_claim(inbox_world, sighting)
    inbox_world.now += LENGTH
    taker = try_claim(inbox_world, sighting, "b")
    assert taker.token == 2
    for do in (
        lambda conn: check_drop_lease(conn, late),
        lambda conn: extend_drop_lease(conn, late, now=inbox_world.now, length=LENGTH),
        lambda conn: mark_drop_taken(conn, late, take(sighting), submission="s"),
        lambda conn: release_drop_lease(conn, late),
        lambda conn: mark_drop_for_rescan(conn, late),
    ):
        with (
            pytest.raises(LeaseLost, match="acme/d was taken over by another process"),
            inbox_world.ledger.begin() as conn,
        ):
            do(conn)
    with inbox_world.ledger.begin() as conn:
        check_drop_lease(conn, taker)
        mark_drop_taken(conn, taker, take(sighting), submission="s")


def test_a_slow_owner_may_write_as_long_as_nobody_took_over(inbox_world, sighting):
    lease = try_claim(inbox_world, sighting)
    inbox_world.now += 10 * LENGTH
    with inbox_world.ledger.begin() as conn:
        check_drop_lease(conn, lease)
        mark_drop_taken(conn, lease, take(sighting), submission="s")


def test_a_heartbeat_keeps_it(inbox_world, sighting):
    lease = try_claim(inbox_world, sighting)
    for _ in range(5):
        inbox_world.now += LENGTH / 2
        with inbox_world.ledger.begin() as conn:
            lease = extend_drop_lease(conn, lease, now=inbox_world.now, length=LENGTH)
        assert try_claim(inbox_world, sighting, "b") is None


def test_a_lease_of_an_owner_known_to_be_dead_does_not_have_to_run_out(inbox_world, sighting):
    assert try_claim(inbox_world, sighting, "dead")
    assert try_claim(inbox_world, sighting, "b", is_gone=lambda owner: owner == "another") is None
    assert try_claim(inbox_world, sighting, "b", is_gone=lambda owner: owner == "dead").token == 2


def test_what_was_taken_cannot_be_claimed_by_an_old_look(inbox_world, sighting):
    inbox_world.look()
    with inbox_world.ledger.begin() as conn:
        mark_drop_taken(
            conn, claim_drop(conn, sighting, owner="a", now=inbox_world.now, length=LENGTH), take(sighting), submission="s"
        )
    assert try_claim(inbox_world, sighting, "b") is None
    assert inbox_world.look() == []
    assert token(inbox_world) == 1


def test_a_look_that_began_before_it_was_taken_brings_nothing_back(inbox_world, sighting):
    from flows.ledger.intake.drops import read_sightings, record_sightings

    with inbox_world.ledger.read() as conn:
        stale = read_sightings(conn, "acme", ["d"])["d"]
    with inbox_world.ledger.begin() as conn:
        mark_drop_taken(
            conn, claim_drop(conn, sighting, owner="a", now=inbox_world.now, length=LENGTH), take(sighting), submission="s"
        )
    with inbox_world.ledger.begin() as conn:
        (written,) = record_sightings(conn, [stale])
    assert try_claim(inbox_world, written, "b") is None
    with inbox_world.ledger.read() as conn:
        assert read_sightings(conn, "acme", ["d"])["d"].pending is None


def test_two_first_looks_at_once_are_one_sighting(inbox_world):
    from flows.ledger.intake.drops import Sighting, record_sightings

    with inbox_world.ledger.begin() as conn:
        record_sightings(conn, [Sighting(business="acme", name="d", first_seen=inbox_world.now)])
    with inbox_world.ledger.begin() as conn:
        record_sightings(conn, [Sighting(business="acme", name="d", first_seen=inbox_world.now + SETTLE)])
    with inbox_world.ledger.read() as conn:
        assert conn.execute(select(drop.c.first_seen)).scalar_one() == inbox_world.now


def test_a_drop_that_changed_since_it_was_looked_at_cannot_be_claimed(inbox_world, sighting):
    inbox_world.put("numbers.csv", b"newer")
    assert [type(o) for o in inbox_world.look()] == [Waiting]
    assert try_claim(inbox_world, sighting) is None


def test_what_is_put_back_is_looked_at_anew(inbox_world, sighting):
    lease = try_claim(inbox_world, sighting)
    with inbox_world.ledger.begin() as conn:
        mark_drop_for_rescan(conn, lease)
    assert try_claim(inbox_world, sighting) is None
    (outcome,) = inbox_world.look()
    assert isinstance(outcome, Settled)
    assert try_claim(inbox_world, outcome.sighting).token == 2


def test_a_later_drop_of_the_same_program_waits_for_the_earlier(inbox_world):
    inbox_world.put("program.yaml", manifest(), drop="acme/first")
    inbox_world.look()
    inbox_world.now += SETTLE
    inbox_world.put("program.yaml", manifest(), drop="acme/2nd")
    inbox_world.put("program.yaml", manifest(reference="other"), drop="acme/other")
    inbox_world.put("program.yaml", manifest(), drop="zenith/2nd")
    inbox_world.look()
    sightings = {f"{o.sighting.business}/{o.sighting.name}": o.sighting for o in inbox_world.wait(seconds=1)}
    with inbox_world.ledger.read() as conn:
        assert list_pending_drops(conn) == [("acme", "first"), ("acme", "2nd"), ("zenith", "2nd"), ("acme", "other")]
    first = try_claim(inbox_world, sightings["acme/first"])
    assert try_claim(inbox_world, sightings["acme/2nd"], "b") is None
    assert try_claim(inbox_world, sightings["acme/other"], "b")
    assert try_claim(inbox_world, sightings["zenith/2nd"], "b")
    with inbox_world.ledger.begin() as conn:
        mark_drop_taken(conn, first, take(sightings["acme/first"]), submission="s")
    assert try_claim(inbox_world, sightings["acme/2nd"], "b")


def test_a_claim_is_kept_alive_and_given_back(inbox_world, sighting):
    length = timedelta(seconds=0.3)
    clock = lambda: datetime.now(UTC)  # noqa: E731  short
    with claimed(inbox_world.ledger, sighting, clock=clock, length=length) as lease:
        time.sleep(0.8)
        with claimed(inbox_world.ledger, sighting, clock=clock, length=length) as other:
            assert other is None
        with inbox_world.ledger.begin() as conn:
            check_drop_lease(conn, lease)
    assert not [t for t in threading.enumerate() if "_keep" in t.name]
    with claimed(inbox_world.ledger, sighting, clock=clock, length=length) as again:
        assert again.token == lease.token + 1


def test_the_living_the_dead_and_the_unknown():
    assert not gone(this_owner())
    place, pid, _started_at = this_owner().rsplit(" ", 2)
    assert gone(f"{place} {pid} 1")
    assert not gone(f"elsewhere boot pid {pid} 1")
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    child.start()
    from flows.arrival.leases import _started

    owner = f"{place} {child.pid} {_started(child.pid)}"
    assert not gone(owner)
    os.kill(child.pid, signal.SIGKILL)
    end = time.monotonic() + 10
    while not gone(owner) and time.monotonic() < end:
        time.sleep(0.01)
    assert gone(owner)  # also while nobody has buried it yet
    child.join()
    assert gone(owner)
