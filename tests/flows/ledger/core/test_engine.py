"""Opening a ledger: made, migrated, refused; and the files that are marked to be written anew."""

import os
import stat
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from flows.ledger.core.engine import SCHEMA_REVISIONS, Ledger, create_ledger_engine, migrate_schema
from flows.ledger.core.errors import LedgerError, Outdated
from flows.ledger.core.outbox import (
    add_to_outbox,
    claim_outbox_entries,
    clear_outbox_entries,
    release_outbox_entries,
)
from flows.ledger.core.transitions import move_revisions
from flows.ledger.core.types import metadata
from tests.flows.ledger.samples import some


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def empty(request, tmp_path):
    """The URL of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/ledger.db"
    return request.getfixturevalue("postgres")(f"empty{time.monotonic_ns()}")


def test_the_migrations_make_what_the_tables_say(empty):
    opened = Ledger.open(empty)
    with opened.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    migrated = indexes(opened.engine)
    with opened.begin() as conn:
        metadata.drop_all(conn)
        metadata.create_all(conn)
    assert migrated == indexes(opened.engine)  # with their conditions, at which Alembic does not look
    opened.close()


def indexes(engine):
    catalogue = {
        "sqlite": "select name, sql from sqlite_master where type = 'index' and sql is not null",
        "postgresql": "select indexname, indexdef from pg_indexes where schemaname = 'public'",
    }
    with engine.connect() as conn:
        found = conn.execute(text(catalogue[engine.dialect.name]))
        return {name: definition for name, definition in found if not name.startswith("alembic")}


def test_a_ledger_is_made_once_by_many(empty):
    opened, errors = [], []

    def open_one():
        try:
            opened.append(Ledger.open(empty))
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=open_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in opened:
        one.close()
    assert (len(opened), errors) == (4, [])


def test_a_newer_schema_is_refused_in_one_line(empty):
    opened = Ledger.open(empty)
    with opened.begin() as conn:
        conn.execute(text("update alembic_version set version_num = '9999'"))
    opened.close()
    with pytest.raises(LedgerError) as told:
        Ledger.open(empty)
    assert "has schema 9999; this launchdrop knows up to" in str(told.value)
    assert "\n" not in str(told.value)


def test_the_last_migration_is_the_schema_of_the_code():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "flows.ledger:migrations")
    config.set_main_option("path_separator", "os")
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(revisions)) == SCHEMA_REVISIONS


def test_opening_what_is_up_to_date_is_quick_and_needs_no_alembic(blank):
    code = (
        "import sys, time\nfrom flows.ledger.core.engine import Ledger\nstart = time.perf_counter()\n"
        f"Ledger.open('sqlite:///{blank}').close()\nassert 'alembic' not in sys.modules\n"
        "print(time.perf_counter() - start)"
    )
    # The best of three: other work on the machine only makes it slower.
    times = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    assert min(times) < 0.1


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://localhost/x", "the ledger can be sqlite or postgresql, not mysql"),
        ("nonsense", "not a ledger URL: Could not parse SQLAlchemy URL from given URL string"),
        (
            "postgresql://u:pass@word:more@host/db",
            "not a ledger URL: the port is not a number; in a password, write @ as %40 and : as %3A",
        ),
        ("sqlite://", "the ledger needs a file: sqlite:///path/to/ledger.db"),
    ],
)
def test_a_wrong_url_is_named(url, message):
    with pytest.raises(LedgerError) as told:
        create_ledger_engine(url)
    assert str(told.value) == message


def test_a_password_is_not_shown_wherever_it_stands_in_the_url():
    for url in ("postgresql://u:secret@127.0.0.1:9/db", "postgresql://u@127.0.0.1:9/db?password=secret"):
        with pytest.raises(LedgerError, match="cannot be opened") as told:
            Ledger.open(url)
        assert "secret" not in str(told.value)


def test_what_is_no_database_is_refused(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_text("not a database at all, whatever its name is, and long enough to be read as one" * 20)
    with pytest.raises(LedgerError, match=r"cannot be opened: file is not a database$"):
        Ledger.open(f"sqlite:///{path}")


def test_a_server_that_is_not_there(tmp_path):
    with pytest.raises(LedgerError, match="cannot be opened") as told:
        Ledger.open(f"postgresql://user:secret@/x?host={tmp_path}")
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)


def test_what_the_driver_itself_raises_is_told_in_one_line(ledger):
    driver = ledger.engine.dialect.loaded_dbapi
    for transaction in (ledger.begin, ledger.read):
        with pytest.raises(LedgerError, match=r"cannot be used: no space left$"), transaction():
            raise driver.OperationalError("no space left\nCONTEXT: a row with a number in it")


@pytest.mark.server
def test_nothing_of_postgresql_is_waited_for_without_end(postgres):
    url = postgres("limits")
    ledger = Ledger.open(url)
    with ledger.begin() as conn:
        assert conn.execute(text("show lock_timeout")).scalar() == "1min"
        said = conn.connection.driver_connection.info.get_parameters()
        assert (said["connect_timeout"], said["tcp_user_timeout"], said["keepalives_idle"]) == ("10", "60000", "30")
        conn.execute(text("lock table business in exclusive mode"))
        other = Ledger.open(f"{url}&options=-c%20lock_timeout%3D50")  # the URL's own goes before
        too_long = pytest.raises(LedgerError, match=r"cannot be used: canceling statement due to lock timeout$")
        with too_long, other.begin() as waiting:
            waiting.execute(text("lock table business in exclusive mode"))
        other.close()
    ledger.close()


def test_migrating_again_changes_nothing(empty):
    engine = create_ledger_engine(empty)
    migrate_schema(engine)
    migrate_schema(engine)
    engine.dispose()
    again = create_engine(engine.url)
    with again.connect() as conn:
        assert conn.execute(text("select count(*) from alembic_version")).scalar() == 1
    again.dispose()


def claimed(desk, owner="me", minutes=1, gone=lambda _: False):
    with desk.ledger.begin() as conn:
        return claim_outbox_entries(conn, owner=owner, now=desk.now, length=timedelta(minutes=minutes), gone=gone)


def crossed_off(desk, marks, owner="me"):
    with desk.ledger.begin() as conn:
        clear_outbox_entries(conn, marks, owner=owner)


def test_a_mark_stays_until_what_it_stands_for_is_written(desk):
    desk.drop("p", some(1))
    found = claimed(desk)
    assert [m.kind for m in found] == ["report", "receipt", "index", "operator"]
    with desk.ledger.begin() as conn:
        add_to_outbox(conn, "index", "acme")  # again, while the files are written
    assert claimed(desk, "other") == []
    crossed_off(desk, found)
    assert [(m.kind, m.business) for m in claimed(desk)] == [("index", "acme")]


def test_what_was_not_written_is_given_back(desk):
    desk.drop("p", some(1))
    report, *rest = claimed(desk)
    crossed_off(desk, rest)
    assert claimed(desk, "other") == []
    with desk.ledger.begin() as conn:
        release_outbox_entries(conn, [report], owner="me")
    assert claimed(desk, "other") == [report]


def test_marks_of_a_dead_owner_are_anybodys_at_once_and_of_a_silent_one_after_a_while(desk):
    desk.drop("p", some(1))
    found = claimed(desk, "dead")
    assert claimed(desk) == []
    assert claimed(desk, gone=lambda owner: owner == "dead") == found
    desk.now += timedelta(minutes=2)
    assert claimed(desk, "other") == found


def test_who_was_slow_and_wrote_last_has_the_file_written_once_more(desk):
    """It may have left there what it knew before the other one wrote."""
    desk.drop("p", some(1))
    slow = claimed(desk, "slow")
    desk.now += timedelta(minutes=2)
    quick = claimed(desk, "quick")
    crossed_off(desk, quick, "quick")
    assert claimed(desk, "quick") == []
    crossed_off(desk, slow, "slow")
    again = claimed(desk, "quick")
    assert [m.file for m in again] == [m.file for m in slow]
    # And where the quick one is still at it:
    desk.now += timedelta(minutes=2)
    slow = claimed(desk, "slow")
    desk.now += timedelta(minutes=2)
    quick = claimed(desk, "quick")
    crossed_off(desk, slow, "slow")
    assert claimed(desk, "other") == []
    crossed_off(desk, quick, "quick")
    assert [m.file for m in claimed(desk, "other")] == [m.file for m in slow]


def test_a_move_that_the_lifecycle_does_not_have(desk):
    desk.drop("p", some(1))
    key = desk.program().revision
    with pytest.raises(ValueError, match="cannot move from scheduled to live"), desk.ledger.begin() as conn:
        move_revisions(conn, [key], "live", cause="x", now=desk.now)


def test_a_move_somebody_else_made_first(desk, monkeypatch):
    desk.drop("p", some(1))
    key = desk.program().revision
    from flows.ledger.core import transitions

    stale = transitions.read_revisions

    def moved_meanwhile(conn, ids):
        rows = stale(conn, ids)
        conn.execute(text("update revision set state = 'cancelled'"))
        return rows

    monkeypatch.setattr(transitions, "read_revisions", moved_meanwhile)
    with pytest.raises(Outdated), desk.ledger.begin() as conn:
        move_revisions(conn, [key], "launching", cause="x", now=desk.now)


def test_a_new_ledger_is_its_owners_and_groups_alone(tmp_path):
    before = os.umask(0o022)
    try:
        Ledger.open(f"sqlite:///{tmp_path}/ledger.db").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "ledger.db").stat().st_mode) == 0o640
