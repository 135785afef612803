"""Row workers for a command that has the machine to itself: processes forked when a file is large enough for them."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from flows.scaling.parent_watch import end_with_the_parent
from schemas.rows.types import RowWorkers

#: Two processes are enough: one reads the file, and what follows the judging is done by one alone.
COUNT = min(2, os.cpu_count() or 1)


class _ForkedProcesses(Executor):
    """A process pool that is started by its first piece of work. The caller must have no other threads by then."""

    @cached_property
    def _pool(self) -> Executor:
        from concurrent.futures import ProcessPoolExecutor  # not worth its import for small files
        from multiprocessing import get_context

        # Forked, so that the processes start with what this one has loaded.
        return ProcessPoolExecutor(COUNT, mp_context=get_context("fork"), initializer=end_with_the_parent)

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        return self._pool.submit(work, *arguments, **named)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if "_pool" in self.__dict__:
            self._pool.shutdown(wait, cancel_futures=cancel_futures)


@contextmanager
def forked_row_workers() -> Iterator[RowWorkers | None]:
    """Row workers of this machine, ended with the block; None where it has one core only."""
    if COUNT < 2:
        yield None
        return
    with _ForkedProcesses() as executor:
        yield RowWorkers(executor=executor, count=COUNT)
