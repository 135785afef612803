"""How `serve` makes intake runs of hints: several at a time, none lost to a fault."""

import threading
from datetime import timedelta

import pytest

from flows import serving
from flows.serving import RUNS, Watch, _take_what_comes

DROPS = [{("acme", f"drop-{i}")} for i in range(RUNS)]


@pytest.fixture
def watch(monkeypatch):
    """Hints of some drops, in each of which something lies."""
    monkeypatch.setattr(serving, "look", lambda *_, **__: ["something"])
    monkeypatch.setattr(serving.passes, "inbox_of", lambda _: None)
    monkeypatch.setattr(serving, "_hints", lambda *_: iter(DROPS))
    monkeypatch.setattr(serving, "SWEEP", timedelta(seconds=0.06))
    return Watch()


class Nowhere:
    clock = staticmethod(lambda: None)


def test_a_run_that_still_tells_the_server_holds_up_nobody(watch, monkeypatch):
    together = threading.Barrier(RUNS)
    monkeypatch.setattr(serving, "shown", lambda run, *, drops: together.wait(30))
    _take_what_comes(watch, Nowhere)
    assert watch.wake.is_set()  # what was taken may be due


def test_a_run_that_fails_is_made_again(watch, monkeypatch):
    asked = []

    def fails_once(run, *, drops):
        asked.append(drops)
        if asked.count(drops) == 1:
            raise OSError("the store is out of reach")

    monkeypatch.setattr(serving, "shown", fails_once)
    _take_what_comes(watch, Nowhere)
    assert sorted(asked) == sorted([sorted(drops) for drops in DROPS] * 2)
