"""The pipeline: drops with `run`, report latency with `serve`, a large old inbox, many programs due at once.

With the default settings: a folder, SQLite, the local carrier.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.measurement import Measurement, percentile, print_progress
from tests.bench.sample_ledger import launch_times, mark_inbox_taken, open_home, register_programs, time_index_pages
from tests.bench.sandbox import has_receipt, make_home, measure_run, running_serve, wait_until, write_drop

LIBRARIES = ("prefect", "sqlalchemy", "pandas", "pandera")

HEAD = ["| measured | result | required | goal |", "| --- | --- | --- | --- |"]


def run(place: Path, *, quick: bool) -> list[str]:
    """The lines of the section."""
    share = 10 if quick else 1
    return [
        "",
        *HEAD,
        *measure_drops(place / "drops", 1000 // share),
        *measure_latency(place / "latency", 40 // share),
        *measure_old_inbox(place / "old", 50_000 // share),
        *measure_due_launches(place / "due", 10_000 // share),
    ]


def measure_drops(home: Path, count: int) -> list[str]:
    """One pass over many drops of 500 rows."""
    inbox = make_home(home)
    for number in range(count):
        write_drop(inbox, f"drop-{number}", owner=number)
    took = measure_run(home)
    again = measure_run(home)
    return [
        f"| {count:,} drops of 500 rows with `run` | {took.seconds:.1f} s, {count / took.seconds:.0f} drops/s, "
        f"{took.memory:.0f} MB | 15 drops/s | 50 drops/s |",
        f"| `run` again, nothing new | {again.seconds:.1f} s | | |",
    ]


def measure_latency(home: Path, count: int) -> list[str]:
    """The time from a drop's last byte to its report while `serve` runs, one drop at a time."""
    inbox = make_home(home)
    seconds = []
    with running_serve(home):
        for number in range(count + 1):
            write_drop(inbox, f"drop-{number}", owner=number)
            started = time.perf_counter()
            wait_until(lambda number=number: has_receipt(home, f"drop-{number}"), 60)
            seconds.append(time.perf_counter() - started)
    seconds = seconds[1:]  # the first one includes imports
    return [
        f"| from a drop's last byte to its report, `serve` running, {count} drops of 500 rows | "
        f"p50 {percentile(seconds, 50):.2f} s, p95 {percentile(seconds, 95):.2f} s "
        "| p95 3 s | 1 s more than the settle time of 1 s |"
    ]


def measure_old_inbox(home: Path, count: int) -> list[str]:
    """A pass over an inbox in which every drop was taken before."""
    inbox = make_home(home)
    empty = measure_run(home)
    small = _add_old_drops(home, inbox, 0, count // 10)
    large = _add_old_drops(home, inbox, count // 10, count)
    objects = f"a pass over {2 * count:,} old objects"
    fewer = f"over {2 * count // 10:,}: {small.seconds:.1f} s, {small.memory:.0f} MB"
    none = f"over 0: {empty.seconds:.1f} s, {empty.memory:.0f} MB"
    return [f"| {objects} | {large.seconds:.1f} s, {large.memory:.0f} MB; {fewer}; {none} | 10 s, flat memory | |"]


def measure_due_launches(home: Path, count: int) -> list[str]:
    """Many programs with the same start while `serve` runs."""
    make_home(home)
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=90 + count // 80)
    with open_home(home) as services:
        register_programs(services, count, start)
        print_progress(
            f"{count:,} programs registered, {(start - datetime.now(UTC)).total_seconds():.0f} s before their start"
        )
        with running_serve(home):
            if datetime.now(UTC) >= start:
                raise RuntimeError("serve was not up before the start; allow more time")
            wait_until(lambda: len(launch_times(services)) == count, 600)
        late = [(at - start).total_seconds() for at in launch_times(services)]
        indexes = time_index_pages(services)
    return [
        f"| {count:,} programs due at the same time, `serve` running | first live {min(late):.2f} s after it, "
        f"p50 {percentile(late, 50):.1f} s, p95 {percentile(late, 95):.1f} s, p99 {percentile(late, 99):.1f} s, "
        f"last {max(late):.1f} s; {sum(each < 0 for each in late)} early | first 5 s, last 60 s, none early | |",
        f"| both index pages with {count:,} submissions and {count:,} programs | {indexes:.2f} s | 5 s | 1 s |",
    ]


def _add_old_drops(home: Path, inbox: Path, first: int, end: int) -> Measurement:
    """Write more drops, record them as taken, and measure a pass."""
    for number in range(first, end):
        write_drop(inbox, f"drop-{number}", rows=0)
    with open_home(home) as services:
        mark_inbox_taken(services)
    return measure_run(home)
