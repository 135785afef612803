"""Retention: old files are deleted, everything in force stays, and an interrupted run can be continued."""

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.ledger.programs.register import release_held_submission
from flows.ledger.programs.reviews import decide_review, list_open_reviews
from flows.operations.prune import find_prunable, prune_item
from flows.publishing.outbox import rebuild_indexes
from flows.registration.rerun import retake_submission
from flows.stores import StoreError

GOOD = "5012149020,Customer Service\n"
BAD = "214-9021,Survey\n"
MONTH = timedelta(days=30)
LIVE = "{start: 2026-11-23T09:00Z, end: 2026-12-01T18:00Z}"
LONG = "{start: 2026-11-23T09:00Z, end: 2030-12-01T18:00Z}"


@pytest.fixture
def world(world):
    """Everything is kept for a month."""
    times = {"keep_archive": MONTH, "keep_reports": MONTH, "keep_inbox": MONTH}
    world.services = replace(world.services, settings=world.services.settings.model_copy(update=times))
    return world


def prune(world):
    """Delete everything prunable. Returns {(kind, submission or drop)}."""
    items = list(find_prunable(world.services))
    for item in items:
        prune_item(world.services, item)
    return {(item.kind, item.name) for item in items}


def prunable_kinds(world):
    return sorted(item.kind for item in find_prunable(world.services))


def submission(world, drop):
    return world.receipt(f"acme-bank/{drop}")["submission"]


def exists(world, store, drop):
    root = {"archive": world.services.archive.root, "reports": world.reports}[store]
    return (root / "acme-bank" / submission(world, drop)).exists()


def test_only_old_files_with_a_retention_setting_are_prunable(world):
    world.drop("acme-bank/bad", BAD)
    world.run()
    world.clock.now += MONTH - timedelta(minutes=1)
    assert prunable_kinds(world) == []
    world.clock.now += timedelta(minutes=2)
    assert prunable_kinds(world) == ["archive", "inbox", "reports"]
    forever = {"keep_archive": None, "keep_reports": None, "keep_inbox": None}
    world.services = replace(world.services, settings=world.services.settings.model_copy(update=forever))
    assert prunable_kinds(world) == []


def test_live_held_and_scheduled_submissions_stay_except_in_the_inbox(world):
    world.drop("acme-bank/first", GOOD, schedule=LONG)
    world.run()
    world.drop("acme-bank/second", GOOD.replace("9020", "9030"), schedule=LONG)
    world.drop("acme-bank/later", GOOD.replace("9020", "9040"), reference="later")
    world.drop("acme-bank/held", GOOD.replace("9020", "9050") + BAD, reference="held", on_rejected_rows="hold")
    world.run()
    world.clock.now += timedelta(days=400)
    assert prune(world) == {("inbox", name) for name in ("first", "second", "later", "held")}
    assert not any((world.inbox / "acme-bank").iterdir())
    # Deleting drops from the inbox cancels nothing, and a held one can still be released.
    world.run()
    with world.services.ledger.begin() as conn:
        release_held_submission(conn, submission(world, "held"), by="jo", now=world.clock())
    assert world.run().launched.problems == []
    assert world.receipt("acme-bank/second")["program_state"] == "live"


def test_the_newest_submission_for_a_program_stays_because_the_next_is_compared_with_it(world):
    world.drop("acme-bank/first", GOOD, schedule=LONG)
    world.run()
    world.drop("acme-bank/rejected", BAD, schedule=LONG)
    world.run()
    world.drop("acme-bank/newest", "5.01581E+09,Survey\n", schedule=LONG)
    world.run()
    world.clock.now += 2 * MONTH
    prune(world)
    assert not exists(world, "archive", "rejected")
    world.drop("acme-bank/healed", "5015810000,Survey\n", schedule=LONG)
    world.run()
    assert [rule["id"] for rule in world.report("acme-bank/healed")["rules"]] == ["NUM-025"]


