"""An inbox with a clock that only the test moves."""

import hashlib
import os
from datetime import UTC, datetime, timedelta

import yaml

from flows.arrival.scan import Inbox, look
from flows.ledger.core.engine import Ledger, create_ledger_engine
from flows.ledger.core.tables import outbox
from flows.ledger.core.types import metadata
from flows.ledger.intake.drops import drop as table
from flows.stores.folder import FolderStore
from schemas.model.policy import Policy

SETTLE, GRACE, LENGTH = timedelta(seconds=1), timedelta(minutes=15), timedelta(seconds=60)
START = datetime(2027, 1, 4, 9, 0, 0, 250_000, UTC)


def manifest(*files, reference="spring", **more):
    """A manifest's bytes; a file is a name, or (name, content) where its sha256 is to be given."""
    tree = {"manifest": "1", "reference": reference, **more, "numbers": []}
    for file in files:
        name, content = file if isinstance(file, tuple) else (file, None)
        sha256 = {"sha256": hashlib.sha256(content).hexdigest()} if content is not None else {}
        tree["numbers"].append({"file": name, **sha256})
    return yaml.safe_dump(tree).encode()


class InboxWorld:
    """An inbox, an archive and a ledger; `now` is what every clock says."""

    def __init__(self, root, store, archive, url=None):
        self.now = START
        self.store, self.archive = store, archive
        self.ledger = Ledger(create_ledger_engine(url or f"sqlite:///{root}/ledger.db"))
        metadata.create_all(self.ledger.engine, tables=[table, outbox])
        self.inbox = Inbox(
            store=self.store, ledger=self.ledger, settle=SETTLE, grace=GRACE, policy=Policy()
        )

    def put(self, name, content=b"x", *, drop="acme/d", mtime=None):
        """A file as an upload leaves it: written in place, at the clock's time."""
        self.store.put(f"{drop}/{name}", content)
        if isinstance(self.store, FolderStore):
            stamp = (mtime or self.now).timestamp()
            os.utime(self.store.root / drop / name, (stamp, stamp))

    def look(self, **more):
        return list(look(self.inbox, now=self.now, **more))

    def wait(self, **span):
        self.now += timedelta(**span)
        return self.look()

    def settled(self):
        """The one drop that is settled after two looks a settle time apart."""
        self.look()
        (outcome,) = self.wait(seconds=1)
        return outcome.sighting
