"""Runs where the Prefect server is away: the work is done, once, and a line says that it is not shown."""

import shutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from flows import pipeline
from flows.notifying import launch_hints, prefect_events
from flows.notifying.prefect_runs import shown, unseen
from tests.flows.sample_drops import ROOT

NOWHERE = "http://127.0.0.1:9/api"


class Run:
    """A flow whose server goes away before its work, after it, or not at all."""

    name = "pass"

    def __init__(self, work, *, away=None):
        self.fn, self.away = work, away

    def __call__(self, *args, **kwargs):
        if self.away == "before":
            raise RuntimeError("Failed to reach API")
        result = self.fn(*args, **kwargs)
        if self.away == "after":
            raise RuntimeError("Failed to reach API")
        return result


@pytest.mark.parametrize(
    ("away", "told"),
    [
        (None, []),
        ("before", ["the Prefect server does not show this run of pass: Failed to reach API"]),
        ("after", ["the Prefect server was not told how a run of pass ended: Failed to reach API"]),
    ],
)
def test_work_is_done_once_whenever_the_server_goes_away(away, told, caplog):
    done = []
    assert shown(Run(lambda n, *, more: done.append((n, more, unseen())) or n, away=away), 1, more=2) == 1
    assert done == [(1, 2, away == "before")]
    assert [record.getMessage() for record in caplog.records] == told
    assert not unseen()


def test_work_that_fails_says_so_itself(caplog):
    done = []

    def work():
        done.append(1)
        raise OSError("the store is out of reach")

    for away in (None, "before", "after"):
        with pytest.raises(OSError, match="the store is out of reach"):
            shown(Run(work, away=away))
    assert len(done) == 3
    assert len(caplog.records) == 1  # of the run that was not shown


@pytest.fixture
def away(settings, monkeypatch):
    """The samples, and a Prefect server that is set but does not answer."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    shutil.copytree(ROOT / "inbox", settings.inbox, dirs_exist_ok=True)
    for name in ("inbox", "reports", "archive", "ledger"):
        monkeypatch.setenv(f"LAUNCHDROP_{name.upper()}", getattr(settings, name))
    monkeypatch.setenv("PREFECT_API_URL", NOWHERE)
    with temporary_settings({PREFECT_API_URL: NOWHERE}):
        yield


def test_taking_and_launching_go_on_without_the_server(away, monkeypatch):
    from flows.intake_flow import intake
    from flows.launch_flow import launch

    said = []
    for module in (prefect_events, launch_hints, sys.modules[shown.__module__]):
        monkeypatch.setattr(module.log, "warning", lambda line, *about: said.append(line % about))
    assert shown(intake)["submissions"] == 7
    assert shown(launch)["live"] == 1
    assert said == [
        f"the Prefect server does not show this run of {run}: Failed to reach API at {NOWHERE}/"
        for run in ("intake", "launch")
    ]


@pytest.fixture
def busy(monkeypatch):
    """A Prefect server that is too busy for anything; what it was asked."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    asked = []

    class Busy(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
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
        monkeypatch.setattr("flows.notifying.prefect_runs.REPEATED", 0)
        with temporary_settings({PREFECT_API_URL: api}):
            yield asked
        server.shutdown()


def test_a_busy_server_is_not_insisted_upon(samples, world, busy, monkeypatch):
    said = []
    for module in (prefect_events, launch_hints):
        monkeypatch.setattr(module.log, "warning", lambda line, *about: said.append(line % about))
    taken = pipeline.take_inbox(world.services, sleep=world.clock.sleep)
    assert launch_hints.ask_for_launches(taken.starts(after=world.services.clock())) == 0
    assert prefect_events.tell_changes(world.services) == 0
    assert len(busy) == 2  # each once
    asked, told = said
    assert asked.startswith("the Prefect server was not asked for launches: Server error '503 Service Unavailable'")
    assert told.startswith("the Prefect server was not told of")
    assert not any("\n" in line for line in said)
