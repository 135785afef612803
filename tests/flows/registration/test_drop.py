"""Taking drops: once, in order, whatever repeats; what comes back for each."""

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows.archive.submissions import open_archived_drop, is_intact
from flows.arrival.leases import lease_drop
from flows.cli import programs
from flows.ledger.programs.ownership import ON_DO_NOT_ORIGINATE_LIST
from flows.pipeline import take_inbox, watch_next_start
from flows.publishing.outbox import publish_outbox
from flows.registration import drop
from flows.registration.rerun import replay_submission, retake_submission
from flows.stores import StoreError
from tests.flows.sample_drops import ROWS, manifest, read_program, read_submissions


def test_the_same_content_again_is_a_duplicate_and_changes_nothing(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop("acme-bank/b", ROWS)
    world.run()
    first, second = world.receipt("acme-bank/a"), world.receipt("acme-bank/b")
    assert (second["outcome"], second["submission"]) == ("duplicate", first["submission"])
    assert len(read_submissions(world)) == 1
    assert read_program(world).revision == 1


def test_other_content_is_the_next_revision(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop("acme-bank/b", "5012149022,Survey\n5012149021,Customer Service\n")
    world.run()
    assert world.report("acme-bank/b")["revision"] == {"number": 2, "added": 1, "removed": 0, "changed": 1}
    assert read_program(world).pending == 3


def test_a_report_says_which_dates_moved_and_from_when(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop(
        "acme-bank/b", ROWS, schedule="{start: 2030-01-07T09:00, end: 2030-04-30T18:00, timezone: America/Chicago}"
    )
    world.run()
    page = (world.reports / "acme-bank" / world.receipt("acme-bank/b")["submission"] / "report.html").read_text()
    assert page.count("moved from") == 1
    assert "moved from Mar 29, 2030, 6:00 PM CDT" in page


def test_a_program_that_has_ended_is_cancelled_no_more_and_its_drop_is_answered(world):
    world.drop("acme-bank/a", ROWS, schedule="{start: 2026-11-02T09:00Z, end: 2026-12-01T09:00Z, timezone: UTC}")
    world.run()
    world.clock.now += timedelta(days=30)
    world.run()
    assert read_program(world).state == "ended"
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
    assert read_program(world).pending == 1


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
    assert (receipt["outcome"], receipt["reference"]) == ("incomplete", "orders")
    found = [(f["rule"], f["path"], f["line"], f["value"]) for f in receipt["findings"]]
    line = (world.inbox / "acme-bank/a/program.yaml").read_text().splitlines().index(
        "numbers: [{file: numbers.csv}]"
    ) + 1
    assert found == [("MAN-005", "numbers[0].file", line, "numbers.csv")]
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
        with lease_drop(*given, **more) as lease:
            monkeypatch.undo()
            world.clock.now += 2 * world.services.settings.lease
            numbers.write_text(ROWS)
            assert len(world.run().intake.taken) == 1
            yield lease

    monkeypatch.setattr(drop, "claimed", sleeps)
    assert world.run().intake.incomplete == 0
    assert world.receipt("acme-bank/a")["outcome"] == "registered"


def test_emptied_once_taken_and_found_again_in_the_archive(world):
    settings = world.services.settings.model_copy(update={"after_intake": "empty"})
    world.services = replace(world.services, settings=settings)
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
    from flows.ledger.programs.register import release_held_submission

    with world.services.ledger.begin() as conn:
        release_held_submission(conn, receipt["submission"], by="tester", now=world.clock())
    publish_outbox(world.services)
    receipt = world.receipt("acme-bank/a")
    assert (receipt["verdict"], receipt["program_state"]) == ("accepted_with_rejections", "scheduled")
    assert world.report("acme-bank/a")["verdict"] == "accepted_with_rejections"


def test_a_business_reads_why_the_operator_rejected_what_was_held(world):
    from flows.ledger.programs.register import reject_held_submission

    world.drop("acme-bank/a", ROWS + "214-9022,Survey\n", on_rejected_rows="hold")
    world.run()
    receipt = world.receipt("acme-bank/a")
    with world.services.ledger.begin() as conn:
        reject_held_submission(conn, receipt["submission"], by="tester", reason="Wrong list.", now=world.clock())
    publish_outbox(world.services)
    assert world.receipt("acme-bank/a")["verdict"] == "rejected"
    page = (world.reports / "acme-bank" / receipt["submission"] / "report.html").read_text()
    assert "Nothing was registered: the operator rejected this drop." in page
    assert "The operator’s reason: Wrong list." in page
    assert "tester" not in page


def test_what_was_held_says_that_a_newer_drop_took_its_place(world):
    world.drop("acme-bank/a", ROWS + "214-9022,Survey\n", on_rejected_rows="hold")
    world.run()
    world.drop("acme-bank/b", ROWS)
    world.run()
    page = world.reports / "acme-bank" / world.receipt("acme-bank/a")["submission"] / "report.html"
    assert "a newer drop replaced this one while it was held" in page.read_text()


def test_pages_make_way_for_the_next_start_and_are_written_later(world):

    world.drop("acme-bank/a", ROWS)
    take_inbox(world.services, sleep=world.clock.sleep)
    came = watch_next_start(world.services)
    assert not came()
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    assert came()
    assert publish_outbox(world.services, stop=came).written == 0
    assert not (world.reports / "acme-bank/drops/a/receipt.json").exists()
    assert not watch_next_start(world.services)(), "a start that has come is no reason to put pages off again"
    assert publish_outbox(world.services, stop=watch_next_start(world.services)).written == 4
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
    assert replay_submission(world.services, first) == []
    world.clock.now += timedelta(hours=1)
    took = retake_submission(world.services, first)
    assert took.registered.submission != first
    assert [row.retake_of for row in read_submissions(world)] == [first, None]
    assert replay_submission(world.services, took.registered.submission) == []


def test_a_retake_is_found_in_the_archive_and_the_inbox_is_emptied_of_what_repeats_it(world):
    settings = world.services.settings.model_copy(update={"after_intake": "empty"})
    world.drop("acme-bank/a", ROWS, business_unit="Loans")
    world.run()
    first = world.receipt("acme-bank/a")
    assert first["verdict"] == "rejected"
    businesses = world.inbox / "businesses.yaml"
    businesses.write_text(businesses.read_text().replace("[Collections, Cards]", "[Collections, Cards, Loans]"))
    world.run()
    world.clock.now += timedelta(hours=1)
    second = retake_submission(world.services, first["submission"]).registered.submission
    world.clock.now += timedelta(hours=1)
    third = retake_submission(world.services, second).registered.submission
    world.services = replace(world.services, settings=settings)
    world.drop("acme-bank/b", ROWS, business_unit="Loans")
    assert world.run().problems == []
    assert world.receipt("acme-bank/b")["outcome"] == "duplicate"
    assert world.receipt("acme-bank/b")["submission"] == third
    assert not list((world.inbox / "acme-bank").iterdir())
    for submission in (second, third):
        assert is_intact(open_archived_drop(world.services.archive, "acme-bank", submission))


def test_numbers_marked_do_not_originate_are_added_to_a_program_that_calls_with_others(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    marked = "5012149022,Do Not Originate\n"
    world.drop("acme-bank/b", marked)
    world.run()
    assert world.receipt("acme-bank/b")["verdict"] == "accepted"
    world.drop("acme-bank/c", marked, numbers_mode="replace")
    world.run()
    assert world.receipt("acme-bank/c")["verdict"] == "rejected"


def test_an_archive_that_is_not_what_was_taken_is_not_judged_again(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    submission = world.receipt("acme-bank/a")["submission"]
    (kept,) = (world.services.archive.root / "acme-bank" / submission).glob("*numbers.csv")
    kept.chmod(0o600)
    kept.write_text("5012149999,Survey\n")
    for again in (retake_submission, replay_submission):
        with pytest.raises(StoreError, match=rf"^the archive of {submission} is not what was taken any more: "):
            again(world.services, submission)
    assert len(read_submissions(world)) == 1


def test_a_replay_shows_what_would_change(world):
    world.drop("acme-bank/a", ROWS, reference="first")
    world.run()
    world.drop("acme-bank/b", "5012149022,Survey\n", reference="second")
    world.run()
    # The operator takes the number for another program: judged now, the row is in conflict.
    world.drop("acme-bank/c", "5012149022,Survey\n", reference="third", reassign="true")
    world.run()
    changes = {c.what: (c.before, c.now) for c in replay_submission(world.services, world.receipt("acme-bank/a")["submission"])}
    assert changes == {}


def test_what_is_refused_at_the_launch_is_told_with_its_reason_wherever_one_looks(world, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LAUNCHDROP_LEDGER", world.services.settings.ledger)
    world.drop("acme-bank/a", ROWS)
    world.run()
    assert (world.receipt("acme-bank/a")["refused"], world.receipt("acme-bank/a")["refused_total"]) == ([], 0)
    (tmp_path / "listed.txt").write_text("5012149021\n")
    listed = world.services.settings.model_copy(update={"do_not_originate": tmp_path / "listed.txt"})
    world.services = replace(world.services, settings=listed)
    world.clock.now = datetime(2030, 1, 8, tzinfo=UTC)
    world.run()
    refused = [{"number": "+15012149021", "reason": ON_DO_NOT_ORIGINATE_LIST}]
    for told in (world.receipt("acme-bank/a"), world.report("acme-bank/a")):
        assert (told["refused"], told["refused_total"]) == (refused, 1)
    index = (world.reports / "acme-bank/index.html").read_text()
    assert f"1 number refused: {ON_DO_NOT_ORIGINATE_LIST}" in index
    programs.show_command("acme-bank/orders")
    assert f"  refused    1: {ON_DO_NOT_ORIGINATE_LIST}\n" in capsys.readouterr().out
    programs.show_command("acme-bank/orders", as_json=True)
    assert json.loads(capsys.readouterr().out)[0]["refused"] == [{"reason": ON_DO_NOT_ORIGINATE_LIST, "numbers": 1}]
