"""The `intake` flow: what has arrived in the inbox is taken, each drop once."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows import passes
from flows.scheduling import ask_for_launches
from flows.pages import refresh
from flows.passes import Intake, Tell
from flows.pipeline import Pipeline, open_pipeline
from flows.settings import load
from flows.summaries import summarize

# Only what touches the outside is tried again; a repetition finds what was done and goes on from there.
take_inbox = task(passes.take_inbox, name="take the inbox", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2)
write_pages = task(refresh, name="write receipts and pages", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2)
ask = task(ask_for_launches, name="ask for launches at their start", cache_policy=NO_CACHE)


@flow(name="intake", description="Take what has arrived in the inbox: each drop once, whoever else looks.")
def intake(business: str | None = None) -> dict[str, int]:
    """One pass over the inbox, of one business or of all; gives counts."""
    with open_pipeline(load()) as pipeline:
        return take_in(pipeline, business=business).counts()


def take_in(pipeline: Pipeline, *, business: str | None = None, tell: Tell | None = None) -> Intake:
    """The steps of the flow, in the caller's run."""
    taken = take_inbox(pipeline, business=business, tell=tell)
    write_pages(pipeline)
    ask(pipeline, taken)
    summarize("intake", taken.counts())
    return taken
