"""Retention: what may go goes, what is in force stays, and being cut short costs nothing."""

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


@pytest.fixture
def world(world):
    """Everything is kept for a month."""
    times = {"keep_archive": MONTH, "keep_reports": MONTH, "keep_inbox": MONTH}
    world.services = replace(world.services, settings=world.services.settings.model_copy(update=times))
    return world


def prune(world):
    """What went, as (kind, submission or drop)."""
    items = list(find_prunable(world.services))
    for item in items:
        prune_item(world.services, item)
    return {(item.kind, item.name) for item in items}


def kinds(world):
    return sorted(item.kind for item in find_prunable(world.services))


def submission(world, drop):
    return world.receipt(f"acme-bank/{drop}")["submission"]


def lying(world, where, drop):
    root = {"archive": world.services.archive.root, "reports": world.reports}[where]
    return (root / "acme-bank" / submission(world, drop)).exists()


def test_nothing_goes_before_its_time_nor_where_no_time_is_set(world):
    world.drop("acme-bank/bad", BAD)
    world.run()
    world.clock.now += MONTH - timedelta(minutes=1)
    assert kinds(world) == []
    world.clock.now += timedelta(minutes=2)
    assert kinds(world) == ["archive", "inbox", "reports"]
    nothing = {"keep_archive": None, "keep_reports": None, "keep_inbox": None}
    world.services = replace(world.services, settings=world.services.settings.model_copy(update=nothing))
    assert kinds(world) == []


def test_what_is_live_held_or_scheduled_stays_but_for_its_inbox(world):
    world.drop("acme-bank/first", GOOD, schedule="{start: 2026-11-23T09:00Z, end: 2030-12-01T18:00Z}")
    world.run()
    world.drop(
        "acme-bank/second", GOOD.replace("9020", "9030"), schedule="{start: 2026-11-23T09:00Z, end: 2030-12-01T18:00Z}"
    )
    world.drop("acme-bank/later", GOOD.replace("9020", "9040"), reference="later")
    world.drop("acme-bank/held", GOOD.replace("9020", "9050") + BAD, reference="held", on_rejected_rows="hold")
    world.run()
    world.clock.now += timedelta(days=400)
    assert prune(world) == {("inbox", name) for name in ("first", "second", "later", "held")}
    assert not any((world.inbox / "acme-bank").iterdir())
    # What was emptied is not missed: nothing is cancelled, and a held one can still be released.
    world.run()
    with world.services.ledger.begin() as conn:
        release_held_submission(conn, submission(world, "held"), by="jo", now=world.clock())
    assert world.run().launched.problems == []
    assert world.receipt("acme-bank/second")["program_state"] == "live"


def test_a_program_that_is_over_goes_a_month_after_its_end(world):
    world.drop("acme-bank/over", GOOD, schedule=LIVE)
    world.run()
    world.clock.now += timedelta(days=20)
    assert world.run().launched.ended == 1
    world.clock.now += timedelta(days=17)  # 37 days since it came, 29 since its end
    assert kinds(world) == ["inbox"]
    world.clock.now += timedelta(days=2)
    over, receipt = submission(world, "over"), world.receipt("acme-bank/over")
    assert prune(world) == {("inbox", "over"), ("reports", over), ("archive", over)}
    assert not lying(world, "archive", "over")
    assert not lying(world, "reports", "over")
    assert world.receipt("acme-bank/over") == receipt
    assert kinds(world) == []
    with pytest.raises(StoreError, match=f"submission {over} of acme-bank is not in the archive"):
        retake_submission(world.services, over)
    rebuild_indexes(world.services)  # the pages that list it are still written


def test_bytes_that_a_later_judging_shares_stay_with_it(world):
    world.drop("acme-bank/bad", BAD, display_name="{display: Acme Desk, shorthand: Acme Desk}")
    world.run()
    first = submission(world, "bad")
    world.clock.now += MONTH
    retake_submission(world.services, first)
    world.clock.now += timedelta(minutes=5)
    # The first judging is a month old, the second is not, and both are of the same bytes.
    assert ("archive", first) not in {(item.kind, item.name) for item in find_prunable(world.services)}
    world.clock.now += MONTH
    assert ("archive", first) in prune(world)


def test_the_inbox_goes_where_a_retake_is_the_last_that_was_made_of_it(world):
    world.drop("acme-bank/bad", BAD)
    world.run()
    world.clock.now += timedelta(minutes=5)
    retake_submission(world.services, submission(world, "bad"))
    world.run()
    world.clock.now += 2 * MONTH
    assert ("inbox", "bad") in prune(world)


def test_a_prune_that_is_cut_short_is_gone_on_with(world, monkeypatch):
    world.drop("acme-bank/bad", BAD)
    world.run()
    world.clock.now += 2 * MONTH
    archive = world.services.archive
    real, deleted = archive.delete, []

    def one_only(key, version=None):
        if deleted:
            raise KeyboardInterrupt
        deleted.append(key)
        return real(key, version)

    with monkeypatch.context() as dying:
        dying.setattr(archive, "delete", one_only)
        (item,) = (item for item in find_prunable(world.services) if item.kind == "archive")
        with pytest.raises(KeyboardInterrupt):
            prune_item(world.services, item)
    # The index went first: what is left is no submission any more, and is found again.
    assert deleted[0].endswith("submission.json")
    assert ("archive", submission(world, "bad")) in prune(world)
    assert kinds(world) == []


def test_the_inbox_stays_where_the_archive_does_not_give_it_back(world):
    world.drop("acme-bank/bad", BAD)
    world.run()
    shutil.rmtree(world.services.archive.root / "acme-bank" / submission(world, "bad"))
    world.clock.now += 2 * MONTH
    assert kinds(world) == ["reports"]
    assert (world.inbox / "acme-bank/bad/numbers.csv").exists()


def test_what_came_since_stays_in_the_inbox(world):
    world.drop("acme-bank/bad", BAD)
    world.run()
    world.clock.now += 2 * MONTH
    (world.inbox / "acme-bank/bad/new.csv").write_text(GOOD)
    assert ("inbox", "bad") in prune(world)
    assert [p.name for p in (world.inbox / "acme-bank/bad").iterdir()] == ["new.csv"]


def test_a_page_whose_judgment_is_gone_keeps_no_receipt_from_being_written(world, caplog):
    """A display name that is decided on long after marks old reports too."""
    custom = "{display: Acme Cards Desk, shorthand: Acme Desk}"
    world.drop("acme-bank/custom", GOOD, display_name=custom)
    world.run()
    (world.services.archive.root / "acme-bank" / submission(world, "custom") / "judgement.json").unlink()
    with world.services.ledger.begin() as conn:
        decide_review(conn, list_open_reviews(conn)[0].id, approve=True, by="jo", reason=None, now=world.clock())
    world.drop("acme-bank/other", GOOD.replace("9020", "9030"), reference="other")
    world.run()
    assert world.receipt("acme-bank/other")["outcome"] == "registered"
    assert "its page stays as it is" in caplog.text
