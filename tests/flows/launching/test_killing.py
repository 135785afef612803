"""Processes that are killed or paused while they launch to an endpoint that loses answers."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.ledger.read.page_queries import list_programs
from tests.flows.carriers.endpoint import Endpoint
from tests.flows.carriers.fake_server import random_faults
from tests.flows.launching.programs import make_manifest, make_numbers, register_program

HERE = Path(__file__).parent
FAULTS = ("drop", "503", "lose", "lose half", "500", "slow", "twice")


class Scene:
    """Programs that start within seconds, an endpoint, and processes to be killed."""

    def __init__(self, ledger, *, count: int, seed: int, lease: float):
        self.ledger, self.dice, self.lease = ledger, random.Random(seed), lease
        self.endpoint = Endpoint()
        self.endpoint.faults, self.endpoint.slow_seconds = random_faults(seed, 0.2, FAULTS), 0.4
        began = datetime.now(UTC).replace(microsecond=0)
        for n in range(count):
            manifest = make_manifest(f"p{n}", start=began + timedelta(seconds=n % 5))
            register_program(ledger, manifest, make_numbers(1200, first=5_012_000_000 + 1200 * n), now=began)

    @contextmanager
    def running(self):
        command = [sys.executable, str(HERE / "killable_launchers.py"), str(self.ledger.engine.url), self.endpoint.url]
        pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": HERE.parents[2]}
        with self.endpoint.running(), subprocess.Popen([*command, str(self.lease)], **pipe) as self.forks:
            yield
            self.forks.stdin.close()

    @contextmanager
    def process(self):
        self.forks.stdin.write("\n")
        self.forks.stdin.flush()
        child = int(self.forks.stdout.readline())
        try:
            yield child
        finally:
            os.kill(child, signal.SIGKILL)

    def wait_for_requests(self, more: int) -> None:
        """Wait for this many more requests, or until no more come."""
        target, seen, quiet_since = len(self.endpoint.requests) + more, 0, time.monotonic()
        while len(self.endpoint.requests) < target and time.monotonic() < quiet_since + 3:
            if len(self.endpoint.requests) != seen:
                seen, quiet_since = len(self.endpoint.requests), time.monotonic()
            time.sleep(0.002)
        time.sleep(self.dice.random() * 0.02)

    def kill_one(self, spacing: int) -> None:
        with self.process():
            self.wait_for_requests(self.dice.randint(1, spacing))

    def pause_one(self, spacing: int) -> None:
        """Pause a process until another one has taken over its work, then let both run for a while."""
        with self.process() as first:
            self.wait_for_requests(self.dice.randint(1, spacing))
            os.kill(first, signal.SIGSTOP)
            time.sleep(self.lease)
            with self.process():
                self.wait_for_requests(self.dice.randint(1, spacing))
                os.kill(first, signal.SIGCONT)
                self.wait_for_requests(self.dice.randint(1, spacing))

    def all_live(self) -> bool:
        with self.ledger.read() as conn:
            return all(row.state == "live" for row in list_programs(conn))

    def finish(self, *, limit: float) -> None:
        until = time.monotonic() + limit
        with self.process():
            while not self.all_live():
                assert time.monotonic() < until, "not all live in time"
                time.sleep(0.05)

    def check(self, count: int) -> None:
        with self.ledger.read() as conn:
            rows = list_programs(conn)
        assert [(row.state, row.live, row.pending, row.refused) for row in rows] == [("live", 1200, 0, 0)] * count
        assert len(self.endpoint.programs) == count
        arrivals = [n for program in self.endpoint.programs.values() for n in program.arrivals.values()]
        assert (len(arrivals), set(arrivals)) == (1200 * count, {1})
        assert self.endpoint.violations == []


def test_each_number_counts_once_after_some_kills(ledger):
    scene = Scene(ledger, count=5, seed=11, lease=60)
    with scene.running():
        for _ in range(12):
            scene.kill_one(spacing=3)
        scene.finish(limit=60)
        scene.check(5)


@pytest.mark.soak
def test_each_number_counts_once_after_300_kills_and_pauses(ledger):
    scene = Scene(ledger, count=50, seed=12, lease=1)
    with scene.running():
        for moment in range(300):
            (scene.pause_one if moment % 5 == 4 else scene.kill_one)(spacing=2)
        scene.finish(limit=300)
        scene.check(50)
