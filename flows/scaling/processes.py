"""Worker processes on this machine: one per core for a large pass, two for the rows of `check`.

A child of `multiprocessing` has a handle on its parent, and so ends with it. A child started as a command has none, so
`flows.serving.child_entry` uses a pipe instead.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing import connection, parent_process
from typing import Any

from flows.scaling.workers import SubmittedWork
from schemas.rows.types import RowWorkers

#: Work that takes one process this many seconds is shared. Starting the others costs a fraction of that.
MIN_SECONDS_FOR_PROCESSES = 5.0
#: Modules that are loaded once, in the server process that the workers are forked from.
PRELOADED = [
    "flows.scaling.worker_tasks",
    "schemas.rows.judging.row_schema",
    "schemas.rows.findings.findings_table",
    "reports.report_page",
]
#: Processes that judge the rows of one drop. More would wait for this process, which reads the file and does all that
#: follows the judging.
ROW_PROCESSES = min(2, os.cpu_count() or 1)


@dataclass
class LocalProcesses:
    """The processes of one pass. They start with the first work and end with the pass.

    Blocks of drops are prepared in the processes. Work that has to wait for other work is done in this process.
    """

    stack: ExitStack = field(repr=False)
    count: int = os.cpu_count() or 1
    _pool: Executor | None = field(default=None, init=False, repr=False)

    @property
    def started(self) -> bool:
        return self._pool is not None

    def is_worthwhile_for(self, seconds: float) -> bool:
        return self.count > 1 and (seconds >= MIN_SECONDS_FOR_PROCESSES or self.started)

    def start(self) -> None:
        """Start all processes, which load what they need."""
        for _ in range(self.count):
            self.executor().submit(os.getpid)

    def submit(
        self,
        work: Callable[..., Any],
        *arguments: Any,
        after: Sequence[SubmittedWork] = (),
        name: str,  # noqa: ARG002  not recorded here
    ) -> SubmittedWork:
        if after:
            return _DeferredWork(work, arguments, after)
        return self.executor().submit(work, *arguments)

    def executor(self) -> Executor:
        if self._pool is None:
            self._pool = self._open_pool()
        return self._pool

    def _open_pool(self) -> Executor:
        from concurrent.futures import ProcessPoolExecutor  # small passes do not need this import
        from multiprocessing import get_context

        # Forked from a clean server process: this process may have threads, and a fork would copy their locks.
        # That server must not search the current folder for modules: it would load its reports/ as our package.
        os.environ.setdefault("PYTHONSAFEPATH", "1")
        context = get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        pool = ProcessPoolExecutor(self.count, mp_context=context, initializer=_begin_worker)
        self.stack.callback(pool.shutdown, cancel_futures=True)
        return pool


@dataclass
class _DeferredWork:
    """Work that is done in this process, once, when its result is first asked for."""

    work: Callable[..., Any]
    arguments: Sequence[Any]
    after: Sequence[SubmittedWork]

    def result(self) -> Any:
        return self._result

    @cached_property
    def _result(self) -> Any:
        arguments = [*self.arguments, *(earlier.result() for earlier in self.after)]
        self.arguments = self.after = ()  # they may be large, and are not needed anymore
        return self.work(*arguments)


class _ForkedProcesses(Executor):
    """A process pool that starts with the first work. The caller must not have other threads by then."""

    def __init__(self) -> None:
        self._pool: Executor | None = None

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        if self._pool is None:
            from concurrent.futures import ProcessPoolExecutor  # small files do not need this import
            from multiprocessing import get_context

            # A fork has everything loaded that this process has.
            self._pool = ProcessPoolExecutor(
                ROW_PROCESSES, mp_context=get_context("fork"), initializer=_end_with_parent
            )
        return self._pool.submit(work, *arguments, **named)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait, cancel_futures=cancel_futures)


@contextmanager
def forked_row_workers() -> Iterator[RowWorkers | None]:
    """Row workers for a command that has this machine to itself, or None if it has only one core.

    They start when a file is large enough to need them, and end with the block.
    """
    if ROW_PROCESSES < 2:
        yield None
        return
    with _ForkedProcesses() as executor:
        yield RowWorkers(executor=executor, count=ROW_PROCESSES)


def _begin_worker() -> None:
    # Ctrl-C is for the main process, which ends the pass and its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()


def _end_with_parent() -> None:
    """End this child process with its parent. A parent that was killed cannot end it, and it would wait forever."""
    parent = parent_process()
    assert parent is not None

    def wait() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
