"""Four `launchdrop run` at a time on one inbox, as on four machines or from cron: each drop is taken once."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

LAUNCHDROP = Path(sys.executable).with_name("launchdrop")
PROCESSES = 4
BUSINESSES = """businesses:
  acme-bank:
    legal_name: Acme Bank, N.A.
    business_units: [Cards]
    display_names: [{display: Acme Bank, shorthand: Acme Bank}]
"""
MANIFEST = """manifest: 1
business: acme-bank
business_unit: Cards
reference: r{number}
program: {{type: INFORM, name: Orders, call_purpose: Survey, description: Calls about orders.}}
display_name: {{display: Acme Bank, shorthand: Acme Bank}}
schedule: {{start: 2026-01-05T09:00, end: 2039-03-29T18:00, timezone: America/Chicago}}
numbers: [{{file: numbers.csv}}]
"""


def write_drops(home, count):
    """Write this many drops, each with two different numbers and a row that is rejected."""
    for number in range(count):
        folder = home / "inbox/acme-bank" / f"d{number}"
        folder.mkdir(parents=True)
        first = 5_012_000_000 + 2 * number
        (folder / "numbers.csv").write_text(f"{first},Survey\n{first + 1},Survey\n214-9020,Survey\n")
        (folder / "program.yaml").write_text(MANIFEST.format(number=number))
    (home / "inbox/businesses.yaml").write_text(BUSINESSES)


def launchdrop(home, *arguments):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("LAUNCHDROP_", "PREFECT_"))}
    return subprocess.Popen(
        [LAUNCHDROP, *arguments], cwd=home, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run_json(home, *arguments):
    out, _ = launchdrop(home, *arguments, "--json").communicate(timeout=120)
    return json.loads(out)


def run_at_once(home, count):
    write_drops(home, count)
    running = [launchdrop(home, "run") for _ in range(PROCESSES)]
    results = [(*process.communicate(timeout=1500), process.returncode) for process in running]
    assert [(stderr, code) for _, stderr, code in results] == [("", 0)] * PROCESSES
    taken = Counter(line.partition(":")[0] for out, _, _ in results for line in out.splitlines() if "rejected)" in line)
    assert taken == {f"acme-bank/d{number}": 1 for number in range(count)}
    # A process that ended before the last drop was taken did not launch it. The next pass does.
    launchdrop(home, "run").communicate(timeout=300)
    programs = run_json(home, "programs")
    assert {p["reference"]: (p["revision"], p["state"]) for p in programs} == {
        f"r{number}": (1, "live") for number in range(count)
    }
    assert all(p["numbers"] == {"live": 2, "pending": 0, "refused": 0} for p in programs)
    submissions = run_json(home, "submissions")
    assert len(submissions) == len({s["drop"] for s in submissions}) == count
    for number in range(count):
        receipt = json.loads((home / f"reports/out/acme-bank/drops/d{number}/receipt.json").read_text())
        assert (receipt["outcome"], receipt["program_state"]) == ("registered", "live")


def test_four_processes_share_an_inbox(tmp_path):
    run_at_once(tmp_path, 24)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_four_processes_share_a_thousand_drops(tmp_path):
    run_at_once(tmp_path, 1000)
