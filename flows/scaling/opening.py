"""Opens the workers for one pass, as LAUNCHDROP_TASK_RUNNER says."""

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack, contextmanager
from contextvars import copy_context

from flows.errors import LaunchdropError
from flows.scaling.dask_cluster import DaskWorkers, describe_dask_death
from flows.scaling.processes import LocalProcesses
from flows.scaling.workers import Workers


@contextmanager
def open_workers(setting: str, *, record_tasks: bool = False) -> Iterator[Workers]:
    """The workers for LAUNCHDROP_TASK_RUNNER. Those started for the pass end with the block; a running cluster stays.

    With `record_tasks`, the caller is a flow, and each piece of work on a cluster is a task run on the Prefect server.
    Raises LaunchdropError if the workers died.
    """
    with ExitStack() as stack:
        workers: Workers = (
            LocalProcesses(stack)
            if setting == "local"
            else DaskWorkers(setting, stack, copy_context() if record_tasks else None)
        )
        try:
            yield workers
        except Exception as e:
            if workers.started and (death := _describe_death(e)):
                raise LaunchdropError(f"{death}; was there enough memory? The next pass takes what is left") from e
            raise


def _describe_death(error: Exception) -> str | None:
    """How the workers died, if this error means that they did."""
    if isinstance(error, BrokenExecutor):
        return "a process of this pass was killed"
    return describe_dask_death(error)
