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
from flows.ledger.intake.leases import claim, fenced, mark_taken
from tests.flows.arrival.conftest import LENGTH, SETTLE, World, manifest
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
def world(request, tmp_path):
    url = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    world = World(tmp_path, MemoryStore(), MemoryStore(), url)
    yield world
    metadata.drop_all(world.ledger.engine, tables=[drop])
    world.ledger.close()


def work(world, name, taken, start):
    """Look twice and claim whatever is settled, until nothing is."""
    start.wait()
    for _ in range(3):
        for outcome in look(world.inbox, now=world.now):
            if not isinstance(outcome, Settled):
                continue
            with world.ledger.begin() as conn:
                lease = claim(conn, outcome.sighting, owner=name, now=world.now, length=LENGTH)
            if lease:
                with world.ledger.begin() as conn:
                    fenced(conn, lease)
                    mark_taken(conn, lease, take(outcome.sighting), submission=name)
                taken.append((lease.business, lease.name))


def test_each_drop_is_taken_once(world):
    for i in range(DROPS):
        world.put("program.yaml", manifest(reference=f"r{i % 20}"), drop=f"b{i % 3}/d{i}")
    world.look()
    world.now += SETTLE
    taken, start = [], threading.Barrier(WORKERS)
    workers = [threading.Thread(target=work, args=(world, f"w{i}", taken, start)) for i in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(taken) == sorted({(f"b{i % 3}", f"d{i}") for i in range(DROPS)})
    assert world.look() == []


def test_nobody_takes_over_while_a_fenced_transaction_is_open(world):
    world.put("program.yaml", manifest())
    sighting = world.settled()
    with world.ledger.begin() as conn:
        lease = claim(conn, sighting, owner="slow", now=world.now, length=LENGTH)
    later, got = world.now + 2 * LENGTH, []

    def take_over():
        with world.ledger.begin() as conn:
            got.append(claim(conn, sighting, owner="b", now=later, length=LENGTH))

    with world.ledger.begin() as conn:
        fenced(conn, lease)
        taker = threading.Thread(target=take_over)
        taker.start()
        taker.join(0.3)
        assert got == []
        mark_taken(conn, lease, take(sighting), submission="s")
    taker.join(20)
    assert got == [None]


def test_a_takeover_fences_the_slow_one_off(world):
    world.put("program.yaml", manifest())
    sighting = world.settled()
    with world.ledger.begin() as conn:
        slow = claim(conn, sighting, owner="slow", now=world.now, length=LENGTH)
    with world.ledger.begin() as conn:
        assert claim(conn, sighting, owner="b", now=world.now + LENGTH + timedelta(seconds=1), length=LENGTH)
    with pytest.raises(LeaseLost), world.ledger.begin() as conn:
        fenced(conn, slow)


def test_names_that_databases_do_not_like_survive(world):
    name = "nul\0and\udce9.csv"
    world.store.put("acme/d/program.yaml", manifest())
    world.store.objects[f"acme/d/{name}"] = (b"x", "v")
    sighting = world.settled()
    assert name in sighting.pending.seen
    assert name in world.wait(seconds=1)[0].sighting.pending.seen
