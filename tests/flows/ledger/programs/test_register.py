"""Registering: once, whatever repeats; revisions of a reference; what is held."""

from dataclasses import replace

import pytest

from flows.ledger.core.errors import LedgerError, Outdated
from flows.ledger.core.tables import parked, submission
from flows.ledger.intake.submissions import choose_submission_id
from flows.ledger.launches.launches import fail_launch
from flows.ledger.programs.programs import read_known_program
from flows.ledger.programs.register import preview_registration, reject_held_submission, release_held_submission
from flows.ledger.programs.reviews import list_open_reviews
from flows.ledger.read.page_queries import get_submission
from tests.flows.ledger.samples import ACME, CUSTOM, DAY, HOUR, NOON, judged, manifest, some, span


def test_first_submission_makes_a_scheduled_program(desk):
    registered = desk.drop("p", some(1500), purposes=3)
    assert (registered.outcome, registered.revision, registered.difference.added) == ("registered", 1, 1500)
    assert desk.state() == (1, "scheduled")
    assert set(desk.numbers().values()) == {("pending", 3)}
    assert desk.moves() == [(1, None, "scheduled")]
    assert {("receipt", "acme", "d1"), ("index", "acme", ""), ("operator", "", "")} <= desk.marks()


def test_the_same_submission_again_changes_nothing(desk):
    registration = desk.registration("p", some(3))
    first = desk.register(registration)
    assert desk.register(registration) == first
    assert desk.count(submission) == 1
    assert desk.states() == ["scheduled"]


def test_the_same_content_is_a_duplicate(desk):
    desk.drop("p", some(3), content="a")
    again = desk.drop("p", some(3), content="a")
    assert (again.outcome, again.submission, again.revision) == ("duplicate", "s1", 1)
    assert desk.count(submission) == 1
    assert ("receipt", "acme", "d2") in desk.marks()


def test_content_of_an_older_revision_is_judged_anew(desk):
    for content in ("a", "b", "a"):
        assert desk.drop("p", some(3), content=content).outcome == "registered"
    assert desk.states() == ["superseded", "superseded", "scheduled"]


def test_rejected_content_is_no_duplicate(desk):
    for _ in range(2):
        assert desk.drop("p", some(3), content="a", verdict="rejected").revision is None
    assert [v for _, v, _ in desk.verdicts()] == ["rejected", "rejected"]


def test_a_submission_without_a_reference_is_kept(desk):
    unreadable = replace(desk.registration("p"), judgment=replace(judged(None, []), verdict="rejected"))
    assert desk.register(unreadable).revision is None


@pytest.mark.parametrize(
    ("mode", "left"),
    [("add", {0: 0, 1: 0, 2: 5, 3: 5}), ("replace", {2: 5, 3: 5})],
)
def test_a_revision_before_launch_supersedes(desk, mode, left):
    first = some(3)
    desk.drop("p", first)
    registered = desk.drop("p", some(2, 2), purposes=5, numbers_mode=mode)
    difference = registered.difference
    assert (difference.added, difference.changed) == (1, 1)
    assert difference.removed == (2 if mode == "replace" else 0)
    assert desk.states() == ["superseded", "scheduled"]
    pending = {n - first[0]: p for n, (state, p) in desk.numbers().items() if state == "pending"}
    assert pending == left
    assert desk.holder(first[0]) == ("acme/p" if mode == "add" else None)


def test_a_revision_tells_what_moved(desk):
    desk.drop("p", some(1))
    moved = {"schedule": span(NOON + 2 * HOUR, NOON + 20 * DAY), "display_name": CUSTOM}
    registered = desk.drop("p", [], **moved)
    difference = registered.difference
    assert (difference.start_moved, difference.end_moved, difference.branding_changed) == (True, True, True)
    assert desk.numbers() == {some(1)[0]: ("pending", 0)}


def test_a_preview_says_what_registering_does(desk):
    desk.drop("p", some(3), content="a")
    for registration in (desk.registration("p", some(5), purposes=1), desk.registration("p", some(1), content="a")):
        with desk.ledger.read() as conn:
            seen = preview_registration(conn, registration)
        assert seen == desk.register(registration)