def test_an_ended_program_is_pruned_a_month_after_its_end(world):
    world.drop("acme-bank/over", GOOD, schedule=LIVE)
    world.run()
    world.clock.now += timedelta(days=20)
    assert world.run().launched.ended == 1
    world.clock.now += timedelta(days=17)  # 37 days since the drop, 29 since the end
    assert prunable_kinds(world) == ["inbox"]
    world.clock.now += timedelta(days=2)
    over, receipt = submission(world, "over"), world.receipt("acme-bank/over")
    assert prune(world) == {("inbox", "over"), ("reports", over), ("archive", over)}
    assert not exists(world, "archive", "over")
    assert not exists(world, "reports", "over")
    assert world.receipt("acme-bank/over") == receipt
    assert prunable_kinds(world) == []
    with pytest.raises(StoreError, match=f"submission {over} of acme-bank is not in the archive"):
        retake_submission(world.services, over)
    rebuild_indexes(world.services)  # pages that list it can still be written


def test_archived_files_stay_while_a_retake_uses_them(world):
    world.drop("acme-bank/bad", BAD, display_name="{display: Acme Desk, shorthand: Acme Desk}")
    world.run()
    first = submission(world, "bad")
    world.clock.now += MONTH
    retake_submission(world.services, first)
    world.clock.now += timedelta(minutes=5)
    # The first judgment is a month old, the second is not, and both use the same archived files.
    assert ("archive", first) not in {(item.kind, item.name) for item in find_prunable(world.services)}
    world.clock.now += MONTH
    assert ("archive", first) in prune(world)


def test_a_drop_whose_last_submission_is_a_retake_is_pruned_from_the_inbox(world):
    world.drop("acme-bank/bad", BAD)
    world.run()
    world.clock.now += timedelta(minutes=5)
    retake_submission(world.services, submission(world, "bad"))
    world.run()
    world.clock.now += 2 * MONTH
    assert ("inbox", "bad") in prune(world)


def test_an_interrupted_prune_is_continued_by_the_next(world, monkeypatch):
    world.drop("acme-bank/bad", BAD)
    world.run()
    world.clock.now += 2 * MONTH
    archive = world.services.archive
    delete, deleted = archive.delete, []

    def delete_once(key, version=None):
        if deleted:
            raise KeyboardInterrupt
        deleted.append(key)
        return delete(key, version)

    with monkeypatch.context() as patch:
        patch.setattr(archive, "delete", delete_once)
        (item,) = (item for item in find_prunable(world.services) if item.kind == "archive")
        with pytest.raises(KeyboardInterrupt):
            prune_item(world.services, item)
    # The index is deleted first. The rest is no longer a valid submission, and is found again.
    assert deleted[0].endswith("submission.json")
    assert ("archive", submission(world, "bad")) in prune(world)
    assert prunable_kinds(world) == []


def test_a_drop_stays_in_the_inbox_if_the_archive_does_not_have_it(world):
    world.drop("acme-bank/bad", BAD)
    world.run()
    shutil.rmtree(world.services.archive.root / "acme-bank" / submission(world, "bad"))
    world.clock.now += 2 * MONTH
    assert prunable_kinds(world) == ["reports"]
    assert (world.inbox / "acme-bank/bad/numbers.csv").exists()


def test_files_added_after_the_drop_was_taken_stay_in_the_inbox(world):
    world.drop("acme-bank/bad", BAD)
    world.run()
    world.clock.now += 2 * MONTH
    (world.inbox / "acme-bank/bad/new.csv").write_text(GOOD)
    assert ("inbox", "bad") in prune(world)
    assert [p.name for p in (world.inbox / "acme-bank/bad").iterdir()] == ["new.csv"]


def test_a_pruned_judgment_does_not_stop_receipts_from_being_written(world, caplog):
    """A late decision about a display name queues old reports for rewriting too."""
    custom = "{display: Acme Cards Desk, shorthand: Acme Desk}"
    world.drop("acme-bank/custom", GOOD, display_name=custom)
    world.run()
    (world.services.archive.root / "acme-bank" / submission(world, "custom") / "judgement.json").unlink()
    with world.services.ledger.begin() as conn:
        decide_review(conn, list_open_reviews(conn)[0].id, approve=True, by="jo", reason=None, now=world.clock())
    world.drop("acme-bank/other", GOOD.replace("9020", "9030"), reference="other")
    world.run()
    assert world.receipt("acme-bank/other")["outcome"] == "registered"
    assert "its report is not updated" in caplog.text
