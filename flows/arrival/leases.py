"""Whose turn it is: this process's name, and a lease kept alive while the work for a drop goes on."""

import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TypeVar

from flows.ledger.core.engine import Ledger
from flows.ledger.core.errors import LeaseLost
from flows.ledger.intake.drops import Sighting
from flows.ledger.intake.leases import DropLease, claim_drop, extend_drop_lease, holds_drop_lease, release_drop_lease

L = TypeVar("L")


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
) -> Iterator[DropLease | None]:
    """Claim a drop and keep its lease alive for the time of the block; None when it is another's turn.

    Afterwards the lease is given back, unless the work ended it already. A lease lost on the way is noticed by the
    transaction that is fenced with it, not here.
    """
    leases = Leases(ledger, clock=clock, length=length)
    with leases.claiming() as claim_one:
        lease = claim_one(sighting)
    if lease is None:
        yield None
        return
    with leases.kept_alive():
        yield lease


def still_ours(ledger: Ledger, lease: DropLease) -> None:
    """Raises LeaseLost where the drop is another's by now, or entered already: to be asked before writing its files.

    They bear the submission's id, which whoever took over gave it too: what is in them is what was registered, and
    stays. The ledger itself is fenced.
    """
    with ledger.read() as conn:
        if not holds_drop_lease(conn, lease):
            raise LeaseLost(f"{lease.business}/{lease.name} was taken over by another process, or entered already")


class Leases:
    """Leases of this process, kept alive together."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], datetime], length: timedelta) -> None:
        self.ledger, self.clock, self.length = ledger, clock, length
        self._held: dict[tuple[str, str], DropLease] = {}
        self._lock = threading.Lock()

    @contextmanager
    def claiming(self) -> Iterator[Callable[[Sighting], DropLease | None]]:
        """Gives what claims a drop for us: its lease, or None when it is another's turn. All in one transaction.

        Claim several sorted by `program_of`, the order of the rows that a claim locks: else two processes could block
        each other.
        """
        leases: list[DropLease] = []
        owner = this_owner()

        def claim_one(sighting: Sighting) -> DropLease | None:
            lease = claim_drop(conn, sighting, owner=owner, now=self.clock(), length=self.length, is_gone=gone)
            leases.extend([lease] if lease else [])
            return lease

        with self.ledger.begin() as conn:
            yield claim_one
        with self._lock:
            self._held |= {(lease.business, lease.name): lease for lease in leases}

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Renew the leases while the block runs, also those claimed within it. Release all of them at the end."""
        try:
            with heartbeat(self._all, self._renew, self.forget, length=self.length):
                yield
        finally:
            self.give_back(self._all())

    def give_back(self, leases: Iterable[DropLease]) -> None:
        """End these leases, unless the work did already."""
        for lease in leases:
            with self._lock:
                self._held.pop((lease.business, lease.name), None)
            with suppress(LeaseLost), self.ledger.begin() as conn:
                release_drop_lease(conn, lease)

    def forget(self, lease: DropLease) -> None:
        """Keep this one, which the work has ended, no longer alive."""
        with self._lock:
            self._held.pop((lease.business, lease.name), None)

    def _all(self) -> list[DropLease]:
        with self._lock:
            return list(self._held.values())

    def _renew(self, lease: DropLease) -> None:
        with self.ledger.begin() as conn:
            extend_drop_lease(conn, lease, now=self.clock(), length=self.length)


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

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
