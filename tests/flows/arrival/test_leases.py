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
from flows.ledger.intake.drops import drop, waiting
from flows.ledger.intake.leases import beat, claim, fenced, mark_taken, put_back, release
from tests.flows.arrival.conftest import LENGTH, SETTLE, manifest


@pytest.fixture
def sighting(world):
    world.put("program.yaml", manifest("numbers.csv"))
    world.put("numbers.csv")
    return world.settled()


def try_claim(world, sighting, owner="a", **more):
    with world.ledger.begin() as conn:
        return claim(conn, sighting, owner=owner, now=world.now, length=LENGTH, **more)


def token(world):
    with world.ledger.read() as conn:
        return conn.execute(select(drop.c.lease_token)).scalar_one()


def test_one_at_a_time(world, sighting):
    lease = try_claim(world, sighting)
    assert (lease.owner, lease.token, lease.until) == ("a", 1, world.now + LENGTH)
    assert try_claim(world, sighting, "b") is None
    with world.ledger.begin() as conn:
        release(conn, lease)
    assert try_claim(world, sighting, "b").token == 2


def test_a_dead_ones_drop_is_taken_over_after_its_lease_and_it_cannot_write(world, sighting):
    late = try_claim(world, sighting)
    world.now += LENGTH
    taker = try_claim(world, sighting, "b")
    assert taker.token == 2
    for do in (
        lambda conn: fenced(conn, late),
        lambda conn: beat(conn, late, now=world.now, length=LENGTH),
        lambda conn: mark_taken(conn, late, take(sighting), submission="s"),
        lambda conn: release(conn, late),
        lambda conn: put_back(conn, late),
    ):
        with pytest.raises(LeaseLost, match="acme/d was taken over by another process"), world.ledger.begin() as conn:
            do(conn)
    with world.ledger.begin() as conn:
        fenced(conn, taker)
        mark_taken(conn, taker, take(sighting), submission="s")


def test_a_slow_owner_may_write_as_long_as_nobody_took_over(world, sighting):
    lease = try_claim(world, sighting)
    world.now += 10 * LENGTH
    with world.ledger.begin() as conn:
        fenced(conn, lease)
        mark_taken(conn, lease, take(sighting), submission="s")


def test_a_heartbeat_keeps_it(world, sighting):
    lease = try_claim(world, sighting)
    for _ in range(5):
        world.now += LENGTH / 2
        with world.ledger.begin() as conn:
            lease = beat(conn, lease, now=world.now, length=LENGTH)
        assert try_claim(world, sighting, "b") is None


def test_a_lease_of_an_owner_known_to_be_dead_does_not_have_to_run_out(world, sighting):
    assert try_claim(world, sighting, "dead")
    assert try_claim(world, sighting, "b", gone=lambda owner: owner == "another") is None
    assert try_claim(world, sighting, "b", gone=lambda owner: owner == "dead").token == 2


def test_what_was_taken_cannot_be_claimed_by_an_old_look(world, sighting):
    world.look()
    with world.ledger.begin() as conn:
        mark_taken(conn, claim(conn, sighting, owner="a", now=world.now, length=LENGTH), take(sighting), submission="s")
    assert try_claim(world, sighting, "b") is None
    assert world.look() == []
    assert token(world) == 1


def test_a_look_that_began_before_it_was_taken_brings_nothing_back(world, sighting):
    from flows.ledger.intake.drops import record, sightings

    with world.ledger.read() as conn:
        stale = sightings(conn, "acme", ["d"])["d"]
    with world.ledger.begin() as conn:
        mark_taken(conn, claim(conn, sighting, owner="a", now=world.now, length=LENGTH), take(sighting), submission="s")
    with world.ledger.begin() as conn:
        (written,) = record(conn, [stale])
    assert try_claim(world, written, "b") is None
    with world.ledger.read() as conn:
        assert sightings(conn, "acme", ["d"])["d"].pending is None


def test_two_first_looks_at_once_are_one_sighting(world):
    from flows.ledger.intake.drops import Sighting, record

    with world.ledger.begin() as conn:
        record(conn, [Sighting(business="acme", name="d", first_seen=world.now)])
    with world.ledger.begin() as conn:
        record(conn, [Sighting(business="acme", name="d", first_seen=world.now + SETTLE)])
    with world.ledger.read() as conn:
        assert conn.execute(select(drop.c.first_seen)).scalar_one() == world.now


def test_a_drop_that_changed_since_it_was_looked_at_cannot_be_claimed(world, sighting):
    world.put("numbers.csv", b"newer")
    assert [type(o) for o in world.look()] == [Waiting]
    assert try_claim(world, sighting) is None


def test_what_is_put_back_is_looked_at_anew(world, sighting):
    lease = try_claim(world, sighting)
    with world.ledger.begin() as conn:
        put_back(conn, lease)
    assert try_claim(world, sighting) is None
    (outcome,) = world.look()
    assert isinstance(outcome, Settled)
    assert try_claim(world, outcome.sighting).token == 2


def test_a_later_drop_of_the_same_program_waits_for_the_earlier(world):
    world.put("program.yaml", manifest(), drop="acme/first")
    world.look()
    world.now += SETTLE
    world.put("program.yaml", manifest(), drop="acme/2nd")
    world.put("program.yaml", manifest(reference="other"), drop="acme/other")
    world.put("program.yaml", manifest(), drop="zenith/2nd")
    world.look()
    sightings = {f"{o.sighting.business}/{o.sighting.name}": o.sighting for o in world.wait(seconds=1)}
    with world.ledger.read() as conn:
        assert waiting(conn) == [("acme", "first"), ("acme", "2nd"), ("zenith", "2nd"), ("acme", "other")]
    first = try_claim(world, sightings["acme/first"])
    assert try_claim(world, sightings["acme/2nd"], "b") is None
    assert try_claim(world, sightings["acme/other"], "b")
    assert try_claim(world, sightings["zenith/2nd"], "b")
    with world.ledger.begin() as conn:
        mark_taken(conn, first, take(sightings["acme/first"]), submission="s")
    assert try_claim(world, sightings["acme/2nd"], "b")


def test_a_claim_is_kept_alive_and_given_back(world, sighting):
    length = timedelta(seconds=0.3)
    clock = lambda: datetime.now(UTC)  # noqa: E731  short
    with claimed(world.ledger, sighting, clock=clock, length=length) as lease:
        time.sleep(0.8)
        with claimed(world.ledger, sighting, clock=clock, length=length) as other:
            assert other is None
        with world.ledger.begin() as conn:
            fenced(conn, lease)
    assert not [t for t in threading.enumerate() if "_keep" in t.name]
    with claimed(world.ledger, sighting, clock=clock, length=length) as again:
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
