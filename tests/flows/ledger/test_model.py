"""Random drops, revisions, cancellations, clock jumps and crashes: ledger, model and carrier agree."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from flows.ledger.core.tables import number, program
from flows.ledger.launches import plan
from flows.ledger.launches.batches import mark_batch_sent, record_batch_outcome
from flows.ledger.launches.launches import fail_launch, finish_launches, mark_missed_launches
from flows.ledger.launches.live_programs import claim_endings, finish_endings
from flows.ledger.programs.ownership import LedgerClaims
from flows.ledger.programs.programs import find_program
from flows.ledger.programs.programs import retry_launch as schedule_again
from flows.ledger.programs.register import release_held_submission
from tests.flows.ledger.conftest import emptied
from tests.flows.ledger.model import Model, Plan
from tests.flows.ledger.samples import DAY, FIRST, Desk, span

KEYS = st.sampled_from([("acme", "a"), ("acme", "b"), ("acme", "c"), ("zenith", "z")])
NUMBERS = st.dictionaries(st.integers(FIRST, FIRST + 9), st.integers(0, 9), max_size=6)
HOURS = st.integers(0, 30)


class Lifecycle(RuleBasedStateMachine):
    ledger = None

    @initialize()
    def begin(self):
        emptied(self.ledger)
        self.desk = Desk(self.ledger, patience=DAY)
        self.model = Model(DAY)
        self.book = {}  # what the carrier has: {key: {number: purpose}}
        self.answered = set()  # keys of batches that the carrier has taken
        self.sent = {}

    @rule(key=KEYS, numbers=NUMBERS, replace=st.booleans(), reassign=st.booleans(), start=HOURS, held=st.booleans())
    def drop(self, key, numbers, replace, reassign, start, held):
        p = self.model.programs.get(key)
        if p is not None and p.over:
            return
        refused = self.model.conflicts(key, numbers, reassign)
        asked = LedgerClaims(ledger=self.ledger, business=key[0], reference=key[1], reassign=reassign).conflicts(np_sorted(numbers))
        assert set(asked) == refused
        accepted = {n: purpose for n, purpose in numbers.items() if n not in refused}
        if not accepted and (p is None or numbers):
            return
        wanted = self.desk.now + timedelta(hours=start)
        begins = p.start if p is not None and (p.live or p.state == "launching") else wanted  # as judging has it
        plan = Plan(numbers=accepted, replace=replace, reassign=reassign, start=begins, end=wanted + 3 * DAY)
        self.desk.drop(
            key[1],
            list(accepted),
            purposes=list(accepted.values()),
            business=key[0],
            numbers_mode="replace" if replace else "add",
            reassign=reassign,
            schedule=span(plan.start, plan.end),
            verdict="held" if held else "accepted",
        )
        if held:
            with self.ledger.begin() as conn:
                release_held_submission(conn, f"s{self.desk.drops}", by="ann", now=self.desk.now)
        self.model.accept(key, plan, self.desk.now)

    @rule(key=KEYS)
    def cancel(self, key):
        p = self.model.programs.get(key)
        outcome = self.desk.cancel(key[1], business=key[0]).outcome if p and not p.over else None
        if outcome:
            self.model.cancel(key, self.desk.now)
            assert self.desk.cancel(key[1], business=key[0]).outcome == "duplicate"

    @rule(hours=HOURS)
    def wait(self, hours):
        self.desk.now += timedelta(hours=hours)

    @rule()
    def give_up_late_ones(self):
        with self.ledger.begin() as conn:
            mark_missed_launches(conn, now=self.desk.now, patience=DAY)
        self.model.miss(self.desk.now)

    @rule(crash_after=st.integers(0, 8), fails=st.booleans())
    def launch(self, crash_after, fails):
        """Send what is due, until the launcher crashes; what it leaves is taken over later."""
        now = self.desk.now
        due, gone = self.model.due(now), self.desk.claimant.length
        errands = self.desk.claim()
        begun = [(e.business, e.reference) for e in errands if not e.resumed]
        assert set(begun) <= set(due)
        assert bool(begun) == bool(due)
        for key in begun:
            self.model.claim(key)
        for errand in errands:
            assert errand.start <= now < errand.end
            for batch in self.desk.open(errand):
                if crash_after == 0:
                    self.desk.now += 2 * gone
                    return
                crash_after -= 1
                self._send(errand, batch)
            if fails:
                with self.ledger.begin() as conn:
                    fail_launch(conn, errand, "no", now=now)
                self.model.fail((errand.business, errand.reference), now)
            else:
                with self.ledger.begin() as conn:
                    finish_launches(conn, [errand], now=now)
                self.model.finish((errand.business, errand.reference), now)
        self.desk.now += timedelta(minutes=1)

    def _send(self, errand, batch):
        with self.ledger.begin() as conn:
            mark_batch_sent(conn, errand, batch, self.desk.now)
        if batch.key not in self.answered:
            self.answered.add(batch.key)
            there = self.book.setdefault((errand.business, batch.reference), {})
            for n, purpose in zip(batch.numbers.tolist(), batch.purposes.tolist(), strict=True):
                if batch.kind == "remove":
                    there.pop(n, None)
                else:
                    assert not any(n in other for key, other in self.book.items() if other is not there), "in two"
                    there[n] = purpose
        with self.ledger.begin() as conn:
            record_batch_outcome(conn, errand, batch, {}, self.desk.now)
        if batch.kind == "remove":
            self.model.taken_out((errand.business, errand.reference), batch.numbers.tolist())

    @rule(key=KEYS)
    def retry(self, key):
        p = self.model.programs.get(key)
        if p and not p.over and p.state in ("missed", "launch_failed") and p.end > self.desk.now:
            with self.ledger.begin() as conn:
                schedule_again(conn, *key, by="ann", now=self.desk.now)
            self.model.retry(key, self.desk.now)

    @rule()
    def end(self):
        self.desk.now += 2 * self.desk.claimant.length  # whoever was launching is gone
        keys = self.model.ending(self.desk.now)
        with self.ledger.begin() as conn:
            errands = claim_endings(conn, self.desk.claimant, now=self.desk.now)
            for errand in errands:
                finish_endings(conn, [errand], now=self.desk.now)
                self.model.finish_end((errand.business, errand.reference))
                self.book.pop((errand.business, errand.reference), None)
        assert {(e.business, e.reference) for e in errands} == set(keys)

    @invariant()
    def agrees(self):
        if not hasattr(self, "model"):
            return
        for key, p in self.model.programs.items():
            self._agrees(key, p)
        query = select(number.c.number, program.c.business, program.c.reference).join(
            program, program.c.id == number.c.program
        )
        with self.ledger.read() as conn:
            held = {n: (b, r) for n, b, r in conn.execute(query.where(number.c.claimed))}
        assert held == self.model.claims

    def _quiet(self):
        """Nothing is on its way to the carrier."""
        return all(p.state == "live" or not p.at_carrier for p in self.model.programs.values())

    def _agrees(self, key, p):
        with self.ledger.read() as conn:
            row = find_program(conn, *key)
        assert (row.revision.number, row.revision.state) == (p.revision, p.state), key
        numbers = self.desk.numbers(key[1], key[0])
        under_way = p.state in ("launching", "launch_failed", "scheduled") and p.at_carrier
        if not under_way:
            assert numbers == {n: (r.state, r.purpose) for n, r in p.rows.items()}, key
        if self._quiet():
            live = {n: purpose for n, (state, purpose) in numbers.items() if state == "live"}
            assert self.book.get(key, {}) == live, key


def np_sorted(numbers):
    import numpy as np

    return np.array(sorted(numbers), dtype=np.int64)


def run(ledger, monkeypatch, examples, steps, **options):
    monkeypatch.setattr(plan, "BATCH_SIZE", 2)
    machine = type("LifecycleHere", (Lifecycle,), {"ledger": ledger})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],  # a step costs too much to look for the shortest way to a difference
            **options,
        ),
    )


def test_a_slice_of_lives(ledger, monkeypatch):
    examples = 30 if ledger.engine.dialect.name == "sqlite" else 12
    run(ledger, monkeypatch, examples, 25, derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_thousand_steps(ledger, monkeypatch):
    run(ledger, monkeypatch, 200, 50)
