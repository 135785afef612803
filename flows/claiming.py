"""Whose turn it is: this process's name, and a lease kept alive while the work for a drop goes on."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from flows.ledger import Ledger
from flows.ledger.errors import LeaseLost
from flows.ledger.sightings import Lease, Sighting, beat, claim, release


@cache
def here() -> str:
    """This machine as its processes see it: host, boot and process namespace. Only within it can a dead one be told."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    with suppress(OSError):
        return f"{socket.gethostname()} {boot.read_text().strip()[:8]} {Path('/proc/self/ns/pid').readlink()}"
    return f"{socket.gethostname()} {os.getppid()}-{os.urandom(4).hex()}"


def this_owner() -> str:
    """The name this process leases under: where it runs, its number, and when it started, as numbers are used again."""
    return f"{here()} {os.getpid()} {_started(os.getpid())}"


def gone(owner: str) -> bool:
    """Whether that owner is known to be dead; False where nobody here can tell, then its lease must run out."""
    place, _, process = owner.rpartition(" ")
    place, _, pid = place.rpartition(" ")
    return place == here() and _started(int(pid)) != process


def _started(pid: int) -> str:
    """When a process started, in clock ticks since boot; "" when there is none, or it is dead and not yet buried."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


@contextmanager
def claimed(
    ledger: Ledger, sighting: Sighting, *, clock: Callable[[], datetime], length: timedelta
) -> Iterator[Lease | None]:
    """Claim a drop and keep its lease alive for the time of the block; None when it is another's turn.

    Afterwards the lease is given back, unless the work ended it already. A lease lost on the way is noticed by the
    transaction that is fenced with it, not here.
    """
    with ledger.begin() as conn:
        lease = claim(conn, sighting, owner=this_owner(), now=clock(), length=length, gone=gone)
    if lease is None:
        yield None
        return
    done = threading.Event()
    heart = threading.Thread(target=_keep, args=(ledger, lease, clock, length, done), daemon=True)
    heart.start()
    try:
        yield lease
    finally:
        done.set()
        heart.join()
        with suppress(LeaseLost), ledger.begin() as conn:
            release(conn, lease)


def _keep(
    ledger: Ledger, lease: Lease, clock: Callable[[], datetime], length: timedelta, done: threading.Event
) -> None:
    while not done.wait(length.total_seconds() / 3):
        try:
            with ledger.begin() as conn:
                lease = beat(conn, lease, now=clock(), length=length)
        except LeaseLost:
            return
        except Exception:  # noqa: S112  a ledger out of reach for a moment: the next beat may come in time
            continue
