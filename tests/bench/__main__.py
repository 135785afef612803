"""`make bench`: the engine against what else there is, on the same files in the same run, as a table of ratios.

    python -m tests.bench [--rows 1000000] [--rounds 3] [--quick]

Each round runs every program once, one after the other; medians count. `check` writes all report files. Its time is
from the shell; since the peers' imports are not counted, ratios are of its time less that of a drop of one row.
`--quick` leaves the file of ten times the rows out. The table is kept in tests/bench/results.md.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.bench import generate

RESULTS = Path(__file__).parent / "results.md"
ROOT = Path(__file__).parents[2]
SHOWN_VERSIONS = ("pandas", "pandera", "pyarrow", "numpy", "phonenumbers", "frictionless")

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


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds from the shell, and the most memory that all its processes had at once, in MB."""

    seconds: float
    memory: float


def measure(command: list[str]) -> Measured:
    """Run a command to its end and watch its memory. Raises where it could not run."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, memory(process.pid))
        time.sleep(0.02)
    seconds = time.perf_counter() - started
    if process.returncode not in (0, 1):
        raise RuntimeError(process.stderr.read().decode() if process.stderr else "it failed")
    return Measured(seconds, peak)


def memory(pid: int) -> float:
    """MB of a process and its children, what they share counted once (PSS)."""
    total = 0
    for each in [pid, *children(pid)]:
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:  # it has just ended
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def children(pid: int) -> list[int]:
    """The processes that it started."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


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
    return measure([str(Path(sys.executable).parent / "launchdrop"), "check", str(folder), "--out", str(out)])


def rounds(programs: dict[str, Callable[[], Measured]], count: int) -> dict[str, Measured]:
    """Each program's median, the programs taking turns."""
    found = defaultdict(list)
    for number in range(count):
        for name, program in programs.items():
            found[name].append(program())
            print(f"round {number + 1}: {name} {found[name][-1].seconds:.2f} s", file=sys.stderr)
    return {
        name: Measured(statistics.median(one.seconds for one in of), statistics.median(one.memory for one in of))
        for name, of in found.items()
    }


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
        f"| 30 % faulty against 2 % | {(faulty.seconds - start.seconds) / own:.2f}x the time | 2x | 1.3x |",
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


def machine() -> str:
    """What it was measured on."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in SHOWN_VERSIONS)
    return (
        f"{cpu.partition(':')[2].strip() or platform.machine()}, {os.cpu_count()} cores, {total:.0f} GB, "
        f"{platform.system()}, Python {platform.python_version()}; {libraries}."
    )


def main() -> None:
    """Measure, print the table and keep it."""
    options = argparse.ArgumentParser(prog="make bench")
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--quick", action="store_true")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        lines = table(run(Path(place), chosen.rows, chosen.rounds, quick=chosen.quick), chosen.rows)
    how = f"Medians of {chosen.rounds}, taking turns; the largest file once."
    text = "\n".join(["# The last benchmark", "", machine(), "", how, "", *lines, ""])
    print(text)
    RESULTS.write_text(text)


def run(place: Path, rows: int, count: int, *, quick: bool) -> dict[str, Measured]:
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


if __name__ == "__main__":
    main()
