"""Beyond one process: a pass and a large file over one and two Dask workers, a million numbers into either database.

The workers stand already, started as flows/operations/README.md says; what they import once is not counted. Many
drops are taken in five rounds, in which none, one and two workers take turns: medians of the seconds and of the rounds'
ratios.
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
from flows.scaling.dask_cluster import QUIET
from flows.validation.ahead_of_turn import AcceptedNumbers
from tests.bench import generate
from tests.bench.homes import folder, lay, reported
from tests.bench.ledgers import BUSINESS, MANIFEST, registration
from tests.bench.measuring import LAUNCHDROP, Measured, Peak, in_turns, measure, middle, rounds
from tests.bench.shares import of_drops, of_rows
from tests.flows.ledger.postgres import binaries, running

LIBRARIES = ("dask", "distributed", "prefect-dask", "sqlalchemy", "psycopg")

#: Seconds between looks at the memory of a pass: where two workers have both cores, looking slows them down.
LOOK = 0.2

HEAD = ["| measured | result | must | aim |", "| --- | --- | --- | --- |"]


def run(place: Path, *, quick: bool) -> list[str]:
    """The section's text."""
    share = 10 if quick else 1
    return [
        "",
        *HEAD,
        *many_drops(place / "drops", 1000 // share, 2000),
        *one_file(place / "file", 10_000_000 // share),
        *registrations(place, 1_000_000 // share),
        *shares(place / "shares", 1_000_000 // share),
    ]


def shares(place: Path, rows: int) -> list[str]:
    """What each part of a pass costs, in time of one processor."""
    drops = of_drops(place / "home", 100, 2000)
    numbers = place / "numbers.csv"
    generate.write(numbers, rows, 0.02)
    parts = of_rows(numbers)
    per_drop = ", ".join(f"{name} {took * 10:.0f} ms" for name, took in drops.items())
    per_row = ", ".join(f"{name} {took:.2f} s" for name, took in parts.items())
    return [
        f"| a drop of 2,000 rows, processor time | {per_drop} | | |",
        f"| {rows:,} rows, processor time | {per_row} | | |",
    ]


def many_drops(place: Path, count: int, rows: int) -> list[str]:
    """Drops of many programs through one pass."""
    inbox = folder(place / "drops")
    for number in range(count):
        lay(inbox, f"drop-{number}", rows=rows, owner=number)
    found = in_turns({workers: partial(passed, place, inbox, workers) for workers in (0, 1, 2)}, 5)
    faster = statistics.median(one.seconds / two.seconds for one, two in zip(found[1], found[2], strict=True))
    what = f"{count:,} drops of {rows:,} rows"
    return [
        f"| {what}, `local`: a process a core | {shown(middle(found[0]))} | | |",
        f"| the same, one Dask worker | {shown(middle(found[1]))} | | |",
        f"| the same, two Dask workers | {shown(middle(found[2]))}, {faster:.2f}x one worker | 1.6x | |",
    ]


def one_file(place: Path, rows: int) -> list[str]:
    """One drop of one large file."""
    inbox = folder(place / "drops")
    lay(inbox, "drop-0", rows=rows)
    found = rounds({workers: partial(passed, place, inbox, workers) for workers in (0, 1, 2)}, 1)
    faster = found[1].seconds / found[2].seconds
    return [
        f"| one file of {rows:,} rows, `local` | {shown(found[0])} | | |",
        f"| the same, one Dask worker | {shown(found[1])} | | |",
        f"| the same, two Dask workers | {shown(found[2])}, {faster:.2f}x one worker | | |",
    ]


def shown(measured: Measured) -> str:
    return f"{measured.seconds:.1f} s, {measured.memory:,.0f} MB"


def passed(place: Path, inbox: Path, workers: int) -> Measured:
    """One `launchdrop run` over a copy of the inbox, with so many workers (0: none); memory of all processes.

    The copy stays until all is measured: where files were just deleted, ext4 without a journal makes new ones slowly.
    """
    home = Path(tempfile.mkdtemp(dir=place))
    shutil.copytree(inbox, home / "inbox")
    with cluster(workers) as (address, pids), watched(pids, every=LOOK) as peak:
        took = measure([LAUNCHDROP, "run"], cwd=home, env={"LAUNCHDROP_TASK_RUNNER": address}, every=LOOK)
    if not reported(home, "drop-0"):
        raise RuntimeError("the pass took nothing")
    return Measured(took.seconds, took.memory + peak.memory)


@contextmanager
def cluster(workers: int) -> Iterator[tuple[str, list[int]]]:
    """A cluster of so many workers that have imported what they need: its address and their processes."""
    if workers == 0:
        yield "local", []
        return
    here = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with dask.config.set(QUIET), LocalCluster(n_workers=workers, **here) as made:
        with Client(made) as client:
            pids = list(client.run(warm).values())
        yield made.scheduler_address, pids


def warm() -> int:
    """Import what a worker needs; its process."""
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
def watched(pids: list[int], every: float = 0.02) -> Iterator[Peak]:
    """The most memory of these processes together, as it goes; looked at each so many seconds."""
    peak = Peak(pids)
    over = threading.Event()

    def look() -> None:
        while not over.wait(every):
            peak.look()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def registrations(place: Path, count: int) -> list[str]:
    """A submission of so many numbers, none of them known, registered in one transaction."""
    numbers = np.random.default_rng(1).permutation(np.arange(5_012_000_000, 5_012_000_000 + 3 * count, 3))
    found = {"SQLite": registered(f"sqlite:///{place}/ledger.db", numbers)}
    if binaries() is not None:
        with running() as url:
            admin = create_engine(url.format("postgres"), isolation_level="AUTOCOMMIT")
            with admin.connect() as conn:
                conn.execute(text("create database bench"))
            admin.dispose()
            found["PostgreSQL"] = registered(url.format("bench"), numbers)
    bars = {"SQLite": (20, 6.7), "PostgreSQL": (30, 10)}
    return [
        f"| {count:,} numbers registered, {name} | {shown(took)} | {bars[name][0]} s | {bars[name][1]:g} s |"
        for name, took in found.items()
    ]


def registered(url: str, numbers: np.ndarray) -> Measured:
    """From the judgment to the commit: seconds, and the most memory of this process."""
    ledger = Ledger.open(url)
    now = datetime.now(UTC)
    with ledger.begin() as conn:
        record_businesses(conn, [BUSINESS], now)
    manifest = MANIFEST.format(number=0, start="2031-01-06T09:00Z", first=5_012_149_020, second=5_012_149_021)
    plain = registration(manifest.encode(), 0, now)
    rows = AcceptedNumbers(numbers, np.zeros(len(numbers), dtype=np.uint8))
    with watched([os.getpid()]) as peak:
        begun = time.perf_counter()
        with ledger.begin() as conn:
            register_submission(conn, replace(plain, judgment=replace(plain.judgment, numbers=rows)), now)
        took = time.perf_counter() - begun
    ledger.close()
    return Measured(took, peak.memory)
