"""changes.csv and its part of the report: what a revision added, removed or gave another call purpose."""

import shutil

import numpy as np

from flows.ledger.core.outbox import add_to_outbox
from flows.ledger.programs import number_changes
from flows.ledger.programs.register import release_held_submission
from flows.publishing.outbox import publish_outbox
from tests.flows.sample_drops import ROWS

HEADER = "change,phone_number,call_purpose_before,call_purpose\n"
REVISED = "5012149021,Debt Collection\n5012149022,Survey\n"
CHANGED = "changed,+15012149021,Survey,Debt Collection\n"
REMOVED = "removed,+15012149020,Customer Service,\n"
ADDED = "added,+15012149022,,Survey\n"


def folder_of(world, drop):
    return world.reports / "acme-bank" / world.receipt(drop)["submission"]


def publish_again(world, drop):
    with world.services.ledger.begin() as conn:
        add_to_outbox(conn, "report", "acme-bank", world.receipt(drop)["submission"])
    publish_outbox(world.services)


def test_a_first_revision_has_no_list_because_every_number_is_new(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    revision = world.report("acme-bank/a")["revision"]
    assert revision == {"number": 1, "added": 2, "removed": 0, "changed": 0, "numbers": [], "numbers_listed": 0}
    assert not (folder_of(world, "acme-bank/a") / "changes.csv").exists()


def test_what_changed_is_listed_in_the_file_and_in_the_report(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop("acme-bank/b", REVISED, numbers_mode="replace")
    world.run()
    assert (folder_of(world, "acme-bank/b") / "changes.csv").read_text() == HEADER + CHANGED + REMOVED + ADDED
    revision = world.report("acme-bank/b")["revision"]
    assert revision["numbers_listed"] == 3
    names = ("change", "phone_number", "call_purpose_before", "call_purpose")
    assert [tuple(each[name] for name in names) for each in revision["numbers"]] == [
        ("changed", "+15012149021", "Survey", "Debt Collection"),
        ("removed", "+15012149020", "Customer Service", None),
        ("added", "+15012149022", None, "Survey"),
    ]
    page = (folder_of(world, "acme-bank/b") / "report.html").read_text()
    assert "This revision changed 3 numbers of the program." in page
    assert '<a href="changes.csv">changes.csv</a>' in page


def test_a_revision_that_changes_no_number_has_no_list(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop("acme-bank/b", ROWS, call_reason="About your order", numbers_mode="add")
    world.run()
    assert world.report("acme-bank/b")["revision"]["number"] == 2
    assert not (folder_of(world, "acme-bank/b") / "changes.csv").exists()


def test_a_held_submission_lists_what_changed_when_it_was_released(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop("acme-bank/b", REVISED + "214-9023,Survey\n", on_rejected_rows="hold")
    world.run()
    folder = folder_of(world, "acme-bank/b")
    assert world.report("acme-bank/b")["revision"] is None
    assert not (folder / "changes.csv").exists()
    with world.services.ledger.begin() as conn:
        release_held_submission(conn, folder.name, by="tester", now=world.clock())
    publish_outbox(world.services)
    assert (folder / "changes.csv").read_text() == HEADER + CHANGED + ADDED


def test_the_file_is_made_again_as_it_was_after_later_revisions(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop("acme-bank/b", REVISED)
    world.run()
    world.drop("acme-bank/c", "5012149021,Survey\n")
    world.run()
    folder = folder_of(world, "acme-bank/b")
    before = (folder / "changes.csv").read_bytes()
    shutil.rmtree(folder)
    publish_again(world, "acme-bank/b")
    assert (folder / "changes.csv").read_bytes() == before


def test_the_list_is_cut_and_the_report_says_so(world, monkeypatch):
    monkeypatch.setattr(number_changes, "MAX_CHANGES", 2)
    world.drop("acme-bank/a", ROWS)
    world.run()
    world.drop("acme-bank/b", REVISED, numbers_mode="replace")
    world.run()
    assert (folder_of(world, "acme-bank/b") / "changes.csv").read_text() == HEADER + CHANGED + REMOVED
    revision = world.report("acme-bank/b")["revision"]
    assert (revision["added"], revision["numbers_listed"]) == (1, 2)
    page = (folder_of(world, "acme-bank/b") / "report.html").read_text()
    assert "The first 2 are listed." in page
    assert '<a href="changes.csv">changes.csv</a> has the first 2.' in page


def test_many_changes_are_kept_in_blocks(world, monkeypatch):
    monkeypatch.setattr("flows.ledger.core.bulk.NUMBERS_PER_STATEMENT", 4)
    rows = "".join(f"50121490{n:02d},Survey\n" for n in range(20, 50))
    world.drop("acme-bank/a", rows)
    world.run()
    world.drop("acme-bank/b", rows.replace("Survey", "Charity"))
    world.run()
    lines = (folder_of(world, "acme-bank/b") / "changes.csv").read_text().splitlines()
    assert lines[1:] == [f"changed,+150121490{n:02d},Survey,Charity" for n in range(20, 50)]
    assert np.all([len(line) < 80 for line in lines])


def test_a_row_that_gives_a_registered_number_another_purpose_is_warned_of(world):
    world.drop("acme-bank/a", ROWS + "5012149021,Charity\n")
    world.run()
    assert [f["rule"] for f in world.report("acme-bank/a")["findings"] if f["row"]] == ["NUM-021"]
    world.drop("acme-bank/b", "5012149021,Charity\n")
    world.run()
    report = world.report("acme-bank/b")
    assert report["verdict"] == "accepted"
    assert [(f["rule"], f["message"]) for f in report["findings"] if f["row"]] == [
        ("PUR-006", "Changes the call purpose of this number from Survey to Charity.")
    ]
    assert report["revision"]["changed"] == 1
