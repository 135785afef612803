"""Child processes of `serve`: restarted if they end too early, and ended if `serve` itself is killed."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from flows.serving import supervisor
from flows.serving.child_entry import NOT_NEEDED
from flows.serving.supervisor import supervised_module
from tests.flows.serving.child_processes import is_alive

#: A child that has a child of its own, and writes both process ids to a file.
FAMILY = """
import os, subprocess, sys
from pathlib import Path
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
Path("family").write_text(f"{os.getpid()} {other.pid}")
other.wait()
"""
PARENT = """
import time
from pathlib import Path
from flows.serving.supervisor import supervised_module
with supervised_module("family", log_file=Path("log")):
    time.sleep(600)
"""


@pytest.fixture
def family(tmp_path, monkeypatch):
    """A function that waits for a new child with its child, and returns their process ids."""
    (tmp_path / "family.py").write_text(FAMILY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    seen = [[]]

    def written():
        return (tmp_path / "family").read_text().split() if (tmp_path / "family").exists() else []

    def wait_for_pids():
        wait_until(lambda: len(written()) == 2 and written() != seen[-1])
        seen.append(written())
        return [int(pid) for pid in seen[-1]]

    yield wait_for_pids
    for pid in seen[-1]:
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def wait_until(condition, timeout=30):
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout, "it did not happen in time"
        time.sleep(0.02)


def test_a_killed_child_is_restarted_and_leaves_nothing_behind(family, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(supervisor, "RESTART_DELAY", 0.05)
    with supervised_module("family", log_file=tmp_path / "log"):
        first = family()
        os.kill(first[0], signal.SIGKILL)
        second = family()
        assert not any(is_alive(pid) for pid in first)
        assert all(is_alive(pid) for pid in second)
    assert not any(is_alive(pid) for pid in second)
    assert [record.getMessage() for record in caplog.records] == ["`family` ended with exit code -9; restarting it"]


def test_a_child_that_has_nothing_to_do_is_not_restarted(tmp_path, monkeypatch, caplog):
    (tmp_path / "idle.py").write_text(
        f"with open('began', 'a') as began: began.write('x')\nraise SystemExit({NOT_NEEDED})\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(supervisor, "RESTART_DELAY", 0.05)
    with supervised_module("idle", log_file=tmp_path / "log") as process:
        process.wait()
        time.sleep(1)
    assert (tmp_path / "began").read_text() == "x"
    assert caplog.records == []


def test_a_parent_that_is_killed_takes_its_children_along(family):
    with subprocess.Popen([sys.executable, "-c", PARENT]) as parent:
        pids = family()
        parent.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
