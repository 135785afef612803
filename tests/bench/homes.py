"""A launchdrop of its own in a folder: an inbox with one business, drops in it, `run` and `serve` as typed."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import generate
from tests.bench.measuring import LAUNCHDROP, Measured, measure, progress

BUSINESSES = """businesses:
  bench:
    legal_name: Bench Inc.
    business_units: [Bench]
    display_names: [{display: Bench, shorthand: Bench}]
"""

MANIFEST = """manifest: 1
business: bench
business_unit: Bench
reference: {reference}
program: {{type: INFORM, name: Bench, call_purpose: Survey, description: Measured.}}
display_name: {{display: Bench, shorthand: Bench}}
schedule: {{start: "2031-01-06T09:00", end: "2031-12-31T18:00", timezone: America/Chicago}}
numbers:
  - file: numbers.csv
"""


def folder(home: Path) -> Path:
    """A home of its own with an inbox that knows one business; gives the inbox."""
    (home / "inbox/bench").mkdir(parents=True)
    (home / "inbox/businesses.yaml").write_text(BUSINESSES)
    return home / "inbox"


def lay(inbox: Path, name: str, *, rows: int = 500, owner: int | None = None) -> None:
    """One drop of so many rows, its manifest last; the numbers are this owner's alone, where there is one."""
    (inbox / "bench" / name).mkdir()
    generate.write(inbox / "bench" / name / "numbers.csv", rows, 0.02, owner or 0, owner=owner)
    part = inbox / "bench" / name / "program.yaml.part"
    part.write_text(MANIFEST.format(reference=name))
    part.rename(part.with_suffix(""))


def reported(home: Path, name: str) -> bool:
    """Whether the drop's receipt is there, which is written after the report it links to."""
    return (home / "reports/out/bench/drops" / name / "receipt.json").exists()


def measured_run(home: Path) -> Measured:
    """One `launchdrop run` in this home."""
    took = measure([LAUNCHDROP, "run"], cwd=home)
    progress(f"run: {took.seconds:.1f} s, {took.memory:.0f} MB")
    return took


@contextmanager
def serving(home: Path) -> Iterator[None]:
    """`launchdrop serve`, up and watching; asked to end afterwards."""
    env = os.environ | {"LAUNCHDROP_SITE_PORT": "0", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [LAUNCHDROP, "serve"], cwd=home, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    try:
        said = ""
        while not re.search("^Watching", said, re.MULTILINE):
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"serve ended: {said}")
            said += line
        yield
    finally:
        process.terminate()
        process.communicate(timeout=900)


def until(condition: Callable[[], bool], most: float) -> None:
    """Wait for something. Raises where it takes longer than `most` seconds."""
    begun = time.perf_counter()
    while not condition():
        if time.perf_counter() - begun > most:
            raise RuntimeError(f"it did not happen within {most:.0f} s")
        time.sleep(0.01)
