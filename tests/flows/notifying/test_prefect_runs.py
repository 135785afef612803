"""Runs while the Prefect server is away: the work is done exactly once, and a log line says that it is not recorded."""

import shutil
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cloudpickle
import pytest

from flows import pipeline
from flows.notifying import launch_hints, prefect_events
from flows.notifying.prefect_runs import is_server_away, record_run
from tests.flows.sample_drops import ROOT

NOWHERE = "http://127.0.0.1:9/api"


@pytest.fixture
def server_away(monkeypatch):
    """Replaces Prefect's `flow`: the server goes away before the work of a run, after it, or not at all (None)."""

    def replace(when):
        def flow(*, name):
            def decorate(work):
                def run():
                    if when == "before":
                        raise RuntimeError("Failed to reach API")
                    result = work()
                    if when == "after":
                        raise RuntimeError("Failed to reach API")
                    return result

                return run

            return decorate

        monkeypatch.setattr("prefect.flow", flow)

    return replace


@pytest.mark.parametrize(
    ("when", "warnings"),
    [
        (None, []),
        ("before", ["the Prefect server does not record this run of pass: Failed to reach API"]),
        ("after", ["the Prefect server did not record how a run of pass ended: Failed to reach API"]),
    ],
)
def test_work_is_done_once_no_matter_when_the_server_goes_away(when, warnings, server_away, caplog):
    calls = []

    def work(number):
        calls.append((number, is_server_away()))
        return number

    server_away(when)
    assert record_run(partial(work, 1), name="pass") == 1
    assert calls == [(1, when == "before")]
    assert [record.getMessage() for record in caplog.records] == warnings
    assert not is_server_away()


def test_an_error_of_the_work_is_raised_as_it_is(server_away, caplog):
    calls = []

    def work():
        calls.append(1)
        raise OSError("the store is down")

    for when in (None, "before", "after"):
        server_away(when)
        with pytest.raises(OSError, match="the store is down"):
            record_run(work, name="pass")
    assert len(calls) == 3
    assert len(caplog.records) == 1  # for the run that was not recorded


def test_the_flow_of_a_run_can_be_sent_to_dask_workers(away, monkeypatch):
    """They get it by value, so nothing that it refers to may have a lock."""
    from prefect import flow

    from flows.intake_flow import run_intake

    pickled = []

    def pickle_flow(*, name):
        def decorate(work):
            pickled.append(cloudpickle.dumps(flow(name=name)(work)))
            raise RuntimeError("Failed to reach API")

        return decorate

    monkeypatch.setattr("prefect.flow", pickle_flow)
    drops = [("acme-bank", "1-card-service")]
    assert record_run(partial(run_intake, drops=drops), name="intake")["submissions"] == 1
    assert cloudpickle.loads(*pickled).name == "intake"


@pytest.fixture
def away(settings, monkeypatch):
    """The samples, and a configured Prefect server that does not answer."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    shutil.copytree(ROOT / "inbox", settings.inbox, dirs_exist_ok=True)
    for name in ("inbox", "reports", "archive", "ledger"):
        monkeypatch.setenv(f"LAUNCHDROP_{name.upper()}", getattr(settings, name))
    monkeypatch.setenv("PREFECT_API_URL", NOWHERE)
    with temporary_settings({PREFECT_API_URL: NOWHERE}):
        yield


def test_drops_are_taken_and_programs_launched_without_the_server(away, monkeypatch):
    from flows.intake_flow import run_intake
    from flows.launch_flow import run_launch

    warnings = []
    for module in (prefect_events, launch_hints, sys.modules[record_run.__module__]):
        monkeypatch.setattr(module.log, "warning", lambda line, *values: warnings.append(line % values))
    assert record_run(run_intake, name="intake")["submissions"] == 7
    assert record_run(run_launch, name="launch")["live"] == 1
    assert warnings == [
        f"the Prefect server does not record this run of {name}: Failed to reach API at {NOWHERE}/"
        for name in ("intake", "launch")
    ]


@pytest.fixture
def busy(monkeypatch):
    """A Prefect server that is too busy for any request. Yields the paths of the requests."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    requests = []

    class Busy(BaseHTTPRequestHandler):
        def do_POST(self):
            requests.append(self.path)
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(503)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815  the library's name

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        api = f"http://127.0.0.1:{server.server_port}/api"
        monkeypatch.setenv("PREFECT_API_URL", api)
        monkeypatch.setattr("flows.notifying.prefect_runs.CLIENT_RETRIES", 0)
        with temporary_settings({PREFECT_API_URL: api}):
            yield requests
        server.shutdown()


def test_a_busy_server_delays_nothing(samples, world, busy, monkeypatch):
    warnings = []
    for module in (prefect_events, launch_hints):
        monkeypatch.setattr(module.log, "warning", lambda line, *values: warnings.append(line % values))
    taken = pipeline.take_inbox(world.services, sleep=world.clock.sleep)
    assert launch_hints.request_launch_runs(taken.upcoming_starts(after=world.services.clock())) == 0
    assert prefect_events.send_new_events(world.services) == 0
    assert len(busy) == 2  # one request each
    launches, events = warnings
    assert launches.startswith("the Prefect server did not schedule launches: Server error '503 Service Unavailable'")
    assert events.startswith("the Prefect server did not get")
    assert not any("\n" in line for line in warnings)
