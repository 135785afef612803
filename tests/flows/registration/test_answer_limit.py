"""A business learns about a limited count of other businesses' numbers a day (NUM-022)."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from flows import pipeline
from flows.ledger.core.tables import asked_number, inquiry
from flows.ledger.intake.submissions import find_submission
from flows.ledger.programs.contested_numbers import KEEP_ASKED, count_asked, list_askers
from flows.ledger.programs.programs import release_number
from flows.ledger.read.page_queries import list_held_submissions
from flows.publishing.outbox import publish_outbox
from flows.registration.rerun import release_submission, replay_submission, retake_submission
from flows.scaling.opening import open_workers
from flows.validation.answer_limit import HELD_BECAUSE

ZENITH = {"business_unit": "Reminders", "display_name": "{display: Zenith Health, shorthand: Zenith}"}
LIMIT = 3


def rows(*last_digits):
    return "".join(f"50121490{digits},Survey\n" for digits in last_digits)


@pytest.fixture
def limited(world, settings):
    """Acme has the numbers 20 to 29. Zenith may learn about three of them a day."""
    world.services = replace(world.services, settings=settings.model_copy(update={"conflicts_per_day": LIMIT}))
    world.drop("acme-bank/own", rows(*range(20, 30)))
    world.run()
    return world


def ask(world, drop, *last_digits, **changes):
    """Zenith drops numbers for a program of that name. Returns the verdict and the counts of the receipt."""
    world.drop(f"zenith-health/{drop}", rows(*last_digits), **(ZENITH | {"reference": drop} | changes))
    world.run()
    receipt = world.receipt(f"zenith-health/{drop}")
    return receipt["verdict"], receipt["counts"]["accepted"], receipt["counts"]["rejected"]


def read_all_files(world, drop):
    folder = world.reports / "zenith-health" / world.receipt(f"zenith-health/{drop}")["submission"]
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_up_to_the_limit_a_business_is_told_which_numbers_others_have(limited):
    assert ask(limited, "a", 20, 21, 50) == ("accepted_with_rejections", 1, 2)
    assert ask(limited, "b", 22, 51) == ("accepted_with_rejections", 1, 1)


def test_above_the_limit_a_drop_is_held_and_does_not_say_which(limited):
    ask(limited, "a", 20, 21)
    assert ask(limited, "b", 22, 23, 50) == ("held", 3, 0)
    files = read_all_files(limited, "b")
    assert "rejected.csv" not in files
    assert "NUM-022" not in "".join(files[name] for name in files if not name.endswith(".html"))
    assert HELD_BECAUSE in files["report.html"]
    with limited.services.ledger.read() as conn:
        [held] = list_held_submissions(conn)
        assert (held.unanswered, count_asked(conn, "zenith-health", day=limited.clock())) == (2, 4)


def test_a_business_over_the_limit_cannot_go_on_with_one_number_at_a_time(limited):
    """Whether a drop is held must not depend on whether others have its numbers."""
    ask(limited, "a", 20, 21, 22, 23)
    assert ask(limited, "b", 24) == ("held", 1, 0)
    assert ask(limited, "c", 50) == ("held", 1, 0)
    limited.clock.now += timedelta(days=1)
    assert ask(limited, "d", 51) == ("accepted", 1, 0)


def test_the_same_content_counts_once_a_day(limited):
    for drop in ("a", "b"):
        assert ask(limited, drop, 20, 21, reference="same") == ("rejected", 0, 2)
    assert ask(limited, "c", 22, 50) == ("accepted_with_rejections", 1, 1)


def test_other_businesses_are_answered_all_the_same(limited):
    ask(limited, "a", 20, 21, 22, 23)
    limited.drop("acme-bank/more", rows(60), reference="more")
    limited.run()
    assert limited.receipt("acme-bank/more")["verdict"] == "accepted"


def test_a_drop_that_is_rejected_anyway_stays_rejected(limited):
    assert ask(limited, "a", 20, 21, 22, 23, call_reason="x", type="INFORM with Logo")[0] == "rejected"


@pytest.mark.parametrize(
    ("digits", "outcome"), [((22, 23, 50), ("accepted_with_rejections", 1)), ((22, 23), ("rejected", 0))]
)
def test_a_release_gives_the_answers_and_no_longer_counts(limited, digits, outcome):
    ask(limited, "a", 20, 21)
    ask(limited, "b", *digits)
    held = limited.receipt("zenith-health/b")["submission"]
    assert {change.what for change in replay_submission(limited.services, held)} >= {"NUM-022", "verdict"}
    limited.clock.now += timedelta(seconds=1)
    result = release_submission(limited.services, held, by="ann")
    publish_outbox(limited.services)
    assert result.submission != held
    receipt = limited.receipt("zenith-health/b")
    assert (receipt["submission"], receipt["verdict"], receipt["counts"]["accepted"]) == (result.submission, *outcome)
    assert receipt["decision"] == {"what": "released", "who": "ann", "when": "2026-11-23T15:00:04Z", "reason": None}
    with limited.services.ledger.read() as conn:
        assert list_held_submissions(conn) == []
        assert [asker.drop for asker in list_askers(conn, 5012149022)] == ["b"]
        decided = find_submission(conn, held, "zenith-health")
        assert (decided.standing, decided.decided_by) == ("replaced", "ann")
    assert ask(limited, "c", 24, 52) == ("accepted_with_rejections", 1, 1)


def test_a_release_may_hold_the_drop_for_another_reason(limited):
    """The answers reject rows, and the manifest says to hold the drop then."""
    ask(limited, "a", 20, 21)
    assert ask(limited, "b", 22, 23, 50, on_rejected_rows="hold") == ("held", 3, 0)
    limited.clock.now += timedelta(seconds=1)
    result = release_submission(limited.services, limited.receipt("zenith-health/b")["submission"], by="ann")
    with limited.services.ledger.read() as conn:
        [held] = list_held_submissions(conn)
        assert (held.id, held.unanswered) == (result.submission, None)
    publish_outbox(limited.services)
    assert limited.receipt("zenith-health/b")["decision"] is None  # it waits for another one


def test_a_rejected_retake_does_not_replace_a_newer_held_drop(limited):
    ask(limited, "a", 20, 21)
    ask(limited, "b", 22, 23)
    first = limited.receipt("zenith-health/b")["submission"]
    limited.clock.now += timedelta(seconds=1)
    ask(limited, "c", 24, 50, reference="b")
    newer = limited.receipt("zenith-health/c")["submission"]
    limited.clock.now += timedelta(seconds=1)
    assert retake_submission(limited.services, first).judgment.verdict == "rejected"
    with limited.services.ledger.read() as conn:
        assert [row.id for row in list_held_submissions(conn)] == [newer]


def test_workers_that_judge_at_the_same_time_keep_to_the_limit(limited):
    for place in range(4):
        changes = ZENITH | {"reference": f"p{place}"}
        limited.drop(f"zenith-health/p{place}", rows(20 + 2 * place, 21 + 2 * place), **changes)
    with open_workers("local") as workers:
        workers.start()
        pipeline.take_inbox(limited.services, workers, sleep=limited.clock.sleep)
    pipeline.write_pages(limited.services)
    answered = [limited.receipt(f"zenith-health/p{place}")["counts"]["rejected"] for place in range(4)]
    assert sorted(answered) == [0, 0, 0, 2]


def test_who_asked_is_kept_for_some_days(limited):
    ask(limited, "a", 20, 21)
    limited.clock.now += KEEP_ASKED + timedelta(days=1)
    ask(limited, "b", 22, 50)
    with limited.services.ledger.read() as conn:
        kept = [(row.number, row.drop) for row in conn.execute(select(asked_number))]
        assert (kept, len(conn.execute(select(inquiry)).all())) == ([(5012149022, "b")], 1)


def test_a_released_number_is_in_the_receipts_of_both_sides(limited):
    """Neither names the other. A new drop of the same folder starts without it."""
    ask(limited, "a", 20, 50)
    limited.clock.now += timedelta(hours=1)
    with limited.services.ledger.begin() as conn:
        release_number(conn, 5012149020, by="ann", now=limited.clock(), reason="The carrier's bill shows it.")
    publish_outbox(limited.services)
    released = {"number": "+15012149020", "at": "2026-11-23T16:00:02Z", "reason": "The carrier's bill shows it."}
    messages = {
        "acme-bank/own": "The operator released this number. It is no longer in this program.",
        "zenith-health/a": "This number is free now. Drop it again to register it.",
    }
    for drop, message in messages.items():
        assert limited.receipt(drop)["released"] == [released | {"message": message}]
    assert "acme" not in json.dumps(limited.receipt("zenith-health/a")).lower()
    assert "zenith" not in json.dumps(limited.receipt("acme-bank/own")).lower()
    assert ask(limited, "a", 20) == ("accepted", 1, 0)
    assert limited.receipt("zenith-health/a")["released"] == []


@pytest.mark.parametrize("judge_again", [release_submission, retake_submission])
def test_a_released_number_is_in_the_receipt_of_a_drop_that_was_judged_again(limited, judge_again):
    ask(limited, "a", 20, 21)
    ask(limited, "b", 22, 23, 50)
    limited.clock.now += timedelta(seconds=1)
    judge_again(limited.services, limited.receipt("zenith-health/b")["submission"], by="ann")
    with limited.services.ledger.begin() as conn:
        release_number(conn, 5012149022, by="ann", now=limited.clock(), reason="The carrier's bill shows it.")
    publish_outbox(limited.services)
    assert [each["number"] for each in limited.receipt("zenith-health/b")["released"]] == ["+15012149022"]
