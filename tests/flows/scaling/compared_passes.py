"""Passes to compare: the same drops taken in one process and by workers, and everything that came of them."""

import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import text

from flows import pipeline
from flows.operations.restore_guard import MARKER_KEY
from flows.services import open_services
from flows.settings import Settings
from tests.flows.sample_drops import ROOT

#: A clock that can be pickled.
CLOCK = partial(datetime.fromisoformat, "2026-11-23T15:00:00+00:00")
#: Columns that do not depend on the drops' content, but on when and how a row was written.
CHANCE_COLUMNS = {"stamp", "lease_token", "lease_owner", "lease_until", "writes"}
#: The name of the row that identifies the ledger.
IDENTITY = "identity"


@contextmanager
def open_copy(root, write_drops, **changes):
    """Services over a copy of the drops that `write_drops` writes into a folder. They are written once per test."""
    root.mkdir(exist_ok=True)
    if not (root / "inbox").exists():
        drops = root.parent / "drops"
        if not drops.exists():
            drops.mkdir()
            shutil.copy(ROOT / "inbox/businesses.yaml", drops)
            write_drops(drops)
        shutil.copytree(drops, root / "inbox")  # keeps their times
    places = {name: str(root / name) for name in ("inbox", "reports", "archive")}
    settings = Settings(ledger=f"sqlite:///{root}/ledger.db", settle="0", **places, **changes)
    with open_services(settings) as services:
        yield replace(services, clock=CLOCK)


def run_intake(services, workers=None, **options):
    intake = pipeline.take_inbox(services, workers, **options)
    pipeline.write_pages(services, workers)
    return intake


def read_outcome(root, services):
    """All files of reports and archive, and all rows of the ledger.

    Without hidden files, which a writer leaves if it is killed, and without what identifies the ledger.
    """
    places = [root / "reports", root / "archive"]
    files = {
        str(p.relative_to(root)): p.read_bytes()
        for place in places
        for p in place.rglob("*")
        if p.is_file() and not p.name.startswith(".") and p.name != MARKER_KEY
    }
    tables = {}
    with services.ledger.engine.connect() as conn:
        for (name,) in conn.execute(text("select name from sqlite_master where type = 'table'")).all():
            rows = conn.execute(text(f'select * from "{name}"')).mappings()
            compared = [{k: v for k, v in row.items() if k not in CHANCE_COLUMNS} for row in rows]
            tables[name] = sorted(map(repr, (row for row in compared if row.get("name") != IDENTITY)))
    return files, tables
