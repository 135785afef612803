"""Opens the workers that LAUNCHDROP_TASK_RUNNER names, for one pass."""

import sys
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import ExitStack, contextmanager
from contextvars import copy_context

from flows.errors import LaunchdropError
from flows.scaling.dask_cluster import Cluster
from flows.scaling.processes import Processes
from flows.scaling.workers import Workers


@contextmanager
def open_workers(setting: str, *, shown: bool = False) -> Iterator[Workers]:
    """The workers of LAUNCHDROP_TASK_RUNNER, let go at the end; a cluster that stood before stands on.

    `shown`: the caller is a flow, whose run on the Prefect server is to show each piece of a cluster's work.
    """
    with ExitStack() as stack:
        made = Processes(stack) if setting == "local" else Cluster(setting, stack, copy_context() if shown else None)
        try:
            yield made
        except Exception as e:
            if made.reached and (died := _died(e)):
                raise LaunchdropError(f"{died}; was there enough memory? What is left is taken by the next pass") from e
            raise


def _died(error: Exception) -> str | None:
    if isinstance(error, BrokenExecutor):
        return "a process of this pass was killed"
    if "distributed" not in sys.modules:  # seconds of imports: for those alone who spread
        return None
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return f"{error.allowed_failures + 1} Dask workers died over the same work"
    if isinstance(error, CancelledError):
        return "all Dask workers died, or their scheduler did"
    return None
