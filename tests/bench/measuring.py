"""Measuring whole commands: seconds, memory, medians of programs that take turns, and the page that keeps a table."""

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
class Measured:
    """Seconds from the shell, and the most memory that all its processes had at once, in MB."""

    seconds: float
    memory: float


def measure(
    command: Sequence[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None, every: float = 0.02
) -> Measured:
    """Run a command to its end and look at its memory each so many seconds. Raises where it could not run."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=os.environ | (env or {}), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    peak = Peak([process.pid])
    while not _ends_within(process, every):
        peak.look()
    seconds = time.perf_counter() - started
    if process.returncode not in (0, 1):
        raise RuntimeError(process.stderr.read().decode() if process.stderr else "it failed")
    return Measured(seconds, peak.memory)


@dataclass
class Peak:
    """The most memory, in MB, that these processes and their children had at once when they were looked at.

    Counting what they share once holds a process up, the longer the larger it is. So that is done when more than before
    is in memory for them, which is seen at no cost; and now and then, as what was shared may be no longer.
    """

    pids: Sequence[int]
    memory: float = 0.0
    resident: int = 0
    next: float = 0.0

    def look(self) -> None:
        these = [each for pid in self.pids for each in (pid, *children(pid))]
        resident = sum(map(pages, these))
        now = time.perf_counter()
        if resident > 1.01 * self.resident or now > self.next:
            self.resident, self.next = max(resident, self.resident), now + 2
            self.memory = max(self.memory, sum(map(proportional, these)) / 1024)


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def pages(pid: int) -> int:
    """Pages of a process that are in memory, whoever else has them too."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:  # it has just ended
        return 0


def proportional(pid: int) -> int:
    """Memory of a process in KiB, what several share counted once (PSS)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def children(pid: int) -> list[int]:
    """The processes that it started."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def rounds(programs: dict[P, Callable[[], Measured]], count: int) -> dict[P, Measured]:
    """Each program's median, the programs taking turns."""
    return {name: middle(of) for name, of in in_turns(programs, count).items()}


def in_turns(programs: dict[P, Callable[[], Measured]], count: int) -> dict[P, list[Measured]]:
    """What each program took in so many rounds, in which they take turns."""
    found = defaultdict(list)
    for number in range(count):
        for name, program in programs.items():
            found[name].append(program())
            progress(f"round {number + 1}: {name} {found[name][-1].seconds:.2f} s")
    return found


def middle(of: Sequence[Measured]) -> Measured:
    return Measured(statistics.median(one.seconds for one in of), statistics.median(one.memory for one in of))


def progress(text: str) -> None:
    """Say how far it is."""
    print(text, file=sys.stderr, flush=True)


def percentile(values: Sequence[float], share: int) -> float:
    """The value that this share of a hundred does not exceed."""
    return sorted(values)[max(0, -(-len(values) * share // 100) - 1)]


def machine(libraries: Sequence[str]) -> str:
    """What it was measured on, and with which versions."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    return (
        f"{cpu.partition(':')[2].strip() or platform.machine()}, {os.cpu_count()} cores, {total:.0f} GB, "
        f"{platform.system()}, Python {platform.python_version()}; {versions}."
    )
