"""LaunchdropError while drops are taken: it keeps nobody else waiting, turns are kept, and the operator is told in a line."""

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
from tests.flows.sample_drops import ROWS, ZENITH, program, submissions


@pytest.mark.parametrize("text", ["businesses: [", "", "businesses:\n  acme-bank: {}\n"])
def test_a_businesses_file_that_is_half_saved_changes_nothing(world, text):
    world.drop("acme-bank/a", ROWS)
    world.run()
    (world.inbox / "businesses.yaml").write_text(text)
    world.drop("acme-bank/b", "5012149022,Survey\n")
    done = world.run()
    assert world.receipt("acme-bank/b")["verdict"] == "accepted"
    (problem,) = done.problems
    assert problem.startswith("businesses.yaml: ")
    assert ".." not in problem
    assert problem.endswith("What it said before stays in force.")
    assert problem in (world.reports / "_operator/index.html").read_text().replace("&#39;", "'").replace("&quot;", '"')


def test_one_business_whose_pages_cannot_be_written_keeps_no_other_waiting(world):
    world.drop("acme-bank/a", ROWS)
    world.drop("zenith-health/z", "5012149030,Survey\n", **ZENITH)
    in_the_way = world.reports / "acme-bank/drops/a"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("not a folder")
    done = world.run()
    assert done.problems == ["receipt acme-bank a could not be written: 'acme-bank/drops/a/receipt.json' does not exist"]
    assert world.receipt("zenith-health/z")["verdict"] == "accepted"
    assert (world.reports / "_operator/index.html").exists()
    in_the_way.unlink()
    assert world.run().problems == []
    assert world.receipt("acme-bank/a")["verdict"] == "accepted"


def test_one_drop_that_cannot_be_taken_keeps_no_other_waiting(world, monkeypatch):
    judge = drop.judge_drop

    def stumbles(services, drop, *rest, **more):
        if drop.name == "a":
            raise KeyError("5012149020")
        return judge(services, drop, *rest, **more)

    world.drop("acme-bank/a", ROWS)
    world.drop("zenith-health/z", "5012149030,Survey\n", **ZENITH)
    monkeypatch.setattr(drop, "judge_drop", stumbles)
    assert world.run().problems == [
        "drop acme-bank/a could not be taken: KeyError, a fault of launchdrop; the log has more"
    ]
    assert world.receipt("zenith-health/z")["verdict"] == "accepted"
    monkeypatch.undo()
    assert world.run().problems == []
    assert world.receipt("acme-bank/a")["verdict"] == "accepted"


def unreadable_once(monkeypatch, where, drop):
    """The first copying of this drop fails."""
    copy, failed = where.archive_drop, []

    def fails(inbox, archive, sighting, **more):
        if sighting.name == drop and not failed:
            failed.append(drop)
            raise StoreError(f"'{drop}/numbers.csv': Input/output error")
        return copy(inbox, archive, sighting, **more)

    monkeypatch.setattr(where, "archive_drop", fails)


def in_the_order_of_sighting(world):
    """Three drops of a program, each of which replaces the numbers of the one before, and one of another program."""
    for name, rows in (("a", ROWS), ("b", "5012149022,Survey\n"), ("c", "5012149023,Survey\n")):
        world.drop(f"acme-bank/{name}", rows, numbers_mode="replace")
    world.drop("acme-bank/other", "5012149024,Survey\n", reference="other")


def test_what_could_not_be_taken_holds_later_drops_of_its_program_back(world, monkeypatch):
    in_the_order_of_sighting(world)
    unreadable_once(monkeypatch, drop, "a")
    done = world.run()
    assert [took.drop for took in done.intake.taken] == ["other"]
    assert done.problems == [
        "drop acme-bank/a could not be taken: 'a/numbers.csv': Input/output error",
        "drop acme-bank/b waits for drop a, which is about the same program and was there before it",
        "drop acme-bank/c waits for drop b, which is about the same program and was there before it",
    ]
    done = world.run()
    assert ([took.drop for took in done.intake.taken], done.problems) == (["a", "b", "c"], [])
    assert (program(world).revision, program(world).pending) == (3, 1)


