"""Who owns numbers: claimed at acceptance, freed at the end, moved at the taker's launch."""

import numpy as np
import pytest

from flows.ledger.core.errors import LedgerError, Outdated
from flows.ledger.core.tables import outbox
from flows.ledger.launches.due_launches import fail_launch, finish_launches
from flows.ledger.programs.numbers import count_removed_by_replace
from flows.ledger.programs.ownership import REGISTERED_ELSEWHERE, LedgerClaims
from flows.ledger.programs.programs import release_number, retry_launch
from flows.ledger.read import page_queries
from flows.publishing import views
from tests.flows.ledger.driver import (
    DAY,
    HOUR,
    NOON,
    AcceptedNumbers,
    make_judgment,
    make_manifest,
    schedule,
    some_numbers,
)

N = some_numbers(1)[0]
START = NOON + HOUR
LATER = schedule(NOON + 2 * HOUR, NOON + 10 * DAY)


def find_conflicts(driver, reference, numbers, business="acme", reassign=False):
    claims = LedgerClaims(ledger=driver.ledger, business=business, reference=reference, reassign=reassign)
    found = claims.find_conflicts(np.array(numbers))
    return {n: (c.rule, c.program) for n, c in found.items()}


def test_conflicts_name_no_other_business(driver):
    driver.drop("p", some_numbers(2))
    driver.drop("z", some_numbers(1, 5), business="zenith")
    asked = [*some_numbers(3), *some_numbers(1, 5)]
    assert find_conflicts(driver, "q", asked) == {
        **dict.fromkeys(some_numbers(2), ("NUM-023", "p")),
        some_numbers(1, 5)[0]: ("NUM-022", None),
    }
    assert find_conflicts(driver, "p", asked) == {some_numbers(1, 5)[0]: ("NUM-022", None)}
    assert find_conflicts(driver, "q", asked, reassign=True) == {some_numbers(1, 5)[0]: ("NUM-022", None)}
    assert find_conflicts(driver, "z", asked, business="zenith") == dict.fromkeys(some_numbers(2), ("NUM-022", None))


def test_conflicts_of_many_numbers(driver):
    numbers = some_numbers(150_000)
    driver.drop("p", numbers)
    assert len(find_conflicts(driver, "q", numbers)) == 150_000


@pytest.mark.parametrize("business", ["acme", "zenith"])
def test_a_number_registered_elsewhere_since_judging_makes_the_judgment_outdated(driver, business):
    driver.drop("p", some_numbers(2))
    with pytest.raises(Outdated, match="registered elsewhere"):
        driver.drop("q", some_numbers(2, 1), business=business, reassign=business == "zenith")
    assert [s for s, *_ in driver.verdicts()] == ["s1"]


def test_a_number_is_freed_when_its_program_ends(driver):
    driver.drop("p", some_numbers(2))
    driver.now = NOON + HOUR
    driver.launch()
    driver.now = NOON + 10 * DAY
    assert driver.end() == ["acme/p"]
    assert driver.drop("q", some_numbers(2), schedule=schedule(driver.now, driver.now + DAY)).revision == 1


def test_a_missed_program_frees_its_numbers_and_claims_the_free_ones_when_retried(driver):
    driver.drop("p", some_numbers(3))
    driver.now = NOON + 2 * DAY
    assert driver.give_up_late() == ["acme/p"]
    driver.drop("q", some_numbers(1))
    driver.drop("z", some_numbers(1, 1), business="zenith")
    with driver.ledger.begin() as conn:
        retry_launch(conn, "acme", "p", by="ann", now=driver.now)
    assert driver.numbers() == {
        some_numbers(3)[0]: ("refused", 0),
        some_numbers(3)[1]: ("refused", 0),
        some_numbers(3)[2]: ("pending", 0),
    }
    assert "acme/p" in driver.launch()
    assert driver.numbers()[some_numbers(3)[2]] == ("live", 0)


def test_reassign_moves_a_number_at_the_takers_launch(driver):
    driver.drop("giver", some_numbers(3))
    driver.drop("taker", some_numbers(1), reassign=True, schedule=LATER)
    driver.now = NOON + HOUR
    assert driver.launch() == ["acme/giver"]
    assert (driver.holder(N), driver.numbers("giver")[N][0]) == ("acme/giver", "live")
    driver.now = NOON + 2 * HOUR
    [job] = driver.claim()
    assert driver.send_batches(job) == [("remove", "giver", [N]), ("add", "taker", [N])]
    driver.finish([job])
    assert (driver.holder(N), driver.numbers("giver")[N][0], driver.numbers("taker")[N][0]) == (
        "acme/taker",
        "reassigned",
        "live",
    )
    assert driver.transitions("giver", "numbers") == [(1, None, "reassigned")]
    assert driver.transitions("taker", "numbers") == [(1, None, "reassigned")]
    with pytest.raises(Outdated):
        driver.drop("giver", some_numbers(1))
    driver.drop("giver", some_numbers(1), reassign=True)
    assert driver.launch() == ["acme/giver"]
    assert driver.holder(N) == "acme/giver"


