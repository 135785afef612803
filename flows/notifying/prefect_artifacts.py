"""What a run leaves on the Prefect server: counts, never a phone number, a name or a row."""

import logging
from collections.abc import Iterable, Mapping

from prefect.artifacts import create_table_artifact
from prefect.context import FlowRunContext
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker

from flows.notifying.prefect_runs import first_line

log = logging.getLogger(__name__)

#: Seconds to wait for pending log lines and events to be sent.
SEND_TIMEOUT = 10.0


def log_problems(problems: Iterable[str]) -> None:
    """Log what needs the operator, one line each. If the run is recorded, the lines are on its page too."""
    for problem in problems:
        log.error("%s", problem)


def publish_counts(key: str, counts: Mapping[str, int]) -> None:
    """Store a table of counts on the server under the flow's key, if a run is recorded and any count is not zero.

    Only warns if the server does not accept it: the work itself is done.
    """
    if FlowRunContext.get() is None or not any(counts.values()):
        return
    try:
        create_table_artifact([{"what": what, "count": count} for what, count in counts.items()], key=key)
    except Exception as e:
        log.warning("the Prefect server did not accept the counts of this run of %s: %s", key, first_line(e))


def send_pending_records() -> None:
    """Send pending log lines and events while the server still runs. Without it, Prefect would try for a minute."""
    for worker in (EventsWorker, APILogWorker):
        worker.drain_all(timeout=SEND_TIMEOUT)
