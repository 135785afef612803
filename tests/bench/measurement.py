"""Measures whole commands: seconds, peak memory, and medians over rounds in which programs take turns."""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

P = TypeVar("P")

ROOT = Path(__file__).parents[2]
LAUNCHDROP = str(Path(sys.executable).with_name("launchdrop"))


@dataclass(frozen=True, slots=True)
class Measurement:
    """Seconds from start to end, and the peak memory of all processes together in MB."""

    seconds: float
    memory: float


def measure_command(
    command: Sequence[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None, every: float = 0.02
) -> Measurement:
    """Run a command and sample its memory every `every` seconds. Raises RuntimeError unless it exits with 0 or 1."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=os.environ | (env or {}), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    peak = MemoryPeak([process.pid])
    while not _has_ended_within(process, every):
        peak.sample()
    seconds = time.perf_counter() - started
    if process.returncode not in (0, 1):
        raise RuntimeError(process.stderr.read().decode() if process.stderr else "the command failed")
    return Measurement(seconds, peak.memory)


@dataclass
class MemoryPeak:
    """The peak memory, in MB, of these processes and their children together, over all samples.

    PSS counts shared memory once, but reading it pauses a process, longer for large processes. So it is read only if
    the resident size, which is cheap to read, has grown, and every 2 seconds, as shared memory can become unshared.
    """

    pids: Sequence[int]
    memory: float = 0.0
    resident: int = 0
    next: float = 0.0

    def sample(self) -> None:
        these = [each for pid in self.pids for each in (pid, *child_pids(pid))]
        resident = sum(map(resident_pages, these))
        now = time.perf_counter()
        if resident > 1.01 * self.resident or now > self.next:
            self.resident, self.next = max(resident, self.resident), now + 2
            self.memory = max(self.memory, sum(map(pss_kib, these)) / 1024)


def _has_ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def resident_pages(pid: int) -> int:
    """Pages of a process that are in memory, including shared ones."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:  # the process has just ended
        return 0


def pss_kib(pid: int) -> int:
    """A process's proportional set size (PSS) in KiB: shared memory is divided among the processes that share it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # the process has just ended
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def child_pids(pid: int) -> list[int]:
    """The pids of its child processes."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def median_of_rounds(programs: dict[P, Callable[[], Measurement]], count: int) -> dict[P, Measurement]:
    """The median of each program over `count` rounds, in which the programs take turns."""
    return {name: median_of(measurements) for name, measurements in run_rounds(programs, count).items()}


def run_rounds(programs: dict[P, Callable[[], Measurement]], count: int) -> dict[P, list[Measurement]]:
    """The measurements of each program over `count` rounds, in which the programs take turns."""
    found = defaultdict(list)
    for number in range(count):
        for name, program in programs.items():
            found[name].append(program())
            print_progress(f"round {number + 1}: {name} {found[name][-1].seconds:.2f} s")
    return found


def median_of(measurements: Sequence[Measurement]) -> Measurement:
    """The median seconds and the median memory."""
    seconds, memory = (m.seconds for m in measurements), (m.memory for m in measurements)
    return Measurement(statistics.median(seconds), statistics.median(memory))


def print_progress(text: str) -> None:
    """Print a progress line on standard error."""
    print(text, file=sys.stderr, flush=True)


def percentile(values: Sequence[float], share: int) -> float:
    """The value that `share` percent of the values do not exceed."""
    return sorted(values)[max(0, -(-len(values) * share // 100) - 1)]


def describe_machine(libraries: Sequence[str]) -> str:
    """One line about this machine, and the versions of these libraries."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    return (
        f"{cpu.partition(':')[2].strip() or platform.machine()}, {os.cpu_count()} cores, {total:.0f} GB, "
        f"{platform.system()}, Python {platform.python_version()}; {versions}."
    )
