"""`serve`: one process that takes drops and launches programs within moments, beside a Prefect server.

The server records the runs and starts the nightly one. Hints make things happen quickly, and a regular sweep makes sure
that they happen if a hint is lost.
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
from flows.arrival.scan import scan_inbox
from flows.ledger.launches.due_launches import find_next_due_time
from flows.notifying.prefect_runs import record_run
from flows.operations.metrics import render_metrics
from flows.services import Services, check_folders, open_services
from flows.serving.site import METRICS_PATH, report_site
from flows.serving.supervisor import running_prefect_server, supervised_module
from flows.settings import Settings
from flows.stores import StoreError
from flows.stores.arrival_hints import DropHints, watch_folder, watch_queue
from flows.stores.folder import FolderStore

log = logging.getLogger(__name__)

#: Time between sweeps over the whole inbox, and between checks for what is due, if no hint comes.
SWEEP = timedelta(seconds=60)
#: Time between checks for a hint. It bounds how late a sweep may be.
HINT_INTERVAL = timedelta(seconds=1)
#: Seconds until the next try if something was due and nothing could be done.
LAUNCH_RETRY = 5.0
#: Intake runs at the same time. Only one takes drops; the others are reporting to the Prefect server, for seconds.
MAX_INTAKE_RUNS = 3
#: Seconds between checks for a signal that did not end the wait of the main thread.
SIGNAL_CHECK = 1.0
#: The folder for the Prefect server's database and the logs of the server and its runner.
HOME = Path(".launchdrop")


@dataclass(slots=True)
class LoopEvents:
    """Events that the loops share: `stop` to end, `wake` to check again for what is due."""

    stop: threading.Event = field(default_factory=threading.Event)
    wake: threading.Event = field(default_factory=threading.Event)

    def request_stop(self, *_: int | FrameType | None) -> None:
        """Also a signal handler."""
        cancellation.request_stop()
        self.stop.set()
        self.wake.set()


def serve_until_stopped(settings: Settings, print_line: Callable[[str], None]) -> None:
    """Run until Ctrl-C or SIGTERM. Work in progress is then finished first, and nothing is lost.

    Raises SettingsError, before it starts anything, if a folder in the settings is not a folder.
    """
    check_folders(settings)
    events = LoopEvents()
    with ExitStack() as stack:
        stack.enter_context(_stopped_by_signals(events))
        print_line("Starting the Prefect server …")
        api = stack.enter_context(running_prefect_server(HOME))
        stack.callback(_send_pending_records)
        services = stack.enter_context(open_services(settings))
        runner_log = HOME / "prefect" / "deployments.log"
        stack.enter_context(supervised_module("flows.serving.deployments", log_file=runner_log))
        print_line(f"Prefect: {api.removesuffix('/api')}")
        folder = services.reports.root if isinstance(services.reports, FolderStore) else None
        address = stack.enter_context(report_site(folder, settings.site_port, partial(render_metrics, services)))
        if folder is not None:
            print_line(f"Reports: {address}")
        print_line(f"Metrics: {address}{METRICS_PATH}")
        _import_early()
        threads = [
            _start_loop(events, "intake", partial(_run_intake_loop, events, services)),
            _start_loop(events, "launch", partial(_run_launch_loop, events, services)),
        ]
        print_line(f"Watching {settings.inbox}. Press Ctrl-C to stop.")
        _wait_for_stop(events)
        print_line("Stopping: finishing work in progress first.")
        for thread in threads:
            thread.join()


def _wait_for_stop(events: LoopEvents) -> None:
    """Wait until someone requests a stop.

    Python runs signal handlers in the main thread. A signal that arrives just before a wait, or in another thread, does
    not end a wait without a timeout.
    """
    while not events.stop.wait(SIGNAL_CHECK):
        pass


def _import_early() -> None:
    """Import what the first drop would have to wait for: the flows, the engine, the pages."""
    for module in (
        "flows.intake_flow",
        "flows.launch_flow",
        "reports.report_page",
        "schemas.rows.row_judge",
        "schemas.rows.judging.row_schema",
    ):
        import_module(module)


def _send_pending_records() -> None:
    # Imported late: Prefect reads the address of its server when it is first imported.
    # The same goes for the imports of `run_intake` and `run_launch` below.
    from flows.notifying.prefect_artifacts import send_pending_records

    send_pending_records()


@contextmanager
def _stopped_by_signals(events: LoopEvents) -> Iterator[None]:
    before = {s: signal.signal(s, events.request_stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start_loop(events: LoopEvents, name: str, loop: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=_retry_until_done, args=(events, name, loop), name=name, daemon=True)
    thread.start()
    return thread


def _retry_until_done(events: LoopEvents, name: str, work: Callable[[], None]) -> None:
    """Do the work. If it fails (a store is down, a disk is full), log that and try again until it succeeds."""
    while not events.stop.is_set():
        try:
            work()
        except Exception as e:
            log.error("%s: %s. Trying again in %d s.", name, e, SWEEP.total_seconds() / 6)
            events.stop.wait(SWEEP.total_seconds() / 6)
        else:
            return


def _run_intake_loop(events: LoopEvents, services: Services) -> None:
    in_progress: set[Future[None]] = set()
    with ThreadPoolExecutor(MAX_INTAKE_RUNS, "intake") as runs:
        for hints in _drop_hints(events, services):
            if events.stop.is_set():
                return
            drops = sorted(hints) or None  # None: a sweep
            # Start a flow run only if there is something to do.
            if any(scan_inbox(pipeline.make_inbox(services), now=services.clock(), drops=drops)):
                run = partial(_retry_until_done, events, "intake", partial(_run_intake, events, drops))
                in_progress.add(runs.submit(run))
            if len(in_progress) == MAX_INTAKE_RUNS:  # new hints are collected while this waits
                in_progress = wait(in_progress, return_when=FIRST_COMPLETED).not_done


def _run_intake(events: LoopEvents, drops: list[tuple[str, str]] | None) -> None:
    from flows.intake_flow import run_intake  # see _send_pending_records

    record_run(partial(run_intake, drops=drops), name="intake")
    events.wake.set()


def _drop_hints(events: LoopEvents, services: Services) -> Iterator[DropHints]:
    """Drops that may have arrived. An empty set asks for a sweep; the first one is for drops from before the start.

    If the source of hints fails, there are only sweeps, and the source is tried again after each.
    """
    last_error = ""
    while not events.stop.is_set():
        try:
            yield from _add_sweeps(_open_hint_source(events, services))
        except StoreError as e:
            if last_error != str(e):  # log a source that never works only once
                log.warning("%s. Until that works, the inbox is checked every %d s.", e, SWEEP.total_seconds())
            last_error = str(e)
        yield set()
        events.stop.wait(SWEEP.total_seconds())


def _open_hint_source(events: LoopEvents, services: Services) -> Iterable[DropHints]:
    if services.settings.events:
        return watch_queue(services.settings.events, services.inbox.url, events.stop)
    if isinstance(services.inbox, FolderStore):
        return watch_folder(services.inbox.root, events.stop, every=HINT_INTERVAL)
    return ()


def _add_sweeps(hints: Iterable[DropHints]) -> Iterator[DropHints]:
    """Pass drops on. Of the empty sets, which only say that time has passed, pass on one per sweep.

    A sweep also comes between drops that never pause: it retries what failed, and finds drops whose grace is over.
    """
    next_sweep = 0.0
    for drops in hints:
        if drops:
            yield drops
        if time.monotonic() >= next_sweep:
            yield set()
            next_sweep = time.monotonic() + SWEEP.total_seconds()


def _run_launch_loop(events: LoopEvents, services: Services) -> None:
    from flows.launch_flow import run_launch  # see _send_pending_records

    while not events.stop.is_set():
        events.wake.clear()
        now = services.clock()
        with services.ledger.read() as conn:
            due = find_next_due_time(conn, now)
        if due is None or due > now:
            events.wake.wait(min(SWEEP, due - now).total_seconds() if due else SWEEP.total_seconds())
            continue
        counts = record_run(run_launch, name="launch")
        if not any(counts[name] for name in ("live", "branded", "ended", "missed", "failed")):
            # A carrier that is down leaves due work undone. Give it some time.
            events.stop.wait(LAUNCH_RETRY)
