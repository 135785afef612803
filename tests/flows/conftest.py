"""The pipeline in a temporary folder, with the sample drops, and with passes that do not wait."""

import json
import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows import pipeline
from flows.services import open_services
from flows.settings import Settings
from flows.stores.folder import FolderStore
from tests.flows.inbox_world import InboxWorld
from tests.flows.sample_drops import ROOT, manifest
from tests.flows.stores.memory import MemoryStore

#: A day on which every sample has the outcome that its comment describes.
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


class Clock:
    """A clock that the test moves. Sleeping moves it, too."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    shutil.copy(ROOT / "inbox/businesses.yaml", tmp_path / "inbox")
    return Settings(
        inbox=str(tmp_path / "inbox"),
        reports=str(tmp_path / "reports"),
        archive=str(tmp_path / "archive"),
        ledger=f"sqlite:///{tmp_path}/ledger.db",
    )


@pytest.fixture
def samples(settings):
    shutil.copytree(ROOT / "inbox", settings.inbox, dirs_exist_ok=True)


class World:
    """The pipeline over an inbox, and the files that it has written."""

    def __init__(self, services, clock):
        self.services, self.clock = services, clock
        self.inbox, self.reports = Path(services.inbox.root), Path(services.reports.root)

    def run(self, **kwargs):
        return pipeline.run_pass(self.services, sleep=self.clock.sleep, **kwargs)

    def receipt(self, drop):
        business, _, name = drop.partition("/")
        return json.loads((self.reports / business / "drops" / name / "receipt.json").read_text())

    def report(self, drop):
        receipt = self.receipt(drop)
        return json.loads((self.reports / receipt["business"] / receipt["submission"] / "report.json").read_text())

    def drop(self, drop, numbers, **changes):
        """Write a drop of one file. `changes` replace lines of the manifest by their key."""
        folder = self.inbox / drop
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "numbers.csv").write_text(numbers)
        (folder / "program.yaml").write_text(manifest(drop.partition("/")[0], **changes))

    def files(self):
        return {p: p.read_bytes() for p in self.reports.rglob("*") if p.is_file()}


@pytest.fixture
def make_world():
    """A context manager that opens services and yields the world around them."""

    @contextmanager
    def opened(opening, clock):
        with opening as services:
            yield World(replace(services, clock=clock), clock)

    return opened


@pytest.fixture
def world(settings, clock, make_world):
    with make_world(open_services(settings), clock) as found:
        yield found


@pytest.fixture(params=["memory", "folder"])
def inbox_world(request, tmp_path):
    if request.param == "folder":
        world = InboxWorld(tmp_path, FolderStore(tmp_path / "inbox"), FolderStore(tmp_path / "archive"))
    else:
        world = InboxWorld(tmp_path, MemoryStore(), MemoryStore())
    yield world
    world.ledger.close()
