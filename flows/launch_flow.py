"""The `launch` flow: everything that is due goes live. One-shot runs ask for it at each start, a sweep every minute."""

from prefect import flow

from flows import pipeline
from flows.cancellation import stopping
from flows.logs import shielded
from flows.notifying.prefect_artifacts import summarize, tell_problems
from flows.notifying.prefect_events import tell_changes
from flows.notifying.prefect_runs import step
from flows.publishing.outbox import refresh
from flows.services import open_services
from flows.settings import load

launch_due = step(pipeline.launch_due, name="launch and end what is due")
write_pages = step(refresh, name="write receipts and pages", retries=2)


@flow(name="launch", description="Launch what is due, end what is over; never before its time.")
@shielded
def launch() -> dict[str, int]:
    """Counts of programs by what was done. Runs may overlap: leases in the ledger keep them apart."""
    with open_services(load()) as services:
        counts = pipeline.launch_counts(launch_due(services, stop=stopping))
        # The pages of ten thousand launches take minutes: the next start goes before the rest of them.
        next_start_came = pipeline.next_start_came(services)
        tell_problems(write_pages(services, stop=lambda: stopping() or next_start_came()).problems)
        tell_changes(services, stop=lambda: stopping() or next_start_came())
    summarize("launch", counts)
    return counts
