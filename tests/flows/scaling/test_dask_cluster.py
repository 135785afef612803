"""Passes on a real Dask cluster: the same bytes as in one process, even if workers are killed in the middle."""

import importlib.metadata
import os
import random
import signal
import threading
import time

import cloudpickle
import pytest
from distributed import Client, LocalCluster

from flows.errors import LaunchdropError
from flows.scaling import dask_cluster, parallel_pass
from flows.scaling.opening import open_workers
from schemas.rows import first_pass
from tests.flows.sample_drops import write_drop
from tests.flows.scaling.compared_passes import open_copy, read_outcome, run_intake

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore:.*:ResourceWarning")]

DROPS, ROWS = 30, 400


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as made:
        yield made


@pytest.fixture(autouse=True)
def always_worth_it(monkeypatch):
    monkeypatch.setattr(dask_cluster, "MIN_SECONDS_FOR_RUNNING_CLUSTER", 0)
    monkeypatch.setattr(parallel_pass, "BLOCK_SECONDS", 0.2)


def many_drops(inbox):
    for place in range(DROPS):
        first = 5012000000 + 10_000 * (place % 7) + place
        rows = "".join(f"{first + n},{'Survey' if n % 9 else 'Marketing'}\n" for n in range(ROWS))
        write_drop(inbox, f"acme-bank/d{place:02d}", rows, reference=f"r{place % 20}")


@pytest.fixture(scope="module")
def one_process(tmp_path_factory):
    root = tmp_path_factory.mktemp("one-process")
    with open_copy(root / "it", many_drops) as services:
        run_intake(services)
        return read_outcome(root / "it", services), root / "drops"


def test_two_workers_have_the_same_outcome_as_one_process(cluster, one_process, tmp_path):
    expected, drops = one_process
    (tmp_path / "drops").symlink_to(drops)
    with open_copy(tmp_path / "it", many_drops) as services, open_workers(cluster.scheduler_address) as workers:
        assert workers.count == 2
        run_intake(services, workers)
        assert read_outcome(tmp_path / "it", services) == expected
    with Client(cluster) as client:
        assert len(client.run(os.getpid)) == 2  # it keeps running


def drops_with_a_large_one(inbox):
    many_drops(inbox)
    folder = inbox / "acme-bank/d15"
    rows = (f"{5013000000 + n % 40_000},{'Survey' if n % 9 else ZEBRA}\n" for n in range(60_000))
    (folder / "numbers.csv").write_text("".join(rows))


ZEBRA = '"Zebra\n crossing"'


def test_a_large_drop_is_divided_among_the_workers(cluster, tmp_path, monkeypatch):
    with open_copy(tmp_path / "one", drops_with_a_large_one) as services:
        run_intake(services)
        expected = read_outcome(tmp_path / "one", services)
    monkeypatch.setattr(parallel_pass, "LARGE_DROP_BYTES", 1 << 20)
    monkeypatch.setattr(first_pass, "MIN_BYTES_FOR_WORKERS", 0)
    monkeypatch.setattr(first_pass, "RANGE_BYTES", 100_000)
    ranges = []
    plain = first_pass.split_into_ranges
    monkeypatch.setattr(
        first_pass, "split_into_ranges", lambda *a, **k: (ranges.append(part) or part for part in plain(*a, **k))
    )
    with (
        open_copy(tmp_path / "two", drops_with_a_large_one) as services,
        open_workers(cluster.scheduler_address) as workers,
    ):
        run_intake(services, workers)
        assert read_outcome(tmp_path / "two", services) == expected
    assert len(ranges) == 2


def test_workers_that_are_killed_cost_a_retry_but_change_no_result(cluster, one_process, tmp_path):
    expected, drops = one_process
    (tmp_path / "drops").symlink_to(drops)
    done, killed, dice = threading.Event(), [], random.Random(3)

    def kill():
        """Kill one of two workers, three times. After four deaths Dask would give up on the same work."""
        with Client(cluster) as client:
            while len(killed) < 3 and not done.wait(dice.uniform(0.2, 0.8)):
                pids = [pid for pid in client.run(os.getpid, on_error="ignore").values() if isinstance(pid, int)]
                if len(pids) == 2:
                    killed.append(dice.choice(pids))
                    os.kill(killed[-1], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    with open_copy(tmp_path / "it", many_drops) as services, open_workers(cluster.scheduler_address) as workers:
        assert workers.count
        killer.start()
        try:
            taken = run_intake(services, workers).taken
        finally:
            done.set()
            killer.join()
        files, tables = read_outcome(tmp_path / "it", services)
    assert [name for name in sorted(files.keys() | expected[0]) if files.get(name) != expected[0].get(name)] == []
    assert tables == expected[1]
    assert len(taken) == DROPS
    assert killed


@pytest.fixture
def dying_cluster(monkeypatch):
    """A cluster for a test to break."""
    monkeypatch.setattr(dask_cluster, "MAX_SECONDS_WITHOUT_WORKERS", 1.0)
    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as made:
        yield made


def submit_and_stop_all_workers(cluster):
    with open_workers(cluster.scheduler_address) as workers:
        work = workers.submit(time.sleep, 600, name="wait")
        cluster.scale(0)
        work.result()


def test_a_pass_ends_when_all_workers_are_gone(dying_cluster):
    began = time.monotonic()
    with pytest.raises(
        LaunchdropError, match=r"^all Dask workers died, or their scheduler did; .*The next pass takes what is left$"
    ):
        submit_and_stop_all_workers(dying_cluster)
    assert time.monotonic() - began < 60


def test_a_worker_of_another_version_is_refused_before_it_gets_work(dying_cluster):
    def pretend():
        importlib.metadata.version = lambda _: "0.0.1"

    with Client(dying_cluster) as client:
        client.run(pretend)
    message = r"^a Dask worker runs launchdrop 0\.0\.1, not .*: restart the workers"
    with pytest.raises(LaunchdropError, match=message), open_workers(dying_cluster.scheduler_address) as workers:
        assert workers.count


def kill_worker():
    os.kill(os.getpid(), signal.SIGKILL)


def test_work_that_kills_every_worker_is_reported_with_one_line(cluster):
    # On a busy machine, the cluster may take longer to start new workers than a pass waits for one.
    with (
        pytest.raises(LaunchdropError, match=r"^(4 Dask workers died over the same work|all Dask workers died, )"),
        open_workers(cluster.scheduler_address) as workers,
    ):
        workers.submit(kill_worker, name="kill worker").result()


def convert_number():
    raise ValueError("cannot convert (501) 214-9020")


def test_a_recorded_task_masks_phone_numbers_in_its_errors():
    task = dask_cluster._make_task(convert_number, "convert number")
    on_worker = cloudpickle.loads(cloudpickle.dumps(task))
    with pytest.raises(LaunchdropError, match=r"^ValueError: cannot convert \+1501•••9020$"):
        on_worker.fn()
