"""Work spread over workers: processes of this machine, or of a Dask cluster, whose only home this is.

A cluster that stands is reused; else workers are started on this machine for the pass, and only when there is enough to
do. A flow may have each piece of a cluster's work shown on the Prefect server as a task run. Functions and plain values
go out.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import ExitStack, contextmanager, suppress
from contextvars import Context
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from flows.errors import LaunchdropError
from flows.scaling.workers import Work, check_version, waits
from flows.settings import PREFIX

if TYPE_CHECKING:
    from distributed import Client

#: Seconds of work, by one process, from which a pass is spread: more than it costs to reach the workers.
#: Starting two on this machine and closing them takes 7 s, reaching a cluster that stands 2 s; imports come on top.
WORTH_A_CLUSTER, WORTH_A_CALL = 30.0, 3.0
#: Seconds to wait for a scheduler, and for its first worker.
PATIENCE = 20
#: Seconds without any worker after which a pass gives up: Dask itself would wait for another without end.
ALONE = 60.0
#: How Dask is to watch itself. At its defaults it looks at a worker's stack a hundred times a second and at its loop
#: fifty times: about a twelfth of a core, for what nobody looks at.
QUIET = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.interval": "1s"}
#: Workers of this machine: of one thread each, as judging holds Python's lock most of the time.
_HERE = {
    "n_workers": os.cpu_count(),
    "threads_per_worker": 1,
    "host": "127.0.0.1",
    "dashboard_address": "127.0.0.1:0",
}


@dataclass
class Cluster:
    """The Dask workers that LAUNCHDROP_TASK_RUNNER names."""

    setting: str
    stack: ExitStack = field(repr=False)
    shown_in: Context | None = field(default=None, repr=False)

    def is_worth(self, seconds: float) -> bool:
        """Whether so much work, in seconds of one process, is to be spread."""
        ready = self.setting != "dask" or self.reached
        return seconds >= (WORTH_A_CALL if ready else WORTH_A_CLUSTER)

    @property
    def reached(self) -> bool:
        """Whether the workers were asked for anything yet."""
        return "client" in self.__dict__

    def reach(self) -> None:
        _ = self.client

    @cached_property
    def client(self) -> "Client":
        """Connected to a cluster with at least one worker. Raises LaunchdropError."""
        import dask

        logging.getLogger("distributed").setLevel(logging.WARNING)  # it tells of every connection
        dask.config.set(QUIET)
        address, here = (None, _HERE) if self.setting == "dask" else (self.setting, {})
        try:
            client: Client = self._connected(address, here)
            client.wait_for_workers(1, timeout=PATIENCE)
        except (OSError, TimeoutError) as e:
            raise LaunchdropError(f"{PREFIX}TASK_RUNNER: no Dask workers at {self.setting}: {e or 'no answer'}") from e
        for theirs in client.run(version, "launchdrop", on_error="return").values():
            check_version(theirs if isinstance(theirs, str) else "nowhere", version("launchdrop"))
        self.stack.enter_context(_watched(client))
        return client

    def _connected(self, address: str | None, here: dict[str, Any]) -> Any:
        if self.shown_in is None:
            from distributed import Client

            connect: Callable[..., Any] = Client
            return self.stack.enter_context(connect(address, timeout=PATIENCE, set_as_default=False, **here))
        from prefect_dask.task_runners import DaskTaskRunner  # a second of imports: for those alone who are shown

        runner = DaskTaskRunner(address=address, cluster_kwargs=here, client_kwargs={"timeout": PATIENCE})
        return self.stack.enter_context(runner).client

    @property
    def workers(self) -> int:
        threads: Callable[[], dict[str, int]] = self.client.nthreads
        return max(1, sum(threads().values()))

    def submit(self, work: Callable[..., Any], *arguments: Any, name: str) -> Work:
        # What waited for other work goes first: others wait for it in turn, and meanwhile a worker would idle.
        submit: Callable[..., Work] = partial(self.client.submit, pure=False, priority=waits(arguments))
        if self.shown_in is None:
            return submit(work, *arguments)
        # As a step of the flow itself: the step that asks has parameters which cannot be sent to a worker.
        return self.shown_in.copy().run(submit, _as_task(work, name), *arguments)

    def executor(self) -> Executor:
        executor: Callable[..., Executor] = self.client.get_executor
        return executor(pure=False)


@contextmanager
def _watched(client: "Client") -> Iterator[None]:
    """Let go of everything that is waited for when there has been no worker for ALONE."""
    over = threading.Event()
    threads: Callable[[], dict[str, int]] = client.nthreads
    close: Callable[[], None] = client.close

    def watch() -> None:
        seen = time.monotonic()
        while not over.wait(min(5.0, ALONE / 4)):
            with suppress(OSError):  # the scheduler is out of reach, and with it the workers
                seen = time.monotonic() if threads() else seen
            if time.monotonic() - seen > ALONE:
                close()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def death_of_dask_workers(error: Exception) -> str | None:
    """How the workers of a cluster died, where the error says that they did."""
    if "distributed" not in sys.modules:  # seconds of imports: for those alone who spread
        return None
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return f"{error.allowed_failures + 1} Dask workers died over the same work"
    if isinstance(error, CancelledError):
        return "all Dask workers died, or their scheduler did"
    return None


def _as_task(work: Callable[..., Any], name: str) -> Callable[..., Any]:
    from prefect import task
    from prefect.cache_policies import NO_CACHE

    return task(name=name, cache_policy=NO_CACHE)(work)
