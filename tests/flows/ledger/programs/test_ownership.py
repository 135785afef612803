"""To whom numbers belong: claimed at acceptance, freed at the end, moved at the taker's launch."""

import numpy as np
import pytest

from flows.ledger.core.errors import LedgerError, Outdated
from flows.ledger.core.tables import outbox
from flows.ledger.launches.launches import fail_launch, finish_launches
from flows.ledger.programs.numbers import count_removed_by_replace
from flows.ledger.programs.ownership import REGISTERED_ELSEWHERE, LedgerClaims
from flows.ledger.programs.programs import release_number, retry_launch
from flows.ledger.read import page_queries
from flows.publishing import views
from tests.flows.ledger.samples import DAY, HOUR, NOON, Rows, judged, manifest, some, span

N = some(1)[0]
START = NOON + HOUR
LATER = span(NOON + 2 * HOUR, NOON + 10 * DAY)


def conflicts(desk, reference, numbers, business="acme", reassign=False):
    found = LedgerClaims(ledger=desk.ledger, business=business, reference=reference, reassign=reassign).conflicts(np.array(numbers))
    return {n: (c.rule, c.program) for n, c in found.items()}


def test_conflicts_say_as_much_as_a_business_may_know(desk):
    desk.drop("p", some(2))
    desk.drop("z", some(1, 5), business="zenith")
    asked = [*some(3), *some(1, 5)]
    assert conflicts(desk, "q", asked) == {**dict.fromkeys(some(2), ("NUM-023", "p")), some(1, 5)[0]: ("NUM-022", None)}
    assert conflicts(desk, "p", asked) == {some(1, 5)[0]: ("NUM-022", None)}
    assert conflicts(desk, "q", asked, reassign=True) == {some(1, 5)[0]: ("NUM-022", None)}
    assert conflicts(desk, "z", asked, business="zenith") == dict.fromkeys(some(2), ("NUM-022", None))


def test_a_hundred_thousand_are_asked_in_a_few_statements(desk):
    numbers = some(150_000)
    desk.drop("p", numbers)
    assert len(conflicts(desk, "q", numbers)) == 150_000


@pytest.mark.parametrize("business", ["acme", "zenith"])
def test_a_number_that_went_elsewhere_since_judging_is_judged_again(desk, business):
    desk.drop("p", some(2))
    with pytest.raises(Outdated, match="registered elsewhere"):
        desk.drop("q", some(2, 1), business=business, reassign=business == "zenith")
    assert [s for s, *_ in desk.verdicts()] == ["s1"]


def test_a_number_is_freed_when_its_program_ends(desk):
    desk.drop("p", some(2))
    desk.now = NOON + HOUR
    desk.launch()
    desk.now = NOON + 10 * DAY
    assert desk.end() == ["acme/p"]
    assert desk.drop("q", some(2), schedule=span(desk.now, desk.now + DAY)).revision == 1


def test_a_missed_program_lets_its_numbers_go_and_claims_the_free_ones_when_retried(desk):
    desk.drop("p", some(3))
    desk.now = NOON + 2 * DAY
    assert desk.miss() == ["acme/p"]
    desk.drop("q", some(1))
    desk.drop("z", some(1, 1), business="zenith")
    with desk.ledger.begin() as conn:
        retry_launch(conn, "acme", "p", by="ann", now=desk.now)
    assert desk.numbers() == {
        some(3)[0]: ("refused", 0),
        some(3)[1]: ("refused", 0),
        some(3)[2]: ("pending", 0),
    }
    assert "acme/p" in desk.launch()
    assert desk.numbers()[some(3)[2]] == ("live", 0)


def test_reassign_moves_a_number_at_the_takers_launch(desk):
    desk.drop("giver", some(3))
    desk.drop("taker", some(1), reassign=True, schedule=LATER)
    desk.now = NOON + HOUR
    assert desk.launch() == ["acme/giver"]
    assert (desk.holder(N), desk.numbers("giver")[N][0]) == ("acme/giver", "live")
    desk.now = NOON + 2 * HOUR
    [errand] = desk.claim()
    assert desk.answer(errand) == [("remove", "giver", [N]), ("add", "taker", [N])]
    desk.finish([errand])
    assert (desk.holder(N), desk.numbers("giver")[N][0], desk.numbers("taker")[N][0]) == (
        "acme/taker",
        "reassigned",
        "live",
    )
    assert desk.moves("giver", "numbers") == [(1, None, "reassigned")]
    assert desk.moves("taker", "numbers") == [(1, None, "reassigned")]
    with pytest.raises(Outdated):
        desk.drop("giver", some(1))
    desk.drop("giver", some(1), reassign=True)
    assert desk.launch() == ["acme/giver"]
    assert desk.holder(N) == "acme/giver"


