"""The engine: `check` with all report files, compared with other ways to validate the same files.

Each round runs every program once, one after the other; results are medians. Times are measured from the shell. The
peers' times exclude imports, so ratios use the time of `check` minus its time for a drop of one row.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import generate
from tests.bench.measurement import LAUNCHDROP, ROOT, Measurement, measure_command, median_of_rounds

#: Rows of the file that every program reads, and the number of rounds.
ROWS, ROUNDS = 1_000_000, 3
QUICK_ROWS = 200_000

LIBRARIES = ("pandas", "pandera", "pyarrow", "numpy", "phonenumbers", "frictionless")

MANIFEST = """manifest: 1
business: bench
business_unit: Bench
reference: bench
program: {type: INFORM, name: Bench, call_purpose: Survey, description: A benchmark.}
display_name: {display: Bench, shorthand: Bench}
schedule: {start: "2031-01-06T09:00", end: "2031-12-31T18:00", timezone: America/Chicago}
numbers:
  - file: numbers.csv
"""


def measure_peer(name: str, path: Path) -> Measurement:
    """A peer's time, as the peer reports it."""
    command = [sys.executable, "-m", "tests.bench.peers", name, str(path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Measurement(float(run.stdout.split()[-1]), 0)


def make_drop(folder: Path, rows: int, bad_share: float) -> Path:
    """Write a drop with this many rows."""
    folder.mkdir(parents=True)
    generate.write_numbers_file(folder / "numbers.csv", rows, bad_share)
    (folder / "program.yaml").write_text(MANIFEST)
    return folder


def measure_check(folder: Path, out: Path) -> Measurement:
    """`launchdrop check` with all report files."""
    return measure_command([LAUNCHDROP, "check", str(folder), "--out", str(out)])


def result_table(found: dict[str, Measurement], rows: int) -> list[str]:
    """The result lines, in the order of the requirements."""
    start, few_bad, many_bad = found["one row"], found["2%"], found["30%"]
    own = few_bad.seconds - start.seconds
    lines = [
        "| measured | result | required | goal |",
        "| --- | --- | --- | --- |",
        f"| `check` of {rows:,} rows, 2% bad, all report files | {few_bad.seconds:.2f} s from the shell, "
        f"{rows / own:,.0f} rows/s after {start.seconds:.2f} s of start-up | | |",
        f"| Pandera and phonenumbers combined, same file | {found['composition'].seconds:.1f} s, "
        f"{rows / found['composition'].seconds:,.0f} rows/s | | |",
        f"| Frictionless, pattern and enum only, same file | {found['frictionless'].seconds:.1f} s, "
        f"{rows / found['frictionless'].seconds:,.0f} rows/s | | |",
        f"| compared with Pandera and phonenumbers | {found['composition'].seconds / own:.1f}x | 12x | 25x |",
        f"| compared with Frictionless | {found['frictionless'].seconds / own:.1f}x | 1.5x | 4x |",
        f"| 30% bad compared with 2%, from the shell | {many_bad.seconds / few_bad.seconds:.2f}x the time; "
        f"{(many_bad.seconds - start.seconds) / own:.2f}x without the start-up | 2x | 1.3x |",
        f"| a 500-row drop from the shell | {found['500 rows'].seconds:.2f} s | 2.5 s | 1.5 s |",
        f"| peak memory, all processes | {few_bad.memory:.0f} MB | | |",
    ]
    if "ten times" in found:
        ten = found["ten times"]
        lines += [
            f"| peak memory at {10 * rows:,} rows | {ten.memory:.0f} MB, {ten.memory / few_bad.memory:.2f}x "
            "| 1.5x, 900 MB | 1.1x, 500 MB |",
            f"| time at {10 * rows:,} rows | {ten.seconds:.1f} s, {(ten.seconds - start.seconds) / own:.1f}x "
            "| 11x | 10x |",
        ]
    return lines


def run(place: Path, *, quick: bool) -> list[str]:
    """The lines of the section. `quick`: a smaller file, one round, and no file of ten times the rows."""
    rows, count = (QUICK_ROWS, 1) if quick else (ROWS, ROUNDS)
    method = f"Medians of {count}, taking turns; the largest file once."
    return [method, "", *result_table(measure_all(place, rows, count, quick=quick), rows)]


def measure_all(place: Path, rows: int, count: int, *, quick: bool) -> dict[str, Measurement]:
    """The median of each program, by name."""
    out = place / "out"
    folders = {
        "one row": make_drop(place / "one", 1, 0),
        "500 rows": make_drop(place / "few", 500, 0.02),
        "2%": make_drop(place / "two", rows, 0.02),
        "30%": make_drop(place / "thirty", rows, 0.3),
    }
    programs: dict[str, Callable[[], Measurement]] = {
        name: lambda folder=folder: measure_check(folder, out) for name, folder in folders.items()
    }
    for name in ("composition", "frictionless"):
        programs[name] = lambda name=name: measure_peer(name, folders["2%"] / "numbers.csv")
    measure_check(folders["one row"], out)  # a first run, so that everything is compiled
    found = median_of_rounds(programs, count)
    if not quick:
        ten = make_drop(place / "ten", 10 * rows, 0.02)
        found |= median_of_rounds({"ten times": lambda: measure_check(ten, out)}, 1)
    return found
