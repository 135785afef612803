"""Taking drops: duplicates, revisions and retakes, and what the receipts and reports of each say."""

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows.archive.submissions import is_intact, open_archived_drop
from flows.arrival.leases import lease_drop
from flows.cli import programs
from flows.ledger.core.errors import Outdated
from flows.ledger.programs.ownership import ON_DO_NOT_ORIGINATE_LIST
from flows.ledger.programs.programs import release_number
from flows.ledger.programs.register import reject_held_submission, release_held_submission
from flows.pipeline import take_inbox, watch_next_start
from flows.publishing.outbox import publish_outbox
from flows.registration import drop
from flows.registration.rerun import replay_submission, retake_submission
from flows.stores import StoreError
from tests.flows.sample_drops import ROWS, manifest, read_program, read_submissions


def test_the_same_content_is_a_duplicate_and_changes_nothing(world):
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
    counts = {"number": 2, "added": 1, "removed": 0, "changed": 1}
    assert world.report("acme-bank/b")["revision"].items() >= counts.items()
    assert read_program(world).pending == 3


def test_a_report_says_which_dates_moved_and_what_they_were(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop(
        "acme-bank/b", ROWS, schedule="{start: 2030-01-07T09:00, end: 2030-04-30T18:00, timezone: America/Chicago}"
    )
    world.run()
    page = (world.reports / "acme-bank" / world.receipt("acme-bank/b")["submission"] / "report.html").read_text()
    assert page.count("moved from") == 1
    assert "moved from Mar 29, 2030, 6:00 PM CDT" in page


def test_a_cancellation_of_an_ended_program_is_rejected(world):
    world.drop("acme-bank/a", ROWS, schedule="{start: 2026-11-02T09:00Z, end: 2026-12-01T09:00Z, timezone: UTC}")
    world.run()
    world.clock.now += timedelta(days=30)
    world.run()
    assert read_program(world).state == "ended"
    world.drop("acme-bank/b", ROWS, state="cancelled")
    assert world.run().problems == []
    assert world.receipt("acme-bank/b")["verdict"] == "rejected"
    assert [f["rule"] for f in world.report("acme-bank/b")["findings"]] == ["MAN-015"]


def test_replace_removes_all_other_numbers(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop("acme-bank/b", "5012149022,Survey\n", numbers_mode="replace")
    world.run()
    counts = {"number": 2, "added": 1, "removed": 2, "changed": 0}
    assert world.report("acme-bank/b")["revision"].items() >= counts.items()
    assert read_program(world).pending == 1


def test_a_report_does_not_name_the_business_that_has_a_number(world):
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


def test_a_missing_file_is_reported_once_after_the_grace_and_the_drop_is_taken_when_it_arrives(world):
    world.drop("acme-bank/a", ROWS)
    numbers = world.inbox / "acme-bank/a/numbers.csv"
    content = numbers.read_bytes()
    numbers.unlink()
    world.run()
    assert not (world.reports / "acme-bank/drops").exists()
    world.clock.now += timedelta(minutes=16)
    assert world.run().intake.incomplete == 1
    receipt = world.receipt("acme-bank/a")
    assert (receipt["outcome"], receipt["reference"]) == ("incomplete", "orders")
    assert (receipt["registered"], receipt["program_state"], receipt["verdict"]) == (0, None, None)
    found = [(f["rule"], f["path"], f["line"], f["value"]) for f in receipt["findings"]]
    line = (world.inbox / "acme-bank/a/program.yaml").read_text().splitlines().index(
        "numbers: [{file: numbers.csv}]"
    ) + 1
    assert found == [("MAN-005", "numbers[0].file", line, "numbers.csv")]
    assert [(r["rule"], r["path"], r["line"], r["message"], r["fix"]) for r in receipt["reasons"]] == [
        (
            "MAN-005", "numbers[0].file", line, "The file numbers.csv did not arrive.",
            "Upload the file under exactly this name, or correct the name in the manifest.",
        )
    ]  # fmt: skip
    assert world.run().intake.incomplete == 0
    numbers.write_bytes(content)
    world.run()
    assert world.receipt("acme-bank/a")["verdict"] == "accepted"


def make_incomplete_again(world):
    """A registered drop whose next manifest gives another sha256, and which is reported as incomplete."""
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


def test_an_incomplete_receipt_stays_when_the_program_of_the_previous_content_changes(world):
    receipt = make_incomplete_again(world)
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    assert world.run().launched.live == 1
    assert world.receipt("acme-bank/a") == receipt
    world.drop("acme-bank/a", ROWS + "5012149022,Survey\n")
    world.run()
    receipt = world.receipt("acme-bank/a")
    assert (receipt["outcome"], receipt["program_state"], receipt["counts"]["read"]) == ("registered", "live", 3)


def test_deleting_an_incomplete_drop_brings_the_previous_receipt_back(world):
    make_incomplete_again(world)
    (world.inbox / "acme-bank/a/program.yaml").unlink()
    world.run()
    assert world.receipt("acme-bank/a")["outcome"] == "registered"


def test_a_slow_owner_does_not_report_a_drop_as_incomplete_that_was_taken_by_then(world, monkeypatch):
    world.drop("acme-bank/a", ROWS)
    numbers = world.inbox / "acme-bank/a/numbers.csv"
    numbers.unlink()
    world.run()
    world.clock.now += timedelta(minutes=16)

    @contextmanager
    def sleep_with_lease(*given, **more):
        with lease_drop(*given, **more) as lease:
            monkeypatch.undo()
            world.clock.now += 2 * world.services.settings.lease
            numbers.write_text(ROWS)
            assert len(world.run().intake.taken) == 1
            yield lease

    monkeypatch.setattr(drop, "lease_drop", sleep_with_lease)
    assert world.run().intake.incomplete == 0
    assert world.receipt("acme-bank/a")["outcome"] == "registered"


def test_a_drop_is_deleted_from_the_inbox_once_it_is_taken(world):
    settings = world.services.settings.model_copy(update={"after_intake": "empty"})
    world.services = replace(world.services, settings=settings)
    world.drop("acme-bank/a", ROWS)
    world.run()
    assert not (world.inbox / "acme-bank/a").exists()
    world.drop("acme-bank/b", ROWS)
    world.run()
    assert world.receipt("acme-bank/b")["outcome"] == "duplicate"
    assert not (world.inbox / "acme-bank/b").exists()


def test_a_held_submission_is_scheduled_when_it_is_released(world):
    world.drop("acme-bank/a", ROWS + "214-9022,Survey\n", on_rejected_rows="hold")
    world.run()
    receipt = world.receipt("acme-bank/a")
    assert (receipt["verdict"], receipt["program_state"]) == ("held", None)
    with world.services.ledger.begin() as conn:
        release_held_submission(conn, receipt["submission"], by="tester", now=world.clock())
    publish_outbox(world.services)
    receipt = world.receipt("acme-bank/a")
    assert (receipt["verdict"], receipt["program_state"]) == ("accepted_with_rejections", "scheduled")
    assert world.report("acme-bank/a")["verdict"] == "accepted_with_rejections"


def test_a_report_says_why_the_operator_rejected_a_held_submission(world):
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


def test_the_report_of_a_held_submission_says_that_a_newer_one_replaced_it(world):
    world.drop("acme-bank/a", ROWS + "214-9022,Survey\n", on_rejected_rows="hold")
    world.run()
    world.drop("acme-bank/b", ROWS)
    world.run()
    page = world.reports / "acme-bank" / world.receipt("acme-bank/a")["submission"] / "report.html"
    assert "a newer drop replaced this one while it was held" in page.read_text()


def test_pages_wait_while_a_program_starts(world):
    world.drop("acme-bank/a", ROWS)
    take_inbox(world.services, sleep=world.clock.sleep)
    has_started = watch_next_start(world.services)
    assert not has_started()
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    assert has_started()
    assert publish_outbox(world.services, stop=has_started).written == 0
    assert not (world.reports / "acme-bank/drops/a/receipt.json").exists()
    assert not watch_next_start(world.services)(), "a start that has come must not delay pages again"
    assert publish_outbox(world.services, stop=watch_next_start(world.services)).written == 4
    assert world.receipt("acme-bank/a")["outcome"] == "registered"


def test_the_receipts_of_all_drops_for_a_program_show_its_state(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop("acme-bank/b", "5012149022,Survey\n")
    world.run()
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    world.run()
    assert [world.receipt(f"acme-bank/{name}")["program_state"] for name in "ab"] == ["live", "live"]
    assert world.report("acme-bank/a")["revision"]["number"] == 1


def test_a_retake_is_a_new_submission_with_the_same_files(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    first = world.receipt("acme-bank/a")["submission"]
    assert replay_submission(world.services, first) == []
    world.clock.now += timedelta(hours=1)
    result = retake_submission(world.services, first)
    assert result.registered.submission != first
    assert [row.retake_of for row in read_submissions(world)] == [first, None]
    assert replay_submission(world.services, result.registered.submission) == []


def add_business_unit(world, name):
    businesses = world.inbox / "businesses.yaml"
    businesses.write_text(businesses.read_text().replace("[Collections, Cards]", f"[Collections, Cards, {name}]"))


def test_a_retake_of_a_retake_is_in_the_archive_and_a_duplicate_of_it_is_deleted_from_the_inbox(world):
    settings = world.services.settings.model_copy(update={"after_intake": "empty"})
    world.drop("acme-bank/a", ROWS, business_unit="Loans")
    world.run()
    first = world.receipt("acme-bank/a")
    assert first["verdict"] == "rejected"
    add_business_unit(world, "Loans")
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


def test_do_not_originate_numbers_can_be_added_to_a_program_that_has_other_numbers(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    marked = "5012149022,Do Not Originate\n"
    world.drop("acme-bank/b", marked)
    world.run()
    assert world.receipt("acme-bank/b")["verdict"] == "accepted"
    world.drop("acme-bank/c", marked, numbers_mode="replace")
    world.run()
    assert world.receipt("acme-bank/c")["verdict"] == "rejected"


def test_archived_files_that_have_changed_are_not_judged_again(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    submission = world.receipt("acme-bank/a")["submission"]
    (archived,) = (world.services.archive.root / "acme-bank" / submission).glob("*numbers.csv")
    archived.chmod(0o600)
    archived.write_text("5012149999,Survey\n")
    for again in (retake_submission, replay_submission):
        with pytest.raises(
            StoreError, match=rf"^the archived files of {submission} have changed since they were taken: "
        ):
            again(world.services, submission)
    assert len(read_submissions(world)) == 1


def test_a_replay_shows_nothing_if_another_program_is_about_to_take_its_numbers(world):
    world.drop("acme-bank/a", ROWS, reference="first")
    world.run()
    world.drop("acme-bank/b", "5012149022,Survey\n", reference="second")
    world.run()
    world.drop("acme-bank/c", "5012149022,Survey\n", reference="third", reassign="true")
    world.run()
    for name in "abc":
        assert replay_submission(world.services, world.receipt(f"acme-bank/{name}")["submission"]) == []


def test_a_replay_shows_what_would_change(world):
    world.drop("acme-bank/a", ROWS, business_unit="Loans")
    world.run()
    add_business_unit(world, "Loans")
    world.run()
    changes = replay_submission(world.services, world.receipt("acme-bank/a")["submission"])
    assert {change.what: (change.before, change.now) for change in changes} == {
        "verdict": ("rejected", "accepted"),
        "MAN-010": (1, 0),
    }


def test_a_number_refused_at_launch_is_shown_with_its_reason_everywhere(world, tmp_path, capsys, monkeypatch):
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
    for document in (world.receipt("acme-bank/a"), world.report("acme-bank/a")):
        assert (document["refused"], document["refused_total"]) == (refused, 1)
    index = (world.reports / "acme-bank/index.html").read_text()
    assert f"1 number refused: {ON_DO_NOT_ORIGINATE_LIST}" in index
    programs.show_command("acme-bank/orders")
    assert f"  refused    1: {ON_DO_NOT_ORIGINATE_LIST}\n" in capsys.readouterr().out
    programs.show_command("acme-bank/orders", as_json=True)
    assert json.loads(capsys.readouterr().out)[0]["refused"] == [{"reason": ON_DO_NOT_ORIGINATE_LIST, "numbers": 1}]


def test_a_drop_that_is_judged_again_keeps_no_file_of_its_first_judgment(world, monkeypatch):
    """Its number was another program's, and is released while the drop is judged."""
    world.drop("acme-bank/own", "5012149020,Survey\n", reference="own")
    world.run()
    register, seen = drop._register, []

    def release_first(services, registration, *args):
        if not seen:
            folder = world.reports / "acme-bank" / registration.submission
            seen.extend(path.name for path in folder.iterdir())
            with services.ledger.begin() as conn:
                release_number(conn, 5012149020, by="ann", now=world.clock())
            raise Outdated("a number was released")
        return register(services, registration, *args)

    monkeypatch.setattr(drop, "_register", release_first)
    world.drop("acme-bank/a", "5012149020,Survey\n5012149021,Survey\n", reference="a")
    world.run()
    report = world.report("acme-bank/a")
    files = {path.name for path in (world.reports / "acme-bank" / report["submission"]["id"]).iterdir()}
    assert "rejected.csv" in seen
    assert (report["verdict"], "rejected.csv" in files, "rejections.csv" in files) == ("accepted", False, True)
