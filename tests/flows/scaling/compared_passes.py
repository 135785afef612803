"""Passes to compare: the same drops taken here and by workers, and all that came of them."""

import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import text

from flows import pipeline
from flows.operations.restore_guard import PLACE
from flows.services import open_services
from flows.settings import Settings
from tests.flows.sample_drops import ROOT

#: A clock that crosses processes.
CLOCK = partial(datetime.fromisoformat, "2026-11-23T15:00:00+00:00")
#: Not of the drops' content: when and under which number it was written down.
CHANCE = {"stamp", "lease_token", "lease_owner", "lease_until", "writes"}
#: Says which ledger it is.
IDENTITY = "identity"


@contextmanager
def opened(root, fill, **changes):
    """A pipeline over its own copy of the drops."""
    root.mkdir(exist_ok=True)
    if not (root / "inbox").exists():
        drops = root.parent / "drops"
        if not drops.exists():
            drops.mkdir()
            shutil.copy(ROOT / "inbox/businesses.yaml", drops)
            fill(drops)
        shutil.copytree(drops, root / "inbox")  # with their times
    places = {name: str(root / name) for name in ("inbox", "reports", "archive")}
    settings = Settings(ledger=f"sqlite:///{root}/ledger.db", settle="0", **places, **changes)
    with open_services(settings) as services:
        yield replace(services, clock=CLOCK)


def a_pass(services, crew=None, **how):
    intake = pipeline.take_inbox(services, crew, **how)
    pipeline.write_pages(services, crew)
    return intake


def outcome(root, services):
    """All files of reports and archive, and all that the ledger says.

    A writer that is killed leaves a hidden file beside the one it was to replace: that is none. The marker in the
    archive says which ledger it is.
    """
    places = [root / "reports", root / "archive"]
    files = {
        str(p.relative_to(root)): p.read_bytes()
        for at in places
        for p in at.rglob("*")
        if p.is_file() and not p.name.startswith(".") and p.name != PLACE
    }
    tables = {}
    with services.ledger.engine.connect() as conn:
        for (name,) in conn.execute(text("select name from sqlite_master where type = 'table'")).all():
            rows = conn.execute(text(f'select * from "{name}"')).mappings()
            plain = [{k: v for k, v in row.items() if k not in CHANCE} for row in rows]
            tables[name] = sorted(map(repr, (row for row in plain if row.get("name") != IDENTITY)))
    return files, tables
