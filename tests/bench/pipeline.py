"""The pipeline: drops through `run`, reports while `serve` stays, a large old inbox, many programs due at once.

All on the defaults: a folder, SQLite, the local carrier.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.homes import folder, lay, measured_run, reported, serving, until
from tests.bench.ledgers import launched, opened, register_programs, remember, seconds_to_index
from tests.bench.measuring import Measured, percentile, progress

LIBRARIES = ("prefect", "sqlalchemy", "pandas", "pandera")

HEAD = ["| measured | result | must | aim |", "| --- | --- | --- | --- |"]


def run(place: Path, *, quick: bool) -> list[str]:
    """The section's text."""
    share = 10 if quick else 1
    return [
        "",
        *HEAD,
        *drops(place / "drops", 1000 // share),
        *latency(place / "latency", 40 // share),
        *old(place / "old", 50_000 // share),
        *due(place / "due", 10_000 // share),
    ]


def drops(home: Path, count: int) -> list[str]:
    """Many drops of 500 rows through one pass."""
    inbox = folder(home)
    for number in range(count):
        lay(inbox, f"drop-{number}", owner=number)
    took = measured_run(home)
    again = measured_run(home)
    return [
        f"| {count:,} drops of 500 rows through `run` | {took.seconds:.1f} s, {count / took.seconds:.0f} drops/s, "
        f"{took.memory:.0f} MB | 15 drops/s | 50 drops/s |",
        f"| `run` again, nothing new | {again.seconds:.1f} s | | |",
    ]


def latency(home: Path, count: int) -> list[str]:
    """Drops one by one while `serve` runs: from the last byte to the report."""
    inbox = folder(home)
    seconds = []
    with serving(home):
        for number in range(count + 1):
            lay(inbox, f"drop-{number}", owner=number)
            begun = time.perf_counter()
            until(lambda number=number: reported(home, f"drop-{number}"), 60)
            seconds.append(time.perf_counter() - begun)
    seconds = seconds[1:]  # the first one waits for what is loaded but once
    return [
        f"| from a drop's last byte to its report, `serve` running, {count} drops of 500 rows | "
        f"p50 {percentile(seconds, 50):.2f} s, p95 {percentile(seconds, 95):.2f} s "
        "| p95 3 s | 1 s beyond the settle time, which is 1 s |"
    ]


def old(home: Path, count: int) -> list[str]:
    """A pass over an inbox in which everything was taken already."""
    inbox = folder(home)
    empty = measured_run(home)
    small = _more(home, inbox, 0, count // 10)
    large = _more(home, inbox, count // 10, count)
    objects = f"a pass over {2 * count:,} old objects"
    fewer = f"over {2 * count // 10:,}: {small.seconds:.1f} s, {small.memory:.0f} MB"
    none = f"over none: {empty.seconds:.1f} s, {empty.memory:.0f} MB"
    return [f"| {objects} | {large.seconds:.1f} s, {large.memory:.0f} MB; {fewer}; {none} | 10 s, flat memory | |"]


def due(home: Path, count: int) -> list[str]:
    """Many programs of one start, `serve` running."""
    folder(home)
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=30 + count // 80)
    with opened(home) as services:
        register_programs(services, count, start)
        progress(
            f"{count:,} programs registered, {(start - datetime.now(UTC)).total_seconds():.0f} s before their start"
        )
        with serving(home):
            if datetime.now(UTC) >= start:
                raise RuntimeError("the start came before serve was there: give it more time")
            until(lambda: len(launched(services)) == count, 600)
        late = [(at - start).total_seconds() for at in launched(services)]
        indexes = seconds_to_index(services)
    return [
        f"| {count:,} programs due at one instant, `serve` running | first live {min(late):.2f} s after it, "
        f"p50 {percentile(late, 50):.1f} s, p95 {percentile(late, 95):.1f} s, p99 {percentile(late, 99):.1f} s, "
        f"last {max(late):.1f} s; {sum(each < 0 for each in late)} early | first 5 s, last 60 s, none early | |",
        f"| both index pages, {count:,} submissions and as many programs | {indexes:.2f} s | 5 s | 1 s |",
    ]


def _more(home: Path, inbox: Path, first: int, end: int) -> Measured:
    """Lay more drops, remember them as taken, and measure a pass."""
    for number in range(first, end):
        lay(inbox, f"drop-{number}", rows=0)
    with opened(home) as services:
        remember(services)
    return measured_run(home)
