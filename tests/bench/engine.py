"""The engine: `check` with all report files, against what else there is, on the same files in the same run.

Each round runs every program once, one after the other; medians count. Times are from the shell; since the peers'
imports are not counted, ratios are of its time less that of a drop of one row.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import generate
from tests.bench.measuring import LAUNCHDROP, ROOT, Measured, measure, rounds

#: Rows of the file that everything runs on, and how often.
ROWS, ROUNDS = 1_000_000, 3
QUICK_ROWS = 200_000

LIBRARIES = ("pandas", "pandera", "pyarrow", "numpy", "phonenumbers", "frictionless")

MANIFEST = """manifest: 1
business: bench
business_unit: Bench
reference: bench
program: {type: INFORM, name: Bench, call_purpose: Survey, description: Measured.}
display_name: {display: Bench, shorthand: Bench}
schedule: {start: "2031-01-06T09:00", end: "2031-12-31T18:00", timezone: America/Chicago}
numbers:
  - file: numbers.csv
"""


def peer(name: str, path: Path) -> Measured:
    """A peer's seconds by its own clock."""
    command = [sys.executable, "-m", "tests.bench.peers", name, str(path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Measured(float(run.stdout.split()[-1]), 0)


def drop(folder: Path, rows: int, faulty: float) -> Path:
    """A drop of so many rows."""
    folder.mkdir(parents=True)
    generate.write(folder / "numbers.csv", rows, faulty)
    (folder / "program.yaml").write_text(MANIFEST)
    return folder


def check(folder: Path, out: Path) -> Measured:
    """`launchdrop check` with all report files."""
    return measure([LAUNCHDROP, "check", str(folder), "--out", str(out)])


def table(found: dict[str, Measured], rows: int) -> list[str]:
    """The lines of the bars, in the order of the requirement."""
    start, ours, faulty = found["one row"], found["2 %"], found["30 %"]
    own = ours.seconds - start.seconds
    lines = [
        "| measured | result | must | aim |",
        "| --- | --- | --- | --- |",
        f"| `check` of {rows:,} rows, 2 % faulty, all report files | {ours.seconds:.2f} s from the shell, "
        f"{rows / own:,.0f} rows/s after {start.seconds:.2f} s of start | | |",
        f"| the obvious composition, same file | {found['composition'].seconds:.1f} s, "
        f"{rows / found['composition'].seconds:,.0f} rows/s | | |",
        f"| Frictionless, pattern and enum only, same file | {found['frictionless'].seconds:.1f} s, "
        f"{rows / found['frictionless'].seconds:,.0f} rows/s | | |",
        f"| against the composition | {found['composition'].seconds / own:.1f}x | 12x | 25x |",
        f"| against Frictionless | {found['frictionless'].seconds / own:.1f}x | 1.5x | 4x |",
        f"| 30 % faulty against 2 %, from the shell | {faulty.seconds / ours.seconds:.2f}x the time; "
        f"{(faulty.seconds - start.seconds) / own:.2f}x without the start | 2x | 1.3x |",
        f"| a 500-row drop from the shell | {found['500 rows'].seconds:.2f} s | 2.5 s | 1.5 s |",
        f"| peak memory, all processes | {ours.memory:.0f} MB | | |",
    ]
    if "ten times" in found:
        ten = found["ten times"]
        lines += [
            f"| peak memory at {10 * rows:,} rows | {ten.memory:.0f} MB, {ten.memory / ours.memory:.2f}x "
            "| 1.5x, 900 MB | 1.1x, 500 MB |",
            f"| time at {10 * rows:,} rows | {ten.seconds:.1f} s, {(ten.seconds - start.seconds) / own:.1f}x "
            "| 11x | 10x |",
        ]
    return lines


def run(place: Path, *, quick: bool) -> list[str]:
    """The section's text. `quick`: a smaller file, once, and not the one of ten times the rows."""
    rows, count = (QUICK_ROWS, 1) if quick else (ROWS, ROUNDS)
    how = f"Medians of {count}, taking turns; the largest file once."
    return [how, "", *table(medians(place, rows, count, quick=quick), rows)]


def medians(place: Path, rows: int, count: int, *, quick: bool) -> dict[str, Measured]:
    """All medians by name."""
    out = place / "out"
    folders = {
        "one row": drop(place / "one", 1, 0),
        "500 rows": drop(place / "few", 500, 0.02),
        "2 %": drop(place / "two", rows, 0.02),
        "30 %": drop(place / "thirty", rows, 0.3),
    }
    programs: dict[str, Callable[[], Measured]] = {
        name: lambda folder=folder: check(folder, out) for name, folder in folders.items()
    }
    for name in ("composition", "frictionless"):
        programs[name] = lambda name=name: peer(name, folders["2 %"] / "numbers.csv")
    check(folders["one row"], out)  # whatever is still to be compiled
    found = rounds(programs, count)
    if not quick:
        ten = drop(place / "ten", 10 * rows, 0.02)
        found |= rounds({"ten times": lambda: check(ten, out)}, 1)
    return found
