"""Several workers on one inbox, on either database: each drop is taken once, and a takeover waits for a transaction."""

import os
import threading
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from flows.arrival.completeness import Settled, take
from flows.arrival.scan import look
from flows.ledger.core.errors import LeaseLost
from flows.ledger.core.types import metadata
from flows.ledger.intake.drops import drop
from flows.ledger.intake.leases import check_drop_lease, claim_drop, mark_drop_taken
from tests.flows.inbox_world import LENGTH, SETTLE, InboxWorld, manifest
from tests.flows.ledger.postgres import MISSING, binaries, running
from tests.flows.stores.memory import MemoryStore

DROPS, WORKERS = 60, 4


@pytest.fixture(scope="module")
def postgres():
    if binaries() is None:
        pytest.fail(MISSING) if os.environ.get("CI") == "true" else pytest.skip(MISSING)
    with running() as url:
        admin = create_engine(url.format("postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as conn:
            conn.execute(text("create database arrival"))
        admin.dispose()
        yield url.format("arrival")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def inbox_world(request, tmp_path):
    url = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    inbox_world = InboxWorld(tmp_path, MemoryStore(), MemoryStore(), url)
    yield inbox_world
    metadata.drop_all(inbox_world.ledger.engine, tables=[drop])
    inbox_world.ledger.close()


def work(inbox_world, name, taken, start):
    """Look twice and claim whatever is settled, until nothing is."""
    start.wait()
    for _ in range(3):
        for outcome in look(inbox_world.inbox, now=inbox_world.now):
            if not isinstance(outcome, Settled):
                continue
            with inbox_world.ledger.begin() as conn:
                lease = claim_drop(conn, outcome.sighting, owner=name, now=inbox_world.now, length=LENGTH)
            if lease:
                with inbox_world.ledger.begin() as conn:
                    check_drop_lease(conn, lease)
                    mark_drop_taken(conn, lease, take(outcome.sighting), submission=name)
                taken.append((lease.business, lease.name))


def test_each_drop_is_taken_once(inbox_world):
    for i in range(DROPS):
        inbox_world.put("program.yaml", manifest(reference=f"r{i % 20}"), drop=f"b{i % 3}/d{i}")
    inbox_world.look()
    inbox_world.now += SETTLE
    taken, start = [], threading.Barrier(WORKERS)
    workers = [threading.Thread(target=work, args=(inbox_world, f"w{i}", taken, start)) for i in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(taken) == sorted({(f"b{i % 3}", f"d{i}") for i in range(DROPS)})
    assert inbox_world.look() == []


def test_nobody_takes_over_while_a_fenced_transaction_is_open(inbox_world):
    inbox_world.put("program.yaml", manifest())
    sighting = inbox_world.settled()
    with inbox_world.ledger.begin() as conn:
        lease = claim_drop(conn, sighting, owner="slow", now=inbox_world.now, length=LENGTH)
    later, got = inbox_world.now + 2 * LENGTH, []

    def take_over():
        with inbox_world.ledger.begin() as conn:
            got.append(claim_drop(conn, sighting, owner="b", now=later, length=LENGTH))

    with inbox_world.ledger.begin() as conn:
        check_drop_lease(conn, lease)
        taker = threading.Thread(target=take_over)
        taker.start()
        taker.join(0.3)
        assert got == []
        mark_drop_taken(conn, lease, take(sighting), submission="s")
    taker.join(20)
    assert got == [None]


def test_a_takeover_fences_the_slow_one_off(inbox_world):
    inbox_world.put("program.yaml", manifest())
    sighting = inbox_world.settled()
    with inbox_world.ledger.begin() as conn:
        slow = claim_drop(conn, sighting, owner="slow", now=inbox_world.now, length=LENGTH)
    with inbox_world.ledger.begin() as conn:
        assert claim_drop(conn, sighting, owner="b", now=inbox_world.now + LENGTH + timedelta(seconds=1), length=LENGTH)
    with pytest.raises(LeaseLost), inbox_world.ledger.begin() as conn:
        check_drop_lease(conn, slow)


def test_names_that_databases_do_not_like_survive(inbox_world):
    name = "nul\0and\udce9.csv"
    inbox_world.store.put("acme/d/program.yaml", manifest())
    inbox_world.store.objects[f"acme/d/{name}"] = (b"x", "v")
    sighting = inbox_world.settled()
    assert name in sighting.pending.seen
    assert name in inbox_world.wait(seconds=1)[0].sighting.pending.seen
