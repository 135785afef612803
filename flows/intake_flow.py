"""The `intake` flow: take what has arrived in the inbox, each drop once."""

from collections.abc import Collection

from prefect import flow

from flows import pipeline
from flows.cancellation import stop_requested
from flows.logs import masks_errors
from flows.notifying.launch_hints import request_launch_runs
from flows.notifying.prefect_artifacts import log_problems, publish_counts
from flows.notifying.prefect_events import send_new_events
from flows.notifying.prefect_runs import as_prefect_task, is_server_away
from flows.scaling.opening import open_workers
from flows.services import open_services
from flows.settings import load_settings

take_inbox = as_prefect_task(pipeline.take_inbox, name="take the inbox", retries=2)
write_pages = as_prefect_task(pipeline.write_pages, name="write receipts and pages", retries=2)
request_launches = as_prefect_task(request_launch_runs, name="ask for launches at their start")


@flow(name="intake", description="Take what has arrived in the inbox, each drop once, even if several runs overlap.")
@masks_errors
def intake(business: str | None = None) -> dict[str, int]:
    """Make one pass over the inbox, or over one business's drops. Returns counts."""
    return run_intake(business=business)


def run_intake(*, business: str | None = None, drops: Collection[tuple[str, str]] | None = None) -> dict[str, int]:
    """Make one pass over the inbox, one business's drops, or some (business, drop). Returns counts.

    `drops` is not a parameter of the flow: Prefect shows parameters, and a drop may be named after a phone number.
    """
    with (
        open_services(load_settings()) as services,
        open_workers(services.settings.task_runner, record_tasks=not is_server_away()) as workers,
    ):
        with pipeline.one_intake_at_a_time():
            taken = take_inbox(services, workers, business=business, drops=drops, stop=stop_requested)
            written = write_pages(services, workers, stop=stop_requested)
        request_launches(taken.upcoming_starts(after=services.clock()))
        send_new_events(services, stop=stop_requested)
    log_problems([*taken.problems, *written.problems])
    counts = taken.counts()
    publish_counts("intake", counts)
    return counts
