"""Opens the workers that LAUNCHDROP_TASK_RUNNER names, for one pass."""

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack, contextmanager
from contextvars import copy_context

from flows.errors import LaunchdropError
from flows.scaling.dask_cluster import Cluster, death_of_dask_workers
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
            if made.reached and (died := _death_of(e)):
                raise LaunchdropError(f"{died}; was there enough memory? What is left is taken by the next pass") from e
            raise


def _death_of(error: Exception) -> str | None:
    """How workers died, where the error says that they did."""
    if isinstance(error, BrokenExecutor):
        return "a process of this pass was killed"
    return death_of_dask_workers(error)
