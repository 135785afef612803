"""How `serve` makes intake runs of hints: several at a time, none lost to a fault."""

import threading
from datetime import timedelta
from itertools import islice
from types import SimpleNamespace

import pytest

from flows import pipeline
from flows.serving import loop
from flows.serving.loop import RUNS, Watch, _hints, _paced, _take_what_comes
from flows.stores import StoreError

DROPS = [{("acme", f"drop-{i}")} for i in range(RUNS)]


@pytest.fixture
def watch(monkeypatch):
    """Hints of some drops, in each of which something lies."""
    monkeypatch.setattr(loop, "look", lambda *_, **__: ["something"])
    monkeypatch.setattr(loop.pipeline, "inbox_of", lambda _: None)
    monkeypatch.setattr(loop, "_hints", lambda *_: iter(DROPS))
    monkeypatch.setattr(loop, "SWEEP", timedelta(seconds=0.06))
    watch = Watch()
    # A run that fails is made again until somebody says stop: here a failure is to end the test, not to hold it up.
    patience = threading.Timer(60, watch.stop.set)
    patience.start()
    yield watch
    patience.cancel()
    assert not watch.stop.is_set()


class Nowhere:
    clock = staticmethod(lambda: None)


def test_a_run_that_still_tells_the_server_holds_up_nobody(watch, monkeypatch):
    together = threading.Barrier(RUNS)
    monkeypatch.setattr(loop, "shown", lambda run: together.wait(30))
    _take_what_comes(watch, Nowhere)
    assert watch.wake.is_set()  # what was taken may be due


def test_a_run_that_fails_is_made_again(watch, monkeypatch):
    asked = []

    def fails_once(run):
        asked.append(pipeline.named())
        if asked.count(pipeline.named()) == 1:
            raise OSError("the store is out of reach")

    monkeypatch.setattr(loop, "shown", fails_once)
    _take_what_comes(watch, Nowhere)
    assert sorted(asked) == sorted([sorted(drops) for drops in DROPS] * 2)


@pytest.mark.parametrize(("sweep", "sweeps"), [(0, 4), (60, 1)])
def test_sweeps_are_made_in_their_time_though_drops_come_without_end(monkeypatch, sweep, sweeps):
    monkeypatch.setattr(loop, "SWEEP", timedelta(seconds=sweep))
    drop = {("acme", "drop")}
    heard = list(_paced([drop, set(), drop, drop]))
    assert heard.count(drop) == 3
    assert heard.count(set()) == sweeps


def test_a_queue_that_failed_is_listened_to_again(monkeypatch, caplog):
    drop, calls = {("acme", "drop")}, []

    def queue(*_):
        calls.append(1)
        if len(calls) in (1, 2):
            raise StoreError("the queue of events cannot be read")
        yield drop

    monkeypatch.setattr(loop, "queue_hints", queue)
    monkeypatch.setattr(loop, "SWEEP", timedelta(0))
    services = SimpleNamespace(settings=SimpleNamespace(events="a queue"), inbox=SimpleNamespace(url="s3://inbox"))
    assert list(islice(_hints(Watch(), services), 3)) == [set(), set(), drop]
    assert [record.getMessage() for record in caplog.records] == [
        "the queue of events cannot be read. Looking every 0 s meanwhile."
    ]