def test_a_scheduled_giver_never_launches_what_was_taken(desk):
    desk.drop("giver", some(2), schedule=LATER)
    desk.drop("taker", some(1), reassign=True)
    desk.now = NOON + HOUR
    [errand] = desk.claim()
    assert desk.answer(errand) == [("add", "taker", [N])]
    desk.finish([errand])
    desk.now = NOON + 2 * HOUR
    [errand] = desk.claim()
    assert desk.answer(errand) == [("add", "giver", some(1, 1))]


def test_a_taker_waits_while_its_giver_is_launching(desk):
    desk.drop("giver", some(2))
    desk.drop("taker", some(1), reassign=True)
    desk.now = NOON + HOUR
    giving = desk.claim()
    assert [e.reference for e in giving] == ["giver"]
    assert desk.claim() == []
    desk.finish(giving)
    assert desk.launch() == ["acme/taker"]


def test_two_takers_one_after_the_other(desk):
    desk.drop("giver", some(2))
    desk.drop("one", some(1), reassign=True, schedule=LATER)
    desk.drop("two", some(1), reassign=True, schedule=span(NOON + 3 * HOUR, NOON + DAY))
    for hour in (1, 2, 3):
        desk.now = NOON + hour * HOUR
        desk.launch()
    assert [desk.numbers(p)[N][0] for p in ("giver", "one", "two")] == ["reassigned", "reassigned", "live"]


def test_two_takers_of_one_number_are_never_launched_at_once(desk):
    desk.drop("giver", some(2), schedule=LATER)
    desk.drop("one", some(1), reassign=True)
    desk.drop("two", some(1), reassign=True)
    desk.now = NOON + HOUR
    [errand] = desk.claim()
    assert desk.answer(errand) == [("add", "one", [N])]
    assert desk.claim() == []
    desk.finish([errand])
    [errand] = desk.claim()
    assert desk.answer(errand) == [("remove", "one", [N]), ("add", "two", [N])]
    desk.finish([errand])
    assert [desk.numbers(p)[N][0] for p in ("giver", "one", "two")] == ["reassigned", "reassigned", "live"]


def test_what_a_giver_frees_is_the_takers(desk):
    desk.drop("giver", some(2))
    desk.drop("taker", some(2), reassign=True, schedule=LATER)
    desk.drop("giver", some(1, 1), numbers_mode="replace")
    assert (desk.holder(N), desk.holder(N + 1)) == ("acme/taker", "acme/giver")
    desk.cancel("giver")
    assert desk.holder(N + 1) == "acme/taker"


def test_a_number_is_freed_by_hand(desk):
    desk.drop("p", some(2))
    with desk.ledger.begin() as conn:
        assert release_number(conn, N, by="ann", now=desk.now) == ("acme", "p")
    assert (desk.holder(N), desk.numbers()[N][0]) == (None, "removed")
    with pytest.raises(LedgerError, match="no program has this number"), desk.ledger.begin() as conn:
        release_number(conn, N, by="ann", now=desk.now)


def test_a_live_number_is_freed_by_hand_and_taken_out_at_the_carrier(desk):
    desk.drop("p", some(2))
    desk.now = NOON + HOUR
    desk.launch()
    with desk.ledger.begin() as conn:
        release_number(conn, N, by="ann", now=desk.now)
    desk.drop("z", some(1), business="zenith", schedule=LATER)
    [errand] = desk.claim()
    assert desk.answer(errand) == [("remove", "p", [N])]
    desk.finish([errand])
    assert (desk.states(), desk.holder(N)) == (["superseded", "live"], "zenith/z")


def test_what_replacing_would_remove(desk):
    desk.drop("p", some(10))
    assert count_removed_by_replace(desk.ledger, "acme", "p", Rows(some(4, 8), 0)) == 8
    assert desk.holder(N) == "acme/p"


