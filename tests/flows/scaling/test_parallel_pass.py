"""A pass on workers: the ledger and every file come out as if one process had taken the same drops."""

import importlib
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
from flows.archive.submissions import _staging_name
from flows.arrival import turns
from flows.arrival.completeness import SettledDrop
from flows.arrival.scan import find_arrivals
from flows.errors import LaunchdropError
from flows.ledger.core.outbox import OutboxEntry
from flows.publishing.outbox import WriteResult
from flows.registration import drop
from flows.scaling import dask_cluster, parallel_pass, processes, worker_tasks
from flows.scaling.opening import open_workers
from flows.services import open_services
from flows.settings import Settings
from flows.stores import StoreError
from tests.flows.inbox_world import list_pending_drops
from tests.flows.sample_drops import ROOT, write_drop
from tests.flows.scaling.compared_passes import CLOCK, open_copy, read_outcome, run_intake

#: How many conflicting drops there are.
DROPS = 20


@pytest.fixture(autouse=True)
def _no_work_by_the_clock(monkeypatch):
    """What a pass does every few seconds (looks at the inbox, early pages) depends on how fast this machine is."""
    monkeypatch.setattr(turns, "LOOK_SECONDS", 3600)
    monkeypatch.setattr(parallel_pass, "PAGES_INTERVAL", 3600)
    monkeypatch.setattr(pipeline, "PAGES_INTERVAL", 3600)


class InProcessWorkers:
    """Workers in this process. Work and results are pickled as if they were sent. `before_work` may interfere.

    Blocks are registered as late as possible, so that everything that can change in between does.
    """

    started = True

    def __init__(self, count=2, before_work=lambda work: None):
        self.count, self.before_work, self.done = count, before_work, []

    def is_worthwhile_for(self, seconds):
        return True

    def start(self):
        pass

    def submit(self, work, *arguments, after=(), name):
        submitted = Submitted(self, work, arguments, after)
        if work is not worker_tasks.register_block:
            submitted.result()
        return submitted


class Submitted:
    def __init__(self, workers, work, arguments, after):
        self.workers, self.work, self.arguments, self.after = workers, work, arguments, after

    def result(self):
        if self.work is not None:
            arguments = [*self.arguments, *(earlier.result() for earlier in self.after)]
            self.workers.before_work(self.work)
            self.workers.done.append(self.work.__name__)
            self.value = self.work(*pickle.loads(pickle.dumps(arguments)))
            self.work = None
        return pickle.loads(pickle.dumps(self.value))


ZENITH = {"business_unit": "Reminders", "display_name": "{display: Zenith Health, shorthand: Zenith}"}


def conflicting_drops(inbox):
    """Good and bad drops that share numbers, programs, contents and business units."""
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
        write_drop(inbox, f"{business}/d{place:02d}", "".join(rows), **(more | changes))


def sample_drops(inbox):
    shutil.copytree(ROOT / "inbox", inbox, dirs_exist_ok=True)


@pytest.mark.parametrize(
    ("write_drops", "seconds"), [(conflicting_drops, 1e-9), (conflicting_drops, 0.3), (sample_drops, 0.3)]
)
def test_a_pass_on_workers_has_the_same_outcome_byte_for_byte(tmp_path, monkeypatch, write_drops, seconds):
    monkeypatch.setattr(parallel_pass, "BLOCK_SECONDS", seconds)
    with open_copy(tmp_path / "one", write_drops) as services:
        sequential = run_intake(services)
        expected = read_outcome(tmp_path / "one", services)
    with open_copy(tmp_path / "two", write_drops) as services:
        workers = InProcessWorkers()
        parallel = run_intake(services, workers)
        found = read_outcome(tmp_path / "two", services)
    assert {"prepare_block", "register_block", "write_entries"} == set(workers.done)
    assert parallel.counts() == sequential.counts()
    assert [(t.drop, t.registered) for t in parallel.taken] == [(t.drop, t.registered) for t in sequential.taken]
    assert found == expected


def two_drops(inbox):
    write_drop(inbox, "acme-bank/a", "5012149020,Survey\n5012149021,Survey\n", reference="a")
    write_drop(inbox, "zenith-health/b", "5012149020,Survey\n5012149030,Survey\n", reference="b", **ZENITH)


def three_drops(inbox):
    """The last one is of the first one's program, and so prepared and registered in one step."""
    two_drops(inbox)
    write_drop(inbox, "acme-bank/c", "5012149040,Survey\n", reference="a")


def test_a_drop_is_judged_again_if_the_ledger_changed_since(tmp_path, monkeypatch):
    judged = []
    plain = worker_tasks.judge_early
    monkeypatch.setattr(worker_tasks, "judge_early", lambda *a, **k: judged.append(plain(*a, **k)) or judged[-1])
    with open_copy(tmp_path / "it", two_drops) as services:
        taken = run_intake(services, InProcessWorkers()).taken
    assert [early.judgment.verdict for early in judged] == ["accepted", "accepted"]
    assert [t.judgment.verdict for t in taken] == ["accepted", "accepted_with_rejections"]


