"""Leases on drops: claim a drop, keep its lease alive while it is taken, and release it."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from flows.leasing import heartbeat, is_owner_dead, this_owner
from flows.ledger.core.engine import Ledger
from flows.ledger.core.errors import LeaseLost
from flows.ledger.intake.drops import Sighting
from flows.ledger.intake.leases import DropLease, claim_drop, extend_drop_lease, holds_drop_lease, release_drop_lease


@contextmanager
def lease_drop(
    ledger: Ledger, sighting: Sighting, *, clock: Callable[[], datetime], length: timedelta
) -> Iterator[DropLease | None]:
    """Claim a drop and keep its lease alive while the block runs. Yields None if the drop cannot be claimed now.

    At the end the lease is released, unless the work has ended it already. The ledger rejects what is written under a
    lease that was lost.
    """
    leases = DropLeases(ledger, clock=clock, length=length)
    with leases.claiming() as claim:
        lease = claim(sighting)
    if lease is None:
        yield None
        return
    with leases.kept_alive():
        yield lease


def require_lease(ledger: Ledger, lease: DropLease) -> None:
    """Raise LeaseLost if another process has taken over the drop, or it was registered already.

    Call this before writing files. The ledger checks leases itself, but the new owner uses the same submission id: its
    files must stay as they were registered.
    """
    with ledger.read() as conn:
        if not holds_drop_lease(conn, lease):
            raise LeaseLost(f"{lease.business}/{lease.name} was taken over by another process, or registered already")


class DropLeases:
    """Several leases of this process, kept alive together."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], datetime], length: timedelta) -> None:
        self.ledger, self.clock, self.length = ledger, clock, length
        self._leases: dict[tuple[str, str], DropLease] = {}
        self._lock = threading.Lock()

    @contextmanager
    def claiming(self) -> Iterator[Callable[[Sighting], DropLease | None]]:
        """Claim drops in one transaction. Yields a function that returns a drop's lease, or None if it got none.

        Claim several drops in the order of their `program_key`. A claim locks rows, and processes that lock them in
        different orders could block each other.
        """
        claimed: list[DropLease] = []
        owner = this_owner()

        def claim(sighting: Sighting) -> DropLease | None:
            lease = claim_drop(
                conn, sighting, owner=owner, now=self.clock(), length=self.length, is_owner_dead=is_owner_dead
            )
            claimed.extend([lease] if lease else [])
            return lease

        with self.ledger.begin() as conn:
            yield claim
        with self._lock:
            self._leases |= {(lease.business, lease.name): lease for lease in claimed}

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Renew the leases while the block runs, including those claimed within it. Release all of them at the end."""
        try:
            with heartbeat(self._list, self._renew, self.forget, length=self.length):
                yield
        finally:
            self.release(self._list())

    def release(self, leases: Iterable[DropLease]) -> None:
        """End these leases, unless the work has ended them already."""
        for lease in leases:
            self.forget(lease)
            with suppress(LeaseLost), self.ledger.begin() as conn:
                release_drop_lease(conn, lease)

    def forget(self, lease: DropLease) -> None:
        """Stop renewing a lease that has ended."""
        with self._lock:
            self._leases.pop((lease.business, lease.name), None)

    def _list(self) -> list[DropLease]:
        with self._lock:
            return list(self._leases.values())

    def _renew(self, lease: DropLease) -> None:
        with self.ledger.begin() as conn:
            extend_drop_lease(conn, lease, now=self.clock(), length=self.length)
