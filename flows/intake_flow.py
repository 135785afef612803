"""The `intake` flow: what has arrived in the inbox is taken, each drop once."""

from prefect import flow

from flows import pipeline
from flows.cancellation import stopping
from flows.logs import shielded
from flows.notifying.launch_hints import ask_for_launches
from flows.notifying.prefect_artifacts import summarize, tell_problems
from flows.notifying.prefect_events import tell_changes
from flows.notifying.prefect_runs import step, unseen
from flows.scaling.opening import open_workers
from flows.services import open_services
from flows.settings import load

take_inbox = step(pipeline.take_inbox, name="take the inbox", retries=2)
write_pages = step(pipeline.write_pages, name="write receipts and pages", retries=2)
ask = step(ask_for_launches, name="ask for launches at their start")


@flow(name="intake", description="Take what has arrived in the inbox: each drop once, whoever else looks.")
@shielded
def intake(business: str | None = None) -> dict[str, int]:
    """One pass over the inbox, or over one business; gives counts."""
    with open_services(load()) as services, open_workers(services.settings.task_runner, shown=not unseen()) as workers:
        with pipeline.in_turn():
            taken = take_inbox(services, workers, business=business, drops=pipeline.named(), stop=stopping)
            written = write_pages(services, workers, stop=stopping)
        ask(taken.starts(after=services.clock()))
        tell_changes(services, stop=stopping)
    tell_problems([*taken.problems, *written.problems])
    counts = taken.counts()
    summarize("intake", counts)
    return counts
