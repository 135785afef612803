"""Backup and restore as flows/operations/README.md says, with the databases' own tools: restored means paused, until resumed."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.ledger.core.control_flags import get_launch_pause, pause_launching, resume_launching
from flows.ledger.core.engine import database_file
from flows.ledger.read.page_queries import list_programs
from flows.services import open_services
from tests.flows.ledger.conftest import postgres  # noqa: F401  a fixture
from tests.flows.ledger.postgres import binaries

BEGUN = "{start: 2026-11-23T09:00Z, end: 2030-03-29T18:00Z}"
NO_SQLITE = "sqlite3 is not installed; on Debian: apt-get install sqlite3"


@dataclass
class Backup:
    """A ledger's backup in a file, and its way back."""

    url: str
    file: Path

    def take(self):
        if source := database_file(self.url):
            subprocess.run(["sqlite3", source, f".backup '{self.file}'"], check=True)
        else:
            subprocess.run(
                [binaries() / "pg_dump", "--format=custom", f"--file={self.file}", self.server()], check=True
            )

    def restore(self):
        if source := database_file(self.url):
            for left in source.parent.glob(
                f"{source.name}*"
            ):  # what belongs to the old file would be taken for the new
                left.unlink()
            shutil.copy(self.file, source)
        else:
            where = f"--dbname={self.server()}"
            subprocess.run([binaries() / "pg_restore", "--clean", "--if-exists", where, self.file], check=True)

    def server(self):
        return self.url.replace("+psycopg", "")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def backup(request, settings, tmp_path):
    if request.param == "postgresql":
        return Backup(request.getfixturevalue("postgres")(f"backup_{os.urandom(4).hex()}"), tmp_path / "ledger.dump")
    if shutil.which("sqlite3") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(NO_SQLITE)
    return Backup(settings.ledger, tmp_path / "backup.db")


@pytest.fixture
def opened(settings, backup, clock, world_of):
    """Opens the pipeline anew each time, as a process that starts does."""
    here = settings.model_copy(update={"ledger": backup.url})
    return lambda: world_of(open_services(here), clock)


def states(world):
    with world.services.ledger.read() as conn:
        return {row.reference: row.state for row in list_programs(conn)}


def is_paused(world):
    with world.services.ledger.read() as conn:
        return get_launch_pause(conn)


def test_a_restored_ledger_is_paused_until_the_operator_has_looked(backup, opened):
    with opened() as world:
        world.drop("acme-bank/before", "5012149020,Customer Service\n", reference="before", schedule=BEGUN)
        world.run()
        assert states(world) == {"before": "live"}
        backup.take()
        world.drop("acme-bank/after", "5012149030,Customer Service\n", reference="after", schedule=BEGUN)
        world.run()
        assert states(world) == {"before": "live", "after": "live"}
    backup.restore()
    with opened() as world:
        # It has forgotten the second program, which may be with the carrier: taken anew from the inbox, not launched.
        assert states(world) == {"before": "live"}
        done = world.run()
        assert [took.drop for took in done.intake.taken] == ["after"]
        assert done.launched.live == 0
        assert states(world) == {"before": "live", "after": "scheduled"}
        stopped = is_paused(world)
        assert (stopped.restored, stopped.why) == (
            True,
            "the ledger is older than the archive: it was restored from a backup",
        )
        assert world.run().launched.live == 0
        with world.services.ledger.begin() as conn:
            assert resume_launching(conn, by="jo", now=world.clock())
        assert world.run().launched.live == 1
        assert states(world) == {"before": "live", "after": "live"}
    with opened() as world:  # and stays so: it was looked at once
        world.run()
        assert is_paused(world) is None


def test_where_the_archive_was_restored_too_only_a_pause_by_hand_holds(backup, opened, settings, tmp_path):
    """Its marker is as old as the ledger. The pause holds launches; ends it does not, as the guide says."""
    soon = "{start: 2026-11-23T09:00Z, end: 2026-11-24T09:00Z}"
    with opened() as world:
        world.drop("acme-bank/before", "5012149020,Customer Service\n", reference="before", schedule=soon)
        world.run()
        backup.take()
        shutil.copytree(settings.archive, tmp_path / "archive-backup")
        world.drop("acme-bank/after", "5012149030,Customer Service\n", reference="after", schedule=BEGUN)
        world.run()
        assert states(world) == {"before": "live", "after": "live"}
    backup.restore()
    shutil.rmtree(settings.archive)
    shutil.move(tmp_path / "archive-backup", settings.archive)
    with opened() as world:
        with world.services.ledger.begin() as conn:
            pause_launching(conn, by="jo", why="restored from a backup", now=world.clock())
        world.clock.now = datetime(2026, 11, 25, tzinfo=UTC)
        world.run()
        assert states(world) == {"before": "ended", "after": "scheduled"}
        assert (is_paused(world).by, is_paused(world).restored) == ("jo", False)
        with world.services.ledger.begin() as conn:
            resume_launching(conn, by="jo", now=world.clock())
        world.run()
        assert states(world) == {"before": "ended", "after": "live"}


def test_a_backup_is_of_its_moment(backup, opened):
    with opened() as world:
        for i in range(3):
            world.drop(f"acme-bank/d{i}", f"50121490{i}0,Customer Service\n", reference=f"r{i}", schedule=BEGUN)
            world.run()
            backup.take()
            backup.file.rename(backup.file.with_suffix(f".{i}"))
        backup.file.with_suffix(".1").rename(backup.file)
    backup.restore()
    with opened() as world:
        assert states(world) == {"r0": "live", "r1": "live"}
