"""`serve`: everything in one place. Drops are taken and programs launched in this process, moments after their time.

The Prefect server shows the runs and asks for the nightly one; hints make it quick, sweeps make it certain.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FrameType

from flows import cancellation, pipeline
from flows.arrival.scan import look
from flows.ledger.launches.launches import next_due
from flows.notifying.prefect_runs import shown
from flows.operations.metrics import exposition
from flows.services import Services, check_places, open_services
from flows.serving.prefect_server import child, server
from flows.serving.site import METRICS, site
from flows.settings import Settings
from flows.stores import StoreError
from flows.stores.folder import FolderStore
from flows.stores.arrival_hints import Hints, folder_hints, queue_hints

log = logging.getLogger(__name__)

#: Between sweeps over the whole inbox, and between looks for what is due, where no hint comes.
SWEEP = timedelta(seconds=60)
#: How soon a hint that never came is noticed to be late.
HEARD = timedelta(seconds=1)
#: Seconds before what is due is tried again after nothing of it could be done.
REST = 5.0
#: Intake runs at a time. They take one after the other, but then tell the server of it for seconds, mostly waiting.
RUNS = 3
#: Ours: the server's database, its log and the runner's.
HOME = Path(".launchdrop")


@dataclass(slots=True)
class Watch:
    """What the loops share: when to stop, and when to look again for what is due."""

    stop: threading.Event = field(default_factory=threading.Event)
    wake: threading.Event = field(default_factory=threading.Event)

    def end(self, *_: int | FrameType | None) -> None:
        cancellation.stop()
        self.stop.set()
        self.wake.set()


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Stay until Ctrl-C or a request to end; what is under way is finished first, nothing is lost.

    Raises SettingsError, before anything is started, where a folder that is set is none.
    """
    check_places(settings)
    watch = Watch()
    with ExitStack() as stack:
        stack.enter_context(_ended_by_signals(watch))
        say("Starting the Prefect server …")
        api = stack.enter_context(server(HOME))
        stack.callback(_send_the_rest)
        services = stack.enter_context(open_services(settings))
        stack.enter_context(child("flows.serving.deployments", said=HOME / "prefect" / "deployments.log"))
        say(f"Prefect: {api.removesuffix('/api')}")
        folder = services.reports.root if isinstance(services.reports, FolderStore) else None
        address = stack.enter_context(site(folder, settings.site_port, partial(exposition, services)))
        if folder is not None:
            say(f"Reports: {address}")
        say(f"Metrics: {address}{METRICS}")
        _warm()
        loops = [_loop(watch, "intake", _take_what_comes, services), _loop(watch, "launch", _launch_in_time, services)]
        say(f"Watching {settings.inbox}. Ctrl-C ends it.")
        watch.stop.wait()
        say("Ending: what is under way is finished first.")
        for thread in loops:
            thread.join()


def _warm() -> None:
    """Load what the first drop would else wait for: the engine, the pages, the flows."""
    for module in (
        "flows.intake_flow",
        "flows.launch_flow",
        "reports.report_page",
        "schemas.rows.row_judge",
        "schemas.rows.judging.row_schema",
    ):
        import_module(module)


def _send_the_rest() -> None:
    # Not before: Prefect reads the address of its server when it is first imported.
    from flows.notifying.prefect_artifacts import send_the_rest

    send_the_rest()


@contextmanager
def _ended_by_signals(watch: Watch) -> Iterator[None]:
    before = {s: signal.signal(s, watch.end) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _loop(watch: Watch, name: str, work: Callable[[Watch, Services], None], services: Services) -> threading.Thread:
    thread = threading.Thread(
        target=_insist, args=(watch, name, partial(work, watch, services)), name=name, daemon=True
    )
    thread.start()
    return thread


def _insist(watch: Watch, name: str, work: Callable[[], None]) -> None:
    """Work that fails (a store out of reach, a full disk) is said and begun again: the next time may do better."""
    while not watch.stop.is_set():
        try:
            work()
        except Exception as e:
            log.error("%s: %s. Trying again in %d s.", name, e, SWEEP.total_seconds() / 6)
            watch.stop.wait(SWEEP.total_seconds() / 6)
        else:
            return


def _take_what_comes(watch: Watch, services: Services) -> None:
    under_way: set[Future[None]] = set()
    with ThreadPoolExecutor(RUNS, "intake") as runs:
        for drops in _hints(watch, services):
            if watch.stop.is_set():
                return
            # A sweep, where no drop is named; a flow run is only made where something is to be done.
            named = sorted(drops) or None
            if any(look(pipeline.inbox_of(services), now=services.clock(), drops=named)):
                under_way.add(runs.submit(_insist, watch, "intake", partial(_intake, watch, named)))
            if len(under_way) == RUNS:  # hints gather meanwhile
                under_way = wait(under_way, return_when=FIRST_COMPLETED).not_done


def _intake(watch: Watch, drops: list[tuple[str, str]] | None) -> None:
    from flows.intake_flow import intake

    with pipeline.about(drops):
        shown(intake)
    watch.wake.set()


def _hints(watch: Watch, services: Services) -> Iterator[Hints]:
    """Drops that something was heard of; an empty set asks for a sweep, first for what lay there before we listened.

    Where nothing can be heard, sweeps go on, and it is tried again after each.
    """
    said = ""
    while not watch.stop.is_set():
        try:
            yield from _paced(_heard(watch, services))
        except StoreError as e:
            if said != str(e):  # what cannot be watched at all is no news each time
                log.warning("%s. Looking every %d s meanwhile.", e, SWEEP.total_seconds())
            said = str(e)
        yield set()
        watch.stop.wait(SWEEP.total_seconds())


def _heard(watch: Watch, services: Services) -> Iterable[Hints]:
    if services.settings.events:
        return queue_hints(services.settings.events, services.inbox.url, watch.stop)
    if isinstance(services.inbox, FolderStore):
        return folder_hints(services.inbox.root, watch.stop, every=HEARD)
    return ()


def _paced(hints: Iterable[Hints]) -> Iterator[Hints]:
    """Drops as they come; of the empty sets, that only tell that time has passed, one for each sweep.

    Also between drops that come without end: a sweep tries again what failed, and sees whose grace is over.
    """
    due = 0.0
    for drops in hints:
        if drops:
            yield drops
        if time.monotonic() >= due:
            yield set()
            due = time.monotonic() + SWEEP.total_seconds()


def _launch_in_time(watch: Watch, services: Services) -> None:
    from flows.launch_flow import launch

    while not watch.stop.is_set():
        watch.wake.clear()
        now = services.clock()
        with services.ledger.read() as conn:
            due = next_due(conn, now)
        if due is None or due > now:
            watch.wake.wait(min(SWEEP, due - now).total_seconds() if due else SWEEP.total_seconds())
        elif not any(shown(launch)[name] for name in ("live", "branded", "ended", "missed", "failed")):
            # A carrier that is down leaves undone what is due; it is not asked again at once.
            watch.stop.wait(REST)
