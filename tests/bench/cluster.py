"""Parallel work: many drops and one large file with Dask workers, and registering a million numbers in each database.

The workers are already running, started as flows/operations/README.md says, and have imported their code. Many drops
are taken in five rounds; in each round, zero, one and two workers take turns. Results are medians of the seconds and of
the rounds' ratios.
"""

import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import dask
import numpy as np
from distributed import Client, LocalCluster
from sqlalchemy import create_engine, text

from flows.ledger.core.engine import Ledger
from flows.ledger.programs.businesses import record_businesses
from flows.ledger.programs.register import register_submission
from flows.scaling.dask_cluster import DASK_CONFIG
from flows.validation.early_judgment import AcceptedNumbers
from tests.bench import generate
from tests.bench.cpu_times import time_drop_parts, time_row_parts
from tests.bench.measurement import (
    LAUNCHDROP,
    Measurement,
    MemoryPeak,
    measure_command,
    median_of,
    median_of_rounds,
    run_rounds,
)
from tests.bench.sample_ledger import BUSINESS, MANIFEST, judge_program
from tests.bench.sandbox import has_receipt, make_home, write_drop
from tests.flows.ledger.postgres import find_postgres_binaries, running_postgres

LIBRARIES = ("dask", "distributed", "prefect-dask", "sqlalchemy", "psycopg")

#: Seconds between memory samples of a pass. With both cores busy, sampling more often would slow the workers down.
SAMPLE_SECONDS = 0.2

HEAD = ["| measured | result | required | goal |", "| --- | --- | --- | --- |"]


