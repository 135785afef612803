"""Backup and restore as in flows/operations/README.md, with the databases' own tools. Launching pauses after it."""

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
from tests.flows.ledger.postgres import find_postgres_binaries

BEGUN = "{start: 2026-11-23T09:00Z, end: 2030-03-29T18:00Z}"
NO_SQLITE = "sqlite3 is not installed; on Debian: apt-get install sqlite3"


@dataclass
class Backup:
    """Backs up a ledger to a file, and restores it."""

    url: str
    file: Path

    def take(self):
        if source := database_file(self.url):
            subprocess.run(["sqlite3", source, f".backup '{self.file}'"], check=True)
        else:
            subprocess.run(
                [find_postgres_binaries() / "pg_dump", "--format=custom", f"--file={self.file}", self.server()],
                check=True,
            )

    def restore(self):
        if source := database_file(self.url):
            for left in source.parent.glob(f"{source.name}*"):  # the old WAL files would be applied to the new file
                left.unlink()
            shutil.copy(self.file, source)
        else:
            where = f"--dbname={self.server()}"
            subprocess.run(
                [find_postgres_binaries() / "pg_restore", "--clean", "--if-exists", where, self.file], check=True
            )

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
def open_world(settings, backup, clock, make_world):
    """Returns a function that opens the services as a new process would."""
    with_ledger = settings.model_copy(update={"ledger": backup.url})
    return lambda: make_world(open_services(with_ledger), clock)


def states(world):
    with world.services.ledger.read() as conn:
        return {row.reference: row.state for row in list_programs(conn)}


def launch_pause(world):
    with world.services.ledger.read() as conn:
        return get_launch_pause(conn)


def test_a_restored_ledger_is_paused_until_the_operator_resumes(backup, open_world):
    with open_world() as world:
        world.drop("acme-bank/before", "5012149020,Customer Service\n", reference="before", schedule=BEGUN)
        world.run()
        assert states(world) == {"before": "live"}
        backup.take()
        world.drop("acme-bank/after", "5012149030,Customer Service\n", reference="after", schedule=BEGUN)
        world.run()
        assert states(world) == {"before": "live", "after": "live"}
    backup.restore()
    with open_world() as world:
        # It has no record of the second program, which may be live. The drop is taken again but not launched.
        assert states(world) == {"before": "live"}
        done = world.run()
        assert [drop.drop for drop in done.intake.taken] == ["after"]
        assert done.launched.live == 0
        assert states(world) == {"before": "live", "after": "scheduled"}
        pause = launch_pause(world)
        assert (pause.restored, pause.why) == (
            True,
            "the ledger is older than the archive: it was restored from a backup",
        )
        assert world.run().launched.live == 0
        with world.services.ledger.begin() as conn:
            assert resume_launching(conn, by="jo", now=world.clock())
        assert world.run().launched.live == 1
        assert states(world) == {"before": "live", "after": "live"}
    with open_world() as world:  # it is not paused again
        world.run()
        assert launch_pause(world) is None


def test_if_the_archive_is_restored_too_launching_must_be_paused_by_hand(backup, open_world, settings, tmp_path):
    """The marker in the archive is as old as the ledger. A pause by hand stops launches but not ends."""
    soon = "{start: 2026-11-23T09:00Z, end: 2026-11-24T09:00Z}"
    with open_world() as world:
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
    with open_world() as world:
        with world.services.ledger.begin() as conn:
            pause_launching(conn, by="jo", why="restored from a backup", now=world.clock())
        world.clock.now = datetime(2026, 11, 25, tzinfo=UTC)
        world.run()
        assert states(world) == {"before": "ended", "after": "scheduled"}
        assert (launch_pause(world).by, launch_pause(world).restored) == ("jo", False)
        with world.services.ledger.begin() as conn:
            resume_launching(conn, by="jo", now=world.clock())
        world.run()
        assert states(world) == {"before": "ended", "after": "live"}


def test_a_backup_has_the_state_of_its_time(backup, open_world):
    with open_world() as world:
        for i in range(3):
            world.drop(f"acme-bank/d{i}", f"50121490{i}0,Customer Service\n", reference=f"r{i}", schedule=BEGUN)
            world.run()
            backup.take()
            backup.file.rename(backup.file.with_suffix(f".{i}"))
        backup.file.with_suffix(".1").rename(backup.file)
    backup.restore()
    with open_world() as world:
        assert states(world) == {"r0": "live", "r1": "live"}
