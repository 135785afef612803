"""Runs that a Prefect server shows: where it is away, their work is done all the same, once, and only not shown.

What is said here of a server's absence is one line a run; what would tell it more, asks `unseen` first.
"""

import functools
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from flows.logs import shielded

if TYPE_CHECKING:
    from prefect import Flow

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

#: How often a request is repeated that a server did not answer, or is too busy for: 2 and 4 s later.
REPEATED = 2

_unseen: ContextVar[bool] = ContextVar("unseen", default=False)


def unseen() -> bool:
    """Whether what is under way is not shown, as the server was found to be away."""
    return _unseen.get()


def shown(run: "Flow[P, R]", *args: P.args, **kwargs: P.kwargs) -> R:
    """What a run of this flow gives. Raises what its work raises; of a server that is away it only warns.

    It may go away at any moment: whether the work had begun decides whether it is to be done here.
    """
    work, once = run.fn, copy(run)
    once.fn, outcome = _kept(work)
    try:
        with briefly():
            return once(*args, **kwargs)
    except Exception as e:
        if outcome.done():
            if not outcome.exception():
                log.warning("the Prefect server was not told how a run of %s ended: %s", run.name, why(e))
            return outcome.result()
        log.warning("the Prefect server does not show this run of %s: %s", run.name, why(e))
    before = _unseen.set(True)
    try:
        return work(*args, **kwargs)
    finally:
        _unseen.reset(before)


def step(work: Callable[P, R], *, name: str, retries: int = 0) -> Callable[P, R]:
    """The same as a task, to be shown in a run and tried again there; plainly itself where nothing is shown.

    Only what touches the outside is tried again; a repetition finds what was done and goes on from there.
    """
    from prefect import task
    from prefect.cache_policies import NO_CACHE

    as_task = task(name=name, cache_policy=NO_CACHE, retries=retries, retry_delay_seconds=2)(shielded(work))

    @functools.wraps(work)
    def done(*args: P.args, **kwargs: P.kwargs) -> R:
        return work(*args, **kwargs) if unseen() else as_task(*args, **kwargs)

    return done


@contextmanager
def briefly() -> Iterator[None]:
    """Within the block Prefect's client gives a server up after some seconds. By itself it insists for a minute, and
    what is due meanwhile would be late.
    """
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: REPEATED}):
        yield


def why(error: Exception) -> str:
    """In one line: what a server answered comes with several, and a time that ran out with none."""
    return str(error).partition("\n")[0] or type(error).__name__


def _kept(work: Callable[P, R]) -> tuple[Callable[P, R], Future[R]]:
    """The same work, and what came of it, once it was done."""
    outcome: Future[R] = Future()

    @functools.wraps(work)
    def keeping(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            result = work(*args, **kwargs)
        except BaseException as e:
            outcome.set_exception(e)
            raise
        outcome.set_result(result)
        return result

    return keeping, outcome