def test_a_block_that_another_worker_repeats_has_the_same_results(tmp_path):
    """Dask repeats the work of a dead worker, even if it was registered. It must not be judged against itself."""
    with open_copy(tmp_path / "it", three_drops) as services:
        found = find_arrivals(pipeline.make_inbox(services), clock=CLOCK, sleep=lambda _: None)
        pipeline.seed_businesses(services)
        leases = parallel_pass.DropLeases(services.ledger, clock=CLOCK, length=services.settings.lease)
        settled = [worker_tasks.QueuedDrop(sighting=o.sighting) for o in found if isinstance(o, SettledDrop)]
        queued = parallel_pass.claim_block(leases, settled, set())
        setup = worker_tasks.make_worker_setup(services)
        once = worker_tasks.register_block(setup, None, worker_tasks.prepare_block(setup, queued))
        expected = read_outcome(tmp_path / "it", services)
        again = worker_tasks.register_block(setup, None, worker_tasks.prepare_block(setup, queued))
        assert read_outcome(tmp_path / "it", services) == expected
    assert len(once) == 3
    assert [(t.drop, t.registered.submission) for t in once] == [(t.drop, t.registered.submission) for t in again]
    assert [t.judgment.counts for t in once] == [t.judgment.counts for t in again]


def test_what_a_failed_attempt_left_half_copied_is_removed(tmp_path):
    left = tmp_path / f"it/archive/acme-bank/.aside/{_staging_name('a', 1)}.dead"

    def die(work):
        if work is worker_tasks.prepare_block and not left.exists():
            left.mkdir(parents=True)
            (left / "numbers.csv").write_text("half")

    with open_copy(tmp_path / "it", two_drops) as services:
        assert len(run_intake(services, InProcessWorkers(before_work=die)).taken) == 2
    assert not left.exists()


def test_another_process_can_take_some_of_the_drops(tmp_path):
    calls = itertools.count()

    with (
        open_copy(tmp_path / "it", conflicting_drops) as services,
        open_copy(tmp_path / "it", conflicting_drops) as other,
    ):

        def interfere(work):
            if work is worker_tasks.prepare_block and next(calls) == 1:
                interfere.taken = pipeline.take_inbox(other).taken

        taken = run_intake(services, InProcessWorkers(before_work=interfere)).taken
        both = sorted(t.drop for t in (*taken, *interfere.taken))
        with services.ledger.read() as conn:
            assert list_pending_drops(conn) == []
    assert both == [f"d{place:02d}" for place in range(DROPS)]
    assert taken
    assert interfere.taken


def test_a_drop_that_changes_while_it_is_prepared_is_scanned_again(tmp_path):
    def change(work):
        if work is worker_tasks.prepare_block:
            (tmp_path / "it/inbox/acme-bank/a/numbers.csv").write_text("5012149027,Survey\n")

    with open_copy(tmp_path / "it", two_drops) as services:
        assert [t.drop for t in run_intake(services, InProcessWorkers(before_work=change)).taken] == ["b"]
        assert [t.judgment.counts.read for t in run_intake(services, InProcessWorkers()).taken] == [1]


@pytest.mark.parametrize("seconds", [1e-9, 0.3])
def test_a_drop_that_could_not_be_taken_blocks_later_drops_of_its_program(tmp_path, monkeypatch, seconds):
    monkeypatch.setattr(parallel_pass, "BLOCK_SECONDS", seconds)
    with open_copy(tmp_path / "it", three_drops) as services:
        with monkeypatch.context() as failing:
            for module in (worker_tasks, drop):
                copy = partial(_unless_a, module.archive_drop)
                failing.setattr(module, "archive_drop", copy)
            assert [t.drop for t in run_intake(services, InProcessWorkers()).taken] == ["b"]
        assert [t.drop for t in run_intake(services, InProcessWorkers()).taken] == ["a", "c"]


def _unless_a(copy, inbox, archive, sighting, **more):
    if sighting.name == "a":
        raise StoreError("'a/numbers.csv': Input/output error")
    return copy(inbox, archive, sighting, **more)


def test_a_stop_finishes_blocks_in_progress_and_releases_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel_pass, "BLOCK_SECONDS", 1e-9)
    asked = itertools.count()
    with open_copy(tmp_path / "it", conflicting_drops) as services:
        taken = run_intake(services, InProcessWorkers(), stop=lambda: next(asked) >= 3).taken
        assert len(taken) == 3
        assert len(run_intake(services, InProcessWorkers()).taken) == DROPS - 3


