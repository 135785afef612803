"""Taking drops: once, in order, whatever repeats; what comes back for each."""

import errno
import json
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flow_drops import manifest
from sqlalchemy import text

from flows import passes, taking
from flows.archive import open_drop, verified
from flows.claiming import claimed
from flows.ledger import LedgerError, queries
from flows.pages import OUT_OF_REACH, refresh
from flows.passes import launch_due, next_start_came, take_inbox
from flows.restored import PLACE, TOLD
from flows.retaking import replay, retake
from flows.stores import StoreError, read
from flows.stores.folder import FolderStore

ZENITH = {"business_unit": "Reminders", "display_name": "{display: Zenith Health, shorthand: Zenith}"}
ROWS = "5012149020,Customer Service\n5012149021,Survey\n"


def program(world, reference="orders"):
    with world.pipeline.ledger.read() as conn:
        return queries.programs(conn, business_id="acme-bank", reference=reference)[0]


def submissions(world):
    with world.pipeline.ledger.read() as conn:
        return queries.submissions(conn)


def test_the_same_content_again_is_a_duplicate_and_changes_nothing(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop("acme-bank/b", ROWS)
    world.run()
    first, second = world.receipt("acme-bank/a"), world.receipt("acme-bank/b")
    assert (second["outcome"], second["submission"]) == ("duplicate", first["submission"])
    assert len(submissions(world)) == 1
    assert program(world).revision == 1


def test_other_content_is_the_next_revision(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop("acme-bank/b", "5012149022,Survey\n5012149021,Customer Service\n")
    world.run()
    assert world.report("acme-bank/b")["revision"] == {"number": 2, "added": 1, "removed": 0, "changed": 1}
    assert program(world).pending == 3


def test_a_report_says_which_dates_moved_and_from_when(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop(
        "acme-bank/b", ROWS, schedule="{start: 2030-01-07T09:00, end: 2030-04-30T18:00, timezone: America/Chicago}"
    )
    world.run()
    page = (world.reports / "acme-bank" / world.receipt("acme-bank/b")["submission"] / "report.html").read_text()
    assert page.count("moved, it was") == 1
    assert "moved, it was 29 Mar 2030, 18:00" in page


def test_a_program_that_has_ended_is_cancelled_no_more_and_its_drop_is_answered(world):
    world.drop("acme-bank/a", ROWS, schedule="{start: 2026-11-02T09:00Z, end: 2026-12-01T09:00Z, timezone: UTC}")
    world.run()
    world.clock.now += timedelta(days=30)
    world.run()
    assert program(world).state == "ended"
    world.drop("acme-bank/b", ROWS, state="cancelled")
    assert world.run().problems == []
    assert world.receipt("acme-bank/b")["verdict"] == "rejected"
    assert [f["rule"] for f in world.report("acme-bank/b")["findings"]] == ["MAN-015"]


def test_replace_makes_the_numbers_exactly_these(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop("acme-bank/b", "5012149022,Survey\n", numbers_mode="replace")
    world.run()
    assert world.report("acme-bank/b")["revision"] == {"number": 2, "added": 1, "removed": 2, "changed": 0}
    assert program(world).pending == 1


def test_a_rejected_row_is_no_business_of_another_business(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop(
        "zenith-health/a",
        ROWS,
        business_unit="Reminders",
        display_name="{display: Zenith Health, shorthand: Zenith}",
    )
    world.run()
    report = world.report("zenith-health/a")
    assert [f["rule"] for f in report["findings"] if f["severity"] == "error"] == ["NUM-022", "NUM-022"]
    page = world.reports / "zenith-health" / report["submission"]["id"] / "report.html"
    assert "acme" not in page.read_text().lower()


def test_a_file_that_is_missing_is_told_once_after_the_grace_and_taken_when_it_comes(world):
    world.drop("acme-bank/a", ROWS)
    numbers = world.inbox / "acme-bank/a/numbers.csv"
    kept = numbers.read_bytes()
    numbers.unlink()
    world.run()
    assert not (world.reports / "acme-bank/drops").exists()
    world.clock.now += timedelta(minutes=16)
    assert world.run().intake.incomplete == 1
    receipt = world.receipt("acme-bank/a")
    assert (receipt["outcome"], [f["rule"] for f in receipt["findings"]]) == ("incomplete", ["MAN-005"])
    assert world.run().intake.incomplete == 0
    numbers.write_bytes(kept)
    world.run()
    assert world.receipt("acme-bank/a")["verdict"] == "accepted"


def incomplete_again(world):
    """A drop that is registered, whose next manifest names other bytes than lie there, and is told so."""
    world.drop("acme-bank/a", ROWS)
    world.run()
    wrong = manifest("acme-bank", numbers="[{file: numbers.csv, sha256: " + 64 * "0" + "}]")
    (world.inbox / "acme-bank/a/program.yaml").write_text(wrong)
    world.run()
    world.clock.now += timedelta(minutes=16)
    assert world.run().intake.incomplete == 1
    receipt = world.receipt("acme-bank/a")
    assert (receipt["outcome"], [f["rule"] for f in receipt["findings"]]) == ("incomplete", ["CSV-003"])
    return receipt


def test_what_is_incomplete_stays_told_whatever_becomes_of_what_was_taken_before(world):
    receipt = incomplete_again(world)
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    assert world.run().launched.live == 1
    assert world.receipt("acme-bank/a") == receipt
    world.drop("acme-bank/a", ROWS + "5012149022,Survey\n")
    world.run()
    receipt = world.receipt("acme-bank/a")
    assert (receipt["outcome"], receipt["program_state"], receipt["counts"]["read"]) == ("registered", "live", 3)


def test_what_is_incomplete_and_taken_away_again_leaves_the_receipt_of_before(world):
    incomplete_again(world)
    (world.inbox / "acme-bank/a/program.yaml").unlink()
    world.run()
    assert world.receipt("acme-bank/a")["outcome"] == "registered"


def test_an_owner_that_wakes_up_late_does_not_tell_what_has_arrived_meanwhile(world, monkeypatch):
    world.drop("acme-bank/a", ROWS)
    numbers = world.inbox / "acme-bank/a/numbers.csv"
    numbers.unlink()
    world.run()
    world.clock.now += timedelta(minutes=16)

    @contextmanager
    def sleeps(*given, **more):
        with claimed(*given, **more) as lease:
            monkeypatch.undo()
            world.clock.now += 2 * world.pipeline.settings.lease
            numbers.write_text(ROWS)
            assert len(world.run().intake.took) == 1
            yield lease

    monkeypatch.setattr(taking, "claimed", sleeps)
    assert world.run().intake.incomplete == 0
    assert world.receipt("acme-bank/a")["outcome"] == "registered"


def test_emptied_once_taken_and_found_again_in_the_archive(world):
    settings = world.pipeline.settings.model_copy(update={"after_intake": "empty"})
    world.pipeline = replace(world.pipeline, settings=settings)
    world.drop("acme-bank/a", ROWS)
    world.run()
    assert not (world.inbox / "acme-bank/a").exists()
    world.drop("acme-bank/b", ROWS)
    world.run()
    assert world.receipt("acme-bank/b")["outcome"] == "duplicate"
    assert not (world.inbox / "acme-bank/b").exists()


def test_held_then_released_is_launched_like_any_other(world):
    world.drop("acme-bank/a", ROWS + "214-9022,Survey\n", on_rejected_rows="hold")
    world.run()
    receipt = world.receipt("acme-bank/a")
    assert (receipt["verdict"], receipt["program_state"]) == ("held", None)
    from flows.ledger.registering import release

    with world.pipeline.ledger.begin() as conn:
        release(conn, receipt["submission"], by="tester", now=world.clock())
    refresh(world.pipeline)
    receipt = world.receipt("acme-bank/a")
    assert (receipt["verdict"], receipt["program_state"]) == ("accepted_with_rejections", "scheduled")
    assert world.report("acme-bank/a")["verdict"] == "accepted_with_rejections"


def test_a_business_reads_why_the_operator_rejected_what_was_held(world):
    from flows.ledger.registering import dismiss

    world.drop("acme-bank/a", ROWS + "214-9022,Survey\n", on_rejected_rows="hold")
    world.run()
    receipt = world.receipt("acme-bank/a")
    with world.pipeline.ledger.begin() as conn:
        dismiss(conn, receipt["submission"], by="tester", reason="Wrong list.", now=world.clock())
    refresh(world.pipeline)
    assert world.receipt("acme-bank/a")["verdict"] == "rejected"
    page = (world.reports / "acme-bank" / receipt["submission"] / "report.html").read_text()
    assert "Nothing was taken: the operator rejected this drop." in page
    assert "The operator says: Wrong list." in page
    assert "tester" not in page


def test_what_was_held_says_that_a_newer_drop_took_its_place(world):
    world.drop("acme-bank/a", ROWS + "214-9022,Survey\n", on_rejected_rows="hold")
    world.run()
    world.drop("acme-bank/b", ROWS)
    world.run()
    page = world.reports / "acme-bank" / world.receipt("acme-bank/a")["submission"] / "report.html"
    assert "while this drop was held, a newer one took its place" in page.read_text()


def test_pages_make_way_for_the_next_start_and_are_written_later(world):

    world.drop("acme-bank/a", ROWS)
    take_inbox(world.pipeline, sleep=world.clock.sleep)
    came = next_start_came(world.pipeline)
    assert not came()
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    assert came()
    assert refresh(world.pipeline, stop=came).written == 0
    assert not (world.reports / "acme-bank/drops/a/receipt.json").exists()
    assert not next_start_came(world.pipeline)(), "a start that has come is no reason to put pages off again"
    assert refresh(world.pipeline, stop=next_start_came(world.pipeline)).written == 4
    assert world.receipt("acme-bank/a")["outcome"] == "registered"


def test_the_receipts_of_all_drops_of_a_program_tell_its_state(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop("acme-bank/b", "5012149022,Survey\n")
    world.run()
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    world.run()
    assert [world.receipt(f"acme-bank/{name}")["program_state"] for name in "ab"] == ["live", "live"]
    assert world.report("acme-bank/a")["revision"]["number"] == 1


def test_a_retake_is_a_submission_of_its_own_over_the_same_bytes(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    first = world.receipt("acme-bank/a")["submission"]
    assert replay(world.pipeline, first) == []
    world.clock.now += timedelta(hours=1)
    took = retake(world.pipeline, first)
    assert took.registered.submission != first
    assert [row.retake_of for row in submissions(world)] == [first, None]
    assert replay(world.pipeline, took.registered.submission) == []


def test_a_retake_is_found_in_the_archive_and_the_inbox_is_emptied_of_what_repeats_it(world):
    settings = world.pipeline.settings.model_copy(update={"after_intake": "empty"})
    world.drop("acme-bank/a", ROWS, business_unit="Loans")
    world.run()
    first = world.receipt("acme-bank/a")
    assert first["verdict"] == "rejected"
    businesses = world.inbox / "businesses.yaml"
    businesses.write_text(businesses.read_text().replace("[Collections, Cards]", "[Collections, Cards, Loans]"))
    world.run()
    world.clock.now += timedelta(hours=1)
    second = retake(world.pipeline, first["submission"]).registered.submission
    world.clock.now += timedelta(hours=1)
    third = retake(world.pipeline, second).registered.submission
    world.pipeline = replace(world.pipeline, settings=settings)
    world.drop("acme-bank/b", ROWS, business_unit="Loans")
    assert world.run().problems == []
    assert world.receipt("acme-bank/b")["outcome"] == "duplicate"
    assert world.receipt("acme-bank/b")["submission"] == third
    assert not list((world.inbox / "acme-bank").iterdir())
    for submission in (second, third):
        assert verified(open_drop(world.pipeline.archive, "acme-bank", submission))


def test_a_replay_shows_what_would_change(world):
    world.drop("acme-bank/a", ROWS, reference="first")
    world.run()
    world.drop("acme-bank/b", "5012149022,Survey\n", reference="second")
    world.run()
    # The operator takes the number for another program: judged now, the row is in conflict.
    world.drop("acme-bank/c", "5012149022,Survey\n", reference="third", reassign="true")
    world.run()
    changes = {c.what: (c.before, c.now) for c in replay(world.pipeline, world.receipt("acme-bank/a")["submission"])}
    assert changes == {}


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
    assert done.problems == ["receipt acme-bank a could not be written: 'acme-bank/drops/a/receipt.json' is not there"]
    assert world.receipt("zenith-health/z")["verdict"] == "accepted"
    assert (world.reports / "_operator/index.html").exists()
    in_the_way.unlink()
    assert world.run().problems == []
    assert world.receipt("acme-bank/a")["verdict"] == "accepted"


def test_one_drop_that_cannot_be_taken_keeps_no_other_waiting(world, monkeypatch):
    judge = taking.judge_drop

    def stumbles(pipeline, drop, *rest, **more):
        if drop.name == "a":
            raise KeyError("5012149020")
        return judge(pipeline, drop, *rest, **more)

    world.drop("acme-bank/a", ROWS)
    world.drop("zenith-health/z", "5012149030,Survey\n", **ZENITH)
    monkeypatch.setattr(taking, "judge_drop", stumbles)
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
    unreadable_once(monkeypatch, taking, "a")
    done = world.run()
    assert [took.drop for took in done.intake.took] == ["other"]
    assert done.problems == [
        "drop acme-bank/a could not be taken: 'a/numbers.csv': Input/output error",
        "drop acme-bank/b waits for drop a, which is about the same program and was there before it",
        "drop acme-bank/c waits for drop b, which is about the same program and was there before it",
    ]
    done = world.run()
    assert ([took.drop for took in done.intake.took], done.problems) == (["a", "b", "c"], [])
    assert (program(world).revision, program(world).pending) == (3, 1)


def test_drops_that_wait_for_one_before_them_are_no_sign_of_a_place_out_of_reach(world, monkeypatch):
    for i in range(OUT_OF_REACH + 1):
        world.drop(f"acme-bank/d{i:02}", ROWS, schedule=f"{{start: 2030-01-07T09:{i:02}Z, end: 2030-03-29T18:00Z}}")
    world.drop("acme-bank/other", "5012149024,Survey\n", reference="other")
    unreadable_once(monkeypatch, taking, "d00")
    assert [took.drop for took in world.run().intake.took] == ["other"]


def test_a_drop_that_changes_while_it_is_taken_keeps_its_turn(world, monkeypatch):
    in_the_order_of_sighting(world)
    copy = taking.archive_drop

    def changes(inbox, archive, sighting, **more):
        (world.inbox / "acme-bank/a/numbers.csv").write_text(ROWS + "5012149025,Survey\n")
        monkeypatch.undo()
        return copy(inbox, archive, sighting, **more)

    monkeypatch.setattr(taking, "archive_drop", changes)
    assert [took.drop for took in world.run().intake.took] == ["other"]
    assert [took.drop for took in world.run().intake.took] == ["a", "b", "c"]


def test_what_is_incomplete_or_gone_holds_nothing_back(world, monkeypatch):
    in_the_order_of_sighting(world)
    (world.inbox / "acme-bank/a/numbers.csv").unlink()
    unreadable_once(monkeypatch, taking, "b")
    assert [took.drop for took in world.run().intake.took] == ["other"]
    shutil.rmtree(world.inbox / "acme-bank/b")
    assert [took.drop for took in world.run().intake.took] == ["c"]


def test_a_pass_over_some_drops_takes_what_waits_for_the_same_programs_before_them(world, monkeypatch):
    in_the_order_of_sighting(world)
    unreadable_once(monkeypatch, taking, "a")
    world.run()
    world.drop("acme-bank/d", "5012149026,Survey\n")
    some = take_inbox(world.pipeline, sleep=world.clock.sleep, drops=[("acme-bank", "d")])
    assert [took.drop for took in some.took] == ["a", "b", "c", "d"]


def test_an_owner_that_wakes_up_late_leaves_the_files_of_its_successor_alone(world, monkeypatch):
    judge = taking.judge_drop

    def sleeps(*given, **more):
        judgement = judge(*given, **more)
        monkeypatch.undo()
        world.clock.now += 2 * world.pipeline.settings.lease
        businesses.write_text(businesses.read_text().replace("[Collections, Cards]", "[Collections, Cards, Loans]"))
        assert len(world.run().intake.took) == 1
        sleeps.left = kept(world)
        return judgement

    businesses = world.inbox / "businesses.yaml"
    world.drop("acme-bank/a", ROWS, business_unit="Loans")
    monkeypatch.setattr(taking, "judge_drop", sleeps)
    assert (world.run().intake.took, world.receipt("acme-bank/a")["verdict"]) == ([], "accepted")
    assert kept(world) == sleeps.left


def kept(world):
    """What lies in the archive and in the reports of a business, by the place."""
    places = (world.reports / "acme-bank", world.pipeline.archive.root / "acme-bank")
    return {p: p.read_bytes() for place in places for p in place.rglob("*") if p.is_file()}


def test_a_place_out_of_reach_is_not_tried_for_every_drop(world, monkeypatch):
    def out_of_reach(*_):
        raise StoreError("the archive: connection refused")

    for i in range(OUT_OF_REACH + 5):
        world.drop(f"acme-bank/d{i:02}", ROWS, reference=f"r{i}")
    monkeypatch.setattr(taking, "archive_drop", lambda *_, **__: out_of_reach())
    problems = world.run().problems
    assert len(problems) == OUT_OF_REACH + 1
    assert problems[-1] == "20 drops in a row could not be taken: the rest is left for the next pass"
    monkeypatch.undo()
    assert world.run().problems == []
    assert len(submissions(world)) == OUT_OF_REACH + 5


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


def test_a_machine_whose_clock_is_ahead_of_the_ledgers_server_launches_nothing(world, monkeypatch):
    world.drop("acme-bank/a", ROWS)
    world.run()
    server = datetime(2030, 1, 7, 14, 59, 30, tzinfo=UTC)
    world.clock.now = server + timedelta(minutes=1)
    monkeypatch.setattr(passes, "database_now", lambda _: server)
    assert world.run().problems == [
        "this machine's clock is 60 s ahead of the ledger's server: nothing is launched or ended before they agree"
    ]
    assert program(world).state == "scheduled"
    world.clock.now = server
    assert world.run().problems == []
    world.clock.now = server = server + timedelta(minutes=1)
    assert world.run().launched.live == 1


@pytest.mark.parametrize("step", ["take", "launch"])
def test_a_restored_ledger_launches_nothing_whichever_flow_is_first(world, step):
    world.drop("acme-bank/a", ROWS)
    take_inbox(world.pipeline, sleep=world.clock.sleep)
    archive = world.pipeline.archive
    kept = json.loads(read(archive, PLACE))
    archive.put(PLACE, json.dumps(kept | {"generation": kept["generation"] + 100}).encode())
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    if step == "take":
        assert take_inbox(world.pipeline, sleep=world.clock.sleep).problems == [TOLD]
    launched = launch_due(world.pipeline)
    assert (launched.live, launched.problems) == (0, [] if step == "take" else [TOLD])
    assert launch_due(world.pipeline).problems == []
    assert program(world).state == "scheduled"


def test_what_cannot_be_cleared_from_the_inbox_is_taken_all_the_same_and_told(world, monkeypatch):
    def refuse(_store, key, _version=None):
        raise StoreError(f"{key!r}: Read-only file system")

    settings = world.pipeline.settings.model_copy(update={"after_intake": "empty"})
    world.pipeline = replace(world.pipeline, settings=settings)
    world.drop("acme-bank/a", ROWS)
    monkeypatch.setattr(FolderStore, "delete", refuse)
    assert [took.drop for took in world.run().intake.took] == ["a"]
    world.drop("acme-bank/b", "5012149022,Survey\n", reference="other")
    done = world.run()
    assert [took.drop for took in done.intake.took] == ["b"]
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
        fill(world.pipeline.ledger)


def test_no_room_for_temporary_files_is_one_line(world, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(taking, "judge_drop", full)
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
