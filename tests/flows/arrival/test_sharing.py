"""Several workers on one inbox, with both databases: each drop is taken once, and takeovers wait for transactions."""

import os
import threading
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from flows.arrival.completeness import SettledDrop, versions_to_take
from flows.arrival.scan import scan_inbox
from flows.ledger.core.errors import LeaseLost
from flows.ledger.core.tables import drop
from flows.ledger.core.types import metadata
from flows.ledger.intake.leases import check_drop_lease, claim_drop, mark_drop_taken
from tests.flows.inbox_world import LEASE, SETTLE, InboxWorld, manifest
from tests.flows.ledger.postgres import POSTGRES_MISSING, find_postgres_binaries, running_postgres
from tests.flows.stores.memory import MemoryStore

DROPS, WORKERS = 60, 4


@pytest.fixture(scope="module")
def postgres():
    if find_postgres_binaries() is None:
        pytest.fail(POSTGRES_MISSING) if os.environ.get("CI") == "true" else pytest.skip(POSTGRES_MISSING)
    with running_postgres() as url:
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
    """Scan three times, and take the settled drops that can be claimed."""
    start.wait()
    for _ in range(3):
        for outcome in scan_inbox(inbox_world.inbox, now=inbox_world.now):
            if not isinstance(outcome, SettledDrop):
                continue
            with inbox_world.ledger.begin() as conn:
                lease = claim_drop(conn, outcome.sighting, owner=name, now=inbox_world.now, length=LEASE)
            if lease:
                with inbox_world.ledger.begin() as conn:
                    check_drop_lease(conn, lease)
                    mark_drop_taken(conn, lease, versions_to_take(outcome.sighting), submission=name)
                taken.append((lease.business, lease.name))


def test_each_drop_is_taken_once(inbox_world):
    for i in range(DROPS):
        inbox_world.put("program.yaml", manifest(reference=f"r{i % 20}"), drop=f"b{i % 3}/d{i}")
    inbox_world.scan()
    inbox_world.now += SETTLE
    taken, start = [], threading.Barrier(WORKERS)
    workers = [threading.Thread(target=work, args=(inbox_world, f"w{i}", taken, start)) for i in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(taken) == sorted({(f"b{i % 3}", f"d{i}") for i in range(DROPS)})
    assert inbox_world.scan() == []


def test_nobody_takes_over_while_a_transaction_has_checked_the_lease(inbox_world):
    inbox_world.put("program.yaml", manifest())
    sighting = inbox_world.scan_until_settled()
    with inbox_world.ledger.begin() as conn:
        lease = claim_drop(conn, sighting, owner="slow", now=inbox_world.now, length=LEASE)
    later, got = inbox_world.now + 2 * LEASE, []

    def take_over():
        with inbox_world.ledger.begin() as conn:
            got.append(claim_drop(conn, sighting, owner="b", now=later, length=LEASE))

    with inbox_world.ledger.begin() as conn:
        check_drop_lease(conn, lease)
        taker = threading.Thread(target=take_over)
        taker.start()
        taker.join(0.3)
        assert got == []
        mark_drop_taken(conn, lease, versions_to_take(sighting), submission="s")
    taker.join(20)
    assert got == [None]


def test_a_takeover_fences_off_the_slow_owner(inbox_world):
    inbox_world.put("program.yaml", manifest())
    sighting = inbox_world.scan_until_settled()
    with inbox_world.ledger.begin() as conn:
        slow = claim_drop(conn, sighting, owner="slow", now=inbox_world.now, length=LEASE)
    with inbox_world.ledger.begin() as conn:
        assert claim_drop(conn, sighting, owner="b", now=inbox_world.now + LEASE + timedelta(seconds=1), length=LEASE)
    with pytest.raises(LeaseLost), inbox_world.ledger.begin() as conn:
        check_drop_lease(conn, slow)


def test_file_names_that_databases_cannot_store_as_text_are_kept(inbox_world):
    name = "nul\0and\udce9.csv"
    inbox_world.store.put("acme/d/program.yaml", manifest())
    inbox_world.store.objects[f"acme/d/{name}"] = (b"x", "v")
    sighting = inbox_world.scan_until_settled()
    assert name in sighting.pending.seen
    assert name in inbox_world.scan_after(seconds=1)[0].sighting.pending.seen
