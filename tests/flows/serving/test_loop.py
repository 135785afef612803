"""How `serve` turns hints into intake runs, several at a time; none is lost if one fails. How a signal stops it."""

import signal
import threading
from datetime import timedelta
from itertools import islice
from types import SimpleNamespace

import pytest

from flows.serving import loop
from flows.serving.loop import MAX_INTAKE_RUNS, LoopEvents, _add_sweeps, _drop_hints, _run_intake_loop, _wait_for_stop
from flows.stores import StoreError

DROPS = [{("acme", f"drop-{i}")} for i in range(MAX_INTAKE_RUNS)]


@pytest.fixture
def events(monkeypatch):
    """Events for a loop that gets hints about some drops, each of which has something to do."""
    monkeypatch.setattr(loop, "scan_inbox", lambda *_, **__: ["something"])
    monkeypatch.setattr(loop.pipeline, "make_inbox", lambda _: None)
    monkeypatch.setattr(loop, "_drop_hints", lambda *_: iter(DROPS))
    monkeypatch.setattr(loop, "SWEEP", timedelta(seconds=0.06))
    events = LoopEvents()
    # A run that fails is retried until the loop is stopped. Here that must fail the test, not block it.
    timeout = threading.Timer(60, events.stop.set)
    timeout.start()
    yield events
    timeout.cancel()
    assert not events.stop.is_set()


class NoServices:
    clock = staticmethod(lambda: None)


def test_a_run_that_still_reports_to_the_server_does_not_block_others(events, monkeypatch):
    together = threading.Barrier(MAX_INTAKE_RUNS)
    monkeypatch.setattr(loop, "record_run", lambda work, *, name: together.wait(30))
    _run_intake_loop(events, NoServices)
    assert events.wake.is_set()  # a program of these drops may be due


def test_a_run_that_fails_is_retried(events, monkeypatch):
    runs = []

    def fail_once(work, *, name):
        runs.append(work.keywords["drops"])
        if runs.count(runs[-1]) == 1:
            raise OSError("the store is down")

    monkeypatch.setattr(loop, "record_run", fail_once)
    _run_intake_loop(events, NoServices)
    assert sorted(runs) == sorted([sorted(drops) for drops in DROPS] * 2)


@pytest.mark.parametrize(("sweep", "sweeps"), [(0, 4), (60, 1)])
def test_sweeps_come_on_time_even_if_drops_never_pause(monkeypatch, sweep, sweeps):
    monkeypatch.setattr(loop, "SWEEP", timedelta(seconds=sweep))
    drop = {("acme", "drop")}
    hints = list(_add_sweeps([drop, set(), drop, drop]))
    assert hints.count(drop) == 3
    assert hints.count(set()) == sweeps


def test_a_queue_that_failed_is_read_again(monkeypatch, caplog):
    drop, calls = {("acme", "drop")}, []

    def queue(*_):
        calls.append(1)
        if len(calls) in (1, 2):
            raise StoreError("the queue of events cannot be read")
        yield drop

    monkeypatch.setattr(loop, "watch_queue", queue)
    monkeypatch.setattr(loop, "SWEEP", timedelta(0))
    services = SimpleNamespace(settings=SimpleNamespace(events="a queue"), inbox=SimpleNamespace(url="s3://inbox"))
    assert list(islice(_drop_hints(LoopEvents(), services), 3)) == [set(), set(), drop]
    assert [record.getMessage() for record in caplog.records] == [
        "the queue of events cannot be read. Until that works, the inbox is checked every 0 s."
    ]


def test_a_signal_that_does_not_reach_the_main_thread_still_stops_it():
    """As one that arrives just before the main thread waits: its handler is due, but nothing ends the wait."""
    events = LoopEvents()
    before = signal.signal(signal.SIGUSR1, lambda *_: events.stop.set())
    try:
        sender = threading.Timer(0.5, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1))
        sender.start()
        _wait_for_stop(events)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert events.stop.is_set()
