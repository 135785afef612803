"""The real flows against a real Prefect server: deployed from prefect.yaml, run by a worker as its schedule says."""

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from flows.server import child, server

ROOT = Path(__file__).parents[2]
PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]

pytestmark = [pytest.mark.server, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def stack(place):
    """A server, the deployments of prefect.yaml and a process worker, over the samples; for all tests."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        settle_in(place, monkeypatch)
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        monkeypatch.setenv("PREFECT_HOME", str(place / "prefect"))
        with server(place) as api:
            prefect("work-pool", "create", "launchdrop", "--type", "process")
            prefect("deploy", "--all", "--prefect-file", str(ROOT / "prefect.yaml"))
            worker = ["-m", "prefect", "worker", "start", "--pool", "launchdrop", "--type", "process"]
            with child(worker, place / "worker.log"):
                yield api


def settle_in(folder, monkeypatch):
    """The samples in an inbox there, and settings that keep everything there."""
    shutil.copytree(ROOT / "inbox", folder / "inbox")
    for name in ("inbox", "reports", "archive"):
        monkeypatch.setenv(f"LAUNCHDROP_{name.upper()}", str(folder / name))
    monkeypatch.setenv("LAUNCHDROP_LEDGER", f"sqlite:///{folder}/ledger.db")
    monkeypatch.chdir(folder)


def prefect(*arguments):
    done = subprocess.run([*PREFECT, *arguments], capture_output=True, text=True, timeout=120, env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr


def ask(api, path, body):
    request = Request(f"{api}/{path}", json.dumps(body).encode(), {"content-type": "application/json"})
    with urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def runs_of(api, deployment):
    body = {"deployments": {"name": {"any_": [deployment]}}, "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    return [run for run in ask(api, "flow_runs/filter", body) if run["auto_scheduled"]]


def wait_for(condition, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(1)
    return condition()


def test_scheduled_runs_take_the_inbox_and_launch_by_themselves(stack, place):
    """The trap that is silent: with a wrong SQLAlchemy the scheduler fails at each pass while all looks well."""
    runs = wait_for(lambda: runs_of(stack, "intake"), 240)
    assert runs, (place / "worker.log").read_text()[-2000:]
    late = datetime.fromisoformat(runs[0]["start_time"]) - datetime.fromisoformat(runs[0]["expected_start_time"])
    assert late < timedelta(seconds=30)
    assert (place / "reports/acme-bank/drops/1-card-service/receipt.json").exists()

    def live():
        receipt = json.loads((place / "reports/acme-bank/drops/1-card-service/receipt.json").read_text())
        return receipt["program_state"] == "live"

    assert wait_for(live, 150), "the launch deployment did not run by its schedule"


def test_an_acceptance_asks_for_one_launch_run_at_each_start(stack, tmp_path, monkeypatch):
    """Asked from another ledger too: a run that an acceptance of the worker asked for is the same run."""
    from flows.passes import take_inbox
    from flows.pipeline import open_pipeline
    from flows.scheduling import ask_for_launches
    from flows.settings import load

    settle_in(tmp_path, monkeypatch)
    with open_pipeline(load()) as pipeline:
        taken = take_inbox(pipeline)
        assert ask_for_launches(pipeline, taken) == ask_for_launches(pipeline, taken) == 3
    body = {"deployments": {"name": {"any_": ["launch"]}}, "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    far = {
        run["expected_start_time"]
        for run in ask(stack, "flow_runs/filter", body)
        if datetime.fromisoformat(run["expected_start_time"]) > datetime.now(UTC) + timedelta(days=365)
    }
    # collections and its correction start at the same instant: one run for both.
    assert far == {"2035-01-08T15:00:00Z", "2035-03-05T15:30:00Z", "2035-05-07T16:00:00Z"}
