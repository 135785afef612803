"""Failures while drops are taken: other drops go on, the order per program is kept, and the operator gets one line."""

import errno
import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from flows import pipeline
from flows.errors import FailureStreak
from flows.ledger.core.errors import LedgerError
from flows.operations.restore_guard import MARKER_KEY, RESTORED_MESSAGE
from flows.pipeline import launch_due, take_inbox
from flows.registration import drop
from flows.settings import SettingsError
from flows.stores import StoreError, read_object
from flows.stores.folder import FolderStore
from tests.flows.sample_drops import ROWS, ZENITH, read_program, read_submissions


@pytest.mark.parametrize("text", ["businesses: [", "", "businesses:\n  acme-bank: {}\n"])
def test_an_incompletely_saved_businesses_file_changes_nothing(world, text):
    world.drop("acme-bank/a", ROWS)
    world.run()
    (world.inbox / "businesses.yaml").write_text(text)
    world.drop("acme-bank/b", "5012149022,Survey\n")
    done = world.run()
    assert world.receipt("acme-bank/b")["verdict"] == "accepted"
    (problem,) = done.problems
    assert problem.startswith("businesses.yaml: ")
    assert ".." not in problem
    assert problem.endswith("The previous version stays in force.")
    assert problem in (world.reports / "_operator/index.html").read_text().replace("&#39;", "'").replace("&quot;", '"')


def test_a_business_whose_pages_cannot_be_written_does_not_stop_the_others(world):
    world.drop("acme-bank/a", ROWS)
    world.drop("zenith-health/z", "5012149030,Survey\n", **ZENITH)
    obstacle = world.reports / "acme-bank/drops/a"
    obstacle.parent.mkdir(parents=True)
    obstacle.write_text("not a folder")
    done = world.run()
    assert done.problems == [
        "receipt acme-bank a could not be written: 'acme-bank/drops/a/receipt.json' does not exist"
    ]
    assert world.receipt("zenith-health/z")["verdict"] == "accepted"
    assert (world.reports / "_operator/index.html").exists()
    obstacle.unlink()
    assert world.run().problems == []
    assert world.receipt("acme-bank/a")["verdict"] == "accepted"


def test_a_drop_that_cannot_be_taken_does_not_stop_the_others(world, monkeypatch):
    judge = drop.judge_archived_drop

    def fail_for_a(services, drop, *rest, **more):
        if drop.name == "a":
            raise KeyError("5012149020")
        return judge(services, drop, *rest, **more)

    world.drop("acme-bank/a", ROWS)
    world.drop("zenith-health/z", "5012149030,Survey\n", **ZENITH)
    monkeypatch.setattr(drop, "judge_archived_drop", fail_for_a)
    assert world.run().problems == ["drop acme-bank/a could not be taken: KeyError, a bug in launchdrop; see the log"]
    assert world.receipt("zenith-health/z")["verdict"] == "accepted"
    monkeypatch.undo()
    assert world.run().problems == []
    assert world.receipt("acme-bank/a")["verdict"] == "accepted"


def fail_to_copy_once(monkeypatch, where, drop):
    """Make the first copy of this drop fail."""
    copy, failed = where.archive_drop, []

    def fails(inbox, archive, sighting, **more):
        if sighting.name == drop and not failed:
            failed.append(drop)
            raise StoreError(f"'{drop}/numbers.csv': Input/output error")
        return copy(inbox, archive, sighting, **more)

    monkeypatch.setattr(where, "archive_drop", fails)


def write_three_revisions(world):
    """Write three drops for a program, each replacing the numbers of the one before, and one for another program."""
    for name, rows in (("a", ROWS), ("b", "5012149022,Survey\n"), ("c", "5012149023,Survey\n")):
        world.drop(f"acme-bank/{name}", rows, numbers_mode="replace")
    world.drop("acme-bank/other", "5012149024,Survey\n", reference="other")


def test_a_drop_that_could_not_be_taken_blocks_later_drops_for_its_program(world, monkeypatch):
    write_three_revisions(world)
    fail_to_copy_once(monkeypatch, drop, "a")
    done = world.run()
    assert [result.drop for result in done.intake.taken] == ["other"]
    assert done.problems == [
        "drop acme-bank/a could not be taken: 'a/numbers.csv': Input/output error",
        "drop acme-bank/b waits for drop a: it arrived earlier and is for the same program",
        "drop acme-bank/c waits for drop b: it arrived earlier and is for the same program",
    ]
    done = world.run()
    assert ([result.drop for result in done.intake.taken], done.problems) == (["a", "b", "c"], [])
    assert (read_program(world).revision, read_program(world).pending) == (3, 1)


