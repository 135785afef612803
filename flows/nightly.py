"""The `nightly` flow: the whole round, for operators who launch by night."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.digest import send_digests
from flows.intake import intake
from flows.launch import launch
from flows.pages import rebuild
from flows.pipeline import open_pipeline
from flows.settings import load

rebuild_pages = task(rebuild, name="rebuild the index pages", cache_policy=NO_CACHE)
send = task(send_digests, name="send the digests", cache_policy=NO_CACHE)


@flow(name="nightly", description="Take the inbox, launch and end what is due, rebuild the indexes, send the digests.")
def nightly() -> dict[str, int]:
    """Counts of all steps together."""
    counts = intake() | launch()
    with open_pipeline(load()) as pipeline:
        rebuild_pages(pipeline)
        send(pipeline)
    return counts
