"""What a run leaves on the Prefect server: counts, never a number, a name or a row."""

from collections.abc import Mapping

from prefect.artifacts import create_table_artifact
from prefect.context import FlowRunContext


def summarize(key: str, counts: Mapping[str, int]) -> None:
    """A table of counts on the server, under the flow's key; nothing where no run is under way or nothing was done."""
    if FlowRunContext.get() is not None and any(counts.values()):
        create_table_artifact([{"what": what, "count": count} for what, count in counts.items()], key=key)