def test_blocked_drops_do_not_count_as_failures_in_a_row(world, monkeypatch):
    for i in range(FailureStreak.LONG + 1):
        world.drop(f"acme-bank/d{i:02}", ROWS, schedule=f"{{start: 2030-01-07T09:{i:02}Z, end: 2030-03-29T18:00Z}}")
    world.drop("acme-bank/other", "5012149024,Survey\n", reference="other")
    fail_to_copy_once(monkeypatch, drop, "d00")
    assert [result.drop for result in world.run().intake.taken] == ["other"]


def test_a_drop_that_changes_while_it_is_copied_keeps_its_turn(world, monkeypatch):
    write_three_revisions(world)
    copy = drop.archive_drop

    def change_and_copy(inbox, archive, sighting, **more):
        (world.inbox / "acme-bank/a/numbers.csv").write_text(ROWS + "5012149025,Survey\n")
        monkeypatch.undo()
        return copy(inbox, archive, sighting, **more)

    monkeypatch.setattr(drop, "archive_drop", change_and_copy)
    assert [result.drop for result in world.run().intake.taken] == ["other"]
    assert [result.drop for result in world.run().intake.taken] == ["a", "b", "c"]


def test_incomplete_and_deleted_drops_block_nothing(world, monkeypatch):
    write_three_revisions(world)
    (world.inbox / "acme-bank/a/numbers.csv").unlink()
    fail_to_copy_once(monkeypatch, drop, "b")
    assert [result.drop for result in world.run().intake.taken] == ["other"]
    shutil.rmtree(world.inbox / "acme-bank/b")
    assert [result.drop for result in world.run().intake.taken] == ["c"]


def test_a_pass_over_some_drops_first_takes_earlier_drops_for_the_same_programs(world, monkeypatch):
    write_three_revisions(world)
    fail_to_copy_once(monkeypatch, drop, "a")
    world.run()
    world.drop("acme-bank/d", "5012149026,Survey\n")
    some = take_inbox(world.services, sleep=world.clock.sleep, drops=[("acme-bank", "d")])
    assert [result.drop for result in some.taken] == ["a", "b", "c", "d"]


def test_a_slow_owner_does_not_overwrite_the_files_of_its_successor(world, monkeypatch):
    judge = drop.judge_archived_drop

    def judge_slowly(*given, **more):
        judgment = judge(*given, **more)
        monkeypatch.undo()
        world.clock.now += 2 * world.services.settings.lease
        businesses.write_text(businesses.read_text().replace("[Collections, Cards]", "[Collections, Cards, Loans]"))
        assert len(world.run().intake.taken) == 1
        judge_slowly.files = read_files(world)
        return judgment

    businesses = world.inbox / "businesses.yaml"
    world.drop("acme-bank/a", ROWS, business_unit="Loans")
    monkeypatch.setattr(drop, "judge_archived_drop", judge_slowly)
    assert (world.run().intake.taken, world.receipt("acme-bank/a")["verdict"]) == ([], "accepted")
    assert read_files(world) == judge_slowly.files


def read_files(world):
    """The files of a business in the archive and in the reports, by their path."""
    places = (world.reports / "acme-bank", world.services.archive.root / "acme-bank")
    return {p: p.read_bytes() for place in places for p in place.rglob("*") if p.is_file()}


def test_a_store_that_is_down_is_not_tried_for_every_drop(world, monkeypatch):
    def fail_to_connect(*_, **__):
        raise StoreError("the archive: connection refused")

    for i in range(FailureStreak.LONG + 5):
        world.drop(f"acme-bank/d{i:02}", ROWS, reference=f"r{i}")
    monkeypatch.setattr(drop, "archive_drop", fail_to_connect)
    problems = world.run().problems
    assert len(problems) == FailureStreak.LONG + 1
    assert problems[-1] == "20 drops in a row could not be taken: the rest is left for the next pass"
    monkeypatch.undo()
    assert world.run().problems == []
    assert len(read_submissions(world)) == FailureStreak.LONG + 5


def test_programs_start_even_if_the_inbox_is_down(world, monkeypatch):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)

    def fail_to_list(*_, **__):
        raise StoreError("inbox: out of reach")

    monkeypatch.setattr(FolderStore, "list", fail_to_list)
    with pytest.raises(StoreError, match="out of reach"):
        world.run()
    assert world.receipt("acme-bank/a")["program_state"] == "live"