def test_drops_that_wait_for_one_before_them_are_no_sign_of_a_place_out_of_reach(world, monkeypatch):
    for i in range(FailureStreak.LONG + 1):
        world.drop(f"acme-bank/d{i:02}", ROWS, schedule=f"{{start: 2030-01-07T09:{i:02}Z, end: 2030-03-29T18:00Z}}")
    world.drop("acme-bank/other", "5012149024,Survey\n", reference="other")
    unreadable_once(monkeypatch, drop, "d00")
    assert [took.drop for took in world.run().intake.taken] == ["other"]


def test_a_drop_that_changes_while_it_is_taken_keeps_its_turn(world, monkeypatch):
    in_the_order_of_sighting(world)
    copy = drop.archive_drop

    def changes(inbox, archive, sighting, **more):
        (world.inbox / "acme-bank/a/numbers.csv").write_text(ROWS + "5012149025,Survey\n")
        monkeypatch.undo()
        return copy(inbox, archive, sighting, **more)

    monkeypatch.setattr(drop, "archive_drop", changes)
    assert [took.drop for took in world.run().intake.taken] == ["other"]
    assert [took.drop for took in world.run().intake.taken] == ["a", "b", "c"]


def test_what_is_incomplete_or_gone_holds_nothing_back(world, monkeypatch):
    in_the_order_of_sighting(world)
    (world.inbox / "acme-bank/a/numbers.csv").unlink()
    unreadable_once(monkeypatch, drop, "b")
    assert [took.drop for took in world.run().intake.taken] == ["other"]
    shutil.rmtree(world.inbox / "acme-bank/b")
    assert [took.drop for took in world.run().intake.taken] == ["c"]


def test_a_pass_over_some_drops_takes_what_waits_for_the_same_programs_before_them(world, monkeypatch):
    in_the_order_of_sighting(world)
    unreadable_once(monkeypatch, drop, "a")
    world.run()
    world.drop("acme-bank/d", "5012149026,Survey\n")
    some = take_inbox(world.services, sleep=world.clock.sleep, drops=[("acme-bank", "d")])
    assert [took.drop for took in some.taken] == ["a", "b", "c", "d"]


def test_an_owner_that_wakes_up_late_leaves_the_files_of_its_successor_alone(world, monkeypatch):
    judge = drop.judge_drop

    def sleeps(*given, **more):
        judgment = judge(*given, **more)
        monkeypatch.undo()
        world.clock.now += 2 * world.services.settings.lease
        businesses.write_text(businesses.read_text().replace("[Collections, Cards]", "[Collections, Cards, Loans]"))
        assert len(world.run().intake.taken) == 1
        sleeps.left = kept(world)
        return judgment

    businesses = world.inbox / "businesses.yaml"
    world.drop("acme-bank/a", ROWS, business_unit="Loans")
    monkeypatch.setattr(drop, "judge_drop", sleeps)
    assert (world.run().intake.taken, world.receipt("acme-bank/a")["verdict"]) == ([], "accepted")
    assert kept(world) == sleeps.left


def kept(world):
    """What lies in the archive and in the reports of a business, by the place."""
    places = (world.reports / "acme-bank", world.services.archive.root / "acme-bank")
    return {p: p.read_bytes() for place in places for p in place.rglob("*") if p.is_file()}


def test_a_place_out_of_reach_is_not_tried_for_every_drop(world, monkeypatch):
    def out_of_reach(*_):
        raise StoreError("the archive: connection refused")

    for i in range(FailureStreak.LONG + 5):
        world.drop(f"acme-bank/d{i:02}", ROWS, reference=f"r{i}")
    monkeypatch.setattr(drop, "archive_drop", lambda *_, **__: out_of_reach())
    problems = world.run().problems
    assert len(problems) == FailureStreak.LONG + 1
    assert problems[-1] == "20 drops in a row could not be taken: the rest is left for the next pass"
    monkeypatch.undo()
    assert world.run().problems == []
    assert len(submissions(world)) == FailureStreak.LONG + 5


def test_an_inbox_out_of_reach_keeps_no_program_from_its_start(world, monkeypatch):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)

    def away(*_, **__):
        raise StoreError("inbox: out of reach")

    monkeypatch.setattr(FolderStore, "list", away)
    with pytest.raises(StoreError, match="out of reach"):
        world.run()
    assert world.receipt("acme-bank/a")["program_state"] == "live"