@pytest.mark.parametrize("removed_first", [True, False])
def test_a_number_that_a_waiting_revision_brings_back_is_nobody_elses_meanwhile(desk, removed_first):
    """The launch takes it out, the revision that waits for the launch brings it back: nothing may come between."""
    desk.drop("p", some(2))
    desk.now = START
    desk.launch()
    desk.drop("p", some(1), numbers_mode="replace")
    [errand] = desk.claim()
    if removed_first:
        desk.answer(errand)
    assert desk.drop("p", some(2)).waiting
    if not removed_first:
        desk.answer(errand)
    assert conflicts(desk, "z", some(1, 1), business="zenith") == {some(1, 1)[0]: ("NUM-022", None)}
    with desk.ledger.begin() as conn:
        finish_launches(conn, [errand], now=desk.now)
    assert desk.holder(some(1, 1)[0]) == "acme/p"
    [errand] = desk.claim()
    assert desk.answer(errand) == [("add", "p", some(1, 1))]


def test_what_may_be_at_the_carrier_is_never_missed(desk):
    """A launch failed half done: its numbers must not go elsewhere while the carrier has them."""
    desk.drop("p", some(2))
    desk.now = START
    [errand] = desk.claim()
    desk.answer(errand)
    with desk.ledger.begin() as conn:
        fail_launch(conn, errand, "no", now=desk.now)
    desk.drop("p", some(2), description="Other.")
    desk.now += 2 * DAY
    assert desk.miss() == []
    assert desk.launch() == ["acme/p"]


def freed_by_hand(desk):
    with desk.ledger.begin() as conn:
        release_number(conn, N, by="ann", now=desk.now)


def taking_while_launching(desk):
    """p is launching, and a revision that takes a number from another program waits for it; the launch's errand."""
    desk.drop("giver", some(1), schedule=LATER)
    desk.drop("p", some(2, 10))
    desk.now = START
    [errand] = desk.claim()
    assert desk.drop("p", some(1), reassign=True).waiting
    desk.answer(errand)
    return errand


def test_a_number_that_went_elsewhere_while_its_revision_waited_is_refused(desk):
    errand = taking_while_launching(desk)
    freed_by_hand(desk)
    desk.drop("z", some(1), business="zenith", schedule=LATER)
    desk.finish([errand])
    assert desk.launch() == ["acme/p"]
    with desk.ledger.read() as conn:
        assert page_queries.list_refused_numbers(conn, "acme", "p", limit=9) == [(N, REGISTERED_ELSEWHERE)]
        assert page_queries.list_takeover_references(conn, "acme", "p")[0] == []
    assert (desk.states(), desk.holder(N)) == (["superseded", "live"], "zenith/z")
    assert desk.program().numbers_live == 2


def test_a_number_that_came_back_to_the_business_while_its_revision_waited_is_taken(desk):
    errand = taking_while_launching(desk)
    freed_by_hand(desk)
    desk.drop("q", some(1), schedule=LATER)
    desk.finish([errand])
    assert desk.launch() == ["acme/p"]
    assert (desk.holder(N), desk.numbers("q")[N][0]) == ("acme/p", "reassigned")


def test_what_a_giver_frees_is_the_waiting_taker_s(desk):
    errand = taking_while_launching(desk)
    desk.cancel("giver")
    assert conflicts(desk, "z", some(1), business="zenith") == {N: ("NUM-022", None)}
    desk.finish([errand])
    assert desk.launch() == ["acme/p"]
    assert (desk.holder(N), desk.numbers()[N][0]) == ("acme/p", "live")


def test_the_drop_of_a_program_is_told_of_what_becomes_of_it_after_a_number_was_freed(desk):
    desk.drop("p", some(3))
    desk.now = START
    [errand] = desk.claim()
    desk.answer(errand, {some(3)[2]: "INVALID_NUMBER"})
    desk.finish([errand])
    freed_by_hand(desk)
    desk.launch()
    seen = report(desk)
    assert (seen.state, seen.branding, seen.refused_total, len(seen.refused)) == ("live", "approved", 1, 1)
    assert (seen.revision.number, seen.revision.added, seen.revision.removed) == (1, 3, 0)
    desk.now = NOON + 10 * DAY
    unmarked(desk)
    desk.end()
    assert {("receipt", "acme", "d1"), ("report", "acme", "s1")} <= desk.marks()
    assert report(desk).state == "ended"


def report(desk):
    with desk.ledger.read() as conn:
        return views.build_report_view(conn, "acme", "s1", judged(manifest(), some(3)), now=desk.now)


def unmarked(desk):
    with desk.ledger.begin() as conn:
        conn.execute(outbox.delete())