def test_on_a_live_program_only_the_difference_is_to_be_sent(desk):
    desk.drop("p", some(3))
    desk.now += HOUR
    desk.launch()
    desk.drop("p", [*some(1), *some(2, 10)], purposes=4, numbers_mode="replace")
    assert desk.states() == ["live", "scheduled"]
    [errand] = desk.claim()
    assert desk.answer(errand) == [("remove", "p", some(2, 1)), ("add", "p", [*some(1), *some(2, 10)])]
    desk.finish([errand])
    assert desk.states() == ["superseded", "live"]
    assert {n for n, (s, _) in desk.numbers().items() if s == "live"} == {*some(1), *some(2, 10)}
    assert desk.holder(some(1, 1)[0]) is None


LATER = span(NOON + 5 * HOUR, NOON + 20 * DAY)


def test_a_start_that_was_fixed_since_judging_is_judged_again(desk):
    """Judged anew, the start that stays is told, and no other is said to be in force."""
    desk.drop("p", some(1))
    desk.drop("p", some(1, 1), verdict="held", schedule=LATER)
    desk.now += HOUR
    errands = desk.claim()
    for _ in ("launching", "live"):
        with pytest.raises(Outdated, match="acme/p was launched since this was judged: its start is fixed"):
            desk.drop("p", some(1, 2), schedule=LATER)
        with pytest.raises(Outdated, match="its start is fixed"), desk.ledger.begin() as conn:
            release_held_submission(conn, "s2", by="ann", now=desk.now)
        with desk.ledger.read() as conn:
            assert read_known_program(conn, "acme", "p").start_is_fixed
        if errands:
            desk.finish(errands)
        errands = []
    assert desk.drop("p", some(1, 2), schedule=span(NOON + HOUR, NOON + 20 * DAY)).revision == 2


def test_the_start_may_move_before_the_launch_and_after_one_that_failed(desk):
    desk.drop("p", some(1))
    desk.drop("p", [], schedule=LATER)
    desk.now = NOON + 5 * HOUR
    [errand] = desk.claim()
    with desk.ledger.begin() as conn:
        fail_launch(conn, errand, "no", now=desk.now)
    later = span(NOON + 7 * HOUR, NOON + 20 * DAY)
    assert desk.drop("p", [], schedule=later).difference.start_moved


def test_a_removed_number_comes_back(desk):
    desk.drop("p", some(3))
    desk.drop("p", some(1), numbers_mode="replace")
    desk.drop("p", some(3), purposes=2)
    assert desk.numbers() == dict.fromkeys(some(3), ("pending", 2))
    assert desk.holder(some(3)[2]) == "acme/p"


def test_a_live_number_on_its_way_out_comes_back(desk):
    desk.drop("p", some(3))
    desk.now += HOUR
    desk.launch()
    desk.drop("p", some(1), numbers_mode="replace")
    desk.drop("p", some(2, 1), purposes=[0, 7])
    [errand] = desk.claim()
    assert desk.answer(errand) == [("add", "p", some(1, 2))]  # only what is re-purposed
    desk.finish([errand])
    assert desk.states() == ["superseded", "superseded", "live"]


def test_cancelling_a_scheduled_program_frees_its_numbers(desk):
    desk.drop("p", some(2))
    assert desk.cancel().revision == 1
    assert desk.state() == (1, "cancelled")
    assert desk.holder(some(1)[0]) is None
    assert desk.cancel().outcome == "duplicate"
    with pytest.raises(Outdated):
        desk.drop("p", some(2))


def test_cancelling_a_live_program_ends_it(desk):
    desk.drop("p", some(2))
    desk.now += HOUR
    desk.launch()
    desk.cancel()
    assert desk.cancel().outcome == "duplicate"
    with desk.ledger.read() as conn:
        assert read_known_program(conn, "acme", "p").state == "cancelled"
    assert desk.end() == ["acme/p"]
    assert desk.state() == (1, "ended")
    assert set(desk.numbers().values()) == {("removed", 0)}
    assert desk.end() == []


def test_cancelling_what_is_not_there_is_registered(desk):
    assert desk.cancel().revision is None


def test_cancelling_a_program_that_is_held_is_final(desk):
    desk.drop("p", some(2), verdict="held", display_name=CUSTOM)
    assert desk.cancel().revision == 1
    assert (desk.state(), desk.numbers()) == ((1, "cancelled"), {})
    assert [standing for *_, standing in desk.verdicts()] == ["replaced", "registered"]
    with desk.ledger.read() as conn:
        assert read_known_program(conn, "acme", "p").state == "cancelled"
        assert list_open_reviews(conn) == []
    again = desk.cancel()
    assert (again.outcome, again.submission) == ("duplicate", "s2")
    with pytest.raises(Outdated):
        desk.drop("p", some(2))
    assert desk.drop("q", some(2)).revision == 1