def test_a_scheduled_giver_does_not_launch_numbers_taken_over(driver):
    driver.drop("giver", some_numbers(2), schedule=LATER)
    driver.drop("taker", some_numbers(1), reassign=True)
    driver.now = NOON + HOUR
    [job] = driver.claim()
    assert driver.send_batches(job) == [("add", "taker", [N])]
    driver.finish([job])
    driver.now = NOON + 2 * HOUR
    [job] = driver.claim()
    assert driver.send_batches(job) == [("add", "giver", some_numbers(1, 1))]


def test_a_taker_waits_while_its_giver_is_launching(driver):
    driver.drop("giver", some_numbers(2))
    driver.drop("taker", some_numbers(1), reassign=True)
    driver.now = NOON + HOUR
    giving = driver.claim()
    assert [e.reference for e in giving] == ["giver"]
    assert driver.claim() == []
    driver.finish(giving)
    assert driver.launch() == ["acme/taker"]


def test_two_takers_one_after_the_other(driver):
    driver.drop("giver", some_numbers(2))
    driver.drop("one", some_numbers(1), reassign=True, schedule=LATER)
    driver.drop("two", some_numbers(1), reassign=True, schedule=schedule(NOON + 3 * HOUR, NOON + DAY))
    for hour in (1, 2, 3):
        driver.now = NOON + hour * HOUR
        driver.launch()
    assert [driver.numbers(p)[N][0] for p in ("giver", "one", "two")] == ["reassigned", "reassigned", "live"]


def test_two_takers_of_one_number_are_never_launched_at_once(driver):
    driver.drop("giver", some_numbers(2), schedule=LATER)
    driver.drop("one", some_numbers(1), reassign=True)
    driver.drop("two", some_numbers(1), reassign=True)
    driver.now = NOON + HOUR
    [job] = driver.claim()
    assert driver.send_batches(job) == [("add", "one", [N])]
    assert driver.claim() == []
    driver.finish([job])
    [job] = driver.claim()
    assert driver.send_batches(job) == [("remove", "one", [N]), ("add", "two", [N])]
    driver.finish([job])
    assert [driver.numbers(p)[N][0] for p in ("giver", "one", "two")] == ["reassigned", "reassigned", "live"]


def test_the_taker_claims_numbers_that_the_giver_frees(driver):
    driver.drop("giver", some_numbers(2))
    driver.drop("taker", some_numbers(2), reassign=True, schedule=LATER)
    driver.drop("giver", some_numbers(1, 1), numbers_mode="replace")
    assert (driver.holder(N), driver.holder(N + 1)) == ("acme/taker", "acme/giver")
    driver.cancel("giver")
    assert driver.holder(N + 1) == "acme/taker"


def test_a_number_is_released_by_hand(driver):
    driver.drop("p", some_numbers(2))
    with driver.ledger.begin() as conn:
        assert release_number(conn, N, by="ann", now=driver.now) == ("acme", "p")
    assert (driver.holder(N), driver.numbers()[N][0]) == (None, "removed")
    with pytest.raises(LedgerError, match="no program has this number"), driver.ledger.begin() as conn:
        release_number(conn, N, by="ann", now=driver.now)


def test_a_live_number_released_by_hand_is_removed_at_the_carrier(driver):
    driver.drop("p", some_numbers(2))
    driver.now = NOON + HOUR
    driver.launch()
    with driver.ledger.begin() as conn:
        release_number(conn, N, by="ann", now=driver.now)
    driver.drop("z", some_numbers(1), business="zenith", schedule=LATER)
    [job] = driver.claim()
    assert driver.send_batches(job) == [("remove", "p", [N])]
    driver.finish([job])
    assert (driver.states(), driver.holder(N)) == (["superseded", "live"], "zenith/z")


def test_counting_what_a_replacement_removes(driver):
    driver.drop("p", some_numbers(10))
    assert count_removed_by_replace(driver.ledger, "acme", "p", AcceptedNumbers(some_numbers(4, 8), 0)) == 8
    assert driver.holder(N) == "acme/p"


