"""The names of lease owners, and which of them are known to be dead."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from flows.leasing import is_owner_dead, this_owner


def read_start_ticks(pid):
    """A process's start time as earlier releases read it. Their names are in ledgers."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


@pytest.fixture
def machine():
    return this_owner().rsplit(" ", 2)[0]


def test_this_process_has_the_name_that_earlier_releases_gave_it(machine):
    assert this_owner() == f"{machine} {os.getpid()} {read_start_ticks(os.getpid())}"
    assert not is_owner_dead(this_owner())


def test_a_process_id_that_is_used_again_does_not_keep_its_previous_owner_alive(machine):
    assert is_owner_dead(f"{machine} {os.getpid()} 1")


@pytest.mark.parametrize("owner", ["elsewhere boot pid 1 1", "somebody", ""])
def test_an_owner_on_another_machine_is_not_known_to_be_dead(owner):
    assert not is_owner_dead(owner)


def test_a_killed_process_is_known_to_be_dead_at_once(machine):
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    child.start()
    owner = f"{machine} {child.pid} {read_start_ticks(child.pid)}"
    assert not is_owner_dead(owner)
    os.kill(child.pid, signal.SIGKILL)
    end = time.monotonic() + 10
    while not is_owner_dead(owner) and time.monotonic() < end:
        time.sleep(0.01)
    assert is_owner_dead(owner)  # even as a zombie, before `join`
    child.join()
    assert is_owner_dead(owner)
