"""Registering: duplicates, revisions, cancellations, held submissions."""

from dataclasses import replace

import pytest

from flows.ledger.core.errors import LedgerError, Outdated
from flows.ledger.core.tables import parked, submission
from flows.ledger.intake.submissions import choose_submission_id
from flows.ledger.launches.due_launches import fail_launch
from flows.ledger.programs.programs import find_program, read_existing_program
from flows.ledger.programs.register import reject_held_submission, release_held_submission
from flows.ledger.programs.reviews import list_open_reviews
from flows.ledger.read.page_queries import get_submission
from tests.flows.ledger.driver import (
    ACME,
    CUSTOM,
    DAY,
    HOUR,
    NOON,
    make_judgment,
    make_manifest,
    schedule,
    some_numbers,
)


def test_the_first_submission_schedules_a_program(driver):
    registered = driver.drop("p", some_numbers(1500), purposes=3)
    assert (registered.outcome, registered.revision) == ("registered", 1)
    assert driver.changes() == [(1500, 0, 0)]
    assert driver.state() == (1, "scheduled")
    assert set(driver.numbers().values()) == {("pending", 3)}
    assert driver.transitions() == [(1, None, "scheduled")]
    assert {("receipt", "acme", "d1"), ("index", "acme", ""), ("operator", "", "")} <= driver.outbox()


def test_registering_a_submission_again_changes_nothing(driver):
    registration = driver.registration("p", some_numbers(3))
    first = driver.register(registration)
    assert driver.register(registration) == first
    assert driver.count(submission) == 1
    assert driver.states() == ["scheduled"]


def test_the_same_content_is_a_duplicate(driver):
    driver.drop("p", some_numbers(3), content="a")
    again = driver.drop("p", some_numbers(3), content="a")
    assert (again.outcome, again.submission, again.revision) == ("duplicate", "s1", 1)
    assert driver.count(submission) == 1
    assert ("receipt", "acme", "d2") in driver.outbox()


def test_the_content_of_an_older_revision_is_a_new_revision(driver):
    for content in ("a", "b", "a"):
        assert driver.drop("p", some_numbers(3), content=content).outcome == "registered"
    assert driver.states() == ["superseded", "superseded", "scheduled"]


def test_rejected_content_is_never_a_duplicate(driver):
    for _ in range(2):
        assert driver.drop("p", some_numbers(3), content="a", verdict="rejected").revision is None
    assert [v for _, v, _ in driver.verdicts()] == ["rejected", "rejected"]


def test_a_submission_without_a_reference_is_stored(driver):
    unreadable = replace(driver.registration("p"), judgment=replace(make_judgment(None, []), verdict="rejected"))
    assert driver.register(unreadable).revision is None


@pytest.mark.parametrize(
    ("mode", "left"),
    [("add", {0: 0, 1: 0, 2: 5, 3: 5}), ("replace", {2: 5, 3: 5})],
)
def test_a_revision_before_the_launch_supersedes_the_previous_one(driver, mode, left):
    first = some_numbers(3)
    driver.drop("p", first)
    driver.drop("p", some_numbers(2, 2), purposes=5, numbers_mode=mode)
    assert driver.changes() == [(3, 0, 0), (1, 2 if mode == "replace" else 0, 1)]
    assert driver.states() == ["superseded", "scheduled"]
    pending = {n - first[0]: p for n, (state, p) in driver.numbers().items() if state == "pending"}
    assert pending == left
    assert driver.holder(first[0]) == ("acme/p" if mode == "add" else None)


def test_a_revision_without_numbers_changes_the_rest_of_the_program(driver):
    driver.drop("p", some_numbers(1))
    driver.drop("p", [], schedule=schedule(NOON + 2 * HOUR, NOON + 20 * DAY), display_name=CUSTOM)
    with driver.ledger.read() as conn:
        current = find_program(conn, "acme", "p").revision
        (review,) = (r for r in list_open_reviews(conn) if r.id == current.display_name)
    assert (current.start, current.end) == (NOON + 2 * HOUR, NOON + 20 * DAY)
    assert review.display_name == CUSTOM
    assert driver.changes() == [(1, 0, 0), (0, 0, 0)]
    assert driver.numbers() == {some_numbers(1)[0]: ("pending", 0)}


def test_only_the_difference_to_the_live_revision_is_sent(driver):
    driver.drop("p", some_numbers(3))
    driver.now += HOUR
    driver.launch()
    driver.drop("p", [*some_numbers(1), *some_numbers(2, 10)], purposes=4, numbers_mode="replace")
    assert driver.states() == ["live", "scheduled"]
    [job] = driver.claim()
    assert driver.send_batches(job) == [
        ("remove", "p", some_numbers(2, 1)),
        ("add", "p", [*some_numbers(1), *some_numbers(2, 10)]),
    ]
    driver.finish([job])
    assert driver.states() == ["superseded", "live"]
    assert {n for n, (s, _) in driver.numbers().items() if s == "live"} == {*some_numbers(1), *some_numbers(2, 10)}
    assert driver.holder(some_numbers(1, 1)[0]) is None