def test_processes_of_this_machine_have_the_same_outcome_byte_for_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "MIN_SECONDS_FOR_PROCESSES", 0)
    monkeypatch.setattr(parallel_pass, "BLOCK_SECONDS", 1e-9)
    with open_copy(tmp_path / "one", conflicting_drops) as services:
        sequential = run_intake(services)
        expected = read_outcome(tmp_path / "one", services)
    with open_copy(tmp_path / "two", conflicting_drops) as services, open_workers("local") as workers:
        parallel = run_intake(services, workers)
        found = read_outcome(tmp_path / "two", services)
        assert workers.started
    assert parallel.counts() == sequential.counts()
    assert found == expected


def test_a_process_that_is_killed_ends_the_pass_with_one_line_and_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "MIN_SECONDS_FOR_PROCESSES", 0)
    with open_copy(tmp_path / "it", conflicting_drops) as services:
        with pytest.raises(LaunchdropError, match=r"^a process of this pass was killed; was there enough memory"):
            run_intake_and_kill_a_process(services)
        assert len(run_intake(services).taken) == DROPS


def run_intake_and_kill_a_process(services):
    with open_workers("local") as workers:
        os.kill(workers.executor().submit(os.getpid).result(), signal.SIGKILL)
        run_intake(services, workers)


@pytest.mark.parametrize("runner", ["local", "dask"])
def test_small_passes_start_no_workers(tmp_path, runner):
    with open_copy(tmp_path / "it", two_drops, task_runner=runner) as services, open_workers(runner) as workers:
        assert len(run_intake(services, workers).taken) == 2
        assert not workers.started


def test_workers_get_no_secrets_and_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    secret = {
        "http_url": "https://x.example",
        "http_secret": "whsec_c2VjcmV0IG9mIHRoZSBjYXJyaWVy",
        "smtp_password": "hidden",
    }
    settings = Settings(carrier="http", ledger="sqlite:///ledger.db", **secret)
    with open_services(settings) as services:
        sent = worker_tasks.make_worker_setup(services).settings
    assert b"hidden" not in pickle.dumps(sent)
    assert b"whsec_c2Vj" not in pickle.dumps(sent)
    assert (sent.inbox, sent.ledger) == (f"{tmp_path}/inbox", f"sqlite:///{tmp_path}/ledger.db")


def test_a_worker_with_another_version_or_list_is_refused_with_one_line(tmp_path):
    listed, codes = tmp_path / "dno.txt", tmp_path / "codes.csv"
    listed.write_text("5012149020\n")
    codes.write_text("271,US\n")
    with open_copy(tmp_path / "it", two_drops, do_not_originate=listed, area_codes=codes) as services:
        setup = worker_tasks.make_worker_setup(services)
        with pytest.raises(LaunchdropError, match=r"^a Dask worker runs launchdrop .*, not 0\.0: restart the workers"):
            worker_tasks.prepare_block(replace(setup, launchdrop="0.0"), [])
        codes.write_text("275,US\n")
        with pytest.raises(LaunchdropError, match=r"^a Dask worker has another list of area codes"):
            worker_tasks.prepare_block(setup, [])
        codes.write_text("271,US\n")
        listed.write_text("5012149021\n")
        with pytest.raises(LaunchdropError, match=r"^a Dask worker has another do-not-originate list"):
            worker_tasks.prepare_block(setup, [])


def test_a_missing_scheduler_is_reported_with_one_line(monkeypatch):
    monkeypatch.setattr(dask_cluster, "CONNECT_TIMEOUT", 1)
    with (
        pytest.raises(
            LaunchdropError, match=r"^LAUNCHDROP_TASK_RUNNER: no Dask workers at tcp://127.0.0.1:9: "
        ) as error,
        open_workers("tcp://127.0.0.1:9") as workers,
    ):
        assert workers.count
    assert "\n" not in str(error.value)


def test_a_flow_can_be_pickled_with_its_work():
    """Prefect loads a deployment's flow under a name that workers cannot import, so they get it by value."""
    cloudpickle.register_pickle_by_value(intake_flow)
    try:
        assert cloudpickle.loads(cloudpickle.dumps(intake_flow.intake)).name == "intake"
    finally:
        cloudpickle.unregister_pickle_by_value(intake_flow)


def test_the_modules_that_processes_preload_exist():
    """multiprocessing ignores one that cannot be imported."""
    for module in processes.PRELOADED:
        importlib.import_module(module)


def test_all_reports_are_written_before_the_receipts_whoever_has_the_first_turn(monkeypatch):
    kinds = []
    monkeypatch.setattr(parallel_pass, "_write_kind", lambda _w, _s, part: kinds.append(part[0].kind) or WriteResult())
    files = ("receipt", "acme-bank"), ("report", "zenith-health"), ("receipt", "zenith-health")
    entries = [OutboxEntry(kind=kind, business=business, key="a", stamp=1) for kind, business in files]
    parallel_pass.write_in_parallel(InProcessWorkers(), None, entries)
    assert kinds == ["report", "receipt"]
