"""The `nightly` flow: one run that does everything, for operators who launch at night."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.intake_flow import intake
from flows.launch_flow import launch
from flows.logs import masks_errors
from flows.notifying.digest import configured_mail_server, send_digest
from flows.notifying.prefect_artifacts import log_problems
from flows.publishing.outbox import rebuild_indexes
from flows.services import Services, open_services
from flows.settings import load_settings


@flow(name="nightly", description="Take the inbox, launch and end what is due, rebuild the index pages, send digests.")
@masks_errors
def nightly() -> dict[str, int]:
    """Run all steps. Returns their counts together. Raises at the end if the intake failed."""
    taken = intake(return_state=True)  # a missing inbox must not keep programs from their start
    counts = launch()
    with open_services(load_settings()) as services:
        rebuild_pages(services)
        send_digests(services)
    return {**taken.result(), **counts}


@task(name="rebuild the index pages", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=10)
@masks_errors
def rebuild_pages(services: Services) -> int:
    """Rebuild all index pages: the last 30 days and the time left, which they show, change every day."""
    rebuilt = rebuild_indexes(services)
    log_problems(rebuilt.problems)
    return rebuilt.written


@task(name="send the digests", cache_policy=NO_CACHE)
@masks_errors
def send_digests(services: Services) -> int:
    """Send digests to all contacts and to the operator. Raises RuntimeError at the end if one could not be reached."""
    settings = services.settings
    result = send_digest(
        services.ledger,
        services.clock(),
        operator=settings.operator_contacts,
        mail_server=configured_mail_server(settings),
        site_url=settings.site_url,
    )
    if result.failed:
        raise RuntimeError("; ".join(result.failed))
    return result.delivered
