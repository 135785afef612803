"""Children of `serve`: started again where they end too soon, ended where it is killed itself."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from flows.serving import prefect_server
from flows.serving.child_process import NOT_NEEDED
from flows.serving.prefect_server import child

#: A child that has a child; it says who they are.
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
from flows.serving.prefect_server import child
with child("family", said=Path("log")):
    time.sleep(600)
"""


@pytest.fixture
def family(tmp_path, monkeypatch):
    """The children as they are now: asks until there are others than those that were known."""
    (tmp_path / "family.py").write_text(FAMILY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    known = [[]]

    def told():
        return (tmp_path / "family").read_text().split() if (tmp_path / "family").exists() else []

    def pids():
        until(lambda: len(told()) == 2 and told() != known[-1])
        known.append(told())
        return [int(pid) for pid in known[-1]]

    yield pids
    for pid in known[-1]:
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def until(condition, most=30):
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < most, "it did not happen"
        time.sleep(0.02)


def alive(pid):
    stat = Path(f"/proc/{pid}/stat")
    with suppress(FileNotFoundError, ProcessLookupError):
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_one_that_was_killed_is_started_again_and_leaves_nothing_behind(family, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(prefect_server, "PAUSE", 0.05)
    with child("family", said=tmp_path / "log"):
        first = family()
        os.kill(first[0], signal.SIGKILL)
        second = family()
        assert not any(alive(pid) for pid in first)
        assert all(alive(pid) for pid in second)
    assert not any(alive(pid) for pid in second)
    assert [record.getMessage() for record in caplog.records] == ["`family` ended with -9; it is started again"]


def test_one_that_has_nothing_to_do_is_not_started_again(tmp_path, monkeypatch, caplog):
    (tmp_path / "idle.py").write_text(
        f"with open('began', 'a') as began: began.write('x')\nraise SystemExit({NOT_NEEDED})\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(prefect_server, "PAUSE", 0.05)
    with child("idle", said=tmp_path / "log") as process:
        process.wait()
        time.sleep(1)
    assert (tmp_path / "began").read_text() == "x"
    assert caplog.records == []


def test_a_parent_that_is_killed_takes_its_children_along(family):
    with subprocess.Popen([sys.executable, "-c", PARENT]) as parent:
        pids = family()
        parent.kill()
    until(lambda: not any(alive(pid) for pid in pids))