def run(place: Path, *, quick: bool) -> list[str]:
    """The lines of the section."""
    share = 10 if quick else 1
    return [
        "",
        *HEAD,
        *measure_many_drops(place / "drops", 1000 // share, 2000),
        *measure_one_file(place / "file", 10_000_000 // share),
        *measure_registrations(place, 1_000_000 // share),
        *measure_cpu_times(place / "shares", 1_000_000 // share),
    ]


def measure_cpu_times(place: Path, rows: int) -> list[str]:
    """The CPU time of each part of a pass."""
    drops = time_drop_parts(place / "home", 100, 2000)
    numbers = place / "numbers.csv"
    generate.write_numbers_file(numbers, rows, 0.02)
    parts = time_row_parts(numbers)
    per_drop = ", ".join(f"{name} {took * 10:.0f} ms" for name, took in drops.items())
    per_row = ", ".join(f"{name} {took:.2f} s" for name, took in parts.items())
    return [
        f"| a drop of 2,000 rows, CPU time | {per_drop} | | |",
        f"| {rows:,} rows, CPU time | {per_row} | | |",
    ]


def measure_many_drops(place: Path, count: int, rows: int) -> list[str]:
    """One pass over many drops of different programs."""
    inbox = make_home(place / "drops")
    for number in range(count):
        write_drop(inbox, f"drop-{number}", rows=rows, owner=number)
    found = run_rounds({workers: partial(measure_pass, place, inbox, workers) for workers in (0, 1, 2)}, 5)
    faster = statistics.median(one.seconds / two.seconds for one, two in zip(found[1], found[2], strict=True))
    what = f"{count:,} drops of {rows:,} rows"
    return [
        f"| {what}, `local`: one process per core | {format_measurement(median_of(found[0]))} | | |",
        f"| the same, one Dask worker | {format_measurement(median_of(found[1]))} | | |",
        f"| the same, two Dask workers | {format_measurement(median_of(found[2]))}, {faster:.2f}x one worker "
        "| 1.6x | |",
    ]


def measure_one_file(place: Path, rows: int) -> list[str]:
    """One drop with one large file."""
    inbox = make_home(place / "drops")
    write_drop(inbox, "drop-0", rows=rows)
    found = median_of_rounds({workers: partial(measure_pass, place, inbox, workers) for workers in (0, 1, 2)}, 1)
    faster = found[1].seconds / found[2].seconds
    return [
        f"| one file of {rows:,} rows, `local` | {format_measurement(found[0])} | | |",
        f"| the same, one Dask worker | {format_measurement(found[1])} | | |",
        f"| the same, two Dask workers | {format_measurement(found[2])}, {faster:.2f}x one worker | | |",
    ]


def format_measurement(measured: Measurement) -> str:
    """`1.5 s, 300 MB`."""
    return f"{measured.seconds:.1f} s, {measured.memory:,.0f} MB"


def measure_pass(place: Path, inbox: Path, workers: int) -> Measurement:
    """Measure `launchdrop run` over a copy of the inbox with this many workers; memory includes all processes.

    The copy is not deleted before the end: ext4 without a journal creates files slowly after many were deleted.
    """
    home = Path(tempfile.mkdtemp(dir=place))
    shutil.copytree(inbox, home / "inbox")
    with dask_cluster(workers) as (address, pids), watch_memory(pids, every=SAMPLE_SECONDS) as peak:
        env = {"LAUNCHDROP_TASK_RUNNER": address}
        took = measure_command([LAUNCHDROP, "run"], cwd=home, env=env, every=SAMPLE_SECONDS)
    if not has_receipt(home, "drop-0"):
        raise RuntimeError("the pass took no drop")
    return Measurement(took.seconds, took.memory + peak.memory)


@contextmanager
def dask_cluster(workers: int) -> Iterator[tuple[str, list[int]]]:
    """Start a cluster with this many workers, which have imported their code. Yields its address and the workers' pids.

    With 0 workers, yields "local".
    """
    if workers == 0:
        yield "local", []
        return
    local_only = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with dask.config.set(DASK_CONFIG), LocalCluster(n_workers=workers, **local_only) as made:
        with Client(made) as client:
            pids = list(client.run(import_worker_code).values())
        yield made.scheduler_address, pids


def import_worker_code() -> int:
    """Import what a worker needs. Returns the worker's pid."""
    import flows.scaling.worker_tasks
    import reports.report_page
    import schemas.rows.first_pass
    import schemas.rows.judging.cross_row_checks
    import schemas.rows.second_pass

    assert all(
        (
            flows.scaling.worker_tasks,
            reports.report_page,
            schemas.rows.judging.cross_row_checks,
            schemas.rows.first_pass,
            schemas.rows.second_pass,
        )
    )
    return os.getpid()


@contextmanager
def watch_memory(pids: list[int], every: float = 0.02) -> Iterator[MemoryPeak]:
    """Track the peak memory of these processes together, sampled every `every` seconds."""
    peak = MemoryPeak(pids)
    finished = threading.Event()

    def sample_until_finished() -> None:
        while not finished.wait(every):
            peak.sample()

    thread = threading.Thread(target=sample_until_finished)
    thread.start()
    try:
        yield peak
    finally:
        finished.set()
        thread.join()


def measure_registrations(place: Path, count: int) -> list[str]:
    """Register a submission with this many new numbers in one transaction, in each database."""
    numbers = np.random.default_rng(1).permutation(np.arange(5_012_000_000, 5_012_000_000 + 3 * count, 3))
    found = {"SQLite": measure_registration(f"sqlite:///{place}/ledger.db", numbers)}
    if find_postgres_binaries() is not None:
        with running_postgres() as url:
            admin = create_engine(url.format("postgres"), isolation_level="AUTOCOMMIT")
            with admin.connect() as conn:
                conn.execute(text("create database bench"))
            admin.dispose()
            found["PostgreSQL"] = measure_registration(url.format("bench"), numbers)
    limits = {"SQLite": (20, 6.7), "PostgreSQL": (30, 10)}
    return [
        f"| {count:,} numbers registered, {name} | {format_measurement(took)} "
        f"| {limits[name][0]} s | {limits[name][1]:g} s |"
        for name, took in found.items()
    ]


def measure_registration(url: str, numbers: np.ndarray) -> Measurement:
    """Seconds from the judgment to the commit, and the peak memory of this process."""
    ledger = Ledger.open(url)
    now = datetime.now(UTC)
    with ledger.begin() as conn:
        record_businesses(conn, [BUSINESS], now)
    manifest = MANIFEST.format(number=0, start="2031-01-06T09:00Z", first=5_012_149_020, second=5_012_149_021)
    plain = judge_program(manifest.encode(), 0, now)
    rows = AcceptedNumbers(numbers, np.zeros(len(numbers), dtype=np.uint8))
    with watch_memory([os.getpid()]) as peak:
        started = time.perf_counter()
        with ledger.begin() as conn:
            register_submission(conn, replace(plain, judgment=replace(plain.judgment, numbers=rows)), now)
        took = time.perf_counter() - started
    ledger.close()
    return Measurement(took, peak.memory)
