"""An inbox, an archive and a ledger, with a clock that only the test moves."""

import hashlib
import os
from datetime import UTC, datetime, timedelta

import yaml
from sqlalchemy import select

from flows.arrival.scan import Inbox, scan_inbox
from flows.ledger.core.engine import Ledger, create_ledger_engine
from flows.ledger.core.tables import drop, outbox
from flows.ledger.core.types import metadata
from flows.stores.folder import FolderStore
from schemas.model.policy import Policy

SETTLE, GRACE, LEASE = timedelta(seconds=1), timedelta(minutes=15), timedelta(seconds=60)
START = datetime(2027, 1, 4, 9, 0, 0, 250_000, UTC)


def manifest(*files, reference="spring", **more):
    """A manifest's bytes. A file is a name, or (name, content) to give its sha256."""
    tree = {"manifest": "1", "reference": reference, **more, "numbers": []}
    for file in files:
        name, content = file if isinstance(file, tuple) else (file, None)
        sha256 = {"sha256": hashlib.sha256(content).hexdigest()} if content is not None else {}
        tree["numbers"].append({"file": name, **sha256})
    return yaml.safe_dump(tree).encode()


def list_pending_drops(conn):
    """(business, drop) of all pending drops, the first seen first."""
    found = select(drop.c.business, drop.c.name).where(drop.c.pending.is_not(None))
    return [tuple(row) for row in conn.execute(found.order_by(drop.c.first_seen, drop.c.name))]


class InboxWorld:
    """An inbox, an archive and a ledger. `now` is the time for all of them."""

    def __init__(self, root, store, archive, url=None):
        self.now = START
        self.store, self.archive = store, archive
        self.ledger = Ledger(create_ledger_engine(url or f"sqlite:///{root}/ledger.db"))
        metadata.create_all(self.ledger.engine, tables=[drop, outbox])
        self.inbox = Inbox(store=self.store, ledger=self.ledger, settle=SETTLE, grace=GRACE, policy=Policy())

    def put(self, name, content=b"x", *, drop="acme/d", mtime=None):
        """Write a file as an upload does: in place, at the present time."""
        self.store.put(f"{drop}/{name}", content)
        if isinstance(self.store, FolderStore):
            stamp = (mtime or self.now).timestamp()
            os.utime(self.store.root / drop / name, (stamp, stamp))

    def scan(self, **more):
        return list(scan_inbox(self.inbox, now=self.now, **more))

    def scan_after(self, **delay):
        self.now += timedelta(**delay)
        return self.scan()

    def scan_until_settled(self):
        """Scan twice, a settle time apart. Returns the sighting of the one drop, which must have settled."""
        self.scan()
        (outcome,) = self.scan_after(seconds=1)
        return outcome.sighting
