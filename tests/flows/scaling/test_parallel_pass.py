"""Spreading a pass over workers: the ledger and every file are what one process would have made of the same drops."""

import itertools
import os
import pickle
import random
import shutil
import signal
from dataclasses import replace
from functools import partial

import cloudpickle
import pytest

from flows import intake_flow, pipeline
from flows.archive.submissions import _mark
from flows.arrival.completeness import Settled
from flows.arrival.scan import arrivals
from flows.errors import LaunchdropError
from flows.ledger.intake.drops import list_pending_drops
from flows.registration import drop
from flows.scaling import dask_cluster, parallel_pass, processes, worker_tasks
from flows.scaling.opening import open_workers
from flows.services import open_services
from flows.settings import Settings
from flows.stores import StoreError
from tests.flows.sample_drops import ROOT, write
from tests.flows.scaling.compared_passes import CLOCK, a_pass, opened, outcome

#: Drops of the tangle.
DROPS = 20


class Here:
    """Workers as the interface has them, in this process: what crosses it is pickled, and `between` may meddle.

    Entering is as late as it may be, so that whatever can be overtaken is.
    """

    def __init__(self, workers=2, between=lambda work: None):
        self.workers, self.between, self.done = workers, between, []

    def is_worth(self, seconds):
        return True

    def reach(self):
        pass

    def submit(self, work, *arguments, name):
        submitted = Submitted(self, work, arguments)
        if work is not worker_tasks.enter_block:
            submitted.result()
        return submitted


class Submitted:
    def __init__(self, crew, work, arguments):
        self.crew, self.work, self.arguments = crew, work, arguments

    def result(self):
        if self.work is not None:
            arguments = [a.result() if isinstance(a, Submitted) else a for a in self.arguments]
            self.crew.between(self.work)
            self.crew.done.append(self.work.__name__)
            self.value = self.work(*pickle.loads(pickle.dumps(arguments)))
            self.work = None
        return pickle.loads(pickle.dumps(self.value))


ZENITH = {"business_unit": "Reminders", "display_name": "{display: Zenith Health, shorthand: Zenith}"}


def tangle(inbox):
    """Drops that get in each other's way: the same numbers, programs, contents and units, good and bad."""
    dice = random.Random(7)
    for place in range(DROPS):
        business, more = ("zenith-health", ZENITH) if dice.random() < 0.4 else ("acme-bank", {})
        pool = [f"501214{dice.randrange(9000, 9060)}" for _ in range(dice.randrange(1, 12))]
        rows = [f"{n},{dice.choice(('Survey', 'Customer Service', 'Marketing', 'survey'))}\n" for n in pool]
        changes = {"reference": f"ref-{dice.randrange(14)}"}
        if dice.random() < 0.2:
            changes |= {"business_unit": "{name: Unit " + str(dice.randrange(3)) + ", create: true}"}
        if dice.random() < 0.2:
            changes |= {"numbers_mode": "replace"}
        if dice.random() < 0.2:
            changes |= {"reassign": "true"}
        if dice.random() < 0.1:
            changes |= {"state": "cancelled"}
        if dice.random() < 0.1:
            changes |= {"on_rejected_rows": "hold"}
        if place and dice.random() < 0.1:
            changes |= {"manifest": "7"}
        write(inbox, f"{business}/d{place:02d}", "".join(rows), **(more | changes))


def samples(inbox):
    shutil.copytree(ROOT / "inbox", inbox, dirs_exist_ok=True)


@pytest.mark.parametrize(("fill", "length"), [(tangle, 1e-9), (tangle, 0.3), (samples, 0.3)])
def test_a_spread_pass_is_the_same_byte_for_byte(tmp_path, monkeypatch, fill, length):
    monkeypatch.setattr(parallel_pass, "BLOCK", length)
    with opened(tmp_path / "one", fill) as services:
        plain = a_pass(services)
        expected = outcome(tmp_path / "one", services)
    with opened(tmp_path / "two", fill) as services:
        crew = Here()
        spread = a_pass(services, crew)
        found = outcome(tmp_path / "two", services)
    assert {"prepare_block", "enter_block", "write_block"} == set(crew.done)
    assert spread.counts() == plain.counts()
    assert [(t.drop, t.registered) for t in spread.took] == [(t.drop, t.registered) for t in plain.took]
    assert found == expected


