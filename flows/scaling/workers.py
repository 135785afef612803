"""The workers of a pass, as the pass uses them. They are processes of this machine or of a Dask cluster.

Work and its arguments are sent to them by pickling: module-level functions and plain values.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, Protocol

from flows.errors import LaunchdropError


class SubmittedWork(Protocol):
    """Work that was given to a worker."""

    def result(self) -> Any:
        """Wait for the work and return its result. Raises what the work raised."""
        ...


class Workers(Protocol):
    """The workers of a pass. They start when they first get work, or earlier by `start`."""

    @property
    def count(self) -> int:
        """How many pieces of work are done at the same time. Starts the workers of a cluster."""
        ...

    @property
    def started(self) -> bool:
        """Whether the workers were started."""
        ...

    def is_worthwhile_for(self, seconds: float) -> bool:
        """Whether work that takes one process this many seconds should go to the workers."""
        ...

    def start(self) -> None:
        """Start the workers ahead of the first work."""
        ...

    def submit(
        self, work: Callable[..., Any], *arguments: Any, after: Sequence[SubmittedWork] = (), name: str
    ) -> SubmittedWork:
        """Have a worker do `work`, after the work in `after`, whose results are added to the arguments in their order.

        If a worker dies, another one may do the work again: doing it twice must have the same result as doing it once.
        `name` is what the work is called on the Prefect server.
        """
        ...

    def executor(self) -> Executor:
        """The same workers as a plain executor, for pieces of work too small to be recorded."""
        ...


def check_worker_version(worker: str, expected: str) -> None:
    """Raises LaunchdropError if a worker does not run the same launchdrop version as the process that uses it."""
    if worker != expected:
        raise LaunchdropError(
            f"a Dask worker runs launchdrop {worker}, not {expected}: restart the workers after an upgrade"
        )