def test_a_held_submission_waits(desk):
    registered = desk.drop("p", some(5000), verdict="held", content="a")
    assert registered.revision is None
    with desk.ledger.read() as conn:
        assert read_known_program(conn, "acme", "p").held
    assert desk.drop("p", some(5000), content="a").outcome == "duplicate"
    desk.now += HOUR
    with desk.ledger.begin() as conn:
        released = release_held_submission(conn, "s1", by="ann", now=desk.now)
    assert (released.revision, released.difference.added) == (1, 5000)
    assert desk.verdicts() == [("s1", "accepted", "registered")]
    assert desk.count(parked) == 0
    with pytest.raises(LedgerError, match="submission s1 is not held: it is registered"), desk.ledger.begin() as conn:
        release_held_submission(conn, "s1", by="ann", now=desk.now)


def test_a_held_submission_is_rejected(desk):
    desk.drop("p", some(2), verdict="held")
    with desk.ledger.begin() as conn:
        reject_held_submission(conn, "s1", by="ann", reason="wrong file", now=desk.now)
    assert desk.verdicts() == [("s1", "rejected", "dismissed")]
    with desk.ledger.read() as conn:
        assert read_known_program(conn, "acme", "p") is None


def test_a_newer_revision_replaces_a_held_one(desk):
    desk.drop("p", some(2), verdict="held")
    desk.drop("p", some(3), verdict="rejected")
    desk.drop("p", some(2))
    assert [s for _, _, s in desk.verdicts()] == ["replaced", "rejected", "registered"]
    with pytest.raises(LedgerError, match="it is replaced"), desk.ledger.begin() as conn:
        release_held_submission(conn, "s1", by="ann", now=desk.now)


def test_releasing_fails_when_a_number_went_elsewhere(desk):
    desk.drop("p", some(2), verdict="held")
    desk.drop("q", some(1))
    with pytest.raises(Outdated), desk.ledger.begin() as conn:
        release_held_submission(conn, "s1", by="ann", now=desk.now)
    assert desk.verdicts()[0] == ("s1", "held", "held")


def test_a_retake_is_no_duplicate(desk):
    desk.drop("p", some(2), content="a")
    assert desk.drop("p", some(2), content="a", retake_of="s1").revision == 2


def test_a_business_unit_is_made(desk):
    from flows.ledger.programs.businesses import read_business

    desk.drop("p", some(1), business_unit="New", create_business_unit=True)
    with desk.ledger.read() as conn:
        assert read_business(conn, "acme").business_units == ("Cards", "New")


def test_an_id_is_one_drop_s(desk):
    digest = "1a2b3c4d" + "0" * 56
    desk.register(replace(desk.registration("p", some(1)), submission="20270104T120000Z-1a2b3c4d", digest=digest))
    with desk.ledger.read() as conn:
        assert choose_submission_id(conn, "acme", "d1", NOON, digest) == "20270104T120000Z-1a2b3c4d"
        assert choose_submission_id(conn, "acme", "other", NOON, digest) == "20270104T120000Z-1a2b3c4d-2"


def test_the_same_bytes_in_two_inboxes_in_the_same_second(desk):
    misplaced = replace(desk.registration("p", verdict="rejected"), business="zenith", drop="copy")
    mine = replace(desk.registration("p", some(3)), submission=misplaced.submission, digest=misplaced.digest)
    copied = replace(misplaced, drop="copy-2")
    assert desk.register(misplaced).outcome == "registered"
    assert desk.register(mine).revision == 1
    assert desk.register(copied).outcome == "duplicate"
    assert desk.register(mine).revision == 1
    assert desk.register(misplaced).revision is None
    with desk.ledger.read() as conn:
        assert get_submission(conn, mine.submission).business == "acme"
        assert get_submission(conn, mine.submission, "zenith").verdict == "rejected"
        assert get_submission(conn, mine.submission, "acme").verdict == "accepted"


def test_known_of_a_program(desk):
    desk.drop("p", some(2))
    with desk.ledger.read() as conn:
        told = read_known_program(conn, "acme", "p")
        assert read_known_program(conn, "zenith", "p") is None
    assert (told.state, told.revision, told.live, told.numbers) == ("scheduled", 1, False, 2)
    assert told.start == NOON + HOUR
    assert manifest().display_name == ACME
