"""SIGKILL at each step of taking a drop: one registration each, no byte lost, nothing half in the archive."""

import os
import random
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.archive.submissions import archive_drop, empty, open_drop, verified
from flows.arrival.completeness import Settled
from flows.arrival.leases import claimed
from flows.arrival.scan import Left, look
from flows.ledger.intake.leases import check_drop_lease, mark_drop_taken
from flows.stores.folder import FolderStore
from tests.flows.inbox_world import SETTLE, START, InboxWorld, manifest

STEPS = ("rename", "unlink", "mkdir", "rmdir", "fsync")
DROPS = 3


def open_world(root):
    world = InboxWorld(root, FolderStore(root / "inbox"), FolderStore(root / "archive"))
    world.inbox = replace(world.inbox, emptied=True)
    world.now = START + SETTLE
    return world


def arrive(root):
    """An inbox with some settled drops, and a table that stands for what the ledger registers."""
    world = open_world(root)
    world.now = START
    with world.ledger.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE registered (name TEXT, submission TEXT)")
    for i in range(DROPS):
        world.put("numbers.csv", b"x" * 100 * i, drop=f"acme/d{i}")
        world.put("program.yaml", manifest("numbers.csv", reference=f"r{i}"), drop=f"acme/d{i}")
    world.look()
    world.ledger.close()


def take_all(world):
    """What intake does with each drop, but for the judging."""
    for outcome in list(look(world.inbox, now=world.now)):
        if isinstance(outcome, Settled):
            take_one(world, outcome.sighting)
        elif isinstance(outcome, Left):
            empty(world.store, outcome.sighting.business, outcome.sighting.name, outcome.sighting.taken)


def take_one(world, sighting):
    with claimed(world.ledger, sighting, clock=lambda: world.now, length=timedelta(hours=1)) as lease:
        if lease is None:
            return
        archived = archive_drop(world.store, world.archive, sighting, token=lease.token)
        with world.ledger.begin() as conn:
            check_drop_lease(conn, lease)
            row = (lease.name, archived.submission)
            conn.exec_driver_sql("INSERT INTO registered VALUES (?, ?)", row)
            mark_drop_taken(conn, lease, archived.taken, submission=archived.submission)
        empty(world.store, lease.business, lease.name, archived.taken)


class Mortal:
    """Counts the steps that change something and dies at one of them."""

    def __init__(self, at):
        self.at, self.count = at, 0

    def step(self):
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(self, real):
        def call(*args, **kw):
            self.step()
            return real(*args, **kw)

        return call

    @contextmanager
    def begin(self, real):
        self.step()
        with real() as conn:
            yield conn
            self.step()
        self.step()


def in_a_process(root, at=None):
    """Take all in a process of its own; with `at` it dies at that step. Gives the process's number."""
    if pid := os.fork():
        return pid
    try:
        world, mortal = open_world(root), Mortal(at)
        if at:
            for name in STEPS:
                setattr(os, name, mortal.before(getattr(os, name)))
            real = world.ledger.begin
            world.ledger.begin = lambda: mortal.begin(real)
        take_all(world)
        os._exit(0)
    except BaseException as e:
        print(repr(e), file=sys.stderr)
        os._exit(1)


def died(pid):
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def check(root):
    """That a last pass leaves each drop registered once, whole in the archive, and gone from the inbox."""
    world = open_world(root)
    take_all(world)
    with world.ledger.read() as conn:
        rows = sorted(conn.exec_driver_sql("SELECT name, submission FROM registered").tuples())
    assert [name for name, _ in rows] == [f"d{i}" for i in range(DROPS)]
    for i, (name, submission) in enumerate(rows):
        drop = open_drop(world.archive, "acme", submission)
        assert (drop.name, drop.files["numbers.csv"].bytes, verified(drop)) == (name, 100 * i, True)
    kept = {e.key.split("/")[1] for e in world.archive.list("acme/")}
    assert kept == {submission for _, submission in rows}
    assert list(world.store.list()) == []
    world.ledger.close()


def steps_of_a_clean_run(root):
    arrive(root)
    at = 1
    world, mortal = open_world(root), Mortal(0)
    real, kept = world.ledger.begin, {name: getattr(os, name) for name in STEPS}
    world.ledger.begin = lambda: mortal.begin(real)
    try:
        for name in STEPS:
            setattr(os, name, mortal.before(kept[name]))
        take_all(world)
    finally:
        for name, function in kept.items():
            setattr(os, name, function)
        world.ledger.close()
    return mortal.count + at


def kill_at(root, at):
    root.mkdir()
    arrive(root)
    assert died(in_a_process(root, at))
    check(root)


def test_sigkill_at_a_slice_of_the_steps(tmp_path):
    (tmp_path / "clean").mkdir()
    steps = steps_of_a_clean_run(tmp_path / "clean")
    assert steps > 60
    for at in range(1, steps // DROPS + 2, 3):
        kill_at(tmp_path / str(at), at)


@pytest.mark.soak
def test_sigkill_at_every_step(tmp_path):
    (tmp_path / "clean").mkdir()
    for at in range(1, steps_of_a_clean_run(tmp_path / "clean") - 1):
        kill_at(tmp_path / str(at), at)


def several(root, rng, kills):
    """Processes share an inbox and are stopped, woken up and killed at random moments; others come in their place."""
    pids = [in_a_process(root) for _ in range(3)]
    for _ in range(kills):
        time.sleep(rng.uniform(0, 0.05))
        at = rng.randrange(len(pids))
        os.kill(pids[at], signal.SIGSTOP)
        if rng.random() < 0.5:
            time.sleep(rng.uniform(0, 0.02))
            os.kill(pids[at], signal.SIGCONT)
        else:
            os.kill(pids[at], signal.SIGKILL)
            os.waitpid(pids[at], 0)
            pids[at] = in_a_process(root)
    for pid in pids:
        os.waitpid(pid, 0)


def test_processes_share_an_inbox_whoever_dies(tmp_path):
    arrive(tmp_path)
    several(tmp_path, random.Random(1), 6)
    check(tmp_path)


@pytest.mark.soak
def test_two_hundred_random_kills(tmp_path):
    rng = random.Random(2)
    for i in range(25):
        (tmp_path / str(i)).mkdir()
        arrive(tmp_path / str(i))
        several(tmp_path / str(i), rng, 10)
        check(tmp_path / str(i))
