"""A complete launchdrop in its own folder: an inbox with one business and drops, and the commands `run` and `serve`."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import generate
from tests.bench.measurement import LAUNCHDROP, Measurement, measure_command, print_progress

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
program: {{type: INFORM, name: Bench, call_purpose: Survey, description: A benchmark.}}
display_name: {{display: Bench, shorthand: Bench}}
schedule: {{start: "2031-01-06T09:00", end: "2031-12-31T18:00", timezone: America/Chicago}}
numbers:
  - file: numbers.csv
"""


def make_home(home: Path) -> Path:
    """Create a home folder whose inbox has one business. Returns the inbox."""
    (home / "inbox/bench").mkdir(parents=True)
    (home / "inbox/businesses.yaml").write_text(BUSINESSES)
    return home / "inbox"


def write_drop(inbox: Path, name: str, *, rows: int = 500, owner: int | None = None) -> None:
    """Write a drop with this many rows, manifest last. With an `owner`, no other owner has its numbers."""
    (inbox / "bench" / name).mkdir()
    generate.write_numbers_file(inbox / "bench" / name / "numbers.csv", rows, 0.02, owner or 0, owner=owner)
    part = inbox / "bench" / name / "program.yaml.part"
    part.write_text(MANIFEST.format(reference=name))
    part.rename(part.with_suffix(""))


def has_receipt(home: Path, name: str) -> bool:
    """Whether the drop has its receipt. The receipt is written after the report that it links to."""
    return (home / "reports/out/bench/drops" / name / "receipt.json").exists()


def measure_run(home: Path) -> Measurement:
    """Measure one `launchdrop run` in this home."""
    took = measure_command([LAUNCHDROP, "run"], cwd=home)
    print_progress(f"run: {took.seconds:.1f} s, {took.memory:.0f} MB")
    return took


@contextmanager
def running_serve(home: Path) -> Iterator[None]:
    """Run `launchdrop serve` during the block, once it is watching the inbox."""
    env = os.environ | {"LAUNCHDROP_SITE_PORT": "0", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [LAUNCHDROP, "serve"], cwd=home, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    try:
        output = ""
        while not re.search("^Watching", output, re.MULTILINE):
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"serve ended: {output}")
            output += line
        yield
    finally:
        process.terminate()
        process.communicate(timeout=900)


def wait_until(condition: Callable[[], bool], timeout: float) -> None:
    """Wait until `condition` is true. Raises RuntimeError after `timeout` seconds."""
    started = time.perf_counter()
    while not condition():
        if time.perf_counter() - started > timeout:
            raise RuntimeError(f"the condition was not met within {timeout:.0f} s")
        time.sleep(0.01)
