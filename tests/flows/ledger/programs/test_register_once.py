"""Whatever crashes or runs at the same time: all of a submission is registered, once, or nothing of it."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import event, select

from flows.ledger.core.errors import Outdated
from flows.ledger.core.types import metadata
from flows.ledger.launches.batches import record_all_batches_done
from flows.ledger.launches.launches import finish_launches
from flows.ledger.programs.register import release_held_submission
from tests.flows.ledger.samples import HOUR, some


class Crash(Exception):
    pass


def contents(ledger):
    with ledger.read() as conn:
        return {t.name: sorted(map(repr, conn.execute(select(t)))) for t in metadata.sorted_tables}


def crashing_at_each_statement(desk, act):
    """Run `act` again and again, each time a statement further before it crashes; it must leave nothing behind."""
    before, stop, count = contents(desk.ledger), 0, 0
    step = 1 if desk.ledger.engine.dialect.name == "sqlite" else 4

    def crash(*_args):
        nonlocal count
        count += 1
        if count > stop:
            raise Crash

    event.listen(desk.ledger.engine, "after_cursor_execute", crash)
    try:
        while True:
            count = 0
            try:
                return act()
            except Crash:
                assert count == stop + 1
                event.remove(desk.ledger.engine, "after_cursor_execute", crash)
                assert contents(desk.ledger) == before
                event.listen(desk.ledger.engine, "after_cursor_execute", crash)
                stop += step
    finally:
        event.remove(desk.ledger.engine, "after_cursor_execute", crash)
        assert stop > 10


def test_registering_cut_short_leaves_nothing(desk):
    desk.drop("p", some(700))
    desk.drop("giver", some(5, 1000))
    desk.drop("p", some(5), verdict="held")
    registration = desk.registration("p", some(600, 200), purposes=3, numbers_mode="replace", content="x")
    registered = crashing_at_each_statement(desk, lambda: desk.register(registration))
    assert registered.revision == 2
    assert desk.states() == ["superseded", "scheduled"]
    assert desk.register(registration) == registered


def test_releasing_cut_short_leaves_nothing(desk):
    desk.drop("p", some(700), verdict="held")

    def act():
        with desk.ledger.begin() as conn:
            return release_held_submission(conn, "s1", by="ann", now=desk.now)

    assert crashing_at_each_statement(desk, act).revision == 1


def test_launching_cut_short_leaves_nothing(desk):
    desk.drop("giver", some(5))
    desk.now += HOUR
    desk.launch()
    desk.drop("p", some(5), reassign=True)

    def act():
        with desk.ledger.begin() as conn:
            errands = desk_claim(conn, desk)
            record_all_batches_done(conn, errands, desk.now)
            finish_launches(conn, errands, now=desk.now)
            return errands

    assert len(crashing_at_each_statement(desk, act)) == 1
    assert desk.state() == (1, "live")


def desk_claim(conn, desk):
    from flows.ledger.launches.launches import claim_launches

    return claim_launches(conn, desk.claimant, now=desk.now, patience=desk.patience)


def together(*acts):
    """Run these at once, each in its thread; what each returned or raised."""
    outcomes, ready = [None] * len(acts), threading.Barrier(len(acts))

    def run(place):
        ready.wait()
        try:
            outcomes[place] = acts[place]()
        except Outdated as e:
            outcomes[place] = e

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_the_same_content_at_once_is_registered_once(desk):
    registrations = [desk.registration("p", some(50), content="same") for _ in range(4)]
    outcomes = together(*(lambda r=r: desk.register(r) for r in registrations))
    assert sorted(o.outcome for o in outcomes) == ["duplicate"] * 3 + ["registered"]
    assert desk.states() == ["scheduled"]


def test_different_contents_at_once_are_revisions_in_some_order(desk):
    registrations = [desk.registration("p", some(50, 10 * place)) for place in range(4)]
    outcomes = together(*(lambda r=r: desk.register(r) for r in registrations))
    assert sorted(o.revision for o in outcomes) == [1, 2, 3, 4]
    assert desk.states() == ["superseded"] * 3 + ["scheduled"]
    assert len(desk.numbers()) == 80


def test_a_number_in_two_businesses_at_once_goes_to_one(desk):
    registrations = [desk.registration(b, some(500), business=b) for b in ("acme", "zenith")]
    outcomes = together(*(lambda r=r: desk.register(r) for r in registrations))
    assert sorted(isinstance(o, Outdated) for o in outcomes) == [False, True]


@pytest.mark.parametrize("launchers", [4])
def test_each_launch_is_claimed_by_one(desk, launchers):
    for place in range(12):
        desk.drop(f"p{place}", some(3, 10 * place))
    desks = [replace(desk, claimant=replace(desk.claimant, owner=f"o{i}")) for i in range(launchers)]
    for one in desks:
        one.now = desk.now + HOUR
    outcomes = together(*(one.claim for one in desks))
    claimed = [e.reference for errands in outcomes for e in errands]
    assert sorted(claimed) == sorted(f"p{place}" for place in range(12))
    for one, errands in zip(desks, outcomes, strict=True):
        one.finish(errands)