LATER = schedule(NOON + 5 * HOUR, NOON + 20 * DAY)


def test_a_start_that_was_fixed_since_judging_makes_the_judgment_outdated(driver):
    """Judged again, it is rejected because of the start, so that no report shows a start that does not apply."""
    driver.drop("p", some_numbers(1))
    driver.drop("p", some_numbers(1, 1), verdict="held", schedule=LATER)
    driver.now += HOUR
    jobs = driver.claim()
    for _ in ("launching", "live"):
        with pytest.raises(Outdated, match="acme/p was launched since this was judged: its start is fixed"):
            driver.drop("p", some_numbers(1, 2), schedule=LATER)
        with pytest.raises(Outdated, match="its start is fixed"), driver.ledger.begin() as conn:
            release_held_submission(conn, "s2", by="ann", now=driver.now)
        with driver.ledger.read() as conn:
            assert read_existing_program(conn, "acme", "p").start_is_fixed
        if jobs:
            driver.finish(jobs)
        jobs = []
    assert driver.drop("p", some_numbers(1, 2), schedule=schedule(NOON + HOUR, NOON + 20 * DAY)).revision == 2


def test_the_start_can_change_before_a_launch_and_after_a_failed_one(driver):
    driver.drop("p", some_numbers(1))
    driver.drop("p", [], schedule=LATER)
    driver.now = NOON + 5 * HOUR
    [job] = driver.claim()
    with driver.ledger.begin() as conn:
        fail_launch(conn, job, "no", now=driver.now)
    later = schedule(NOON + 7 * HOUR, NOON + 20 * DAY)
    driver.drop("p", [], schedule=later)
    with driver.ledger.read() as conn:
        assert find_program(conn, "acme", "p").revision.start == NOON + 7 * HOUR


def test_a_removed_number_can_be_added_again(driver):
    driver.drop("p", some_numbers(3))
    driver.drop("p", some_numbers(1), numbers_mode="replace")
    driver.drop("p", some_numbers(3), purposes=2)
    assert driver.numbers() == dict.fromkeys(some_numbers(3), ("pending", 2))
    assert driver.holder(some_numbers(3)[2]) == "acme/p"


def test_a_live_number_that_is_being_removed_can_be_added_again(driver):
    driver.drop("p", some_numbers(3))
    driver.now += HOUR
    driver.launch()
    driver.drop("p", some_numbers(1), numbers_mode="replace")
    driver.drop("p", some_numbers(2, 1), purposes=[0, 7])
    [job] = driver.claim()
    assert driver.send_batches(job) == [("add", "p", some_numbers(1, 2))]  # only the changed purpose
    driver.finish([job])
    assert driver.states() == ["superseded", "superseded", "live"]


def test_canceling_a_scheduled_program_frees_its_numbers(driver):
    driver.drop("p", some_numbers(2))
    assert driver.cancel().revision == 1
    assert driver.state() == (1, "cancelled")
    assert driver.holder(some_numbers(1)[0]) is None
    assert driver.cancel().outcome == "duplicate"
    with pytest.raises(Outdated):
        driver.drop("p", some_numbers(2))


def test_canceling_a_live_program_ends_it(driver):
    driver.drop("p", some_numbers(2))
    driver.now += HOUR
    driver.launch()
    driver.cancel()
    assert driver.cancel().outcome == "duplicate"
    with driver.ledger.read() as conn:
        assert read_existing_program(conn, "acme", "p").state == "cancelled"
    assert driver.end() == ["acme/p"]
    assert driver.state() == (1, "ended")
    assert set(driver.numbers().values()) == {("removed", 0)}
    assert driver.end() == []


def test_canceling_an_unknown_program_is_registered(driver):
    assert driver.cancel().revision is None


def test_canceling_a_held_program_is_final(driver):
    driver.drop("p", some_numbers(2), verdict="held", display_name=CUSTOM)
    assert driver.cancel().revision == 1
    assert (driver.state(), driver.numbers()) == ((1, "cancelled"), {})
    assert [standing for *_, standing in driver.verdicts()] == ["replaced", "registered"]
    with driver.ledger.read() as conn:
        assert read_existing_program(conn, "acme", "p").state == "cancelled"
        assert list_open_reviews(conn) == []
    again = driver.cancel()
    assert (again.outcome, again.submission) == ("duplicate", "s2")
    with pytest.raises(Outdated):
        driver.drop("p", some_numbers(2))
    assert driver.drop("q", some_numbers(2)).revision == 1