@pytest.mark.parametrize("place", ["inbox", "archive", "reports"])
def test_a_folder_that_is_none_keeps_no_program_from_its_start(world, tmp_path, place):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    (tmp_path / "file").touch()
    away = tmp_path / "file/x"
    settings = world.services.settings.model_copy(update={place: str(away)})
    world.services = replace(world.services, settings=settings, **{place: FolderStore(away)})
    with pytest.raises(SettingsError, match=f"LAUNCHDROP_{place.upper()}: .* is no folder"):
        world.run()
    assert program(world).state == "live"


def test_a_machine_whose_clock_is_ahead_of_the_ledgers_server_launches_nothing(world, monkeypatch):
    world.drop("acme-bank/a", ROWS)
    world.run()
    server = datetime(2030, 1, 7, 14, 59, 30, tzinfo=UTC)
    world.clock.now = server + timedelta(minutes=1)
    monkeypatch.setattr(pipeline, "database_now", lambda _: server)
    assert world.run().problems == [
        "this machine's clock is 60 s ahead of the ledger's server: nothing is launched or ended until they agree"
    ]
    assert program(world).state == "scheduled"
    world.clock.now = server
    assert world.run().problems == []
    world.clock.now = server = server + timedelta(minutes=1)
    assert world.run().launched.live == 1


@pytest.mark.parametrize("step", ["take", "launch"])
def test_a_restored_ledger_launches_nothing_whichever_flow_is_first(world, step):
    world.drop("acme-bank/a", ROWS)
    take_inbox(world.services, sleep=world.clock.sleep)
    archive = world.services.archive
    kept = json.loads(read_object(archive, MARKER_KEY))
    archive.put(MARKER_KEY, json.dumps(kept | {"generation": kept["generation"] + 100}).encode())
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    if step == "take":
        assert take_inbox(world.services, sleep=world.clock.sleep).problems == [RESTORED_MESSAGE]
    launched = launch_due(world.services)
    assert (launched.live, launched.problems) == (0, [] if step == "take" else [RESTORED_MESSAGE])
    assert launch_due(world.services).problems == []
    assert program(world).state == "scheduled"


def test_what_cannot_be_cleared_from_the_inbox_is_taken_all_the_same_and_told(world, monkeypatch):
    def refuse(_store, key, _version=None):
        raise StoreError(f"{key!r}: Read-only file system")

    settings = world.services.settings.model_copy(update={"after_intake": "empty"})
    world.services = replace(world.services, settings=settings)
    world.drop("acme-bank/a", ROWS)
    monkeypatch.setattr(FolderStore, "delete", refuse)
    assert [took.drop for took in world.run().intake.taken] == ["a"]
    world.drop("acme-bank/b", "5012149022,Survey\n", reference="other")
    done = world.run()
    assert [took.drop for took in done.intake.taken] == ["b"]
    (told,) = done.problems
    assert told.startswith("drop acme-bank/a could not be cleared from the inbox: 'acme-bank/a/")
    monkeypatch.undo()
    world.run()
    assert not list((world.inbox / "acme-bank").iterdir())


def fill(ledger):
    rows = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000) select i from n"
    with ledger.begin() as conn:
        conn.execute(text("pragma max_page_count = 1"))  # of this connection
        conn.execute(text(f"create table filler as {rows}"))


def test_a_full_disk_under_the_ledger_is_one_line(world):
    with pytest.raises(LedgerError, match=r"^the ledger at .* cannot be used: database or disk is full$"):
        fill(world.services.ledger)


def test_no_room_for_temporary_files_is_one_line(world, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(drop, "judge_drop", full)
    world.drop("acme-bank/a", ROWS)
    (told,) = world.run().problems
    assert re.match(r"drop acme-bank/a could not be taken: no room for temporary files in /.*: free some space", told)


def test_a_business_asked_for_by_a_name_that_is_nowhere_is_told(world):
    world.drop("acme-bank/a", ROWS)
    world.drop("stranger/a", ROWS)
    assert world.run(business="acme-bnk").problems == [
        "no business acme-bnk: neither businesses.yaml nor the inbox has it"
    ]
    for business in ("acme-bank", "stranger", "zenith-health"):
        assert world.run(business=business).problems == []
