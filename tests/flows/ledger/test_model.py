"""Random drops, revisions, cancellations, clock jumps and crashes. Ledger, reference model and carrier must agree."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from flows.ledger.core.tables import number, program
from flows.ledger.launches import plan
from flows.ledger.launches.batches import mark_batch_sent, record_batch_outcome
from flows.ledger.launches.due_launches import fail_launch, finish_launches, mark_missed_launches
from flows.ledger.launches.live_programs import claim_endings, finish_endings
from flows.ledger.programs.ownership import LedgerClaims
from flows.ledger.programs.programs import find_program
from flows.ledger.programs.programs import retry_launch as schedule_again
from flows.ledger.programs.register import release_held_submission
from tests.flows.ledger.conftest import empty_tables
from tests.flows.ledger.driver import DAY, FIRST, LedgerDriver, schedule
from tests.flows.ledger.reference_model import Model, Plan

KEYS = st.sampled_from([("acme", "a"), ("acme", "b"), ("acme", "c"), ("zenith", "z")])
NUMBERS = st.dictionaries(st.integers(FIRST, FIRST + 9), st.integers(0, 9), max_size=6)
HOURS = st.integers(0, 30)


class Lifecycle(RuleBasedStateMachine):
    ledger = None

    @initialize()
    def begin(self):
        empty_tables(self.ledger)
        self.driver = LedgerDriver(self.ledger, allowed_delay=DAY)
        self.model = Model(DAY)
        self.carrier_numbers = {}  # what the carrier has: {key: {number: purpose}}
        self.answered = set()  # keys of batches that the carrier has taken
        self.sent = {}

    @rule(key=KEYS, numbers=NUMBERS, replace=st.booleans(), reassign=st.booleans(), start=HOURS, held=st.booleans())
    def drop(self, key, numbers, replace, reassign, start, held):
        p = self.model.programs.get(key)
        if p is not None and p.over:
            return
        refused = self.model.conflicts(key, numbers, reassign)
        claims = LedgerClaims(ledger=self.ledger, business=key[0], reference=key[1], reassign=reassign)
        assert set(claims.find_conflicts(np_sorted(numbers))) == refused
        accepted = {n: purpose for n, purpose in numbers.items() if n not in refused}
        if not accepted and (p is None or numbers):
            return
        wanted = self.driver.now + timedelta(hours=start)
        start_is_fixed = p is not None and (p.live or p.state == "launching")
        start_time = p.start if start_is_fixed else wanted  # judging rejects any other start
        plan = Plan(numbers=accepted, replace=replace, reassign=reassign, start=start_time, end=wanted + 3 * DAY)
        self.driver.drop(
            key[1],
            list(accepted),
            purposes=list(accepted.values()),
            business=key[0],
            numbers_mode="replace" if replace else "add",
            reassign=reassign,
            schedule=schedule(plan.start, plan.end),
            verdict="held" if held else "accepted",
        )
        if held:
            with self.ledger.begin() as conn:
                release_held_submission(conn, f"s{self.driver.drops}", by="ann", now=self.driver.now)
        self.model.accept(key, plan, self.driver.now)

    @rule(key=KEYS)
    def cancel(self, key):
        p = self.model.programs.get(key)
        outcome = self.driver.cancel(key[1], business=key[0]).outcome if p and not p.over else None
        if outcome:
            self.model.cancel(key, self.driver.now)
            assert self.driver.cancel(key[1], business=key[0]).outcome == "duplicate"

    @rule(hours=HOURS)
    def wait(self, hours):
        self.driver.now += timedelta(hours=hours)

    @rule()
    def give_up_late(self):
        with self.ledger.begin() as conn:
            mark_missed_launches(conn, now=self.driver.now, allowed_delay=DAY)
        self.model.miss(self.driver.now)

    @rule(crash_after=st.integers(0, 8), fails=st.booleans())
    def launch(self, crash_after, fails):
        """Launch what is due until the launcher crashes. A later launch continues from there."""
        now = self.driver.now
        due, lease_length = self.model.due(now), self.driver.claimer.length
        jobs = self.driver.claim()
        begun = [(e.business, e.reference) for e in jobs if not e.resumed]
        assert set(begun) <= set(due)
        assert bool(begun) == bool(due)
        for key in begun:
            self.model.claim(key)
        for job in jobs:
            assert job.start <= now < job.end
            for batch in self.driver.open_batches(job):
                if crash_after == 0:
                    self.driver.now += 2 * lease_length
                    return
                crash_after -= 1
                self._send(job, batch)
            if fails:
                with self.ledger.begin() as conn:
                    fail_launch(conn, job, "no", now=now)
                self.model.fail((job.business, job.reference), now)
            else:
                with self.ledger.begin() as conn:
                    finish_launches(conn, [job], now=now)
                self.model.finish((job.business, job.reference), now)
        self.driver.now += timedelta(minutes=1)

    def _send(self, job, batch):
        with self.ledger.begin() as conn:
            mark_batch_sent(conn, job, batch, self.driver.now)
        if batch.key not in self.answered:
            self.answered.add(batch.key)
            on_carrier = self.carrier_numbers.setdefault((job.business, batch.reference), {})
            for n, purpose in zip(batch.numbers.tolist(), batch.purposes.tolist(), strict=True):
                if batch.kind == "remove":
                    on_carrier.pop(n, None)
                else:
                    assert not any(
                        n in other for key, other in self.carrier_numbers.items() if other is not on_carrier
                    ), "in two"
                    on_carrier[n] = purpose
        with self.ledger.begin() as conn:
            record_batch_outcome(conn, job, batch, {}, self.driver.now)
        if batch.kind == "remove":
            self.model.remove_numbers((job.business, job.reference), batch.numbers.tolist())

    @rule(key=KEYS)
    def retry(self, key):
        p = self.model.programs.get(key)
        if p and not p.over and p.state in ("missed", "launch_failed") and p.end > self.driver.now:
            with self.ledger.begin() as conn:
                schedule_again(conn, *key, by="ann", now=self.driver.now)
            self.model.retry(key, self.driver.now)

    @rule()
    def end(self):
        self.driver.now += 2 * self.driver.claimer.length  # leases of crashed launchers expire
        keys = self.model.ending(self.driver.now)
        with self.ledger.begin() as conn:
            jobs = claim_endings(conn, self.driver.claimer, now=self.driver.now)
            for job in jobs:
                finish_endings(conn, [job], now=self.driver.now)
                self.model.finish_end((job.business, job.reference))
                self.carrier_numbers.pop((job.business, job.reference), None)
        assert {(e.business, e.reference) for e in jobs} == set(keys)

    @invariant()
    def ledger_equals_model(self):
        if not hasattr(self, "model"):
            return
        for key, p in self.model.programs.items():
            self._check_program(key, p)
        query = select(number.c.number, program.c.business, program.c.reference).join(
            program, program.c.id == number.c.program
        )
        with self.ledger.read() as conn:
            held = {n: (b, r) for n, b, r in conn.execute(query.where(number.c.claimed))}
        assert held == self.model.claims

    def _nothing_under_way(self):
        """Whether no change is on its way to the carrier."""
        return all(p.state == "live" or not p.at_carrier for p in self.model.programs.values())

    def _check_program(self, key, p):
        with self.ledger.read() as conn:
            row = find_program(conn, *key)
        assert (row.revision.number, row.revision.state) == (p.revision, p.state), key
        numbers = self.driver.numbers(key[1], key[0])
        under_way = p.state in ("launching", "launch_failed", "scheduled") and p.at_carrier
        if not under_way:
            assert numbers == {n: (r.state, r.purpose) for n, r in p.rows.items()}, key
        if self._nothing_under_way():
            live = {n: purpose for n, (state, purpose) in numbers.items() if state == "live"}
            assert self.carrier_numbers.get(key, {}) == live, key


def np_sorted(numbers):
    import numpy as np

    return np.array(sorted(numbers), dtype=np.int64)


def run_lifecycle(ledger, monkeypatch, examples, steps, **options):
    monkeypatch.setattr(plan, "NUMBERS_PER_BATCH", 2)
    machine = type("LifecycleHere", (Lifecycle,), {"ledger": ledger})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],  # shrinking would take too long
            **options,
        ),
    )


def test_a_few_random_lifecycles(ledger, monkeypatch):
    examples = 30 if ledger.engine.dialect.name == "sqlite" else 12
    run_lifecycle(ledger, monkeypatch, examples, 25, derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_thousand_steps(ledger, monkeypatch):
    run_lifecycle(ledger, monkeypatch, 200, 50)