def two(inbox):
    write(inbox, "acme-bank/a", "5012149020,Survey\n5012149021,Survey\n", reference="a")
    write(inbox, "zenith-health/b", "5012149020,Survey\n5012149030,Survey\n", reference="b", **ZENITH)


def three(inbox):
    """The last is about the first one's program, and therefore taken whole in its turn."""
    two(inbox)
    write(inbox, "acme-bank/c", "5012149040,Survey\n", reference="a")


def test_what_was_judged_ahead_is_judged_anew_where_it_was_overtaken(tmp_path, monkeypatch):
    judged = []
    plain = worker_tasks.judge_ahead
    monkeypatch.setattr(worker_tasks, "judge_ahead", lambda *a, **k: judged.append(plain(*a, **k)) or judged[-1])
    with opened(tmp_path / "it", two) as services:
        took = a_pass(services, Here()).took
    assert [ahead.judgment.verdict for ahead in judged] == ["accepted", "accepted"]
    assert [t.judgment.verdict for t in took] == ["accepted", "accepted_with_rejections"]


def test_a_block_that_is_done_again_by_another_worker_says_the_same(tmp_path):
    """Dask prepares anew what a dead worker had, also when it was entered: it must not be judged against itself."""
    with opened(tmp_path / "it", three) as services:
        found = arrivals(pipeline.inbox_of(services), clock=CLOCK, sleep=lambda _: None)
        pipeline.seed_businesses(services)
        leases = parallel_pass.Leases(services.ledger, clock=CLOCK, length=services.settings.lease)
        settled = [worker_tasks.Turn(sighting=o.sighting) for o in found if isinstance(o, Settled)]
        turns = parallel_pass._claimed(leases, settled, set())
        terms = worker_tasks.terms_of(services)
        once = worker_tasks.enter_block(terms, None, worker_tasks.prepare_block(terms, turns))
        expected = outcome(tmp_path / "it", services)
        again = worker_tasks.enter_block(terms, None, worker_tasks.prepare_block(terms, turns))
        assert outcome(tmp_path / "it", services) == expected
    assert len(once) == 3
    assert [(t.drop, t.registered.submission) for t in once] == [(t.drop, t.registered.submission) for t in again]
    assert [t.judgment.counts for t in once] == [t.judgment.counts for t in again]


def test_what_an_attempt_left_half_copied_is_cleared_away(tmp_path):
    left = tmp_path / f"it/archive/acme-bank/.aside/{_mark('a', 1)}.dead"

    def die(work):
        if work is worker_tasks.prepare_block and not left.exists():
            left.mkdir(parents=True)
            (left / "numbers.csv").write_text("half")

    with opened(tmp_path / "it", two) as services:
        assert len(a_pass(services, Here(between=die)).took) == 2
    assert not left.exists()


def test_another_process_may_take_some_of_the_drops(tmp_path):
    ran = itertools.count()

    with opened(tmp_path / "it", tangle) as services, opened(tmp_path / "it", tangle) as other:

        def meddle(work):
            if work is worker_tasks.prepare_block and next(ran) == 1:
                meddle.took = pipeline.take_inbox(other).took

        took = a_pass(services, Here(between=meddle)).took
        both = sorted(t.drop for t in (*took, *meddle.took))
        with services.ledger.read() as conn:
            assert list_pending_drops(conn) == []
    assert both == [f"d{place:02d}" for place in range(DROPS)]
    assert took
    assert meddle.took


def test_a_drop_that_changes_meanwhile_is_looked_at_anew(tmp_path):
    def change(work):
        if work is worker_tasks.prepare_block:
            (tmp_path / "it/inbox/acme-bank/a/numbers.csv").write_text("5012149027,Survey\n")

    with opened(tmp_path / "it", two) as services:
        assert [t.drop for t in a_pass(services, Here(between=change)).took] == ["b"]
        assert [t.judgment.counts.read for t in a_pass(services, Here()).took] == [1]


@pytest.mark.parametrize("length", [1e-9, 0.3])
def test_what_could_not_be_taken_holds_later_drops_of_its_program_back(tmp_path, monkeypatch, length):
    monkeypatch.setattr(parallel_pass, "BLOCK", length)
    with opened(tmp_path / "it", three) as services:
        with monkeypatch.context() as failing:
            for module in (worker_tasks, drop):
                copy = partial(_unless_a, module.archive_drop)
                failing.setattr(module, "archive_drop", copy)
            assert [t.drop for t in a_pass(services, Here()).took] == ["b"]
        assert [t.drop for t in a_pass(services, Here()).took] == ["a", "c"]


