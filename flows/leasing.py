"""What leases share: the name of their owner (drops, jobs, outbox entries), and the heartbeat (drops and jobs)."""

import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TypeVar

import psutil

from flows.ledger.core.errors import LeaseLost

L = TypeVar("L")


def this_owner() -> str:
    """The name under which this process holds leases: where it runs, its process id, and when it started.

    The start time is there because the system uses process ids again.
    """
    return f"{_this_machine()} {os.getpid()} {_start_ticks(os.getpid())}"


def is_owner_dead(owner: str) -> bool:
    """Whether a process is known to be dead. Unknown if it ran on another machine: then its lease has to expire."""
    place, _, start_ticks = owner.rpartition(" ")
    machine, _, pid = place.rpartition(" ")
    return machine == _this_machine() and _start_ticks(int(pid)) != start_ticks


@contextmanager
def heartbeat(
    leases: Callable[[], Iterable[L]],
    renew: Callable[[L], object],
    on_lost: Callable[[L], object],
    *,
    length: timedelta,
) -> Iterator[None]:
    """Renew leases of this length on a background thread while the block runs.

    `leases` lists what to renew. A lease that was lost is passed to `on_lost`; the work itself notices the loss when it
    writes, since each write checks the lease. Other errors are ignored: the ledger may be unreachable for a moment, and
    there are three beats per lease length.
    """
    done = threading.Event()

    def beat() -> None:
        while not done.wait(length.total_seconds() / 3):
            for lease in leases():
                try:
                    renew(lease)
                except LeaseLost:
                    on_lost(lease)
                except Exception:  # noqa: S112  see above
                    continue

    thread = threading.Thread(target=beat, name="lease heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@cache
def _this_machine() -> str:
    """Host, boot and process namespace. Processes with the same value can see each other's process ids."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    with suppress(OSError):
        return f"{socket.gethostname()} {boot.read_text().strip()[:8]} {Path('/proc/self/ns/pid').readlink()}"
    return f"{socket.gethostname()} {os.getppid()}-{os.urandom(4).hex()}"


def _start_ticks(pid: int) -> str:
    """When a process started, in clock ticks since boot; "" if it does not run (a zombie does not).

    Ledgers have these names, so the unit stays. Setting the system's clock changes both times below alike, and so not
    their difference, unless it happens between the two reads.
    """
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return ""
        since_boot = process.create_time() - psutil.boot_time()
    except psutil.NoSuchProcess:
        return ""
    return str(round(since_boot * os.sysconf("SC_CLK_TCK")))
