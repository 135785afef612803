"""A ledger, a clock that the tests move, and stand-ins that notice what must not happen."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from flows.carriers import Carrier
from flows.carriers.local import LocalCarrier
from flows.launching.due import LaunchSummary, run_due_jobs
from flows.ledger.core.engine import Ledger
from flows.ledger.read.page_queries import list_programs
from tests.flows.carriers.endpoint import Endpoint
from tests.flows.carriers.exchange import Exchange
from tests.flows.carriers.samples import OPENED, http_carrier
from tests.flows.launching.programs import NOON, ledger_at

HOUR = timedelta(hours=1)


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, step: timedelta) -> None:
        self.now += step


@dataclass
class Launcher:
    """One launchdrop: passes over a ledger with a carrier."""

    ledger: Ledger
    carrier: Carrier
    clock: Clock

    def go(self, **how) -> LaunchSummary:
        return run_due_jobs(self.ledger, self.carrier, clock=self.clock, **({"allowed_delay": 24 * HOUR} | how))

    def finish(self, *, passes: int = 20) -> list[LaunchSummary]:
        """Passes, each a minute after the one before, until one has nothing more to do."""
        done = []
        while len(done) < passes:
            done.append(self.go())
            if not done[-1].changed and done[-1].carrier_paused_until is None:
                return done
            self.clock.move(timedelta(minutes=1))
        raise AssertionError(f"not finished after {passes} passes: {done[-1]}")

    def state(self, reference: str = "q1"):
        with self.ledger.read() as conn:
            (row,) = list_programs(conn, reference=reference)
        return row


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def blank(tmp_path_factory):
    """A ledger's file as every test begins with it; making one anew takes longer than most of the tests."""
    folder = tmp_path_factory.mktemp("blank")
    ledger_at(folder).close()
    return folder / "ledger.db"


@pytest.fixture
def ledger(tmp_path, blank):
    shutil.copy(blank, tmp_path)
    opened = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def local(ledger, clock):
    return Launcher(ledger, LocalCarrier(), clock)


@pytest.fixture
def endpoint(clock):
    server = Endpoint(clock=clock)
    with server.running():
        yield server
    assert server.violations == []


@pytest.fixture
def exchange():
    server = Exchange()
    with server.running():
        yield server


@pytest.fixture
def remote(ledger, clock, endpoint):
    return Launcher(ledger, http_carrier(endpoint.url), clock)


@pytest.fixture(autouse=True)
def closed_after_use():
    yield
    while OPENED:
        OPENED.pop().close()
