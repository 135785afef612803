"""Workers of a pass, as the pass sees them: processes of this machine or of a Dask cluster. Functions and plain values go out."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, Protocol

from flows.errors import LaunchdropError


class Work(Protocol):
    """Something that was submitted."""

    def result(self) -> Any:
        """What came of it, once it is done; raises what it raised."""
        ...


class Workers(Protocol):
    """Workers of a pass. They are reached when something is first asked of them, or before, where there is time."""

    @property
    def workers(self) -> int:
        """How many pieces of work are done at a time."""
        ...

    def is_worth(self, seconds: float) -> bool:
        """Whether so much work, in seconds of one process, is to be spread."""
        ...

    def reach(self) -> None:
        """Reach the workers, for what is to be asked of them soon."""
        ...

    def submit(self, work: Callable[..., Any], *arguments: Any, name: str) -> Work:
        """Have `work` done by a worker; among the arguments may be what was submitted before.

        A worker that dies may cost a repetition by another: work must come to the same end when it is done again.
        """
        ...

    def executor(self) -> Executor:
        """The same workers as plain Python sees them, for work too fine to be shown."""
        ...


def waits(arguments: Sequence[Any]) -> bool:
    """Whether work with these arguments comes after other work."""
    return any(hasattr(argument, "result") for argument in arguments)


def check_version(theirs: str, ours: str) -> None:
    """Raises LaunchdropError where a worker's launchdrop is not the one of the process that spreads."""
    if theirs != ours:
        raise LaunchdropError(
            f"a Dask worker runs launchdrop {theirs}, not {ours}: restart the workers after an upgrade"
        )