@pytest.mark.parametrize("place", ["inbox", "archive", "reports"])
def test_programs_start_even_if_a_folder_is_not_usable(world, tmp_path, place):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    (tmp_path / "file").touch()
    not_a_folder = tmp_path / "file/x"
    settings = world.services.settings.model_copy(update={place: str(not_a_folder)})
    world.services = replace(world.services, settings=settings, **{place: FolderStore(not_a_folder)})
    with pytest.raises(SettingsError, match=f"LAUNCHDROP_{place.upper()}: .* is not a folder"):
        world.run()
    assert read_program(world).state == "live"


def test_a_machine_whose_clock_is_ahead_of_the_database_server_launches_nothing(world, monkeypatch):
    world.drop("acme-bank/a", ROWS)
    world.run()
    server = datetime(2030, 1, 7, 14, 59, 30, tzinfo=UTC)
    world.clock.now = server + timedelta(minutes=1)
    monkeypatch.setattr(pipeline, "database_now", lambda _: server)
    assert world.run().problems == [
        "this machine's clock is 60 s ahead of the ledger's server: nothing is launched or ended until they agree"
    ]
    assert read_program(world).state == "scheduled"
    world.clock.now = server
    assert world.run().problems == []
    world.clock.now = server = server + timedelta(minutes=1)
    assert world.run().launched.live == 1


@pytest.mark.parametrize("step", ["take", "launch"])
def test_a_restored_ledger_launches_nothing_no_matter_which_flow_runs_first(world, step):
    world.drop("acme-bank/a", ROWS)
    take_inbox(world.services, sleep=world.clock.sleep)
    archive = world.services.archive
    marker = json.loads(read_object(archive, MARKER_KEY))
    archive.put(MARKER_KEY, json.dumps(marker | {"generation": marker["generation"] + 100}).encode())
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    if step == "take":
        assert take_inbox(world.services, sleep=world.clock.sleep).problems == [RESTORED_MESSAGE]
    launched = launch_due(world.services)
    assert (launched.live, launched.problems) == (0, [] if step == "take" else [RESTORED_MESSAGE])
    assert launch_due(world.services).problems == []
    assert read_program(world).state == "scheduled"


def test_a_drop_that_cannot_be_deleted_from_the_inbox_is_taken_and_reported(world, monkeypatch):
    delete = FolderStore.delete

    def refuse(store, key, version=None):
        if store.root == world.inbox:
            raise StoreError(f"{key!r}: Read-only file system")
        return delete(store, key, version)

    settings = world.services.settings.model_copy(update={"after_intake": "empty"})
    world.services = replace(world.services, settings=settings)
    world.drop("acme-bank/a", ROWS)
    monkeypatch.setattr(FolderStore, "delete", refuse)
    assert [result.drop for result in world.run().intake.taken] == ["a"]
    world.drop("acme-bank/b", "5012149022,Survey\n", reference="other")
    done = world.run()
    assert [result.drop for result in done.intake.taken] == ["b"]
    (problem,) = done.problems
    assert problem.startswith("drop acme-bank/a could not be deleted from the inbox: 'acme-bank/a/")
    monkeypatch.undo()
    world.run()
    assert not list((world.inbox / "acme-bank").iterdir())


def fill(ledger):
    rows = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000) select i from n"
    with ledger.begin() as conn:
        conn.execute(text("pragma max_page_count = 1"))  # for this connection only
        conn.execute(text(f"create table filler as {rows}"))


def test_a_full_disk_under_the_ledger_gives_one_line(world):
    with pytest.raises(LedgerError, match=r"^the ledger at .* cannot be used: database or disk is full$"):
        fill(world.services.ledger)


def test_no_room_for_temporary_files_gives_one_line(world, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(drop, "judge_archived_drop", full)
    world.drop("acme-bank/a", ROWS)
    (problem,) = world.run().problems
    assert re.match(
        r"drop acme-bank/a could not be taken: no room for temporary files in /.*: free some space", problem
    )


def test_an_unknown_business_name_is_reported(world):
    world.drop("acme-bank/a", ROWS)
    world.drop("stranger/a", ROWS)
    assert world.run(business="acme-bnk").problems == [
        "unknown business acme-bnk: it is neither in businesses.yaml nor in the inbox"
    ]
    for business in ("acme-bank", "stranger", "zenith-health"):
        assert world.run(business=business).problems == []
