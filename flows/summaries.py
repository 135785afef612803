"""What a run leaves on the Prefect server: counts, never a number, a name or a row."""

import logging
from collections.abc import Iterable, Mapping

from prefect.artifacts import create_table_artifact
from prefect.context import FlowRunContext

log = logging.getLogger(__name__)


def tell_problems(problems: Iterable[str]) -> None:
    """What needs the operator, a line each: in the log of the run, on the server too where one is there."""
    for problem in problems:
        log.error("%s", problem)


def summarize(key: str, counts: Mapping[str, int]) -> None:
    """A table of counts on the server, under the flow's key; nothing where no run is under way or nothing was done."""
    if FlowRunContext.get() is not None and any(counts.values()):
        create_table_artifact([{"what": what, "count": count} for what, count in counts.items()], key=key)
