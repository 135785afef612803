"""Flow runs that a Prefect server records. Without the server the work is still done, exactly once, but not recorded.

A run logs one warning if the server is away. Code that would send the server more checks `is_server_away` first.
"""

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from flows.logs import masks_errors

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

#: How often Prefect's client retries a request that the server did not answer or was too busy for: after 2 and 4 s.
CLIENT_RETRIES = 2

_server_away: ContextVar[bool] = ContextVar("server_away", default=False)


def is_server_away() -> bool:
    """Whether the current run is not recorded because the server did not answer at its start."""
    return _server_away.get()


def record_run(work: Callable[[], R], *, name: str) -> R:
    """Do the work as a run of the flow with this name, and return its result. Raises what the work raises.

    A server that does not answer only causes a warning. Since it may go away at any moment, the work is done outside of
    the flow if the flow has not done it.
    """
    from prefect import flow  # takes two seconds, and `launchdrop run` works without it

    masked = masks_errors(work)
    # Plain lists, not a Future: Dask workers get the flow with everything its function refers to, and a Future has a
    # lock, which cannot be pickled.
    results: list[R] = []
    errors: list[BaseException] = []

    # No parameters: Prefect shows their values on the run's page and builds a JSON schema from their types.
    def recorded_work() -> R:
        try:
            results.append(masked())
        except BaseException as e:
            errors.append(e)
            raise
        return results[-1]

    try:
        with limited_retries():
            return flow(name=name)(recorded_work)()
    except Exception as e:
        problem = first_line(e)
    if errors:
        raise errors[-1]
    if results:
        log.warning("the Prefect server did not record how a run of %s ended: %s", name, problem)
        return results[-1]
    log.warning("the Prefect server does not record this run of %s: %s", name, problem)
    before = _server_away.set(True)
    try:
        return masked()
    finally:
        _server_away.reset(before)


def as_prefect_task(work: Callable[P, R], *, name: str, retries: int = 0) -> Callable[P, R]:
    """Wrap a function as a task, which its run shows and retries. If the server is away, the call is a plain one.

    Give `retries` only to work on outside systems. Each retry continues from what was already done.
    """
    from prefect import task  # see record_run
    from prefect.cache_policies import NO_CACHE

    as_task = task(name=name, cache_policy=NO_CACHE, retries=retries, retry_delay_seconds=2)(masks_errors(work))

    @functools.wraps(work)
    def run_task(*args: P.args, **kwargs: P.kwargs) -> R:
        return work(*args, **kwargs) if is_server_away() else as_task(*args, **kwargs)

    return run_task


@contextmanager
def limited_retries() -> Iterator[None]:
    """Within the block, Prefect's client gives up on a server after a few seconds.

    Its default is to retry for a minute, which would delay the next launch.
    """
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings  # see record_run

    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: CLIENT_RETRIES}):
        yield


def first_line(error: Exception) -> str:
    """The error in one line: a server's answer may have several lines, and a timeout none."""
    return str(error).partition("\n")[0] or type(error).__name__
