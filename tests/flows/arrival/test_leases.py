"""Leases: one process takes a drop at a time, takes over from a dead one, and is fenced off when it is slow."""

import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select

from flows.arrival.completeness import SettledDrop, UnsettledDrop, versions_to_take
from flows.arrival.leases import lease_drop
from flows.ledger.core.errors import LeaseLost
from flows.ledger.core.tables import drop
from flows.ledger.intake.drops import Sighting, read_sightings, record_sightings
from flows.ledger.intake.leases import (
    check_drop_lease,
    claim_drop,
    extend_drop_lease,
    mark_drop_for_rescan,
    mark_drop_taken,
    release_drop_lease,
)
from tests.flows.inbox_world import LEASE, SETTLE, list_pending_drops, manifest


@pytest.fixture
def sighting(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv")
    return inbox_world.scan_until_settled()


def try_claim(inbox_world, sighting, owner="a", **more):
    with inbox_world.ledger.begin() as conn:
        return claim_drop(conn, sighting, owner=owner, now=inbox_world.now, length=LEASE, **more)


def token(inbox_world):
    with inbox_world.ledger.read() as conn:
        return conn.execute(select(drop.c.lease_token)).scalar_one()


def test_a_drop_has_one_lease_at_a_time(inbox_world, sighting):
    lease = try_claim(inbox_world, sighting)
    assert (lease.owner, lease.token, lease.until) == ("a", 1, inbox_world.now + LEASE)
    assert try_claim(inbox_world, sighting, "b") is None
    with inbox_world.ledger.begin() as conn:
        release_drop_lease(conn, lease)
    assert try_claim(inbox_world, sighting, "b").token == 2


def test_an_expired_lease_is_taken_over_and_its_owner_can_no_longer_write(inbox_world, sighting):
    slow = try_claim(inbox_world, sighting)
    inbox_world.now += LEASE
    taker = try_claim(inbox_world, sighting, "b")
    assert taker.token == 2
    for write in (
        lambda conn: check_drop_lease(conn, slow),
        lambda conn: extend_drop_lease(conn, slow, now=inbox_world.now, length=LEASE),
        lambda conn: mark_drop_taken(conn, slow, versions_to_take(sighting), submission="s"),
        lambda conn: release_drop_lease(conn, slow),
        lambda conn: mark_drop_for_rescan(conn, slow),
    ):
        with (
            pytest.raises(LeaseLost, match="acme/d was taken over by another process"),
            inbox_world.ledger.begin() as conn,
        ):
            write(conn)
    with inbox_world.ledger.begin() as conn:
        check_drop_lease(conn, taker)
        mark_drop_taken(conn, taker, versions_to_take(sighting), submission="s")


def test_a_slow_owner_can_write_as_long_as_nobody_has_taken_over(inbox_world, sighting):
    lease = try_claim(inbox_world, sighting)
    inbox_world.now += 10 * LEASE
    with inbox_world.ledger.begin() as conn:
        check_drop_lease(conn, lease)
        mark_drop_taken(conn, lease, versions_to_take(sighting), submission="s")


def test_a_heartbeat_keeps_a_lease_alive(inbox_world, sighting):
    lease = try_claim(inbox_world, sighting)
    for _ in range(5):
        inbox_world.now += LEASE / 2
        with inbox_world.ledger.begin() as conn:
            lease = extend_drop_lease(conn, lease, now=inbox_world.now, length=LEASE)
        assert try_claim(inbox_world, sighting, "b") is None


def test_the_lease_of_a_dead_owner_need_not_expire(inbox_world, sighting):
    assert try_claim(inbox_world, sighting, "dead")
    assert try_claim(inbox_world, sighting, "b", is_owner_dead=lambda owner: owner == "another") is None
    assert try_claim(inbox_world, sighting, "b", is_owner_dead=lambda owner: owner == "dead").token == 2


def test_a_taken_drop_cannot_be_claimed_with_an_old_sighting(inbox_world, sighting):
    inbox_world.scan()
    with inbox_world.ledger.begin() as conn:
        lease = claim_drop(conn, sighting, owner="a", now=inbox_world.now, length=LEASE)
        mark_drop_taken(conn, lease, versions_to_take(sighting), submission="s")
    assert try_claim(inbox_world, sighting, "b") is None
    assert inbox_world.scan() == []
    assert token(inbox_world) == 1


def test_a_scan_that_began_before_a_drop_was_taken_does_not_undo_that(inbox_world, sighting):
    with inbox_world.ledger.read() as conn:
        stale = read_sightings(conn, "acme", ["d"])["d"]
    with inbox_world.ledger.begin() as conn:
        lease = claim_drop(conn, sighting, owner="a", now=inbox_world.now, length=LEASE)
        mark_drop_taken(conn, lease, versions_to_take(sighting), submission="s")
    with inbox_world.ledger.begin() as conn:
        (written,) = record_sightings(conn, [stale])
    assert try_claim(inbox_world, written, "b") is None
    with inbox_world.ledger.read() as conn:
        assert read_sightings(conn, "acme", ["d"])["d"].pending is None


def test_two_first_scans_at_once_make_one_sighting(inbox_world):
    with inbox_world.ledger.begin() as conn:
        record_sightings(conn, [Sighting(business="acme", name="d", first_seen=inbox_world.now)])
    with inbox_world.ledger.begin() as conn:
        record_sightings(conn, [Sighting(business="acme", name="d", first_seen=inbox_world.now + SETTLE)])
    with inbox_world.ledger.read() as conn:
        assert conn.execute(select(drop.c.first_seen)).scalar_one() == inbox_world.now


def test_a_drop_that_has_changed_since_the_scan_cannot_be_claimed(inbox_world, sighting):
    inbox_world.put("numbers.csv", b"newer")
    assert [type(o) for o in inbox_world.scan()] == [UnsettledDrop]
    assert try_claim(inbox_world, sighting) is None


def test_a_drop_that_is_released_for_a_rescan_is_scanned_again(inbox_world, sighting):
    lease = try_claim(inbox_world, sighting)
    with inbox_world.ledger.begin() as conn:
        mark_drop_for_rescan(conn, lease)
    assert try_claim(inbox_world, sighting) is None
    (outcome,) = inbox_world.scan()
    assert isinstance(outcome, SettledDrop)
    assert try_claim(inbox_world, outcome.sighting).token == 2


def test_a_later_drop_for_the_same_program_waits_for_the_earlier_one(inbox_world):
    inbox_world.put("program.yaml", manifest(), drop="acme/first")
    inbox_world.scan()
    inbox_world.now += SETTLE
    inbox_world.put("program.yaml", manifest(), drop="acme/2nd")
    inbox_world.put("program.yaml", manifest(reference="other"), drop="acme/other")
    inbox_world.put("program.yaml", manifest(), drop="zenith/2nd")
    inbox_world.scan()
    sightings = {f"{o.sighting.business}/{o.sighting.name}": o.sighting for o in inbox_world.scan_after(seconds=1)}
    with inbox_world.ledger.read() as conn:
        assert list_pending_drops(conn) == [("acme", "first"), ("acme", "2nd"), ("zenith", "2nd"), ("acme", "other")]
    first = try_claim(inbox_world, sightings["acme/first"])
    assert try_claim(inbox_world, sightings["acme/2nd"], "b") is None
    assert try_claim(inbox_world, sightings["acme/other"], "b")
    assert try_claim(inbox_world, sightings["zenith/2nd"], "b")
    with inbox_world.ledger.begin() as conn:
        mark_drop_taken(conn, first, versions_to_take(sightings["acme/first"]), submission="s")
    assert try_claim(inbox_world, sightings["acme/2nd"], "b")


def test_a_leased_drop_is_kept_alive_and_then_released(inbox_world, sighting):
    length = timedelta(seconds=0.3)
    clock = partial(datetime.now, UTC)
    with lease_drop(inbox_world.ledger, sighting, clock=clock, length=length) as lease:
        time.sleep(0.8)
        with lease_drop(inbox_world.ledger, sighting, clock=clock, length=length) as other:
            assert other is None
        with inbox_world.ledger.begin() as conn:
            check_drop_lease(conn, lease)
    assert not [thread for thread in threading.enumerate() if thread.name == "lease heartbeat"]
    with lease_drop(inbox_world.ledger, sighting, clock=clock, length=length) as again:
        assert again.token == lease.token + 1
