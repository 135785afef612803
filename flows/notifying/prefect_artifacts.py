"""What a run leaves on the Prefect server: counts, never a number, a name or a row."""

import logging
from collections.abc import Iterable, Mapping

from prefect.artifacts import create_table_artifact
from prefect.context import FlowRunContext
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker

from flows.notifying.prefect_runs import why

log = logging.getLogger(__name__)

#: Seconds to wait for what is still to be sent.
PATIENCE = 10.0


def tell_problems(problems: Iterable[str]) -> None:
    """What needs the operator, a line each: in the log of the run, on the server too where one is there."""
    for problem in problems:
        log.error("%s", problem)


def summarize(key: str, counts: Mapping[str, int]) -> None:
    """A table of counts on the server, under the flow's key; nothing where no run is under way or nothing was done.

    What was done stays done where the server does not take it.
    """
    if FlowRunContext.get() is None or not any(counts.values()):
        return
    try:
        create_table_artifact([{"what": what, "count": count} for what, count in counts.items()], key=key)
    except Exception as e:
        log.warning("the Prefect server did not take the counts of this run of %s: %s", key, why(e))


def send_the_rest() -> None:
    """Send log lines and events of the last runs while the server is there; later Prefect tries for a minute."""
    for worker in (EventsWorker, APILogWorker):
        worker.drain_all(timeout=PATIENCE)
