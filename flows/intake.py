"""The `intake` flow: what has arrived in the inbox is taken, each drop once."""

from collections.abc import Sequence
from contextvars import ContextVar

from prefect import flow

from flows import passes
from flows.events import tell_changes
from flows.logs import shielded
from flows.pipeline import open_pipeline
from flows.scheduling import ask_for_launches
from flows.settings import load
from flows.shown import shown, step, unseen
from flows.spreading import crew
from flows.stopping import stopping
from flows.summaries import summarize, tell_problems

take_inbox = step(passes.take_inbox, name="take the inbox", retries=2)
write_pages = step(passes.write_pages, name="write receipts and pages", retries=2)
ask = step(ask_for_launches, name="ask for launches at their start")

#: The drops that a run is about. No parameter, as those are on the run's page, and a drop may be named after a number.
_named: ContextVar[Sequence[tuple[str, str]] | None] = ContextVar("named", default=None)


@flow(name="intake", description="Take what has arrived in the inbox: each drop once, whoever else looks.")
@shielded
def intake(business: str | None = None) -> dict[str, int]:
    """One pass over the inbox, or over one business; gives counts."""
    with open_pipeline(load()) as pipeline, crew(pipeline.settings.task_runner, shown=not unseen()) as workers:
        with passes.in_turn():
            taken = take_inbox(pipeline, workers, business=business, drops=_named.get(), stop=stopping)
            written = write_pages(pipeline, workers, stop=stopping)
        ask(pipeline, taken)
        tell_changes(pipeline, stop=stopping)
    tell_problems([*taken.problems, *written.problems])
    counts = taken.counts()
    summarize("intake", counts)
    return counts


def intake_of(drops: Sequence[tuple[str, str]] | None) -> dict[str, int]:
    """A run over some drops (business, drop), or over the whole inbox; gives counts."""
    before = _named.set(drops)
    try:
        return shown(intake)
    finally:
        _named.reset(before)
