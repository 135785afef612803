"""The `launch` flow: launch everything that is due.

Each acceptance schedules one run at the program's start. A sweep every minute catches what those runs missed.
"""

from prefect import flow

from flows import pipeline
from flows.cancellation import stop_requested
from flows.logs import masks_errors
from flows.notifying.prefect_artifacts import log_problems, publish_counts
from flows.notifying.prefect_events import send_new_events
from flows.notifying.prefect_runs import as_prefect_task
from flows.services import open_services
from flows.settings import load_settings

launch_due = as_prefect_task(pipeline.launch_due, name="launch and end what is due")
write_pages = as_prefect_task(pipeline.write_pages, name="write receipts and pages", retries=2)


@flow(name="launch", description="Launch programs that are due, never before their start, and end those that are over.")
@masks_errors
def launch() -> dict[str, int]:
    """Launch and end what is due. Returns counts of programs."""
    return run_launch()


def run_launch() -> dict[str, int]:
    """Launch and end what is due. Returns counts of programs. Runs may overlap: leases in the ledger separate them."""
    with open_services(load_settings()) as services:
        counts = launch_due(services, stop=stop_requested).counts()
        # The pages of ten thousand launches take minutes. The next start takes priority over the rest of them.
        next_start_came = pipeline.watch_next_start(services)
        log_problems(write_pages(services, stop=lambda: stop_requested() or next_start_came()).problems)
        send_new_events(services, stop=lambda: stop_requested() or next_start_came())
    publish_counts("launch", counts)
    return counts
