"""Work spread over processes of this machine, one a core: what a large pass is given where nothing else is set.

Blocks are prepared in the processes; what must keep an order, and therefore waits for others, is done here.
"""

import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing import get_context
from typing import Any

from flows.scaling.parent_watch import end_with_the_parent
from flows.scaling.workers import Work, waits

#: Seconds of work, by one process, from which a pass is spread: several times what it costs to start the others.
WORTH = 5.0
#: Loaded once, in the process that the others are forked from.
LOADED = [
    "flows.scaling.worker_tasks",
    "schemas.rows.judging.row_schema",
    "schemas.rows.findings.findings_table",
    "reports.report_page",
]


@dataclass
class Processes:
    """The processes of one pass. They are started when something is first asked of them, and end with the pass."""

    stack: ExitStack = field(repr=False)
    workers: int = os.cpu_count() or 1

    def is_worth(self, seconds: float) -> bool:
        """Whether so much work, in seconds of one process, is to be spread."""
        return self.workers > 1 and (seconds >= WORTH or self.reached)

    @property
    def reached(self) -> bool:
        """Whether the processes were asked for anything yet."""
        return "pool" in self.__dict__

    @cached_property
    def pool(self) -> ProcessPoolExecutor:
        """Forked from a server of their own: this process may have threads, and a fork would take their locks along."""
        # Their server would search the folder it runs in first, and take its reports/ for the package of that name.
        os.environ.setdefault("PYTHONSAFEPATH", "1")
        context = get_context("forkserver")
        context.set_forkserver_preload(LOADED)
        pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_begin)
        self.stack.callback(pool.shutdown, cancel_futures=True)
        return pool

    def reach(self) -> None:
        """Start the processes, and load what they need."""
        for _ in range(self.workers):
            self.pool.submit(os.getpid)

    def submit(self, work: Callable[..., Any], *arguments: Any, name: str) -> Work:  # noqa: ARG002  shown by others
        """Have `work` done; after what was submitted before and is among its arguments, it is done here, when asked."""
        if waits(arguments):
            return _Later(work, arguments)
        return self.pool.submit(work, *arguments)

    def executor(self) -> Executor:
        """The same processes as plain Python sees them."""
        return self.pool


@dataclass
class _Later:
    """Work that waits for other work; it is done once, by whoever asks for its result."""

    work: Callable[..., Any]
    arguments: tuple[Any, ...]

    def result(self) -> Any:
        return self._result

    @cached_property
    def _result(self) -> Any:
        told = [argument.result() if hasattr(argument, "result") else argument for argument in self.arguments]
        self.arguments = ()  # what was prepared may be large, and is needed no more
        return self.work(*told)


def _begin() -> None:
    # Ctrl-C is for the process that asked: it ends the pass, and the others with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_the_parent()
