"""SIGKILL at each step of taking a drop: every drop is registered once, and no byte is lost or half copied."""

import os
import random
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.archive.submissions import archive_drop, delete_taken_files, is_intact, open_archived_drop
from flows.arrival.completeness import SettledDrop
from flows.arrival.leases import lease_drop
from flows.arrival.scan import LeftoverDrop, scan_inbox
from flows.ledger.intake.leases import check_drop_lease, mark_drop_taken
from flows.stores.folder import FolderStore
from tests.flows.inbox_world import SETTLE, START, InboxWorld, manifest

STEPS = ("rename", "unlink", "mkdir", "rmdir", "fsync")
DROPS = 3


def open_world(root):
    world = InboxWorld(root, FolderStore(root / "inbox"), FolderStore(root / "archive"))
    world.inbox = replace(world.inbox, empty_after_intake=True)
    world.now = START + SETTLE
    return world


def prepare_inbox(root):
    """Write some drops that have settled, and make a table in place of the ledger's registrations."""
    world = open_world(root)
    world.now = START
    with world.ledger.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE registered (name TEXT, submission TEXT)")
    for i in range(DROPS):
        world.put("numbers.csv", b"x" * 100 * i, drop=f"acme/d{i}")
        world.put("program.yaml", manifest("numbers.csv", reference=f"r{i}"), drop=f"acme/d{i}")
    world.scan()
    world.ledger.close()


def take_all(world):
    """Take each drop as the intake does, but without judging it."""
    for outcome in list(scan_inbox(world.inbox, now=world.now)):
        if isinstance(outcome, SettledDrop):
            take_one(world, outcome.sighting)
        elif isinstance(outcome, LeftoverDrop):
            delete_taken_files(world.store, outcome.sighting.business, outcome.sighting.name, outcome.sighting.taken)


def take_one(world, sighting):
    with lease_drop(world.ledger, sighting, clock=lambda: world.now, length=timedelta(hours=1)) as lease:
        if lease is None:
            return
        archived = archive_drop(world.store, world.archive, sighting, token=lease.token)
        with world.ledger.begin() as conn:
            check_drop_lease(conn, lease)
            row = (lease.name, archived.submission)
            conn.exec_driver_sql("INSERT INTO registered VALUES (?, ?)", row)
            mark_drop_taken(conn, lease, archived.taken, submission=archived.submission)
        delete_taken_files(world.store, lease.business, lease.name, archived.taken)


class Killer:
    """Counts the steps that change something, and kills the process at one of them."""

    def __init__(self, at):
        self.at, self.count = at, 0

    def step(self):
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def counting(self, real):
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


def take_all_in_a_child(root, at=None):
    """Take all drops in a child process. With `at`, it dies at that step. Returns its process id."""
    if pid := os.fork():
        return pid
    try:
        world, killer = open_world(root), Killer(at)
        if at:
            for name in STEPS:
                setattr(os, name, killer.counting(getattr(os, name)))
            real = world.ledger.begin
            world.ledger.begin = lambda: killer.begin(real)
        take_all(world)
        os._exit(0)
    except BaseException as e:
        print(repr(e), file=sys.stderr)
        os._exit(1)


def wait_was_killed(pid):
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def check_all_taken(root):
    """Check that a last pass leaves each drop registered once, complete in the archive, and not in the inbox."""
    world = open_world(root)
    take_all(world)
    with world.ledger.read() as conn:
        rows = sorted(conn.exec_driver_sql("SELECT name, submission FROM registered").tuples())
    assert [name for name, _ in rows] == [f"d{i}" for i in range(DROPS)]
    for i, (name, submission) in enumerate(rows):
        drop = open_archived_drop(world.archive, "acme", submission)
        assert (drop.name, drop.files["numbers.csv"].bytes, is_intact(drop)) == (name, 100 * i, True)
    archived = {e.key.split("/")[1] for e in world.archive.list("acme/")}
    assert archived == {submission for _, submission in rows}
    assert list(world.store.list()) == []
    world.ledger.close()


def count_steps_of_a_clean_run(root):
    prepare_inbox(root)
    at = 1
    world, killer = open_world(root), Killer(0)
    real, functions = world.ledger.begin, {name: getattr(os, name) for name in STEPS}
    world.ledger.begin = lambda: killer.begin(real)
    try:
        for name in STEPS:
            setattr(os, name, killer.counting(functions[name]))
        take_all(world)
    finally:
        for name, function in functions.items():
            setattr(os, name, function)
        world.ledger.close()
    return killer.count + at


def kill_at(root, at):
    root.mkdir()
    prepare_inbox(root)
    assert wait_was_killed(take_all_in_a_child(root, at))
    check_all_taken(root)


def test_sigkill_at_some_of_the_steps(tmp_path):
    (tmp_path / "clean").mkdir()
    steps = count_steps_of_a_clean_run(tmp_path / "clean")
    assert steps > 60
    for at in range(1, steps // DROPS + 2, 3):
        kill_at(tmp_path / str(at), at)


@pytest.mark.soak
def test_sigkill_at_every_step(tmp_path):
    (tmp_path / "clean").mkdir()
    for at in range(1, count_steps_of_a_clean_run(tmp_path / "clean") - 1):
        kill_at(tmp_path / str(at), at)


def kill_at_random(root, rng, kills):
    """Let processes share an inbox. Stop, continue and kill them at random moments, and start others instead."""
    pids = [take_all_in_a_child(root) for _ in range(3)]
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
            pids[at] = take_all_in_a_child(root)
    for pid in pids:
        os.waitpid(pid, 0)


def test_processes_that_share_an_inbox_are_killed_at_random(tmp_path):
    prepare_inbox(tmp_path)
    kill_at_random(tmp_path, random.Random(1), 6)
    check_all_taken(tmp_path)


@pytest.mark.soak
def test_two_hundred_random_kills(tmp_path):
    rng = random.Random(2)
    for i in range(25):
        (tmp_path / str(i)).mkdir()
        prepare_inbox(tmp_path / str(i))
        kill_at_random(tmp_path / str(i), rng, 10)
        check_all_taken(tmp_path / str(i))