@pytest.mark.parametrize("removed_first", [True, False])
def test_a_number_that_a_waiting_revision_adds_again_stays_claimed(driver, removed_first):
    """The launch removes it and the waiting revision adds it again. Nobody may claim it in between."""
    driver.drop("p", some_numbers(2))
    driver.now = START
    driver.launch()
    driver.drop("p", some_numbers(1), numbers_mode="replace")
    [job] = driver.claim()
    if removed_first:
        driver.send_batches(job)
    assert driver.drop("p", some_numbers(2)).waiting
    if not removed_first:
        driver.send_batches(job)
    assert find_conflicts(driver, "z", some_numbers(1, 1), business="zenith") == {
        some_numbers(1, 1)[0]: ("NUM-022", None)
    }
    with driver.ledger.begin() as conn:
        finish_launches(conn, [job], now=driver.now)
    assert driver.holder(some_numbers(1, 1)[0]) == "acme/p"
    [job] = driver.claim()
    assert driver.send_batches(job) == [("add", "p", some_numbers(1, 1))]


def test_a_program_that_may_be_at_the_carrier_is_never_missed(driver):
    """A launch failed halfway: its numbers must not go elsewhere while the carrier has them."""
    driver.drop("p", some_numbers(2))
    driver.now = START
    [job] = driver.claim()
    driver.send_batches(job)
    with driver.ledger.begin() as conn:
        fail_launch(conn, job, "no", now=driver.now)
    driver.drop("p", some_numbers(2), description="Other.")
    driver.now += 2 * DAY
    assert driver.give_up_late() == []
    assert driver.launch() == ["acme/p"]


def release_by_hand(driver):
    with driver.ledger.begin() as conn:
        release_number(conn, N, by="ann", now=driver.now)


def register_taker_while_launching(driver):
    """Make a revision that takes over a number wait for a launch of p; returns the job of the launch."""
    driver.drop("giver", some_numbers(1), schedule=LATER)
    driver.drop("p", some_numbers(2, 10))
    driver.now = START
    [job] = driver.claim()
    assert driver.drop("p", some_numbers(1), reassign=True).waiting
    driver.send_batches(job)
    return job


def test_a_number_registered_elsewhere_while_its_revision_waited_is_refused(driver):
    job = register_taker_while_launching(driver)
    release_by_hand(driver)
    driver.drop("z", some_numbers(1), business="zenith", schedule=LATER)
    driver.finish([job])
    assert driver.launch() == ["acme/p"]
    with driver.ledger.read() as conn:
        assert page_queries.list_refused_numbers(conn, "acme", "p", limit=9) == [(N, REGISTERED_ELSEWHERE)]
        assert page_queries.list_takeover_references(conn, "acme", "p")[0] == []
    assert (driver.states(), driver.holder(N)) == (["superseded", "live"], "zenith/z")
    assert driver.program().numbers_live == 2


def test_a_number_in_another_program_while_its_revision_waited_is_taken_over(driver):
    job = register_taker_while_launching(driver)
    release_by_hand(driver)
    driver.drop("q", some_numbers(1), schedule=LATER)
    driver.finish([job])
    assert driver.launch() == ["acme/p"]
    assert (driver.holder(N), driver.numbers("q")[N][0]) == ("acme/p", "reassigned")


def test_a_waiting_taker_claims_numbers_that_the_giver_frees(driver):
    job = register_taker_while_launching(driver)
    driver.cancel("giver")
    assert find_conflicts(driver, "z", some_numbers(1), business="zenith") == {N: ("NUM-022", None)}
    driver.finish([job])
    assert driver.launch() == ["acme/p"]
    assert (driver.holder(N), driver.numbers()[N][0]) == ("acme/p", "live")


def test_a_report_shows_the_state_of_its_program_after_a_number_was_released_by_hand(driver):
    driver.drop("p", some_numbers(3))
    driver.now = START
    [job] = driver.claim()
    driver.send_batches(job, {some_numbers(3)[2]: "INVALID_NUMBER"})
    driver.finish([job])
    release_by_hand(driver)
    driver.launch()
    view = build_report(driver)
    assert (view.state, view.branding, view.refused_total, len(view.refused)) == ("live", "approved", 1, 1)
    assert (view.revision.number, view.revision.added, view.revision.removed) == (1, 3, 0)
    driver.now = NOON + 10 * DAY
    empty_outbox(driver)
    driver.end()
    assert {("receipt", "acme", "d1"), ("report", "acme", "s1")} <= driver.outbox()
    assert build_report(driver).state == "ended"


def build_report(driver):
    with driver.ledger.read() as conn:
        return views.build_report_view(
            conn, "acme", "s1", make_judgment(make_manifest(), some_numbers(3)), now=driver.now
        )


def empty_outbox(driver):
    with driver.ledger.begin() as conn:
        conn.execute(outbox.delete())
