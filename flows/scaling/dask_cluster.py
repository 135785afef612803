"""Workers of a Dask cluster. This is the only module that imports Dask.

A cluster that is already running is used as it is. Otherwise one is started on this machine for the pass, if there is
enough to do. A flow can have each piece of work recorded on the Prefect server as a task run.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor
from contextlib import ExitStack, contextmanager, suppress
from contextvars import Context
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from flows.errors import LaunchdropError
from flows.logs import masks_errors
from flows.scaling.workers import SubmittedWork, check_worker_version
from flows.settings import PREFIX

if TYPE_CHECKING:
    from distributed import Client

#: Work that takes one process this many seconds is sent to a cluster: more than it costs to reach the workers.
#: Starting and closing two on this machine takes 7 s, reaching a running cluster 2 s. Imports come on top of both.
MIN_SECONDS_TO_START_CLUSTER, MIN_SECONDS_FOR_RUNNING_CLUSTER = 30.0, 3.0
#: Seconds to wait for a scheduler, and for its first worker.
CONNECT_TIMEOUT = 20
#: Seconds without any worker after which a pass gives up. Dask itself would wait for a new one forever.
MAX_SECONDS_WITHOUT_WORKERS = 60.0
#: Less self-monitoring. By default Dask samples each worker's stack 100 times a second and its event loop 50 times,
#: which costs about a twelfth of a core for data that nobody looks at.
DASK_CONFIG = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.interval": "1s"}
#: A cluster of this machine. Workers have one thread each, since judging holds Python's lock most of the time.
_LOCAL_CLUSTER = {
    "n_workers": os.cpu_count(),
    "threads_per_worker": 1,
    "host": "127.0.0.1",
    "dashboard_address": "127.0.0.1:0",
}


@dataclass
class DaskWorkers:
    """The Dask workers that LAUNCHDROP_TASK_RUNNER names: `dask` for a cluster of this machine, or an address.

    `flow_context` is the context of a flow whose run records each piece of work as a task run.
    """

    setting: str
    stack: ExitStack = field(repr=False)
    flow_context: Context | None = field(default=None, repr=False)
    _client: "Client | None" = field(default=None, init=False, repr=False)

    @property
    def started(self) -> bool:
        return self._client is not None

    def is_worthwhile_for(self, seconds: float) -> bool:
        is_running = self.setting != "dask" or self.started
        return seconds >= (MIN_SECONDS_FOR_RUNNING_CLUSTER if is_running else MIN_SECONDS_TO_START_CLUSTER)

    def start(self) -> None:
        self._connected_client()

    @property
    def count(self) -> int:
        threads: Callable[[], dict[str, int]] = self._connected_client().nthreads
        return max(1, sum(threads().values()))

    def submit(
        self, work: Callable[..., Any], *arguments: Any, after: Sequence[SubmittedWork] = (), name: str
    ) -> SubmittedWork:
        # Work that waited for other work goes first: more work waits for it, and workers would be idle.
        options = {"pure": False, "priority": int(bool(after))}
        submit: Callable[..., SubmittedWork] = self._connected_client().submit
        if self.flow_context is None:
            return submit(work, *arguments, *after, **options)
        # Recorded as a step of the flow itself. The step that submits it has parameters that cannot be pickled.
        return self.flow_context.copy().run(submit, _make_task(work, name), *arguments, *after, **options)

    def executor(self) -> Executor:
        executor: Callable[..., Executor] = self._connected_client().get_executor
        return executor(pure=False)

    def _connected_client(self) -> "Client":
        """A client of a cluster with at least one worker of this launchdrop version. Raises LaunchdropError."""
        if self._client is not None:
            return self._client
        import dask  # slow to load, and only large passes need it

        logging.getLogger("distributed").setLevel(logging.WARNING)  # it logs every connection
        dask.config.set(DASK_CONFIG)
        address, cluster = (None, _LOCAL_CLUSTER) if self.setting == "dask" else (self.setting, {})
        try:
            client: Client = self._connect(address, cluster)
            client.wait_for_workers(1, timeout=CONNECT_TIMEOUT)
        except (OSError, TimeoutError) as e:
            raise LaunchdropError(f"{PREFIX}TASK_RUNNER: no Dask workers at {self.setting}: {e or 'no answer'}") from e
        for worker in client.run(version, "launchdrop", on_error="return").values():
            check_worker_version(worker if isinstance(worker, str) else "(unknown version)", version("launchdrop"))
        self.stack.enter_context(_close_without_workers(client))
        self._client = client
        return client

    def _connect(self, address: str | None, cluster: dict[str, Any]) -> Any:
        if self.flow_context is None:
            from distributed import Client  # as for dask

            connect: Callable[..., Any] = Client
            return self.stack.enter_context(connect(address, timeout=CONNECT_TIMEOUT, set_as_default=False, **cluster))
        from prefect_dask.task_runners import DaskTaskRunner  # takes a second, and only recorded runs need it

        runner = DaskTaskRunner(address=address, cluster_kwargs=cluster, client_kwargs={"timeout": CONNECT_TIMEOUT})
        return self.stack.enter_context(runner).client


@contextmanager
def _close_without_workers(client: "Client") -> Iterator[None]:
    """While the block runs, close the client if its cluster has no worker for too long. That cancels all its work."""
    done = threading.Event()
    threads: Callable[[], dict[str, int]] = client.nthreads
    close: Callable[[], None] = client.close

    def watch() -> None:
        last_seen = time.monotonic()
        while not done.wait(min(5.0, MAX_SECONDS_WITHOUT_WORKERS / 4)):
            with suppress(OSError):  # the scheduler cannot be reached, and so no worker either
                last_seen = time.monotonic() if threads() else last_seen
            if time.monotonic() - last_seen > MAX_SECONDS_WITHOUT_WORKERS:
                close()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def describe_dask_death(error: Exception) -> str | None:
    """How the workers of a cluster died, if this error means that they did."""
    if "distributed" not in sys.modules:  # its import takes seconds, and without it no worker was used
        return None
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return f"{error.allowed_failures + 1} Dask workers died over the same work"
    if isinstance(error, CancelledError):
        return "all Dask workers died, or their scheduler did"
    return None


def _make_task(work: Callable[..., Any], name: str) -> Callable[..., Any]:
    from prefect import task  # takes two seconds, and only recorded runs need it
    from prefect.cache_policies import NO_CACHE

    return task(name=name, cache_policy=NO_CACHE)(masks_errors(work))