def _unless_a(copy, inbox, archive, sighting, **more):
    if sighting.name == "a":
        raise StoreError("'a/numbers.csv': Input/output error")
    return copy(inbox, archive, sighting, **more)


def test_stopping_ends_after_what_is_under_way_and_gives_the_rest_back(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel_pass, "BLOCK", 1e-9)
    asked = itertools.count()
    with opened(tmp_path / "it", tangle) as services:
        took = a_pass(services, Here(), stop=lambda: next(asked) >= 3).took
        assert len(took) == 3
        assert len(a_pass(services, Here()).took) == DROPS - 3


def test_processes_of_this_machine_make_the_same_byte_for_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "WORTH", 0)
    monkeypatch.setattr(parallel_pass, "BLOCK", 1e-9)
    with opened(tmp_path / "one", tangle) as services:
        plain = a_pass(services)
        expected = outcome(tmp_path / "one", services)
    with opened(tmp_path / "two", tangle) as services, open_workers("local") as workers:
        spread = a_pass(services, workers)
        found = outcome(tmp_path / "two", services)
        assert workers.reached
    assert spread.counts() == plain.counts()
    assert found == expected


def test_a_process_that_is_killed_ends_the_pass_in_one_line_and_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "WORTH", 0)
    with opened(tmp_path / "it", tangle) as services:
        with pytest.raises(LaunchdropError, match=r"^a process of this pass was killed; was there enough memory"):
            lose_a_process(services)
        assert len(a_pass(services).took) == DROPS


def lose_a_process(services):
    with open_workers("local") as workers:
        os.kill(workers.executor().submit(os.getpid).result(), signal.SIGKILL)
        a_pass(services, workers)


@pytest.mark.parametrize("runner", ["local", "dask"])
def test_small_passes_stay_here(tmp_path, runner):
    with opened(tmp_path / "it", two, task_runner=runner) as services, open_workers(runner) as workers:
        assert len(a_pass(services, workers).took) == 2
        assert not workers.reached


def test_workers_get_no_secrets_and_places_that_hold_in_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    secret = {
        "http_url": "https://x.example",
        "http_secret": "whsec_c2VjcmV0IG9mIHRoZSBjYXJyaWVy",
        "smtp_password": "hidden",
    }
    settings = Settings(carrier="http", ledger="sqlite:///ledger.db", **secret)
    with open_services(settings) as services:
        sent = worker_tasks.terms_of(services).settings
    assert b"hidden" not in pickle.dumps(sent)
    assert b"whsec_c2Vj" not in pickle.dumps(sent)
    assert (sent.inbox, sent.ledger) == (f"{tmp_path}/inbox", f"sqlite:///{tmp_path}/ledger.db")


def test_a_worker_of_another_kind_is_refused_in_one_line(tmp_path):
    listed = tmp_path / "dno.txt"
    listed.write_text("5012149020\n")
    with opened(tmp_path / "it", two, do_not_originate=listed) as services:
        terms = worker_tasks.terms_of(services)
        with pytest.raises(LaunchdropError, match=r"^a Dask worker runs launchdrop .*, not 0\.0: restart the workers"):
            worker_tasks.prepare_block(replace(terms, launchdrop="0.0"), [])
        listed.write_text("5012149021\n")
        with pytest.raises(LaunchdropError, match=r"^a Dask worker has another do-not-originate list"):
            worker_tasks.prepare_block(terms, [])


def test_a_scheduler_that_is_not_there_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(dask_cluster, "PATIENCE", 1)
    with (
        pytest.raises(
            LaunchdropError, match=r"^LAUNCHDROP_TASK_RUNNER: no Dask workers at tcp://127.0.0.1:9: "
        ) as told,
        open_workers("tcp://127.0.0.1:9") as workers,
    ):
        assert workers.workers
    assert "\n" not in str(told.value)


def test_a_flow_goes_along_with_its_work():
    """A worker loads a deployment's flow from its file, under a name that no other process can import: by its value."""
    cloudpickle.register_pickle_by_value(intake_flow)
    try:
        assert cloudpickle.loads(cloudpickle.dumps(intake_flow.intake)).name == "intake"
    finally:
        cloudpickle.unregister_pickle_by_value(intake_flow)