def test_a_held_submission_waits_for_its_release(driver):
    registered = driver.drop("p", some_numbers(5000), verdict="held", content="a")
    assert registered.revision is None
    with driver.ledger.read() as conn:
        assert read_existing_program(conn, "acme", "p").held
    assert driver.drop("p", some_numbers(5000), content="a").outcome == "duplicate"
    driver.now += HOUR
    with driver.ledger.begin() as conn:
        released = release_held_submission(conn, "s1", by="ann", now=driver.now)
    assert released.revision == 1
    assert driver.changes() == [(5000, 0, 0)]
    assert driver.verdicts() == [("s1", "accepted", "registered")]
    assert driver.count(parked) == 0
    with pytest.raises(LedgerError, match="submission s1 is not held: it is registered"), driver.ledger.begin() as conn:
        release_held_submission(conn, "s1", by="ann", now=driver.now)


def test_a_held_submission_can_be_rejected(driver):
    driver.drop("p", some_numbers(2), verdict="held")
    with driver.ledger.begin() as conn:
        reject_held_submission(conn, "s1", by="ann", reason="wrong file", now=driver.now)
    assert driver.verdicts() == [("s1", "rejected", "dismissed")]
    with driver.ledger.read() as conn:
        assert read_existing_program(conn, "acme", "p") is None


def test_a_newer_submission_replaces_a_held_one(driver):
    driver.drop("p", some_numbers(2), verdict="held")
    driver.drop("p", some_numbers(3), verdict="rejected")
    driver.drop("p", some_numbers(2))
    assert [s for _, _, s in driver.verdicts()] == ["replaced", "rejected", "registered"]
    with pytest.raises(LedgerError, match="it is replaced"), driver.ledger.begin() as conn:
        release_held_submission(conn, "s1", by="ann", now=driver.now)


def test_releasing_fails_if_a_number_was_registered_elsewhere(driver):
    driver.drop("p", some_numbers(2), verdict="held")
    driver.drop("q", some_numbers(1))
    with pytest.raises(Outdated), driver.ledger.begin() as conn:
        release_held_submission(conn, "s1", by="ann", now=driver.now)
    assert driver.verdicts()[0] == ("s1", "held", "held")


def test_a_retake_is_never_a_duplicate(driver):
    driver.drop("p", some_numbers(2), content="a")
    assert driver.drop("p", some_numbers(2), content="a", retake_of="s1").revision == 2


def test_a_business_unit_can_be_created(driver):
    from flows.ledger.programs.businesses import read_business

    driver.drop("p", some_numbers(1), business_unit="New", create_business_unit=True)
    with driver.ledger.read() as conn:
        assert read_business(conn, "acme").business_units == ("Cards", "New")


def test_submission_ids_are_unique_in_a_business(driver):
    digest = "1a2b3c4d" + "0" * 56
    driver.register(
        replace(driver.registration("p", some_numbers(1)), submission="20270104T120000Z-1a2b3c4d", digest=digest)
    )
    with driver.ledger.read() as conn:
        assert choose_submission_id(conn, "acme", "d1", NOON, digest) == "20270104T120000Z-1a2b3c4d"
        assert choose_submission_id(conn, "acme", "other", NOON, digest) == "20270104T120000Z-1a2b3c4d-2"


def test_the_same_bytes_in_two_inboxes_in_the_same_second(driver):
    misplaced = replace(driver.registration("p", verdict="rejected"), business="zenith", drop="copy")
    mine = replace(driver.registration("p", some_numbers(3)), submission=misplaced.submission, digest=misplaced.digest)
    copied = replace(misplaced, drop="copy-2")
    assert driver.register(misplaced).outcome == "registered"
    assert driver.register(mine).revision == 1
    assert driver.register(copied).outcome == "duplicate"
    assert driver.register(mine).revision == 1
    assert driver.register(misplaced).revision is None
    with driver.ledger.read() as conn:
        assert get_submission(conn, mine.submission).business == "acme"
        assert get_submission(conn, mine.submission, "zenith").verdict == "rejected"
        assert get_submission(conn, mine.submission, "acme").verdict == "accepted"


def test_what_judging_knows_of_a_program(driver):
    driver.drop("p", some_numbers(2))
    with driver.ledger.read() as conn:
        program = read_existing_program(conn, "acme", "p")
        assert read_existing_program(conn, "zenith", "p") is None
    assert (program.state, program.revision, program.live, program.numbers) == ("scheduled", 1, False, 2)
    assert program.start == NOON + HOUR
    assert make_manifest().display_name == ACME
