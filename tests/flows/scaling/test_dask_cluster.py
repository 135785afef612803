"""Passes over a real Dask cluster that stands: the same bytes as alone, also where workers are killed in the middle."""

import importlib.metadata
import os
import random
import signal
import threading
import time

import pytest
from distributed import Client, LocalCluster

from flows.errors import LaunchdropError
from flows.scaling import dask_cluster, parallel_pass
from flows.scaling.opening import open_workers
from schemas.rows import first_pass
from tests.flows.sample_drops import write
from tests.flows.scaling.compared_passes import a_pass, opened, outcome

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore:.*:ResourceWarning")]

DROPS, ROWS = 30, 400


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as made:
        yield made


@pytest.fixture(autouse=True)
def worth_it(monkeypatch):
    monkeypatch.setattr(dask_cluster, "WORTH_A_CALL", 0)
    monkeypatch.setattr(parallel_pass, "BLOCK", 0.2)


def many(inbox):
    for place in range(DROPS):
        first = 5012000000 + 10_000 * (place % 7) + place
        rows = "".join(f"{first + n},{'Survey' if n % 9 else 'Marketing'}\n" for n in range(ROWS))
        write(inbox, f"acme-bank/d{place:02d}", rows, reference=f"r{place % 20}")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    root = tmp_path_factory.mktemp("alone")
    with opened(root / "it", many) as services:
        a_pass(services)
        return outcome(root / "it", services), root / "drops"


def test_two_workers_make_what_one_process_makes(cluster, alone, tmp_path):
    expected, drops = alone
    (tmp_path / "drops").symlink_to(drops)
    with opened(tmp_path / "it", many) as services, open_workers(cluster.scheduler_address) as workers:
        assert workers.workers == 2
        a_pass(services, workers)
        assert outcome(tmp_path / "it", services) == expected
    with Client(cluster) as client:
        assert len(client.run(os.getpid)) == 2  # it stands on


def one_large(inbox):
    many(inbox)
    folder = inbox / "acme-bank/d15"
    rows = (f"{5013000000 + n % 40_000},{'Survey' if n % 9 else ZEBRA}\n" for n in range(60_000))
    (folder / "numbers.csv").write_text("".join(rows))


ZEBRA = '"Zebra\n crossing"'


def test_a_large_drop_is_divided_among_the_workers(cluster, tmp_path, monkeypatch):
    with opened(tmp_path / "one", one_large) as services:
        a_pass(services)
        expected = outcome(tmp_path / "one", services)
    monkeypatch.setattr(parallel_pass, "LARGE", 1 << 20)
    monkeypatch.setattr(first_pass, "MIN_BYTES_FOR_WORKERS", 0)
    monkeypatch.setattr(first_pass, "RANGE_BYTES", 100_000)
    ranges = []
    plain = first_pass.split_into_ranges
    monkeypatch.setattr(
        first_pass, "split_into_ranges", lambda *a, **k: (ranges.append(part) or part for part in plain(*a, **k))
    )
    with opened(tmp_path / "two", one_large) as services, open_workers(cluster.scheduler_address) as workers:
        a_pass(services, workers)
        assert outcome(tmp_path / "two", services) == expected
    assert len(ranges) == 2


def test_workers_killed_in_the_middle_cost_a_retry_not_a_result(cluster, alone, tmp_path):
    expected, drops = alone
    (tmp_path / "drops").symlink_to(drops)
    over, killed, dice = threading.Event(), [], random.Random(3)

    def kill():
        """Three times, each time one of two that work: the same work is given up when it has killed four."""
        with Client(cluster) as client:
            while len(killed) < 3 and not over.wait(dice.uniform(0.2, 0.8)):
                working = [pid for pid in client.run(os.getpid, on_error="ignore").values() if isinstance(pid, int)]
                if len(working) == 2:
                    killed.append(dice.choice(working))
                    os.kill(killed[-1], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    with opened(tmp_path / "it", many) as services, open_workers(cluster.scheduler_address) as workers:
        assert workers.workers
        killer.start()
        try:
            took = a_pass(services, workers).took
        finally:
            over.set()
            killer.join()
        files, tables = outcome(tmp_path / "it", services)
    assert [name for name in sorted(files.keys() | expected[0]) if files.get(name) != expected[0].get(name)] == []
    assert tables == expected[1]
    assert len(took) == DROPS
    assert killed


@pytest.fixture
def dying(monkeypatch):
    """A cluster to be taken down."""
    monkeypatch.setattr(dask_cluster, "ALONE", 1.0)
    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as made:
        yield made


def left_alone(cluster):
    with open_workers(cluster.scheduler_address) as workers:
        work = workers.submit(time.sleep, 600, name="wait")
        cluster.scale(0)
        work.result()


def test_a_pass_ends_when_all_workers_are_gone(dying):
    begun = time.monotonic()
    with pytest.raises(
        LaunchdropError, match=r"^all Dask workers died, or their scheduler did; .*taken by the next pass$"
    ):
        left_alone(dying)
    assert time.monotonic() - begun < 60


def test_a_worker_of_another_version_is_refused_before_it_is_given_anything(dying):
    def pretend():
        importlib.metadata.version = lambda _: "0.0.1"

    with Client(dying) as client:
        client.run(pretend)
    told = r"^a Dask worker runs launchdrop 0\.0\.1, not .*: restart the workers"
    with pytest.raises(LaunchdropError, match=told), open_workers(dying.scheduler_address) as workers:
        assert workers.workers


def give_up():
    os.kill(os.getpid(), signal.SIGKILL)


def test_work_that_kills_every_worker_is_told_in_one_line(cluster):
    with (
        pytest.raises(LaunchdropError, match="4 Dask workers died over the same work"),
        open_workers(cluster.scheduler_address) as crew_,
    ):
        crew_.submit(give_up, name="give up").result()
