"""A ledger, a clock that tests move, and fake carriers that notice calls that must not happen."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from flows.carriers import Carrier
from flows.carriers.local import LocalCarrier
from flows.launching.due_jobs import LaunchSummary, run_due_jobs
from flows.ledger.core.engine import Ledger
from flows.ledger.read.page_queries import list_programs
from tests.flows.carriers.endpoint import Endpoint
from tests.flows.carriers.exchange import Exchange
from tests.flows.carriers.samples import OPENED, http_carrier
from tests.flows.launching.programs import NOON, open_ledger

HOUR = timedelta(hours=1)


@dataclass
class Clock:
    """A clock that only moves when a test moves it."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, step: timedelta) -> None:
        self.now += step


def is_idle(summary: LaunchSummary) -> bool:
    """Whether a pass changed no program and had no problem."""
    return not any(summary.counts().values())


@dataclass
class Launcher:
    """Runs launch passes over a ledger with a carrier."""

    ledger: Ledger
    carrier: Carrier
    clock: Clock

    def run_pass(self, **options) -> LaunchSummary:
        return run_due_jobs(self.ledger, self.carrier, clock=self.clock, **({"allowed_delay": 24 * HOUR} | options))

    def finish(self, *, passes: int = 20) -> list[LaunchSummary]:
        """Run passes, one a minute, until one has nothing left to do."""
        done = []
        while len(done) < passes:
            is_cooling_down = self.carrier.cooldown_left() > 0  # then the pass does nothing
            done.append(self.run_pass())
            if is_idle(done[-1]) and not is_cooling_down:
                return done
            self.clock.advance(timedelta(minutes=1))
        raise AssertionError(f"not finished after {passes} passes: {done[-1]}")

    def state(self, reference: str = "q1"):
        with self.ledger.read() as conn:
            (row,) = list_programs(conn, reference=reference)
        return row


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def new_ledger_file(tmp_path_factory):
    """The file of a new ledger, to be copied for each test. Creating one takes longer than most of the tests."""
    folder = tmp_path_factory.mktemp("new-ledger")
    open_ledger(folder).close()
    return folder / "ledger.db"


@pytest.fixture
def ledger(tmp_path, new_ledger_file):
    shutil.copy(new_ledger_file, tmp_path)
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
def close_carriers():
    yield
    while OPENED:
        OPENED.pop().close()
